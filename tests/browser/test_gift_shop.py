"""The demonstration on its second data set: a gift shop that speaks of its own goods, customers and money."""

from __future__ import annotations

import re
from collections.abc import Callable

from browser_access import stands_open
from browser_pictures import keep_picture
from demo_visit import add
from playwright.sync_api import Page, expect


def test_the_gift_shop_decides_on_a_basket_in_pounds_and_helps_with_its_goods(gift_shop: str, visit: Callable[..., Page]) -> None:
    page = visit(phone=True)
    page.goto(f"{gift_shop}/demo/es/be")
    expect(page.locator(".lead")).to_contain_text("los pedidos de los clientes son reales")
    expect(page.locator(".person", has_text=re.compile(r"Cliente \d+")).first).to_contain_text("real")
    page.locator("button[value=ana]").click()

    # Its own title, its own money, its own goods.
    expect(page.locator(".strip").first).to_contain_text("en libras")
    expect(page.locator(".list-head")).to_contain_text("Para casa y para regalar")
    expect(page.locator(".card .price").first).to_have_text(re.compile(r"^\d+,\d\d\sGBP$"))
    stands_open(page)
    keep_picture(page, "gifts-shop")
    card = page.locator(".card").nth(2)
    product = card.get_attribute("data-product")
    add(page, card)

    # Left behind, the basket is decided on as any other is, and the mail shows what lay in it.
    page.goto(f"{gift_shop}/demo/es/live")
    spoken = page.locator("tr.speak.mine", has_text="Carrito sin terminar").first
    expect(spoken).to_be_visible()
    spoken.get_by_role("link").click()
    expect(page.frame_locator(".stage iframe").locator("body")).to_contain_text(re.compile(r"\d+,\d\d\sGBP"))
    keep_picture(page, "gifts-mail")

    # What was really paid stands behind a customer, and there is help with each of its goods.
    page.goto(f"{gift_shop}/demo/es/help/{product}")
    expect(page.locator(".tips li")).to_have_count(3)
    page.goto(f"{gift_shop}/demo/es/be")
    page.locator("button[value^=cliente-]").first.click()
    page.goto(f"{gift_shop}/demo/es/account")
    expect(page.locator(".orders li").first).to_contain_text("GBP")
    keep_picture(page, "gifts-account")
