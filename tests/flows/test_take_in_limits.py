"""How much may come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.flows.limits import Doorkeeper, Intakes, TokenBuckets, house_of
from oportuno.kit.faults import Busy
from oportuno.kit.times import HOUR, SECOND


def test_after_a_rest_there_is_a_burst_and_then_the_rate() -> None:
    buckets = TokenBuckets(10, 20)
    buckets.take("ana", 20, 0)
    assert buckets.wait("ana", 0) == 1
    assert buckets.wait("ana", SECOND) == 0
    assert buckets.wait("bruno", 0) == 0


def test_a_debt_is_waited_for_in_whole_seconds() -> None:
    buckets = TokenBuckets(10, 10)
    buckets.take("ana", 45, 0)
    wait = buckets.wait("ana", 0)
    assert wait == 4
    assert buckets.wait("ana", (wait - 1) * SECOND) > 0
    assert buckets.wait("ana", wait * SECOND) == 0


def test_a_rate_of_nothing_lets_nothing_through_but_the_burst() -> None:
    buckets = TokenBuckets(0, 1)
    buckets.take("ana", 1, 0)
    assert buckets.wait("ana", HOUR) == 300


def test_only_so_many_names_are_kept_and_the_latest_stay() -> None:
    buckets = TokenBuckets(1, 1, kept=2)
    for name in ("ana", "bruno", "carla"):
        buckets.take(name, 1, 0)
    assert buckets.wait("ana", 0) == 0
    assert buckets.wait("bruno", 0) > 0
    assert buckets.wait("carla", 0) > 0


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    buckets = TokenBuckets(1, 1)
    buckets.take("ana", 1, HOUR)
    assert buckets.wait("ana", 0) > 0


def test_one_household_has_one_house() -> None:
    assert house_of("2001:db8:1:2::1") == house_of("2001:db8:1:2:ffff::9") != house_of("2001:db8:1:3::1")
    assert house_of("::ffff:192.0.2.1") == "192.0.2.1" == house_of("192.0.2.1")
    assert house_of("fe80::1%eth0") == house_of("fe80::2")
    assert house_of("not:an:address") == "not:an:address"
    assert house_of("") == ""


@given(st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 50)), max_size=40))
def test_over_any_time_no_more_passes_than_burst_and_rate_and_one_last_batch(steps: list[tuple[int, int]]) -> None:
    buckets, now, passed, largest = TokenBuckets(10, 30), 0, 0, 0
    for pause, cost in steps:
        now += pause
        if buckets.wait("ana", now) == 0:
            buckets.take("ana", cost, now)
            passed += cost
            largest = max(largest, cost)
        assert passed <= 30 + 10 * now / SECOND + largest


def test_a_disk_that_is_nearly_full_takes_nothing_more_in_and_says_when_to_come_back() -> None:
    doorkeeper = Doorkeeper(Intakes(fullness=0.9))
    doorkeeper.hold(0, 0.89)
    with pytest.raises(Busy) as busy:
        doorkeeper.hold(0, 0.9)
    assert (busy.value.code, busy.value.retry_after) == ("disk_full", 60)
