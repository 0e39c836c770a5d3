"""What Shopify and WooCommerce post about Ana is heard once, believed by its signature alone, and says no more than it says."""

from __future__ import annotations

import json

import msgspec
from api_house import problem, tell

from oportuno.kit.times import MINUTE
from shop_posts import (
    ago,
    ana,
    checkout,
    line,
    open_shop,
    order,
    product,
    refund,
    sign,
    woo_customer,
    woo_order,
    woo_product,
)

ANA = "706405506930370084"


async def events_of(tienda, who: str = ANA) -> list[dict]:
    answer = await tienda.get(f"/customers/{who}/events")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def names_of(tienda, who: str = ANA) -> list[str]:
    return [event["name"] or event["call"] for event in reversed(await events_of(tienda, who))]


async def orders_of(tienda, who: str = ANA) -> tuple[int, str]:
    """Give how many orders count, and what they are worth after what came back."""
    profile = (await tienda.get(f"/customers/{who}")).json()["profile"]
    orders = profile.get("orders") or {"count": 0, "totals": []}
    return orders["count"], orders["totals"][0]["amount"] if orders["totals"] else "0"


async def email_of(tienda, who: str = ANA) -> str:
    return (await tienda.get(f"/customers/{who}")).json()["profile"]["customer"]["traits"]["email"]


# ── Is it really the shop? ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_post_whose_signature_does_not_hold_is_refused_and_nothing_is_stored():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        raw = json.dumps(order()).encode()
        for forged in ("", "AAAA", sign(raw, "another secret of somebody"), sign(raw + b" ")):
            problem(await shop.post("orders/create", raw, signature=forged), 401, "hook_signature")
        assert not list(tienda.world.tables.all_events())
        assert not tienda.world.tables.rejects

    tell(story)


def test_nobody_listens_at_an_address_that_was_closed_or_is_another_platforms():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        name = shop.hook["hook"]
        problem(await tienda.client.post(f"/v1/hooks/woocommerce/{name}", content=b"{}"), 404, "hook_unknown")
        assert (await tienda.delete(f"/hooks/{name}")).status_code == 204
        problem(await shop.post("orders/create", order()), 404, "hook_unknown")
        problem(await tienda.delete(f"/hooks/{name}"), 404, "hook_unknown")

    tell(story)


def test_a_secret_is_never_shown_and_a_new_one_ends_the_old_one():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        name = shop.hook["hook"]
        changed = await tienda.client.patch(f"/api/v1/hooks/{name}", json={"secret": "x" * 40}, headers=tienda.secret)
        assert (changed.status_code, changed.json()["name"]) == (200, "Tienda")
        problem(await shop.post("orders/create", order()), 401, "hook_signature")
        raw = json.dumps(order()).encode()
        assert (await shop.post("orders/create", raw, signature=sign(raw, "x" * 40))).status_code == 200
        told = (await tienda.get("/hooks")).text
        assert "x" * 40 not in told
        assert json.loads(told)["items"][0]["last_at"] is not None

    tell(story)


def test_no_key_opens_what_a_signature_opens():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        answer = await tienda.client.post(shop.hook["address"], json=order(), headers=tienda.secret | {"x-shopify-topic": "orders/create"})
        problem(answer, 401, "hook_signature")

    tell(story)


# ── Shopify ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_of_shopify_is_an_order_of_its_customer_and_live():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        assert (await shop.post("orders/create", order())).json() == {"success": True, "events": 2, "rejected": 0}
        assert await names_of(tienda) == ["identify", "Order Completed"]
        newest = (await events_of(tienda))[0]
        told = newest["body"]["properties"]
        assert newest["source"] == "live"
        assert (told["order_id"], told["total"], told["coupon"], told["payment_method"]) == (
            "820982911946154508",
            "55.00",
            "NORTE10",
            "visa",
        )
        assert told["products"][0] == {
            "product_id": "788032119674292922", "sku": "SKU2006-001", "variant": "49148385", "name": "Botas Norte", "price": "50.00",
            "quantity": 1, "brand": "Norte",
        }  # fmt: skip
        assert newest["unfit"] == []
        assert await email_of(tienda) == "ana@example.com"

    tell(story)


