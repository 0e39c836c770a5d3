"""The pages behind the links of a mail: opening one changes nothing, one button answers, and every ending is said kindly."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_stage import BRAND, MAKER, Stage
from oportuno.consent.answers import Answered, Consents
from oportuno.content.links import LIFETIMES, Action, LinkKey, LinkMaker
from oportuno.content.message import Message
from oportuno.content.wording import findings
from oportuno.entry.http.pages.forms import LARGEST
from oportuno.entry.http.pages.router import Pages, router
from oportuno.entry.http.pages.words import LANGUAGES, WORDS
from oportuno.flows.work import OutboxStatus
from oportuno.kit.faults import Unavailable
from oportuno.kit.times import HOUR
from oportuno.profile.sections import Line, Muted

FORM = "application/x-www-form-urlencoded"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


class Browser:
    """Asks the pages' application directly, as a server would."""

    def __init__(self, stage: Stage) -> None:
        self.app = FastAPI()
        self.app.include_router(router(Pages(stage.desk, MAKER)))

    def ask(self, method: str, address: str, body: bytes = b"", *, kind: str = FORM, language: str = "") -> Answer:
        parts = urlsplit(address)
        headers = [(b"host", b"pages.example"), (b"content-type", kind.encode())]
        headers += [(b"accept-language", language.encode())] if language else []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": headers,
            "server": ("pages.example", 443),
            "client": ("192.0.2.1", 1),
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(event: Any) -> None:
            sent.append(event)

        asyncio.run(self.app(scope, receive, send))
        start = next(event for event in sent if event["type"] == "http.response.start")
        content = b"".join(event.get("body", b"") for event in sent if event["type"] == "http.response.body")
        answered = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], answered, content.decode("utf-8", "replace"))

    def get(self, address: str, **more: Any) -> Answer:
        return self.ask("GET", address, **more)

    def post(self, address: str, **fields: str) -> Answer:
        return self.ask("POST", address, "&".join(f"{name}={value}" for name, value in fields.items()).encode())


def stage_with_mail(locale: str = "es-ES") -> tuple[Stage, Browser, Message]:
    stage = Stage()
    message = stage.send(stage.ana(locale=locale))
    return stage, Browser(stage), message


def own_links(text: str) -> list[str]:
    found = [unescape(each) for each in re.findall(r'(?:href|action)="([^"]*)"', text)]
    return [each for each in found if each.startswith(("/p/", "https://pages.example/p/", "?"))]


def form_actions(text: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'action="([^"]*)"', text)]


# ── Opening changes nothing ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("locale", ["es-ES", "en-IE"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_every_address_of_a_mail_and_of_its_pages_changes_nothing(method: str, locale: str) -> None:
    stage, browser, message = stage_with_mail(locale)
    stage.queue(message.key, step="again")
    rendered = stage.render(message)
    before = stage.everything()
    mailed = [unescape(each) for each in re.findall(r'(?:href|src)="([^"]*)"', rendered.html)]
    mailed += re.findall(r"https?://[^\s<>,]+", rendered.text + rendered.headers["List-Unsubscribe"])
    waiting = [each for each in mailed if each.startswith("https://pages.example")]
    waiting += [f"/p/{stage.token(message, action)}" for action in Action]
    tokens = [parse_qs(urlsplit(each).query).get("oportuno_cart", [""])[0] for each in mailed]
    waiting += [f"/p/{token}/cart.json" for token in tokens if token]
    seen: set[str] = set()
    while waiting:
        address = waiting.pop()
        if address in seen or address.startswith("?"):
            continue
        seen.add(address)
        answer = browser.ask(method, address)
        assert answer.status == 200, address
        if method == "GET":
            waiting += [each for each in own_links(answer.text) if not each.startswith("?")]
    assert len(seen) > 6
    assert stage.everything() == before


def test_head_is_answered_like_get() -> None:
    stage, browser, message = stage_with_mail()
    for action in Action:
        address = f"/p/{stage.token(message, action)}"
        assert browser.ask("HEAD", address).status == browser.get(address).status == 200


def test_a_page_is_quiet_private_and_without_script() -> None:
    stage, browser, message = stage_with_mail()
    for action in Action:
        answer = browser.get(f"/p/{stage.token(message, action)}")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert "<script" not in answer.text
        assert not re.search(r'\sstyle="', answer.text)
        assert not re.search(r"\son\w+=", answer.text)


