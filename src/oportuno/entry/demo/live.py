"""The live page: what was decided, when, about whom, and why: spoke above the line, waiting on it, silent below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup, escape

from oportuno.consent.refusals import sentence
from oportuno.content.because import because_line
from oportuno.decision.verdict import Decided, Verdict
from oportuno.entry.demo.falls import fall_facts
from oportuno.entry.demo.mail import letters_for
from oportuno.entry.demo.pages import clock, day, number, render, say, weekday
from oportuno.entry.demo.setting import ZONE
from oportuno.entry.demo.stage import SECURITY, Stage, Visitor, name_in_data, page, visitor_of
from oportuno.flows.work import Decision
from oportuno.journeys.walks import Walks
from oportuno.kit.ids import CustomerKey, key_of
from oportuno.kit.times import HOUR, MINUTE, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core

_READ: Final = 500
_ROWS: Final = 60
_MINUTES: Final = 60
_WIDTH: Final = 10.2
"""Of a minute in the chart, whose coordinates are 612 by 190 with the line at 95."""
_TALLEST: Final = 82.0
_KINDS: Final = {Decided.SPEAK: "speak", Decided.WAIT: "wait", Decided.SILENCE: "silence"}


_WAITS: Final = {"after-purchase": "you_helped"}
"""Journey → the words about something of the visitor's that waits, where it is not a basket."""


_HOUSE: Final = {"double-opt-in": "house_confirm"}
"""What the house itself asks → the words for it."""


class Names(msgspec.Struct):
    """Who a customer is, looked up once."""

    known: dict[CustomerKey, tuple[str, str]] = {}
    """key → (user id, name); both empty for somebody unknown, who may be named any moment and is looked up again by the next call."""


def live_routes(stage: Stage) -> APIRouter:
    """Give the live page's routes, without the prefix."""
    router = APIRouter()
    names = Names()

    @router.get("/{language}/live")
    async def live(request: Request, language: str) -> Response:
        visitor = visitor_of(request, language, stage.setting)
        return page(stage, visitor, "live", "live", {**await live_facts(stage, visitor, names), "write_key": stage.setting.write_key})

    @router.get("/{language}/live/now")
    async def now(request: Request, language: str, seen: str = "", anonymous: str = "") -> Response:
        visitor = visitor_of(request, language, stage.setting)
        facts = await live_facts(stage, visitor, names, anonymous=anonymous[:100])
        if seen == facts["live_version"]:
            return Response(status_code=204, headers=dict(SECURITY))
        return HTMLResponse(render("live_now", language, facts), headers=dict(SECURITY))

    return router


async def live_facts(stage: Stage, visitor: Visitor, names: Names, *, anonymous: str = "") -> dict[str, Any]:
    """Say everything the panel shows, in the page's language. `anonymous` is the browser's own id, for somebody unknown by name."""
    now = await stage.reads.now()
    found = await stage.reads.decisions(stage.setting.workspace, before=None, limit=_READ)
    hour = [decision for decision in found if decision.verdict.at > now - HOUR]
    totals = Counter(decision.verdict.decided for decision in hour)
    mine = await _my_key(stage, visitor, anonymous)
    due, what = await _decided_at(stage, mine, now)
    language, fresh = visitor.language, Names(known=dict(names.known))
    people = await _people(stage, mine, fresh, language)
    waiting = len(_still_waiting(hour) | await _resting(stage, people, now))
    rows = [await _row(stage, language, decision, fresh, mine) for decision in found[:_ROWS]]
    names.known.update((key, who) for key, who in fresh.known.items() if who[0])
    await _link_mails(stage, language, rows)
    falls = await fall_facts(stage, language, mine, decided=list(zip(found, rows, strict=False)), people=people, now=now)
    finding = _finding(language, totals[Decided.SPEAK], totals[Decided.SILENCE], plain=False)
    newest = found[0].verdict.at if found else 0
    read = sum(bool(row["mail"]) for row in rows)
    return {
        "live_version": f"{language}-{now // MINUTE}-{len(found)}-{newest}-{waiting}-{due}-{read}-{visitor.person.key}-{falls['fall_key']}",
        "finding": finding,
        "finding_plain": _finding(language, totals[Decided.SPEAK], totals[Decided.SILENCE], plain=True),
        "spoke": number(totals[Decided.SPEAK], language),
        "silent": number(totals[Decided.SILENCE], language),
        "waiting": number(waiting, language),
        "bars": _bars(hour, now, language),
        "axis": [clock(now - minutes * MINUTE, language) for minutes in (59, 45, 30, 15, 0)],
        "reasons": _reasons(hour, language),
        "decisions": rows,
        "you_waiting": say(language, _WAITS.get(what, "you_waiting"), time=clock(due, language, seconds=True)) if due else "",
        **falls,
    }


