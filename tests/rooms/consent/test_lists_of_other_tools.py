"""Lists of suppressions as other tools write them are known by their headings, and no reason is made lighter than it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.consent.gate import is_address
from oportuno.consent.reach import GRAVITY
from oportuno.consent.suppression_lists import Entry, Layout, entry_of, layout_of
from oportuno.events.bring.values import Unfit
from oportuno.kit.faults import BadInput

ANA = "ana@correo.example"


@pytest.mark.parametrize(
    ("tool", "row", "reason"),
    [
        (
            "Postmark",
            {"EmailAddress": ANA, "SuppressionReason": "HardBounce", "Origin": "Recipient", "CreatedAt": "2026-01-02"},
            "hard_bounce",
        ),
        ("Postmark", {"EmailAddress": ANA, "SuppressionReason": "SpamComplaint", "Origin": "Recipient"}, "complaint"),
        ("Postmark", {"EmailAddress": ANA, "SuppressionReason": "ManualSuppression", "Origin": "Customer"}, "manual"),
        ("Amazon SES", {"EmailAddress": ANA, "Reason": "BOUNCE", "LastUpdateTime": "2026-01-02T03:04:05Z"}, "hard_bounce"),
        ("Amazon SES", {"EmailAddress": ANA, "Reason": "COMPLAINT", "LastUpdateTime": "2026-01-02T03:04:05Z"}, "complaint"),
        ("Mailchimp, cleaned", {"Email Address": ANA, "First Name": "Ana", "CLEAN_TIME": "2026-01-02"}, "hard_bounce"),
        ("Mailchimp, unsubscribed", {"Email Address": ANA, "UNSUB_TIME": "2026-01-02", "UNSUB_REASON": ""}, "unsubscribed"),
        (
            "Mailchimp, unsubscribed",
            {"Email Address": ANA, "UNSUB_TIME": "x", "UNSUB_REASON": "NORMAL, no longer interested"},
            "unsubscribed",
        ),
        ("Mailchimp, unsubscribed", {"Email Address": ANA, "UNSUB_TIME": "x", "UNSUB_REASON": "SPAM: emails are spam"}, "complaint"),
        ("SendGrid, bounces", {"status": "5.1.1", "reason": "550 no such user", "email": ANA, "created": "1"}, "hard_bounce"),
        ("SendGrid, bounces", {"status": "5.7.1", "reason": "550 blocked as spam", "email": ANA, "created": "1"}, "soft_bounces"),
        ("SendGrid, invalid e-mails", {"reason": "Mail domain is unknown", "email": ANA, "created": "1"}, "invalid"),
        ("SendGrid, spam reports", {"email": ANA, "created": "1", "ip": "192.0.2.1"}, "complaint"),
        ("SendGrid, unsubscribes", {"email": ANA, "created": "1"}, "unsubscribed"),
        ("Mailgun, bounces", {"address": ANA, "code": "550", "error": "No such mailbox", "created_at": "x"}, "hard_bounce"),
        ("Mailgun, bounces", {"address": ANA, "code": "605", "error": "Not delivering to previously bounced address"}, "soft_bounces"),
        ("Mailgun, unsubscribes", {"address": ANA, "tags": "*", "created_at": "x"}, "unsubscribed"),
        ("a list", {"Correo electrónico": "", "Mail": ANA, "Motivo": "baja"}, "unsubscribed"),
        ("a list", {"address": ANA}, "manual"),
        ("a list", {"suppression": "sup_1", "address": ANA, "reason": "soft_bounces", "since": "2026"}, "soft_bounces"),
    ],
)
def test_a_list_of_another_tool_is_known_by_its_headings(tool: str, row: dict[str, str], reason: str) -> None:
    layout = layout_of(tuple(row))
    assert layout.tool == tool
    assert entry_of(row, layout) == Entry(ANA, reason)


def test_of_two_columns_for_addresses_the_plainest_is_taken_and_another_can_be_named() -> None:
    headings = ("mail", "address", "note", "why")
    assert layout_of(headings).address == "address"
    assert layout_of(headings, address="mail", cause="why") == Layout("a list", "mail", "why")


def test_a_reason_that_is_given_is_for_rows_that_tell_none() -> None:
    layout = layout_of(("email", "created"), reason="complaint")
    assert entry_of({"email": ANA, "created": "1"}, layout) == Entry(ANA, "complaint")
    told = layout_of(("EmailAddress", "Reason", "LastUpdateTime"), reason="complaint")
    assert entry_of({"EmailAddress": ANA, "Reason": "BOUNCE"}, told) == Entry(ANA, "hard_bounce")


@pytest.mark.parametrize(
    ("headings", "more", "code"),
    [
        ((ANA, "manual"), {}, "headings_missing"),
        (("name", "city"), {}, "column_needed"),
        (("address",), {"address": "e-mail"}, "column_unknown"),
        (("address",), {"cause": "why"}, "column_unknown"),
        (("address",), {"reason": "because"}, "reason_unknown"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_before_a_row_is(headings: tuple[str, ...], more: dict[str, str], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        layout_of(headings, **more)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("row", "code", "place"),
    [
        ({"email": "", "created": "1", "status": "5.1.1", "reason": ""}, "address_missing", "email"),
        ({"email": "ana at correo", "created": "1", "status": "5.1.1", "reason": ""}, "address_malformed", "email"),
        ({"email": ANA, "created": "1", "status": "4.2.2", "reason": "452 mailbox full"}, "bounce_passes", "status"),
    ],
)
def test_a_row_that_is_refused_names_its_column(row: dict[str, str], code: str, place: str) -> None:
    with pytest.raises(Unfit) as refused:
        entry_of(row, layout_of(tuple(row)))
    assert (refused.value.code, refused.value.place) == (code, place)


@given(
    headings=st.lists(
        st.sampled_from(["email", "Email Address", "status", "reason", "created", "ip", "CLEAN_TIME", "code", "error"]), unique=True
    ),
    cell=st.text(max_size=60),
    address=st.one_of(st.just(ANA), st.text(max_size=40)),
)
def test_whatever_a_list_holds_an_entry_is_an_address_with_a_reason_or_a_named_refusal(headings, cell, address) -> None:
    entry = read(headings, cell, address)
    assert entry is None or (is_address(entry.address) and entry.reason in GRAVITY)


def read(headings: list[str], cell: str, address: str) -> Entry | None:
    try:
        layout = layout_of(headings)
        return entry_of({heading: address if heading == layout.address else cell for heading in headings}, layout)
    except BadInput:
        return None
