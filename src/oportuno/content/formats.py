"""How money, days and times are written for a customer: by their locale, in their own zone.

Values come as stored (minor units, milliseconds); nothing here reads a clock.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency

from oportuno.kit.money import Money, to_decimal
from oportuno.kit.times import Millis, to_datetime

_DEFAULTS: Final = {"es": "es_ES", "en": "en_GB"}
_NOON: Final = 12
_WEEK: Final = 7
_NUMBERS: Final = {
    "es": ("cero", "un", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez"),
    "en": ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
}


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """In which language, locale and zone things are written, and which moment counts as now."""

    language: str
    locale: str
    """As babel names it, for example ``es_MX``."""
    zone: str
    now: Millis

    @property
    def tz(self) -> tzinfo:
        """Give the zone as the standard library knows it."""
        return zone_of(self.zone)


@lru_cache(maxsize=512)
def zone_of(name: str) -> tzinfo:
    """Give a zone by its IANA name; UTC when there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@lru_cache(maxsize=512)
def locale_for(language: str, locale: str | None) -> str:
    """Choose the locale to write in: the customer's own when it is of the message's language, else the language's usual one."""
    if locale:
        try:
            found = Locale.parse(locale.replace("_", "-"), sep="-")
        except (UnknownLocaleError, ValueError, TypeError):
            found = None
        if found is not None and found.language == language and found.territory:
            return str(found)
    return _DEFAULTS.get(language, language)


@lru_cache(maxsize=4096)
def money_text(minor: int, currency: str, locale: str) -> str:
    """Write an amount of minor units, for example ``71,20 €``."""
    return format_currency(to_decimal(Money(minor=minor, currency=currency)), currency, locale=locale)


def day_text(at: Millis, form: Form) -> str:
    """Write a day: «el 21 de noviembre», “on 21 November”; with its year when that is not the present one."""
    moment = _local(at, form)
    same_year = moment.year == _local(form.now, form).year
    if form.language == "es":
        return "el " + format_date(moment, "d 'de' MMMM" if same_year else "d 'de' MMMM 'de' y", locale=form.locale)
    return "on " + format_date(moment, "d MMMM" if same_year else "d MMMM y", locale=form.locale)


def time_text(at: Millis, form: Form) -> str:
    """Write a time of day: «20:00», “8 pm”, “10:02 am”."""
    moment = _local(at, form)
    if form.language == "es":
        return format_time(moment, "H:mm", locale=form.locale)
    hour = moment.hour % _NOON or _NOON
    half = "am" if moment.hour < _NOON else "pm"
    return f"{hour}:{moment.minute:02} {half}" if moment.minute else f"{hour} {half}"


def moment_text(at: Millis, form: Form) -> str:
    """Write a moment so that it stays right when it is read later: «hoy, sábado, a las 20:00», «el 2 de octubre a las 9:30»."""
    moment = _local(at, form)
    away = (moment.date() - _local(form.now, form).date()).days
    weekday = format_date(moment, "EEEE", locale=form.locale)
    spanish = form.language == "es"
    near = {
        0: "hoy" if spanish else "today",
        -1: "ayer" if spanish else "yesterday",
        1: "mañana" if spanish else "tomorrow",
    }
    time = time_text(at, form)
    joint = ("a la" if moment.hour == 1 else "a las") if spanish else "at"
    if away in near:
        return f"{near[away]}, {weekday}, {joint} {time}"
    if abs(away) < _WEEK:
        return f"{'el' if spanish else 'on'} {weekday} {joint} {time}"
    return f"{day_text(at, form)} {joint} {time}"


def count_text(count: int, language: str, one: str, many: str) -> str:
    """Write a small count in words with its noun: «dos artículos», “one item”."""
    words = _NUMBERS.get(language, _NUMBERS["en"])
    number = words[count] if 0 <= count < len(words) else str(count)
    return f"{number} {one if count == 1 else many}"


def list_text(names: tuple[str, ...], language: str) -> str:
    """Join names as one says them: «A, B y C». Spanish «y» becomes «e» before the sound i."""
    if not names[1:]:
        return "".join(names)
    last = names[-1]
    joint = "and"
    if language == "es":
        joint = (
            "e"
            if last.lower().startswith(("i", "hi", "y")) and not last.lower().startswith(("hie", "hia", "ye", "ya", "yo", "yu"))
            else "y"
        )
    return f"{', '.join(names[:-1])} {joint} {last}"


def _local(at: Millis, form: Form) -> datetime:
    return to_datetime(at).astimezone(form.tz)
