"""However odd a payload is, it means something or nothing: reading it never fails, and what it means can be stored."""

from __future__ import annotations

import base64
import hmac
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oportuno.events.hooks import shopify, woocommerce
from oportuno.events.hooks.post import Platform, Post, signed
from oportuno.events.reading import Read, Surroundings, read_call

calm = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
FIELDS = (
    "id order_id customer customer_id line_items transactions refund_line_items variants email created_at updated_at date_created_gmt"
    " status billing refunds images image title name price tags published_at token completed_at email_marketing_consent discount_codes"
).split()
scraps = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
    | st.sampled_from(["processing", "2026-11-22T05:00:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)
payloads = st.dictionaries(st.sampled_from(FIELDS), scraps, max_size=8)
AROUND = Surroundings(received=1_790_000_000_000, digest_key=b"k" * 32, ids=lambda: b"i" * 16, secret=True)


def post(platform: Platform, topic: str, payload) -> Post:
    return Post(
        platform=platform, topic=topic, id="d-1", payload=payload, veil=lambda text: f"veil-{len(text)}", shop_url="https://t.example"
    )


@calm
@given(topic=st.sampled_from([*sorted(shopify.TOPICS), "odd/topic"]), payload=payloads)
def test_whatever_shopify_posts_is_read(topic, payload):
    meaning = shopify.meaning_of(post(Platform.SHOPIFY, topic, payload))
    assert meaning.nothing or _whom(meaning)


@calm
@given(topic=st.sampled_from([*sorted(woocommerce.TOPICS), "odd.topic"]), payload=payloads)
def test_whatever_woocommerce_posts_is_read(topic, payload):
    meaning = woocommerce.meaning_of(post(Platform.WOOCOMMERCE, topic, payload))
    assert meaning.nothing or _whom(meaning)


def _whom(meaning) -> bool:
    return all({"userId", "anonymousId"} & tell.call.keys() for tell in meaning.tells)


@pytest.mark.parametrize(
    ("reader", "topic", "payload"),
    [
        (
            shopify,
            "orders/create",
            {"id": 1, "customer": {"id": 2}, "created_at": "2026-09-20T10:00:00-04:00", "line_items": [{"product_id": 3}]},
        ),
        (shopify, "refunds/create", {"id": 1, "order_id": 2, "created_at": "2026-09-20T10:00:00+02:00"}),
        (woocommerce, "order.created", {"id": 1, "status": "processing", "customer_id": 2, "date_created_gmt": "2026-09-20T10:00:00"}),
    ],
)
def test_what_a_post_means_is_a_call_like_anybodys(reader, topic, payload):
    for tell in reader.meaning_of(post(Platform.SHOPIFY, topic, payload)).tells:
        assert isinstance(read_call(json.dumps(tell.call).encode(), AROUND), Read)


def test_a_moment_that_woocommerce_writes_is_in_utc():
    payload = {"id": 1, "status": "processing", "customer_id": 2, "date_created_gmt": "2026-09-20T10:00:00"}
    [_, completed] = [None, *woocommerce.meaning_of(post(Platform.WOOCOMMERCE, "order.created", payload)).tells]
    assert completed.call["timestamp"] == completed.first == "2026-09-20T10:00:00Z"


def test_a_signature_holds_for_these_bytes_and_this_secret_alone():
    shown = base64.b64encode(hmac.new(b"secret", b"{}", "sha256").digest())
    assert signed(b"{}", b"secret", shown)
    assert signed(b"{}", b"secret", shown + b"\n")
    for body, secret, other in (
        (b"{} ", b"secret", shown),
        (b"{}", b"Secret", shown),
        (b"{}", b"secret", b""),
        (b"{}", b"secret", b"\xff\xfe"),
    ):
        assert not signed(body, secret, other)
