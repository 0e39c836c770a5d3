"""What is slow, down or strict holds back itself and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oportuno.channels.channel import Answer, Outcome
from oportuno.channels.pace import LONGEST_BACK_OFF, Lanes, Pace, Rate

MAIL = Lanes("provider smtp", "domain cliente.example", "workspace 7 email")
OTHER_DOMAIN = MAIL._replace(destination="domain otra.example")
OTHER_PROVIDER = Lanes("provider webhook", "host tienda.example", "workspace 7 webhook")
ACCEPTED = Answer(outcome=Outcome.ACCEPTED)


def refused(about: str, retry_after: int | None = None) -> Answer:
    return Answer(outcome=Outcome.REFUSED_FOR_NOW, about=about, retry_after=retry_after)  # type: ignore[arg-type]


def test_a_provider_that_is_down_closes_for_all_its_domains_and_for_nobody_else() -> None:
    pace = Pace()
    assert pace.enter(MAIL, 0.0) == 0
    pace.hear(MAIL, refused("provider"), 0.0)
    assert pace.wait(OTHER_DOMAIN, 0.0) > 0
    assert pace.wait(OTHER_PROVIDER, 0.0) == 0


def test_a_strict_domain_closes_for_itself_only() -> None:
    pace = Pace()
    pace.hear(MAIL, refused("destination", 90_000), 0.0)
    assert pace.wait(MAIL, 0.0) == 90
    assert pace.wait(OTHER_DOMAIN, 0.0) == 0


def test_a_refusal_about_one_message_closes_nothing() -> None:
    pace = Pace()
    pace.hear(MAIL, refused("message"), 0.0)
    assert pace.wait(MAIL, 0.0) == 0


def test_each_further_failure_doubles_the_pause_up_to_a_minute_and_one_success_ends_it() -> None:
    pace, now, pauses = Pace(), 0.0, []
    for _ in range(9):
        now += pace.wait(MAIL, now)
        assert pace.enter(MAIL, now) == 0
        pace.hear(MAIL, refused("provider"), now)
        pauses.append(pace.wait(MAIL, now))
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_BACK_OFF, LONGEST_BACK_OFF, LONGEST_BACK_OFF]
    now += pauses[-1]
    pace.enter(MAIL, now)
    pace.hear(MAIL, ACCEPTED, now)
    assert pace.wait(MAIL, now) == 0


def test_one_outage_with_many_in_flight_counts_once() -> None:
    pace = Pace()
    for _ in range(8):
        pace.enter(MAIL, 0.0)
    for _ in range(8):
        pace.hear(MAIL, refused("provider"), 0.0)
    assert pace.wait(MAIL, 0.0) == 1


def test_after_a_pause_one_goes_ahead_and_the_others_follow_when_it_is_heard() -> None:
    pace = Pace()
    pace.enter(MAIL, 0.0)
    pace.hear(MAIL, refused("provider"), 0.0)
    assert pace.enter(MAIL, 1.5) == 0
    assert pace.enter(MAIL, 1.5) > 0
    pace.hear(MAIL, ACCEPTED, 1.6)
    assert pace.enter(MAIL, 1.6) == 0


def test_a_host_whose_answers_stay_unknown_is_closed_because_each_costs_a_message_its_certainty() -> None:
    pace = Pace()
    for turn in range(3):
        assert pace.wait(MAIL, float(turn)) == 0
        pace.enter(MAIL, float(turn))
        pace.hear(MAIL, Answer(outcome=Outcome.UNKNOWN), float(turn))
    assert pace.wait(MAIL, 2.0) > 0
    assert pace.wait(OTHER_DOMAIN, 2.0) == 0


def test_nobody_passes_more_at_once_than_a_lane_bears() -> None:
    pace = Pace(at_once={"workspace": 2})
    assert not pace.crowded(MAIL)
    pace.enter(MAIL, 0.0)
    pace.enter(OTHER_DOMAIN, 0.0)
    assert pace.crowded(MAIL)
    pace.leave(MAIL, 0.0)
    assert not pace.crowded(MAIL)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=80), st.floats(0.5, 50), st.integers(1, 20))
def test_in_no_window_more_leave_than_rate_and_burst_allow(steps: list[float], rate: float, burst: int) -> None:
    pace, now, gone = Pace(rates={MAIL.provider: Rate(rate, float(burst))}), 0.0, []
    for step in steps:
        now += step
        if pace.enter(MAIL, now) == 0:
            pace.hear(MAIL, ACCEPTED, now)
            gone.append(now)
    for first, begin in enumerate(gone):
        for last in range(first, len(gone)):
            assert last - first + 1 <= burst + (gone[last] - begin) * rate + 1e-6


@given(st.floats(0.5, 50), st.integers(1, 5))
def test_who_waits_as_long_as_told_may_go(rate: float, burst: int) -> None:
    pace, now = Pace(rates={MAIL.provider: Rate(rate, float(burst))}), 0.0
    for _ in range(20):
        now += pace.wait(MAIL, now) + 1e-9
        assert pace.enter(MAIL, now) == 0


@given(st.floats(0.5, 500), st.integers(1, 20), st.integers(1, 60))
def test_who_is_promised_a_turn_on_a_used_up_lane_gets_one_of_their_own(rate: float, burst: int, others: int) -> None:
    pace = Pace(rates={MAIL.destination: Rate(rate, float(burst))})
    turns = [pace.turn(MAIL, 0.0) for _ in range(burst + others)]
    assert turns[:burst] == [0.0] * burst
    assert turns == sorted(turns)
    for place, wait in enumerate(turns[burst:], start=1):
        assert abs(wait - place / rate) < 1e-6
    assert pace.turn(OTHER_DOMAIN, 0.0) == 0.0


def test_who_comes_in_the_turn_that_was_promised_may_go() -> None:
    pace = Pace(rates={MAIL.destination: Rate(4, 1)})
    waits = [pace.turn(MAIL, 0.0) for _ in range(5)]
    assert [pace.enter(MAIL, wait) for wait in waits] == [0.0] * 5


def test_turns_that_nobody_used_hold_nobody_back_later() -> None:
    pace = Pace(rates={MAIL.destination: Rate(10, 2)})
    for _ in range(30):
        pace.turn(MAIL, 0.0)
    assert [pace.turn(MAIL, 60.0) for _ in range(2)] == [0.0, 0.0]


def test_a_closed_lane_promises_nothing_before_it_opens() -> None:
    pace = Pace()
    pace.hear(MAIL, refused("destination", 90_000), 0.0)
    assert pace.turn(MAIL, 0.0) == 90


def test_a_kind_of_lane_has_its_pace_for_each_of_them_and_a_name_of_its_own_wins() -> None:
    pace = Pace(rates={"domain": Rate(1, 1), "domain otra.example": Rate(1, 2)})
    assert pace.enter(MAIL, 0.0) == 0
    assert pace.enter(MAIL, 0.0) > 0
    assert [pace.enter(OTHER_DOMAIN, 0.0) for _ in range(2)] == [0, 0]
    assert pace.enter(OTHER_DOMAIN, 0.0) > 0
    assert pace.enter(OTHER_PROVIDER, 0.0) == 0


def test_what_is_closed_is_counted_by_kind_and_only_providers_are_named() -> None:
    pace = Pace()
    pace.hear(MAIL, refused("provider"), 0.0)
    for domain in ("a.example", "b.example"):
        pace.hear(MAIL._replace(destination=f"domain {domain}"), refused("destination"), 0.0)
    assert pace.closed(0.5) == {"provider": 1, "domain": 2}
    assert pace.closed(90.0) == {}
    assert pace.failing_providers() == ["smtp"]
    pace.enter(MAIL, 90.0)
    pace.hear(MAIL, ACCEPTED, 90.0)
    assert pace.failing_providers() == []


def test_memory_is_bounded_however_many_domains_there_are() -> None:
    pace = Pace()
    for number in range(25_000):
        lanes = MAIL._replace(destination=f"domain d{number}.example")
        pace.enter(lanes, float(number))
        pace.hear(lanes, ACCEPTED, float(number))
    assert len(pace._lanes) <= 10_000
