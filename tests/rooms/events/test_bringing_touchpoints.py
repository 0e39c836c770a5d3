"""Files of calls, visits, complaints, returns and till sales: each row, or those of one receipt, become what the API would have heard."""

from __future__ import annotations

import json

import pytest

from oportuno.catalog.once import Once
from oportuno.events.bring.fields import Kind, suggest
from oportuno.events.bring.mapping import Mapping, check_mapping
from oportuno.events.bring.read import calls_of
from oportuno.events.bring.rows import Line, Made, Turned
from oportuno.events.touchpoints import ROWS
from oportuno.kit.faults import BadInput

HEADS = {
    Kind.CALLS: ["Cliente", "Fecha", "Sentido", "Llamada", "Duración", "Tienda", "Origen"],
    Kind.TILL: ["Ticket", "Cliente", "Fecha", "Tienda", "Referencia", "Unidades", "Precio", "Moneda"],
    Kind.RETURNS: ["Devolución", "Pedido", "Cliente", "Fecha", "Producto", "Cantidad"],
    Kind.REFUNDS: ["Reembolso", "Pedido", "Cliente", "Fecha", "Importe"],
    Kind.COMPLAINTS: ["Queja", "Cliente", "Fecha", "Estado"],
    Kind.VISITS: ["Cliente", "Fecha", "Tienda"],
}
ANA = ("ana", "21/11/2025 10:00")


def brought(kind: Kind, *rows: tuple[str, ...]) -> list[Made | Turned]:
    heads = HEADS[kind]
    mapping = Mapping(kind=kind, columns=suggest(kind, heads), decimal=",", dates="dmy")
    check_mapping(mapping, heads)
    lines = [Line(number, dict(zip(heads, row, strict=True)), number + 1) for number, row in enumerate(rows, 1)]
    return list(calls_of(lines, mapping, Once()))


def bodies(made: list[Made | Turned]) -> list[dict[str, object]]:
    assert all(isinstance(each, Made) for each in made), made
    return [json.loads(each.body) for each in made]


def refused(made: list[Made | Turned]) -> list[tuple[int, str, str]]:
    return [(each.line.number, each.code, each.field) for each in made if isinstance(each, Turned)]


def test_every_kind_between_people_is_a_kind_of_file():
    assert set(ROWS) <= {kind.value for kind in Kind}


def test_a_call_is_known_by_its_number_and_says_that_it_was_brought_in():
    made = brought(Kind.CALLS, (*ANA, "Outbound", "77", "95", "madrid", "centralita"))
    [call] = bodies(made)
    assert call == {
        "type": "track",
        "event": "Call Ended",
        "userId": "ana",
        "timestamp": "2025-11-21T10:00:00.000Z",
        "messageId": "calls/77",
        "context": {"oportuno": {"source": "import"}},
        "properties": {"source": "centralita", "store_id": "madrid", "call_id": "77", "direction": "outbound", "duration": "95"},
    }
    assert (made[0].own_id, made[0].first, made[0].last) == ("calls/77", 1, 1)


def test_the_rows_of_a_receipt_are_one_order_of_their_store_with_its_sum():
    made = brought(
        Kind.TILL,
        ("T1", *ANA, "madrid", "LAMP", "2", "1.010,50", "EUR"),
        ("T1", "", "", "", "RUG", "1", "80", ""),
        ("T2", *ANA, "madrid", "RUG", "1", "80", "EUR"),
    )
    first, second = bodies(made)
    assert first["event"] == "Order Completed"
    assert first["properties"] == {
        "store_id": "madrid",
        "order_id": "T1",
        "total": 2101.0,
        "currency": "EUR",
        "channel": "till",
        "products": [{"product_id": "LAMP", "quantity": 2, "price": 1010.5}, {"product_id": "RUG", "quantity": 1, "price": 80}],
    }
    assert [each.own_id for each in made] == ["till/T1", "till/T2"]
    assert (made[0].first, made[0].last, second["properties"]["total"]) == (1, 2, 80)


def test_a_receipt_below_nothing_takes_back():
    [back] = bodies(brought(Kind.TILL, ("T3", *ANA, "madrid", "LAMP", "-1", "20", "EUR")))
    assert back["event"] == "Order Refunded"
    assert back["properties"]["total"] == 20
    assert back["properties"]["products"] == [{"product_id": "LAMP", "quantity": 1, "price": 20}]


def test_a_receipt_of_which_one_row_cannot_be_read_is_refused_whole_and_so_is_one_that_comes_again_further_down():
    good, bad = ("T1", *ANA, "madrid", "RUG", "1", "80", "EUR"), ("T2", *ANA, "madrid", "RUG", "1", "free", "EUR")
    made = brought(Kind.TILL, good, ("T2", *good[1:]), bad, good)
    assert refused(made) == [(2, "order_torn", "order_id"), (3, "number_unreadable", "price"), (4, "order_scattered", "order_id")]
    assert refused(brought(Kind.TILL, ("", *good[1:]))) == [(1, "order_without_number", "order_id")]


def test_a_return_without_a_number_is_whole_by_itself():
    made = brought(
        Kind.RETURNS, ("", "A1", *ANA, "LAMP", "1"), ("", "A1", *ANA, "RUG", "1"), ("R1", "A1", *ANA, "X", "1"), ("R1", "", "", "", "Y", "")
    )
    assert [len(body["properties"]["products"]) for body in bodies(made)] == [1, 1, 2]
    assert [each.own_id for each in made] == ["", "", "returns/R1"]


def test_a_refund_says_what_was_given_back_whatever_its_sign():
    rows = [("F1", "A1", *ANA, total) for total in ("-12,50", "3")]
    first, second = brought(Kind.REFUNDS, rows[0], ("F2", *rows[1][1:]))
    assert [json.loads(each.body)["properties"]["total"] for each in (first, second)] == [12.5, 3]
    assert (first.name, first.own_id) == ("Order Refunded", "refunds/F1")


def test_a_complaint_is_opened_and_closed():
    assert [body["event"] for body in bodies(brought(Kind.COMPLAINTS, ("q1", *ANA, "abierta"), ("q1", *ANA, "Cerrada")))] == [
        "Complaint Opened",
        "Complaint Closed",
    ]


@pytest.mark.parametrize(
    ("kind", "row", "told"),
    [
        (Kind.CALLS, (*ANA, "sideways", "", "", "", ""), ("row_unfit", "direction")),
        (Kind.CALLS, (*ANA, "", "", "", "", ""), ("row_unfit", "direction")),
        (Kind.VISITS, ("", ANA[1], "madrid"), ("row_without_customer", "user_id")),
        (Kind.VISITS, ("ana", "", "madrid"), ("moment_missing", "timestamp")),
        (Kind.VISITS, ("ana", "yesterday", "madrid"), ("moment_unreadable", "timestamp")),
        (Kind.VISITS, (*ANA, ""), ("row_unfit", "store")),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_alone_with_its_reason(kind, row, told):
    good = {Kind.CALLS: (*ANA, "inbound", "", "", "", ""), Kind.VISITS: (*ANA, "madrid")}[kind]
    made = brought(kind, good, row, good)
    assert refused(made) == [(2, *told)]
    assert len(made) == 3


def test_a_file_without_a_needed_column_is_refused_before_a_row_is_read():
    with pytest.raises(BadInput) as told:
        check_mapping(Mapping(kind=Kind.CALLS, columns={"user_id": "who", "timestamp": "at"}), ["who", "at"])
    assert (told.value.code, told.value.place) == ("mapping_field_missing", "direction")
