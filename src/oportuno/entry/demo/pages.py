"""How the demonstration's pages are written: templates with everything escaped, words in two languages, money and time by locale."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal
from liquid import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from oportuno.entry.demo.setting import LANGUAGES, ZONE
from oportuno.kit.times import DAY, Millis, to_datetime

_HOME: Final = files("oportuno.entry.demo")
_SLOT: Final = re.compile(r"\{(\w+)\}")
_LOCALES: Final = {"es": "es_ES", "en": "en_GB"}


@lru_cache(maxsize=1)
def words() -> dict[str, dict[str, str]]:
    """Give every string of the pages, by language and key."""
    rows = _HOME.joinpath("words.tsv").read_text(encoding="utf-8").splitlines()[1:]
    split = [row.split("\t") for row in rows if row]
    return {language: {row[0]: row[1 + place] for row in split} for place, language in enumerate(LANGUAGES)}


def say(language: str, key: str, **slots: object) -> str:
    """Give one string with its slots filled."""
    return _SLOT.sub(lambda found: str(slots[found[1]]), words()[language][key])


def money(cents: int, language: str, currency: str = "USD") -> str:
    """Write an amount as the language writes it."""
    return str(format_currency(Decimal(cents) / 100, currency, locale=_LOCALES[language]))


def number(value: int, language: str) -> str:
    """Write a whole number, as the language writes it."""
    return str(format_decimal(value, locale=_LOCALES[language]))


def clock(at: Millis, language: str, *, seconds: bool = False) -> str:
    """Write a time of day in the shop's zone."""
    pattern = "HH:mm:ss" if seconds else "HH:mm"
    return str(format_time(_local(at), pattern, locale=_LOCALES[language]))


def day(at: Millis, language: str) -> str:
    """Write a date in the shop's zone."""
    return str(format_date(_local(at), "long", locale=_LOCALES[language]))


def weekday(at: Millis, language: str) -> str:
    """Name the day of the week in the shop's zone."""
    return str(format_date(_local(at), "EEEE", locale=_LOCALES[language]))


def moment(at: Millis, now: Millis, language: str) -> str:
    """Write when something was, as shortly as it stays clear: the time today, else the day."""
    if _local(at).date() == _local(now).date():
        return clock(at, language)
    if now - at < 6 * DAY:
        return str(format_datetime(_local(at), "EEE HH:mm", locale=_LOCALES[language]))
    return str(format_date(_local(at), "d MMM", locale=_LOCALES[language]))


def _local(at: Millis) -> datetime:
    return to_datetime(at).astimezone(ZoneInfo(ZONE))


def _fill(text: str, **slots: object) -> Markup:
    """Fill a string's slots; what goes in is escaped, the words' own marks are not."""
    return Markup(_SLOT.sub(lambda found: str(escape(slots[found[1]])), text))  # noqa: S704 - the words are ours, the slots are escaped


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        autoescape=True, extra=True, undefined=StrictUndefined, loader=FileSystemLoader(str(_HOME.joinpath("pages")), ext=".html")
    )
    environment.filters["fill"] = _fill
    environment.filters["money"] = money
    environment.filters["number"] = number
    return environment


def render(page: str, language: str, facts: Mapping[str, Any]) -> str:
    """Write a page. Everything from outside is escaped; a missing fact is an error, never a hole."""
    said = {key: Markup(text) for key, text in words()[language].items()}  # noqa: S704 - our own words
    return _environment().get_template(page).render(w=said, language=language, **facts)
