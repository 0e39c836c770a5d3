"""Posts in the shapes that Shopify and WooCommerce document, about Ana and her boots; written here, with the fields that matter."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

_TRACKED = {"inventory_management": "shopify"}
SECRET = "hush-hush-hush-hush-hush"


def ago(**back) -> str:
    return (datetime.now(UTC) - timedelta(**back)).isoformat(timespec="seconds")


def ana() -> dict:
    return {
        "id": 706405506930370084, "email": "ana@example.com", "phone": None, "first_name": "Ana", "last_name": "Pérez",
        "created_at": ago(days=30), "updated_at": ago(minutes=1), "orders_count": 1, "tags": "", "default_address": {"country_code": "ES"},
        "email_marketing_consent": {"state": "not_subscribed", "opt_in_level": None, "consent_updated_at": None},
    }  # fmt: skip


def line(**changes) -> dict:
    return {
        "id": 866550311766439020, "product_id": 788032119674292922, "variant_id": 49148385, "title": "Botas Norte",
        "sku": "SKU2006-001", "vendor": "Norte", "quantity": 1, "price": "50.00", "total_discount": "0.00", "gift_card": False,
    } | changes  # fmt: skip


def order(**changes) -> dict:
    return {
        "id": 820982911946154508, "name": "#9999", "email": "ana@example.com", "created_at": ago(minutes=1), "updated_at": ago(minutes=1),
        "cancelled_at": None, "cancel_reason": None, "currency": "EUR", "total_price": "55.00", "subtotal_price": "50.00", "test": False,
        "financial_status": "paid", "source_name": "web", "payment_gateway_names": ["visa"], "discount_codes": [{"code": "NORTE10"}],
        "checkout_token": "bd5a8aa1ecd019dd3520ff791ee3a24c", "browser_ip": "192.0.2.7", "client_details": {"user_agent": "x"},
        "order_status_url": "https://tiendanorte.example/orders/secret/authenticate?key=abc", "customer_locale": "es-ES",
        "customer": ana(), "line_items": [line()],
    } | changes  # fmt: skip


def refund(**changes) -> dict:
    return {
        "id": 890088186047892319, "order_id": 820982911946154508, "created_at": ago(minutes=1), "note": "Too small", "restock": True,
        "refund_line_items": [{"id": 1, "quantity": 1, "line_item_id": 866550311766439020, "subtotal": 50.0, "line_item": line()}],
        "transactions": [
            {"id": 5, "order_id": 820982911946154508, "kind": "refund", "status": "success", "amount": "20.00", "currency": "EUR"},
            {"id": 6, "order_id": 820982911946154508, "kind": "refund", "status": "failure", "amount": "30.00", "currency": "EUR"},
        ],
    } | changes  # fmt: skip


def checkout(**changes) -> dict:
    return {
        "id": 981820079255243537, "token": "bd5a8aa1ecd019dd3520ff791ee3a24c", "cart_token": "68778783ad298f1c80c3bafcddeea02f",
        "email": "ana@example.com", "created_at": ago(minutes=2), "updated_at": ago(minutes=1), "completed_at": None, "currency": "EUR",
        "total_price": "50.00", "line_items": [line()], "abandoned_checkout_url": "https://tiendanorte.example/checkouts/secret",
        "customer_locale": "es",
    } | changes  # fmt: skip


def product(**changes) -> dict:
    return {
        "id": 788032119674292922, "title": "Botas Norte", "vendor": "Norte", "product_type": "Calzado", "handle": "botas-norte",
        "status": "active", "published_at": ago(days=3), "updated_at": ago(minutes=1), "tags": "invierno, piel",
        "variants": [
            {"id": 49148385, "title": "42", "price": "50.00", "compare_at_price": "60.00", "inventory_quantity": 3} | _TRACKED,
            {"id": 49148386, "title": "43", "price": "52.00", "compare_at_price": None, "inventory_quantity": -1} | _TRACKED,
        ],
        "images": [{"src": "https://tiendanorte.example/botas.jpg"}], "image": {"src": "https://tiendanorte.example/botas.jpg"},
    } | changes  # fmt: skip


def woo_order(**changes) -> dict:
    return {
        "id": 727, "number": "727", "status": "processing", "currency": "EUR", "created_via": "checkout", "customer_id": 26,
        "total": "55.00",
        "date_created_gmt": _gmt(minutes=2), "date_modified_gmt": _gmt(minutes=1), "date_paid_gmt": _gmt(minutes=1),
        "billing": {"first_name": "Ana", "last_name": "Pérez", "country": "ES", "email": "ana@example.com", "phone": "+34600000001"},
        "payment_method": "redsys", "payment_method_title": "Tarjeta", "customer_ip_address": "192.0.2.7", "customer_user_agent": "x",
        "line_items": [
            {"id": 315, "name": "Botas Norte", "product_id": 93, "variation_id": 0, "quantity": 2, "total": "50.00", "price": 25}
        ],
        "coupon_lines": [{"code": "norte10"}], "refunds": [],
    } | changes  # fmt: skip


def woo_customer(**changes) -> dict:
    return {
        "id": 26, "email": "ana@example.com", "first_name": "Ana", "last_name": "Pérez", "username": "ana", "role": "customer",
        "date_created_gmt": _gmt(minutes=5), "date_modified_gmt": _gmt(minutes=1), "billing": {"phone": "+34600000001", "country": "ES"},
    } | changes  # fmt: skip


def woo_product(**changes) -> dict:
    return {
        "id": 93, "name": "Botas Norte", "permalink": "https://tiendanorte.example/botas/", "status": "publish", "parent_id": 0,
        "price": "25.00", "regular_price": "30.00", "on_sale": True, "manage_stock": True, "stock_quantity": 4, "stock_status": "instock",
        "categories": [{"id": 9, "name": "Calzado", "slug": "calzado"}], "tags": [{"name": "piel"}],
        "images": [{"src": "https://tiendanorte.example/botas.jpg"}],
    } | changes  # fmt: skip


def _gmt(**back) -> str:
    return (datetime.now(UTC) - timedelta(**back)).strftime("%Y-%m-%dT%H:%M:%S")


def sign(raw: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()


class Shop:
    """A shop's system that posts to Tienda Norte's address."""

    def __init__(self, tienda, platform: str, hook: dict) -> None:
        self.tienda = tienda
        self.platform = platform
        self.hook = hook
        self.count = 0

    async def post(self, topic: str, payload, *, delivery: str = "", signature: str | None = None):
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.count += 1
        signature = sign(raw) if signature is None else signature
        delivery = delivery or f"delivery-{self.count}"
        named = {
            "shopify": {"x-shopify-topic": topic, "x-shopify-webhook-id": delivery, "x-shopify-hmac-sha256": signature},
            "woocommerce": {"x-wc-webhook-topic": topic, "x-wc-webhook-delivery-id": delivery, "x-wc-webhook-signature": signature},
        }[self.platform]
        address = self.hook["address"]
        answer = await self.tienda.client.post(address, content=raw, headers=named | {"content-type": "application/json"})
        await self.tienda.work()
        return answer


async def open_shop(tienda, platform: str, **more) -> Shop:
    answer = await tienda.post("/hooks", {"platform": platform, "name": "Tienda", "secret": SECRET} | more)
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text
    return Shop(tienda, platform, answer.json())
