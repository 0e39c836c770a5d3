"""A till takes back what was bought: its worth is subtracted, and the help with it does not come. Who kept the same gets theirs."""

from __future__ import annotations

from typing import Any

from shop_alive import GOODS, Shop, tell

PLAYS = ("after-purchase",)
SHORT = {"wait: 24h": "wait: 4s"}
MANUAL = "https://tiendanorte.example/manuales/galerna.pdf"


async def _buy(shop: Shop, who: str, order: str, *products: str) -> None:
    bought = [{"product_id": product, "quantity": 1, **GOODS[product]} for product in products]
    properties: dict[str, Any] = {"order_id": order, "products": bought, "currency": "EUR"}
    properties["total"] = sum(each["price"] for each in bought)
    await shop.browser("track", userId=who, event="Order Completed", properties=properties)


async def _take_back(shop: Shop, who: str, order: str, product: str) -> None:
    back = {"store_id": "santander", "currency": "EUR", "products": [{"product_id": product, "quantity": 1}]}
    back |= {"order_id": order} if order else {}
    await shop.till("track", userId=who, event="Order Refunded", properties=back)


def test_a_return_at_the_till_is_subtracted_and_ends_the_help(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.price("galerna", 80, manual_url=MANUAL)
        await shop.price("faro", 14)
        for who in ("ana", "bruno"):
            await shop.known(who, marketing=False)  # help is a service: it needs no yes to promotion
        await _buy(shop, "ana", "1001", "galerna")
        await _buy(shop, "bruno", "1002", "galerna", "faro")
        await shop.rest()
        await _take_back(shop, "bruno", "1002", "galerna")
        await shop.rest(ahead=6)

        (mail,) = await shop.mails()
        assert mail.to == "ana@correo.example"
        assert MANUAL in mail.text
        assert await shop.net("ana") == "80.00 EUR"
        assert await shop.net("bruno") == "14.00 EUR"

    tell(postgres_url, story, plays=PLAYS, waits=SHORT)


def test_returning_another_order_takes_nothing_from_the_help_with_this_one(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.price("galerna", 80, manual_url=MANUAL)
        await shop.price("faro", 14)
        await shop.known("ana", marketing=False)
        await _buy(shop, "ana", "1003", "faro")
        await shop.rest(ahead=6)
        await _buy(shop, "ana", "1004", "galerna")
        await shop.rest()
        await _take_back(shop, "ana", "1003", "faro")
        await shop.rest(ahead=6)
        (mail,) = await shop.mails("ana")
        assert MANUAL in mail.text
        assert await shop.net("ana") == "80.00 EUR"

    tell(postgres_url, story, plays=PLAYS, waits=SHORT)


def test_a_return_without_its_receipt_counts_as_the_catalogue_says_and_ends_the_help(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.price("galerna", 80, manual_url=MANUAL)
        await shop.price("faro", 14)
        await shop.known("bruno", marketing=False)
        await _buy(shop, "bruno", "1005", "galerna", "faro")
        await shop.rest()
        await _take_back(shop, "bruno", "", "galerna")
        await shop.rest(ahead=6)
        assert await shop.net("bruno") == "14.00 EUR"
        assert await shop.mails() == []

    tell(postgres_url, story, plays=PLAYS, waits=SHORT)
