"""The guided tour, walked from its first step to its last in a real browser, as somebody who is shown the product walks it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from browser_access import stands_open
from browser_pictures import keep_picture
from demo_visit import add, follow
from playwright.sync_api import Locator, Page, expect

WORDS = {
    "es": {
        "start": "Empezar el recorrido", "next": "Siguiente", "end": "Terminar", "rest": "Dejar el recorrido", "again": "Seguir en el paso",
        "subject": "Tu cesta sigue como la dejaste", "why": "Ver por qué", "no": "No me interesa", "lower": "Bajar el precio",
        "take": "Cobrar",
    },
    "en": {
        "start": "Start the tour", "next": "Next", "end": "Finish", "rest": "Leave the tour", "again": "Carry on at step",
        "subject": "Your basket is just as you left it", "why": "See why", "no": "Not interested", "lower": "Lower the price",
        "take": "Take payment",
    },
}  # fmt: skip


def card(page: Page, step: int) -> Locator:
    """Find the tour's card, and be sure that it is at this step."""
    found = page.locator("#tour")
    expect(found).to_contain_text(re.compile(rf"(Paso|Step) {step} (de|of) 10"))
    return found


def on(page: Page, step: int, words: dict[str, str]) -> None:
    """Press the button that leads on to a step."""
    card(page, step - 1).get_by_role("button", name=words["next"]).click()
    card(page, step)


def test_the_tour_leads_from_ana_to_the_backtest_and_points_at_what_comes_next(demo: str, visit: Callable[..., Page]) -> None:
    words, page = WORDS["es"], visit()
    page.goto(f"{demo}/demo/es/tour")
    keep_picture(page, "tour-0")
    page.get_by_role("button", name=words["start"]).click()

    # 1 and 2: be Ana, and fill her basket.
    card(page, 1)
    ana = page.locator("button[value=ana]")
    expect(ana).to_have_class(re.compile("tour-target"))
    keep_picture(page, "tour-1")
    ana.click()
    card(page, 2)
    expect(page.locator(".card .plus.tour-target")).to_have_count(1)
    product = page.locator(".card").nth(5).get_attribute("data-product")
    add(page, page.locator(f".card[data-product='{product}']"))

    # 3 to 5: the decision, the mail and its reason, a «no».
    card(page, 3).get_by_role("link").click()
    spoken = page.locator("tr.speak.mine", has_text="Carrito sin terminar").first
    expect(spoken).to_be_visible()
    keep_picture(page, "tour-3")
    on(page, 4, words)
    page.locator(".mails a", has_text=words["subject"]).first.click()
    card(page, 4)
    mail = page.frame_locator(".stage iframe")
    why = follow(page, mail, words["why"])
    expect(why.locator("h1")).to_be_visible()
    stands_open(why)
    why.close()
    keep_picture(page, "tour-4")
    on(page, 5, words)
    page.locator(".mails a", has_text=words["subject"]).first.click()
    answer = follow(page, mail, words["no"])
    answer.get_by_role("button", name=words["no"]).click()
    expect(answer.get_by_role("status").first).to_be_visible()
    answer.close()

    # 6 and 7: the same again, and silence.
    on(page, 6, words)
    add(page, page.locator(f".card[data-product='{product}']"))
    card(page, 7).get_by_role("link").click()
    expect(page.locator("tr.silence.mine[data-refusal=item_not_wanted]").first).to_be_visible()
    keep_picture(page, "tour-7")

    # 8 and 9: a price falls, and the till.
    on(page, 8, words)
    page.get_by_role("button", name=words["lower"]).click()
    expect(page.locator(".fallen")).to_be_visible()
    keep_picture(page, "tour-8")
    on(page, 9, words)
    page.locator("select[name=product]").select_option(product)
    page.get_by_role("button", name=words["take"]).click()
    expect(page.get_by_role("status").filter(has_text="Ana")).to_be_visible()
    keep_picture(page, "tour-9")

    # 10: the backtest, and the end.
    on(page, 10, words)
    expect(page.locator("#main h1")).to_be_visible()
    keep_picture(page, "tour-10")
    page.get_by_role("button", name=words["end"]).click()
    expect(page.get_by_role("button", name=words["start"])).to_be_visible()
    expect(page.locator("#tour")).to_have_count(0)


@pytest.mark.parametrize(("language", "phone"), [("es", True), ("en", False)])
def test_the_tour_is_left_with_a_key_and_taken_up_where_it_was(demo: str, visit: Callable[..., Page], language: str, phone: bool) -> None:
    words, page = WORDS[language], visit(phone=phone, language=language)
    page.goto(f"{demo}/demo/{language}/tour")
    page.get_by_role("button", name=words["start"]).press("Enter")
    card(page, 1)
    on(page, 2, words)
    keep_picture(page, f"tour-{language}-{'phone' if phone else 'desktop'}-2")
    # What points at the next thing is the script that hears the key: before it ran, nobody would.
    expect(page.locator(".card .plus.tour-target")).to_have_count(1)
    page.locator("#tour").get_by_role("button", name=words["next"]).focus()
    page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_have_count(0)
    page.goto(f"{demo}/demo/{language}/tour")
    page.get_by_role("button", name=words["again"]).click()
    card(page, 2)
    # Elsewhere it says where the step is, and leads there.
    page.goto(f"{demo}/demo/{language}/live")
    card(page, 2).get_by_role("link").click()
    expect(page.locator(".card .plus.tour-target")).to_have_count(1)
    assert {cookie["name"] for cookie in page.context.cookies()} == {"demo_tour"}
    assert page.evaluate("localStorage.length") == 0
