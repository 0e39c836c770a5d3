"""The contract of the unit of work: lock, think, commit."""

from __future__ import annotations

import asyncio

import pytest
from contract_world import Shop, message

from oportuno.channels.channel import Answer, Outcome
from oportuno.decision.verdict import Decided
from oportuno.flows.work import Cancel, LedgerEntry, Moved, MoveMessage, OutboxStatus, SaveCustomer, Status, Writes
from oportuno.kit.times import HOUR

PENDING, HANDING, ACCEPTED, CANCELLED = OutboxStatus.PENDING, OutboxStatus.HANDING, OutboxStatus.ACCEPTED, OutboxStatus.CANCELLED


def test_a_customer_never_stored_has_version_zero(tell):
    async def story(shop: Shop):
        row = await shop.read(shop.key(1))
        assert (row.version, row.state, row.due_at, row.status) == (0, b"", None, Status.ACTIVE)

    tell(story)


def test_a_state_comes_back_as_it_was_saved(tell):
    async def story(shop: Shop):
        now = await shop.now()
        await shop.save(shop.key(1), 0, b"\x00\xffstate", due_at=now + HOUR)
        row = await shop.read(shop.key(1))
        assert (row.key, row.status, row.state, row.due_at) == (shop.key(1), Status.ACTIVE, b"\x00\xffstate", now + HOUR)
        await shop.write(saves=[SaveCustomer(shop.key(1), row.version, b"later", now + HOUR, due_changed=False)])
        later = await shop.read(shop.key(1))
        assert later.version > row.version
        assert (later.state, later.due_at) == (b"later", now + HOUR)

    tell(story)


def test_left_without_commit_nothing_is_changed(tell):
    async def story(shop: Shop):
        await shop.save(shop.key(1), 0, b"before")

        async def fail() -> None:
            async with shop.store.work() as work:
                await work.lock([shop.key(1)])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        async with shop.store.work() as work:
            await work.lock([shop.key(1)])
        assert (await shop.read(shop.key(1))).state == b"before"

    tell(story)


def test_a_stale_version_is_told_moved_and_nothing_of_its_writes_stays(tell):
    async def story(shop: Shop):
        ana, bruno, now = shop.key(1), shop.key(2), await shop.now()
        await shop.save(ana, 0, b"one")
        version = (await shop.read(ana)).version
        await shop.save(ana, version, b"two")
        writes = Writes(
            saves=[SaveCustomer(bruno, 0, b"new", None, False), SaveCustomer(ana, version, b"stale", None, False)],
            messages=[message(ana, "stale", now=now)],
        )
        with pytest.raises(Moved):
            async with shop.store.work() as work:
                await work.commit(writes)
        assert (await shop.read(ana)).state == b"two"
        assert (await shop.read(bruno)).version == 0
        assert await shop.waiting() == []

    tell(story)


def test_of_two_who_find_nobody_only_one_makes_the_customer(tell):
    async def story(shop: Shop):
        async def come(state: bytes) -> str:
            try:
                async with shop.store.work() as work:
                    _, rows = await work.lock([shop.key(1)])
                    await work.commit(Writes(saves=[SaveCustomer(shop.key(1), rows[shop.key(1)].version, state, None, False)]))
            except Moved:
                return "moved"
            return "saved"

        endings = await asyncio.gather(*(come(bytes([n])) for n in range(6)))
        row = await shop.read(shop.key(1))
        assert endings.count("saved") >= 1
        assert row.version >= 1
        with pytest.raises(Moved):
            await shop.save(shop.key(1), 0, b"again")

    tell(story)


def test_whoever_locks_second_reads_what_the_first_has_committed(tell):
    async def story(shop: Shop):
        ana = shop.key(1)
        await shop.save(ana, 0, b"before")
        async with shop.store.work() as first:
            _, rows = await first.lock([ana])
            second = asyncio.ensure_future(shop.read(ana))
            for _ in range(20):
                await shop.store.find(shop.workspace, "user", "nobody")
            assert not second.done()
            await first.commit(Writes(saves=[SaveCustomer(ana, rows[ana].version, b"after", None, False)]))
        assert (await second).state == b"after"

    tell(story)


