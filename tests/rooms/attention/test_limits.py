"""Nobody hears more than the limits allow, whatever the order in which messages are decided, claimed, given back and forgotten."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from oportuno.attention.ledger import Attention, Limit, confirm, forget_old, release, reserve, room_from
from oportuno.kit.times import DAY, HOUR

DAILY = Limit(at_most=1, per=DAY)
WEEKLY = Limit(at_most=3, per=7 * DAY)


class Shop(RuleBasedStateMachine):
    """Tienda Norte decides and hands off; Bruno counts what really reached him and what may still reach him."""

    limits = (DAILY, WEEKLY, Limit(at_most=4, per=10 * DAY))
    reserved = Bundle("reserved")

    def __init__(self) -> None:
        super().__init__()
        self.attention = Attention()
        self.now = 1_000 * DAY
        self.made: list[tuple[int, int]] = []
        self.live: dict[bytes, tuple[int, int]] = {}
        self.count = 0

    @rule(hours=st.integers(min_value=1, max_value=200))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(target=reserved, lasts=st.integers(min_value=1, max_value=400), cost=st.integers(min_value=1, max_value=2))
    def something_is_decided(self, lasts: int, cost: int) -> bytes:
        self.count += 1
        name = self.count.to_bytes(16, "big")
        if room_from(self.attention, self.limits, self.now, cost=cost) == self.now:
            reserve(self.attention, id=name, channel="email", now=self.now, until=self.now + lasts * HOUR, cost=cost)
            self.live[name] = (self.now + lasts * HOUR, cost)
        return name

    @rule(name=reserved)
    def it_is_claimed(self, name: bytes) -> None:
        until, cost = self.live.get(name, (0, 0))
        if cost and until > self.now and room_from(self.attention, self.limits, self.now, cost=cost, besides=name) == self.now:
            confirm(self.attention, id=name, channel="email", now=self.now, cost=cost)
            self.made.append((self.now, cost))
            del self.live[name]

    @rule(name=consumes(reserved))
    def it_is_given_back(self, name: bytes) -> None:
        if name in self.live:
            release(self.attention, id=name)
            del self.live[name]

    @precondition(lambda self: self.count % 3 == 0)
    @rule()
    def old_ones_are_forgotten(self) -> None:
        forget_old(self.attention, now=self.now, longest=max(limit.per for limit in self.limits))

    @invariant()
    def no_window_ever_holds_more_than_the_limit(self) -> None:
        waiting = sum(cost for until, cost in self.live.values() if until > self.now)
        for limit in self.limits:
            for end in {at for at, _ in self.made} | {self.now}:
                inside = sum(cost for at, cost in self.made if end - limit.per < at <= end)
                assert inside + (waiting if end == self.now else 0) <= limit.at_most


Shop.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestNoInterleavingExceedsALimit = Shop.TestCase


def test_a_reservation_made_long_ago_still_counts_because_its_touch_may_come_any_moment() -> None:
    attention = Attention()
    reserve(attention, id=b"a", channel="email", now=0, until=3 * DAY)
    assert room_from(attention, (DAILY,), 2 * DAY) == 3 * DAY


def test_a_lapsed_reservation_makes_room() -> None:
    attention = Attention()
    reserve(attention, id=b"a", channel="email", now=0, until=HOUR)
    assert room_from(attention, (DAILY,), HOUR) == HOUR


def test_a_touch_makes_room_again_when_its_window_has_passed() -> None:
    attention = Attention()
    confirm(attention, id=b"a", channel="email", now=HOUR)
    assert room_from(attention, (DAILY, WEEKLY), 2 * HOUR) == HOUR + DAY
    assert room_from(attention, (DAILY, WEEKLY), HOUR + DAY) == HOUR + DAY


def test_a_message_that_costs_more_than_the_limit_never_fits() -> None:
    assert room_from(Attention(), (DAILY,), 0, cost=2) is None


def test_ones_own_reservation_does_not_stand_in_ones_way() -> None:
    attention = Attention()
    reserve(attention, id=b"a", channel="email", now=0, until=DAY)
    assert room_from(attention, (DAILY,), HOUR, besides=b"a") == HOUR


def test_reserving_twice_is_reserving_once() -> None:
    attention = Attention()
    for until in (HOUR, 2 * HOUR):
        reserve(attention, id=b"a", channel="email", now=0, until=until)
    assert [touch.until for touch in attention.touches] == [2 * HOUR]


def test_a_touch_counts_even_when_its_reservation_had_lapsed_for_we_spoke() -> None:
    attention = Attention()
    confirm(attention, id=b"late", channel="email", now=5 * HOUR)
    assert room_from(attention, (DAILY,), 6 * HOUR) == 5 * HOUR + DAY


@given(st.lists(st.integers(min_value=0, max_value=20 * 24), max_size=8), st.integers(min_value=0, max_value=20 * 24))
def test_waiting_until_the_moment_named_is_never_in_vain(hours: list[int], hour: int) -> None:
    attention = Attention()
    for number, at in enumerate(hours):
        confirm(attention, id=number.to_bytes(2, "big"), channel="email", now=at * HOUR)
    free = room_from(attention, (DAILY, WEEKLY), hour * HOUR)
    assert free is not None
    assert room_from(attention, (DAILY, WEEKLY), free) == free
