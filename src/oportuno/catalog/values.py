"""The values of a row as shops write them: texts, amounts, pieces, addresses. What cannot be used is a RowFault that names the field."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from oportuno.catalog.row import RowFault
from oportuno.kit.faults import BadInput
from oportuno.kit.money import exponent, read_money

LONGEST_ID: Final = 200
LONGEST_NAME: Final = 500
LONGEST_URL: Final = 2_000
LONGEST_WORD: Final = 200
MOST_PIECES: Final = 2_000_000_000
_CENTS: Final = re.compile(r"(\d{1,12})(?:[.,](\d{1,2}))?")
_AMOUNT: Final = re.compile(r"(?:([A-Za-z]{3})\s*)?([+-]?\d[\d.,\s]*)\s*([A-Za-z]{3})?")
_ADDRESS: Final = re.compile(r"https?://[^\s\"'<>`]+", re.IGNORECASE)
_GROUPED: Final = re.compile(r"\d{1,3}(?:([.,])\d{3})+(?:[.,]\d{1,2})?")
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SIGNS: Final = {"€": "EUR", "$": "USD", "£": "GBP"}


def shown(word: object) -> str:
    """Give what somebody wrote as it may stand in a sentence."""
    return str(word)[:60].encode("utf-8", "replace").decode("utf-8", "replace")


def read_text(value: Any, field: str, longest: int) -> str:
    """Read a text, its ends trimmed; a number is taken as it is written, nothing as empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        text = str(value)
    else:
        raise RowFault("text_expected", "a text is expected", field=field)
    if len(text) > longest:
        raise RowFault("text_too_long", f"the text has more than {longest} characters", field=field)
    if not text.isprintable() and _UNFIT.search(text):
        raise RowFault("text_unfit", "the text has a character that no text should have", field=field)
    return text


def read_words(value: Any, field: str, *, most: int) -> tuple[str, ...]:
    """Read a list of texts, or one text with ``|`` between them; none twice."""
    if not value:
        return ()
    return _words_of(value, field, most) if isinstance(value, str) else _words(value, field, most)


@lru_cache(maxsize=4_096)
def _words_of(text: str, field: str, most: int) -> tuple[str, ...]:
    """Read one text; a feed has the same few lists of categories and tags again and again."""
    return _words(text.split("|"), field, most)


def _words(parts: Any, field: str, most: int) -> tuple[str, ...]:
    if not isinstance(parts, (list, tuple)):
        raise RowFault("list_expected", "a list of texts is expected", field=field)
    words = tuple(dict.fromkeys(word for part in parts if (word := read_text(part, field, LONGEST_WORD))))
    if len(words) > most:
        raise RowFault("list_too_long", f"there are more than {most} of them", field=field)
    return words


def read_address(value: Any, field: str) -> str:
    """Read a web address; anything but http and https is refused, because it will stand in messages."""
    text = read_text(value, field, LONGEST_URL)
    if text and not _ADDRESS.fullmatch(text):
        raise RowFault("url_malformed", "a web address begins with https:// or http:// and has neither spaces nor quotes", field=field)
    return text


def read_currency(value: Any, field: str = "currency") -> str:
    """Read an ISO 4217 code; empty: not told."""
    text = read_text(value, field, LONGEST_WORD).upper()
    if text and not (_CURRENCY.fullmatch(text) and text.isascii()):
        raise RowFault("currency_unknown", f"“{text[:16]}” is not an ISO 4217 currency code", field=field)
    return text


def read_amount(value: Any, field: str, currency: str) -> tuple[int | None, str]:
    """Read an amount in minor units and its currency: ``12.5``, ``12,50``, ``1.234,50 EUR``, ``€ 12``. Nothing: no price.

    What could be read in two ways is refused: ``1.234`` may be a thousand or one and a bit.
    """
    if value is None or value == "":
        return None, currency
    if isinstance(value, str):
        text, exact = value.strip(), _CENTS.fullmatch(value)
        if exact is not None and exponent(currency) == 2:  # noqa: PLR2004 - hundredths, nearly every currency
            return int(exact[1]) * 100 + int((exact[2] or "0").ljust(2, "0")), currency
        if not text:
            return None, currency
        text, currency = _without_currency(text, field, currency)
        value = _plain_number(text, field)
    elif isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise RowFault("price_malformed", "an amount of money is expected", field=field)
    try:
        minor = read_money(value, currency).minor
    except BadInput as fault:
        if fault.code == "currency_unknown":
            raise RowFault("currency_unknown", fault.sentence, field="currency") from fault
        if fault.code == "amount_out_of_range":
            raise RowFault("price_out_of_range", "the amount is too large to be a price", field=field) from fault
        raise RowFault("price_malformed", "this is not an amount that a price can have", field=field) from fault
    if minor < 0:
        raise RowFault("price_negative", "a price cannot be less than nothing", field=field)
    return minor, currency


def read_pieces(value: Any, field: str) -> int | None:
    """Read how many pieces there are; None: not known. Less than nothing (oversold) counts as none."""
    if value is None or value == "":
        return None
    try:
        number = float(value) if not isinstance(value, bool) else float("nan")
        pieces = int(number)
    except (TypeError, ValueError, OverflowError):
        raise RowFault("stock_malformed", "a whole number of pieces is expected", field=field) from None
    if pieces != number or pieces > MOST_PIECES:
        raise RowFault("stock_malformed", "a whole number of pieces is expected", field=field)
    return max(pieces, 0)


def _without_currency(text: str, field: str, currency: str) -> tuple[str, str]:
    for sign, code in _SIGNS.items():
        if sign in text:
            text, currency = text.replace(sign, "").strip(), code
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise RowFault("price_malformed", "an amount such as 12.50 or 12,50 EUR is expected", field=field)
    code = found[1] or found[3]
    return found[2].strip(), code.upper() if code else currency


def _plain_number(text: str, field: str) -> str:
    text = "".join(text.split())
    last_dot, last_comma = text.rfind("."), text.rfind(",")
    if last_dot >= 0 and last_comma >= 0:
        grouped = _GROUPED.fullmatch(text.lstrip("+-"))
        point = "." if last_dot > last_comma else ","
        if grouped is None or grouped[1] == point or text.count(point) != 1:
            raise RowFault("price_malformed", "an amount such as 1,234.50 or 1.234,50 is expected", field=field)
        return text.replace("," if point == "." else ".", "").replace(point, ".")
    point = "," if last_comma >= 0 else "."
    if text.count(point) > 1 or (point in text and len(text) - text.rfind(point) - 1 not in (0, 1, 2)):
        if point == "." and text.count(point) == 1 and len(text) - last_dot - 1 != 3:  # noqa: PLR2004 - thousands
            return text
        raise RowFault("price_malformed", "this amount can be read in two ways: write 1234.50", field=field)
    return text.replace(",", ".")
