"""A message's story in words: what was decided, tried and heard, each step in one sentence, in Spanish and English."""

from __future__ import annotations

from typing import Final

import msgspec

from oportuno.kit.times import Millis


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a message."""

    at: Millis
    kind: str
    """``speak``, ``wait``, ``silence``, ``claimed``, ``attempt`` or ``heard``."""
    what: str = ""
    """Of an attempt its outcome; of what was heard, what; of a wait or a silence the refusal."""
    number: int = 0
    """Which attempt it belongs to, from 1; 0: none."""
    way: str = ""
    """By which provider; of what was heard: who told."""
    detail: str = ""
    """A short technical note, without personal data."""
    retry_at: Millis | None = None


_STEPS: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("speak", ""): ("Se decidió enviarlo.", "It was decided to send it."),
    ("claimed", ""): ("Se toma para entregarlo, por {number}.ª vez.", "Taken in hand to be handed over, attempt {number}."),
    ("attempt", "accepted"): ("El servidor {way} lo aceptó.", "{way} accepted it."),
    ("attempt", "refused_for_now"): (
        "El servidor {way} no lo tomó por ahora.",
        "{way} did not take it for now.",
    ),
    ("attempt", "refused_for_good"): ("El servidor {way} lo rechazó.", "{way} refused it for good."),
    ("attempt", "unknown"): ("No se sabe si el servidor {way} lo tomó.", "Nobody knows whether {way} took it."),
    ("attempt", "void"): (
        "La entrega no pudo empezar a tiempo: no salió nada.",
        "The hand-off could not begin in time: nothing left.",
    ),
    ("heard", "delivered"): ("Llegó a su buzón.", "It reached their mailbox."),
    ("heard", "delayed"): ("Aún no ha llegado: siguen intentándolo.", "It has not arrived yet: they go on trying."),
    ("heard", "soft_bounce"): ("Esta vez no pudo llegar.", "This time it could not be delivered."),
    ("heard", "hard_bounce"): ("La dirección no existe o ya no recibe correo.", "The address does not exist, or takes no mail any more."),
    ("heard", "complaint"): ("Lo marcó como correo no deseado.", "They called it spam."),
    ("heard", "unsubscribed"): ("Se dio de baja.", "They unsubscribed."),
    ("heard", "reply"): ("Respondió.", "They answered."),
    ("heard", "auto_reply"): ("Contestó una máquina.", "A machine answered for them."),
    ("heard", "clicked"): ("Siguió un enlace.", "They followed a link."),
    ("heard", "not_understood"): ("Llegó un aviso que no entendemos.", "A report came that we do not understand."),
}
_REASONED: Final = {"wait": ("Espera. ", "It waits. "), "silence": ("No se envía. ", "It is not sent. ")}
_SOMEBODY: Final = ("de salida", "The provider")

_KNOWN: Final[dict[str, tuple[str, str]]] = {
    "pending": ("Espera su turno para salir.", "It waits for its turn to leave."),
    "handing": ("Está saliendo en este momento.", "It is leaving at this moment."),
    "accepted": (
        "El servidor de correo lo aceptó; de si llegó no se ha oído nada.",
        "The provider accepted it; nothing was heard of whether it arrived.",
    ),
    "refused": ("No salió: lo rechazaron, y no se intenta más.", "It did not leave: it was refused, and is not tried again."),
    "unknown": ("Puede que llegara y puede que no: no se intenta más.", "It may have arrived or not: it is not tried again."),
    "cancelled": ("No se envía.", "It is not sent."),
    "expired": ("No salió: su momento había pasado.", "It did not leave: its moment had passed."),
    "silence": ("No se envía.", "It is not sent."),
    "delivered": ("Llegó.", "It arrived."),
    "soft_bounce": ("Salió, y no pudo llegar.", "It left, and could not be delivered."),
    "hard_bounce": ("Salió, y no llegó: la dirección no funciona.", "It left, and did not arrive: the address does not work."),
    "complaint": ("Llegó, y lo marcó como correo no deseado.", "It arrived, and they called it spam."),
}
_ARRIVED: Final = frozenset({"delivered", "clicked", "reply", "unsubscribed"})
_ANYWAY: Final = ("complaint", "hard_bounce")


def in_words(step: Step, language: str, *, reason: str = "") -> str:
    """Say one step in a sentence. Of a wait or a silence `reason` is the refusal's own sentence."""
    place = 0 if language == "es" else 1
    if step.kind in _REASONED:
        return f"{_REASONED[step.kind][place]}{reason}".strip()
    words = _STEPS.get((step.kind, step.what)) or _STEPS.get((step.kind, "")) or (step.what, step.what)
    return words[place].format(number=step.number, way=step.way or _SOMEBODY[place])


def standing(status: str, heard: list[str]) -> str:
    """Say in one word how a message stands now: its place in the outbox, or what was heard of it since it left.

    `status` is the outbox's, in small letters, or ``silence``. What was heard may have come in any order: a complaint and an address that
    does not exist outweigh the rest, and whoever answers or follows a link has got it.
    """
    if status not in {"accepted", "unknown"}:
        return status
    for grave in _ANYWAY:
        if grave in heard:
            return grave
    if any(what in _ARRIVED for what in heard):
        return "delivered"
    return "soft_bounce" if "soft_bounce" in heard else status


def known_now(stands: str, language: str) -> str:
    """Say what is known now, in one sentence."""
    return _KNOWN[stands][0 if language == "es" else 1]
