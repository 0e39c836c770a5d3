"""What a mail is made of, and that its signature holds before an independent judge."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from words import LEAVE, MOMENT, message, rendered

from oportuno.adapters.smtp.dkim import DkimSigner, relax_body
from oportuno.adapters.smtp.mail import MailFault, Returning, build_mail
from oportuno.channels.returned.verp import Named, read_return_address
from oportuno.kit.faults import BadInput

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED = Ed25519PrivateKey.generate()


def pem(key: rsa.RSAPrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def record(name: bytes, **_: object) -> bytes:
    """Answer as the domain's DNS would."""
    if name.startswith(b"rsa."):
        public = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    public = ED.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(public)


def signer(kind: str) -> DkimSigner:
    return DkimSigner(domain="tienda.example", selector=kind, private_key=pem(RSA if kind == "rsa" else ED))


@pytest.mark.parametrize("kind", ["rsa", "ed"])
def test_an_independent_judge_finds_the_signature_good(kind: str) -> None:
    raw = signer(kind).sign(build_mail(message(), rendered(), "ana@cliente.example", at=MOMENT).raw)
    assert dkim.verify(raw, dnsfunc=record)


@pytest.mark.parametrize("kind", ["rsa", "ed"])
def test_both_unsubscribe_headers_are_signed(kind: str) -> None:
    raw = signer(kind).sign(build_mail(message(), rendered(), "ana@cliente.example", at=MOMENT).raw)
    signed = (
        str(message_from_bytes(raw, policy=policy.default)["DKIM-Signature"])
        .lower()
        .replace(" ", "")
        .split("h=")[1]
        .split(";")[0]
        .split(":")
    )
    assert {"from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post", "mime-version"} <= set(signed)
    for header in (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click", b"List-Unsubscribe: <https://tienda.example/p/"):
        assert not dkim.verify(raw.replace(header, header[:-3] + b"xyz"), dnsfunc=record)


@pytest.mark.parametrize(
    "added", [b"From: otra@x.example\r\n", b"Subject: Otra\r\n", b"Reply-To: otra@x.example\r\n", b"To: x@x.example\r\n"]
)
def test_nobody_can_add_a_second_header_of_the_kind(added: bytes) -> None:
    raw = signer("rsa").sign(build_mail(message(), rendered(), "ana@cliente.example", at=MOMENT).raw)
    assert not dkim.verify(added + raw, dnsfunc=record)


@settings(max_examples=60, deadline=None)
@given(
    subject=st.text(max_size=200),
    text=st.text(max_size=300),
    name=st.text(max_size=40),
    html=st.text(max_size=300),
)
def test_whatever_the_words_the_signature_holds_and_no_value_becomes_a_header(subject: str, text: str, name: str, html: str) -> None:
    words = rendered(subject=subject, text=text, html=html, sender=f"{name} <hola@tienda.example>")
    try:
        raw = signer("ed").sign(build_mail(message(), words, "ana@cliente.example", at=MOMENT).raw)
    except MailFault:
        return
    assert dkim.verify(raw, dnsfunc=record)
    head = raw.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    allowed = {
        b"dkim-signature", b"from", b"to", b"reply-to", b"subject", b"date", b"message-id", b"list-unsubscribe", b"list-unsubscribe-post",
        b"mime-version", b"content-type", b"content-transfer-encoding",
    }  # fmt: skip
    assert set(names) <= allowed
    assert len(names) == len(set(names))
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


def test_a_newline_in_a_subject_or_a_name_is_only_a_space() -> None:
    words = rendered(subject="Hola\r\nBcc: carla@x.example", sender='"Tienda\r\n Norte" <hola@tienda.example>')
    mail = message_from_bytes(build_mail(message(), words, "ana@cliente.example", at=MOMENT).raw, policy=policy.default)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Hola Bcc: carla@x.example"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Evil": "a\r\nBcc: carla@x.example"},
        {"Bcc": "carla@x.example"},
        {"X-Bad Name": "a"},
        {"X-A:\r\nBcc": "a"},
        {"Content-Type": "text/html"},
        {"List-Unsubscribe": "<https://tienda.example/" + "a" * 1000 + ">"},
    ],
)
def test_a_template_cannot_smuggle_a_header(headers: dict[str, str]) -> None:
    with pytest.raises(MailFault) as caught:
        build_mail(message(), rendered(headers=headers), "ana@cliente.example", at=MOMENT)
    assert caught.value.code == "header_malformed"


