"""The because: one sentence and a few points, written from the evidence alone, in Spanish and English.

Nothing here knows more than the facts of the evidence: a sentence whose fact is missing is left out, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from oportuno.content.because_notice import notice_line, notice_points
from oportuno.content.because_product import order_help_line, order_help_points, product_line, product_points
from oportuno.content.formats import Form, count_text, list_text, locale_for, moment_text, money_text
from oportuno.content.said import Because
from oportuno.kit.times import Millis

_Pair = tuple[str, str]
_SPANISH: Final = "es"


def because_line(because: Because, language: str, *, now: Millis, zone: str = "UTC", locale: str | None = None) -> str:
    """Say in one sentence why this message came: what stands on its sewn label."""
    form = _form(language, now, zone, locale)
    return _LINES.get(because.kind, _event_line)(because.facts, form)


def because_points(because: Because, language: str, *, now: Millis, zone: str = "UTC", locale: str | None = None) -> list[str]:
    """Say what the message went by, one fact a point: «En qué nos basamos» of the why-page."""
    form = _form(language, now, zone, locale)
    return [point for point in _POINTS.get(because.kind, _event_points)(because.facts, form) if point]


def not_used(because: Because, language: str) -> list[str]:
    """Say what was not used, computed from what was read for the decision: what was read never stands here."""
    spanish = language == _SPANISH
    read = set(because.read)
    return [pair[0 if spanish else 1] for sections, pair in _NOT_USED if not read & sections]


def used_beside(because: Because, language: str) -> list[str]:
    """Say which kinds of data were read for the decision, in words a customer knows."""
    spanish = language == _SPANISH
    return [_READ[title][0 if spanish else 1] for title in because.read if title in _READ]


# ── Cart ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _cart_line(facts: dict[str, Any], form: Form) -> str:
    spanish = form.language == _SPANISH
    count, left = _number(facts, "count"), _number(facts, "left_at")
    things = (
        count_text(count, form.language, "artículo", "artículos")
        if spanish
        else count_text(count, form.language, "item", "items")
        if count
        else ""
    )
    if not count:
        things = "algo" if spanish else "something"
    when = f" {moment_text(left, form)}" if left else ""
    return f"dejaste {things} en la cesta{when}." if spanish else f"you left {things} in your basket{when}."


def _cart_points(facts: dict[str, Any], form: Form) -> list[str]:
    spanish = form.language == _SPANISH
    named = facts.get("names")
    names = tuple(str(name) for name in named if name)[:5] if isinstance(named, (list, tuple)) else ()
    left, total, held = _number(facts, "left_at"), _number(facts, "total"), _number(facts, "held_until")
    currency = facts.get("currency")
    points = []
    if names:
        listed = list_text(names, form.language)
        points.append(f"En tu cesta hay: {listed}." if spanish else f"In your basket: {listed}.")
    if left:
        when = moment_text(left, form)
        points.append(f"La última vez que la tocaste fue {when}." if spanish else f"You last changed it {when}.")
    if total and isinstance(currency, str) and currency:
        amount = money_text(total, currency, form.locale)
        points.append(f"Suma {amount}, como la dejaste." if spanish else f"It comes to {amount}, as you left it.")
    if held > form.now:
        until = moment_text(held, form)
        points.append(f"La tienda te la guarda hasta {until}." if spanish else f"The shop keeps it for you until {until}.")
    return points


# ── Orders and plain events ─────────────────────────────────────────────────────────────────────────────────────────


def _order_line(facts: dict[str, Any], form: Form) -> str:
    spanish = form.language == _SPANISH
    at = _number(facts, "at")
    when = f" {moment_text(at, form)}" if at else ""
    return f"hiciste un pedido{when}. Es un aviso de tu pedido." if spanish else f"you placed an order{when}. This is a notice about it."


def _join_line(facts: dict[str, Any], form: Form) -> str:
    spanish = form.language == _SPANISH
    at = _number(facts, "at")
    when = f" {moment_text(at, form)}" if at else ""
    return f"alguien pidió recibir novedades en esta dirección{when}." if spanish else f"somebody asked for news at this address{when}."


def _join_points(facts: dict[str, Any], form: Form) -> list[str]:
    spanish = form.language == _SPANISH
    at = _number(facts, "at")
    when = f" {moment_text(at, form)}" if at else ""
    return [
        f"La petición de recibir novedades{when}." if spanish else f"The request for news{when}.",
        "Sin tu confirmación no se apunta a nadie." if spanish else "Nobody is signed up without confirming.",
    ]


def _event_line(facts: dict[str, Any], form: Form) -> str:
    spanish = form.language == _SPANISH
    at = _number(facts, "at")
    when = f" {moment_text(at, form)}" if at else ""
    return f"es la respuesta a algo que hiciste en la tienda{when}." if spanish else f"it answers something you did in the shop{when}."


def _event_points(facts: dict[str, Any], form: Form) -> list[str]:
    spanish = form.language == _SPANISH
    at, name = _number(facts, "at"), str(facts.get("event") or "")
    if not at:
        return []
    when = moment_text(at, form)
    what = f" («{name}»)" if name and spanish else f" (“{name}”)" if name else ""
    return [f"Lo que hiciste en la tienda {when}{what}." if spanish else f"What you did in the shop {when}{what}."]


_LINES: Final[dict[str, Callable[[dict[str, Any], Form], str]]] = {
    "cart_left": _cart_line,
    "asked_to_join": _join_line,
    "order_placed": _order_line,
    "event_seen": _event_line,
    "order_help": order_help_line,
    "shop_notice": notice_line,
    **{kind: product_line(kind) for kind in ("price_dropped", "back_in_stock", "new_in_favourite")},
}
_POINTS: Final[dict[str, Callable[[dict[str, Any], Form], list[str]]]] = {
    "cart_left": _cart_points,
    "asked_to_join": _join_points,
    "order_placed": _event_points,
    "event_seen": _event_points,
    "order_help": order_help_points,
    "shop_notice": notice_points,
    **dict.fromkeys(("price_dropped", "back_in_stock", "new_in_favourite"), product_points),
}
_READ: Final[dict[str, _Pair]] = {
    "cart": ("Lo que dejaste en tu cesta", "What you left in your basket"),
    "orders": ("Tus pedidos", "Your orders"),
    "wishlist": ("Lo que guardaste en tu lista", "What you saved to your list"),
    "views": ("Lo que miraste en la tienda", "What you looked at in the shop"),
    "traits": ("Lo que nos contaste de ti", "What you told us about yourself"),
    "location": ("Tu ubicación", "Your location"),
    "core": ("Tu idioma y tu zona horaria", "Your language and time zone"),
}
_NOT_USED: Final[tuple[tuple[frozenset[str], _Pair], ...]] = (
    (frozenset({"views"}), ("Lo que miraste en la tienda", "What you looked at in the shop")),
    (frozenset({"orders"}), ("Tus compras anteriores", "What you bought before")),
    (frozenset({"traits", "demographics"}), ("Tu edad, tu sexo o tus ingresos", "Your age, your sex or your income")),
    (frozenset({"location"}), ("Tu ubicación", "Your location")),
    (frozenset({"third_party"}), ("Datos de otras webs o comprados a terceros", "Data from other websites or bought from others")),
)


def _form(language: str, now: Millis, zone: str, locale: str | None) -> Form:
    return Form(language=language, locale=locale_for(language, locale), zone=zone, now=now)


def _number(facts: dict[str, Any], name: str) -> int:
    value = facts.get(name)
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0
