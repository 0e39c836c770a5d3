"""Whose turn it is in an engine's next batch: much at once when alone, little in company, news before a backlog, and nobody for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oportuno.adapters.postgres.turns import Helping, Turns
from oportuno.flows.ports import LaneClass
from oportuno.flows.stride import FEWEST, MOMENT, Stride
from oportuno.kit.ids import BUCKETS

NORTE, SUR = 1, 2
LIVE, BULK = int(LaneClass.LIVE), int(LaneClass.BULK)
ALL = frozenset(range(BUCKETS))
NOBODY: tuple[int, ...] = ()


def units(workspace: int, count: int = BUCKETS, lane: int = 1) -> list[tuple[int, int, int]]:
    return [(bucket, workspace, lane) for bucket in range(count)]


def norte_is_far_behind() -> Turns:
    turns = Turns()
    turns.add(LIVE, NORTE, units(NORTE))
    [helping] = turns.plan(400, ALL, NOBODY)
    turns.read(helping, helping.asked, helping.units)
    return turns


def whose(plan: list[Helping]) -> list[int]:
    return [helping.workspace for helping in plan]


@given(most=st.integers(1, 5_000), batches=st.lists(st.tuples(st.integers(0, 5_000), st.floats(0, 60)), max_size=30))
def test_alone_an_engine_takes_all_it_may_whatever_batches_took_before(most: int, batches: list[tuple[int, float]]) -> None:
    stride = Stride()
    for happenings, seconds in batches:
        stride.took(happenings, seconds)
    assert stride.limit(most, company=False) == most
    assert min(most, FEWEST) <= stride.limit(most, company=True) <= most


@given(own=st.floats(0, 0.004), each=st.floats(0.000_02, 0.000_15), first=st.floats(FEWEST, 5_000))
def test_in_company_a_batch_comes_to_take_a_moment(own: float, each: float, first: float) -> None:
    stride = Stride(fits=first)
    for _ in range(60):
        taken = stride.limit(5_000, company=True)
        stride.took(taken, own + taken * each)
    taken = stride.limit(5_000, company=True)
    assert own + taken * each <= max(MOMENT * 1.05, own + FEWEST * each)
    assert taken == FEWEST or own + (taken + 1) * each >= MOMENT * 0.9 or taken == 5_000


@given(seconds=st.floats(0, 60), fits=st.floats(FEWEST, 5_000))
def test_one_hiccup_halves_the_next_batch_at_most_and_one_lucky_batch_doubles_it(seconds: float, fits: float) -> None:
    stride = Stride(fits=fits)
    stride.took(100, seconds)
    assert max(FEWEST, fits / 2) <= stride.fits <= fits * 2


def test_a_batch_of_one_says_nothing_about_how_many_would_fit() -> None:
    stride = Stride()
    before = stride.limit(5_000, company=True)
    for _ in range(50):
        stride.took(1, 0.004)
    assert stride.limit(5_000, company=True) == before


def test_news_alone_leaves_out_who_is_far_behind_and_the_next_batch_takes_everybody() -> None:
    turns = norte_is_far_behind()
    turns.add(LIVE, SUR, units(SUR, 1))
    assert turns.behind(NOBODY)
    assert turns.news(NOBODY)
    assert whose(turns.plan(40, ALL, NOBODY, news_alone=True)) == [SUR]
    turns.add(LIVE, SUR, units(SUR, 1))
    assert sorted(whose(turns.plan(40, ALL, NOBODY))) == [NORTE, SUR]


def test_a_shop_s_own_live_events_are_news_beside_its_import() -> None:
    turns = Turns()
    turns.add(BULK, NORTE, units(NORTE, lane=2))
    [helping] = turns.plan(400, ALL, NOBODY)
    turns.read(helping, helping.asked, helping.units)
    turns.add(LIVE, NORTE, units(NORTE, 1))
    assert turns.behind(NOBODY)
    [first] = turns.plan(40, ALL, NOBODY, news_alone=True)
    assert (first.lane_class, first.units) == (LIVE, units(NORTE, 1))


def test_who_has_caught_up_is_not_behind_any_more() -> None:
    turns = norte_is_far_behind()
    [helping] = turns.plan(400, ALL, NOBODY)
    turns.read(helping, 3, [])
    assert not turns.behind(NOBODY)
    turns.add(LIVE, NORTE, units(NORTE, 1))
    assert turns.news(NOBODY)


def test_a_workspace_that_rests_is_neither_news_nor_behind() -> None:
    turns = norte_is_far_behind()
    assert not turns.behind((NORTE,))
    turns.add(LIVE, SUR, units(SUR, 1))
    assert not turns.news((SUR,))
    assert not turns.waiting((NORTE, SUR))
    assert turns.waiting((NORTE,))


@given(
    waiting=st.dictionaries(st.tuples(st.sampled_from([LIVE, BULK]), st.integers(1, 20)), st.integers(1, BUCKETS), min_size=1),
    limit=st.integers(1, 400),
)
def test_every_unit_that_waits_has_its_turn_however_small_the_batches(waiting: dict[tuple[int, int], int], limit: int) -> None:
    turns = Turns()
    for (lane_class, workspace), count in waiting.items():
        turns.add(lane_class, workspace, units(workspace, count, lane=lane_class + 1))
    left = sum(waiting.values())
    while left:
        plan = turns.plan(limit, ALL, NOBODY)
        assert plan
        left -= sum(len(helping.units) for helping in plan)
    assert left == 0
    assert not turns.waiting(NOBODY)


@given(limit=st.integers(1, 400), shops=st.integers(1, 16))
def test_a_batch_asks_for_about_its_limit(limit: int, shops: int) -> None:
    turns = Turns()
    for workspace in range(1, shops + 1):
        turns.add(LIVE, workspace, units(workspace))
    asked = sum(helping.asked for helping in turns.plan(limit, ALL, NOBODY))
    assert asked <= 2 * limit + shops
