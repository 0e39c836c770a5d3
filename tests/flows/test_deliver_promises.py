"""The promises about going out, under any order of events, any death and any delay. One step is one awaited port."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest
from deliver_world import ACCEPTED, ShakyWorld, Shop
from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.attention.ledger import Attention, release
from oportuno.channels.channel import Answer, Outcome
from oportuno.flows.recover import recover_once
from oportuno.flows.work import OutboxStatus, Waiting
from oportuno.kit.faults import Unavailable
from oportuno.kit.times import DAY, HOUR, MINUTE
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

ANSWERS = [
    ACCEPTED,
    Answer(outcome=Outcome.REFUSED_FOR_NOW),
    Answer(outcome=Outcome.REFUSED_FOR_GOOD),
    Answer(outcome=Outcome.UNKNOWN),
    Answer(outcome=Outcome.REFUSED_FOR_NOW, about="provider"),
]
MOST_STEPS = 5_000


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run one coroutine to its end, alone."""
    for _ in range(MOST_STEPS):
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value
    raise AssertionError("it never ended")


Run = tuple[int, int, int]
"""Who goes next, how many steps, and how many milliseconds pass before."""


def runs(most: int) -> st.SearchStrategy[list[Run]]:
    """Orders in which things may happen: long runs of one and quick changes, with pauses around the limits that matter."""
    passes = st.sampled_from([0, 0, 0, 1, 120, 499, 700, 1_200])
    return st.lists(st.tuples(st.integers(0, most - 1), st.integers(1, 9), passes), min_size=2, max_size=16)


def interleave(world: ShakyWorld, coroutines: list[Coroutine[Any, Any, Any]], choices: list[Run]) -> None:
    """Run coroutines as chosen, then in turn until all have ended."""
    alive = list(coroutines)
    steps = [(who, passes if step == 0 else 0) for who, times, passes in choices for step in range(times)]
    for turn in range(MOST_STEPS):
        if not alive:
            return
        who, passes = steps[turn] if turn < len(steps) else (turn, 0)
        world.clock.advance(passes)
        chosen = alive[who % len(alive)]
        try:
            chosen.send(None)
        except (StopIteration, Unavailable):
            alive.remove(chosen)
    raise AssertionError("they never ended")


async def attempts(shop: Shop, rounds: int) -> None:
    """What a living deliverer does: settle what the dead left, fetch what is due, try it."""
    for _ in range(rounds):
        await recover_once(shop.world.outbox, shop.world.store)
        for waiting in (await shop.world.outbox.due("email", 10)).waiting:
            await shop.deliver(waiting)
        shop.world.clock.advance(MINUTE)


def settle(shop: Shop) -> None:
    """A new deliverer takes over and works until every message has an ending."""
    shop.deliverer = shop.world.start_deliverer()
    for _ in range(200):
        finish(attempts(shop, 1))
        if all(row.status not in (OutboxStatus.PENDING, OutboxStatus.HANDING) for row in shop.world.tables.messages.values()):
            return
    raise AssertionError("a message never came to an end")


def waiting_shop(answer: Answer, purpose: Purpose) -> tuple[Shop, Waiting]:
    shop = Shop(ShakyWorld(), [answer])
    ana = finish(shop.customer("ana"))
    return shop, finish(shop.message(ana, purpose=purpose))


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer.outcome}-{answer.about}")
@pytest.mark.parametrize("purpose", [Purpose.MARKETING, Purpose.SERVICE])
def test_a_deliverer_may_die_at_any_await_and_marketing_still_leaves_at_most_once(answer: Answer, purpose: Purpose) -> None:
    for steps in range(200):
        shop, waiting = waiting_shop(answer, purpose)
        delivery = shop.deliver(waiting)
        died = True
        for _ in range(steps):
            try:
                delivery.send(None)
            except StopIteration:
                died = False
                break
        delivery.close()
        shop.world.roll_back("")
        shop.world.stop_deliverer(shop.deliverer)
        begun_before = len(shop.provider.begun)
        settle(shop)
        taken = [given for given in shop.provider.ended if given.outcome is Outcome.ACCEPTED]
        status = shop.status(waiting)
        if purpose is Purpose.MARKETING:
            assert len(taken) <= 1
            if answer.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
                assert len(shop.provider.begun) <= 1, f"handed off twice when it died after {steps} steps"
            if taken:
                assert status in (OutboxStatus.ACCEPTED, OutboxStatus.UNKNOWN)
            if begun_before and status is OutboxStatus.UNKNOWN:
                assert shop.attention(waiting.message.key) == [(waiting.message.id, True)]
        elif answer.outcome is Outcome.ACCEPTED:
            assert taken, "a service message is accepted at least once"
        if not died:
            return
    raise AssertionError("the delivery never ended")


