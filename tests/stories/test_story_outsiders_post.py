"""What others post reaches Tienda Norte as a shop runs it: orders of Shopify and WooCommerce, and a bounce of a mail provider."""

from __future__ import annotations

import json
from typing import Any

import httpx2
from shop_alive import PATIENCE, Shop, tell

import told_events
from shop_posts import SECRET, order, refund, sign, woo_order
from told_posts import sendgrid_headers, sendgrid_key

ANA_AT_SHOPIFY, ANA_AT_WOOCOMMERCE = "706405506930370084", "26"


async def _post(hook: dict[str, Any], raw: bytes, headers: dict[str, str]) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=PATIENCE) as outside:
        return await outside.post(hook["address"], content=raw, headers=headers | {"content-type": "application/json"})


async def _shopify(hook: dict[str, Any], topic: str, payload: dict[str, Any], delivery: str) -> httpx2.Response:
    raw = json.dumps(payload).encode()
    named = {"x-shopify-topic": topic, "x-shopify-webhook-id": delivery, "x-shopify-hmac-sha256": sign(raw)}
    return await _post(hook, raw, named)


async def _woocommerce(hook: dict[str, Any], topic: str, payload: dict[str, Any], delivery: str) -> httpx2.Response:
    raw = json.dumps(payload).encode()
    named = {"x-wc-webhook-topic": topic, "x-wc-webhook-delivery-id": delivery, "x-wc-webhook-signature": sign(raw)}
    return await _post(hook, raw, named)


def test_an_order_that_is_posted_and_signed_counts_once_and_what_was_paid_back_counts_against_it(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        shopify = await shop.call("POST", "/hooks", {"platform": "shopify", "name": "Tienda", "secret": SECRET})
        bought, back = order(), refund()
        for _ in range(2):
            assert (await _shopify(shopify, "orders/create", bought, "one")).status_code == 200
        forged = await _post(shopify, b"{}", {"x-shopify-topic": "orders/create", "x-shopify-hmac-sha256": sign(b"{ }")})
        assert (forged.status_code, forged.json()["code"]) == (401, "hook_signature")
        await shop.rest()
        profile = await shop.profile(ANA_AT_SHOPIFY)
        assert (profile["orders"]["count"], profile["customer"]["traits"]["email"]) == (1, "ana@example.com")
        assert await shop.net(ANA_AT_SHOPIFY) == "55.00 EUR"
        assert (await _shopify(shopify, "refunds/create", back, "two")).status_code == 200
        await shop.rest()
        assert await shop.net(ANA_AT_SHOPIFY) == "35.00 EUR"

        woocommerce = await shop.call("POST", "/hooks", {"platform": "woocommerce", "name": "Tienda", "secret": SECRET})
        for topic, delivery in (("order.created", "1"), ("order.updated", "2"), ("order.updated", "2")):
            assert (await _woocommerce(woocommerce, topic, woo_order(), delivery)).status_code == 200
        await shop.rest()
        assert (await shop.profile(ANA_AT_WOOCOMMERCE))["orders"]["count"] == 1
        assert await shop.net(ANA_AT_WOOCOMMERCE) == "55.00 EUR"
        assert all(each["last_at"] for each in (await shop.call("GET", "/hooks"))["items"])
        assert await shop.mails() == []

    tell(postgres_url, story, plays=())


def test_an_address_that_a_mail_provider_says_is_no_more_is_silent_however_often_it_says_so(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        hook = await shop.call("POST", "/mail-hooks", {"provider": "sendgrid", "name": "Correo", "secret": sendgrid_key()})
        await shop.price("galerna", 80)
        await shop.known("ana")
        await shop.look("galerna", 3, userId="ana")
        await shop.rest()
        await shop.price("galerna", 64)
        await shop.rest()
        [mail] = (await shop.call("GET", "/customers/ana/messages"))["items"]

        bounce = told_events.sendgrid(
            "bounce", type="bounce", bounce_classification="Invalid Address", email="ana@correo.example", reason="550 5.1.1 no such user"
        )
        raw = json.dumps([bounce, told_events.sendgrid("levitated"), bounce]).replace(told_events.MSG, mail["message"]).encode()
        assert (await _post(hook, raw + b" ", sendgrid_headers(raw))).status_code == 401
        for _ in range(2):
            assert (await _post(hook, raw, sendgrid_headers(raw))).json() == {"success": True, "heard": 3}
        [heard] = (await shop.call("GET", "/hearings"))["items"]
        assert (heard["what"], heard["source"], heard["status"]) == ("hard_bounce", "sendgrid", "5.1.1")
        [kept] = (await shop.call("GET", "/hearings", unmatched="ours"))["items"]
        assert kept["what"] == "not_understood"

        await shop.price("galerna", 48)
        await shop.rest()
        assert await shop.silences("ana") == [("price-drop", "suppressed")]
        assert len(await shop.mails()) == 1

    tell(postgres_url, story, plays=("price-drop",))
