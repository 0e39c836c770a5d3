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