# ── Why ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_why_page_says_what_it_went_by_and_what_it_did_not_use() -> None:
    stage, browser, message = stage_with_mail()
    text = browser.get(f"/p/{stage.token(message, Action.WHY)}").text
    assert "Chubasquero Galerna y Taza esmaltada Faro" in text
    assert "dejaste tres artículos en la cesta hoy, sábado, a las 10:00." in text
    assert "Tu ubicación" in text
    assert "Dijiste que sí a recibir novedades por este medio el 12 de octubre." in text
    assert "ana@correo.example" not in text


@pytest.mark.parametrize(("locale", "language"), [("es-ES", "es"), ("en-IE", "en")])
def test_the_privacy_notice_opens_in_the_language_of_the_mail_and_of_the_page(locale: str, language: str) -> None:
    stage = Stage(msgspec.structs.replace(BRAND, privacy_url="https://norte.example/{language}/privacidad"))
    message = stage.send(stage.ana(locale=locale))
    notice = f'href="https://norte.example/{language}/privacidad'
    assert notice in stage.render(message).html
    assert notice in Browser(stage).get(f"/p/{stage.token(message, Action.WHY)}").text


def test_both_doors_look_the_same() -> None:
    stage, browser, message = stage_with_mail()
    text = browser.get(f"/p/{stage.token(message, Action.WHY)}").text
    doors = re.findall(r'<button class="([^"]*)" name="answer" value="(\w+)"', text)
    assert doors == [("door", "bought"), ("door", "not_interested")]


@pytest.mark.parametrize("action", [Action.WHY, Action.BOUGHT, Action.NOT_INTERESTED])
@pytest.mark.parametrize("verb", ["bought", "not_interested"])
def test_one_button_answers_and_drops_what_was_queued(action: Action, verb: str) -> None:
    stage, browser, message = stage_with_mail()
    queued = stage.queue(message.key, step="again")
    answer = browser.post(f"/p/{stage.token(message, action)}", answer=verb)
    assert answer.status == 200
    assert "Hecho. No te hablaremos más de esto." in answer.text
    assert "Hemos quitado un recordatorio que estaba en cola." in answer.text
    assert stage.status(queued)[0] is OutboxStatus.CANCELLED
    (undo,) = form_actions(answer.text)
    back = browser.post(undo, answer="undo")
    assert "Deshecho" in back.text
    assert stage.draft(message.key).read(Muted).items == {}


def test_who_has_answered_is_told_so_when_they_come_back() -> None:
    stage, browser, message = stage_with_mail()
    address = f"/p/{stage.token(message, Action.WHY)}"
    browser.post(address, answer="not_interested")
    assert "Ya respondiste a esto hoy, sábado, a las 11:10: no te interesa." in browser.get(address).text


