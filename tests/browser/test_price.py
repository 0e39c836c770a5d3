"""The story of a price that falls, told in a real browser: who cares is told once and why, and who does not any more hears nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from browser_pictures import keep_picture
from demo_visit import follow, say_yes, sign_up
from playwright.sync_api import Page, expect

WORDS = {
    "es": {
        "lower": "Bajar el precio un 20 %", "subject": "ha bajado a",
        "was": "Antes costaba", "because": "dos veces esta semana", "open": "Verlo en la tienda", "why": "Ver por qué",
        "points": "Su precio pasó de", "not_wanted": "No me interesa", "spoke": "Habló", "silent": "Calló", "reason": "no me interesa",
    },
    "en": {
        "lower": "Lower the price by 20%", "subject": "is down to",
        "was": "It was", "because": "twice this week", "open": "See it in the shop", "why": "See why",
        "points": "Its price went from", "not_wanted": "Not interested", "spoke": "Spoke", "silent": "Silent", "reason": "not interested",
    },
}  # fmt: skip
SENT = re.compile(r"/v1/batch$")


@pytest.mark.parametrize(("language", "phone", "place"), [("es", False, 20), ("en", True, 23)])
def test_a_price_falls_and_who_looked_twice_is_told_why_until_they_say_no(
    demo: str, visit: Callable[..., Page], language: str, phone: bool, place: int
) -> None:
    words, name = WORDS[language], f"price-{language}"
    page = visit(phone=phone, language=language)

    # A visitor says yes to being remembered, leaves an address and confirms it, and looks twice at something.
    page.goto(f"{demo}/demo/{language}")
    say_yes(page, language)
    product = page.locator(".card").nth(place).get_attribute("data-product")
    sign_up(page, demo, language)
    for _ in range(2):
        look(page, f"{demo}/demo/{language}/p/{product}")
    title = page.locator("h1").inner_text()
    keep_picture(page, f"{name}-product")

    # The price goes down: the visitor is told, and the live page says why.
    first = price(page)
    lower(page, f"{demo}/demo/{language}/live", words["lower"], title)
    told = page.locator(".fallen li.mine")
    expect(told).to_contain_text(words["spoke"])
    expect(told).to_contain_text(words["because"])
    keep_picture(page, f"{name}-live")

    # The mail says what it cost, what it costs, and why it came.
    page.goto(f"{demo}/demo/{language}/mail")
    page.locator(".mails a", has_text=words["subject"]).first.click()
    mail = page.frame_locator(".stage iframe")
    expect(mail.locator("body")).to_contain_text(title)
    expect(mail.locator("body")).to_contain_text(words["because"])
    expect(mail.locator("body")).to_contain_text(words["was"])
    expect(mail.locator("s").first).to_have_text(first)
    expect(mail.locator("img[src*='/art/big/']")).to_have_js_property("naturalWidth", 600)
    keep_picture(page, f"{name}-mail")
    shop = follow(page, mail, words["open"])
    expect(shop.locator(".price.big s")).to_contain_text(first)
    assert shop.url.split("?")[0] == f"{demo}/demo/{language}/p/{product}"
    keep_picture(shop, f"{name}-lowered")
    shop.close()

    # The why-page names the prices; there «no me interesa» is a button, and it counts.
    why = follow(page, mail, words["why"])
    expect(why.locator("body")).to_contain_text(words["points"])
    keep_picture(why, f"{name}-why")
    why.close()
    answer = follow(page, mail, words["not_wanted"])
    answer.get_by_role("button", name=words["not_wanted"]).click()
    expect(answer.get_by_role("status").first).to_be_visible()
    answer.close()

    # It goes down again: silence, and its name.
    lower(page, f"{demo}/demo/{language}/live", words["lower"], title)
    silent = page.locator(".fallen li.mine[data-refusal=item_not_wanted]")
    expect(silent).to_contain_text(words["silent"])
    expect(silent).to_contain_text(words["reason"])
    keep_picture(page, f"{name}-silent")


def look(page: Page, address: str) -> None:
    """Open a product's page, and be sure that the shop's script told of it."""
    with page.expect_response(lambda answer: bool(SENT.search(answer.url)) and answer.ok):
        page.goto(address)


def price(page: Page) -> str:
    """Read what a product costs, as its page says it."""
    return page.locator(".price.big").evaluate("price => price.firstChild.textContent.trim()")


def lower(page: Page, live: str, button: str, product: str) -> None:
    """Press the control of the live page for the product looked at last, and wait until it fell."""
    page.goto(live)
    control = page.locator(".control", has_text=product)
    expect(control).to_be_visible()
    before = control.inner_text()
    control.get_by_role("button", name=button).click()
    page.wait_for_url(re.compile("#fall$"))
    expect(page.locator(".control", has_text=product)).not_to_have_text(before)
