"""Rows of files become calls: by headings, by hand, and by the layouts that are known."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oportuno.catalog.once import Once
from oportuno.events.bring.fields import FIELDS, Kind, suggest
from oportuno.events.bring.mapping import Mapping, answer_fields, check_mapping, fitted, unproven
from oportuno.events.bring.orders import NEAR
from oportuno.events.bring.presets import PRESETS, find_preset
from oportuno.events.bring.read import calls_of, columns_needed
from oportuno.events.bring.rows import LeftOut, Line, Made, Turned
from oportuno.kit.faults import BadInput
from oportuno.kit.times import to_text

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Two cores shared with others: a slow draw says nothing about the promise."""


def lines(text):
    return [Line(number, row, number + 1) for number, row in enumerate(csv.DictReader(io.StringIO(text.strip())), 1)]


def read(rows, mapping):
    return list(calls_of(rows, mapping, Once()))


def told(made):
    """Give what a call says, without what every import says."""
    call = msgspec.json.decode(made.body)
    assert call.pop("context") == {"oportuno": {"source": "import"}}
    assert call.pop("timestamp", "") in {"", to_text(made.at)}
    return call


def by_preset(kind, key, text):
    preset = find_preset(Kind(kind), key)
    rows = lines(text)
    mapping = preset.mapping if preset.prepare is not None else fitted(preset.mapping, rows[0].cells.keys())
    return read(rows, mapping)


def test_headings_are_known_with_accents_signs_and_in_any_case():
    found = suggest(Kind.CUSTOMERS, ["Id. Cliente", "CORREO ELECTRÓNICO", "Nombre", "consent.email", "Notas"])
    assert found == {"user_id": "Id. Cliente", "email": "CORREO ELECTRÓNICO", "first_name": "Nombre", "consent.email": "consent.email"}