def test_what_was_posted_is_kept_beside_what_it_means_but_for_what_nobody_may_know():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        await shop.post("orders/create", order())
        newest, first = await events_of(tienda)
        post = newest["body"]["context"]["oportuno"]["post"]
        assert (post["platform"], post["topic"], post["payload"]["name"]) == ("shopify", "orders/create", "#9999")
        assert "payload" not in first["body"]["context"]["oportuno"]["post"]
        for hidden in ("192.0.2.7", "authenticate?key", "user_agent"):
            assert hidden not in json.dumps(newest)

    tell(story)


def test_an_order_of_last_week_is_old_news():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        await shop.post("orders/create", order(created_at=ago(days=7), updated_at=ago(days=7)))
        assert {event["source"] for event in await events_of(tienda)} == {"late"}

    tell(story)


def test_the_same_delivery_and_the_same_order_told_again_are_heard_once():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        told = order()
        await shop.post("orders/create", told, delivery="d-1")
        assert (await shop.post("orders/create", told, delivery="d-1")).json()["events"] <= 2
        await shop.post("orders/create", told, delivery="d-2")
        assert (await names_of(tienda)).count("Order Completed") == 1
        assert (await orders_of(tienda))[0] == 1

    tell(story)


def test_a_refund_which_names_nobody_finds_the_customer_by_the_order():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        await shop.post("orders/create", order())
        back = refund()
        await shop.post("refunds/create", back)
        assert (await names_of(tienda))[-1] == "Order Refunded"
        assert await orders_of(tienda) == (1, "35.00")
        await shop.post("refunds/create", back, delivery="again")
        assert await orders_of(tienda) == (1, "35.00")

    tell(story)


def test_a_refund_of_an_order_that_nobody_told_of_is_kept_and_heard_once_the_order_is_known():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        before = len(tienda.world.tables.identities)
        assert (await shop.post("refunds/create", refund())).json() == {"success": True, "events": 0, "rejected": 1}
        assert len(tienda.world.tables.identities) == before
        [reject] = (await tienda.get("/rejects")).json()["items"]
        assert (reject["code"], reject["place"]) == ("hook_customer_unknown", "hook refunds/create delivery-1")
        again = await tienda.post(f"/rejects/{reject['reject']}/replay")
        assert again.json()["code"] == "hook_customer_unknown"
        await shop.post("orders/create", order())
        again = await tienda.post(f"/rejects/{reject['reject']}/replay")
        assert again.json()["stored"] == 1
        await tienda.work()
        assert [event["source"] for event in await events_of(tienda) if event["name"] == "Order Refunded"] == ["replay"]

    tell(story)


def test_an_order_that_is_paid_updated_and_cancelled_is_one_order():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        await shop.post("orders/create", order())
        await shop.post("orders/paid", order(total_price="54.00", updated_at=ago(seconds=20)))
        await shop.post("orders/cancelled", order(cancelled_at=ago(seconds=5), cancel_reason="customer"))
        told = [name for name in await names_of(tienda) if name != "identify"]
        assert told == ["Order Completed", "Order Updated", "Order Cancelled"]
        assert (await orders_of(tienda))[0] == 0

    tell(story)


def test_an_order_that_only_tries_the_shop_out_is_kept_and_is_none():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        await shop.post("orders/create", order(test=True))
        assert (await names_of(tienda))[-1] == "Shopify orders/create (test)"
        assert (await orders_of(tienda))[0] == 0

    tell(story)


def test_who_was_anonymous_at_the_checkout_is_the_customer_who_ordered_at_its_end():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        await shop.post("checkouts/create", checkout())
        [visitor] = {event.key.customer for event in tienda.world.tables.all_events()}
        assert visitor
        await shop.post("orders/create", order())
        await tienda.work()
        assert "Checkout Started" in await names_of(tienda)

    tell(story)


def test_a_left_checkout_starts_the_abandoned_cart_for_who_said_yes_and_for_nobody_else():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        await shop.post("checkouts/create", checkout(customer=ana()))
        await tienda.pass_time(61 * MINUTE)
        verdicts = (await tienda.get(f"/customers/{ANA}/verdicts")).json()["items"]
        assert [each["decided"] for each in verdicts] == ["silence"]
        assert verdicts[0]["reasons"][0]["refusal"] == "no_consent"

    tell(story)


