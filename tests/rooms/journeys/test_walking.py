"""Customers walk through journeys by what they do and by time passing; and what they do decides, not when we happen to look."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.events.event import Call, Event, Source
from oportuno.journeys.advance import advance, next_timer
from oportuno.journeys.journey import Branch, End, Journey, Rule, Send, Step, Wait, WaitFor
from oportuno.journeys.walks import Walks
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Cart

if TYPE_CHECKING:
    from tienda_norte import Cast

FRESH = 15 * MINUTE
ADDED, REMOVED, ORDER, SHARED = "Product Added", "Product Removed", "Order Completed", "Cart Shared"
HOPE = WaitFor(id="hope", events=(ORDER,), timeout=30 * MINUTE, restart_on=(ADDED, REMOVED))
REMIND = Send(id="remind", message="abandoned-cart", channel="email", expires=24 * HOUR, because="cart_left", topic="cart", worth=2.0)


def journey(*steps: Step, **changes: object) -> Journey:
    plain = Journey(
        key="abandoned-cart", version=1, trigger=(ADDED,), steps=steps or (HOPE, REMIND), goal=(ORDER,), exits=(SHARED,), reentry=7 * DAY
    )
    return msgspec.structs.replace(plain, **changes)


CART = (journey(),)


def tell(draft: Draft, journeys: tuple[Journey, ...], event: Event) -> list[Proposal]:
    return advance(draft, journeys, event, now=event.received, freshness=FRESH)


def look(draft: Draft, journeys: tuple[Journey, ...], now: Millis) -> list[Proposal]:
    return advance(draft, journeys, None, now=now, freshness=FRESH)


def how(draft: Draft, key: str = "abandoned-cart") -> str:
    return draft.read(Walks).ended[key].how


def test_half_an_hour_after_ana_left_her_cart_the_way_back_is_proposed_once(cast: Cast) -> None:
    ana = cast.ana()
    cast.fill_cart(ana, "mug", "coat")
    assert tell(ana, CART, cast.event(ana, ADDED, cast.saturday)) == []
    assert next_timer(ana, CART) == cast.saturday + 30 * MINUTE
    assert look(ana, CART, cast.saturday + 30 * MINUTE - 1) == []
    (proposal,) = look(ana, CART, cast.saturday + 31 * MINUTE)
    assert (proposal.template, proposal.channel, proposal.topic, proposal.worth) == ("abandoned-cart", "email", "cart", 2.0)
    assert proposal.items == ("mug", "coat")
    assert proposal.expires_at == cast.saturday + 30 * MINUTE + 24 * HOUR
    assert (how(ana), next_timer(ana, CART)) == ("finished", None)
    assert look(ana, CART, cast.saturday + 2 * HOUR) == []


@pytest.mark.parametrize(("returned", "going"), [("1001", False), ("1002", True), ("", False)])
def test_a_walk_about_an_order_is_left_for_news_of_that_order_or_of_one_that_is_not_named(
    cast: Cast, returned: str, *, going: bool
) -> None:
    help_with = Send(id="help", message="help", channel="email", expires=DAY, because="order_help", topic="orders")
    journeys = (journey(Wait(id="let-it-arrive", length=DAY), help_with, trigger=(ORDER,), goal=(), exits=("Order Refunded",)),)
    ana = cast.ana()
    tell(ana, journeys, cast.event(ana, ORDER, cast.saturday, properties={"order_id": "1001"}))
    back = {"order_id": returned} if returned else {}
    tell(ana, journeys, cast.event(ana, "Order Refunded", cast.saturday + HOUR, properties=back))
    assert (next_timer(ana, journeys) is not None) is going


def test_the_message_stands_on_the_cart_as_it_is_when_it_is_proposed(cast: Cast) -> None:
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    tell(ana, CART, cast.event(ana, ADDED, cast.saturday))
    cast.fill_cart(ana, "coat", "hat", "boots", "scarf", at=cast.saturday + MINUTE)
    ana.open(Cart).held_until = cast.saturday + 5 * HOUR
    (proposal,) = look(ana, CART, cast.saturday + HOUR)
    assert proposal.because.kind == "cart_left"
    assert proposal.because.read == ("core", "cart")
    assert proposal.because.facts == {
        "event": ADDED,
        "at": cast.saturday,
        "count": 4,
        "products": 4,
        "names": ["Coat", "Hat", "Boots"],
        "left_at": cast.saturday + MINUTE,
        "total": 4800,
        "currency": "EUR",
        "held_until": cast.saturday + 5 * HOUR,
    }
    assert [line["product"] for line in proposal.context["lines"]] == ["coat", "hat", "boots", "scarf"]


def test_as_long_as_ana_is_busy_the_time_begins_anew(cast: Cast) -> None:
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    tell(ana, CART, cast.event(ana, ADDED, cast.saturday))
    tell(ana, CART, cast.event(ana, REMOVED, cast.saturday + 20 * MINUTE))
    assert next_timer(ana, CART) == cast.saturday + 50 * MINUTE
    assert look(ana, CART, cast.saturday + 40 * MINUTE) == []


def test_an_older_event_that_arrives_later_does_not_turn_the_time_back(cast: Cast) -> None:
    ana = cast.ana()
    tell(ana, CART, cast.event(ana, ADDED, cast.saturday))
    tell(ana, CART, cast.event(ana, ADDED, cast.saturday + 10 * MINUTE))
    tell(ana, CART, cast.event(ana, REMOVED, cast.saturday + 5 * MINUTE, received=cast.saturday + 11 * MINUTE))
    assert next_timer(ana, CART) == cast.saturday + 40 * MINUTE


@pytest.mark.parametrize(("closing", "name"), [(ORDER, "goal_reached"), (SHARED, "exited")])
@pytest.mark.parametrize("source", list(Source))
def test_a_purchase_or_an_exit_ends_the_walk_however_it_came_in(cast: Cast, closing: str, name: str, source: Source) -> None:
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    tell(ana, CART, cast.event(ana, ADDED, cast.saturday))
    late = cast.event(ana, closing, cast.saturday + MINUTE, source=source, received=cast.saturday + 20 * MINUTE)
    assert tell(ana, CART, late) == []
    assert how(ana) == name
    assert look(ana, CART, cast.saturday + DAY) == []


def test_an_order_from_before_the_walk_closes_nothing(cast: Cast) -> None:
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    tell(ana, CART, cast.event(ana, ADDED, cast.saturday))
    tell(ana, CART, cast.event(ana, ORDER, cast.saturday - DAY, source=Source.IMPORT))
    assert len(look(ana, CART, cast.saturday + HOUR)) == 1


def test_an_empty_cart_leaves_nothing_to_say_and_does_not_count_for_reentry(cast: Cast) -> None:
    ana = cast.ana()
    tell(ana, CART, cast.event(ana, ADDED, cast.saturday))
    assert look(ana, CART, cast.saturday + HOUR) == []
    assert how(ana) == "nothing_left"
    tell(ana, CART, cast.event(ana, ADDED, cast.saturday + 2 * HOUR))
    assert next_timer(ana, CART) == cast.saturday + 2 * HOUR + 30 * MINUTE


@pytest.mark.parametrize(("reentry", "again_after"), [(None, None), (0, 0), (7 * DAY, 7 * DAY)])
def test_how_soon_it_may_start_again_is_as_the_journey_says(cast: Cast, reentry: Millis | None, again_after: Millis | None) -> None:
    journeys = (journey(reentry=reentry),)
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    tell(ana, journeys, cast.event(ana, ADDED, cast.saturday))
    assert len(look(ana, journeys, cast.saturday + 30 * MINUTE)) == 1
    ended = cast.saturday + 30 * MINUTE
    starts = [ended + delay for delay in (1, DAY, 7 * DAY - 1, 7 * DAY, 400 * DAY)]
    for at in starts:
        tell(ana, journeys, cast.event(ana, ADDED, at))
        if ana.read(Walks).going:
            assert again_after is not None
            assert at >= ended + again_after
            return
    assert again_after is None


def test_two_walks_never_say_the_same_under_the_same_name(cast: Cast) -> None:
    journeys = (journey(reentry=0),)
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    ids = set()
    for day in range(3):
        tell(ana, journeys, cast.event(ana, ADDED, cast.saturday + day * DAY))
        ids.update(proposal.id for proposal in look(ana, journeys, cast.saturday + day * DAY + HOUR))
    assert len(ids) == 3


def test_a_walk_that_comes_by_the_same_step_again_says_something_new(cast: Cast) -> None:
    loop = journey(
        Wait(id="week", length=7 * DAY), REMIND, Branch(id="again", rule=Rule(op="exists", field="cart.currency", value=True), then="week")
    )
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    tell(ana, (loop,), cast.event(ana, ADDED, cast.saturday))
    ids = [proposal.id for week in range(1, 4) for proposal in look(ana, (loop,), cast.saturday + week * 7 * DAY)]
    assert len(set(ids)) == len(ids) == 3


def test_a_worker_that_was_away_for_days_does_not_say_late_what_was_due_early(cast: Cast) -> None:
    two = (journey(Wait(id="a", length=HOUR), REMIND, Wait(id="b", length=DAY), msgspec.structs.replace(REMIND, id="again")),)
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    tell(ana, two, cast.event(ana, ADDED, cast.saturday))
    first, second = look(ana, two, cast.saturday + 2 * DAY)
    assert first.expires_at == cast.saturday + 25 * HOUR
    assert second.expires_at == cast.saturday + 49 * HOUR


@given(st.lists(st.tuples(st.sampled_from([ADDED, REMOVED, ORDER, SHARED, "Product Viewed"]), st.integers(0, 200)), max_size=12))
@settings(max_examples=150, deadline=None)
def test_where_a_customer_stands_depends_on_what_happened_not_on_when_we_looked(cast: Cast, happened: list[tuple[str, int]]) -> None:
    journeys = (journey(HOPE, REMIND, Wait(id="rest", length=HOUR), REMIND_AGAIN, reentry=HOUR),)
    attentive, away = cast.ana(), cast.ana()
    events = sorted({minute: name for name, minute in happened}.items())
    end = cast.saturday + 10 * HOUR
    said: list[set[bytes]] = [set(), set()]
    for draft, ids, watchful in ((attentive, said[0], True), (away, said[1], False)):
        cast.fill_cart(draft, "mug")
        for (minute, name), (following, _) in pairwise([*events, (600, "")]):
            at = cast.saturday + minute * MINUTE
            ids.update(proposal.id for proposal in tell(draft, journeys, cast.event(draft, name, at)))
            if watchful:
                for now in range(at, cast.saturday + following * MINUTE, 5 * MINUTE):
                    ids.update(proposal.id for proposal in look(draft, journeys, now))
        ids.update(proposal.id for proposal in look(draft, journeys, end))
    assert said[0] == said[1]
    if attentive.has(Walks):
        assert attentive.read(Walks) == away.read(Walks)


REMIND_AGAIN = msgspec.structs.replace(REMIND, id="remind-again")


def test_a_wait_that_is_answered_goes_the_way_the_journey_says(cast: Cast) -> None:
    thanks = Send(id="thanks", message="thanks", channel="webhook", expires=HOUR, because="event_seen")
    journeys = (journey(msgspec.structs.replace(HOPE, then="thanks"), REMIND, End(id="stop"), thanks, goal=()),)
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    tell(ana, journeys, cast.event(ana, ADDED, cast.saturday))
    (proposal,) = tell(ana, journeys, cast.event(ana, ORDER, cast.saturday + MINUTE))
    assert (proposal.step, proposal.because.facts) == ("thanks", {"event": ADDED, "at": cast.saturday})


def test_an_answer_that_comes_as_old_news_neither_goes_on_nor_lets_the_other_way_be_taken(cast: Cast) -> None:
    journeys = (journey(msgspec.structs.replace(HOPE, then="stop"), REMIND, End(id="stop"), goal=()),)
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    tell(ana, journeys, cast.event(ana, ADDED, cast.saturday))
    late = cast.event(ana, ORDER, cast.saturday + MINUTE, source=Source.LATE, received=cast.saturday + 29 * MINUTE)
    assert tell(ana, journeys, late) == []
    assert how(ana) == "late_event"
    assert look(ana, journeys, cast.saturday + DAY) == []


def test_a_branch_remembers_what_the_trigger_said_and_sees_the_profile_as_it_is(cast: Cast) -> None:
    gift = Rule(op="all", rules=(Rule(op="is", field="event.gift", value=True), Rule(op="at_least", field="cart.count", value=2)))
    journeys = (journey(Wait(id="w", length=HOUR), Branch(id="gift", rule=gift, then="remind", otherwise="stop"), REMIND, End(id="stop")),)
    for properties, products, expected in (({"gift": True}, 2, 1), ({"gift": True}, 1, 0), ({"gift": False}, 2, 0), ({}, 2, 0)):
        ana = cast.ana()
        cast.fill_cart(ana, "mug")
        tell(ana, journeys, cast.event(ana, ADDED, cast.saturday, properties=properties))
        cast.fill_cart(ana, *["mug", "coat"][:products])
        kept = Draft(ana.key, ana.encode())
        assert len(look(kept, journeys, cast.saturday + HOUR)) == expected


def test_a_filter_that_does_not_hold_starts_nothing(cast: Cast) -> None:
    journeys = (journey(filter=Rule(op="is", field="event.channel", value="web")),)
    ana = cast.ana()
    tell(ana, journeys, cast.event(ana, ADDED, cast.saturday, properties={"channel": "till"}))
    assert next_timer(ana, journeys) is None
    tell(ana, journeys, cast.event(ana, ADDED, cast.saturday, properties={"channel": "web"}))
    assert next_timer(ana, journeys) is not None


def test_an_old_version_finishes_while_the_new_one_starts(cast: Cast) -> None:
    both = (journey(), journey(msgspec.structs.replace(HOPE, timeout=2 * HOUR), REMIND, version=2))
    ana, bruno = cast.ana(), cast.bruno()
    for draft, journeys in ((ana, CART), (bruno, both)):
        cast.fill_cart(draft, "mug")
        tell(draft, journeys, cast.event(draft, ADDED, cast.saturday))
    assert [proposal.version for proposal in look(ana, both, cast.saturday + 3 * HOUR)] == [1]
    assert look(bruno, both, cast.saturday + HOUR) == []
    assert [proposal.version for proposal in look(bruno, both, cast.saturday + 3 * HOUR)] == [2]


def test_a_walk_is_moved_to_the_step_that_the_new_version_names(cast: Cast) -> None:
    renamed = msgspec.structs.replace(HOPE, id="let-be", timeout=3 * HOUR)
    moved = (journey(renamed, REMIND, version=2, on_publish="move", moves={"hope": "let-be"}),)
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    tell(ana, CART, cast.event(ana, ADDED, cast.saturday))
    assert look(ana, moved, cast.saturday + HOUR) == []
    assert next_timer(ana, moved) == cast.saturday + 3 * HOUR
    assert [proposal.version for proposal in look(ana, moved, cast.saturday + 3 * HOUR)] == [2]


@pytest.mark.parametrize(
    ("published", "name"),
    [
        ((journey(msgspec.structs.replace(HOPE, id="other"), REMIND, version=2, on_publish="move"),), "step_vanished"),
        ((journey(version=2),), "step_vanished"),
        ((), "step_vanished"),
        ((journey(active=False),), "switched_off"),
    ],
)
def test_a_step_that_vanished_ends_the_walk_by_its_name(cast: Cast, published: tuple[Journey, ...], name: str) -> None:
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    tell(ana, CART, cast.event(ana, ADDED, cast.saturday))
    assert look(ana, published, cast.saturday + HOUR) == []
    assert (how(ana), next_timer(ana, published)) == (name, None)


def test_a_journey_that_is_switched_off_starts_nothing(cast: Cast) -> None:
    ana = cast.ana()
    tell(ana, (journey(active=False),), cast.event(ana, ADDED, cast.saturday))
    assert not ana.has(Walks) or not ana.read(Walks).going


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ADDED, REMOVED, ORDER, SHARED]),
            st.integers(0, 100_000),
            st.sampled_from([Source.LATE, Source.IMPORT, Source.REPLAY]),
        ),
        max_size=20,
    )
)
@settings(max_examples=200, deadline=None)
def test_whatever_is_imported_replayed_or_late_nothing_is_ever_proposed(cast: Cast, old: list[tuple[str, int, Source]]) -> None:
    journeys = (journey(reentry=0), journey(REMIND, key="at-once", reentry=0, goal=(), exits=()))
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    for name, minute, source in old:
        event = cast.event(ana, name, cast.saturday - minute * MINUTE, source=source, received=cast.saturday)
        assert tell(ana, journeys, event) == []
    assert look(ana, journeys, cast.saturday + 400 * DAY) == []
    assert not ana.has(Walks) or ana.read(Walks).going == []


def test_an_event_older_than_the_shop_calls_fresh_starts_nothing_even_if_it_came_live(cast: Cast) -> None:
    ana = cast.ana()
    tell(ana, CART, cast.event(ana, ADDED, cast.saturday, received=cast.saturday + FRESH + 1))
    assert next_timer(ana, CART) is None


def test_a_page_that_is_called_like_an_event_is_not_one(cast: Cast) -> None:
    ana = cast.ana()
    page = msgspec.structs.replace(cast.event(ana, ADDED, cast.saturday), call=Call.PAGE)
    tell(ana, CART, page)
    assert next_timer(ana, CART) is None


def test_what_concerns_no_journey_leaves_the_state_untouched(cast: Cast) -> None:
    ana = cast.ana()
    kept = Draft(ana.key, ana.encode(), 1)
    tell(kept, CART, cast.event(kept, "Product Viewed", cast.saturday))
    tell(kept, CART, cast.event(kept, ORDER, cast.saturday))
    look(kept, CART, cast.saturday)
    assert not kept.changed


def test_a_walk_remembers_of_its_trigger_only_what_is_small_and_can_be_compared(cast: Cast) -> None:
    asks = Rule(op="any", rules=tuple(Rule(op="exists", field=f"event.p{number}", value=True) for number in range(6)))
    journeys = (journey(Wait(id="w", length=HOUR), Branch(id="b", rule=asks, then="remind"), REMIND),)
    ana = cast.ana()
    properties: dict[str, object] = {"p0": "x" * 5000, "p1": [1], "p2": {"a": 1}, "p3": 2**70, "p4": None, "p5": "small"}
    tell(ana, journeys, cast.event(ana, ADDED, cast.saturday, properties=properties))
    assert ana.read(Walks).going[0].facts == {"p5": "small"}


def test_the_ends_of_journeys_that_are_no_more_do_not_pile_up(cast: Cast) -> None:
    ana = cast.ana()
    for number in range(60):
        journeys = (journey(End(id="e"), key=f"j{number}"), journey(End(id="e"), key="lasting", reentry=None))
        tell(ana, journeys, cast.event(ana, ADDED, cast.saturday + number * MINUTE))
    ended = ana.read(Walks).ended
    assert len(ended) <= 41
    assert ended["lasting"].started_at == cast.saturday
