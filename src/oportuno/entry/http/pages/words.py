"""The words of the customers' pages, in Spanish and English. Slots in braces are filled with values that are escaped afterwards."""

from __future__ import annotations

from typing import Final

NAMES: Final = {"es": "Español", "en": "English"}

_DECK: Final[dict[str, tuple[str, str]]] = {
    "skip": ("Saltar al contenido", "Skip to content"),
    "language": ("Idioma", "Language"),
    "privacy": ("Aviso de privacidad", "Privacy notice"),
    "write": ("Escríbenos", "Write to us"),
    "home_title": ("Oportuno está en marcha", "Oportuno is running"),
    "home": (
        "Aquí se abren los enlaces de los mensajes de una tienda. Si vienes de uno, vuelve a él y púlsalo: aquí no hay nada tuyo.",
        "Links in a shop’s messages open here. If you come from one, go back to it and press it: nothing of yours is here.",
    ),
    "to_demo": ("Ver la demostración", "See the demonstration"),
    "to_shop": ("Ir a la tienda", "Go to the shop"),
    "why_title": ("Por qué recibiste esto", "Why you got this"),
    "sent": ("Correo: {when}", "E-mail: {when}"),
    "sent_other": ("Mensaje: {when}", "Message: {when}"),
    "not_sent": ("Preparado y no enviado", "Prepared and not sent"),
    "in_a_sentence": ("En una frase:", "In one sentence:"),
    "go_on": ("¿Seguimos con esto?", "Shall we go on with this?"),
    "go_on_help": (
        "Un toque y dejamos de hablarte de esto, por todos los canales.",
        "One tap and we stop mentioning this, on every channel.",
    ),
    "change_mind": ("Si ha cambiado algo, puedes responder otra cosa.", "If something has changed, you can answer otherwise."),
    "bought": ("Ya lo compré", "I already bought it"),
    "not_interested": ("No me interesa", "Not interested"),
    "went_by": ("En qué nos basamos", "What we went by"),
    "agreed": (
        "Dijiste que sí a recibir novedades por este medio {when}.",
        "You said yes to hearing from us this way {when}.",
    ),
    "did_not_use": ("Qué no usamos", "What we did not use"),
    "wrong": ("¿No cuadra algo?", "Does something look wrong?"),
    "stop_these": ("Dejar de recibir estos correos", "Stop these e-mails"),
    "confirm_bought": ("¿Ya tienes lo que te enseñamos?", "Do you already have what we showed you?"),
    "confirm_bought_one": ("¿Ya tienes esto: {thing}?", "Do you already have this: {thing}?"),
    "confirm_not_interested": ("¿No te interesa lo que te enseñamos?", "Are you not interested in what we showed you?"),
    "confirm_not_interested_one": ("¿No te interesa esto: {thing}?", "Are you not interested in this: {thing}?"),
    "nothing_changed": (
        "Abrir esta página no ha cambiado nada: confirma y ya está.",
        "Opening this page has changed nothing: confirm and it’s done.",
    ),
    "confirm_help": (
        "Dejaremos de hablarte de esto por correo, en la tienda y por cualquier otro canal.",
        "We will stop mentioning this by e-mail, in the shop and on any other channel.",
    ),
    "yes_bought": ("Sí, ya lo tengo", "Yes, I have it"),
    "yes_not_interested": ("No me interesa", "I’m not interested"),
    "neither": ("Ninguna de las dos, solo miraba", "Neither, I was just looking"),
    "answered_bought": ("Ya respondiste a esto {when}: lo compraste.", "You answered this {when}: you bought it."),
    "answered_not_interested": ("Ya respondiste a esto {when}: no te interesa.", "You answered this {when}: not interested."),
    "done_title": ("Hecho. No te hablaremos más de esto.", "Done. We won’t mention this again."),
    "done_none": ("No había nada en cola.", "Nothing was queued."),
    "done_one": ("Hemos quitado un recordatorio que estaba en cola.", "We removed one reminder that was queued."),
    "done_many": ("Hemos quitado {count} recordatorios que estaban en cola.", "We removed {count} reminders that were queued."),
    "done_thanks": (
        "Nos viene bien saberlo: así no te escribimos de más. Tus demás temas siguen como estaban.",
        "It helps us to know: it keeps us from writing too much. Your other topics stay as they were.",
    ),
    "undo": ("Deshacer", "Undo"),
    "undone_title": ("Deshecho", "Undone"),
    "undone": (
        "Todo está como antes de tu respuesta. Lo que ya quitamos de la cola no vuelve.",
        "Everything is as it was before your answer. What we removed from the queue does not come back.",
    ),
    "undone_nothing": ("No había nada que deshacer.", "There was nothing to undo."),
    "undo_ask": ("¿Deshacer tu respuesta?", "Undo your answer?"),
    "leave_title": ("Darte de baja", "Unsubscribe"),
    "leave_lede": ("Un botón, sin contraseña y sin preguntas.", "One button, no password, no questions."),
    "leave_for": ("Es para", "It is for"),
    "leave_all": ("No quiero más publicidad", "I want no more marketing"),
    "leave_all_help": (
        "No te llegará por ningún canal. Si compras, sí te escribiremos sobre ese pedido.",
        "Nothing will reach you by any channel. If you buy, we will write about that order.",
    ),
    "leave_all_button": ("Darme de baja de todo", "Unsubscribe from everything"),
    "leave_this": ("Solo esto", "Only this"),
    "leave_topic_help": (
        "El mensaje del que vienes era de «{topic}». Lo demás te seguiría llegando.",
        "The message you came from was about “{topic}”. The rest would still reach you.",
    ),
    "leave_topic_button": ("Dejar solo «{topic}»", "Stop “{topic}” only"),
    "leave_mail_help": ("Dejaríamos de escribirte por correo. Nada más cambia.", "We would stop writing by e-mail. Nothing else changes."),
    "leave_mail_button": ("Dejar solo los correos", "Stop e-mails only"),
    "opening_nothing": ("Abrir esta página no ha cambiado nada.", "Opening this page has changed nothing."),
    "left_title": ("Ya estás de baja", "You are unsubscribed"),
    "left_since": ("Desde {when}.", "Since {when}."),
    "left_since_click": ("Desde {when}, con el botón de tu programa de correo.", "Since {when}, with the button of your mail program."),
    "left_all": (
        "No te enviaremos más publicidad, tampoco lo que ya estaba en cola. No te mandaremos un correo para confirmarlo.",
        "We will send you no more marketing, nor what was already queued. We won’t e-mail you to confirm it.",
    ),
    "left_channel": (
        "No te enviaremos más publicidad por este medio, tampoco lo que ya estaba en cola. No te mandaremos un correo para confirmarlo.",
        "We will send you no more marketing this way, nor what was already queued. We won’t e-mail you to confirm it.",
    ),
    "left_topic_title": ("Hecho. No te hablaremos más de «{topic}».", "Done. We won’t mention “{topic}” again."),
    "left_topic": ("Lo demás te sigue llegando como antes.", "The rest reaches you as before."),
    "left_undo": ("Ha sido sin querer, deshacer", "It was a slip, undo"),
    "join_subject": ("Confirmar tu correo", "Confirming your e-mail"),
    "join_title": ("Un toque y listo", "One tap and done"),
    "join": ("Vas a recibir novedades de {shop} en {email}.", "You are about to get news from {shop} at {email}."),
    "join_weekly": ("Una vez a la semana como mucho.", "Once a week at most."),
    "join_monthly": ("Una vez al mes como mucho.", "Once a month at most."),
    "join_when_it_fits": (
        "Solo lo que encaje contigo, nunca más de dos veces a la semana.",
        "Only what suits you, never more than twice a week.",
    ),
    "join_yes": ("Sí, soy yo", "Yes, it’s me"),
    "join_no": ("No lo pedí", "I didn’t ask for it"),
    "join_closing": (
        "Abrir esta página no ha cambiado nada. Si cierras sin contestar, no te escribimos.",
        "Opening this page has changed nothing. If you close without answering, we don’t write.",
    ),
    "joined_title": ("Listo, confirmado", "Done, confirmed"),
    "joined": ("Desde {when} podemos escribirte a {email}.", "From {when} we may write to {email}."),
    "joined_stop": (
        "Puedes parar cuando quieras: cada correo lleva el enlace para darte de baja.",
        "You can stop at any time: every e-mail carries the link to unsubscribe.",
    ),
    "not_joined_title": ("Hecho. No te escribiremos.", "Done. We won’t write to you."),
    "not_joined": (
        "No has quedado en ninguna lista. Tampoco te mandaremos un correo para confirmarlo.",
        "You are on no list. Nor will we e-mail you to confirm it.",
    ),
    "join_over_title": ("Aquí no queda nada que confirmar", "There is nothing left to confirm here"),
    "join_over": (
        "Lo último que nos dijiste es que no, y eso es lo que vale. Si has cambiado de idea, apúntate otra vez en la tienda.",
        "The last thing you told us was no, and that is what counts. If you have changed your mind, sign up again in the shop.",
    ),
    "join_elsewhere": (
        "Este enlace era para otra dirección. Apúntate otra vez en la tienda y te mandaremos uno nuevo.",
        "This link was for another address. Sign up again in the shop and we will send a new one.",
    ),
    "cart_title": ("Tu cesta", "Your basket"),
    "cart_held": (
        "Te guardamos lo que hay en ella hasta {when}. Después sigue a la venta, pero no podemos prometértelo.",
        "We are keeping what is in it until {when}. After that it is still on sale, but we can’t promise it.",
    ),
    "cart_hold_over": (
        "La reserva terminó {when}. Lo que había sigue aquí, pero ya no podemos prometértelo.",
        "The hold ended {when}. What was in it is still here, but we can’t promise it any more.",
    ),
    "cart_never_held": (
        "Está como la dejaste. No hay nada reservado: manda lo que quede en la tienda.",
        "It is as you left it. Nothing is reserved: what counts is what the shop still has.",
    ),
    "cart_empty": ("Esta cesta ya no tiene nada.", "There is nothing in this basket any more."),
    "cart_help": (
        "Abre esta misma cesta en cualquier aparato. No se cobra nada al pulsar.",
        "It opens this same basket on any device. Pressing it charges nothing.",
    ),
    "back_to_cart": ("Volver a mi cesta", "Go back to my basket"),
    "pieces": ("{count} unidades", "Quantity: {count}"),
    "already_bought": ("Ya comprado", "Already bought"),
    "total": ("Total", "Total"),
    "forged_title": ("No podemos leer este enlace", "We can’t read this link"),
    "forged": (
        "Puede que se cortara al copiarlo. Ábrelo desde el mensaje original, o pide uno nuevo contestando a ese mensaje.",
        "It may have been cut off when it was copied. Open it from the original message, or ask for a new one by replying to it.",
    ),
    "expired_title": ("Este enlace ha caducado", "This link has expired"),
    "expired": (
        "No ha cambiado nada. Si quieres decirnos algo, contesta al mensaje y te lee una persona.",
        "Nothing has changed. If you want to tell us something, reply to the message and a person reads it.",
    ),
    "gone_title": ("Este mensaje ya no está", "This message is no longer here"),
    "gone": (
        "Lo guardamos un tiempo y después se borra, o se borró porque lo pediste. No hay nada más que hacer.",
        "We keep messages for a time and then delete them, or it was deleted because you asked. There is nothing more to do.",
    ),
    "away_title": ("Ahora no podemos contestarte", "We can’t answer right now"),
    "away": (
        "Tu respuesta no se ha guardado. Vuelve a intentarlo en un momento.",
        "Your answer was not saved. Please try again in a moment.",
    ),
    "away_link_title": ("Ahora no podemos abrir este enlace", "We can’t open this link right now"),
    "away_link": (
        "La culpa es nuestra. Vuelve a pulsarlo en un momento: no se ha perdido nada.",
        "The fault is ours. Please press it again in a moment: nothing is lost.",
    ),
    "measure": ("Qué medimos", "What we measure"),
    "measured": (
        "Dices que sí a que midamos: si pulsas un enlace a la tienda, anotamos cuál y cuándo, para no insistir con lo que no te sirve.",
        "You say yes to measuring: when you press a link to the shop we note which one and when, so as not to go on about what is no use.",
    ),
    "measured_no_more": (
        "Ya no dices que sí a que midamos: los enlaces te llevan a la tienda y no anotamos nada.",
        "You no longer say yes to measuring: the links take you to the shop and we note nothing.",
    ),
    "measured_not": (
        "Nada. Los enlaces a la tienda van directos y no nos dicen si los pulsas.",
        "Nothing. The links to the shop go straight there and do not tell us whether you press them.",
    ),
    "measured_opening": (
        "Si abres o no el correo, no lo sabemos: no lleva nada que nos lo diga.",
        "Whether you open the e-mail or not, we do not know: nothing in it tells us.",
    ),
    "unclear_title": ("No hemos entendido la respuesta", "We did not understand the answer"),
    "unclear": ("No ha cambiado nada. Vuelve al mensaje y pulsa otra vez.", "Nothing has changed. Go back to the message and press again."),
}

TOPICS: Final[dict[str, tuple[str, str]]] = {
    "cart": ("Mi cesta a medias", "My unfinished basket"),
    "price_drops": ("Bajadas de precio", "Price drops"),
    "back_in_stock": ("Lo que vuelve a estar", "What is back in stock"),
    "orders": ("Tus pedidos", "Your orders"),
    "news": ("Novedades", "New arrivals"),
    "care": ("Cuidar lo que compré", "Caring for what I bought"),
}
"""Topics with names of ours; a workspace's own topic is shown as it is written."""

LANGUAGES: Final = tuple(NAMES)
WORDS: Final[dict[str, dict[str, str]]] = {
    language: {name: pair[place] for name, pair in _DECK.items()} for place, language in enumerate(LANGUAGES)
}


def topic_name(topic: str, language: str) -> str:
    """Give a topic's name for a customer; empty when there is none."""
    pair = TOPICS.get(topic)
    return pair[LANGUAGES.index(language)] if pair else topic.replace("_", " ")
