"""What a customer gets: their language, the truth, the label, the way out, and nothing that watches them."""

from __future__ import annotations

import re
from html import unescape

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_stage import BRAND, GALERNA, MAKER, Stage, cart_mail
from oportuno.content.liquid import TemplateFault
from oportuno.content.message import Message, Rendered
from oportuno.content.plain_text import plain_text
from oportuno.content.render import render
from oportuno.content.said import Because
from oportuno.content.template import Template, Wording
from oportuno.content.wording import findings
from oportuno.kit.times import HOUR
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Line

FORBIDDEN = "UNA PALABRA QUE NADIE DEBE VER"


def mail_for(locale: str = "es-ES", *, held: int = 8 * HOUR, lines: tuple[Line, ...] = (GALERNA,)) -> tuple[Rendered, Message]:
    stage = Stage()
    key = stage.ana(locale=locale, lines=lines, held=held)
    message = stage.queue(key)
    return stage.render(message), message


def links_in(html: str) -> list[str]:
    return [unescape(address) for address in re.findall(r'href="([^"]*)"', html)]


@pytest.mark.parametrize(
    ("locale", "language", "words"),
    [
        ("es-ES", "es", "Tu cesta sigue como la dejaste"),
        ("en-IE", "en", "Your basket is just as you left it"),
        ("fr-FR", "es", "Tu cesta sigue como la dejaste"),
        ("", "es", "Tu cesta sigue como la dejaste"),
    ],
)
def test_ana_is_written_to_in_her_language_or_else_in_the_shops_first(locale: str, language: str, words: str) -> None:
    rendered, _ = mail_for(locale)
    assert (rendered.language, rendered.subject) == (language, words)
    assert f'lang="{language}"' in rendered.html
    assert rendered.headers["Content-Language"] == language


def test_the_label_stands_in_every_mail_with_its_three_answers() -> None:
    rendered, message = mail_for()
    links = MAKER.links(message, message.permitted_at)
    found = links_in(rendered.html)
    assert {links.why, links.bought, links.not_interested, links.unsubscribe} <= set(found)
    assert "dejaste un artículo en la cesta hoy, sábado, a las 10:00." in plain_text(rendered.html)


def test_the_plain_text_begins_with_the_why_says_the_same_and_ends_with_the_answers() -> None:
    rendered, message = mail_for()
    lines = rendered.text.splitlines()
    links = MAKER.links(message, message.permitted_at)
    assert lines[0] == "Por qué te llega: dejaste un artículo en la cesta hoy, sábado, a las 10:00."
    at = {line.partition(": ")[0]: number for number, line in enumerate(lines)}
    assert lines[at["Ya lo compré"]] == f"Ya lo compré: {links.bought}"
    assert at["Por qué te llega"] < at["Volver a mi cesta"] < at["Ya lo compré"] < at["Ver por qué"] < at["Darte de baja"]
    assert "Talla M · 71,20\xa0€" in lines
    assert "Total · 71,20\xa0€" in lines
    assert "Chubasquero Galerna" in rendered.text
    assert "71,20\xa0€" in rendered.text
    assert f"Darte de baja: {links.unsubscribe}" in rendered.text
    assert "<" not in rendered.text
    assert "{" not in rendered.text


def test_a_hold_is_named_with_its_hour_only_while_there_is_one() -> None:
    held, _ = mail_for(held=8 * HOUR)
    assert "hasta hoy, sábado, a las 19:00" in plain_text(held.html)
    free, _ = mail_for(held=0)
    assert "Te guardamos" not in free.html
    assert "No hay nada reservado" in free.html


def test_marketing_carries_both_headers_of_leaving_with_one_click() -> None:
    rendered, message = mail_for()
    leave = MAKER.links(message, message.permitted_at)
    assert rendered.headers["List-Unsubscribe"] == f"<{leave.unsubscribe}>, <{leave.mailto}>"
    assert rendered.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_notice_about_an_order_offers_no_unsubscribing() -> None:
    stage = Stage()
    message = stage.queue(stage.ana(), purpose=Purpose.SERVICE)
    rendered = stage.render(message)
    assert "List-Unsubscribe" not in rendered.headers
    assert MAKER.links(message, message.permitted_at).unsubscribe not in rendered.html
    assert MAKER.links(message, message.permitted_at).why in rendered.html


def test_nothing_in_a_mail_watches_its_reader() -> None:
    rendered, _ = mail_for()
    assert "<img" not in rendered.html
    assert "@import" not in rendered.html
    assert "url(" not in rendered.html
    assert "<script" not in rendered.html
    assert not re.search(r"<link\b", rendered.html)
    for address in links_in(rendered.html):
        assert address.startswith(("https://norte.example", "https://pages.example/p/"))


def test_a_picture_from_elsewhere_would_tell_a_stranger_who_reads_and_is_left_out() -> None:
    own, foreign = "https://img.norte.example/galerna.png", "https://watcher.example/pixel.gif"
    for image, shown in ((own, True), (foreign, False), ("javascript:1", False), ("https://norte.example.evil.example/x.png", False)):
        rendered, _ = mail_for(lines=(Line(product="g", name="Galerna", price=100, image=image),))
        assert (image in rendered.html) is shown
        assert ("<img" in rendered.html) is shown