def test_no_column_tells_two_fields():
    for kind, fields in FIELDS.items():
        headings = [word for field in fields for word in (field.name, *field.words)]
        found = suggest(kind, headings)
        assert len(set(found.values())) == len(found)


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        (Mapping(kind=Kind.ORDERS, columns={"user_id": "id", "order_id": "n"}), "mapping_field_missing"),
        (Mapping(kind=Kind.CUSTOMERS, columns={"user_id": "nowhere"}), "mapping_column_unknown"),
        (Mapping(kind=Kind.CUSTOMERS, columns={"user_id": "id", "shoe_size": "n"}), "mapping_field_unknown"),
        (Mapping(kind=Kind.CUSTOMERS, columns={"user_id": "id"}, zone="Mars/Olympus"), "mapping_zone_unknown"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_before_a_row_is_read(mapping, code):
    with pytest.raises(BadInput) as fault:
        check_mapping(mapping, ["id", "n"])
    assert fault.value.code == code


def test_a_row_that_says_nothing_of_whom_is_turned_away_and_its_neighbours_come_in():
    mapping = Mapping(kind=Kind.CUSTOMERS, columns={"user_id": "id", "email": "mail", "traits.points": "p"})
    ana, nobody, bruno = read(lines("id,mail,p\nana,ana@example.com,12\n,x@example.com,\nbruno,,"), mapping)
    assert told(ana) == {"type": "identify", "userId": "ana", "traits": {"email": "ana@example.com", "points": "12"}}
    assert (nobody.code, nobody.field, nobody.line.at) == ("row_without_customer", "user_id", 3)
    assert told(bruno) == {"type": "identify", "userId": "bruno", "traits": {}}


def test_a_yes_needs_five_things_beside_it():
    mapping = Mapping(
        kind=Kind.CUSTOMERS, columns={"user_id": "id", "consent.email": "news", "consent.at": "when"}, fixed={"consent.source": "shop"}
    )
    assert list(answer_fields(mapping)) == ["consent.email"]
    assert unproven(mapping) == ["consent.method", "consent.notice", "consent.language"]
    assert unproven(Mapping(kind=Kind.CUSTOMERS, columns={"user_id": "id"})) == []


ORDERS = Mapping(
    kind=Kind.ORDERS,
    columns={"order_id": "n", "user_id": "who", "timestamp": "at", "product_id": "sku", "quantity": "q", "price": "eur"},
    fixed={"currency": "EUR"},
)


def test_rows_of_one_order_are_one_event_with_its_sum():
    first, second = read(
        lines("n,who,at,sku,q,eur\n7,ana,2025-01-02,lamp,2,10.50\n7,ana,2025-01-02,bulb,3,1.10\n8,ana,2025-01-03,rug,1,80"), ORDERS
    )
    assert told(first) == {
        "type": "track",
        "event": "Order Completed",
        "userId": "ana",
        "properties": {
            "order_id": "7",
            "total": 24.3,
            "currency": "EUR",
            "products": [{"product_id": "lamp", "quantity": 2, "price": 10.5}, {"product_id": "bulb", "quantity": 3, "price": 1.1}],
        },
    }
    assert (first.first, first.last, second.first, second.last) == (1, 2, 3, 3)
    assert first.own_id != second.own_id


def test_half_an_order_is_none():
    torn = read(lines("n,who,at,sku,q,eur\n7,ana,2025-01-02,lamp,two,10\n7,ana,2025-01-02,bulb,3,1\n8,ana,2025-01-03,rug,1,80"), ORDERS)
    assert [(each.code, each.line.number) for each in torn[:2]] == [("number_unreadable", 1), ("order_torn", 2)]
    assert isinstance(torn[2], Made)


def test_a_row_that_nobody_can_place_tears_the_order_that_goes_on_behind_it():
    rows = lines(
        "n,who,at,sku,q,eur\n7,ana,2025-01-02,lamp,1,10\n,ana,2025-01-02,bulb,3,1\n7,ana,2025-01-02,rug,1,80\n8,ana,2025-01-02,rug,1,80"
    )
    assert [type(each) for each in read(rows, ORDERS)] == [Turned, Turned, Turned, Made]
    between = [rows[0], rows[1], rows[3]]
    assert [type(each) for each in read(between, ORDERS)] == [Made, Turned, Made]


def test_orders_that_two_tills_write_between_each_other_are_whole():
    found = read(lines("n,who,at,sku,q,eur\n7,ana,2025-01-02,lamp,1,10\n8,bruno,2025-01-02,rug,1,80\n7,ana,2025-01-03,bulb,3,1"), ORDERS)
    assert [(told(each)["properties"]["order_id"], each.last) for each in found] == [("8", 2), ("7", 3)]
    assert told(found[1])["properties"]["total"] == 13


def test_an_order_that_comes_back_far_down_or_about_somebody_else_or_from_its_start_is_turned_away():
    begins, others = "n,who,at,sku,q,eur\n7,ana,2025-01-02,lamp,1,10\n", "8,ana,2025-01-02,rug,1,80\n"
    many = "".join(f"9{at},ana,2025-01-02,rug,1,80\n" for at in range(NEAR + 1))
    for again in (many + "7,ana,2025-01-02,bulb,3,1", others + "7,bruno,2025-01-02,bulb,3,1", others + begins[19:]):
        found = read(lines(begins + again), ORDERS)
        assert [getattr(each, "code", "") for each in found if getattr(each, "code", "")] == ["order_scattered"]
        assert told(found[0])["properties"]["total"] == 10


@calm
@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=60))
def test_however_orders_interleave_they_are_those_of_the_sorted_file_and_come_by_their_last_rows(numbers):
    rows = [f"{number},ana,2025-01-02,item-{at},1,{at + 1}" for at, number in enumerate(numbers)]
    mixed = read(lines("\n".join(["n,who,at,sku,q,eur", *rows])), ORDERS)
    plain = read(lines("\n".join(["n,who,at,sku,q,eur", *sorted(rows, key=lambda row: row[0])])), ORDERS)
    assert [each.last for each in mixed] == sorted(
        {max(at for at, other in enumerate(numbers, 1) if other == number) for number in numbers}
    )
    assert {told(each)["properties"]["order_id"]: told(each) for each in mixed} == {
        told(each)["properties"]["order_id"]: told(each) for each in plain
    }


def test_less_than_nothing_and_a_refunded_state_take_back():
    rows = lines("n,who,at,sku,q,eur\n9,ana,2025-01-02,lamp,-2,10")
    assert told(read(rows, ORDERS)[0])["event"] == "Order Refunded"
    mapping = msgspec.structs.replace(ORDERS, columns={**ORDERS.columns, "status": "s"})
    rows = lines(
        "n,who,at,sku,q,eur,s\n1,ana,2025-01-02,lamp,1,10,refunded\n2,ana,2025-01-02,lamp,1,10,pending\n3,ana,2025-01-02,lamp,1,10,paid"
    )
    refund, pending, paid = read(rows, mapping)
    assert (told(refund)["event"], type(pending), told(paid)["event"]) == ("Order Refunded", LeftOut, "Order Completed")


