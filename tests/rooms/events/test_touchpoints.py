"""Calls, visits, complaints, returns and tills: what counts as a contact from us, and how rows of files become calls."""

from __future__ import annotations

import json

import pytest

from oportuno.events.event import Call, Event, Source
from oportuno.events.touchpoints import ROWS, Contact, Touchpoint, call_from, contact_in
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import key_of

ANA = key_of(1, 7)
WHO = {"user_id": "ana", "at": "2026-11-21T10:00:00Z", "source": "centralita"}


def told(name: str, properties=None, call: Call = Call.TRACK) -> Event:
    body = {"type": "track", "event": name, "userId": "ana"} | ({"properties": properties} if properties is not None else {})
    return Event(
        key=ANA, lane=1, seq=1, h=b"h" * 16, source=Source.LIVE, call=call, name=name, at=5, received=5, body=json.dumps(body).encode()
    )


def test_a_call_that_we_made_is_a_contact_from_us():
    assert contact_in(told("Call Ended", {"direction": "outbound"})) == Contact(channel="call")


def test_who_rang_us_up_was_not_contacted_by_us():
    assert contact_in(told("Call Ended", {"direction": " Inbound "})) is None


@pytest.mark.parametrize("properties", [None, {}, {"direction": 7}, {"direction": "sideways"}, ["?"]])
def test_a_call_of_which_nobody_knows_who_rang_counts_as_ours(properties):
    assert contact_in(told("Call Ended", properties)) == Contact(channel="call")


def test_a_contact_of_another_system_counts_by_the_channel_that_it_names():
    assert contact_in(told("Contact Made", {"channel": "Letter"})) == Contact(channel="letter")
    assert contact_in(told("Contact Made", {"channel": "sms", "purpose": "service"})) == Contact(channel="sms", service=True)


@pytest.mark.parametrize("name", ["Store Visited", "Complaint Opened", "Complaint Closed", "Order Returned", "Order Completed"])
def test_what_the_customer_came_to_us_for_is_no_contact_from_us(name):
    assert contact_in(told(name, {"direction": "outbound"})) is None


def test_a_page_called_like_a_call_is_a_page():
    assert contact_in(told("Call Ended", {"direction": "outbound"}, Call.PAGE)) is None


def test_a_row_of_calls_becomes_the_call_that_the_telephone_system_would_have_sent():
    row = WHO | {"direction": "Outbound", "call_id": "77", "duration": "95", "store": "madrid", "purpose": "service", "topic": ""}
    assert call_from("calls", [row]) == {
        "type": "track",
        "event": "Call Ended",
        "userId": "ana",
        "timestamp": "2026-11-21T10:00:00Z",
        "messageId": "calls/77",
        "properties": {
            "source": "centralita",
            "store_id": "madrid",
            "call_id": "77",
            "direction": "outbound",
            "purpose": "service",
            "duration": "95",
        },
    }


def test_rows_of_one_till_receipt_are_one_order():
    lines = [{"product_id": "p1", "price": "50,00", "quantity": "1"}, {"product_id": "p2", "price": "5"}, {"product_id": ""}]
    rows = [WHO | {"order_id": "T-1", "store": "madrid", "total": "55", "currency": "EUR"} | line for line in lines]
    call = call_from("till", rows)
    assert (call["event"], call["messageId"]) == ("Order Completed", "till/T-1")
    assert call["properties"]["products"] == [{"product_id": "p1", "quantity": "1", "price": "50,00"}, {"product_id": "p2", "price": "5"}]
    assert (call["properties"]["store_id"], call["properties"]["channel"]) == ("madrid", "till")


@pytest.mark.parametrize(
    ("state", "event"), [("opened", "Complaint Opened"), ("Cerrada", "Complaint Closed"), ("closed", "Complaint Closed")]
)
def test_a_complaint_is_opened_or_closed_by_its_state(state, event):
    assert call_from("complaints", [WHO | {"complaint_id": "c1", "state": state}])["event"] == event


@pytest.mark.parametrize(
    ("kind", "row", "column"),
    [
        ("calls", WHO, "direction"),
        ("calls", WHO | {"direction": "out"}, "direction"),
        ("visits", WHO, "store"),
        ("till", WHO | {"store": "madrid"}, "order_id"),
        ("visits", {"at": "2026-11-21", "store": "madrid"}, "user_id"),
        ("visits", {"user_id": "ana", "store": "madrid"}, "at"),
    ],
)
def test_a_row_that_cannot_be_used_names_its_column(kind, row, column):
    with pytest.raises(BadInput) as told:
        call_from(kind, [row])
    assert (told.value.code, told.value.place) == ("row_unfit", column)


def test_no_column_of_a_file_has_two_names_in_common_with_another():
    for shape in ROWS.values():
        names = [name for column in (*shape.columns, *shape.lines) for name in (column.name, *column.also)]
        assert sorted(names) == sorted(set(names)), shape.event


def test_every_event_between_people_is_told_in_the_reference():
    from pathlib import Path

    page = Path(__file__).parents[3].joinpath("docs", "reference", "events.md").read_text(encoding="utf-8")
    for name in Touchpoint:
        assert f"`{name.value}`" in page
