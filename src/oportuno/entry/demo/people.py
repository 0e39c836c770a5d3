"""The people a visitor can be: the cast of the house, and some of the data's real households under made-up addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from oportuno.entry.demo.history import History
from oportuno.entry.demo.setting import LOCALES, ZONE, Person
from oportuno.kit.times import Millis, to_text

CAST: Final = (
    Person(key="ana", name="Ana", email="ana@example.com", may_write=True, may_remember=True),
    Person(key="bruno", name="Bruno", email="bruno@example.com", may_write=True, may_remember=False),
    Person(key="carla", name="Carla", email="carla@example.com", may_write=False, may_remember=False),
)
DORA: Final = Person(key="", name="Dora")
_SHOWN: Final = 6
"""How many households the picker offers."""
_ANSWERS: Final = ((True, True), (True, False), (False, False), (False, None))
"""What the offered households said, in turn: may write, may remember. Simulated."""


def user_of(household: int) -> str:
    """Name a household of the data as a user id."""
    return f"hogar-{household}"


def name_of(household: int, language: str = "es") -> str:
    """Name a household for people."""
    return f"Hogar {household}" if language == "es" else f"Household {household}"


def people_of(history: History) -> tuple[Person, ...]:
    """Give the cast, Dora, and a few households from the busiest to the quietest."""
    counts = Counter(order.household for order in history.orders)
    ranked = [household for household, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
    step = max(1, len(ranked) // _SHOWN)
    households = ranked[::step][:_SHOWN]
    picked = [
        Person(
            key=user_of(household),
            name=name_of(household),
            email=f"{user_of(household)}@example.com",
            may_write=_ANSWERS[place % len(_ANSWERS)][0],
            may_remember=_ANSWERS[place % len(_ANSWERS)][1],
            orders=counts[household],
        )
        for place, household in enumerate(households)
    ]
    return (*CAST, DORA, *picked)


def identify_calls(history: History, starts: Millis) -> Iterator[dict[str, Any]]:
    """Write everybody we know by name as Segment calls of an import."""
    for person in CAST:
        yield _identify(person.key, person.name, person.email, starts)
    for household in history.households():
        user = user_of(household)
        yield _identify(user, name_of(household), f"{user}@example.com", starts)


def _identify(user: str, name: str, email: str, at: Millis) -> dict[str, Any]:
    return {
        "type": "identify",
        "messageId": f"demo-identify-{user}",
        "userId": user,
        "timestamp": to_text(at),
        "context": {"oportuno": {"source": "import"}},
        "traits": {"email": email, "name": name, "locale": LOCALES["es"], "timezone": ZONE, "country": "ES"},
    }


def with_consents(people: Iterable[Person]) -> Iterator[tuple[Person, list[dict[str, Any]]]]:
    """Give each known person with the simulated answers to record, as the API takes them."""
    for person in people:
        answers = []
        if person.key and person.may_remember is not None:
            answers.append(("personalisation", "*", person.may_remember))
            answers.append(("measurement", "*", person.may_remember))
            answers.append(("marketing", "email", person.may_write))
        if answers:
            yield (
                person,
                [
                    {"purpose": purpose, "channel": channel, "state": "granted" if yes else "denied", **SIMULATED}
                    for purpose, channel, yes in answers
                ],
            )


SIMULATED: Final = {
    "source": "demo_simulated",
    "notice": "demo-1",
    "language": "es",
    "actor": "demonstration",
    "proof": {"note": "simulated for the demonstration; no real person gave this answer"},
}
