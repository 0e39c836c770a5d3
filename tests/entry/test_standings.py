"""What is measured over all customers of Tienda Norte, and where Ana stands among them."""

from __future__ import annotations

from api_house import tell

from oportuno.kit.times import DAY

BOOTS = {"product_id": "boots", "price": 60, "quantity": 1}
SOCKS = {"product_id": "socks", "price": 10, "quantity": 1}
LAMP = {"product_id": "lamp", "price": 30, "quantity": 1}


async def _buys(tienda, who: str, order: str, *products, **told) -> None:
    properties = {"order_id": order, "currency": "EUR", "products": list(products)} | told
    await tienda.send("track", event="Order Completed", userId=who, anonymousId=f"browser-{who}", properties=properties)


async def _agrees(tienda, who: str) -> None:
    context = {"consent": {"categoryPreferences": {"personalisation": True}}}
    await tienda.send("page", anonymousId=f"browser-{who}", context=context)


def test_boots_and_socks_go_together_when_five_customers_say_so_and_carlas_no_lends_nothing():
    async def story(tienda):
        for number in range(7):
            who = f"customer-{number}"
            if number < 5:
                await _agrees(tienda, who)
            await _buys(tienda, who, f"o{number}", BOOTS, SOCKS)
            await _buys(tienda, who, f"x{number}", LAMP)
        await tienda.work()
        assert await tienda.world.standings.take() == 1
        answer = await tienda.client.get("/api/v1/products/boots/together", headers=tienda.secret)
        assert answer.json() == {"product": "boots", "viewed": [], "bought": [{"product": "socks", "count": 5, "lift": 2.0}]}
        lamp = await tienda.client.get("/api/v1/products/lamp/together", headers=tienda.secret)
        assert lamp.json()["bought"] == []
        assert (await tienda.client.get("/api/v1/products/boots/together")).status_code == 401

    tell(story)


def test_ana_who_buys_often_and_much_stands_in_the_best_fifth_and_the_profile_says_so():
    async def story(tienda):
        for number in range(9):
            await _buys(tienda, f"customer-{number}", f"o{number}", SOCKS)
        for number in range(3):
            await _buys(tienda, "ana", f"a{number}", BOOTS, payment_method="tarjeta", store_id="gran-via")
        await tienda.send(
            "track", event="Order Refunded", userId="ana", properties={"order_id": "a0", "products": [{"product_id": "boots"}]}
        )
        await tienda.work()
        before = (await tienda.client.get("/api/v1/customers/ana", headers=tienda.secret)).json()["profile"]
        assert before["rfm"] is None
        assert before["value"]["net"] == [{"amount": "120.00", "currency": "EUR"}]
        assert (before["value"]["last_payment"], before["value"]["last_place"]) == ("tarjeta", "store")
        await tienda.world.standings.take()
        after = (await tienda.client.get("/api/v1/customers/ana", headers=tienda.secret)).json()["profile"]
        assert after["rfm"] == {"recency": 5, "frequency": 5, "money": 5}
        assert await tienda.world.standings.take() == 0, "once a night is enough"
        await tienda.pass_time(DAY)
        assert await tienda.world.standings.take() == 1

    tell(story)
