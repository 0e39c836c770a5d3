"""Bruno buys in the shop what he left in the web's basket: neither the reminder nor a fallen price is told to him. Ana left the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shop_alive import GOODS, Shop, tell

PLAYS = ("abandoned-cart", "price-drop")
SHORT = {"timeout: 30m": "timeout: 4s"}
WEEKLY = {"cadence": "weekly", "source": "account_page", "language": "es", "actor": "customer"}


async def _both_leave_a_basket(shop: Shop) -> None:
    await shop.price("galerna", 80)
    for who in ("ana", "bruno"):
        await shop.known(who)
    await shop.call("POST", "/customers/bruno/wishes", WEEKLY)
    for who in ("ana", "bruno"):
        await shop.put_in_cart("galerna", userId=who, anonymousId=f"movil-de-{who}")
    await shop.rest()


async def _bruno_pays_at_the_counter(shop: Shop, **more: str) -> None:
    bought = {"product_id": "galerna", "quantity": 1, **GOODS["galerna"]}
    order = {"order_id": "caja-2-0917", "store_id": "santander", "payment_method": "cash", "total": 80, "currency": "EUR"}
    await shop.till("track", userId="bruno", event="Order Completed", properties=order | {"products": [bought]}, **more)
    await shop.rest()


def test_what_bruno_bought_at_the_counter_is_not_brought_up_again(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await _both_leave_a_basket(shop)
        await _bruno_pays_at_the_counter(shop)
        await shop.price("galerna", 60)
        await shop.rest(ahead=6)

        told = [(mail.to, mail.subject) for mail in await shop.mails()]
        assert ("ana@correo.example", "Chubasquero Galerna ha bajado a 60,00 €") in told
        assert len(told) == 2  # and her basket's reminder
        assert {to for to, _ in told} == {"ana@correo.example"}
        assert await shop.net("bruno") == "80.00 EUR"
        value = (await shop.profile("bruno"))["value"]
        assert [value[word] for word in ("last_payment", "last_place", "last_store")] == ["cash", "store", "santander"]

    tell(postgres_url, story, plays=PLAYS, waits=SHORT)


def test_a_till_that_tells_of_its_sales_late_still_ends_what_waits_about_them(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.hold_deliveries()
        await _both_leave_a_basket(shop)
        paid = datetime.now(UTC)
        await shop.price("galerna", 60)
        await shop.rest(ahead=6)
        now = (datetime.now(UTC) + timedelta(minutes=40)).isoformat()
        # Its line was down: the clocks agree, the sale was long ago when it is told.
        await _bruno_pays_at_the_counter(shop, timestamp=paid.isoformat(), sentAt=now)
        (sale, *_) = (await shop.call("GET", "/customers/bruno/events"))["items"]
        assert sale["source"] == "late"
        await shop.deliver()
        await shop.rest()
        assert await shop.mails("bruno") == []
        assert len(await shop.mails("ana")) == 2

    tell(postgres_url, story, plays=PLAYS, waits=SHORT)


def test_a_reminder_that_waits_to_leave_is_dropped_by_a_purchase_at_the_counter(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.hold_deliveries()
        await _both_leave_a_basket(shop)
        await shop.price("galerna", 60)
        await shop.rest(ahead=6)
        assert ("abandoned-cart" in dict(await shop.messages("bruno"))) or ("price-drop" in dict(await shop.messages("bruno")))
        await _bruno_pays_at_the_counter(shop)
        await shop.deliver()
        await shop.rest()
        assert {status for _, status in await shop.messages("bruno")} == {"cancelled"}
        assert "item_bought" in {refusal for _, refusal in await shop.silences("bruno")}
        assert await shop.mails("bruno") == []
        assert len(await shop.mails("ana")) == 2

    tell(postgres_url, story, plays=PLAYS, waits=SHORT)
