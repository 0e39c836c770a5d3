"""Whoever lets our messages pass is written to more rarely, and hears from us as often as before only step by step."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from oportuno.attention.easing import IGNORED_AFTER, ease, eased_until, not_delivered, settle
from oportuno.attention.ledger import Attention, Limit, confirm, release
from oportuno.kit.ids import derive
from oportuno.kit.times import DAY, HOUR, Millis

WEEKLY = Limit(at_most=1, per=7 * DAY)
LIMITS = (Limit(at_most=1, per=DAY), Limit(at_most=3, per=7 * DAY))


def spoken(*moments: Millis) -> Attention:
    """Somebody to whom we spoke at these moments."""
    attention = Attention()
    for moment in moments:
        confirm(attention, id=derive("message", moment), channel="email", now=moment)
    return attention


def test_three_messages_that_nobody_reacted_to_double_the_time_to_the_next() -> None:
    attention = spoken(10 * DAY, 20 * DAY, 30 * DAY)
    assert ease(attention, seen=9 * DAY, now=36 * DAY).times == 1  # two ignored; the third is too young to say
    found = ease(attention, seen=9 * DAY, now=37 * DAY)
    assert (found.ignored, found.times) == (3, 2)
    assert eased_until(attention, WEEKLY, LIMITS, seen=9 * DAY, now=37 * DAY)[0] == 44 * DAY
    assert eased_until(attention, WEEKLY, LIMITS, seen=9 * DAY, now=45 * DAY)[0] == 45 * DAY


def test_a_visit_in_time_is_an_answer_and_a_service_message_asks_for_none() -> None:
    attention = spoken(10 * DAY, 20 * DAY)
    confirm(attention, id=b"receipt", channel="email", now=21 * DAY, service=True)
    assert ease(attention, seen=20 * DAY + HOUR, now=60 * DAY).ignored == 0


def test_who_comes_back_gets_there_step_by_step() -> None:
    attention = spoken(10 * DAY, 20 * DAY, 30 * DAY, 40 * DAY, 50 * DAY)
    settle(attention, seen=0, now=60 * DAY)
    steps = []
    for turn in range(4):
        at = (100 + 30 * turn) * DAY
        confirm(attention, id=derive("back", turn), channel="email", now=at)
        settle(attention, seen=at + HOUR, now=at + DAY)
        steps.append(ease(attention, seen=at + HOUR, now=at + DAY).times)
    assert steps == [4, 2, 1, 1]


def test_a_message_that_came_back_or_never_left_was_ignored_by_nobody() -> None:
    attention = spoken(10 * DAY, 20 * DAY, 30 * DAY)
    not_delivered(attention, derive("message", 20 * DAY))
    release(attention, id=derive("message", 30 * DAY))
    assert ease(attention, seen=0, now=90 * DAY).ignored == 1


def test_who_complained_is_left_in_peace_for_three_months_even_if_they_say_yes_again() -> None:
    attention = spoken(10 * DAY)
    attention.complained = 11 * DAY
    assert ease(attention, seen=11 * DAY, now=12 * DAY).times == 4
    assert ease(attention, seen=11 * DAY, now=102 * DAY).times == 1


def test_without_a_cadence_of_their_own_the_longest_limit_is_stretched_and_never_beyond_sixty_days() -> None:
    attention = spoken(10 * DAY, 20 * DAY, 30 * DAY)
    until, _ = eased_until(attention, None, LIMITS, seen=0, now=31 * DAY)
    assert until == 31 * DAY  # not yet known to be ignored
    until, _ = eased_until(attention, None, LIMITS, seen=0, now=37 * DAY)
    assert until == 37 * DAY  # 2 x 7 days / 3 after the last is over already
    monthly = Limit(at_most=1, per=30 * DAY)
    attention = spoken(*(turn * 10 * DAY for turn in range(1, 7)))
    assert eased_until(attention, monthly, LIMITS, seen=0, now=70 * DAY)[0] == 120 * DAY


_MOMENTS = st.lists(st.integers(min_value=1, max_value=120), max_size=10, unique=True).map(lambda days: sorted(day * DAY for day in days))


@given(spoke=_MOMENTS, seen=st.integers(min_value=0, max_value=130), later=st.integers(min_value=0, max_value=60))
def test_writing_it_down_changes_nothing_and_twice_is_once(spoke: list[Millis], seen: int, later: int) -> None:
    attention, now = spoken(*spoke), (spoke[-1] if spoke else 0) + later * DAY
    before = ease(attention, seen=seen * DAY, now=now)
    settle(attention, seen=seen * DAY, now=now)
    assert ease(attention, seen=seen * DAY, now=now) == before
    once = msgspec.msgpack.encode(attention)
    settle(attention, seen=seen * DAY, now=now)
    assert msgspec.msgpack.encode(attention) == once


@given(spoke=_MOMENTS, seen=st.integers(min_value=0, max_value=130), later=st.integers(min_value=0, max_value=90))
def test_nobody_is_ever_written_to_sooner_because_of_it_and_nobody_is_forgotten(spoke: list[Millis], seen: int, later: int) -> None:
    attention, now = spoken(*spoke), (spoke[-1] if spoke else 0) + later * DAY
    until, found = eased_until(attention, WEEKLY, LIMITS, seen=seen * DAY, now=now)
    assert now <= until <= max(now, attention.spoken_at + 60 * DAY)
    assert found.times in {1, 2, 4, 8}
    assert found.ignored <= sum(now >= moment + IGNORED_AFTER for moment in spoke)


@given(spoke=_MOMENTS, seen=st.integers(min_value=0, max_value=130), sooner=st.integers(min_value=0, max_value=130))
def test_whoever_was_seen_later_is_never_left_longer_alone(spoke: list[Millis], seen: int, sooner: int) -> None:
    attention, now = spoken(*spoke), 140 * DAY
    late, early = max(seen, sooner) * DAY, min(seen, sooner) * DAY
    assert ease(attention, seen=late, now=now).times <= ease(attention, seen=early, now=now).times