def test_twelve_writers_at_once_lose_no_change(tell):
    async def story(shop: Shop):
        keys = [shop.key(n) for n in range(3)]
        for key in keys:
            await shop.save(key, 0, b"")

        async def add(order: list) -> None:
            async with shop.store.work() as work:
                _, rows = await work.lock(order)
                saves = [SaveCustomer(key, rows[key].version, rows[key].state + b"x", None, False) for key in order]
                await work.commit(Writes(saves=saves))

        await asyncio.gather(*(add(keys if n % 2 else keys[::-1]) for n in range(12)))
        assert [(await shop.read(key)).state for key in keys] == [b"x" * 12] * 3

    tell(story)


def test_an_erased_customer_leaves_a_tombstone_that_no_save_recreates(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        await shop.save(ana, 0, b"secret", due_at=now - 1)
        await shop.write(messages=[message(ana, "hello", now=now)])
        version = (await shop.read(ana)).version
        await shop.write(erasures=[ana])
        row = await shop.read(ana)
        assert (row.status, row.state, row.due_at) == (Status.ERASED, b"", None)
        for base in (0, version, row.version):
            with pytest.raises(Moved):
                await shop.save(ana, base, b"back")
        assert (await shop.read(ana)).status is Status.ERASED
        assert await shop.waiting() == []
        fetched = await (await shop.outside.feed()).fetch(100_000)
        assert ana not in [key for key, _ in fetched.due]

    tell(story)


def test_a_customer_may_be_forgotten_before_the_first_state_was_saved(tell):
    async def story(shop: Shop):
        await shop.write(erasures=[shop.key(1)])
        assert (await shop.read(shop.key(1))).status is Status.ERASED
        with pytest.raises(Moved):
            await shop.save(shop.key(1), 0, b"back")

    tell(story)


def test_erasure_takes_the_ids_out_of_the_directory(tell):
    async def story(shop: Shop):
        ana = await shop.customer(user="ana", anonymous="phone")
        bruno = await shop.customer(user="bruno")
        await shop.write(erasures=[ana])
        assert await shop.store.find(shop.workspace, "user", "ana") is None
        assert await shop.store.find(shop.workspace, "anonymous", "phone") is None
        assert await shop.store.find(shop.workspace, "user", "bruno") == bruno.customer

    tell(story)


def test_proposing_twice_is_saying_once(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        once = message(ana, "hello", now=now)
        await shop.write(messages=[once])
        await shop.write(moves=[MoveMessage(ana, once.id, PENDING, CANCELLED, now, reason="item_bought")])
        await shop.write(messages=[once])
        assert await shop.waiting() == []

    tell(story)


def test_a_message_is_moved_only_from_where_it_stands(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        said = message(ana, "hello", now=now)
        await shop.save(ana, 0, b"before")
        await shop.write(messages=[said])
        await shop.write(moves=[MoveMessage(ana, said.id, PENDING, HANDING, now, deliverer=4)])
        with pytest.raises(Moved):
            await shop.write(
                saves=[SaveCustomer(ana, 1, b"after", None, False)],
                moves=[MoveMessage(ana, said.id, PENDING, HANDING, now, deliverer=5)],
            )
        assert (await shop.read(ana)).state == b"before"
        answer = Answer(outcome=Outcome.ACCEPTED, detail="250 ok")
        await shop.write(moves=[MoveMessage(ana, said.id, HANDING, ACCEPTED, now, answer=answer)])
        with pytest.raises(Moved):
            await shop.write(moves=[MoveMessage(ana, said.id, HANDING, PENDING, now)])

    tell(story)


def test_nobody_undoes_another_deliverers_claim(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        said = message(ana, "hello", now=now)
        await shop.write(messages=[said])
        await shop.write(moves=[MoveMessage(ana, said.id, PENDING, HANDING, now, deliverer=4)])
        with pytest.raises(Moved):
            await shop.write(moves=[MoveMessage(ana, said.id, HANDING, PENDING, now, held_by=5)])
        await shop.write(moves=[MoveMessage(ana, said.id, HANDING, PENDING, now, held_by=4)])
        assert await shop.waiting() == [said.id]

    tell(story)


def test_a_message_that_does_not_exist_cannot_be_moved(tell):
    async def story(shop: Shop):
        now = await shop.now()
        nobody = message(shop.key(1), "never", now=now)
        with pytest.raises(Moved):
            await shop.write(moves=[MoveMessage(nobody.key, nobody.id, PENDING, HANDING, now)])

    tell(story)


def test_no_me_interesa_cancels_everything_pending_about_the_item_on_every_channel(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        shoes = message(ana, "shoes", now=now, items=("shoes", "socks"))
        hook = message(ana, "hook", now=now, items=("shoes",), channel="webhook")
        hat = message(ana, "hat", now=now, items=("hat",))
        bruno = message(shop.key(2), "shoes", now=now, items=("shoes",))
        await shop.write(messages=[shoes, hook, hat, bruno])
        await shop.write(cancels=[Cancel(ana, ("shoes",), "", "item_not_wanted", now)])
        assert sorted(await shop.waiting()) == sorted([hat.id, bruno.id])
        assert await shop.waiting("webhook") == []

    tell(story)


def test_unsubscribing_cancels_the_channels_marketing_and_leaves_service_alone(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        offer = message(ana, "offer", now=now)
        receipt = message(ana, "receipt", now=now, marketing=False)
        hook = message(ana, "hook", now=now, channel="webhook")
        await shop.write(messages=[offer, receipt, hook])
        await shop.write(cancels=[Cancel(ana, (), "email", "consent_withdrawn", now)])
        assert await shop.waiting() == [receipt.id]
        assert await shop.waiting("webhook") == [hook.id]
        await shop.write(cancels=[Cancel(ana, (), "", "customer_gone", now, marketing_only=False)])
        assert await shop.waiting() == await shop.waiting("webhook") == []

    tell(story)


def test_each_message_that_is_cancelled_gets_a_verdict_of_its_own_that_says_why(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        shoes = message(ana, "shoes", now=now, items=("shoes", "socks"))
        hook = message(ana, "hook", now=now, items=("shoes",), channel="webhook")
        hat = message(ana, "hat", now=now, items=("hat",))
        await shop.write(messages=[shoes, hook, hat])
        await shop.write(cancels=[Cancel(ana, ("shoes",), "", "item_bought", now), Cancel(ana, ("shoes",), "", "item_not_wanted", now)])
        told = [decision.verdict for decision in await shop.outside.reads.verdicts(ana, before=None, limit=10)]
        assert {verdict.proposal.id for verdict in told} == {shoes.id, hook.id}
        assert len(told) == 2
        for verdict in told:
            assert (verdict.decided, verdict.at, verdict.proposal.journey) == (Decided.SILENCE, now, shoes.said.journey)
            assert [(reason.refusal.value, reason.facts) for reason in verdict.reasons] == [("item_bought", {"items": ["shoes"]})]

    tell(story)


def test_one_message_alone_may_be_cancelled_and_its_verdict_says_for_what(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        weak, other = message(ana, "weak", now=now), message(ana, "other", now=now)
        await shop.write(messages=[weak, other])
        facts = {"journey": "price-drop", "step": "tell"}
        await shop.write(cancels=[Cancel(ana, (), "", "overtaken", now, only=weak.id, facts=facts)])
        assert await shop.waiting() == [other.id]
        [told] = await shop.outside.reads.verdicts(ana, before=None, limit=10)
        assert told.verdict.proposal.id == weak.id
        assert [(reason.refusal.value, reason.facts) for reason in told.verdict.reasons] == [("overtaken", facts)]

    tell(story)


def test_what_may_have_reached_the_customer_ends_unknown_and_as_no_silence(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        said = [message(ana, word, now=now, marketing=False) for word in ("cancelled", "expired", "refused", "accepted")]
        await shop.write(messages=said)
        perhaps, no = Answer(outcome=Outcome.UNKNOWN, detail="reset"), Answer(outcome=Outcome.REFUSED_FOR_GOOD)
        for each in said:
            await shop.write(moves=[MoveMessage(ana, each.id, PENDING, HANDING, now, deliverer=4)])
            await shop.write(moves=[MoveMessage(ana, each.id, HANDING, PENDING, now, not_before=now, answer=perhaps, reason="reset")])
        assert {each.doubt for each in (await shop.outbox.due("email", 10_000)).waiting if each.message in said} == {True}
        await shop.write(moves=[MoveMessage(ana, said[1].id, PENDING, OutboxStatus.EXPIRED, now, reason="expired")])
        for each, ending, answer in ((said[2], OutboxStatus.REFUSED, no), (said[3], ACCEPTED, None)):
            await shop.write(moves=[MoveMessage(ana, each.id, PENDING, HANDING, now, deliverer=4)])
            await shop.write(moves=[MoveMessage(ana, each.id, HANDING, ending, now, answer=answer, reason="250")])
        await shop.write(cancels=[Cancel(ana, (), "", "customer_gone", now, marketing_only=False)])
        kept = {record.message.id: record.status for record in await shop.outside.reads.messages(ana, before=None, limit=10)}
        assert [kept[each.id] for each in said] == [OutboxStatus.UNKNOWN] * 3 + [ACCEPTED]
        assert await shop.outside.reads.verdicts(ana, before=None, limit=10) == []

    tell(story)


def test_a_claim_in_time_does_not_come_before_the_messages_own_time(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        said = message(ana, "hello", now=now)
        await shop.write(messages=[said])
        await shop.write(moves=[MoveMessage(ana, said.id, PENDING, PENDING, now, not_before=now + 5_000)])
        claim = MoveMessage(ana, said.id, PENDING, HANDING, now + 4_999, deliverer=4, in_time=True)
        with pytest.raises(Moved):
            await shop.write(moves=[claim])
        await shop.write(moves=[claim._replace(at=now + 5_000)])
        assert await shop.waiting() == []

    tell(story)


def test_what_is_in_a_deliverers_hands_is_not_cancelled(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        said = message(ana, "hello", now=now, items=("shoes",))
        await shop.write(messages=[said])
        await shop.write(moves=[MoveMessage(ana, said.id, PENDING, HANDING, now, deliverer=4)])
        await shop.write(cancels=[Cancel(ana, ("shoes",), "", "item_bought", now)])
        await shop.write(moves=[MoveMessage(ana, said.id, HANDING, ACCEPTED, now, held_by=4)])

    tell(story)


def test_what_a_commit_says_anew_is_not_cancelled_by_the_same_commit(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        old, new = message(ana, "old", now=now, items=("shoes",)), message(ana, "new", now=now, items=("shoes",))
        await shop.write(messages=[old])
        await shop.write(cancels=[Cancel(ana, ("shoes",), "", "item_bought", now)], messages=[new])
        assert await shop.waiting() == [new.id]

    tell(story)


def test_an_answer_about_consent_may_be_told_twice(tell):
    async def story(shop: Shop):
        now = await shop.now()
        entry = LedgerEntry(
            key=shop.key(1),
            id=b"7" * 16,
            at=now,
            slot="marketing/email",
            state="granted",
            source="api",
            notice="v1",
            language="es",
            actor="customer",
            proof={"form": "alta"},
        )
        await shop.write(ledger=[entry])
        await shop.write(ledger=[entry])

    tell(story)
