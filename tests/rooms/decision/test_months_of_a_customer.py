"""Months in the life of a customer, at random: carts filled, left, bought, imported; mails claimed late or not at all; minds changed.

Whatever happens, what reaches her was allowed, wanted, in time, by day, within the limits, and said once; and every silence has a name.
"""

from __future__ import annotations

from collections import Counter
from importlib.resources import files
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import pytest
from tienda_norte import Cast

from oportuno.attention.ledger import Attention, confirm, release
from oportuno.consent.answers import Answered, Consents, granted_purposes
from oportuno.consent.change import answer, lift, pause, suppress
from oportuno.consent.gate import examine
from oportuno.consent.permit import Permit
from oportuno.consent.refusals import Refusal
from oportuno.decision.decide import ask_of
from oportuno.decision.verdict import Decided
from oportuno.events.event import Source
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.step import Outcome, step
from oportuno.journeys.read import read_journey
from oportuno.kit.times import DAY, HOUR, MINUTE, to_datetime
from oportuno.profile.draft import SIZE_CEILING, Draft
from oportuno.profile.mute import mute, unmute
from oportuno.profile.purposes import Purpose

if TYPE_CHECKING:
    from oportuno.content.message import Message

PLAY = read_journey((files("oportuno") / "plays" / "abandoned-cart.yaml").read_text(encoding="utf-8"))
EAGER = msgspec.structs.replace(PLAY, key="eager", reentry=0, steps=(PLAY.steps[0], msgspec.structs.replace(PLAY.steps[1], worth=2.0)))
NORTE = Programme(workspace=1, public_id="ws_norte", version=1, policy=Cast.norte, brand=Brand(name="Tienda Norte"), journeys=(PLAY, EAGER))
PRODUCTS = ("mug", "coat", "hat")


