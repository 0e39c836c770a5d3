"""What was stored once is read for ever: one state of every codec of what the gate and the decision keep."""

from __future__ import annotations

import pytest
from tienda_norte import Cast

from oportuno.attention.ledger import Attention, Touch
from oportuno.consent.answers import Answered, Consent, Consents
from oportuno.content.said import Because
from oportuno.decision.pending import Held, Pending
from oportuno.journeys.walks import Ended, Walk, Walks
from oportuno.kit.ids import key_of
from oportuno.kit.times import DAY, HOUR
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft, Section
from oportuno.profile.purposes import Purpose

NOW = Cast.saturday
LATEST: dict[type[Section], Section] = {
    Attention: Attention(
        touches=[
            Touch(id=b"a" * 16, at=NOW, channel="email", cost=2, made=True),
            Touch(id=b"b" * 16, at=NOW, channel="webhook", until=NOW + DAY),
        ]
    ),
    Consents: Consents(
        answers={"marketing/email": Consent(state=Answered.GRANTED, at=NOW, source="customer", notice="v1", expires=NOW + DAY)},
        suppressed={"webhook": ("manual", NOW)},
        paused_until=NOW + HOUR,
        quiet=(60, 120),
        skipped_topics=["cart"],
    ),
    Pending: Pending(
        held=[
            Held(
                proposal=Proposal(
                    id=b"p" * 16,
                    journey="abandoned-cart",
                    version=1,
                    step="remind",
                    template="abandoned-cart",
                    channel="email",
                    purpose=Purpose.MARKETING,
                    topic="cart",
                    items=("mug",),
                    because=Because(kind="cart_left", facts={"event": "Product Added", "at": NOW}),
                    expires_at=NOW + DAY,
                    made_at=NOW,
                    worth=1.5,
                ),
                retry_at=NOW + HOUR,
                refusal="paused",
            )
        ],
        said=[(b"s" * 16, NOW)],
    ),
    Walks: Walks(
        going=[
            Walk(
                journey="abandoned-cart",
                version=1,
                step="hope",
                since=NOW,
                due=NOW + HOUR,
                started_at=NOW,
                h=b"h" * 16,
                event="Product Added",
                facts={"gift": True},
                round=1,
            )
        ],
        ended={"welcome": Ended(started_at=NOW - DAY, at=NOW, how="finished", closed="goal_reached")},
    ),
}
KEPT: dict[type[Section], tuple[str, ...]] = {
    Attention: (
        (
            "9193a9617474656e74696f6e01c45e81a7746f75636865739296c41061616161616161616161616161616161cf000001a1fdc35780a5656d61696c02"
            "c30096c41062626262626262626262626262626262cf000001a1fdc35780a7776562686f6f6b01c2cf000001a202e9b380"
        ),
    ),
    Consents: (
        (
            "9193a8636f6e73656e747301c4b985a7616e737765727381af6d61726b6574696e672f656d61696c85a57374617465a76772616e746564a26174cf00"
            "0001a1fdc35780a6736f75726365a8637573746f6d6572a66e6f74696365a27631a765787069726573cf000001a202e9b380aa737570707265737365"
            "6481a7776562686f6f6b92a66d616e75616ccf000001a1fdc35780ac7061757365645f756e74696ccf000001a1fdfa4600a57175696574923c78ae73"
            "6b69707065645f746f7069637391a463617274"
        ),
        (
            "9193a8636f6e73656e747302c49a85a7616e737765727381af6d61726b6574696e672f656d61696c95a76772616e746564cf000001a1fdc35780a863"
            "7573746f6d6572a27631cf000001a202e9b380aa7375707072657373656481a7776562686f6f6b92a66d616e75616ccf000001a1fdc35780ac706175"
            "7365645f756e74696ccf000001a1fdfa4600a57175696574923c78ae736b69707065645f746f7069637391a463617274"
        ),
    ),
    Pending: (
        (
            "9193a770656e64696e6701c5016082a468656c649193de0010a26964c41070707070707070707070707070707070a76a6f75726e6579ae6162616e64"
            "6f6e65642d63617274a776657273696f6e01a473746570a672656d696e64a874656d706c617465ae6162616e646f6e65642d63617274a76368616e6e"
            "656ca5656d61696ca7707572706f7365a96d61726b6574696e67a5746f706963a463617274a56974656d7391a36d7567a76265636175736583a46b69"
            "6e64a9636172745f6c656674a5666163747382a26174cf000001a1fdc35780a56576656e74ad50726f64756374204164646564a47265616490aa6578"
            "70697265735f6174cf000001a202e9b380a4636f737401a7636f6e7465787480a76d6164655f6174cf000001a1fdc35780aa6e6f745f6265666f7265"
            "00a5776f727468cb3ff8000000000000cf000001a1fdfa4600a6706175736564a4736169649192c41073737373737373737373737373737373cf0000"
            "01a1fdc35780"
        ),
    ),
    Walks: (
        (
            "9193a577616c6b7301c49982a5676f696e67919aae6162616e646f6e65642d6361727401a4686f7065cf000001a1fdc35780cf000001a1fdfa4600cf"
            "000001a1fdc35780c41068686868686868686868686868686868ad50726f6475637420416464656481a467696674c301a5656e64656481a777656c63"
            "6f6d6594cf000001a1f89cfb80cf000001a1fdc35780a866696e6973686564ac676f616c5f72656163686564"
        ),
    ),
}


@pytest.mark.parametrize("section", list(LATEST), ids=lambda section: section.title)
def test_a_state_of_every_past_codec_still_reads(section: type[Section]) -> None:
    assert len(KEPT[section]) == section.codec, "keep one state of every codec"
    for state in KEPT[section]:
        draft = Draft(key_of(1, 1), bytes.fromhex(state), 1)
        assert draft.read(section) == LATEST[section]
