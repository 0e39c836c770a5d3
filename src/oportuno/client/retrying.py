"""What an answer means for a batch: taken, again later, in halves, or never. A decision that the sender carries out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeAlias

import msgspec

from oportuno.client.faults import Refused, Rejected

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 60.0
LONGEST_WAIT: Final = 300.0
"""Seconds that a server's Retry-After is followed at most."""
_OK: Final = 200
_REDIRECT: Final = 300
_TOO_LARGE: Final = 413
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may well be taken. What is sent again carries its message ids, so that it counts once."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Everything is stored."""

    rejected: list[tuple[int | None, Rejected]]
    """Items that were stored as rejects: which of the batch (None: not told), and why."""


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """The same once more, after so many seconds."""

    after: float


class Halve(msgspec.Struct, frozen=True, kw_only=True):
    """Too large for one request."""


class Never(msgspec.Struct, frozen=True, kw_only=True):
    """The server will not take it."""

    why: Refused


Judged: TypeAlias = Taken | Again | Halve | Never


class _Reject(msgspec.Struct):
    place: str = ""
    code: str = ""
    detail: str = ""


class _Receipt(msgspec.Struct):
    rejected: int = 0
    rejects: list[_Reject] = []


class _Problem(msgspec.Struct):
    code: str = ""
    detail: str = ""
    place: str = ""


def judge(status: int, headers: Mapping[str, str], body: bytes, *, attempt: int, chance: float, now: datetime) -> Judged:
    """Say what an answer means. `attempt` counts from 0, `chance` lies between 0 and 1, header names are in small letters."""
    if _OK <= status < _REDIRECT:
        return Taken(rejected=_rejected(body))
    if status == _TOO_LARGE:
        return Halve()
    if status in _PASSING:
        wait = _wait_asked_for(headers.get("retry-after", ""), now)
        return Again(after=pause(attempt, chance) if wait is None else wait * (1 + chance / 10))
    return Never(why=refusal(status, body))


def pause(attempt: int, chance: float) -> float:
    """Give the seconds to wait after a fault: twice as many each time, and never the same for two clients."""
    return min(FIRST_PAUSE * 2.0 ** min(attempt, 20), LONGEST_PAUSE) * (0.5 + chance / 2)


def refusal(status: int, body: bytes) -> Refused:
    """Read why the server says no."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        problem = _Problem()
    code = problem.code or ("host_moved" if _REDIRECT <= status < 400 else "answer_unknown")  # noqa: PLR2004 - the end of the redirects
    return Refused(code, problem.detail or f"the server answered {status}", status=status, place=problem.place)


def _wait_asked_for(header: str, now: datetime) -> float | None:
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        return None
    return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT)


def _rejected(body: bytes) -> list[tuple[int | None, Rejected]]:
    try:
        receipt = msgspec.json.decode(body, type=_Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    told = [(_number_in(each.place), Rejected(each.code, each.detail, place=each.place)) for each in receipt.rejects]
    missing = receipt.rejected - len(told)
    if missing > 0:
        told.append((None, Rejected("more_rejected", f"{missing} more items were stored as rejects")))
    return told


def _number_in(place: str) -> int | None:
    """Give 3 for ``batch[3].timestamp``."""
    head, found, rest = place.partition("batch[")
    digits = rest.partition("]")[0]
    return int(digits) if found and not head and digits.isascii() and digits.isdigit() else None