@calm
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["1", "x", "-3", ""]), st.booleans()), max_size=30))
def test_every_row_ends_in_exactly_one_place_and_in_order(rows):
    given_lines = [
        Line(n, {"n": number if kept else "", "who": "ana", "at": "2025-01-02", "sku": "s", "q": q, "eur": "1"}, n + 1)
        for n, (number, q, kept) in enumerate(rows, 1)
    ]
    found = read(given_lines, ORDERS)
    lasts = [each.last for each in found]
    assert lasts == sorted(lasts)
    turned = [each.line.number for each in found if isinstance(each, Turned)]
    made = [n for each in found if isinstance(each, Made) for n in range(each.first, each.last + 1) if n not in turned]
    assert sorted(turned + made) == [line.number for line in given_lines]


# ── Layouts ─────────────────────────────────────────────────────────────────────────────────────────────────────────

SHOPIFY = """
Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Payment Method
#1001,Ana@Example.com,paid,EUR,33.00,2024-03-01 10:00:00 +0100,2,Lámpara,12.50,LAMP,Card
#1001,Ana@Example.com,,,,2024-03-01 10:00:00 +0100,1,Bombilla,8.00,BULB,
#1002,bruno@example.com,pending,EUR,5.00,2024-03-02 10:00:00 +0100,1,Vela,5.00,CANDLE,Card
"""


def test_shopifys_orders():
    order, pending = by_preset("orders", "shopify", SHOPIFY)
    assert told(order)["userId"] == "ana@example.com"
    assert told(order)["properties"]["total"] == 33
    assert [each["product_id"] for each in told(order)["properties"]["products"]] == ["LAMP", "BULB"]
    assert isinstance(pending, LeftOut)


def test_shopifys_customers():
    [ana] = by_preset(
        "customers",
        "shopify",
        "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Country Code,Phone,Tags\n"
        "'77,Ana,García,Ana@example.com,yes,ES,+34600111222,vip",
    )
    assert ana.user == "ana@example.com"
    assert ana.answers == {"consent.email": True}
    assert ana.proof == {}
    assert told(ana)["traits"] == {
        "email": "Ana@example.com",
        "first_name": "Ana",
        "last_name": "García",
        "phone": "+34600111222",
        "country": "ES",
        "shopify_customer_id": "'77",
        "tags": "vip",
    }


def test_woocommerces_orders_with_a_guest():
    known, guest = by_preset(
        "orders",
        "woocommerce",
        "order_id,customer_id,billing_email,order_date,status,order_currency,order_total,item_sku,item_name,item_quantity,item_total\n"
        "5,31,ana@example.com,2024-05-01 12:00:00,completed,EUR,25,LAMP,Lámpara,2,25\n"
        "6,0,Dora@example.com,2024-05-02 12:00:00,completed,EUR,8,BULB,Bombilla,1,8\n",
    )
    assert (known.user, guest.user) == ("31", "dora@example.com")
    assert told(known)["properties"]["products"] == [{"product_id": "LAMP", "name": "Lámpara", "quantity": 2, "price": 12.5}]


def test_prestashops_customers_and_orders():
    [ana] = by_preset(
        "customers",
        "prestashop",
        "ID,First name,Last name,Email address,Newsletter,Registration\n3,Ana,García,ana@example.com,1,2023-01-01 09:00:00",
    )
    assert (ana.user, ana.answers) == ("3", {"consent.email": True})
    [order] = by_preset(
        "orders",
        "prestashop",
        "id_order,id_customer,date_add,total_paid,currency,payment,product_reference,product_name,product_quantity,unit_price_tax_incl\n"
        "12,3,2023-02-01 09:00:00,20.00,EUR,Bizum,LAMP,Lámpara,1,20.00",
    )
    assert told(order)["properties"]["payment_method"] == "Bizum"


def test_uci_online_retail_with_a_cancellation():
    bought, back, nobody = by_preset(
        "orders",
        "uci-online-retail",
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,WHITE HEART,6,12/1/2010 8:26,2.55,17850,United Kingdom\n"
        "C536379,D,Discount,-1,12/1/2010 9:41,27.50,14527,United Kingdom\n"
        "536414,22139,,56,12/1/2010 11:52,0,,United Kingdom\n",
    )
    assert (told(bought)["event"], told(bought)["properties"]["total"], bought.at) == ("Order Completed", 15.3, 1291191960000)
    assert (told(back)["event"], told(back)["properties"]["total"]) == ("Order Refunded", 27.5)
    assert nobody.code == "row_without_customer"


