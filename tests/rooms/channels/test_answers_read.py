"""What people and their machines answer."""

from __future__ import annotations

import pytest
from mail_written import BOUNCES, CAME, LEAVING, MESSAGE, MESSAGE_ID, OURS, REPLIES, letter

from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.channels.returned.read import read_mail
from oportuno.channels.returned.reply import without_quotes


def heard(raw: bytes, recipient: str = REPLIES) -> Hearing:
    return read_mail(raw, recipient=recipient, at=CAME, ours=OURS)


def test_ana_writes_back_and_only_her_own_words_are_kept():
    hearing = heard(
        letter(
            "Hola, ¿tenéis la talla 38?\r\n\r\n"
            "El vie, 20 nov 2026 a las 9:00, Tienda Norte (<hola@tiendanorte.example>)\r\nescribió:\r\n\r\n"
            "> Ha bajado de precio\r\n> Porque lo viste tres veces\r\n"
        )
    )
    assert (hearing.what, hearing.proof, hearing.message, hearing.workspace) == (What.REPLY, Proof.SIGNED, MESSAGE, 7)
    assert hearing.text == "Hola, ¿tenéis la talla 38?"
    assert hearing.address == "ana@cliente.example"


@pytest.mark.parametrize(
    "quoted",
    [
        "On Fri, 20 Nov 2026 at 09:00, Tienda Norte <hola@tiendanorte.example> wrote:\n> old",
        "-----Original Message-----\nFrom: Tienda Norte\nold",
        "-----Mensaje original-----\nold",
        "________________________________\nDe: Tienda Norte <hola@tiendanorte.example>\nEnviado: viernes\nold",
        "From: Tienda Norte <hola@tiendanorte.example>\nSent: Friday\nTo: Ana\nold",
        "> old\n>> older",
        "-- \nAna García\nold",
        "Enviado desde mi iPhone\nold",
        "Sent from my iPhone\n\nold",
    ],
)
def test_what_is_quoted_and_signed_is_left_out(quoted):
    assert without_quotes(f"Sí, por favor.\nDe nada me sirve otra.\n\n{quoted}") == "Sí, por favor.\nDe nada me sirve otra."


def test_an_answer_written_in_html_is_read_without_the_quoted_mail():
    html = (
        "Content-Type: text/html; charset=utf-8\r\n\r\n"
        "<html><head><style>p{}</style></head><body><p>Gracias</p><p>¡Adiós!</p><blockquote>viejo</blockquote></body></html>"
    )
    raw = letter("").partition(b"Content-Type")[0] + html.encode()
    assert heard(raw).text.split() == ["Gracias", "¡Adiós!"]


@pytest.mark.parametrize(
    "more",
    [
        "Auto-Submitted: auto-replied\r\n",
        "Auto-Submitted: auto-generated; by=ticket\r\n",
        "X-Autoreply: yes\r\n",
        "Precedence: bulk\r\n",
        "X-Autorespond: absence\r\n",
    ],
)
def test_a_machine_that_says_so_is_no_person(more):
    assert heard(letter("Estoy fuera.", more=more)).what is What.AUTO_REPLY


@pytest.mark.parametrize(
    "subject",
    [
        "Respuesta automática: Ha bajado",
        "Automatic reply: Ha bajado",
        "Out of Office Re: Ha bajado",
        "Fuera de la oficina: Ha bajado",
        "Ausente",
    ],
)
def test_a_note_of_absence_is_known_by_how_it_begins(subject):
    assert heard(letter("Vuelvo el lunes.", subject=subject), recipient=BOUNCES).what is What.AUTO_REPLY


@pytest.mark.parametrize("subject", ["Re: Ausencias justificadas", "Pregunta: ¿oficina fuera?", "Re: Ha bajado"])
def test_a_person_who_writes_of_such_things_is_still_a_person(subject):
    assert heard(letter("Hola", subject=subject, more="Auto-Submitted: no\r\n")).what is What.REPLY


def test_a_mail_that_asks_to_leave_leaves_for_the_message_in_its_subject():
    raw = letter("", subject=f"unsubscribe {LEAVING}")
    hearing = heard(raw, recipient="baja@tiendanorte.example")
    assert (hearing.what, hearing.proof, hearing.workspace, hearing.message) == (What.UNSUBSCRIBED, Proof.SIGNED, 7, MESSAGE)


def test_a_mail_that_asks_to_leave_with_a_token_of_nobody_changes_nothing():
    raw = letter("", subject=f"unsubscribe {'B' * 110}").replace(REPLIES.encode(), b"baja@tiendanorte.example")
    hearing = heard(raw, recipient="baja@tiendanorte.example")
    assert (hearing.what, hearing.proof) == (What.NOT_UNDERSTOOD, Proof.BARE)


def test_an_answer_to_the_shops_own_address_finds_its_message_by_what_it_answers():
    raw = letter("Hola", more=f"In-Reply-To: {MESSAGE_ID}\r\n").replace(REPLIES.encode(), b"hola@tiendanorte.example")
    hearing = heard(raw, recipient="hola@tiendanorte.example")
    assert (hearing.what, hearing.proof, hearing.message) == (What.REPLY, Proof.NAMED, MESSAGE)


def test_a_stranger_who_writes_is_kept_and_nothing_follows():
    raw = letter("buy cheap").replace(REPLIES.encode(), b"hola@tiendanorte.example")
    hearing = heard(raw, recipient="hola@tiendanorte.example")
    assert (hearing.what, hearing.proof) == (What.NOT_UNDERSTOOD, Proof.BARE)
