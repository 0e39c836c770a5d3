"""What every store of hearings promises: a report is filed once with its message, and what cannot be matched is kept whole."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from contract_world import Shop
from heard_world import ANA, OneProgramme, drafted, heard, known, list_of, sent, told

from oportuno.channels.hearing import Proof, What
from oportuno.consent.answers import Answered, Consents
from oportuno.consent.reach import Reach, Silenced
from oportuno.events.event import Trust
from oportuno.flows.crossing import Merge, Reason
from oportuno.flows.hear_back import HeardAs
from oportuno.flows.merge import merge_once
from oportuno.flows.reads import Spot
from oportuno.flows.work import Listed, Moved, NotedHearing, OutboxStatus, Status
from oportuno.kit.ids import BUCKETS, derive

PENDING, HANDING, ACCEPTED = OutboxStatus.PENDING, OutboxStatus.HANDING, OutboxStatus.ACCEPTED
EVERYWHERE = frozenset(range(BUCKETS))


def test_a_message_is_found_by_our_id_and_by_the_providers_and_knows_by_a_hash_where_it_went(tell):
    async def story(shop: Shop):
        hearings = shop.outside.hearings
        mail = await sent(shop, await known(shop), ref="0102-abc")
        by_id = await hearings.message(await told(shop, mail, What.DELIVERED))
        by_ref = await hearings.message(await told(shop, None, What.DELIVERED, provider_ref="0102-abc", workspace=shop.workspace))
        assert by_id is not None
        assert by_id == by_ref
        assert (by_id.key, by_id.id, by_id.status, by_id.handed) == (mail.key, mail.id, ACCEPTED, True)
        assert by_id.mark == hearings.mark(shop.workspace, "email", " ANA@correo.example ")
        assert by_id.mark != hearings.mark(shop.workspace + 1, "email", ANA)
        assert by_id.mark != hearings.mark(shop.workspace, "email", "bruno@correo.example")
        assert await hearings.message(await told(shop, None, What.DELIVERED, provider_ref="0102-abc", workspace=shop.workspace + 1)) is None
        assert await hearings.message(await told(shop, None, What.DELIVERED, provider_ref="another\0")) is None
        assert await hearings.message(await told(shop, None, What.DELIVERED, message=b"\xff" * 16)) is None

    tell(story)


def test_a_hard_bounce_silences_the_address_and_stands_with_its_message_once(tell):
    async def story(shop: Shop):
        ana = await known(shop)
        mail = await sent(shop, ana)
        bounce = await told(shop, mail, What.HARD_BOUNCE, status="5.1.1", detail="no such\0user", address=ANA, raw=b"\x00raw")
        ends = await asyncio.gather(*(heard(shop, bounce) for _ in range(50)))
        assert sorted(end.value for end in ends) == ["again"] * 49 + ["taken"]
        assert (await drafted(shop, ana)).read(Reach).silent["email"][:2] == ("hard_bounce", bounce.at)
        assert await list_of(shop) == Silenced("hard_bounce", bounce.at)
        [filed] = await shop.outside.hearings.of_message(shop.workspace, mail.id)
        assert (filed.what, filed.status, filed.detail, filed.address, filed.raw) == (What.HARD_BOUNCE, "5.1.1", "no suchuser", "", b"")
        assert await shop.outside.hearings.of_message(shop.workspace + 1, mail.id) == []
        [record] = await shop.outside.hearings.hearings(shop.workspace, before=None, limit=10)
        assert (record.hearing.id, record.heard_as) == (bounce.id, HeardAs.TAKEN)
        assert await shop.outside.hearings.hearings(shop.workspace, before=record.spot, limit=10) == []

    tell(story)


def test_what_has_no_message_is_kept_whole_and_let_go_of_when_its_message_is_found(tell):
    async def story(shop: Shop):
        hearings, ana = shop.outside.hearings, await known(shop)
        ref: dict[str, Any] = {"provider_ref": "late", "workspace": shop.workspace}
        early = await told(shop, None, What.HARD_BOUNCE, **ref, address=ANA, raw=b"\x00raw", text="a\0b")
        assert [await heard(shop, early) for _ in range(2)] == [HeardAs.UNMATCHED, HeardAs.AGAIN]
        [kept] = await hearings.unmatched(shop.workspace, before=None, limit=10)
        assert (kept.heard_as, kept.hearing.raw, kept.hearing.address) == (HeardAs.UNMATCHED, b"\x00raw", ANA)
        assert await hearings.unmatched(shop.workspace, before=Spot(kept.heard_at, b""), limit=10) == []
        assert early.id not in [each.id for each in await hearings.early(since=kept.heard_at, limit=10_000)]
        await sent(shop, ana, ref="late")
        assert early.id in [each.id for each in await hearings.early(since=kept.heard_at, limit=10_000)]
        assert early.id not in [each.id for each in await hearings.early(since=kept.heard_at + 1, limit=10_000)]
        assert await heard(shop, early) is HeardAs.TAKEN
        assert await hearings.unmatched(shop.workspace, before=None, limit=10) == []
        assert await list_of(shop) is not None

    tell(story)


def test_a_complaint_about_a_message_to_who_is_one_with_another_by_now_reaches_who_they_are(tell):
    async def story(shop: Shop):
        tablet, ana = await known(shop, "tablet"), await known(shop)
        mail = await sent(shop, tablet)
        merge = Merge(
            id=derive("merge", *tablet), loser=tablet, winner=ana, reason=Reason.REQUEST, asked_by="secret", trust=Trust.SECRET,
            asked_at=await shop.now(),
        )  # fmt: skip
        await shop.outside.crossings.ask(merge)
        while (await shop.read(tablet)).status is not Status.FORWARDED:
            await merge_once(shop.outside.crossings, shop.store, OneProgramme(), EVERYWHERE, limit=50)
        assert await heard(shop, await told(shop, mail, What.COMPLAINT)) is HeardAs.TAKEN
        consents = (await drafted(shop, ana)).read(Consents)
        assert consents.answers["marketing/email"].state is Answered.WITHDRAWN
        assert consents.suppressed["email"][0] == "complaint"
        assert len(await shop.outside.hearings.of_message(shop.workspace, mail.id)) == 1

    tell(story)


def test_erasing_a_customer_forgets_what_was_heard_and_not_that_the_address_stays_silent(tell):
    async def story(shop: Shop):
        hearings, ana = shop.outside.hearings, await known(shop)
        mail, other = await sent(shop, ana), await sent(shop, ana, ref="other")
        await heard(shop, await told(shop, mail, What.HARD_BOUNCE))
        stranger = await told(shop, None, What.REPLY, workspace=shop.workspace, proof=Proof.BARE, raw=b"From: Ana <ana@correo.example>\r\n")
        bruno = await told(shop, None, What.DELAYED, workspace=shop.workspace, proof=Proof.BARE, raw=b"From: bruno@correo.example\r\n")
        assert [await heard(shop, each) for each in (stranger, bruno)] == [HeardAs.NOT_BELIEVED] * 2
        await shop.write(erasures=[ana])
        assert await heard(shop, await told(shop, other, What.COMPLAINT, address=ANA)) is HeardAs.GONE
        while (erasure := await shop.outside.erasures.erasure(ana)) is None or erasure.done_at is None:
            await shop.outside.erasures.advance()
        late = await told(shop, mail, What.COMPLAINT, address="ana@otra.example", raw=b"ana@otra.example")
        assert await heard(shop, late) is HeardAs.GONE
        assert (await list_of(shop, "ana@otra.example")) == Silenced("complaint", late.at)
        assert await hearings.of_message(shop.workspace, mail.id) == []
        assert await hearings.hearings(shop.workspace, before=None, limit=10) == []
        assert [kept.hearing.id for kept in await hearings.unmatched(shop.workspace, before=None, limit=10)] == [bruno.id]
        found = await list_of(shop)
        assert found is not None
        assert found.reason == "hard_bounce"

    tell(story)


def test_of_two_reasons_on_the_list_the_graver_stands_and_of_equals_the_older(tell):
    async def story(shop: Shop):
        async def put(reason: str, since: int, address: str = ANA) -> None:
            await shop.write(listed=[Listed(shop.workspace, "email", Silenced(reason, since), "api", address=address)])

        assert await list_of(shop) is None
        for reason, since in (("complaint", 5), ("unsubscribed", 1), ("complaint", 9), ("complaint", 3)):
            await put(reason, since)
        assert await list_of(shop) == Silenced("complaint", 3)
        assert await list_of(shop, " Ana@CORREO.example") == Silenced("complaint", 3)
        assert await list_of(shop, "bruno@correo.example") is None
        await put("hard_bounce", 8)
        assert await list_of(shop) == Silenced("hard_bounce", 8)

    tell(story)


def test_nothing_of_a_unit_of_work_stays_whose_report_was_filed_already(tell):
    async def story(shop: Shop):
        ana = await known(shop)
        mail = await sent(shop, ana)
        assert await heard(shop, await told(shop, mail, What.DELIVERED)) is HeardAs.TAKEN
        [filed] = await shop.outside.hearings.of_message(shop.workspace, mail.id)
        with pytest.raises(Moved):
            await shop.write(
                heard=[NotedHearing(ana, mail.id, filed)],
                listed=[Listed(shop.workspace, "email", Silenced("manual", 1), "api", address=ANA)],
            )
        assert await list_of(shop) is None

    tell(story)
