"""The contract of looking things up, and of the sandbox's mailbox."""

from __future__ import annotations

from contract_world import Shop, arrival, message

from oportuno.channels.channel import Answer, Outcome
from oportuno.consent.refusals import Reason, Refusal
from oportuno.decision.verdict import Decided, Verdict
from oportuno.flows.ports import LaneClass, Letter
from oportuno.flows.reads import spot_of, spot_of_event
from oportuno.flows.work import Decision, LedgerEntry, MoveMessage, OutboxStatus, Status
from oportuno.kit.ids import CustomerKey, dated, derive
from oportuno.kit.times import Millis, day_of
from oportuno.moments.proposal import Proposal

PENDING, HANDING, ACCEPTED = OutboxStatus.PENDING, OutboxStatus.HANDING, OutboxStatus.ACCEPTED


def verdict(key: CustomerKey, word: str, at: Millis, refusal: Refusal | None = None) -> Decision:
    """Make a decision on a proposal whose identity is its word."""
    said = message(key, word, now=at).said
    proposal = Proposal(**{name: getattr(said, name) for name in said.__struct_fields__}, made_at=at)
    reasons = (Reason(refusal=refusal, facts={"channel": "email"}),) if refusal else ()
    return Decision(key, Verdict(proposal=proposal, decided=Decided.SILENCE if refusal else Decided.SPEAK, reasons=reasons, at=at))


def test_a_customer_never_stored_is_none(tell):
    async def story(shop: Shop):
        reads = shop.outside.reads
        assert await reads.customer(shop.key(1)) is None
        await shop.save(shop.key(1), 0, b"state")
        stored = await reads.customer(shop.key(1))
        assert (stored.key, stored.status, stored.version, stored.state) == (shop.key(1), Status.ACTIVE, 1, b"state")
        assert await reads.now() >= 0

    tell(story)


def test_a_message_tells_what_became_of_it(tell):
    async def story(shop: Shop):
        reads, ana, now = shop.outside.reads, shop.key(1), await shop.now()
        said = message(ana, "hello", now=now, items=("shoes",))
        await shop.write(messages=[said])
        record = await reads.message(shop.workspace, said.id)
        assert (record.message, record.status, record.created_at, record.handed_at, record.ended_at) == (said, PENDING, now, None, None)
        await shop.write(moves=[MoveMessage(ana, said.id, PENDING, HANDING, now + 5, deliverer=4)])
        answer = Answer(outcome=Outcome.ACCEPTED, detail="250 ok", provider_ref="abc")
        await shop.write(moves=[MoveMessage(ana, said.id, HANDING, ACCEPTED, now + 9, answer=answer, held_by=4)])
        record = await reads.message(shop.workspace, said.id)
        assert (record.status, record.handed_at, record.ended_at, record.attempts, record.answer) == (ACCEPTED, now + 5, now + 9, 1, answer)
        assert await reads.message(Shop(shop.outside).workspace, said.id) is None

    tell(story)


def test_a_message_of_somebody_forgotten_is_gone(tell):
    async def story(shop: Shop):
        reads, ana, now = shop.outside.reads, shop.key(1), await shop.now()
        said = message(ana, "hello", now=now)
        await shop.write(messages=[said])
        await shop.write(erasures=[ana])
        assert await reads.message(shop.workspace, said.id) is None
        assert await reads.messages(ana, before=None, limit=10) == []

    tell(story)


def test_messages_come_newest_first_page_by_page(tell):
    async def story(shop: Shop):
        reads, ana, now = shop.outside.reads, shop.key(1), await shop.now()
        words = [message(ana, f"m{n}", now=now - 10_000 + n) for n in range(5)]
        await shop.write(messages=words)
        first = await reads.messages(ana, before=None, limit=3)
        rest = await reads.messages(ana, before=first[-1].spot, limit=3)
        assert [record.message.id for record in first + rest] == [each.id for each in words[::-1]]

    tell(story)


