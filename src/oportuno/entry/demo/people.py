"""The people a visitor can be: the cast of the house, and some of the data's real customers under made-up addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from oportuno.entry.demo.history import History, Product, spread
from oportuno.entry.demo.setting import LOCALES, ZONE, Person
from oportuno.events.bring.rows import CONTEXT, Made
from oportuno.events.event import Call
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis, to_text

CAST: Final = (
    Person(key="ana", name="Ana", email="ana@example.com", may_write=True, may_remember=True),
    Person(key="bruno", name="Bruno", email="bruno@example.com", may_write=True, may_remember=False),
    Person(key="carla", name="Carla", email="carla@example.com", may_write=False, may_remember=False),
)
DORA: Final = Person(key="", name="Dora")
SHOWN: Final = 6
"""How many households the picker offers."""
_ANSWERS: Final = ((True, True), (True, False), (False, False), (False, None))
"""May write, may remember (None: never answered). Simulated."""
_SHARES: Final = (46, 68, 88, 100)
"""Up to which percent of the households each of these answers goes."""
_LOOKERS: Final = 8
"""Of each product of the shop's so many households are given visits to the website."""
SIMULATED: Final = {
    "source": "demo_simulated",
    "notice": "demo-1",
    "language": "es",
    "actor": "demonstration",
    "proof": {"note": "simulated for the demonstration; no real person gave this answer"},
}


def user_of(household: int, kind: str = "hogar") -> str:
    """Name a customer of the data as a user id; `kind`: what the data's customers are (`DataSet.kind`)."""
    return f"{kind}-{household}"


def name_of(household: int, kind: str = "hogar") -> str:
    """Name a customer of the data for people."""
    return f"{kind.capitalize()} {household}"


def answers_of(household: int) -> tuple[bool, bool | None]:
    """Say what a household answered: may the shop write, may it remember. Simulated, and always the same."""
    drawn = spread(user_of(household), 100)
    return _ANSWERS[next(place for place, share in enumerate(_SHARES) if drawn < share)]


def people_of(ranked: list[tuple[int, int]], kind: str = "hogar") -> tuple[Person, ...]:
    """Give the cast, Dora, and a few households from the busiest to the quietest, one for each kind of answer in turn.

    `ranked`: customers of the data with their number of orders, the busiest first; `kind`: what they are (`DataSet.kind`).
    """
    step = max(1, len(ranked) // SHOWN)
    picked: dict[int, Person] = {}
    for place in range(min(SHOWN, len(ranked))):
        wanted = _ANSWERS[place % len(_ANSWERS)]
        around = ranked[place * step : (place + 1) * step]
        household, orders = next((pair for pair in around if answers_of(pair[0]) == wanted), around[0])
        may_write, may_remember = answers_of(household)
        picked[household] = Person(
            key=user_of(household, kind),
            name=name_of(household, kind),
            email=f"{user_of(household, kind)}@example.com",
            may_write=may_write,
            may_remember=may_remember,
            orders=orders,
        )
    return (*CAST, DORA, *picked.values())


def everybody(history: History) -> Iterator[Made]:
    """Write everybody we know by name as an import takes them, each with the simulated answers and what they said of themselves."""
    starts, said = history.starts, history.data.traits()
    row = 0
    for person in CAST:
        row += 1
        yield _made(person.key, person.name, person.email, starts, row, answers=(person.may_write, person.may_remember), more={})
    for household, _ in history.customers():
        row += 1
        user = user_of(household, history.data.kind)
        answers = answers_of(household)
        yield _made(
            user, name_of(household, history.data.kind), f"{user}@example.com", starts, row, answers=answers, more=said.get(household, {})
        )


def _made(user: str, name: str, email: str, at: Millis, row: int, *, answers: tuple[bool, bool | None], more: dict[str, str]) -> Made:
    may_write, may_remember = answers
    traits = {"email": email, "name": name, "locale": LOCALES["es"], "timezone": ZONE, "country": "ES", **more}
    call = {"type": "identify", "userId": user, "timestamp": to_text(at), "context": CONTEXT, "traits": traits}
    given: dict[str, bool] = {}
    if may_remember is not None:
        given = {"consent.personalisation": may_remember, "consent.measurement": may_remember, "consent.email": may_write}
    proof = {
        "consent.method": "simulated",
        "consent.source": SIMULATED["source"],
        "consent.at": at,
        "consent.notice": SIMULATED["notice"],
        "consent.language": SIMULATED["language"],
        "consent.actor": SIMULATED["actor"],
        "consent.evidence": "simulated for the demonstration; no real person gave this answer",
    }
    body = msgspec.json.encode(call)
    return Made(Call.IDENTIFY, "", user, "", at, f"demo-identify-{user}", body, row, row, given, proof if given else {})


def visits(history: History, products: Iterable[Product], ends: Millis) -> Iterator[Made]:
    """Write simulated visits to the website: some households that said yes looked twice, these days, at something of the shop's.

    Real purchases say who would care for a product; that they looked is invented, and each event says so.
    """
    row = 0
    allowed = [household for household, _ in history.customers() if answers_of(household)[1]]
    for product in products:
        order = sorted(allowed, key=lambda household: spread(f"{product.id} {household}", 1_000_003))
        for household in order[:_LOOKERS]:
            for look in (1, 2):
                row += 1
                at = ends - look * DAY - spread(f"{look} {product.id} {household}", 12) * HOUR - spread(f"{household}", 59) * MINUTE
                yield _visit(user_of(household, history.data.kind), product, at, row)


def _visit(user: str, product: Product, at: Millis, row: int) -> Made:
    properties = {"product_id": product.id, "name": product.names["es"], "price": product.price / 100, "category": product.aisle}
    call: dict[str, Any] = {
        "type": "track",
        "event": "Product Viewed",
        "userId": user,
        "timestamp": to_text(at),
        "context": CONTEXT,
        "properties": {**properties, "simulated": True},
    }
    return Made(Call.TRACK, "Product Viewed", user, "", at, f"demo-visit-{row}", msgspec.json.encode(call), row, row)
