"""Cells as people write them: numbers with either sign for the decimals, moments in many orders, yes and no in two languages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from oportuno.kit.faults import BadInput
from oportuno.kit.times import Millis, parse_moment

LONGEST: Final = 1_000
"""Characters of a text; ids have 200."""
LONGEST_ID: Final = 200
_LARGEST: Final = 10**12
_MOST_DIGITS: Final = 30
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_PLAIN: Final = re.compile(r"[+-]?\d+(\.\d+)?")
_SIGNS: Final = re.compile(r"[\s\u00a0\u202f'’€$£]|[A-Z]{3}")
_DATE: Final = re.compile(
    r"(\d{1,4})[/.\-](\d{1,2})[/.\-](\d{1,4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,]\d+)? ?([AaPp]\.?[Mm]\.?)?)?(?: ?(UTC|Z))?"
)
_ZONED: Final = re.compile(r"(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}) ([+-]\d{2}):?(\d{2})")
_LIVE: Final = ("=", "+", "-", "@")
_YES: Final = frozenset("yes y true 1 si s x verdadero subscribed granted opted_in opt_in on".split())
_NO: Final = frozenset("no n false 0 falso unsubscribed denied withdrawn opted_out opt_out off".split())
_UNKNOWN: Final = frozenset({"", "not_subscribed", "unknown", "null", "none", "n/a"})
_SECONDS: Final = 10**11
_MILLIS: Final = 10**14
_NOON: Final = 12
_YEAR_DIGITS: Final = 4


class Unfit(BadInput):
    """A row cannot be taken as it is; `place` names the field. Nobody else's row is touched by it."""


class Ways(NamedTuple):
    """How a file writes things."""

    decimal: str = "."
    """The sign before decimals: ``.`` or ``,``."""
    dates: str = "ymd"
    """The order of a date that is not ISO 8601: ``dmy``, ``mdy``, or ``ymd``."""
    zone: str = "UTC"
    """IANA name of the time zone of moments that tell none."""


PLAIN_WAYS: Final = Ways()


def read_text(value: Any, field: str, longest: int = LONGEST) -> str:
    """Read a text without blanks at its ends; whole numbers are written without ``.0``. Nothing is empty. Raises Unfit."""
    if value is None:
        return ""
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124 - not a number: what data frames write for nothing
            return ""
        text = str(int(value)) if value.is_integer() and abs(value) < _LARGEST * 1_000 else repr(value)
    elif isinstance(value, str):
        text = value.strip()
        if text.startswith("'") and text[1:2] in _LIVE:
            text = text[1:]  # our own exports quote what a spreadsheet would take for a formula
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int | Decimal):
        text = str(value)
    elif isinstance(value, date):
        text = value.isoformat()
    else:
        raise Unfit("cell_unfit", "a text or a number is expected here", place=field)
    if len(text) > longest:
        raise Unfit("cell_too_long", f"the text has more than {longest} characters", place=field)
    if not text.isprintable() and _UNFIT.search(text):
        raise Unfit("cell_unfit", "the text has a character that no text should have", place=field)
    return text


