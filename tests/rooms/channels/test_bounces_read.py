"""Hard is only what says that an address does not exist; all else is soft, whatever its code says."""

from __future__ import annotations

import pytest
from mail_written import BOUNCES, CAME, MESSAGE, MESSAGE_ID, OURS, complaint, report

from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.channels.returned import verdicts
from oportuno.channels.returned.read import read_mail
from oportuno.channels.returned.verdicts import GONE, Refusal, meaning_of


def heard(raw: bytes, recipient: str = BOUNCES) -> Hearing:
    return read_mail(raw, recipient=recipient, at=CAME, ours=OURS)


@pytest.mark.parametrize(
    "diagnostic",
    [
        "550 5.1.1 <ana@cliente.example>: Recipient address rejected: User unknown in virtual mailbox table",
        "550-5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's address",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "550 5.1.2 Host unknown",
        "550 5.2.1 The email account that you tried to reach is disabled",
        "550 5.5.0 Requested action not taken: mailbox unavailable",
        "550 no such user here",
        "554 delivery error: dd This user doesn't have a cliente.example account",
        "550 Unrouteable address",
        "550 5.1.1 usuario desconocido",
    ],
)
def test_an_address_that_does_not_exist_is_hard(diagnostic):
    hearing = heard(report(status="5.0.0", diagnostic=diagnostic))
    assert (hearing.what, hearing.proof, hearing.message, hearing.workspace) == (What.HARD_BOUNCE, Proof.SIGNED, MESSAGE, 7)


@pytest.mark.parametrize(
    "diagnostic",
    [
        "550 5.7.1 Service unavailable, client host blocked using a block list",
        "550 5.7.1 Message rejected as spam by content filtering",
        "550 5.1.1 Message rejected: your server is on a blacklist",
        "552 5.2.2 Mailbox full",
        "550 5.1.1 user is over quota",
        "552 5.3.4 Message too large",
        "550 5.7.26 Unauthenticated email is not accepted due to domain's DMARC policy",
        "550 5.4.1 Recipient address rejected: Access denied",
        "554 Relay access denied",
        "550 5.1.8 Sender address rejected: Domain not found",
        "450 4.2.0 Greylisted, try again later",
        "550 Administrative prohibition",
        "550 5.7.1 No such user",
        "550 Denied",
        "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages",
        "421 4.3.2 Service shutting down",
    ],
)
@pytest.mark.parametrize("status", ["5.0.0", "5.1.1", "4.0.0", ""])
def test_what_is_about_us_or_will_pass_is_never_hard_even_under_the_code_of_a_missing_user(diagnostic, status):
    assert heard(report(status=status, diagnostic=diagnostic)).what is What.SOFT_BOUNCE


def test_a_server_that_writes_user_unknown_over_a_refusal_that_says_otherwise_is_not_believed():
    assert heard(report(status="5.1.1", diagnostic="550 recipient rejected")).what is What.SOFT_BOUNCE
    assert heard(report(status="5.1.1")).what is What.HARD_BOUNCE


def test_our_own_relays_broken_routes_strike_nobody_off():
    words = "The following address(es) failed:\r\n  ana@cliente.example\r\n    Unrouteable address"
    assert heard(report(status="5.0.0", words=words)).what is What.SOFT_BOUNCE


def test_what_is_still_under_way_is_no_bounce_and_what_arrived_is_none_either():
    assert heard(report(action="delayed", status="4.4.1")).what is What.DELAYED
    assert heard(report(action="delivered", status="2.0.0")).what is What.DELIVERED
    assert heard(report(action="relayed", status="2.0.0")).what is What.DELIVERED


def test_an_alias_of_which_one_branch_is_dead_still_reaches_somebody():
    two = report().replace(
        b"Action: failed\r\nStatus: 5.1.1\r\n",
        b"Action: failed\r\nStatus: 5.1.1\r\n\r\n\r\nFinal-Recipient: rfc822; otra@cliente.example\r\nAction: failed\r\nStatus: 5.2.2\r\n",
    )
    assert heard(two).what is What.SOFT_BOUNCE


def test_without_our_return_address_the_message_id_names_it_and_a_bare_report_names_nothing():
    named = heard(report(to="hola@tiendanorte.example"), recipient="hola@tiendanorte.example")
    assert (named.proof, named.message, named.workspace) == (Proof.NAMED, MESSAGE, 0)
    bare = heard(report(to="hola@tiendanorte.example", returned="Subject: x\r\n"), recipient="hola@tiendanorte.example")
    assert (bare.what, bare.proof, bare.message) == (What.HARD_BOUNCE, Proof.BARE, b"")