SAID = [
    # What Shopify says, the wording that we know of, and what counts.
    ({"state": "subscribed", "opt_in_level": "confirmed_opt_in"}, "v3", "granted"),
    ({"state": "subscribed", "opt_in_level": "single_opt_in"}, "v3", "granted"),
    ({"state": "subscribed", "opt_in_level": "confirmed_opt_in"}, "", None),
    ({"state": "subscribed", "opt_in_level": "unknown"}, "v3", None),
    ({"state": "subscribed", "opt_in_level": "single_opt_in", "consent_updated_at": None}, "v3", None),
    ({"state": "not_subscribed", "opt_in_level": None}, "v3", None),
    ({"state": "pending", "opt_in_level": "confirmed_opt_in"}, "v3", None),
    ({"state": "redacted", "opt_in_level": "single_opt_in"}, "v3", None),
    ({"state": "unsubscribed", "opt_in_level": "single_opt_in"}, "", "withdrawn"),
]


def test_what_the_shop_says_of_a_yes_counts_only_with_its_wording_and_its_date_and_a_no_always():
    async def story(tienda):
        shops = {notice: await open_shop(tienda, "shopify", notice=notice, language="es") for notice in ("", "v3")}
        for number, (said, notice, state) in enumerate(SAID, 1):
            consent = {"consent_updated_at": ago(days=2)} | said
            await shops[notice].post("customers/update", ana() | {"id": number, "email_marketing_consent": consent})
            ledger = (await tienda.get(f"/customers/{number}/consents")).json()["items"]
            told = [(each["slot"], each["state"], each["source"]) for each in ledger]
            assert told == ([("marketing/email", state, "shopify")] if state else []), said
            if state:
                assert ledger[0]["proof"]["shopify"]["state"] == said["state"]
                assert (ledger[0]["notice"], ledger[0]["language"]) == (notice, "es")

    tell(story)


def test_a_yes_that_the_shop_still_tells_of_does_not_outweigh_a_later_no():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify", notice="v3", language="es")
        yes = {"state": "subscribed", "opt_in_level": "confirmed_opt_in", "consent_updated_at": ago(days=2)}
        await shop.post("customers/update", ana() | {"email_marketing_consent": yes})
        no = {"purpose": "marketing", "channel": "email", "state": "withdrawn", "source": "call", "notice": "v3", "language": "es",
              "actor": "customer"}  # fmt: skip
        assert (await tienda.post(f"/customers/{ANA}/consents", no)).status_code == 200
        await shop.post("customers/update", ana() | {"email_marketing_consent": yes})
        wishes = (await tienda.get(f"/customers/{ANA}/wishes")).json()
        assert "withdrawn" in json.dumps(wishes)
        assert "granted" not in json.dumps(wishes)

    tell(story)


def test_a_product_of_shopify_stands_in_the_catalogue_until_it_is_taken_away():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        await shop.post("products/create", product())
        boots = (await tienda.get("/products/788032119674292922")).json()
        assert (boots["name"], boots["brand"], boots["categories"], boots["tags"]) == (
            "Botas Norte",
            "Norte",
            ["Calzado"],
            ["invierno", "piel"],
        )
        assert (boots["price"], boots["was"], boots["stock"], [each["id"] for each in boots["variants"]]) == (
            "50.00", "60.00", 3, ["49148385", "49148386"],
        )  # fmt: skip
        await shop.post("products/update", product(status="archived"))
        assert (await tienda.get("/products/788032119674292922")).json()["withdrawn"]
        await shop.post("products/update", product())
        assert not (await tienda.get("/products/788032119674292922")).json()["withdrawn"]
        await shop.post("products/delete", {"id": 788032119674292922})
        assert (await tienda.get("/products/788032119674292922")).json()["withdrawn"]

    tell(story)


def test_a_topic_that_nobody_knows_is_kept_with_its_customer_or_as_a_reject():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        await shop.post("orders/fulfilled", order())
        assert await names_of(tienda) == ["Shopify orders/fulfilled"]
        for odd in ({"shop_id": 1}, []):
            assert (await shop.post("app/uninstalled", odd)).json()["rejected"] == 1
        codes = {each["code"] for each in (await tienda.get("/rejects")).json()["items"]}
        assert codes == {"hook_not_understood", "hook_unreadable"}

    tell(story)


