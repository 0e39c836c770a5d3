"""Why a notice of the shop came: on which ground it may be sent, and that it is no marketing."""

from __future__ import annotations

from typing import Any, Final

from oportuno.content.formats import Form, moment_text

_LINES: Final[dict[str, tuple[str, str]]] = {
    "contract": (
        "tiene que ver con algo que acordaste con la tienda. Es un aviso, no publicidad.",
        "it is about something you agreed with the shop. It is a notice, not marketing.",
    ),
    "legal_obligation": (
        "la ley obliga a la tienda a decírtelo. Es un aviso, no publicidad.",
        "the law obliges the shop to tell you. It is a notice, not marketing.",
    ),
    "vital": (
        "puede tocar a tu salud o a tu seguridad. Es un aviso, no publicidad.",
        "it may concern your health or safety. It is a notice, not marketing.",
    ),
}
_UNSAID: Final = ("es un aviso de la tienda, no publicidad.", "it is a notice from the shop, not marketing.")


def notice_line(facts: dict[str, Any], form: Form) -> str:
    """Say on which ground the notice came."""
    return _LINES.get(str(facts.get("basis") or ""), _UNSAID)[0 if form.language == "es" else 1]


def notice_points(facts: dict[str, Any], form: Form) -> list[str]:
    """Say when the shop asked for it."""
    at = facts.get("at")
    if not isinstance(at, int) or not at:
        return []
    when = moment_text(at, form)
    return [f"La tienda pidió enviártelo {when}." if form.language == "es" else f"The shop asked for it to be sent {when}."]
