"""The because of what changed about a product, and of help with an order: sentences from the evidence, in Spanish and English."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from oportuno.content.formats import Form, count_text, day_text, list_text, moment_text, money_text
from oportuno.kit.times import to_datetime

_SPANISH: Final = "es"
_TAILS: Final = {
    "price_dropped": (" y ha bajado de precio.", " and its price is down."),
    "back_in_stock": (" y vuelve a estar disponible.", " and it is available again."),
    "new_in_favourite": (" y tiene una novedad.", " and there is something new about it."),
}


def product_line(kind: str) -> Callable[[dict[str, Any], Form], str]:
    """Give the writer of the sentence for one kind of change: why they care, and what changed."""
    spanish, english = _TAILS[kind]

    def line(facts: dict[str, Any], form: Form) -> str:
        if facts.get("favourite"):
            what = f"«{facts['favourite']}»" if form.language == _SPANISH else f"“{facts['favourite']}”"
            if form.language == _SPANISH:
                return f"por tu interés en {what}, creemos que puede gustarte."
            return f"because of your interest in {what}, we think you may like it."
        return _reason(facts, form) + (spanish if form.language == _SPANISH else english)

    return line


def product_points(facts: dict[str, Any], form: Form) -> list[str]:
    """Say one by one what it went by: their own reason, the price before and now, and the lowest of thirty days."""
    spanish = form.language == _SPANISH
    points = [_detail(facts, form)]
    currency = facts.get("currency")
    if isinstance(currency, str) and currency and isinstance(facts.get("old_price"), int) and isinstance(facts.get("price"), int):
        old, new = money_text(facts["old_price"], currency, form.locale), money_text(facts["price"], currency, form.locale)
        points.append(f"Su precio pasó de {old} a {new}." if spanish else f"Its price went from {old} to {new}.")
        if isinstance(facts.get("lowest"), int):
            lowest = money_text(facts["lowest"], currency, form.locale)
            points.append(
                f"Su precio más bajo en los 30 días anteriores fue {lowest}."
                if spanish
                else f"Its lowest price in the 30 days before was {lowest}."
            )
    return points


def order_help_line(facts: dict[str, Any], form: Form) -> str:
    """Say that this is help with what they bought."""
    when, names = _day(facts.get("placed_at"), form), _names(facts)
    if form.language == _SPANISH:
        what = f"«{names[0]}»" if len(names) == 1 else "estos artículos" if names else "en la tienda"
        return f"compraste {what}{when}. Es un aviso de tu pedido y no lleva ofertas."
    what = f"“{names[0]}”" if len(names) == 1 else "these things" if names else "in the shop"
    return f"you bought {what}{when}. It is a notice about your order and carries no offers."


def order_help_points(facts: dict[str, Any], form: Form) -> list[str]:
    """Say which order, and what there is help for."""
    spanish = form.language == _SPANISH
    when = _when(facts.get("placed_at"), form)
    order = str(facts.get("order") or "")
    points = [(f"Tu pedido {order}{when}." if spanish else f"Your order {order}{when}.") if order else ""]
    if names := _names(facts):
        listed = list_text(names, form.language)
        points.append(f"Hay manual o guía de: {listed}." if spanish else f"There is a manual or guide for: {listed}.")
    return points


def _reason(facts: dict[str, Any], form: Form) -> str:
    spanish = form.language == _SPANISH
    what = _named(facts, form)
    match facts.get("why"):
        case "in_basket":
            return f"tienes {what} en la cesta" if spanish else f"you have {what} in your basket"
        case "wished":
            return f"guardaste {what} en tu lista" if spanish else f"you saved {what} to your list"
        case "asked":
            return f"nos pediste que te avisáramos de {what}" if spanish else f"you asked us to tell you about {what}"
        case "looked_at":
            often = _often(facts, form)
            return f"miraste {what}{often}" if spanish else f"you looked at {what}{often}"
        case _:
            return f"te interesa {what}" if spanish else f"you are interested in {what}"


def _detail(facts: dict[str, Any], form: Form) -> str:
    spanish = form.language == _SPANISH
    minutes = facts.get("minutes")
    when = _when(facts.get("since"), form)
    match facts.get("why"):
        case "looked_at" if isinstance(minutes, int) and minutes > 0:
            if spanish:
                return f"Lo miraste{_often(facts, form)}, {count_text(minutes, 'es', 'minuto', 'minutos')} en total."
            return f"You looked at it{_often(facts, form)}, {count_text(minutes, 'en', 'minute', 'minutes')} in all."
        case "looked_at":
            return f"Lo miraste{_often(facts, form)}." if spanish else f"You looked at it{_often(facts, form)}."
        case "in_basket":
            return f"Lo pusiste en la cesta{when}." if spanish else f"You put it in your basket{when}."
        case "wished":
            return f"Lo guardaste en tu lista{when}." if spanish else f"You saved it to your list{when}."
        case "asked":
            return f"Nos pediste el aviso{when}." if spanish else f"You asked for this notice{when}."
        case "favourite":
            name = facts.get("favourite")
            es, en = "por lo que miraste o nos dijiste", "from what you looked at or told us"
            return f"Tu interés en «{name}», {es}." if spanish else f"Your interest in “{name}”, {en}."
        case _:
            return ""


def _named(facts: dict[str, Any], form: Form) -> str:
    """Name the product, unless it must not be named aloud."""
    spanish = form.language == _SPANISH
    name = str(facts.get("name") or "")
    if facts.get("sensitive") or not name:
        return "un artículo" if spanish else "something"
    return f"«{name}»" if spanish else f"“{name}”"


def _often(facts: dict[str, Any], form: Form) -> str:
    """Say how often they looked, and since when: «esta semana» only of looks that all lie in the customer's own week, from Monday on."""
    looks, first = facts.get("looks"), facts.get("looked_from")
    if not isinstance(looks, int) or looks < 1:
        return ""
    spanish = form.language == _SPANISH
    if facts.get("of_month"):
        span = "en los últimos 30 días" if spanish else "in the last 30 days"
    elif isinstance(first, int) and first > 0 and _same_week(first, form):
        span = "esta semana" if spanish else "this week"
    else:
        span = "en los últimos siete días" if spanish else "in the last seven days"
    if spanish:
        return f" {'una vez' if looks == 1 else count_text(looks, 'es', 'vez', 'veces')} {span}"
    return f" { ({1: 'once', 2: 'twice'}.get(looks) or count_text(looks, 'en', 'time', 'times')) } {span}"


def _same_week(at: int, form: Form) -> bool:
    then, now = (to_datetime(each).astimezone(form.tz).isocalendar() for each in (at, form.now))
    return (then.year, then.week) == (now.year, now.week)


def _names(facts: dict[str, Any]) -> tuple[str, ...]:
    named = facts.get("names")
    return tuple(str(name) for name in named if name) if isinstance(named, (list, tuple)) else ()


def _day(at: object, form: Form) -> str:
    """Say the day alone: of a purchase nobody needs the minute to know which one is meant."""
    if not isinstance(at, int) or at <= 0:
        return ""
    away = (to_datetime(form.now).astimezone(form.tz).date() - to_datetime(at).astimezone(form.tz).date()).days
    spanish = form.language == _SPANISH
    near = {0: "hoy" if spanish else "today", 1: "ayer" if spanish else "yesterday"}.get(away)
    return f" {near or day_text(at, form)}"


def _when(at: object, form: Form) -> str:
    return f" {moment_text(at, form)}" if isinstance(at, int) and at > 0 else ""
