"""Who must hear, who must not, and who says so: the cast in a real browser, and every page as it fits its screen."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from browser_access import keep_still, stands_open
from browser_pictures import keep_picture
from demo_visit import add, say_yes
from playwright.sync_api import Locator, Page, expect

CAST = [
    ("ana", "tr.speak.mine", "«Dejaste un artículo"),
    ("bruno", "tr.speak.mine", "«Dejaste un artículo"),
    ("carla", "tr.silence.mine[data-refusal=no_consent]", "No ha dicho que sí"),
    ("", "tr.silence.mine[data-refusal=no_address]", "No hay una dirección"),
]


def test_ana_and_bruno_are_written_to_carla_and_dora_are_not_and_the_live_page_says_why(demo: str, visit: Callable[..., Page]) -> None:
    pages: dict[str, Page] = {}
    for person, _, _ in CAST:
        page = pages[person] = visit()
        page.goto(f"{demo}/demo/es/be")
        form = page.locator(f"button[name=person][value='{person}']")
        if form.count():
            form.click()
        else:
            page.goto(f"{demo}/demo/es")
        if not person:
            say_yes(page, "es")
        add(page, page.locator(".card").nth(3))
        page.goto(f"{demo}/demo/es/live")
    for person, row, words in CAST:
        expect(pages[person].locator(row).first).to_contain_text(words)
    keep_picture(pages["carla"], "people-live")

    # The mailbox holds a mail for Ana, and none for Carla.
    pages["ana"].goto(f"{demo}/demo/es/mail")
    expect(pages["ana"].locator(".mails li").first).to_be_visible()
    pages["carla"].goto(f"{demo}/demo/es/mail")
    expect(pages["carla"].locator(".nothing")).to_be_visible()
    pages["carla"].goto(f"{demo}/demo/es/mail?who=all")
    expect(pages["carla"].locator(".mails", has_text="carla@example.com")).to_have_count(0)

    # Ana says yes to measurement: her link goes past the door and into the shop. Bruno says no: his goes straight there.
    expect(_back_to_cart(pages["bruno"], demo)).to_have_attribute("href", re.compile(r"/demo/"))
    link = _back_to_cart(pages["ana"], demo)
    expect(link).to_have_attribute("href", re.compile(r"/c/[\w-]{60,}$"))
    with pages["ana"].expect_popup() as opened:
        link.click()
    opened.value.wait_for_url(re.compile(r"/demo/"))
    expect(opened.value.locator(".lines li").first).to_be_visible()


def _back_to_cart(page: Page, demo: str) -> Locator:
    """Open the mail about the basket of whoever the visitor is, and give its link back there."""
    page.goto(f"{demo}/demo/es/mail?who=me")
    page.locator(".mails a", has_text="Tu cesta sigue como la dejaste").first.click()
    return page.frame_locator(".stage iframe").get_by_role("link", name="Volver a mi cesta").first


def test_who_buys_is_reminded_of_nothing_they_bought(demo: str, visit: Callable[..., Page]) -> None:
    page = visit()
    page.goto(f"{demo}/demo/es/be")
    page.locator("button[name=person][value^=hogar-]").first.click()
    card = page.locator(".card").nth(4)
    product = card.get_attribute("data-product")
    add(page, card)
    page.goto(f"{demo}/demo/es/cart")
    page.get_by_role("button", name="Comprar").click()
    page.wait_for_url("**/thanks")
    page.get_by_role("link", name="Mirar en directo").click()
    expect(page.locator(".finding")).to_be_visible()
    helped = page.locator("tr.speak.mine", has_text="Ayuda con tu compra")
    expect(page.locator(".you", has_text="Tu pedido está hecho").or_(helped).first).to_be_visible()
    expect(helped).to_be_visible()
    helped.get_by_role("link").click()
    expect(page.frame_locator(".stage iframe").locator("body")).to_contain_text("no lleva ofertas")
    keep_picture(page, "people-help-mail")

    # The same thing in a new basket: silent, because it was bought.
    page.goto(f"{demo}/demo/es")
    add(page, page.locator(f".card[data-product='{product}']"))
    page.goto(f"{demo}/demo/es/live")
    expect(page.locator("tr.silence.mine[data-refusal=item_bought]").first).to_be_visible()


def test_nothing_is_stored_or_sent_before_the_question_is_answered(demo: str, visit: Callable[..., Page]) -> None:
    page = visit()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/v1/" in request.url else None)
    page.goto(f"{demo}/demo/es")
    expect(page.get_by_role("button", name="Sí, recordadlo")).to_be_visible()
    page.locator(".card").nth(0).get_by_role("link").click()
    page.wait_for_url("**/p/*")
    page.get_by_role("button", name="Añadir a la cesta").click()
    page.wait_for_url("**/cart")
    assert sent == []
    assert page.evaluate("localStorage.length") == 0
    assert {cookie["name"] for cookie in page.context.cookies()} == {"tn_basket"}


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("phone", [False, True])
def test_every_page_fits_its_screen_and_names_its_buttons(demo: str, visit: Callable[..., Page], language: str, phone: bool) -> None:
    # Phones in the light, desktops in the dark; axe looks at one screen of each language.
    looked_at = phone == (language == "es")
    page = visit(phone=phone, language=language, dark=not phone)
    keep_still(page)
    page.goto(f"{demo}/demo/{language}")
    no = page.get_by_role("button", name={"es": "No, gracias", "en": "No, thanks"}[language])
    expect(no).to_be_visible()
    if looked_at:
        stands_open(page)
    no.click()
    expect(no).to_have_count(0)
    product = page.locator(".card").nth(1).get_attribute("data-product")
    add(page, page.locator(".card").nth(1))
    shop = ("", "?aisle=horno", "?q=zzz", f"/p/{product}", "/cart", "/account", "/answers", "/terms", "/p/0")
    for path in (*shop, f"/help/{product}", "/tour", "/be", "/mail", "/live", "/till", "/backtest"):
        page.goto(f"{demo}/demo/{language}{path}")
        keep_picture(page, f"page-{language}-{'phone' if phone else 'desktop'}-{path.strip('/?').replace('/', '-') or 'shop'}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("h1:visible").count() >= 1, path
        unnamed = page.evaluate(
            """[...document.querySelectorAll('button, a[href], input:not([type=hidden])')].filter(e => !(e.getAttribute('aria-label')
            || e.textContent.trim() || (e.labels && e.labels.length))).map(e => e.outerHTML)"""
        )
        assert unnamed == [], path
        assert page.locator("img:not([alt])").count() == 0, path
        if looked_at:
            stands_open(page)


def test_the_shop_is_walked_by_keyboard_alone(demo: str, visit: Callable[..., Page]) -> None:
    page = visit(language="en")
    page.goto(f"{demo}/demo/en")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add to basket: Bananas").focus()
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    expect(page.locator(".badge")).to_contain_text("1")