# ── Leaving ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"List-Unsubscribe=One-Click", FORM),
        (
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_one_click_of_the_mail_program_leaves_without_page_cookie_or_redirect(body: bytes, kind: str) -> None:
    stage, browser, message = stage_with_mail()
    header = stage.render(message).headers["List-Unsubscribe"]
    address = header.split(">")[0].removeprefix("<")
    answer = browser.ask("POST", address, body, kind=kind)
    assert answer.status == 200
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers
    assert stage.draft(message.key).read(Consents).answers["marketing/email"].source == "one_click"
    page = browser.get(address).text
    assert "Ya estás de baja" in page
    assert "con el botón de tu programa de correo" in page


def test_leaving_everything_takes_one_button_and_one_to_undo() -> None:
    stage, browser, message = stage_with_mail()
    address = f"/p/{stage.token(message, Action.UNSUBSCRIBE)}"
    shown = browser.get(address).text
    assert "an···@correo.example" in shown
    answer = browser.post(address, answer="leave_all")
    assert "No te enviaremos más publicidad, tampoco lo que ya estaba en cola." in answer.text
    answers = stage.draft(message.key).read(Consents).answers
    assert answers["marketing/email"].state is Answered.WITHDRAWN
    assert answers["marketing/webhook"].state is Answered.WITHDRAWN
    (undo,) = form_actions(answer.text)
    browser.post(undo, answer="undo")
    assert stage.draft(message.key).read(Consents).answers["marketing/email"].state is Answered.GRANTED


def test_leaving_a_topic_leaves_the_rest() -> None:
    stage, browser, message = stage_with_mail("en-IE")
    answer = browser.post(f"/p/{stage.token(message, Action.UNSUBSCRIBE)}", answer="leave_topic")
    assert "Done. We won’t mention “My unfinished basket” again." in answer.text
    assert stage.draft(message.key).read(Consents).skipped_topics == ["cart"]


# ── The cart ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_cart_page_says_until_when_it_is_held_and_the_truth_when_that_is_over() -> None:
    stage, browser, message = stage_with_mail()
    address = f"/p/{stage.token(message, Action.CART)}"
    held = browser.get(address).text
    assert "Te guardamos lo que hay en ella hasta hoy, sábado, a las 19:00." in held
    assert "99,20" in held
    stage.world.clock.now += 9 * HOUR
    late = browser.get(address).text
    assert "La reserva terminó hoy, sábado, a las 19:00." in late
    assert "Te guardamos" not in late


def test_a_shop_anywhere_can_read_the_exact_lines() -> None:
    stage, browser, message = stage_with_mail()
    answer = browser.get(f"/p/{stage.token(message, Action.CART)}/cart.json")
    assert answer.headers["access-control-allow-origin"] == "*"
    cart = msgspec.json.decode(answer.text)
    assert [(line["product_id"], line["quantity"], line["price"]) for line in cart["lines"]] == [("galerna", 1, 7120), ("faro", 2, 1400)]
    assert (cart["total"], cart["currency"], cart["held"], cart["held_until"]) == (9920, "EUR", True, "2026-11-21T18:00:00.000Z")


def test_only_a_cart_link_opens_a_cart() -> None:
    stage, browser, message = stage_with_mail()
    answer = browser.get(f"/p/{stage.token(message, Action.WHY)}/cart.json")
    assert answer.status == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert stage.token(message, Action.WHY) not in answer.text


# ── Every ending is kind ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_damaged_link_is_told_kindly_in_the_browsers_language() -> None:
    stage, browser, message = stage_with_mail()
    token = stage.token(message, Action.WHY)
    for broken in ("x", token[:-1], token + "A", "A" * 3000):
        spanish, english = browser.get(f"/p/{broken}", language="es-MX"), browser.get(f"/p/{broken}", language="en")
        assert (spanish.status, english.status) == (404, 404)
        assert "No podemos leer este enlace" in spanish.text
        assert "We can’t read this link" in english.text


def test_an_expired_link_changes_nothing_and_says_what_to_do() -> None:
    stage, browser, message = stage_with_mail()
    token = stage.token(message, Action.BOUGHT)
    stage.world.clock.now += LIFETIMES[Action.BOUGHT]
    before = stage.everything()
    for answer in (browser.get(f"/p/{token}"), browser.post(f"/p/{token}", answer="bought")):
        assert answer.status == 410
        assert "Este enlace ha caducado" in answer.text
        assert "Tienda Norte" in answer.text
    assert stage.everything() == before


def test_who_was_forgotten_finds_nothing_left() -> None:
    stage, browser, message = stage_with_mail()
    token = stage.token(message, Action.WHY)
    stage.erase(message.key)
    answer = browser.get(f"/p/{token}")
    assert answer.status == 410
    assert "Este mensaje ya no está" in answer.text
    assert browser.post(f"/p/{token}", answer="bought").status == 410


def test_a_link_of_an_unknown_key_is_forged() -> None:
    stage, browser, message = stage_with_mail()
    stranger = LinkKey(id="k9", secret=b"x" * 32)
    maker = LinkMaker(base_url="https://pages.example", key=stranger, keys={})
    assert browser.get(f"/p/{maker.token(message.id, message.key, Action.WHY, stage.now)}").status == 404


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Action.WHY, "leave_all"),
        (Action.BOUGHT, "undo"),
        (Action.CART, "bought"),
        (Action.UNSUBSCRIBE, "bought"),
        (Action.UNDO, "leave_all"),
        (Action.WHY, ""),
        (Action.WHY, "everything"),
    ],
)
def test_a_link_answers_only_what_it_is_for(action: Action, said: str) -> None:
    stage, browser, message = stage_with_mail()
    before = stage.everything()
    assert browser.post(f"/p/{stage.token(message, action)}", answer=said).status == 400
    assert stage.everything() == before