def read_number(value: Any, field: str, ways: Ways = PLAIN_WAYS) -> float | int | None:
    """Read a number: ``1.234,56`` where the file writes so, ``1,234.56`` else. None: there is none. Raises Unfit ``number_unreadable``."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(value, field)
    if isinstance(value, float):
        return None if value != value else _bounded(int(value) if value.is_integer() else value, field)  # noqa: PLR0124 - as above
    if isinstance(value, Decimal):
        value = str(value)
    if not isinstance(value, str) or len(value) > _MOST_DIGITS:
        raise Unfit("number_unreadable", "this is not a number", place=field)
    text = value.strip()
    if ways.decimal == "," or not _PLAIN.fullmatch(text):
        text = _SIGNS.sub("", text)
        if not text:
            return None
        text = _without_groups(text, field, ways.decimal)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Unfit("number_unreadable", "this is not a number", place=field) from None
    return _bounded(int(number) if number == number.to_integral_value() else float(number), field)


def _without_groups(text: str, field: str, point: str) -> str:
    group = "." if point == "," else ","
    whole, _, part = text.partition(point)
    if group in part or point in part:
        raise Unfit("number_unreadable", f"this is not a number with “{point}” before its decimals", place=field)
    first, *groups = whole.split(group)
    if any(len(each) != 3 for each in groups) or (groups and len(first.lstrip("+-")) > 3):  # noqa: PLR2004 - thousands
        raise Unfit("number_unreadable", f"this is not a number with “{point}” before its decimals", place=field)
    return "".join((first, *groups)) + ("." + part if part else "")


def _bounded(number: float, field: str) -> float | int:
    if not -_LARGEST < number < _LARGEST:
        raise Unfit("number_unreadable", "this number is out of range", place=field)
    return number


def read_answer(value: Any, field: str) -> bool | None:
    """Read yes or no, in English or Spanish; None: nothing was said. Raises Unfit ``answer_unreadable``."""
    if isinstance(value, bool):
        return value
    text = read_text(value, field).lower().replace("í", "i").replace(" ", "_")
    if text in _UNKNOWN:
        return None
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise Unfit("answer_unreadable", "yes or no is expected", place=field)


def read_when(value: Any, field: str, ways: Ways = PLAIN_WAYS) -> Millis | None:
    """Read a moment: ISO 8601, ``31/12/2025 18:30`` in the file's order, or seconds to microseconds since 1970. None: there is none.

    Without a zone it is the file's. Raises Unfit ``moment_unreadable``.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return _millis(value, ways.zone)
    if isinstance(value, date):
        return _millis(datetime(value.year, value.month, value.day), ways.zone)  # noqa: DTZ001 - the zone is put on below
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since(int(value), field)
    if not isinstance(value, str):
        raise Unfit("moment_unreadable", "this is not a moment", place=field)
    at = _read_written(value.strip(), ways.dates, ways.zone)
    if at is None:
        raise Unfit("moment_unreadable", "this is not a moment such as 2025-12-31 18:30 or, if the file says so, 31/12/2025", place=field)
    return at


@lru_cache(maxsize=65_536)
def _read_written(text: str, order: str, zone: str) -> Millis | None:
    if text.isdecimal() and len(text) > 8:  # noqa: PLR2004 - a date without signs has eight
        return _since(int(text), "")
    try:
        return _millis(datetime.fromisoformat(text), zone)
    except ValueError:
        pass
    zoned = _ZONED.fullmatch(text)
    if zoned is not None:
        return parse_moment(f"{zoned[1]}T{zoned[2]}{zoned[3]}:{zoned[4]}")
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    first, second, third = int(found[1]), int(found[2]), int(found[3])
    if len(found[1]) == _YEAR_DIGITS:
        year, month, day = first, second, third
    elif order == "mdy":
        month, day, year = first, second, third
    elif order == "dmy":
        day, month, year = first, second, third
    else:
        return None
    hour = int(found[4] or 0)
    if found[7]:
        hour = hour % _NOON + (_NOON if found[7][0] in "pP" else 0)
    try:
        written = datetime(year, month, day, hour, int(found[5] or 0), int(found[6] or 0), tzinfo=UTC if found[8] else None)
    except ValueError:
        return None
    return _millis(written, zone)


def _millis(moment: datetime, zone: str) -> Millis | None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))
    return parse_moment(moment.isoformat())


def _since(number: int, field: str) -> Millis:
    if 0 <= number < _SECONDS:
        return number * 1_000
    if _SECONDS <= number < _MILLIS:
        return number
    if _MILLIS <= number < _MILLIS * 1_000:
        return number // 1_000
    raise Unfit("moment_unreadable", "this is not a number of seconds, milliseconds or microseconds since 1970", place=field)
