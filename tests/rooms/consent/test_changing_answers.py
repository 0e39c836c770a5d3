"""What a customer answers counts from the moment they answer, and a no takes the data with it."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from oportuno.consent.answers import ANY_CHANNEL, Answered, Consents, slot
from oportuno.consent.change import answer, keep_quiet, lift, pause, skip_topic, suppress
from oportuno.kit.ids import key_of
from oportuno.profile.draft import Draft
from oportuno.profile.interest import Interest
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart, Traits

if TYPE_CHECKING:
    from tienda_norte import Cast

MAIL = slot(Purpose.MARKETING, "email")


def say(draft: Draft, state: Answered, at: int, *, expires: int = 0) -> bool:
    return answer(draft, purpose=Purpose.MARKETING, channel="email", state=state, at=at, source="customer", expires=expires)


def state_of(draft: Draft) -> Answered:
    return draft.read(Consents).answers[MAIL].state


def test_the_latest_answer_counts_and_an_older_one_that_arrives_late_loosens_nothing() -> None:
    dora = Draft(key_of(1, 4))
    assert say(dora, Answered.WITHDRAWN, 10)
    assert not say(dora, Answered.GRANTED, 9)
    assert state_of(dora) is Answered.WITHDRAWN
    assert say(dora, Answered.GRANTED, 11)


@given(st.lists(st.tuples(st.sampled_from([Answered.GRANTED, Answered.DENIED, Answered.WITHDRAWN]), st.integers(1, 4)), max_size=4))
def test_the_order_in_which_answers_arrive_makes_no_difference(answers: list[tuple[Answered, int]]) -> None:
    outcomes = set()
    for order in permutations(answers):
        dora = Draft(key_of(1, 4))
        for state, at in order:
            say(dora, state, at)
        outcomes.add(dora.encode())
    assert len(outcomes) == 1


def test_two_answers_of_one_moment_are_a_no() -> None:
    dora = Draft(key_of(1, 4))
    say(dora, Answered.GRANTED, 5)
    assert say(dora, Answered.WITHDRAWN, 5)
    assert not say(dora, Answered.GRANTED, 5)
    assert state_of(dora) is Answered.WITHDRAWN


def test_of_two_yeses_of_one_moment_the_shorter_one_counts() -> None:
    dora = Draft(key_of(1, 4))
    say(dora, Answered.GRANTED, 5, expires=90)
    assert say(dora, Answered.GRANTED, 5, expires=60)
    assert not say(dora, Answered.GRANTED, 5, expires=90)
    assert not say(dora, Answered.GRANTED, 5)


def test_asking_again_takes_no_yes_away() -> None:
    dora = Draft(key_of(1, 4))
    say(dora, Answered.GRANTED, 5)
    assert not say(dora, Answered.PENDING, 6)
    assert state_of(dora) is Answered.GRANTED


def test_a_no_to_personalisation_deletes_what_only_it_allowed_and_closes_it_at_once(cast: Cast) -> None:
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    ana.open(Interest).products = []
    ana.open(Traits).values = {}
    answer(ana, purpose=Purpose.PERSONALISATION, channel=ANY_CHANNEL, state=Answered.WITHDRAWN, at=cast.saturday, source="preference_link")
    assert not ana.has(Interest)
    assert not ana.has(Traits)
    assert ana.has(Cart)
    assert not ana.may(Interest)
    assert "views" not in Draft(ana.key, ana.encode()).sizes()


def test_a_no_to_mails_deletes_nothing(cast: Cast) -> None:
    ana = cast.ana()
    ana.open(Interest).products = []
    say(ana, Answered.WITHDRAWN, cast.saturday)
    assert ana.has(Interest)


def test_a_graver_reason_to_close_a_channel_is_never_replaced_by_a_lighter_one() -> None:
    dora = Draft(key_of(1, 4))
    assert suppress(dora, "email", "unsubscribed", 1)
    assert suppress(dora, "email", "hard_bounce", 2)
    assert not suppress(dora, "email", "unsubscribed", 3)
    assert dora.read(Consents).suppressed == {"email": ("hard_bounce", 2)}


def test_opening_a_channel_that_is_open_is_no_news() -> None:
    dora = Draft(key_of(1, 4))
    assert not lift(dora, "email")
    suppress(dora, "email", "manual", 1)
    assert lift(dora, "email")
    assert dora.read(Consents).suppressed == {}


def test_wishes_are_kept_and_saying_them_twice_is_no_news() -> None:
    dora = Draft(key_of(1, 4))
    assert pause(dora, 5)
    assert not pause(dora, 5)
    assert keep_quiet(dora, (600, 700))
    assert not keep_quiet(dora, (600, 700))
    assert skip_topic(dora, "fathers-day")
    assert not skip_topic(dora, "fathers-day")
    assert skip_topic(dora, "fathers-day", skip=False)
    kept = Draft(dora.key, dora.encode()).read(Consents)
    assert (kept.paused_until, kept.quiet, kept.skipped_topics) == (5, (600, 700), [])