# ── WooCommerce ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_of_woocommerce_is_one_once_it_is_paid_however_often_it_is_told():
    async def story(tienda):
        shop = await open_shop(tienda, "woocommerce")
        paid = woo_order()
        await shop.post("order.created", paid | {"status": "pending", "date_paid_gmt": None})
        assert (await orders_of(tienda, "26"))[0] == 0
        await shop.post("order.updated", paid)
        await shop.post("order.updated", paid | {"status": "completed"})
        told = [name for name in await names_of(tienda, "26") if name != "identify"]
        assert told == ["WooCommerce order.created", "Order Completed", "Order Updated", "Order Updated"]
        assert await orders_of(tienda, "26") == (1, "55.00")
        sources = {event["source"] for event in await events_of(tienda, "26") if event["name"] == "Order Completed"}
        assert sources == {"live"}

    tell(story)


def test_a_refund_stands_in_the_order_and_counts_once():
    async def story(tienda):
        shop = await open_shop(tienda, "woocommerce")
        paid = woo_order()
        await shop.post("order.created", paid)
        refunded = paid | {"refunds": [{"id": 1, "reason": "Talla", "total": "-5.00"}]}
        await shop.post("order.updated", refunded)
        await shop.post("order.updated", refunded)
        assert await orders_of(tienda, "26") == (1, "50.00")
        await shop.post("order.updated", paid | {"status": "cancelled"})
        assert (await orders_of(tienda, "26"))[0] == 0

    tell(story)


def test_two_orders_of_a_guest_with_one_address_are_one_persons():
    async def story(tienda):
        shop = await open_shop(tienda, "woocommerce")
        await shop.post("order.created", woo_order(customer_id=0))
        await shop.post("order.created", woo_order(customer_id=0, id=728, number="728"))
        keys = {event.key for event in tienda.world.tables.all_events()}
        assert len(keys) == 1
        names = {value for _, _, value in tienda.world.tables.identities}
        assert not any("ana@" in name for name in names)

    tell(story)


def test_a_customer_and_a_product_of_woocommerce():
    async def story(tienda):
        shop = await open_shop(tienda, "woocommerce")
        await shop.post("customer.created", woo_customer())
        assert await email_of(tienda, "26") == "ana@example.com"
        await shop.post("product.updated", woo_product())
        boots = (await tienda.get("/products/93")).json()
        assert (boots["price"], boots["was"], boots["stock"], boots["categories"]) == ("25.00", "30.00", 4, ["Calzado"])
        await shop.post("product.updated", woo_product(status="draft"))
        assert (await tienda.get("/products/93")).json()["withdrawn"]

    tell(story)


def test_the_knock_by_which_woocommerce_looks_for_somebody_is_answered():
    async def story(tienda):
        shop = await open_shop(tienda, "woocommerce")
        assert (await shop.post("", b"webhook_id=5", signature="")).status_code == 200
        shopify = await open_shop(tienda, "shopify")
        problem(await shopify.post("", b"webhook_id=5", signature=""), 401, "hook_signature")

    tell(story)


def test_a_line_without_a_product_does_not_cost_the_order():
    async def story(tienda):
        shop = await open_shop(tienda, "shopify")
        await shop.post("orders/create", order(line_items=[line(product_id=None, sku=None), line()]))
        assert (await orders_of(tienda))[0] == 1

    tell(story)


def test_a_workspace_has_at_most_fifty_addresses():
    async def story(tienda):
        for _ in range(50):
            await open_shop(tienda, "shopify")
        problem(await tienda.post("/hooks", {"platform": "shopify", "name": "x", "secret": "y" * 20}), 409, "hooks_too_many")

    tell(story)


def test_an_address_whose_secret_was_lost_with_its_key_is_shown_and_told_one_anew():
    async def story(tienda):
        opened = (await tienda.post("/hooks", {"platform": "shopify", "name": "Tienda", "secret": "s" * 32})).json()
        [known] = await tienda.world.hooks.of(tienda.workspace)
        await tienda.world.hooks.put(msgspec.structs.replace(known, secret=b"", secret_lost=True))
        assert [each["secret_lost"] for each in (await tienda.get("/hooks")).json()["items"]] == [True]
        address = f"/api/v1/hooks/{opened['hook']}"
        refused = problem(await tienda.client.patch(address, json={"name": "Otra"}, headers=tienda.secret), 400, "secret_lost")
        assert refused["place"] == "secret"
        anew = await tienda.client.patch(address, json={"secret": "t" * 32}, headers=tienda.secret)
        assert (anew.status_code, anew.json()["secret_lost"]) == (200, False)

    tell(story)