@pytest.mark.parametrize("late", [0, 400, 1_001, 5_000])
def test_a_withdrawal_at_any_await_of_a_slow_deliverer_is_obeyed_within_a_second(late: int) -> None:
    for steps in range(200):
        shop, waiting = waiting_shop(ACCEPTED, Purpose.MARKETING)
        delivery, withdrawal = shop.deliver(waiting), shop.withdraw(waiting.message.key)
        withdrawn_at, ended = 0, False
        for _ in range(steps):
            try:
                delivery.send(None)
            except StopIteration:
                ended = True
                break
        for _ in range(MOST_STEPS):
            try:
                withdrawal.send(None)
            except StopIteration:
                withdrawn_at = shop.now
                break
            if shop.world.place == "store.blocked" and not ended:
                delivery.send(None)
        assert withdrawn_at
        shop.world.clock.advance(late)
        if not ended:
            finish(delivery)
        for hand in shop.provider.begun:
            assert hand.at - withdrawn_at <= 1_000, f"after {steps} steps"
        if ended:
            return
    raise AssertionError("the delivery never ended")


def test_a_claim_lost_on_its_way_is_never_taken_from_the_one_who_has_it_now() -> None:
    """The first deliverer's commit is lost, and it cleans up at every possible moment of the second's and the third's delivery."""
    for second in range(1, 16):
        for first in range(1, 16):
            shop, waiting = waiting_shop(ACCEPTED, Purpose.MARKETING)
            lost, other, third = (shop.deliver(waiting, deliverer=number) for number in (1, shop.world.start_deliverer(), 3))
            shop.world.tables.deliverers.add(3)

            def fail() -> None:
                raise Unavailable("database_gone", "the database does not answer")

            shop.world.at["store.commit"] = [fail]
            interleave(shop.world, [lost, other, third], [(0, 3 + first, 0), (1, second, 0), (0, 20, 0), (2, 20, 0)])
            assert len(shop.provider.begun) <= 1


@settings(max_examples=150, deadline=None)
@given(choices=runs(3), answer=st.sampled_from(ANSWERS))
def test_no_hand_off_starts_more_than_a_second_after_a_withdrawal_whatever_the_order(choices: list[Run], answer: Answer) -> None:
    shop, waiting = waiting_shop(answer, Purpose.MARKETING)
    withdrawn_at: list[int] = []

    async def withdraw() -> None:
        await shop.withdraw(waiting.message.key)
        withdrawn_at.append(shop.now)

    committed = shop.world.committed

    def hear(actor: str, writes: Any) -> None:
        committed(actor, writes)
        if writes.saves and not writes.moves:
            withdrawn_at.append(shop.now)

    shop.world.committed = hear  # type: ignore[method-assign]
    interleave(shop.world, [shop.deliver(waiting), withdraw(), shop.deliver(waiting)], choices)
    for hand in shop.provider.begun:
        assert hand.at - min(withdrawn_at) <= 1_000
    if shop.status(waiting) is OutboxStatus.PENDING:
        shop.world.clock.advance(HOUR - 1)
        before = len(shop.provider.begun)
        finish(shop.deliver(shop.world.tables.messages[waiting.message.id].waiting()))
        assert len(shop.provider.begun) == before


@settings(max_examples=150, deadline=None)
@given(
    choices=runs(6),
    answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=6),
    reserved=st.booleans(),
)
def test_no_limit_is_exceeded_however_many_deliverers_hurry(choices: list[Run], answers: list[Answer], *, reserved: bool) -> None:
    """Three messages for Ana, who hears one a day. Their reservations may have lapsed: the claim must hold the limit all the same."""
    shop = Shop(ShakyWorld(), list(answers))
    ana = finish(shop.customer("ana"))
    all_waiting = [finish(shop.message(ana, name, lasts=DAY)) for name in ("a", "b", "c")]

    def drop(draft: Draft) -> None:
        for waiting in all_waiting[1 if reserved else 0 :]:
            release(draft.open(Attention), id=waiting.message.id)

    finish(shop.change(ana, drop))

    def count(_actor: str, _writes: Any) -> None:
        assert sum(made for _, made in shop.attention(ana)) <= 1

    shop.world.committed = count  # type: ignore[method-assign]
    numbers = [shop.deliverer, shop.world.start_deliverer()]
    interleave(shop.world, [shop.deliver(waiting, deliverer=number) for waiting in all_waiting for number in numbers], choices)
    reached = [given for given in shop.provider.ended if given.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)]
    assert len(reached) <= 1


@settings(max_examples=100, deadline=None)
@given(
    choices=runs(3),
    answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4),
    failures=st.lists(st.tuples(st.sampled_from(["store.lock", "store.commit", "store.committed"]), st.integers(0, 6)), max_size=5),
)
def test_with_a_database_that_comes_and_goes_marketing_still_leaves_at_most_once(
    choices: list[Run], answers: list[Answer], failures: list[tuple[str, int]]
) -> None:
    shop = Shop(ShakyWorld(), list(answers))
    waiting = finish(shop.message(finish(shop.customer("ana"))))

    def fail() -> None:
        raise Unavailable("database_gone", "the database does not answer")

    for place, after in failures:
        shop.world.at.setdefault(place, []).extend([*[lambda: None] * after, fail])
    numbers = [shop.deliverer, shop.world.start_deliverer(), shop.world.start_deliverer()]
    interleave(shop.world, [shop.deliver(waiting, deliverer=number) for number in numbers], choices)
    reached = [given for given in shop.provider.ended if given.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)]
    assert len(reached) <= 1
    shop.world.at.clear()
    for number in numbers:
        shop.world.stop_deliverer(number)
    settle(shop)
    reached = [given for given in shop.provider.ended if given.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)]
    assert len(reached) <= 1
