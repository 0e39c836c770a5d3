"""Silence has a name: every reason not to speak, each one stored with its facts, counted and shown."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

import msgspec


class Refusal(StrEnum):
    """Why we did not, or do not yet, speak. Each has a sentence for the customer and the marketer in es and en."""

    NO_ADDRESS = "no_address"
    NO_CONSENT = "no_consent"
    CONSENT_PENDING = "consent_pending"
    ALREADY_ANSWERED = "already_answered"
    ASKED_ENOUGH = "asked_enough"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CONSENT_EXPIRED = "consent_expired"
    SUPPRESSED = "suppressed"
    PAUSED = "paused"
    TOPIC_SKIPPED = "topic_skipped"
    ITEM_BOUGHT = "item_bought"
    ITEM_NOT_WANTED = "item_not_wanted"
    QUIET_HOURS = "quiet_hours"
    ZONE_UNKNOWN = "zone_unknown"
    CADENCE_REACHED = "cadence_reached"
    STEPPING_BACK = "stepping_back"
    LIMIT_REACHED = "limit_reached"
    LIMIT_UNREADABLE = "limit_unreadable"
    COMPLAINT_OPEN = "complaint_open"
    HELD_OUT = "held_out"
    EXPIRED = "expired"
    NOT_LIVE = "not_live"
    CLOCK_UNSURE = "clock_unsure"
    CUSTOMER_GONE = "customer_gone"
    MERGING = "merging"
    GOAL_REACHED = "goal_reached"
    EXITED = "exited"
    BETTER_PROPOSAL = "better_proposal"
    OVERTAKEN = "overtaken"
    ALREADY_SAID = "already_said"
    TEMPLATE_FAULT = "template_fault"
    TEMPLATE_MISSING = "template_missing"
    SANDBOX = "sandbox"
    STEP_VANISHED = "step_vanished"
    NOTHING_LEFT = "nothing_left"
    ITEM_WITHDRAWN = "item_withdrawn"
    OFFER_GONE = "offer_gone"
    NO_POSTAL_ADDRESS = "no_postal_address"
    MAIL_UNSIGNED = "mail_unsigned"
    SENDER_UNALIGNED = "sender_unaligned"
    COMPLAINTS_HIGH = "complaints_high"
    RESTORED = "restored"


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One refusal with the facts it stands on: plain values, no personal data beyond what the customer's own page may show."""

    refusal: Refusal
    facts: dict[str, Any] = {}
    retry_at: int | None = None
    """When it may be otherwise (milliseconds): the proposal waits till then. None: silence."""


class Sentences(NamedTuple):
    """What a refusal says to the customer and to the marketer."""

    customer_es: str
    customer_en: str
    marketer_es: str
    marketer_en: str


def sentence(refusal: Refusal, *, reader: Literal["customer", "marketer"], language: str) -> str:
    """Say in one sentence why we did not, or do not yet, speak. Any language but Spanish is answered in English."""
    found = SENTENCES[refusal]
    if reader == "customer":
        return found.customer_es if language.startswith("es") else found.customer_en
    return found.marketer_es if language.startswith("es") else found.marketer_en


