"""What an HTTP hand-off's ending means: one table from (stage, status or error) to one of the four outcomes.

Nothing is refused for now by default: a status that the table does not name is unknown when it is a server's failure, and refused for good
when it is the request's.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import IntEnum
from typing import Final, Literal, TypeAlias

from oportuno.channels.channel import Answer, Outcome
from oportuno.kit.times import DAY, SECOND, Millis

About: TypeAlias = Literal["message", "destination", "provider"]


class Stage(IntEnum):
    """How far a hand-off has come."""

    CONNECT = 0
    """Name, address, connection, TLS: not one byte of the request has left."""
    SENDING = 1
    """Some of the request may have left."""
    SENT = 2
    """All of it has left."""


_NOW: Final = Outcome.REFUSED_FOR_NOW
_GOOD: Final = Outcome.REFUSED_FOR_GOOD
_UNKNOWN: Final = Outcome.UNKNOWN

STATUSES: Final[dict[int, tuple[Outcome, About]]] = {
    425: (_NOW, "destination"),
    429: (_NOW, "destination"),
    410: (_GOOD, "message"),
    500: (_UNKNOWN, "message"),
    502: (_UNKNOWN, "message"),
    504: (_UNKNOWN, "message"),
}
"""Statuses with a meaning of their own. 408 depends on the stage and 503 on Retry-After: see `of_status`."""
CLASSES: Final[dict[int, tuple[Outcome, About]]] = {
    1: (_UNKNOWN, "message"),
    2: (Outcome.ACCEPTED, "message"),
    3: (_GOOD, "message"),  # redirects are not followed: they lead past the look at the address
    4: (_GOOD, "message"),
    5: (_UNKNOWN, "message"),
}
"""Every other status, by its first digit."""
BREAKS: Final[dict[tuple[Stage, str], tuple[Outcome, About]]] = {
    **{(Stage.CONNECT, kind): (_NOW, "destination") for kind in ("refused", "timeout", "tls", "unresolved", "reset")},
    **{(stage, kind): (_UNKNOWN, "message") for stage in (Stage.SENDING, Stage.SENT) for kind in ("timeout", "reset", "malformed")},
}
"""(stage, kind of break) → meaning."""

_LONGEST_WAIT: Final[Millis] = DAY


def of_status(status: int, *, stage: Stage, retry_after: str, now: datetime) -> Answer:
    """Say what a response means. `stage` is how far the request had come when it arrived."""
    asked = read_retry_after(retry_after, now)
    if status == 408:  # noqa: PLR2004 - a status is its own name
        outcome, about = (_UNKNOWN, "message") if stage is Stage.SENT else (_NOW, "destination")
    elif status == 503:  # noqa: PLR2004 - the same
        outcome, about = (_UNKNOWN, "message") if asked is None else (_NOW, "destination")
    else:
        outcome, about = STATUSES.get(status) or CLASSES.get(status // 100, (_UNKNOWN, "message"))
    waits = asked if outcome is _NOW else None
    return Answer(outcome=outcome, detail=f"http {status}", retry_after=waits, about=_about(about))


def of_break(stage: Stage, kind: str) -> Answer:
    """Say what an ending without a response means."""
    outcome, about = BREAKS.get((stage, kind), (_UNKNOWN, "message"))
    return Answer(outcome=outcome, detail=f"http {kind} at {stage.name.lower()}", about=_about(about))


def read_retry_after(text: str, now: datetime) -> Millis | None:
    """Read seconds or an HTTP date; None when it is neither. At most a day."""
    compact = text.strip()
    if compact.isascii() and compact.isdigit():
        return min(int(compact[:9]) * SECOND, _LONGEST_WAIT)
    try:
        length = parsedate_to_datetime(compact) - now
    except (ValueError, TypeError):
        return None
    return min(max(0, round(length.total_seconds() * SECOND)), _LONGEST_WAIT)


def _about(text: str) -> About:
    return "destination" if text == "destination" else "message"
