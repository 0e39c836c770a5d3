"""What mail providers post is believed by its proof alone, heard once, and does to Ana what it says and no more."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from api_house import problem, tell
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import told_events as event
from oportuno.adapters.memory.hearings import mark_of_address
from oportuno.flows.work import OutboxStatus
from oportuno.kit.ids import write_id
from oportuno.kit.times import MINUTE
from told_posts import (
    CERTIFICATE_URL,
    SECRET,
    TOPIC,
    certificate,
    mailgun_signed,
    postmark_headers,
    rsa_key,
    sendgrid_headers,
    sendgrid_key,
    sns,
    sns_asks,
)

OTHER_TOPIC = "arn:aws:sns:eu-west-1:999999999999:ajeno"
NO_USER = "550 5.1.1 no such user"
GIVEN: dict[str, dict[str, Any]] = {
    "ses": {"topic": TOPIC},
    "sendgrid": {"secret": sendgrid_key()},
    "mailgun": {"secret": SECRET},
    "postmark": {"secret": SECRET},
}


class Provider:
    """A mail provider that posts to Tienda Norte's address about a mail that Ana was sent."""

    def __init__(self, tienda, provider: str, hook: dict, message: bytes) -> None:
        self.tienda = tienda
        self.provider = provider
        self.hook = hook
        self.message = message
        self.tokens = 0

    async def post(self, raw: bytes, headers: dict[str, str] | None = None, address: str = ""):
        return await self.tienda.client.post(address or self.hook["address"], content=raw, headers=headers or {})

    async def tell(self, post: Any):
        """Post an event about the mail, signed."""
        raw = json.dumps(post).replace(event.MSG, write_id("msg", self.message)).encode()
        if self.provider == "ses":
            return await self.post(sns(raw.decode()))
        if self.provider == "sendgrid":
            return await self.post(raw, sendgrid_headers(raw))
        if self.provider == "postmark":
            return await self.post(raw, postmark_headers())
        self.tokens += 1
        return await self.post(mailgun_signed(json.loads(raw), int(time.time()), token=f"token-{self.tokens}"))

    def hard(self, provider: str = "") -> Any:
        return {
            "ses": event.ses_bounce("Permanent", "NoEmail", words=NO_USER),
            "sendgrid": [event.sendgrid("bounce", type="bounce", bounce_classification="Invalid Address", reason=NO_USER)],
            "mailgun": event.mailgun_failed("permanent", "bounce", code=550, message=NO_USER),
            "postmark": event.postmark_bounce("HardBounce", NO_USER),
        }[provider or self.provider]

    def soft(self) -> Any:
        return {
            "ses": event.ses_bounce("Transient", "MailboxFull"),
            "sendgrid": [event.sendgrid("bounce", type="blocked", reason="blocked")],
            "mailgun": event.mailgun_failed("permanent", "espblock"),
            "postmark": event.postmark_bounce("SpamNotification"),
        }[self.provider]

    def strange(self) -> Any:
        return {
            "ses": event.ses("Levitation"),
            "sendgrid": [event.sendgrid("levitation")],
            "mailgun": event.mailgun("levitation"),
            "postmark": event.postmark("Levitation"),
        }[self.provider]

    @property
    def silenced(self) -> list[str]:
        """Why addresses of the shop are not written to."""
        return [row.silenced.reason for row in self.tienda.world.tables.suppressions.values()]

    @property
    def unmatched(self) -> list[tuple[str, str]]:
        """What was kept and changed nothing: how it ended, and its own word for itself."""
        return [(record.heard_as.value, record.hearing.detail) for record in self.tienda.world.tables.unmatched.values()]


async def mailed(tienda, who: str = "ana") -> bytes:
    """Let a mail go to Ana, and give its id."""
    await tienda.leave_a_cart(who)
    await tienda.say_yes(who)
    await tienda.pass_time(31 * MINUTE)
    [row] = tienda.world.tables.messages.values()
    row.status, row.handed_at = OutboxStatus.ACCEPTED, tienda.world.clock.now
    row.mark = mark_of_address(tienda.workspace, "email", f"{who}@example.com")
    return row.message.id


async def open_hook(tienda, provider: str, message: bytes = b"", **more: Any) -> Provider:
    tienda.world.notary.certificates[CERTIFICATE_URL] = certificate()
    answer = await tienda.post("/mail-hooks", {"provider": provider, "name": "Correo"} | GIVEN[provider] | more)
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text and sendgrid_key() not in answer.text
    return Provider(tienda, provider, answer.json(), message)