def test_a_return_address_in_what_came_back_is_as_good_as_one_on_the_envelope():
    raw = report(to="hola@tiendanorte.example", returned=f"Return-Path: <{BOUNCES}>\r\n")
    assert heard(raw, recipient="hola@tiendanorte.example").proof is Proof.SIGNED


def test_a_gateway_that_made_plain_text_of_it_is_read_all_the_same():
    raw = report().replace(b"Content-Type: message/delivery-status", b"Content-Type: text/plain")
    assert heard(raw).what is What.HARD_BOUNCE


def test_a_report_packed_in_base_64_is_unpacked():
    import base64

    status = b"Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; ana@cliente.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    packed = b"Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(status)
    before, _, after = report().partition(b"Content-Type: message/delivery-status")
    hearing = heard(before + packed + after[after.index(b"\r\n--=_b") :])
    assert (hearing.what, hearing.address, hearing.status) == (What.HARD_BOUNCE, "ana@cliente.example", "5.1.1")


def test_a_dialect_is_hard_only_where_the_library_and_our_own_table_agree():
    def qmail(words: str) -> bytes:
        return (
            "From: MAILER-DAEMON@cliente.example\r\nSubject: failure notice\r\n\r\n"
            "Hi. This is the qmail-send program at cliente.example.\r\nI'm afraid I wasn't able to deliver your message to the following"
            " addresses.\r\nThis is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n<ana@cliente.example>:\r\n"
            f"{words}\r\n\r\n--- Below this line is a copy of the message.\r\n\r\nMessage-ID: {MESSAGE_ID}\r\nSubject: x\r\n"
        ).encode()

    assert heard(qmail("Sorry, no mailbox here by that name. (#5.1.1)")).what is What.HARD_BOUNCE
    assert heard(qmail("Blocked for spam. (#5.1.1)")).what is What.SOFT_BOUNCE
    assert heard(qmail("Something happened.")).what is What.SOFT_BOUNCE
    assert heard(qmail("Something happened."), recipient="").proof is Proof.NAMED


def test_an_unknown_dialect_is_kept_and_nothing_follows():
    raw = b"From: MAILER-DAEMON@cliente.example\r\nSubject: ???\r\n\r\nbip bop\r\n"
    assert heard(raw).what is What.NOT_UNDERSTOOD
    assert heard(raw, recipient="").proof is Proof.BARE


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("abuse", What.COMPLAINT),
        ("fraud", What.COMPLAINT),
        ("opt-out", What.UNSUBSCRIBED),
        ("not-spam", What.NOT_UNDERSTOOD),
        ("auth-failure", What.NOT_UNDERSTOOD),
        ("made-up", What.NOT_UNDERSTOOD),
    ],
)
def test_a_complaint_is_what_the_customer_meant_and_nothing_else(kind, what):
    hearing = heard(complaint(kind), recipient="fbl@tiendanorte.example")
    assert (hearing.what, hearing.proof, hearing.message, hearing.source) == (what, Proof.NAMED, MESSAGE, "arf")


def test_a_complaint_that_tells_our_return_address_is_signed():
    assert heard(complaint(envelope=BOUNCES, returned=""), recipient="fbl@tiendanorte.example").proof is Proof.SIGNED


def test_the_same_mail_has_the_same_id_however_it_comes_and_another_has_another():
    first, again = heard(report()), heard(b"Received: from relay.example\r\n" + report())
    assert first.id == again.id
    assert heard(report().replace(b"report-1@", b"report-2@")).id != first.id


def test_when_it_happened_is_not_believed_beyond_reason():
    late = report().replace(b"18 Nov 2026", b"18 Nov 2096")
    early = report().replace(b"18 Nov 2026", b"18 Nov 1996")
    assert heard(late).at == CAME
    assert CAME - heard(early).at == 30 * 86_400_000


def test_no_known_word_is_found_in_nothing():
    for words in (verdicts._ABOUT_US, verdicts._PASSES, verdicts._NO_SUCH, verdicts._NO_DOMAIN):
        assert words.search("") is None
        assert words.search("Reporting-MTA: dns; relay.example") is None


def test_what_says_nothing_means_nothing():
    assert meaning_of(Refusal(text="hello there")) is None


def test_policy_size_and_a_full_mailbox_have_no_place_among_what_is_gone():
    assert not {(subject, detail) for subject, detail in GONE if subject in {3, 4, 5, 6, 7}}
    assert (2, 2) not in GONE