def test_verdicts_come_newest_first_page_by_page_and_by_proposal(tell):
    async def story(shop: Shop):
        reads, ana, now = shop.outside.reads, shop.key(1), await shop.now()
        told = [verdict(ana, f"p{n}", now - 100 + n, Refusal.NO_CONSENT if n % 2 else None) for n in range(5)]
        await shop.write(decisions=told)
        await shop.write(decisions=[verdict(shop.key(2), "other", now)])
        first = await reads.verdicts(ana, before=None, limit=2)
        rest = await reads.verdicts(ana, before=spot_of(first[-1]), limit=10)
        assert first + rest == told[::-1]
        assert await reads.verdicts_on(ana, told[1].verdict.proposal.id) == [told[1]]
        assert await reads.whose(shop.workspace, told[1].verdict.proposal.id) == ana
        assert len(await reads.decisions(shop.workspace, before=None, limit=10)) == 6

    tell(story)


def test_verdicts_are_counted_by_what_was_decided(tell):
    async def story(shop: Shop):
        reads, ana, now = shop.outside.reads, shop.key(1), await shop.now()
        await shop.write(decisions=[verdict(ana, f"p{n}", now, Refusal.NO_CONSENT) for n in range(3)])
        await shop.write(decisions=[verdict(ana, "spoken", now)])
        tallies = await reads.tallies(shop.workspace, since=now - 10)
        assert [(each.decided, each.refusal, each.times) for each in tallies] == [("silence", "no_consent", 3), ("speak", "", 1)]
        assert await reads.tallies(shop.workspace, since=now + 10) == []

    tell(story)


def test_a_customers_events_come_newest_first_page_by_page(tell):
    async def story(shop: Shop):
        reads, ana, now = shop.outside.reads, shop.key(1), await shop.now()
        await shop.intake.store([arrival(ana, f"e{n}", now=now) for n in range(5)], [], LaneClass.LIVE)
        first = await reads.events(ana, before=None, limit=2)
        rest = await reads.events(ana, before=spot_of_event(first[-1]), limit=10)
        assert [event.name for event in first + rest] == ["e4", "e3", "e2", "e1", "e0"]

    tell(story)


def test_answers_about_consent_come_oldest_first_and_lose_their_proof_with_their_customer(tell):
    async def story(shop: Shop):
        reads, ana, now = shop.outside.reads, shop.key(1), await shop.now()
        for number, state in enumerate(("granted", "withdrawn")):
            entry = LedgerEntry(
                ana, derive("entry", number), now + number, "marketing/email", state, "api", "v1", "es", "customer", {"form": "alta"}
            )
            await shop.write(ledger=[entry])
        records = await reads.ledger(ana)
        assert [(record.n, record.state, record.notice, record.language) for record in records] == [
            (1, "granted", "v1", "es"),
            (2, "withdrawn", "v1", "es"),
        ]
        assert records[0].proof == {"form": "alta"}
        await shop.write(erasures=[ana])
        while await shop.outside.erasures.advance():
            pass
        assert [record.proof for record in await reads.ledger(ana)] == [{}, {}]

    tell(story)


def test_a_letter_lies_in_the_mailbox_once(tell):
    async def story(shop: Shop):
        mailbox, now = shop.outside.mailbox, await shop.now()
        letters = [
            Letter(
                workspace=shop.workspace,
                id=dated(day_of(now), derive("letter", n)),
                at=now + n,
                address="ana@example.com",
                subject=f"Hola {n}",
                raw=b"Subject: hola\r\n\r\nhola",
                message=derive("message", n),
            )
            for n in range(3)
        ]
        for letter in (*letters, letters[0]):
            await mailbox.put(letter)
        assert await mailbox.letters(shop.workspace, 10) == letters[::-1]
        assert await mailbox.letters(shop.workspace, 10, before=now + 1) == letters[:1]
        assert await mailbox.letter(shop.workspace, letters[1].id) == letters[1]
        assert await mailbox.letter(Shop(shop.outside).workspace, letters[1].id) is None

    tell(story)