# ── What follows ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("provider", sorted(GIVEN))
def test_an_address_that_is_no_more_is_not_written_to_again_however_often_it_is_told(provider):
    async def story(tienda):
        there = await open_hook(tienda, provider, await mailed(tienda))
        for _ in range(3):
            assert (await there.tell(there.hard())).json() == {"success": True, "heard": 1}
        assert (there.silenced, there.unmatched) == (["hard_bounce"], [])
        assert len(tienda.world.tables.hearings) == 1
        assert (await tienda.get("/mail-hooks")).json()["items"][0]["last_at"] is not None

    tell(story)


def test_nothing_is_silenced_by_what_passes_and_by_what_nobody_understands():
    async def story(tienda):
        message = await mailed(tienda)
        for place, provider in enumerate(GIVEN, 1):
            there = await open_hook(tienda, provider, message)
            assert (await there.tell(there.soft())).status_code == 200
            assert (await there.tell(there.strange())).json() == {"success": True, "heard": 1}
            assert (len(tienda.world.tables.hearings), len(there.unmatched), there.silenced) == (place, place, [])
            assert there.unmatched[-1] == ("unmatched", "Levitation" if provider in {"ses", "postmark"} else "levitation")

    tell(story)


def test_a_mail_that_was_never_sent_is_kept_and_silences_nobody():
    async def story(tienda):
        for provider in GIVEN:
            there = await open_hook(tienda, provider, event.MESSAGE)
            assert (await there.tell(there.hard())).json()["heard"] == 1
        assert (there.silenced, [ended for ended, _ in there.unmatched]) == ([], ["unmatched"] * 4)

    tell(story)


# ── Is it really the provider? ──────────────────────────────────────────────────────────────────────────────────────


def nothing_heard(there: Provider) -> bool:
    return not (there.silenced or there.unmatched or there.tienda.world.tables.hearings)


def test_who_shows_no_proof_is_refused_and_nothing_is_heard():
    async def story(tienda):
        message = await mailed(tienda)
        for provider in GIVEN:
            there = await open_hook(tienda, provider, message)
            for raw in (json.dumps(there.hard()).encode(), b"{}", b"[]"):
                problem(await there.post(raw), 401, "mail_hook_signature")
                problem(await there.post(raw, tienda.secret), 401, "mail_hook_signature")
            assert nothing_heard(there)

    tell(story)


def test_a_post_of_sendgrid_that_was_changed_on_its_way_is_refused():
    async def story(tienda):
        there = await open_hook(tienda, "sendgrid", await mailed(tienda))
        raw = json.dumps(there.hard()).encode()
        good = sendgrid_headers(raw)
        forged = [
            (raw + b" ", good),
            (raw, good | {"X-Twilio-Email-Event-Webhook-Timestamp": "1795255201"}),
            (raw, good | {"X-Twilio-Email-Event-Webhook-Signature": "AAAA"}),
            (raw, good | {"X-Twilio-Email-Event-Webhook-Signature": "no base64!"}),
            (raw, sendgrid_headers(raw, ec.generate_private_key(ec.SECP256R1()))),
        ]
        for body, headers in forged:
            problem(await there.post(body, headers), 401, "mail_hook_signature")
        assert nothing_heard(there)
        assert (await there.post(raw, good)).status_code == 200

    tell(story)


def test_a_password_for_postmark_that_is_not_the_one_is_refused():
    async def story(tienda):
        there = await open_hook(tienda, "postmark", await mailed(tienda))
        raw = json.dumps(there.hard()).encode()
        for headers in (postmark_headers("wrong"), postmark_headers(SECRET, "somebody"), {"Authorization": f"Bearer {SECRET}"}):
            problem(await there.post(raw, headers), 401, "mail_hook_signature")
        assert nothing_heard(there)

    tell(story)


def test_a_token_of_mailgun_is_good_for_its_own_body_only():
    async def story(tienda):
        there = await open_hook(tienda, "mailgun", await mailed(tienda))
        now = int(time.time())
        delivered, hard = event.mailgun("delivered"), there.hard()
        first = mailgun_signed(delivered, now)
        assert (await there.post(first)).status_code == 200
        problem(await there.post(mailgun_signed(hard, now)), 401, "mail_hook_replayed")
        assert (await there.post(first)).status_code == 200  # tried again, the same
        problem(await there.post(mailgun_signed(hard, now, token="b", secret="another secret of somebody")), 401, "mail_hook_signature")
        assert there.silenced == []

    tell(story)