class Months:
    """Ana's months with the shop, drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.cast = Cast()
        self.now = Cast.saturday
        self.draft = self.cast.ana()
        self.outbox: list[Message] = []
        self.spoken: list[tuple[int, bytes]] = []
        self.decided: dict[bytes, Decided] = {}
        self.told: Counter[str] = Counter()
        self.live_events = 0
        self.count = 0
        self.keep()

    def live(self, acts: int) -> None:
        """Let so many things happen."""
        names = list(ACTS)
        for name in self.chance.choices(names, [ACTS[name] for name in names], k=acts):
            getattr(self, name)()
            self.no_limit_was_exceeded()

    def keep(self) -> None:
        """Between any two things the state goes through the store."""
        state = self.draft.encode()
        assert len(state) <= SIZE_CEILING
        self.draft = Draft(self.draft.key, state, self.draft.version + 1)
        self.draft.granted = granted_purposes(self.draft, self.now)

    def take(self, outcome: Outcome) -> None:
        for verdict in outcome.verdicts:
            before = self.decided.get(verdict.proposal.id)
            assert before in {None, Decided.WAIT}, "a decision for good was decided again"
            assert (verdict.decided is Decided.SPEAK) == (not verdict.reasons)
            self.decided[verdict.proposal.id] = verdict.decided
            self.told[verdict.reasons[0].refusal if verdict.reasons else "speak"] += 1
        for message in outcome.messages:
            assert self.decided[message.id] is Decided.SPEAK
        self.outbox += outcome.messages
        bought = {item for items, _ in outcome.cancelled for item in items}
        self.outbox = [message for message in self.outbox if bought.isdisjoint(message.said.items)]
        assert outcome.due_at is None or outcome.due_at > self.now
        self.keep()

    def something_happens(self) -> None:
        self.count += 1
        source = self.chance.choice([Source.LIVE, Source.LIVE, Source.LIVE, Source.IMPORT, Source.LATE, Source.REPLAY])
        self.live_events += source is Source.LIVE
        name = self.chance.choices(
            ["Product Added", "Product Removed", "Cart Viewed", "Order Completed", "Product Viewed"], [8, 1, 2, 0.4, 4]
        )[0]
        product = self.chance.choice(PRODUCTS)
        at = self.now - (0 if source is Source.LIVE else self.chance.randrange(3 * DAY))
        properties = {"product_id": product, "name": product, "price": 12, "order_id": f"o{self.count}", "currency": "EUR"}
        if name in {"Order Completed", "Cart Viewed"}:
            properties["products"] = [{"product_id": product, "name": product, "price": 12, "quantity": 1}]
        event = self.cast.event(self.draft, name, at, source=source, properties=properties, received=self.now)
        self.take(step(self.draft, [event], programme=NORTE, now=self.now))

    def time_passes(self) -> None:
        self.now += self.chance.choice([5, 20, 35, 60, 6 * 60, 14 * 60]) * MINUTE + self.chance.randrange(MINUTE)
        if self.chance.random() < 0.8:
            self.take(step(self.draft, [], programme=NORTE, now=self.now))

    def a_message_is_claimed(self) -> None:
        if not self.outbox:
            return
        message = self.outbox.pop(self.chance.randrange(len(self.outbox)))
        answered = examine(self.draft, ask_of(message.said), policy=NORTE.policy, now=self.now)
        attention = self.draft.open(Attention)
        if not isinstance(answered, Permit) or self.chance.random() < 0.1:
            release(attention, id=message.id)
        else:
            confirm(attention, id=message.id, channel="email", now=self.now)
            self.what_reached_her(message)
        self.keep()

    def what_reached_her(self, message: Message) -> None:
        consents = self.draft.read(Consents)
        assert consents.answers["marketing/email"].state is Answered.GRANTED
        assert "email" not in consents.suppressed
        assert consents.paused_until <= self.now < message.expires_at
        assert 9 <= to_datetime(self.now).astimezone(ZoneInfo("Europe/Madrid")).hour < 21
        assert self.live_events > 0
        assert message.id not in {said for _, said in self.spoken}
        self.spoken.append((self.now, message.id))

    def she_changes_her_mind(self) -> None:
        for state in self.chance.choice([[Answered.WITHDRAWN, Answered.GRANTED], [Answered.GRANTED], [Answered.WITHDRAWN]]):
            answer(self.draft, purpose=Purpose.MARKETING, channel="email", state=state, at=self.now, source="preference_link")
            self.now += self.chance.randrange(1, HOUR)
            self.take(step(self.draft, [], programme=NORTE, now=self.now))

    def she_is_not_interested(self) -> None:
        product = self.chance.choice(PRODUCTS)
        mute(self.draft, [product], "not_interested", self.now)
        unmute(self.draft, [product for product in PRODUCTS if self.chance.random() < 0.9])
        self.keep()

    def she_takes_a_break(self) -> None:
        pause(self.draft, self.now + self.chance.randrange(2 * DAY))
        self.keep()

    def her_mailbox_is_gone(self) -> None:
        if self.chance.random() < 0.3:
            suppress(self.draft, "email", "hard_bounce", self.now)
        else:
            lift(self.draft, "email")
        self.keep()

    def no_limit_was_exceeded(self) -> None:
        for limit in NORTE.policy.limits:
            for end, _ in self.spoken:
                assert sum(end - limit.per < at <= end for at, _ in self.spoken) <= limit.at_most


ACTS = {
    "something_happens": 40,
    "time_passes": 40,
    "a_message_is_claimed": 12,
    "she_changes_her_mind": 1,
    "she_is_not_interested": 2,
    "she_takes_a_break": 1,
    "her_mailbox_is_gone": 1,
}


@pytest.mark.parametrize("seed", range(0, 60, 10))
def test_whatever_happens_in_her_months_nothing_reaches_her_that_should_not(seed: int) -> None:
    told: Counter[str] = Counter()
    for number in range(seed, seed + 10):
        months = Months(number)
        months.live(400)
        told += months.told
        told["reached"] += len(months.spoken)
    # A story in which nobody ever speaks would prove nothing.
    assert told["reached"] >= 10
    assert {Refusal.QUIET_HOURS, Refusal.LIMIT_REACHED, Refusal.ITEM_BOUGHT, Refusal.ITEM_NOT_WANTED, Refusal.PAUSED} <= set(told)


class Careless(Months):
    """A shop that hands off without asking the gate again."""

    def a_message_is_claimed(self) -> None:
        if self.outbox:
            message = self.outbox.pop()
            confirm(self.draft.open(Attention), id=message.id, channel="email", now=self.now)
            self.what_reached_her(message)
            self.keep()


def test_a_shop_that_does_not_ask_again_at_the_claim_is_found_out() -> None:
    found = 0
    for seed in range(20):
        try:
            Careless(seed).live(400)
        except AssertionError:
            found += 1
    assert found >= 10


def test_the_story_of_the_abandoned_cart_is_told_to_the_end(cast: Cast) -> None:
    ana, now = cast.ana(), cast.saturday
    properties: dict[str, object] = {"product_id": "mug", "name": "Taza Faro", "price": 12.5, "currency": "EUR", "quantity": 2}
    added = cast.event(ana, "Product Added", now, properties=properties)
    first = step(ana, [added], programme=msgspec.structs.replace(NORTE, journeys=(PLAY,)), now=now)
    assert (first.messages, first.due_at) == ([], now + 30 * MINUTE)
    (message,) = step(ana, [], programme=msgspec.structs.replace(NORTE, journeys=(PLAY,)), now=now + 30 * MINUTE).messages
    assert message.said.because.facts["names"] == ["Taza Faro"]
    assert message.said.because.facts["total"] == 2500
    mute(ana, message.said.items, "not_interested", now + HOUR)
    again = cast.event(ana, "Product Added", now + 8 * DAY, properties=properties)
    third = step(ana, [again], programme=msgspec.structs.replace(NORTE, journeys=(PLAY,)), now=now + 8 * DAY)
    assert third.messages == []
    (verdict,) = step(ana, [], programme=msgspec.structs.replace(NORTE, journeys=(PLAY,)), now=now + 8 * DAY + HOUR).verdicts
    assert (verdict.decided, verdict.reasons[0].refusal.value) == (Decided.SILENCE, "item_not_wanted")
