"""Whatever somebody sends to a return address is read within bounds, and nothing of it raises."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mail_written import BOUNCES, CAME, OURS, complaint, letter, report

from oportuno.channels.hearing import Proof, What
from oportuno.channels.returned.letter import open_letter
from oportuno.channels.returned.read import Ours, read_closely, read_mail

PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/report; boundary=b\r\n",
        b"Content-Type: message/delivery-status\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/plain; charset=utf-77\r\n",
        b"Content-Type: text/html; charset*=x''%ff\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Content-Transfer-Encoding: x-uuencode\r\n",
        b"\r\n--b\r\n",
        b"\r\n--b--\r\n",
        b"\r\n\r\n",
        b"Final-Recipient: rfc822; ana@cliente.example\r\n",
        b"Final-Recipient: utf-8; \xc3\xa1na@cliente.example\r\n",
        b"Action: failed\r\n",
        b"Status: 5.1.1\r\n",
        b"Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n",
        b"Feedback-Type: abuse\r\n",
        b"Subject: =?utf-8?b?////?= =?x?q?=FF?=\r\n",
        b"From: MAILER-DAEMON <>\r\n",
        b"From: \xff\xfe@\x00\r\n",
        b"Auto-Submitted: auto-replied\r\n",
        b"Date: Thu, 99 Foo 99999 99:99:99 +9999\r\n",
        b"Message-ID: <msg_00000000000000000000000000@x>\r\n",
        b"begin 644 x\r\n",
        b"=ZZ=\r\n=",
        b"\x00\x00",
        b"> ",
        b"\t folded\r\n",
    ]
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(PIECES, st.binary(max_size=60)), max_size=25))
def test_any_pieces_in_any_order_are_read_without_a_fault(pieces):
    hearing = read_closely(b"".join(pieces), recipient="", at=CAME, ours=OURS)
    assert len(hearing.id) == 16
    assert hearing.proof is not Proof.SIGNED


@settings(deadline=None, max_examples=60)
@given(place=st.integers(0, 1_200), bytes_=st.binary(min_size=1, max_size=40))
def test_a_report_that_was_damaged_on_its_way_is_read_without_a_fault(place, bytes_):
    for raw in (report(), complaint(), letter("Hola")):
        read_closely(raw[:place] + bytes_ + raw[place + len(bytes_) :], recipient=BOUNCES, at=CAME, ours=OURS)


def deep(levels: int) -> bytes:
    head = b"From: x@y.example\r\n"
    return head + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(levels))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n" * 10_000,
        b"\x00" * 100_000,
        deep(40),
        deep(5_000),
        b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
        b"X-A: b\r\n" * 100_000,
        b"Subject: " + b"=?utf-8?q?x?= " * 50_000,
        b"From: " + b"<" * 200_000,
        b"To: " + b"a@b.example, " * 50_000,
        b"Subject: x\r\n " * 50_000,
        b"References: " + b"<x@y> " * 100_000,
        b"From: MAILER-DAEMON@x\r\n\r\n" + b"user " * 150_000,
        b"From: MAILER-DAEMON@x\r\nSubject: failure notice\r\n\r\n" + b"<a@b.example>:\r\n" * 20_000,
        b"Content-Type: text/html\r\n\r\n" + b"<div>" * 50_000,
        b"Content-Type: multipart/report; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: message/delivery-status\r\n\r\n" * 2_000,
        b"Content-Type: message/delivery-status\r\n\r\n" + b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n\r\n" * 10_000,
        report(words="\n" * 200_000),
        report(words="\n" + "-" * 200_000),
        report(words="\n----" * 40_000, diagnostic="user " * 20_000),
        letter("<" * 90_000),
        letter("<a" * 45_000 + "\non " + "x " * 40_000),
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\n" * 200_000,
        b"Content-Type: message/delivery-status\r\n\r\n" + b"\n" * 1_000_000,
        deep(58) + b"\r\n\r\n" + b"\r" * 900_000,
        b"b+" * 300_000,
        b"a" * 3_000_000,
    ],
    ids=lambda raw: f"{len(raw)} bytes of {bytes(raw[:24])!r}",
)
def test_bombs_are_read_within_bounds(raw):
    hearing = read_closely(raw, recipient="", at=CAME, ours=OURS)
    assert len(hearing.raw) <= 16_384
    assert len(hearing.text) <= 10_000
    assert len(hearing.detail) <= 200
    assert len(hearing.address) <= 320


@pytest.mark.parametrize("more", [b"--b\n\n", b"\n", b"\r", b"a: b\n\n"], ids=repr)
def test_what_a_report_says_counts_however_many_lines_are_heaped_behind_it(more):
    hearing = read_closely(report() + more * 300_000, recipient=BOUNCES, at=CAME, ours=OURS)
    assert (hearing.what, hearing.status) == (What.HARD_BOUNCE, "5.1.1")
    heaped = open_letter(b"Content-Type: multipart/mixed; boundary=b\n\n" + more * 300_000)
    assert len(list(heaped.walk())) <= 20_001


def test_a_fault_of_our_own_reading_keeps_the_mail_and_changes_nothing():
    def stumbles(_token: str) -> None:
        raise ZeroDivisionError

    raw = letter("", subject="unsubscribe " + "A" * 110)
    hearing = read_mail(raw, recipient=BOUNCES, at=CAME, ours=Ours(secrets=OURS.secrets, unsubscribing=stumbles))
    assert (hearing.what, hearing.proof) == (What.NOT_UNDERSTOOD, Proof.SIGNED)
    assert hearing.raw == raw
