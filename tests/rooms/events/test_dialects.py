"""What GA4, Klaviyo and Braze say is understood as what it is, in the shapes that they document, and stays what was sent."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oportuno.events.commerce import KINDS, Reading, read_call
from oportuno.events.dialects.translate import FOREIGN, in_our_words, our_properties
from oportuno.events.event import Call, Event, Source
from oportuno.kit.ids import key_of

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def heard(name: str, properties) -> tuple[str, Reading, dict]:
    """Give our name, our reading, and what is kept, of an event in another vocabulary."""
    call = {"type": "track", "event": name, "userId": "ana", "properties": properties}
    ours, body = in_our_words(name, json.dumps(call).encode())
    event = Event(key=key_of(1, 7), lane=1, seq=1, h=b"h" * 16, source=Source.LIVE, call=Call.TRACK, name=ours, at=5, received=5, body=body)
    return ours, read_call(event), json.loads(body)


BOOTS = {"item_id": "SKU_12345", "item_name": "Botas Norte", "item_brand": "Norte", "item_category": "Calzado", "item_variant": "42",
         "price": 49.9, "quantity": 2}  # fmt: skip
LAMP = {"item_id": "SKU_9", "item_name": "Lámpara", "price": 10, "quantity": 1}


def test_ga4_a_product_that_is_looked_at():
    name, read, kept = heard("view_item", {"currency": "EUR", "value": 49.9, "items": [BOOTS]})
    [item] = read.items
    assert name == "Product Viewed"
    assert (item.product, item.name, item.variant, item.brand, item.category) == ("SKU_12345", "Botas Norte", "42", "Norte", "Calzado")
    assert (item.price, read.currency, read.faults) == (4990, "EUR", ())
    assert kept["context"]["oportuno"] == {"event": "view_item", "dialect": "ga4"}
    assert kept["properties"]["items"] == [BOOTS]


def test_ga4_two_products_that_are_put_into_the_cart_at_once():
    name, read, _ = heard("add_to_cart", {"currency": "EUR", "value": 109.8, "items": [BOOTS, LAMP]})
    assert (name, [(item.product, item.quantity) for item in read.items]) == ("Product Added", [("SKU_12345", 2), ("SKU_9", 1)])
    assert read.faults == ()


def test_ga4_an_order_and_its_refund():
    name, read, _ = heard(
        "purchase",
        {
            "transaction_id": "T_12345",
            "value": 109.8,
            "tax": 4.9,
            "shipping": 5.99,
            "currency": "EUR",
            "coupon": "NORTE10",
            "items": [BOOTS, LAMP],
        },
    )
    assert (name, read.order, read.total, read.coupon, len(read.items)) == ("Order Completed", "T_12345", 10980, "NORTE10", 2)
    name, read, _ = heard("refund", {"transaction_id": "T_12345", "currency": "EUR", "items": [LAMP]})
    assert (name, read.order, read.total, [item.product for item in read.items]) == ("Order Refunded", "T_12345", None, ["SKU_9"])


def test_ga4_an_empty_cart_is_an_empty_cart():
    name, read, _ = heard("view_cart", {"currency": "EUR", "value": 0, "items": []})
    assert (name, read.listed, read.items) == ("Cart Viewed", True, ())


@pytest.mark.parametrize(
    ("name", "properties", "ours"),
    [
        ("search", {"search_term": "botas"}, "Products Searched"),
        ("view_item_list", {"item_list_id": "l1", "items": [BOOTS]}, "Product List Viewed"),
        ("select_item", {"items": [BOOTS]}, "Product Clicked"),
        ("add_to_wishlist", {"items": [BOOTS]}, "Product Added to Wishlist"),
        ("remove_from_cart", {"items": [BOOTS]}, "Product Removed"),
        ("begin_checkout", {"items": [BOOTS]}, "Checkout Started"),
        ("add_shipping_info", {"shipping_tier": "Express", "items": [BOOTS]}, "Checkout Step Completed"),
        ("add_payment_info", {"payment_type": "Card", "items": [BOOTS]}, "Payment Info Entered"),
        ("select_promotion", {"promotion_id": "P1", "items": [BOOTS]}, "Promotion Clicked"),
        ("share", {"method": "x", "content_type": "product", "item_id": "SKU_9"}, "Product Shared"),
    ],
)
def test_ga4_every_recommended_shop_event_is_one_of_ours(name, properties, ours):
    told, read, _ = heard(name, properties)
    assert (told, read.faults) == (ours, ())


@pytest.mark.parametrize("name", ["search", "purchase", "refund", "share", "view_cart"])
def test_a_shops_own_event_of_the_same_name_stays_its_own(name):
    body = json.dumps({"type": "track", "event": name, "userId": "ana", "properties": {"what": "something else"}}).encode()
    assert in_our_words(name, body) == (name, body)


KLAVIYO_ITEM = {
    "ProductID": "1111", "SKU": "WINNIEPOOH", "ProductName": "Winnie", "Quantity": 1, "ItemPrice": 9.99, "RowTotal": 9.99,
    "ProductURL": "https://tiendanorte.example/winnie", "ImageURL": "https://tiendanorte.example/winnie.png",
    "Categories": ["Ficción", "Infantil"], "Brand": "Editorial Norte",
}  # fmt: skip


def test_klaviyo_a_product_that_is_looked_at():
    name, read, kept = heard(
        "Viewed Product",
        {"ProductName": "Winnie", "ProductID": "1111", "SKU": "WINNIEPOOH", "Categories": ["Ficción"], "URL": "https://tiendanorte.example/w",
         "Brand": "Editorial Norte", "Price": 9.99, "CompareAtPrice": 14.99},
    )  # fmt: skip
    [item] = read.items
    assert (name, item.product, item.name, item.category, item.brand, item.price) == (
        "Product Viewed", "1111", "Winnie", "Ficción", "Editorial Norte", 999,
    )  # fmt: skip
    assert kept["context"]["oportuno"]["event"] == "Viewed Product"


def test_klaviyo_of_a_cart_only_what_was_added_is_added():
    name, read, _ = heard(
        "Added to Cart",
        {"$value": 29.98, "AddedItemProductName": "Lámpara", "AddedItemProductID": "1112", "AddedItemSKU": "L", "AddedItemPrice": 19.99,
         "AddedItemQuantity": 1, "AddedItemCategories": ["Casa"], "ItemNames": ["Winnie", "Lámpara"], "Items": [KLAVIYO_ITEM]},
    )  # fmt: skip
    assert (name, [(item.product, item.price, item.category) for item in read.items]) == ("Product Added", [("1112", 1999, "Casa")])


def test_klaviyo_an_order_and_what_became_of_it():
    name, read, _ = heard(
        "Placed Order",
        {"$event_id": "1234", "$value": 9.99, "OrderId": "1234", "ItemNames": ["Winnie"], "DiscountCode": "Gratis",
         "DiscountValue": 5, "Items": [KLAVIYO_ITEM], "BillingAddress": {"FirstName": "Ana"}},
    )  # fmt: skip
    assert (name, read.order, read.total, read.coupon, read.items[0].product) == ("Order Completed", "1234", 999, "Gratis", "1111")
    name, read, _ = heard("Fulfilled Order", {"OrderId": "1234", "$value": 4.99, "Items": [KLAVIYO_ITEM]})
    assert (name, read.order, read.total, read.items) == ("Order Updated", "1234", None, ())
    assert heard("Refunded Order", {"OrderId": "1234", "$value": 9.99, "Items": []})[1].total == 999
    assert heard("Cancelled Order", {"OrderId": "1234", "Reason": "No stock"})[0] == "Order Cancelled"


def test_klaviyo_a_line_of_an_order_is_not_a_second_order():
    assert our_properties("Ordered Product", {"OrderId": "1234", "ProductID": "1111"}) is None


BRAZE_PRODUCT = {"product_id": "632910392", "product_name": "iPod", "variant_id": "808950810", "image_url": "https://tiendanorte.example/i.png",
                 "product_url": "https://tiendanorte.example/i", "quantity": 1, "price": 199.0}  # fmt: skip


@pytest.mark.parametrize(
    ("action", "ours"), [("replace", "Cart Viewed"), ("add", "Product Added"), ("remove", "Product Removed"), (None, "Cart Viewed")]
)
def test_braze_a_cart_says_how_it_was_updated(action, ours):
    properties = {"cart_id": "c1", "total_value": 199.0, "currency": "EUR", "products": [BRAZE_PRODUCT], "source": "web"}
    name, read, _ = heard("ecommerce.cart_updated", properties | ({"action": action} if action else {}))
    assert (name, read.items[0].product, read.items[0].variant, read.items[0].name) == (ours, "632910392", "808950810", "iPod")
    assert (read.cart, read.faults) == ("c1", ())


def test_braze_an_order_and_what_became_of_it():
    order = {"order_id": "820982911946154508", "cart_id": "c1", "total_value": 421.88, "currency": "EUR", "total_discounts": 5.0,
             "products": [BRAZE_PRODUCT], "source": "web"}  # fmt: skip
    name, read, _ = heard("ecommerce.order_placed", order)
    assert (name, read.order, read.total, read.items[0].price) == ("Order Completed", "820982911946154508", 42188, 19900)
    assert heard("ecommerce.order_refunded", order)[0] == "Order Refunded"
    assert heard("ecommerce.order_cancelled", order | {"cancel_reason": "customer"})[0] == "Order Cancelled"
    assert heard("ecommerce.checkout_started", order)[0] == "Checkout Started"
    assert heard("ecommerce.product_viewed", BRAZE_PRODUCT | {"currency": "EUR", "source": "web"})[1].items[0].name == "iPod"


def test_no_name_of_ours_is_foreign():
    assert not FOREIGN.keys() & KINDS.keys()


def test_what_we_noted_ourselves_stands_beside_what_the_sender_noted():
    call = {
        "event": "view_item",
        "userId": "ana",
        "properties": {"items": [BOOTS]},
        "context": {"oportuno": {"source": "import"}, "ip": "x"},
    }
    _, body = in_our_words("view_item", json.dumps(call).encode())
    assert json.loads(body)["context"] == {"oportuno": {"source": "import", "event": "view_item", "dialect": "ga4"}, "ip": "x"}


@calm
@given(
    name=st.sampled_from(sorted(FOREIGN)),
    properties=st.dictionaries(
        st.sampled_from(
            ["items", "Items", "products", "action", "transaction_id", "Categories", "search_term", "item_id", "$value", "ProductID"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["item_id", "Categories", "product_id"]), inner, max_size=3)
            ),
            max_leaves=8,
        ),
    ),
)
def test_whatever_stands_in_it_nothing_sent_is_lost(name, properties):
    ours, _, kept = heard(name, properties)
    told = kept["properties"]
    assert {word: told[word] for word in properties if word != "products"} == {w: v for w, v in properties.items() if w != "products"}
    assert ours in KINDS or ours == name