def test_complete_journey():
    [order] = by_preset(
        "orders",
        "complete-journey",
        "household_id,store_id,basket_id,product_id,quantity,sales_value,transaction_timestamp\n"
        "900,330,31198570044,1095275,2,1.0,2017-01-01 11:53:26\n900,330,31198570044,9878513,1,0.99,2017-01-01 11:53:26",
    )
    assert told(order)["properties"] | {"products": 0} == {
        "order_id": "31198570044",
        "store_id": "330",
        "total": 1.99,
        "currency": "USD",
        "products": 0,
    }


def test_retailrocket():
    view, _, bought = by_preset(
        "events",
        "retailrocket",
        "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n1433221332118,257597,addtocart,355908,\n"
        "1433221332119,257597,transaction,355908,4000\n",
    )
    assert told(view) == {"type": "track", "event": "Product Viewed", "anonymousId": "257597", "properties": {"product_id": "355908"}}
    assert told(bought)["properties"] == {"order_id": "4000", "products": [{"product_id": "355908"}]}


def test_rees46():
    view, bought = by_preset(
        "events",
        "rees46",
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
        "2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde\n"
        "2019-10-01 00:00:04 UTC,purchase,3900821,2053013552326770905,appliances.water_heater,aqua,33.20,554748717,9333dfbd\n",
    )
    assert told(view)["properties"] == {"currency": "USD", "product_id": "44600062", "brand": "shiseido", "price": 35.79}
    assert told(bought)["properties"]["total"] == 33.2


def test_eshop_clothing_says_that_its_seconds_are_invented():
    preset = find_preset(Kind.EVENTS, "eshop-clothing")
    assert "invented" in preset.says
    assert "inventados" in preset.dice
    text = (
        "year,month,day,order,country,session ID,page 1 (main category),page 2 (clothing model),colour,location,"
        "model photography,price,price 2,page\n"
        "2008,4,1,1,29,1,1,A13,1,5,1,28,2,1\n2008,4,1,75,29,1,1,A16,1,6,1,33,2,1\n"
    )
    first, later = read(lines(text), preset.mapping)
    assert (to_text(first.at), to_text(later.at)) == ("2008-04-01T00:00:01.000Z", "2008-04-01T00:01:15.000Z")
    assert told(first)["properties"]["product_id"] == "A13"


def test_ga4_from_bigquery():
    preset = find_preset(Kind.EVENTS, "ga4")
    purchase = {
        "event_name": "purchase",
        "event_timestamp": "1600000000000000",
        "user_pseudo_id": "dora.1",
        "user_id": None,
        "event_params": [{"key": "currency", "value": {"string_value": "EUR", "int_value": None}}],
        "ecommerce": {"transaction_id": "T1", "purchase_revenue": 30.0},
        "items": [{"item_id": "LAMP", "item_name": "Lámpara", "price": 10.0, "quantity": 3}, {"item_id": "GIFT"}],
    }
    other = {"event_name": "session_start", "event_timestamp": 1600000000000000, "user_pseudo_id": "dora.1"}
    bought, left = read([Line(1, purchase), Line(2, other)], preset.mapping)
    assert isinstance(left, LeftOut)
    assert (bought.anonymous, to_text(bought.at)) == ("dora.1", "2020-09-13T12:26:40.000Z")
    assert told(bought)["properties"] == {
        "order_id": "T1",
        "total": 30,
        "currency": "EUR",
        "products": [{"product_id": "LAMP", "name": "Lámpara", "price": 10, "quantity": 3}, {"product_id": "GIFT"}],
    }


def test_every_preset_has_a_mapping_that_can_work_and_says_it_in_two_languages():
    assert {preset.key for preset in PRESETS} >= {
        "shopify",
        "woocommerce",
        "prestashop",
        "ga4",
        "uci-online-retail",
        "retailrocket",
        "rees46",
    }
    for preset in PRESETS:
        check_mapping(preset.mapping, None)
        assert preset.mapping.preset == preset.key
        assert preset.says
        assert preset.dice != preset.says
        assert columns_needed(preset.mapping)


@calm
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(sorted(find_preset(Kind.EVENTS, "ga4").reads)),
            st.recursive(
                st.none() | st.text() | st.integers() | st.floats(),
                lambda inner: (
                    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["key", "value", "item_id", "price"]), inner, max_size=3)
                ),
                max_leaves=6,
            ),
        ),
        max_size=4,
    )
)
def test_no_row_however_strange_ends_the_reading(rows):
    for preset in PRESETS:
        if preset.kind is not Kind.PRODUCTS:
            found = read([Line(n, row) for n, row in enumerate(rows, 1)], preset.mapping)
            assert len(found) <= len(rows)
