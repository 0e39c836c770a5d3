"""The demonstration's story, told in a real browser: from a basket left behind to a silence that says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from browser_access import stands_open
from browser_pictures import keep_picture
from demo_visit import add, follow, say_yes, sign_up
from playwright.sync_api import Page, expect

WORDS = {
    "es": {
        "subject": "Tu cesta sigue como la dejaste", "because": "dejaste tres artículos",
        "back": "Volver a mi cesta", "not_wanted": "No me interesa", "silent": "Calló", "reason": "no me interesa", "spoke": "Habló",
        "restored": "tal como la dejaste", "waiting": "Tu cesta está en espera", "journey": "Carrito sin terminar",
    },
    "en": {
        "subject": "Your basket is just as you left it",
        "because": "you left three items",
        "back": "Go back to my basket",
        "not_wanted": "Not interested", "silent": "Silent", "reason": "not interested", "spoke": "Spoke",
        "restored": "just as you left it", "waiting": "Your basket is waiting", "journey": "Basket left behind",
    },
}  # fmt: skip


@pytest.mark.parametrize(("language", "phone"), [("es", False), ("en", True)])
def test_a_left_basket_is_explained_restored_and_silenced_by_a_not_interested(
    demo: str, visit: Callable[..., Page], language: str, phone: bool
) -> None:
    words, name = WORDS[language], f"story-{language}"
    page = visit(phone=phone, language=language)

    # A visitor says yes to being remembered, leaves an address and confirms it, fills a basket, and goes.
    page.goto(f"{demo}/demo/{language}")
    say_yes(page, language)
    sign_up(page, demo, language)
    page.goto(f"{demo}/demo/{language}")
    products = [page.locator(".card").nth(place).get_attribute("data-product") for place in (0, 10)]
    # All at once: put in one by one on a slow machine, the first would have been decided on before the last.
    basket = f"{products[0]}x2.{products[1]}x1_0"
    page.context.add_cookies([{"name": "tn_basket", "value": basket, "domain": urlsplit(demo).hostname, "path": "/demo"}])
    page.goto(f"{demo}/demo/{language}/cart")
    assert basket_of(page) == {products[0]: "2", products[1]: "1"}
    keep_picture(page, f"{name}-cart")
    page.goto(f"{demo}/demo/{language}/live")
    # Until it is decided on, the line at the top says when; on a slow machine it may have been by now.
    waiting, decided = page.locator(".you", has_text=words["waiting"]), page.locator("tr.speak.mine", has_text=words["journey"])
    expect(waiting.or_(decided).first).to_be_visible()
    keep_picture(page, f"{name}-waiting")

    # The mail comes, and says why.
    page.goto(f"{demo}/demo/{language}/mail")
    page.locator(".mails a", has_text=words["subject"]).first.click()
    mail = page.frame_locator(".stage iframe")
    expect(mail.locator("body")).to_contain_text(words["because"])
    # Every picture is one that mail programs show, and it came; the second product is sold by size.
    pictures = mail.locator("img").evaluate_all("all => all.map(one => [one.currentSrc.endsWith('.png'), one.naturalWidth])")
    assert [(shown, width > 0) for shown, width in pictures] == [(True, True)] * 3
    expect(mail.locator("tr:has(img)").filter(has_text=re.compile(r"\d+ (g|ml)")).first).to_be_visible()
    keep_picture(page, f"{name}-mail")

    # Its link brings back the very basket.
    shop = follow(page, mail, words["back"])
    if "/demo/" not in shop.url:
        shop.get_by_role("link", name=words["back"]).or_(shop.get_by_role("button", name=words["back"])).click()
        shop.wait_for_url(re.compile("/demo/"))
    assert basket_of(shop) == {products[0]: "2", products[1]: "1"}
    expect(shop.locator(".held")).to_contain_text(words["restored"])
    keep_picture(shop, f"{name}-restored")
    shop.close()

    # «No me interesa» is a page with a button: opening it has changed nothing yet.
    answer = follow(page, mail, words["not_wanted"])
    stands_open(answer)
    keep_picture(answer, f"{name}-asked")
    answer.get_by_role("button", name=words["not_wanted"]).click()
    expect(answer.get_by_role("status").first).to_be_visible()
    stands_open(answer)
    keep_picture(answer, f"{name}-answered")
    answer.close()

    # The next basket with the same thing falls silent, and the live page shows why.
    page.goto(f"{demo}/demo/{language}")
    add(page, page.locator(f".card[data-product='{products[0]}']"))
    page.goto(f"{demo}/demo/{language}/live")
    silent = page.locator("tr.silence.mine[data-refusal=item_not_wanted]").first
    expect(silent).to_be_visible()
    expect(silent).to_contain_text(words["silent"])
    expect(silent).to_contain_text(words["reason"])
    expect(page.locator("tr.speak.mine").first).to_contain_text(words["spoke"])
    keep_picture(page, f"{name}-silent")


def basket_of(page: Page) -> dict[str | None, str | None]:
    """Read the basket as the page shows it."""
    page.locator(".lines li").first.wait_for()
    return {line.get_attribute("data-product"): line.get_attribute("data-quantity") for line in page.locator(".lines li").all()}