SENTENCES: Final[dict[Refusal, Sentences]] = {
    Refusal.NO_ADDRESS: Sentences(
        "No tenemos una dirección tuya para este canal.",
        "We have no address of yours for this channel.",
        "No hay una dirección válida para este canal.",
        "There is no valid address for this channel.",
    ),
    Refusal.NO_CONSENT: Sentences(
        "No nos has dicho que sí a recibir esto por aquí.",
        "You have not said yes to getting this here.",
        "No ha dicho que sí a este fin por este canal.",
        "No yes to this purpose on this channel.",
    ),
    Refusal.CONSENT_PENDING: Sentences(
        "Todavía falta que lo confirmes.",
        "You have yet to confirm it.",
        "Pidió apuntarse y aún no lo ha confirmado desde este canal.",
        "Asked to sign up and has not confirmed it from this channel yet.",
    ),
    Refusal.ALREADY_ANSWERED: Sentences(
        "Ya habías respondido, y no hacía falta volver a preguntarte.",
        "You had already answered, so there was no need to ask again.",
        "Ya no está pendiente de confirmar: respondió antes de que saliera la pregunta.",
        "Not waiting to be confirmed any more: the answer came before the question went out.",
    ),
    Refusal.ASKED_ENOUGH: Sentences(
        "Ya te habíamos pedido que lo confirmaras, y no insistimos.",
        "We had already asked you to confirm, and we do not insist.",
        "Ya se le pidió confirmar las veces que permite la política.",
        "Was asked to confirm as often as the policy allows.",
    ),
    Refusal.CONSENT_WITHDRAWN: Sentences(
        "Nos pediste que dejáramos de escribirte por aquí.",
        "You asked us to stop writing here.",
        "Retiró su permiso para este fin por este canal.",
        "Withdrew the yes to this purpose on this channel.",
    ),
    Refusal.CONSENT_EXPIRED: Sentences(
        "Tu permiso caducó, y no escribimos sin él.",
        "Your permission ran out, and we do not write without it.",
        "Su permiso caducó; hay que volver a pedirlo.",
        "The permission ran out; it has to be asked for again.",
    ),
    Refusal.SUPPRESSED: Sentences(
        "Este canal está cerrado: te diste de baja o los mensajes no llegaban.",
        "This channel is closed: you unsubscribed, or messages did not arrive.",
        "El canal está cerrado para esta persona: baja, queja, rebote o decisión de la tienda.",
        "The channel is closed for this person: unsubscribed, complained, bounced, or closed by the shop.",
    ),
    Refusal.PAUSED: Sentences(
        "Nos pediste una pausa.",
        "You asked for a break.",
        "Pidió una pausa; cuando acabe se decide.",
        "Asked for a break; decided when it is over.",
    ),
    Refusal.TOPIC_SKIPPED: Sentences(
        "Prefieres no oír de este tema.",
        "You would rather not hear about this topic.",
        "Prefiere no oír de este tema.",
        "Would rather not hear about this topic.",
    ),
    Refusal.ITEM_BOUGHT: Sentences(
        "Ya lo compraste, así que no te hablamos más de ello.",
        "You already bought it, so we say no more about it.",
        "Ya lo compró: nada más sobre este artículo.",
        "Already bought it: nothing more about this item.",
    ),
    Refusal.ITEM_NOT_WANTED: Sentences(
        "Nos dijiste que no te interesa.",
        "You told us you are not interested.",
        "Dijo «no me interesa»: nada más sobre este artículo.",
        'Said "not interested": nothing more about this item.',
    ),
    Refusal.QUIET_HOURS: Sentences(
        "Era hora de descanso para ti, y esperamos.",
        "It was quiet time for you, so we waited.",
        "Son sus horas de silencio; entonces se decide.",
        "It is quiet time for this person; decided when it is over.",
    ),
    Refusal.ZONE_UNKNOWN: Sentences(
        "No sabemos qué hora es para ti, y preferimos no molestar.",
        "We do not know what time it is for you, and would rather not disturb.",
        "No se sabe qué hora es para esta persona: falta la zona horaria o el país.",
        "It is not known what time it is for this person: time zone and country are missing.",
    ),
    Refusal.CADENCE_REACHED: Sentences(
        "Ya tenías tu mensaje, al ritmo que elegiste.",
        "You already had your message, at the rhythm you chose.",
        "Eligió cada cuánto quiere saber de la tienda, y ya tuvo su mensaje; cuando toque otro se decide.",
        "Chose how often to hear from the shop and has had the message; decided when the next is due.",
    ),
    Refusal.STEPPING_BACK: Sentences(
        "Nuestros últimos mensajes no te sirvieron, así que te escribimos menos.",
        "Our last messages were of no use to you, so we write less.",
        "Dejó pasar los últimos mensajes, o se quejó: le dejamos más tiempo entre uno y otro.",
        "Let the last messages pass, or complained: we leave more time between one and the next.",
    ),
    Refusal.LIMIT_REACHED: Sentences(
        "Ya te hemos escrito bastante por ahora.",
        "We have written to you enough for now.",
        "Ya recibió suficiente por ahora.",
        "Heard enough for now.",
    ),
    Refusal.LIMIT_UNREADABLE: Sentences(
        "No pudimos comprobar cuánto te hemos escrito, así que callamos.",
        "We could not check how much we have written to you, so we kept silent.",
        "El mensaje no cabe en ningún límite tal como están puestos.",
        "The message fits no limit as the limits are set.",
    ),
    Refusal.COMPLAINT_OPEN: Sentences(
        "Mientras resolvemos tu queja no te enviamos publicidad.",
        "While we sort out your complaint, we send you no marketing.",
        "Tiene una queja abierta: hasta que se cierre, nada de publicidad.",
        "Has an open complaint: no marketing until it is closed.",
    ),
    Refusal.HELD_OUT: Sentences(
        "Estás entre las personas que dejamos en paz para comparar.",
        "You are among the people we leave alone, to compare.",
        "Gente que dejamos en paz, para saber qué habría pasado.",
        "People left alone, to know what would have happened.",
    ),
    Refusal.EXPIRED: Sentences(
        "Ya no venía a cuento.",
        "The moment had passed.",
        "El momento pasó antes de poder decirlo.",
        "The moment passed before it could be said.",
    ),
    Refusal.NOT_LIVE: Sentences(
        "Era algo de hace tiempo, y de eso no te escribimos.",
        "It was old news, and we do not write about that.",
        "Viene de datos importados o antiguos: eso nunca habla.",
        "It comes from imported or old data: that never speaks.",
    ),
    Refusal.CLOCK_UNSURE: Sentences(
        "No estábamos seguros de la hora, y esperamos.",
        "We were not sure of the time, so we waited.",
        "El reloj del servidor dio un salto; la publicidad espera hasta que sea fiable.",
        "The server's clock jumped; marketing waits until it can be trusted.",
    ),
    Refusal.CUSTOMER_GONE: Sentences(
        "Ya no guardamos datos tuyos.",
        "We no longer keep data of yours.",
        "Esta persona ya no está: se borró o se unió a otra.",
        "This person is no longer here: erased, or joined with another.",
    ),
    Refusal.MERGING: Sentences(
        "Estamos reuniendo en un solo sitio lo que nos has contado.",
        "We are bringing together in one place what you have told us.",
        "Esta persona se está uniendo a otra: lo promocional pendiente se cancela y se decide de nuevo para ambas juntas.",
        "This person is being joined with another: pending marketing is cancelled and decided again for both together.",
    ),
    Refusal.GOAL_REACHED: Sentences(
        "Ya hiciste lo que íbamos a recordarte.",
        "You already did what we were going to remind you of.",
        "Ya ocurrió lo que se buscaba; no hace falta decir nada.",
        "What was hoped for has happened; nothing needs saying.",
    ),
    Refusal.EXITED: Sentences(
        "Pasó algo que hizo que este mensaje sobrara.",
        "Something happened that made this message needless.",
        "Salió del programa antes de que se dijera.",
        "Left the journey before it was said.",
    ),
    Refusal.BETTER_PROPOSAL: Sentences(
        "Había algo más útil que decirte.",
        "There was something more useful to tell you.",
        "Otra propuesta le servía más en ese momento.",
        "Another proposal was of more use at that moment.",
    ),
    Refusal.OVERTAKEN: Sentences(
        "Antes de que saliera hubo algo más útil que decirte.",
        "Before it left there was something more useful to tell you.",
        "Iba a salir, y una propuesta mejor tomó su sitio en el límite.",
        "It was about to leave when a better proposal took its place in the limit.",
    ),
    Refusal.ALREADY_SAID: Sentences(
        "Ya te lo habíamos dicho.",
        "We had already told you.",
        "Esto mismo ya se le dijo.",
        "The very same was already said.",
    ),
    Refusal.TEMPLATE_FAULT: Sentences(
        "El mensaje tenía un fallo nuestro, y no lo enviamos.",
        "The message had a fault of ours, so we did not send it.",
        "El mensaje no se pudo escribir: la plantilla tiene un fallo.",
        "The message could not be written: its template has a fault.",
    ),
    Refusal.TEMPLATE_MISSING: Sentences(
        "El mensaje no estaba listo, y no lo enviamos.",
        "The message was not ready, so we did not send it.",
        "No existe el mensaje que nombra el programa para este canal.",
        "The message that the journey names does not exist for this channel.",
    ),
    Refusal.SANDBOX: Sentences(
        "Esto es una prueba: nada sale de aquí.",
        "This is a trial: nothing leaves it.",
        "Espacio de prueba: solo se entrega a su propio buzón.",
        "A trial workspace: hands over only to its own mailbox.",
    ),
    Refusal.STEP_VANISHED: Sentences(
        "Cambiamos nuestros mensajes, y este ya no existe.",
        "We changed our messages, and this one is no more.",
        "La versión nueva del programa ya no tiene este paso.",
        "The new version of the journey no longer has this step.",
    ),
    Refusal.NOTHING_LEFT: Sentences(
        "Ya no quedaba nada que recordarte.",
        "There was nothing left to remind you of.",
        "Cuando tocaba hablar, ya no quedaba nada de qué hablar.",
        "When the time came, there was nothing left to speak about.",
    ),
    Refusal.ITEM_WITHDRAWN: Sentences(
        "Ya no lo tenemos, así que no te hablamos de ello.",
        "We no longer have it, so we say nothing about it.",
        "El artículo se retiró del catálogo: lo pendiente sobre él se cancela.",
        "The item was withdrawn from the catalogue: what was pending about it is cancelled.",
    ),
    Refusal.OFFER_GONE: Sentences(
        "Lo que íbamos a contarte ya no era verdad: había cambiado el precio o no quedaban.",
        "What we were going to tell you was no longer true: the price had changed, or none were left.",
        "Al entregarlo, el precio había vuelto a subir o ya no había existencias.",
        "At the hand-off the price had risen again, or there was no stock left.",
    ),
    Refusal.NO_POSTAL_ADDRESS: Sentences(
        "Al mensaje le faltaba decir quién escribe y desde dónde, y no lo enviamos.",
        "The message lacked who writes and from where, so we did not send it.",
        "Falta el nombre y la dirección postal de la tienda (`brand.legal`): sin ellos no sale publicidad por correo.",
        "The shop's name and postal address are missing (`brand.legal`): without them no marketing leaves by e-mail.",
    ),
    Refusal.MAIL_UNSIGNED: Sentences(
        "No podíamos firmar el correo, y sin firma no lo enviamos.",
        "We could not sign the mail, and without a signature we do not send it.",
        "Nadie firma el correo con DKIM: sin firma no sale publicidad por correo.",
        "Nobody signs the mail with DKIM: without a signature no marketing leaves by e-mail.",
    ),
    Refusal.SENDER_UNALIGNED: Sentences(
        "La firma del correo no era la de nuestro nombre, y no lo enviamos.",
        "The mail's signature was not in our own name, so we did not send it.",
        "La firma DKIM es de otro dominio que el remitente (`brand.sender`): así no sale publicidad por correo.",
        "The DKIM signature is for another domain than the sender's (`brand.sender`): no marketing leaves like that.",
    ),
    Refusal.COMPLAINTS_HIGH: Sentences(
        "Habíamos molestado a demasiada gente, y paramos.",
        "We had bothered too many people, so we stopped.",
        "Demasiadas quejas sobre los correos de este dominio en siete días: la publicidad espera.",
        "Too many complaints about this domain's mail in seven days: marketing waits.",
    ),
    Refusal.RESTORED: Sentences(
        "Puede que ya te lo hubiéramos dicho, y no lo repetimos.",
        "We may have told you already, and we do not repeat it.",
        "Se restauró una copia de seguridad: puede que ya hubiera salido, y no se repite.",
        "A backup was restored: it may have left before, and is not repeated.",
    ),
}
