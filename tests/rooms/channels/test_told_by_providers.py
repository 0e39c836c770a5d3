"""Each mail provider's events are heard for what they say of the address, and never for more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.channels.told import mailgun as reads_mailgun
from oportuno.channels.told import postmark as reads_postmark
from oportuno.channels.told import sendgrid as reads_sendgrid
from oportuno.channels.told import ses as reads_ses
from oportuno.channels.told.telling import Around
from told_events import (
    ANA,
    AT,
    ISO,
    MESSAGE,
    NOW,
    SES_ID,
    mailgun,
    mailgun_failed,
    postmark,
    postmark_bounce,
    sendgrid,
    ses,
    ses_bounce,
    ses_complaint,
)

READERS = {
    "ses": reads_ses.hearings,
    "sendgrid": reads_sendgrid.hearings,
    "mailgun": reads_mailgun.hearings,
    "postmark": reads_postmark.hearings,
}
HARD, SOFT, DELAYED = What.HARD_BOUNCE, What.SOFT_BOUNCE, What.DELAYED
LEFT, COMPLAINT, DELIVERED, CLICKED = What.UNSUBSCRIBED, What.COMPLAINT, What.DELIVERED, What.CLICKED
NO_USER = "smtp; 550 5.1.1 <ana@example.com>: Recipient address rejected: User unknown"
SPAM = "550 5.7.1 Message rejected as spam by content filtering"
FULL = "552 5.2.2 mailbox full, quota exceeded"


def around(source: str, **more: Any) -> Around:
    return Around(**({"source": source, "workspace": 7, "proof": Proof.SIGNED, "now": NOW} | more))


def hear(source: str, post: Any) -> list[Hearing]:
    return READERS[source](json.loads(json.dumps(post)), around(source))


def changed(origin: str, reason: str) -> dict[str, Any]:
    said = {"Recipient": ANA, "ChangedAt": ISO, "Origin": origin, "SuppressSending": True, "SuppressionReason": reason}
    return postmark("SubscriptionChange", **said)


LATER = {"emailAddress": ANA, "status": "4.2.2"}
NAMES = (
    "eventType mail bounce bouncedRecipients complaint delivery recipients tags event email timestamp reason event-data severity"
    " delivery-status message headers RecordType Type ID Metadata oportuno_message emailAddress status destination"
    " subscription newTopicPreferences"
).split()
"""Names that mean something somewhere."""
TYPES = "Bounce Complaint Delivery DeliveryDelay Reject Click Subscription bounce failed HardBounce".split()


SAYS: list[tuple[str, Any, What, str]] = [
    ("ses", ses_bounce("Permanent", "NoEmail", status="5.1.1", words=NO_USER), HARD, "5.1.1"),
    ("ses", ses_bounce("Permanent", "General", status="5.1.1", words=NO_USER), HARD, "5.1.1"),
    ("ses", ses_bounce("Permanent", "General", status="5.7.1", words=SPAM), SOFT, "5.7.1"),
    ("ses", ses_bounce("Permanent", "General"), SOFT, ""),
    ("ses", ses_bounce("Permanent", "Suppressed"), SOFT, ""),
    ("ses", ses_bounce("Permanent", "OnAccountSuppressionList"), SOFT, ""),
    ("ses", ses_bounce("Permanent", "UnsubscribedRecipient"), LEFT, ""),
    ("ses", ses_bounce("Transient", "MailboxFull", status="5.2.2", words=FULL), SOFT, "5.2.2"),
    ("ses", ses_bounce("Transient", "ContentRejected"), SOFT, "5.7.0"),
    ("ses", ses_bounce("Undetermined", "Undetermined"), SOFT, ""),
    ("ses", ses_bounce("Permanent", "SomethingNew", words=NO_USER), HARD, "5.1.1"),
    ("ses", ses_complaint(complaintFeedbackType="abuse"), COMPLAINT, ""),
    ("ses", ses_complaint(), COMPLAINT, ""),
    ("ses", ses_complaint(complaintSubType="OnAccountSuppressionList"), LEFT, ""),
    ("ses", ses_complaint(complaintFeedbackType="not-spam"), What.NOT_UNDERSTOOD, ""),
    ("ses", ses("Delivery", delivery={"timestamp": ISO, "recipients": [ANA]}), DELIVERED, ""),
    ("ses", ses("DeliveryDelay", deliveryDelay={"timestamp": ISO, "delayedRecipients": [LATER]}), DELAYED, "4.2.2"),
    ("ses", ses("Reject", reject={"reason": "Bad content"}), SOFT, "5.7.0"),
    ("ses", ses("Click", click={"timestamp": ISO, "link": "https://tienda.example/p/1"}), CLICKED, ""),
    ("ses", ses("Subscription", subscription={"timestamp": ISO, "newTopicPreferences": {"unsubscribeAll": True}}), LEFT, ""),
    ("sendgrid", sendgrid("bounce", type="bounce", bounce_classification="Invalid Address", status="5.1.1", reason=NO_USER), HARD, "5.1.1"),
    ("sendgrid", sendgrid("bounce", type="bounce", bounce_classification="Invalid Address", reason=SPAM), SOFT, "5.7.1"),
    ("sendgrid", sendgrid("bounce", type="bounce", status="5.1.1", reason=NO_USER), HARD, "5.1.1"),
    ("sendgrid", sendgrid("bounce", type="bounce", bounce_classification="Mailbox Unavailable", reason=FULL), SOFT, "5.2.2"),
    ("sendgrid", sendgrid("bounce", type="blocked", bounce_classification="Reputation", reason="554 no"), SOFT, "5.7.0"),
    ("sendgrid", sendgrid("bounce", type="blocked", bounce_classification="Invalid Address", reason=NO_USER), SOFT, "5.1.1"),
    ("sendgrid", sendgrid("bounce", type="bounce", bounce_classification="Brand New", reason="no"), SOFT, ""),
    ("sendgrid", sendgrid("dropped", reason="Bounced Address"), SOFT, ""),
    ("sendgrid", sendgrid("dropped", reason="Unsubscribed Address"), LEFT, ""),
    ("sendgrid", sendgrid("dropped", reason="Spam Reporting Address"), LEFT, ""),
    ("sendgrid", sendgrid("dropped", reason="Spam Content"), SOFT, "5.7.0"),
    ("sendgrid", sendgrid("deferred", response="451 4.7.1 greylisted, try again later"), DELAYED, "4.7.1"),
    ("sendgrid", sendgrid("delivered", response="250 OK"), DELIVERED, ""),
    ("sendgrid", sendgrid("spamreport"), COMPLAINT, ""),
    ("sendgrid", sendgrid("unsubscribe"), LEFT, ""),
    ("sendgrid", sendgrid("group_unsubscribe", asm_group_id=10), LEFT, ""),
    ("sendgrid", sendgrid("click", url="https://tienda.example/p/1"), CLICKED, ""),
    ("mailgun", mailgun_failed("permanent", "bounce", code=550, message=NO_USER, **{"enhanced-code": "5.1.1"}), HARD, "5.1.1"),
    ("mailgun", mailgun_failed("permanent", "generic", code=550, message=SPAM), SOFT, "5.7.1"),
    ("mailgun", mailgun_failed("permanent", "suppress-bounce", code=605, message="Not delivering to previously bounced address"), SOFT, ""),
    ("mailgun", mailgun_failed("permanent", "suppress-complaint", code=607), LEFT, ""),
    ("mailgun", mailgun_failed("permanent", "suppress-unsubscribe", code=606), LEFT, ""),
    ("mailgun", mailgun_failed("permanent", "old", code=602, message="Too old"), SOFT, ""),
    ("mailgun", mailgun_failed("temporary", "generic", code=452, message="452 4.2.2 over quota"), DELAYED, "4.2.2"),
    ("mailgun", mailgun("rejected", reject={"reason": "Sandbox"}), SOFT, "5.7.0"),
    ("mailgun", mailgun("delivered"), DELIVERED, ""),
    ("mailgun", mailgun("complained"), COMPLAINT, ""),
    ("mailgun", mailgun("unsubscribed"), LEFT, ""),
    ("mailgun", mailgun("clicked", url="https://tienda.example/p/1"), CLICKED, ""),
    ("postmark", postmark_bounce("HardBounce", NO_USER), HARD, "5.1.1"),
    ("postmark", postmark_bounce("HardBounce"), HARD, ""),
    ("postmark", postmark_bounce("HardBounce", SPAM), SOFT, "5.7.1"),
    ("postmark", postmark_bounce("BadEmailAddress"), HARD, ""),
    ("postmark", postmark_bounce("SoftBounce", FULL), SOFT, "5.2.2"),
    ("postmark", postmark_bounce("SpamNotification"), SOFT, "5.7.0"),
    ("postmark", postmark_bounce("Blocked", "550 blocked"), SOFT, "5.7.0"),
    ("postmark", postmark_bounce("Transient"), DELAYED, ""),
    ("postmark", postmark_bounce("AutoResponder"), What.AUTO_REPLY, ""),
    ("postmark", postmark_bounce("Unsubscribe"), LEFT, ""),
    ("postmark", postmark_bounce("SpamComplaint"), COMPLAINT, ""),
    ("postmark", postmark("SpamComplaint", ID=43, Type="SpamComplaint", Email=ANA, BouncedAt=ISO), COMPLAINT, ""),
    ("postmark", postmark("Delivery", Recipient=ANA, DeliveredAt=ISO), DELIVERED, ""),
    ("postmark", postmark("Click", Recipient=ANA, ReceivedAt=ISO, OriginalLink="https://tienda.example/p/1"), CLICKED, ""),
    ("postmark", changed("Recipient", "ManualSuppression"), LEFT, ""),
]  # fmt: skip


@pytest.mark.parametrize(("source", "post", "what", "status"), SAYS, ids=[f"{row[0]}-{place}" for place, row in enumerate(SAYS)])
def test_an_event_says_of_the_address_what_it_says_and_names_our_message(source: str, post: Any, what: What, status: str) -> None:
    [heard] = hear(source, post)
    assert (heard.what, heard.status) == (what, status)
    assert (heard.message, heard.address, heard.source, heard.workspace, heard.proof) == (MESSAGE, ANA, source, 7, Proof.SIGNED)
    assert heard.provider_ref in {SES_ID, "LRzXl_NHStOGhQ4kofSm_A", "20261121.1@tienda.example", "b7bc2f4a-e38e-4336"}
    assert heard.at in {AT, AT - 60_000}
    assert "@" not in heard.detail
    assert hear(source, post) == [heard]


@pytest.mark.parametrize(
    ("source", "post"),
    [
        ("ses", ses("Send", send={})),
        ("ses", ses("Open", open={"timestamp": ISO})),
        ("sendgrid", sendgrid("processed")),
        ("sendgrid", sendgrid("open")),
        ("sendgrid", sendgrid("group_resubscribe")),
        ("mailgun", mailgun("accepted")),
        ("mailgun", mailgun("opened")),
        ("postmark", postmark("Open", Recipient=ANA)),
        ("postmark", postmark_bounce("Subscribe")),
        ("postmark", changed("Customer", "ManualSuppression")),
        ("postmark", changed("Recipient", "HardBounce")),
        ("postmark", changed("Recipient", "") | {"SuppressSending": False}),
    ],
)
def test_what_says_nothing_of_a_message_s_fate_is_not_heard(source: str, post: Any) -> None:
    assert hear(source, post) == []


@pytest.mark.parametrize(
    ("source", "post", "name"),
    [
        ("ses", ses("Rendering Failure", failure={}), "Rendering Failure"),
        ("ses", ses("Levitation"), "Levitation"),
        ("ses", {"hello": "world"}, ""),
        ("ses", ses("Bounce", bounce={"bounceType": "Permanent"}), "Bounce"),
        ("sendgrid", sendgrid("levitated by ana@example.com"), "levitated by ana example.com"),
        ("mailgun", mailgun("levitated"), "levitated"),
        ("mailgun", {"signature": {}}, ""),
        ("postmark", postmark("Levitation"), "Levitation"),
        ("postmark", postmark_bounce("Levitated"), "Bounce Levitated"),
    ],
)
def test_a_type_that_nobody_knows_is_kept_under_its_name_and_nothing_follows(source: str, post: Any, name: str) -> None:
    [heard] = hear(source, post)
    assert (heard.what, heard.detail) == (What.NOT_UNDERSTOOD, name)
    assert heard.raw


def test_many_messages_events_come_in_one_post_of_sendgrid() -> None:
    posts = [sendgrid("delivered", sg_event_id="a"), sendgrid("open"), sendgrid("bounce", sg_event_id="b", reason=FULL), "nonsense"]
    assert [heard.what for heard in hear("sendgrid", posts)] == [DELIVERED, SOFT]


def test_the_same_event_by_another_address_of_the_workspace_is_the_same_and_another_workspace_s_is_not() -> None:
    event = sendgrid("bounce", reason=NO_USER)
    mine, theirs = (READERS["sendgrid"](event, around("sendgrid", workspace=workspace)) for workspace in (7, 8))
    later = READERS["sendgrid"](event, around("sendgrid", now=NOW + 86_400_000))
    assert mine[0].id == later[0].id != theirs[0].id


def test_the_notification_of_an_identity_is_the_same_event_as_that_of_a_configuration_set() -> None:
    event = ses_bounce("Permanent", "NoEmail", words=NO_USER)
    feedback = {("notificationType" if name == "eventType" else name): value for name, value in event.items()}
    del feedback["mail"]["tags"]
    first, second = hear("ses", ses_bounce("Permanent", "NoEmail", words=NO_USER))[0], hear("ses", feedback)[0]
    assert (first.id, second.message, second.provider_ref) == (second.id, b"", SES_ID)


def test_a_moment_to_come_is_now_and_one_that_cannot_be_read_is_when_it_came() -> None:
    for strange in (NOW // 1000 + 999, "yesterday", -5, 10**30, True, None):
        assert hear("sendgrid", sendgrid("delivered", timestamp=strange))[0].at == NOW


@given(
    source=st.sampled_from(sorted(READERS)),
    post=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner | st.sampled_from(TYPES), max_size=5)
        ),
        max_leaves=12,
    ),
)
def test_whatever_is_posted_is_heard_or_kept_and_never_a_hard_bounce_without_a_word_for_it(source: str, post: Any) -> None:
    for heard in READERS[source](post, around(source)):
        assert (heard.source, heard.workspace, len(heard.id)) == (source, 7, 16)
        assert len(heard.raw) <= 16_000
        assert len(heard.detail) <= 200
        assert heard.at <= NOW