def _still_waiting(hour: Sequence[Decision]) -> set[CustomerKey]:
    """Name those to whom something is to be said whose newest verdict is to wait."""
    newest: dict[bytes, Decision] = {}
    for decision in hour:
        newest.setdefault(decision.verdict.proposal.id, decision)
    return {decision.key for decision in newest.values() if decision.verdict.decided is Decided.WAIT}


async def _people(stage: Stage, mine: CustomerKey | None, names: Names, language: str) -> dict[CustomerKey, str]:
    """Name the people on show, and the visitor, whose own row the product has."""
    people: dict[CustomerKey, str] = {}
    for key in [mine, *[await _key_of(stage, "user", person.key) for person in stage.setting.people]]:
        if key is not None and key not in people:
            people[key] = _shown_name(*await _who(stage, key, names), key, language)
    return people


async def _resting(stage: Stage, people: Iterable[CustomerKey], now: Millis) -> set[CustomerKey]:
    """Name those whose basket or order rests until it is decided on."""
    return {key for key in people if (await _decided_at(stage, key, now))[0]}


def _finding(language: str, spoke: int, silent: int, *, plain: bool) -> str:
    if not spoke and not silent:
        return say(language, "live_finding_none")

    def times(count: int, kind: str) -> str:
        text = say(language, "times_one") if count == 1 else say(language, "times_many", n=number(count, language))
        return text if plain else f'<b class="{kind}">{escape(text)}</b>'

    sentence = say(language, "live_finding", spoke=times(spoke, "speak"), silent=times(silent, "silence"))
    return sentence if plain else Markup(sentence)  # noqa: S704 - our own words around escaped numbers


