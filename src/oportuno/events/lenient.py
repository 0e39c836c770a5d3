"""Single values as clients send them: numbers as text, ids as numbers, amounts with commas. What cannot be meant is named and kept out."""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

from oportuno.kit.faults import BadInput
from oportuno.kit.money import exponent, read_money
from oportuno.kit.times import HOUR, SECOND, Millis, parse_moment

Faults: TypeAlias = list[str]
"""Collects ``code:place`` while a call is read."""

WORD_AT_MOST: Final = 128
NAME_AT_MOST: Final = 80
LINK_AT_MOST: Final = 256
COUNT_AT_MOST: Final = 9_999
DWELL_AT_MOST: Final = 6 * HOUR // SECOND
"""Seconds; a longer dwell is a tab left open."""

_SCALES: Final = {0: 1, 2: 100, 3: 1000}
_EXACT: Final = 1e9
_NUMBER: Final = re.compile(r"-?\d{1,15}(\.\d{1,9})?")
_GROUPED: Final = re.compile(r"\d{1,3}([.,]\d{3})+([.,]\d{1,2})?")
_SPACED: Final = re.compile(r"(?<=\d)[’' \u00a0\u202f](?=\d{3}(\D|$))")
"""Marks between groups of three that are never a decimal point."""
_SECONDS_UNTIL: Final = 100_000_000_000
"""A number of seconds since 1970 is below it, one of milliseconds above, for every time that a shop can mean."""


def read_word(value: Any, faults: Faults, *place: str) -> str:
    """Read an id or a code, which may come as a number; empty when there is none."""
    if value is None or value == "":
        return ""
    if type(value) is str:
        word = value.strip()
        if word and len(word) <= WORD_AT_MOST and word.isprintable():
            return word
    elif type(value) is int:
        return str(value)
    elif type(value) is float and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    _name(faults, "id_malformed", place)
    return ""


def read_name(value: Any, faults: Faults, *place: str) -> str:
    """Read a name or another short text, cut at `NAME_AT_MOST`; empty when there is none."""
    if type(value) is str:
        return value[:NAME_AT_MOST].strip()
    if value is None:
        return ""
    if type(value) in {int, float}:
        return str(value)
    _name(faults, "text_expected", place)
    return ""


def read_link(value: Any, faults: Faults, *place: str) -> str:
    """Read an address of the web: absolute with http or https, or a path of the shop's own; empty when there is none."""
    if value is None or value == "":
        return ""
    if type(value) is str and len(value) <= LINK_AT_MOST and value.isprintable() and value.startswith(("https://", "http://", "/")):
        return value
    _name(faults, "link_malformed", place)
    return ""


def read_count(value: Any, faults: Faults, *place: str) -> int | None:
    """Read how many; None when that cannot be told."""
    if type(value) is int and 0 <= value <= COUNT_AT_MOST:
        return value
    number = _plain_number(value)
    if number is None or not number.is_integer() or not 0 <= number <= COUNT_AT_MOST:
        _name(faults, "quantity_malformed", place)
        return None
    return int(number)


def read_seconds(value: Any, faults: Faults, *place: str) -> int | None:
    """Read a dwell time in seconds, rounded half up; None when there is none."""
    if value is None or (type(value) is int and 0 <= value <= DWELL_AT_MOST):
        return value
    number = _plain_number(value)
    if number is None or not 0 <= number <= DWELL_AT_MOST:
        _name(faults, "duration_out_of_range", place)
        return None
    return int(number + 0.5)


def read_currency(value: Any, faults: Faults, *place: str) -> str:
    """Read an ISO 4217 code in capitals; empty when it is none."""
    if type(value) is str:
        code = value.strip().upper()
        if len(code) == len("EUR") and code.isascii() and code.isalpha():
            return code
    _name(faults, "currency_unknown", place)
    return ""


def read_amount(value: Any, currency: str, faults: Faults, *place: str) -> int | None:
    """Read an amount of money, not negative, in minor units of the currency; None when there is none."""
    if value is None:
        return None
    scale = _SCALES[exponent(currency)]
    if type(value) is float and 0 <= value < _EXACT:
        minor = round(value * scale)
        # A price with no more decimals than the currency has: the rounding of `read_money` could not come out otherwise.
        if abs(value * scale - minor) < 1e-6:  # noqa: PLR2004 - far below a minor unit, far above a float's error under 10^9
            return minor
    elif type(value) is int and 0 <= value < _EXACT:
        return value * scale
    try:
        minor = read_money(_without_groups(value) if type(value) is str else value, currency).minor
    except BadInput:
        minor = -1
    if minor < 0 or type(value) is bool:
        _name(faults, "amount_malformed", place)
        return None
    return minor


def read_instant(value: Any, faults: Faults, *place: str) -> Millis | None:
    """Read a moment: ISO 8601, or a number of seconds or milliseconds since 1970; None when there is none."""
    if value is None:
        return None
    found: Millis | None = None
    if type(value) is str:
        found = parse_moment(value)
    elif type(value) in {int, float} and 0 < value < _SECONDS_UNTIL * 1000:
        found = int(value * SECOND) if value < _SECONDS_UNTIL else int(value)
    if found is None:
        _name(faults, "moment_malformed", place)
    return found


def _name(faults: Faults, code: str, place: tuple[str, ...]) -> None:
    faults.append(f"{code}:{''.join(place)}")


def _plain_number(value: Any) -> float | None:
    if type(value) is int:
        return float(value) if abs(value) < _EXACT else None
    if type(value) is float:
        return value
    if type(value) is str and _NUMBER.fullmatch(value.strip()):
        return float(value)
    return None


def _without_groups(text: str) -> str:
    """Write «1.234,56», «1,234.56», «1 234,56» and «19,99» with one decimal point. «1.234» stays as it is: nobody can tell."""
    plain = _SPACED.sub("", text.strip())
    if plain.count(",") == 1 and "." not in plain and len(plain.partition(",")[2]) in {1, 2}:
        return plain.replace(",", ".")
    if _GROUPED.fullmatch(plain) and plain.count(",") + plain.count(".") > 1:
        head, _, tail = plain.rpartition(max(".", ",", key=plain.rfind))
        whole = head.replace(",", "").replace(".", "")
        return f"{whole}{tail}" if len(tail) > 2 else f"{whole}.{tail}"  # noqa: PLR2004 - three digits are a group, not cents
    return plain