def test_a_large_body_is_refused_unread() -> None:
    stage, browser, message = stage_with_mail()
    before = stage.everything()
    address = f"/p/{stage.token(message, Action.WHY)}"
    assert browser.ask("POST", address, b"answer=bought&x=" + b"y" * LARGEST).status == 413
    assert stage.everything() == before


def test_when_the_database_is_away_the_page_says_that_nothing_was_saved() -> None:
    stage, browser, message = stage_with_mail()
    address = f"/p/{stage.token(message, Action.WHY)}"

    async def gone(*_: object) -> None:
        raise Unavailable("database_gone", "the database does not answer")

    stage.world.programmes.programme = gone  # type: ignore[method-assign,assignment]
    answer = browser.post(address, answer="bought")
    assert answer.status == 503
    assert "Tu respuesta no se ha guardado" in answer.text


@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=300), kind=st.sampled_from([FORM, "multipart/form-data; boundary=x", "application/json", ""]))
def test_any_body_at_all_is_answered_with_a_page(body: bytes, kind: str) -> None:
    stage, browser, message = stage_with_mail()
    answer = browser.ask("POST", f"/p/{stage.token(message, Action.WHY)}", body, kind=kind)
    assert answer.status in {200, 400, 413}


# ── Words and looks ─────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=40))
def test_whatever_a_product_is_called_the_pages_show_it_as_words(name: str) -> None:
    stage = Stage()
    poison = Line(product="p", name=f"<script>{name}", variant='"><img src=x>', price=100, image="javascript:1", url="javascript:2")
    message = stage.send(stage.ana(lines=(poison,)))
    browser = Browser(stage)
    for action in (Action.WHY, Action.BOUGHT, Action.CART):
        text = browser.get(f"/p/{stage.token(message, action)}").text
        assert "<script" not in text
        assert "<img" not in text
        assert "javascript:" not in text


def test_the_page_speaks_the_customers_language_and_the_other_one_at_a_touch() -> None:
    stage, browser, message = stage_with_mail("en-IE")
    address = f"/p/{stage.token(message, Action.WHY)}"
    assert '<html lang="en">' in browser.get(address, language="es").text
    assert '<html lang="es">' in browser.get(f"{address}?lang=es").text


def test_every_word_exists_in_both_languages_with_the_same_slots() -> None:
    assert WORDS["es"].keys() == WORDS["en"].keys()
    for name in WORDS["es"]:
        slots = [set(re.findall(r"\{(\w+)\}", WORDS[language][name])) for language in LANGUAGES]
        assert slots[0] == slots[1], name
        assert all(WORDS[language][name] for language in LANGUAGES)


def test_no_page_says_what_we_do_not_say() -> None:
    for language in LANGUAGES:
        for name, text in WORDS[language].items():
            assert findings(text, language) == [], name


def test_a_shop_wears_its_own_colours_and_no_token_can_carry_anything_else() -> None:
    red = msgspec.structs.replace(BRAND, tokens={"brand": "#7a1020"})
    stage = Stage(red)
    message = stage.send(stage.ana())
    assert "--brand:#7a1020;" in Browser(stage).get(f"/p/{stage.token(message, Action.WHY)}").text
    evil = Stage(msgspec.structs.replace(BRAND, tokens={"brand": "red}</style><script>1</script>"}))
    mail = evil.send(evil.ana())
    text = Browser(evil).get(f"/p/{evil.token(mail, Action.WHY)}").text
    assert "<script" not in text
    assert "--brand:#0d4450;" in text


def test_the_stylesheet_and_fonts_come_from_here_and_nothing_else_does() -> None:
    _, browser, _ = stage_with_mail()
    for name in ("consumer.css", "figtree.woff2", "bricolage.woff2"):
        assert browser.get(f"/p/assets/{name}").status == 200
    assert "http" not in browser.get("/p/assets/consumer.css").text


def test_an_address_that_is_no_asset_is_a_link_that_cannot_be_read() -> None:
    _, browser, _ = stage_with_mail()
    assert browser.get("/p/assets/../page.py").status == 404