def test_shop_links_are_marked_and_answers_are_not() -> None:
    rendered, _ = mail_for()
    for address in links_in(rendered.html):
        assert ("utm_source=oportuno" in address) is address.startswith("https://norte.example"), address


def test_a_mail_stays_far_below_the_size_that_gmail_cuts() -> None:
    many = tuple(Line(product=f"p{n}", name=f"Producto número {n}", price=999, quantity=2) for n in range(10))
    rendered, _ = mail_for(lines=many)
    assert len(rendered.html.encode()) < 40_000


def test_the_same_message_is_rendered_with_the_same_links_however_late() -> None:
    stage = Stage()
    message = stage.queue(stage.ana())
    first = links_in(stage.render(message).html)
    stage.world.clock.now += 3 * HOUR
    assert links_in(stage.render(message).html) == first


def test_the_sender_is_the_shop_by_its_name() -> None:
    rendered, _ = mail_for()
    assert rendered.sender == '"Tienda Norte" <hola@norte.example>'


@settings(max_examples=60, deadline=None)
@given(name=st.text(max_size=40), variant=st.text(max_size=20), address=st.text(max_size=40))
def test_whatever_a_product_is_called_it_stays_words(name: str, variant: str, address: str) -> None:
    stage = Stage()
    poison = Line(product="p", name=f"<script>{name}", variant=f'"><img src=x onerror={variant}', price=100, url=address)
    message = stage.queue(stage.ana(lines=(poison,)))
    rendered = stage.render(message)
    assert "<script" not in rendered.html
    assert "<img" not in rendered.html


def own(template: Template, html: str, subject: str = "Hola") -> Template:
    return msgspec.structs.replace(template, wordings={"es": Wording(subject=subject, html=html, plain="Hola")})


def rendered_with(template: Template, *, context: dict[str, object] | None = None) -> Rendered:
    stage = Stage()
    said = stage.said(stage.ana())
    said = msgspec.structs.replace(said, context=context or {}, because=Because(kind="cart_left", facts={}))
    message = stage.message(said, stage.ana())
    return render(
        message,
        template,
        profile={},
        links=MAKER.links(message, stage.now),
        brand=msgspec.structs.asdict(BRAND),
        languages=("es", "en"),
        locale="es-ES",
        now=stage.now,
        tz="Europe/Madrid",
    )


def test_a_mail_without_its_why_is_not_sent_whatever_the_template_says() -> None:
    with pytest.raises(TemplateFault) as fault:
        rendered_with(own(cart_mail(), "<p>{{ links.unsubscribe }}</p>"))
    assert fault.value.code == "template_without_label"


def test_marketing_without_a_way_out_is_not_sent() -> None:
    with pytest.raises(TemplateFault):
        rendered_with(own(cart_mail(), "<p>{{ links.why }}</p>"))


def test_an_empty_subject_is_not_sent() -> None:
    with pytest.raises(TemplateFault) as fault:
        rendered_with(own(cart_mail(), "{{ links.why }}{{ links.unsubscribe }}", subject="{{ customer.first_name | default: '' }}"))
    assert fault.value.code == "template_no_subject"


def test_a_subject_stays_one_line() -> None:
    template = own(cart_mail(), "{{ links.why }}{{ links.unsubscribe }}", subject="Hola {{ topic_words }}")
    rendered = rendered_with(template, context={"topic_words": "a\r\nBcc: everybody@example.com"})
    assert "\n" not in rendered.subject
    assert "\r" not in rendered.subject


def test_a_context_cannot_pass_itself_off_as_our_links() -> None:
    template = own(cart_mail(), "{{ links.why }}{{ links.unsubscribe }}{{ brand.name }}")
    rendered = rendered_with(template, context={"links": {"why": FORBIDDEN}, "brand": {"name": FORBIDDEN}, "customer": {"name": FORBIDDEN}})
    assert FORBIDDEN not in rendered.html


def test_a_shop_whose_name_looks_like_a_template_is_only_a_name() -> None:
    stage = Stage(msgspec.structs.replace(BRAND, name="{{ links.why }} <b>"))
    message = stage.queue(stage.ana())
    assert "{{ links.why }} &lt;b&gt;" in stage.render(message).html


def test_a_webhook_gets_plain_facts_and_no_value_breaks_its_json() -> None:
    template = Template(key="hook", version=1, channel="webhook", purpose=Purpose.MARKETING, url="https://hooks.example", secret="whsec_x")
    rendered = rendered_with(template, context={"lines": [], "note": '"},{"'})
    assert rendered.payload["data"]["context"]["note"] == '"},{"'
    assert rendered.payload["data"]["links"]["why"].startswith("https://pages.example/p/")
    filled = msgspec.structs.replace(template, payload='{"text": "Hola {{ note }}", "list": [1, "{{ note }}"]}')
    assert rendered_with(filled, context={"note": '"}'}).payload == {"text": 'Hola "}', "list": [1, '"}']}


@pytest.mark.parametrize("locale", ["es-ES", "en-IE"])
def test_the_shipped_mail_says_nothing_that_we_do_not_say(locale: str) -> None:
    rendered, _ = mail_for(locale)
    assert findings(rendered.text, rendered.language) == []
    assert findings(rendered.subject, rendered.language) == []
    assert len(rendered.subject) <= 45
