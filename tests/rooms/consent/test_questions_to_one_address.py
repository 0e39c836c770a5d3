"""One address is asked to confirm as often as the policy allows, counted over rolling time, whoever names it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oportuno.attention.ledger import Limit
from oportuno.consent.confirm import ask_once_more
from oportuno.kit.times import DAY, HOUR, Millis

WEEKLY = Limit(at_most=2, per=7 * DAY)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30 * DAY // HOUR)), max_size=60),
    st.integers(0, 4),
)
def test_in_no_window_more_questions_go_to_an_address_than_the_policy_allows(asks: list[tuple[int, int]], at_most: int) -> None:
    limit = Limit(at_most=at_most, per=7 * DAY)
    known: tuple[tuple[bytes, Millis], ...] = ()
    went: dict[bytes, Millis] = {}
    for number, (stranger, hour) in enumerate(sorted(asks, key=lambda ask: ask[1])):
        name, now = b"%d/%d" % (stranger, number), hour * HOUR
        answer = ask_once_more(known, name, limit, now)
        if isinstance(answer, int):
            assert answer > now
        else:
            known, went[name] = answer, now
    for since in went.values():
        assert sum(since <= at < since + limit.per for at in went.values()) <= at_most


def test_the_same_question_tried_again_counts_once_and_a_week_later_there_is_room() -> None:
    first = ask_once_more((), b"one", WEEKLY, 0)
    assert first == ((b"one", 0),)
    assert ask_once_more(((b"one", 0),), b"one", WEEKLY, HOUR) == first
    assert ask_once_more(((b"one", 0), (b"two", DAY)), b"three", WEEKLY, 2 * DAY) == 7 * DAY
    assert ask_once_more(((b"one", 0), (b"two", DAY)), b"three", WEEKLY, 7 * DAY) == ((b"two", DAY), (b"three", 7 * DAY))


def test_a_clock_that_went_back_makes_no_room() -> None:
    assert ask_once_more(((b"one", DAY), (b"two", 2 * DAY)), b"three", WEEKLY, 0) == 8 * DAY


def test_a_policy_that_asks_nobody_asks_nobody() -> None:
    assert ask_once_more((), b"one", Limit(at_most=0, per=DAY), 0) == DAY
