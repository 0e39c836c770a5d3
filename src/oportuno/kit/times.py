"""Time as the core knows it: integer milliseconds since 1970 in UTC.

Nothing here reads a clock. `now` always comes in as an argument; datetimes with a zone exist only at the doors.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from oportuno.kit.faults import BadInput

Millis: TypeAlias = int
"""Milliseconds since 1970-01-01T00:00Z, or a length of time in milliseconds."""

SECOND: Final[Millis] = 1_000
MINUTE: Final[Millis] = 60 * SECOND
HOUR: Final[Millis] = 60 * MINUTE
DAY: Final[Millis] = 24 * HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION: Final = re.compile(r"(\d{1,9})(ms|s|m|h|d|w)")
# The years a shop can mean. Outside them arithmetic with zones overflows, and the value is surely a mistake.
_EARLIEST: Final[Millis] = -2_208_988_800_000  # 1900-01-01
_LATEST: Final[Millis] = 4_102_444_800_000  # 2100-01-01


def parse_moment(text: str) -> Millis | None:
    """Read an ISO 8601 moment; None when it is not one, or lies outside 1900–2100.

    A moment without a zone is taken as UTC, as the Segment libraries mean it.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        since = moment - _EPOCH
    except OverflowError:
        return None
    millis, rest = divmod(since.microseconds, 1_000)
    # Half to the even one, as `round` does; a division of lengths of time costs as much as all the rest here.
    millis += since.days * DAY + since.seconds * SECOND + (rest > 500 or (rest == 500 and millis & 1))  # noqa: PLR2004 - half of 1,000
    return millis if _EARLIEST <= millis < _LATEST else None


def to_datetime(at: Millis) -> datetime:
    """Give the zoned datetime (UTC) of a moment."""
    return _EPOCH + timedelta(milliseconds=at)


def to_text(at: Millis) -> str:
    """Write a moment as RFC 3339 in UTC with milliseconds, for example ``2026-11-21T10:00:00.000Z``."""
    return to_datetime(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day_of(at: Millis) -> int:
    """Number the UTC day of a moment: days since 1970-01-01. Partitions of the log are named by it."""
    return at // DAY


def parse_duration(text: str) -> Millis:
    """Read a length of time such as ``30m``, ``1h30m`` or ``7d``.

    Raises BadInput when the text is not one.
    """
    compact = text.replace(" ", "")
    parts = _DURATION.findall(compact)
    if not parts or "".join(n + u for n, u in parts) != compact:
        raise BadInput("duration_malformed", f"“{text}” is not a length of time such as 30m, 1h30m or 7d")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)