def test_a_signature_of_mailgun_that_is_old_is_kept_and_not_believed():
    async def story(tienda):
        there = await open_hook(tienda, "mailgun", message := await mailed(tienda))
        hard = json.loads(json.dumps(there.hard()).replace(event.MSG, write_id("msg", message)))
        assert (await there.post(mailgun_signed(hard, int(time.time()) - 3600))).json() == {"success": True, "heard": 1}
        assert there.silenced == []
        assert [ended for ended, _ in there.unmatched] == ["not_believed"]

    tell(story)


# ── SES: what SNS signs for anybody, and for whom ───────────────────────────────────────────────────────────────────


NOT_OURS = [
    {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123.pem"},
    {"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem"},
    {"SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123.pem"},
    {"SigningCertURL": "https://evil@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem"},
    {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com/anything/else.pem"},
    {"SigningCertURL": None},
    {"SignatureVersion": "3"},
    {"TopicArn": OTHER_TOPIC},
    {"Type": "Anything"},
]


def test_an_envelope_that_is_not_of_this_topic_or_not_of_sns_is_refused_and_nothing_is_fetched():
    async def story(tienda):
        there = await open_hook(tienda, "ses", await mailed(tienda))
        tienda.world.notary.certificates = {}
        for changed in NOT_OURS:
            problem(await there.post(sns(there.hard(), **changed)), 401, "mail_hook_signature")
        assert nothing_heard(there)

    tell(story)


def test_an_envelope_by_another_key_or_a_certificate_out_of_force_is_refused():
    async def story(tienda):
        there = await open_hook(tienda, "ses", await mailed(tienda))
        kept = tienda.world.notary.certificates
        problem(await there.post(sns(there.hard(), key=rsa_key("somebody's"))), 401, "mail_hook_signature")
        for wrong in (certificate(days=1), b"no certificate", curve_pem()):
            kept[CERTIFICATE_URL] = wrong
            problem(await there.post(sns(there.hard())), 401, "mail_hook_signature")
        del kept[CERTIFICATE_URL]
        problem(await there.post(sns(there.hard())), 503, "sns_unreachable")
        assert nothing_heard(there)

    tell(story)


def curve_pem() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_both_ways_in_which_sns_signs_hold():
    async def story(tienda):
        there = await open_hook(tienda, "ses")
        for version in ("1", "2"):
            assert (await there.post(sns(event.ses("Levitation"), version=version))).json()["heard"] == 1
            assert (await there.post(sns(event.ses("Levitation"), version=version, Subject=None))).json()["heard"] == 1

    tell(story)


def test_the_first_topic_that_asks_is_the_one_that_may_post():
    async def story(tienda):
        there = await open_hook(tienda, "ses", await mailed(tienda), topic="")
        problem(await there.post(sns(there.hard())), 401, "mail_hook_signature")  # not before it asked
        assert (await there.post(sns_asks())).json() == {"success": True, "heard": 0}
        [followed] = tienda.world.notary.confirmed
        assert followed.startswith("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + TOPIC)
        problem(await there.post(sns_asks(OTHER_TOPIC)), 401, "mail_hook_signature")
        assert (await there.post(sns_asks())).status_code == 200  # subscribed anew
        assert len(tienda.world.notary.confirmed) == 2
        assert (await tienda.get("/mail-hooks")).json()["items"][0]["topic"] == TOPIC
        assert (await there.tell(there.hard())).json()["heard"] == 1
        assert there.silenced == ["hard_bounce"]

    tell(story)


LINKS = [
    "https://evil.example/?Action=ConfirmSubscription&TopicArn=" + TOPIC,
    "https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&TopicArn=" + TOPIC,
    "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + OTHER_TOPIC,
    "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + TOPIC,
    "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Action=DeleteTopic&TopicArn=" + TOPIC,
]


def test_no_other_link_is_followed_however_well_it_is_signed():
    async def story(tienda):
        there = await open_hook(tienda, "ses", topic="")
        for link in LINKS:
            problem(await there.post(sns_asks(SubscribeURL=link)), 401, "mail_hook_signature")
        assert tienda.world.notary.confirmed == []
        assert (await tienda.get("/mail-hooks")).json()["items"][0]["topic"] == ""

    tell(story)


def test_the_sentence_by_which_ses_tries_a_topic_is_no_event_and_other_words_are_kept():
    async def story(tienda):
        there = await open_hook(tienda, "ses")
        assert (await there.post(sns("Successfully validated SNS topic for Amazon SES event publishing."))).json()["heard"] == 0
        assert (await there.post(sns("Hello from somebody in the same account"))).json()["heard"] == 1
        assert [ended for ended, _ in there.unmatched] == ["unmatched"]
        left = sns("left", Type="UnsubscribeConfirmation", Token="abc", SubscribeURL="https://x.example", Subject=None)
        assert (await there.post(left)).json()["heard"] == 0

    tell(story)


# ── Addresses ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_listens_where_an_address_was_closed_or_is_another_provider_s():
    async def story(tienda):
        there = await open_hook(tienda, "postmark", await mailed(tienda))
        name, raw = there.hook["hook"], json.dumps(there.hard()).encode()
        problem(await there.post(raw, postmark_headers(), f"/v1/hooks/mail/mailgun/{name}"), 404, "hook_unknown")
        problem(await there.post(raw, postmark_headers(), f"/v1/hooks/mail/pigeon/{name}"), 422, "request_malformed")
        assert (await tienda.delete(f"/mail-hooks/{name}")).status_code == 204
        problem(await there.post(raw, postmark_headers()), 404, "hook_unknown")
        problem(await tienda.delete(f"/mail-hooks/{name}"), 404, "hook_unknown")

    tell(story)


def test_a_new_secret_ends_the_old_one_and_neither_is_ever_shown():
    async def story(tienda):
        there = await open_hook(tienda, "postmark", await mailed(tienda))
        path, raw = f"/api/v1/mail-hooks/{there.hook['hook']}", json.dumps(there.hard()).encode()
        changed = await tienda.client.patch(path, json={"secret": "x" * 40}, headers=tienda.secret)
        assert (changed.status_code, changed.json()["name"]) == (200, "Correo")
        problem(await there.post(raw, postmark_headers()), 401, "mail_hook_signature")
        assert (await there.post(raw, postmark_headers("x" * 40))).status_code == 200
        assert "x" * 40 not in (await tienda.get("/mail-hooks")).text
        unknown = await tienda.client.patch("/api/v1/mail-hooks/hook_0", json={"name": "x"}, headers=tienda.secret)
        problem(unknown, 404, "hook_unknown")

    tell(story)


UNFIT = [
    ({"provider": "ses", "secret": SECRET}, "secret"),
    ({"provider": "ses", "topic": "arn:aws:sqs:eu-west-1:123456789012:queue"}, "topic"),
    ({"provider": "mailgun"}, "secret"),
    ({"provider": "postmark", "secret": "short"}, "secret"),
    ({"provider": "postmark", "secret": SECRET, "topic": TOPIC}, "secret"),
    ({"provider": "sendgrid", "secret": "not a key, but long enough"}, "secret"),
]


def test_an_address_by_which_nothing_could_be_verified_is_not_opened():
    async def story(tienda):
        for given, place in UNFIT:
            answer = await tienda.post("/mail-hooks", {"name": "Correo"} | given)
            assert problem(answer, 400, "mail_hook_key_unfit")["place"] == place

    tell(story)


def test_a_workspace_has_so_many_addresses_and_no_more():
    async def story(tienda):
        for _ in range(20):
            await open_hook(tienda, "postmark")
        problem(await tienda.post("/mail-hooks", {"provider": "postmark", "name": "x", "secret": SECRET}), 409, "hooks_too_many")

    tell(story)


@pytest.mark.parametrize("provider", sorted(GIVEN))
def test_a_nul_that_somebody_put_into_it_costs_nothing_of_what_it_tells(provider: str):
    async def story(tienda):
        there = await open_hook(tienda, provider, await mailed(tienda))
        told = json.dumps(there.hard()).replace("no such user", "no such user\\u0000")
        assert "\\u0000" in told
        assert (await there.tell(json.loads(told))).json()["heard"] == 1
        assert there.silenced == ["hard_bounce"]

    tell(story)


def test_what_cannot_be_read_is_named_and_nothing_is_heard():
    async def story(tienda):
        there = await open_hook(tienda, "postmark")
        for raw in (b"", b"{", b"[" * 5_000, b"\xff"):
            problem(await there.post(raw, postmark_headers()), 400, "mail_hook_unreadable")
        assert nothing_heard(there)

    tell(story)
