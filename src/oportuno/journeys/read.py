"""Reading and writing a journey as YAML. Every fault names its line; what is read is safe to walk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, TypeVar, cast

from oportuno.channels.channel import Channel
from oportuno.journeys.journey import Branch, End, Journey, Send, Step, Wait, WaitFor
from oportuno.journeys.read_rule import read_rule, write_rule
from oportuno.kit.faults import BadInput
from oportuno.kit.times import DAY, SECOND, Millis
from oportuno.kit.yaml_lines import Part, Table, nearest, read_yaml, write_duration, write_yaml
from oportuno.moments.evidence import KINDS
from oportuno.profile.purposes import Purpose

_LONGEST: Final[Millis] = 400 * DAY
_LONGEST_TO_SAY: Final[Millis] = 30 * DAY
"""How long something to say may wait at most. The outbox is looked through for 40 days back: what waited longer would never be found."""
_LONGEST_SPREAD: Final[Millis] = DAY
_MOST_STEPS: Final = 200
_WORDS: Final = (
    "journey",
    "version",
    "names",
    "trigger",
    "filter",
    "steps",
    "goal",
    "exit",
    "reentry",
    "spread",
    "active",
    "on_publish",
    "moves",
)
_STEP_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "wait": (),
    "wait_for": ("timeout", "restart_on", "then"),
    "branch": ("then", "otherwise"),
    "send": ("channel", "purpose", "topic", "expires", "because", "cost", "worth"),
    "end": (),
}
"""The word that makes a step, and the further words it may have."""
_SENDING: Final = (Purpose.SERVICE.value, Purpose.MARKETING.value)
_GREATEST_WORTH: Final = 1e9
_KEY: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")

T = TypeVar("T")


def read_journey(text: str) -> Journey:
    """Read one journey. Raises BadInput, with the line, on anything that is not one or could not be walked."""
    table = read_yaml(text).table(_WORDS, needed=("journey", "trigger", "steps"))
    steps = _steps(table.need("steps"))
    journey = Journey(
        key=_key(table.need("journey")),
        version=_or(table, "version", lambda part: part.whole(1, 2**31 - 1), 1),
        names=_or(table, "names", _names, {}),
        trigger=_some(table.need("trigger")),
        filter=_or(table, "filter", read_rule, None),
        steps=steps,
        exits=_or(table, "exit", Part.texts, ()),
        goal=_or(table, "goal", Part.texts, ()),
        reentry=_or(table, "reentry", _reentry, None),
        spread=_or(table, "spread", lambda part: part.duration(SECOND, _LONGEST_SPREAD), 0),
        active=_or(table, "active", Part.flag, default=True),
        on_publish=_or(table, "on_publish", _on_publish, "finish_old"),
        moves=_or(table, "moves", _moves, {}),
    )
    _check(journey, table)
    return journey


def write_journey(journey: Journey) -> str:
    """Write a journey so that `read_journey` gives the same one back."""
    out: dict[str, Any] = {"journey": journey.key, "version": journey.version}
    if journey.names:
        out["names"] = dict(journey.names)
    out["trigger"] = list(journey.trigger)
    if journey.filter is not None:
        out["filter"] = write_rule(journey.filter)
    out["steps"] = [_written(step) for step in journey.steps]
    if journey.goal:
        out["goal"] = list(journey.goal)
    if journey.exits:
        out["exit"] = list(journey.exits)
    out["reentry"] = "never" if journey.reentry is None else "always" if journey.reentry == 0 else write_duration(journey.reentry)
    if journey.spread:
        out["spread"] = write_duration(journey.spread)
    out["active"] = journey.active
    out["on_publish"] = journey.on_publish
    if journey.moves:
        out["moves"] = dict(journey.moves)
    return write_yaml(out)


# ── The parts of a journey ──────────────────────────────────────────────────────────────────────────────────────────


def _or(table: Table, word: str, read: Callable[[Part], T], default: T) -> T:
    part = table.get(word)
    return default if part is None else read(part)


def _key(part: Part) -> str:
    key = part.text(longest=60)
    if not _KEY.fullmatch(key):
        raise part.fault("key_unfit", f"“{key}” is not a key: small letters, digits and hyphens, a letter first")
    return key


def _some(part: Part) -> tuple[str, ...]:
    names = part.texts()
    if not names:
        raise part.fault("list_expected", "at least one event is needed here")
    return names


def _names(part: Part) -> dict[str, str]:
    return {language: name.text() for language, name in part.pairs()}


def _moves(part: Part) -> dict[str, str]:
    return {old: new.text() for old, new in part.pairs()}


def _reentry(part: Part) -> Millis | None:
    match part.text():
        case "never":
            return None
        case "always":
            return 0
        case _:
            return part.duration(SECOND, 10 * _LONGEST)


def _on_publish(part: Part) -> Literal["finish_old", "move"]:
    return cast('Literal["finish_old", "move"]', part.choice(("finish_old", "move")))


def _steps(part: Part) -> tuple[Step, ...]:
    parts = part.parts()
    if not 1 <= len(parts) <= _MOST_STEPS:
        raise part.fault("steps_unfit", f"a journey has from 1 to {_MOST_STEPS} steps")
    steps: dict[str, Step] = {}
    for one in parts:
        step = _step(one)
        if step.id in steps:
            raise one.fault("named_twice", f"two steps are called “{step.id}”")
        steps[step.id] = step
    return tuple(steps.values())


def _step(part: Part) -> Step:
    every_word = {word for kind, words in _STEP_WORDS.items() for word in (kind, *words)}
    table = part.table(("id", *sorted(every_word)), needed=("id",))
    kinds = [kind for kind in _STEP_WORDS if kind in table]
    if len(kinds) != 1:
        raise part.fault("step_unfit", f"a step has exactly one of {', '.join(_STEP_WORDS)}")
    kind = kinds[0]
    for word in every_word.difference((kind, *_STEP_WORDS[kind])):
        if word in table:
            raise table.need(word).fault("step_unfit", f"“{word}” does not go with “{kind}”")
    return _BUILDERS[kind](_key(table.need("id")), table)


def _wait(name: str, table: Table) -> Wait:
    return Wait(id=name, length=table.need("wait").duration(SECOND, _LONGEST))


def _wait_for(name: str, table: Table) -> WaitFor:
    events = _some(table.need("wait_for"))
    restart_on: tuple[str, ...] = _or(table, "restart_on", Part.texts, ())
    both = set(events).intersection(restart_on)
    if both:
        raise table.need("restart_on").fault("step_unfit", f"“{min(both)}” cannot both end the wait and start it anew")
    return WaitFor(
        id=name,
        events=events,
        timeout=table.need("timeout").duration(SECOND, _LONGEST),
        restart_on=restart_on,
        then=_or(table, "then", Part.text, ""),
    )


def _branch(name: str, table: Table) -> Branch:
    return Branch(
        id=name,
        rule=read_rule(table.need("branch")),
        then=table.need("then").text(),
        otherwise=_or(table, "otherwise", Part.text, ""),
    )


def _send(name: str, table: Table) -> Send:
    return Send(
        id=name,
        message=_key(table.need("send")),
        channel=table.need("channel").choice(channel.value for channel in Channel),
        purpose=Purpose(_or(table, "purpose", lambda part: part.choice(_SENDING), Purpose.MARKETING.value)),
        topic=_or(table, "topic", Part.text, ""),
        expires=table.need("expires").duration(SECOND, _LONGEST_TO_SAY),
        because=table.need("because").choice(KINDS),
        cost=_or(table, "cost", lambda part: part.whole(1, 100), 1),
        worth=_or(table, "worth", lambda part: part.number(0, _GREATEST_WORTH), 0.0),
    )


def _end(name: str, table: Table) -> End:
    if not table.need("end").flag():
        raise table.need("end").fault("step_unfit", "“end” is always true")
    return End(id=name)


_BUILDERS: Final[dict[str, Callable[[str, Table], Step]]] = {
    "wait": _wait,
    "wait_for": _wait_for,
    "branch": _branch,
    "send": _send,
    "end": _end,
}


# ── What holds between the parts ────────────────────────────────────────────────────────────────────────────────────


def _check(journey: Journey, table: Table) -> None:
    places = dict(zip((step.id for step in journey.steps), table.need("steps").parts(), strict=True))
    for step in journey.steps:
        for word in ("then", "otherwise"):
            target = getattr(step, word, "")
            if target and target not in places:
                raise _pointing_nowhere(places[step.id], word, target, places)
    moves = table.get("moves")
    for old, new in [] if moves is None else moves.pairs():
        if new.text() not in places:
            raise new.fault("step_unknown", f"“{old}” is moved to “{new.text()[:60]}”, which is no step of this journey")
    looping = _endless(journey)
    if looping:
        raise places[looping].fault("loop_endless", f"from the step “{looping}” one comes back to it without ever waiting")
    for step in journey.steps[1:]:
        if step.id not in _reachable(journey):
            raise places[step.id].fault("step_unreachable", f"no way leads to the step “{step.id}”")
    closing = set(journey.goal).intersection(journey.exits)
    if closing:
        raise table.need("exit").fault("named_twice", f"“{min(closing)}” cannot be both goal and exit")


def _pointing_nowhere(part: Part, word: str, target: str, places: Iterable[str]) -> BadInput:
    near = nearest(target, places)
    hint = f"; did you mean “{near}”?" if near else ""
    place = next((value for key, value in part.pairs() if key == word), part)
    return place.fault("step_unknown", f"there is no step “{target[:60]}”{hint}")


def _ways(journey: Journey) -> dict[str, list[str]]:
    """Give, for each step, the steps that may come next."""
    ids = [step.id for step in journey.steps]
    ways: dict[str, list[str]] = {}
    for step, following in zip(journey.steps, [*ids[1:], ""], strict=True):
        match step:
            case Branch(then=then, otherwise=otherwise):
                targets = [then, otherwise or following]
            case WaitFor(then=then):
                targets = [then, following]
            case End():
                targets = []
            case _:
                targets = [following]
        ways[step.id] = [target for target in targets if target]
    return ways


def _reachable(journey: Journey) -> set[str]:
    ways = _ways(journey)
    found = [journey.steps[0].id]
    for step in found:
        found += [target for target in ways[step] if target not in found]
    return set(found)


def _endless(journey: Journey) -> str:
    """Find a step that leads back to itself with no wait in between; empty when there is none."""
    waiting = {step.id for step in journey.steps if isinstance(step, Wait | WaitFor)}
    ways = _ways(journey)
    for start in ways:
        if start in waiting:
            continue
        found = [target for target in ways[start] if target not in waiting]
        for step in found:
            if step == start:
                return start
            found += [target for target in ways[step] if target not in waiting and target not in found]
    return ""


def _written(step: Step) -> dict[str, Any]:
    match step:
        case Wait():
            return {"id": step.id, "wait": write_duration(step.length)}
        case WaitFor():
            out: dict[str, Any] = {"id": step.id, "wait_for": list(step.events), "timeout": write_duration(step.timeout)}
            return _with(out, restart_on=list(step.restart_on), then=step.then)
        case Branch():
            return _with({"id": step.id, "branch": write_rule(step.rule), "then": step.then}, otherwise=step.otherwise)
        case Send():
            out = {"id": step.id, "send": step.message, "channel": step.channel, "purpose": step.purpose.value}
            out |= {"because": step.because, "expires": write_duration(step.expires), "cost": step.cost, "worth": step.worth}
            return _with(out, topic=step.topic)
        case End():
            return {"id": step.id, "end": True}


def _with(out: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return out | {word: value for word, value in optional.items() if value}