def _bars(hour: Sequence[Decision], now: Millis, language: str) -> list[dict[str, Any]]:
    up: Counter[int] = Counter()
    down: Counter[int] = Counter()
    for decision in hour:
        minute = (now // MINUTE) - decision.verdict.at // MINUTE
        if decision.verdict.decided is Decided.SPEAK:
            up[minute] += 1
        elif decision.verdict.decided is Decided.SILENCE:
            down[minute] += 1
    most = max([4, *up.values(), *down.values()])
    bars = []
    for minute in range(_MINUTES):
        if not up[minute] and not down[minute]:
            continue
        left = (_MINUTES - 1 - minute) * _WIDTH
        height, depth = up[minute] * _TALLEST / most, down[minute] * _TALLEST / most
        title = say(language, "live_minute", time=clock(now - minute * MINUTE, language), spoke=up[minute], silent=down[minute])
        bars.append(
            {
                "x": f"{left + 1.2:.1f}",
                "y": f"{90 - height:.1f}",
                "up": round(height, 1),
                "stem": f"{left + 3.7:.1f}",
                "down": round(depth, 1),
                "now": minute == 0,
                "title": title,
            }
        )
    return bars


def _reasons(hour: Sequence[Decision], language: str) -> list[dict[str, Any]]:
    counted = Counter(
        decision.verdict.reasons[0].refusal for decision in hour if decision.verdict.decided is Decided.SILENCE and decision.verdict.reasons
    )
    if not counted:
        return []
    most = counted.most_common(1)[0][1]
    return [
        {
            "name": sentence(refusal, reader="marketer", language=language).rstrip("."),
            "times": number(times, language),
            "share": round(times * 100 / most),
        }
        for refusal, times in counted.most_common(7)
    ]


async def _my_key(stage: Stage, visitor: Visitor, anonymous: str) -> CustomerKey | None:
    kind, value = ("user", visitor.person.key) if visitor.person.key else ("anonymous", anonymous)
    return await _key_of(stage, kind, value)


async def _key_of(stage: Stage, kind: str, value: str) -> CustomerKey | None:
    customer = await stage.store.find(stage.setting.workspace, kind, value) if value else None
    return key_of(stage.setting.workspace, customer) if customer is not None else None


async def _decided_at(stage: Stage, key: CustomerKey | None, now: Millis) -> tuple[Millis, str]:
    """Give when something of the visitor's own is decided on, and by which journey; 0 when nothing of theirs waits."""
    row = await stage.reads.customer(key) if key is not None else None
    if row is None or not row.state:
        return 0, ""
    draft = Draft(row.key, row.state)
    going = draft.read(Walks).going if draft.has(Walks) else []
    return min(((walk.due, walk.journey) for walk in going if walk.due > now), default=(0, ""))


async def _row(stage: Stage, language: str, decision: Decision, names: Names, mine: CustomerKey | None) -> dict[str, Any]:
    verdict = decision.verdict
    user, name = await _who(stage, decision.key, names)
    kind = _KINDS[verdict.decided]
    return {
        "kind": kind,
        "verdict": say(language, f"live_{kind}"),
        "time": clock(verdict.at, language, seconds=True),
        "customer": _shown_name(user, name, decision.key, language),
        "mine": decision.key == mine,
        "journey": await _journey_name(stage, verdict.proposal.journey, language),
        "refusal": verdict.reasons[0].refusal.value if verdict.reasons else "",
        "reason": _reason(verdict, language),
        "then": _then(verdict, language),
        "id": verdict.proposal.id,
        "mail": "",
    }


def _then(verdict: Verdict, language: str) -> str:
    """Say when it is decided again; with the day when that is another one."""
    again = verdict.retry_at
    if not again:
        return ""
    if day(again, language) == day(verdict.at, language):
        return say(language, "live_then", time=clock(again, language))
    return say(language, "live_then_day", day=weekday(again, language), time=clock(again, language))


def _reason(verdict: Verdict, language: str) -> str:
    if not verdict.reasons:
        text = because_line(verdict.proposal.because, language, now=verdict.at, zone=ZONE).rstrip(".")
        # What is quoted within a quotation has the other marks.
        inner = text.translate({0xAB: "“", 0xBB: "”"} if language == "es" else {0x201C: "‘", 0x201D: "’"})
        return say(language, "live_said", text=inner[:1].upper() + inner[1:])
    return sentence(verdict.reasons[0].refusal, reader="marketer", language=language).rstrip(".")


async def _link_mails(stage: Stage, language: str, rows: list[dict[str, Any]]) -> None:
    spoken = [row for row in rows if row["kind"] == "speak"]
    if not spoken:
        return
    letters = {letter.message: letter for letter in await letters_for(stage, "")}
    for row in spoken:
        letter = letters.get(row["id"])
        if letter is not None:
            row["mail"] = f"/demo/{language}/mail/{letter.id.hex()}?who=all"


async def _who(stage: Stage, key: CustomerKey, names: Names) -> tuple[str, str]:
    if key not in names.known:
        row = await stage.reads.customer(key)
        core = Draft(key, row.state).read(Core) if row is not None and row.state else Core()
        user = next((value for kind, value, _ in core.ids if kind == "user"), "")
        register = core.traits.get("name")
        names.known[key] = user, str(register.value) if user and register is not None else ""
    return names.known[key]


def _shown_name(user: str, name: str, key: CustomerKey, language: str) -> str:
    return name_in_data(user, language) or name or say(language, "visitor", n=f"{key.customer & 0xFFFF:04x}")


async def _journey_name(stage: Stage, key: str, language: str) -> str:
    programme = await stage.programmes.programme(stage.setting.workspace)
    journey = next((journey for journey in programme.journeys if journey.key == key), None)
    if journey is not None:
        return journey.names.get(language, key)
    return say(language, _HOUSE[key]) if key in _HOUSE else key