def test_the_unsubscribe_link_stays_whole_on_one_line_while_long_subjects_are_folded_as_the_standard_asks() -> None:
    raw = build_mail(message(), rendered(), "ana@cliente.example", at=MOMENT).raw
    assert f"List-Unsubscribe: <{LEAVE}>, <mailto:baja@tienda.example?subject=baja>\r\n".encode() in raw
    subject = raw.split(b"\r\nSubject: ")[1].split(b"\r\nDate:")[0].split(b"\r\n")
    assert all(len(line) <= 78 for line in subject)
    assert message_from_bytes(raw, policy=policy.default)["Subject"] == rendered().subject


def test_the_same_message_has_the_same_message_id_however_often_it_is_built() -> None:
    first, second = [build_mail(message(), rendered(), "ana@cliente.example", at=MOMENT) for _ in range(2)]
    assert first.message_id == second.message_id
    assert first.message_id.endswith("@tienda.example>")
    assert build_mail(message("otra"), rendered(), "ana@cliente.example", at=MOMENT).message_id != first.message_id


def test_a_name_with_commas_and_accents_is_one_sender() -> None:
    mail = message_from_bytes(build_mail(message(), rendered(), "ana@cliente.example", at=MOMENT).raw, policy=policy.default)
    assert [(a.display_name, a.addr_spec) for a in mail["From"].addresses] == [("Tienda Norte, S. L.", "hola@tienda.example")]


@pytest.mark.parametrize("key", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none_is_said_when_it_is_set_and_not_when_a_mail_leaves(key: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        DkimSigner(domain="tienda.example", selector="s1", private_key=key)
    assert caught.value.code == "dkim_key_unreadable"


def test_the_relaxed_body_of_the_standard_s_own_example() -> None:
    assert relax_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"
    assert relax_body(b"") == b""


def test_what_cannot_be_delivered_comes_back_to_an_address_of_the_messages_own():
    back = Returning(domain="bounce.tienda.example", secret=b"a secret of Tienda Norte, 32 by.")
    sent = build_mail(message(), rendered(), "ana@cliente.example", at=MOMENT, returning=back)
    plain = build_mail(message(), rendered(), "ana@cliente.example", at=MOMENT)
    assert read_return_address(sent.sender, [back.secret]) == Named("b", 7, message().id)
    assert sent.sender.endswith("@bounce.tienda.example")
    assert (sent.message_id, sent.raw.partition(b"\r\nMIME")[0]) == (plain.message_id, plain.raw.partition(b"\r\nMIME")[0])


def test_answers_come_back_too_if_wished_and_never_instead_of_to_the_address_that_the_message_names():
    back = Returning(domain="bounce.tienda.example", secret=b"a secret of Tienda Norte, 32 by.", replies=True)
    named = message_from_bytes(
        build_mail(message(), rendered(), "ana@cliente.example", at=MOMENT, returning=back).raw, policy=policy.default
    )
    assert [each.addr_spec for each in named["reply-to"].addresses] == ["ayuda@tienda.example"]
    words = rendered(reply_to="")
    unnamed = message_from_bytes(build_mail(message(), words, "ana@cliente.example", at=MOMENT, returning=back).raw, policy=policy.default)
    [answers] = unnamed["reply-to"].addresses
    assert read_return_address(answers.addr_spec, [back.secret]) == Named("r", 7, message().id)
    assert len(answers.username) <= 64
