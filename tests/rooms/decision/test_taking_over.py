"""A better proposal takes the place of a weaker message that nobody has claimed yet, and no limit is ever exceeded by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tienda_norte import Cast

from oportuno.attention.ledger import Attention, Limit, confirm, release
from oportuno.consent.refusals import Refusal
from oportuno.content.said import Because
from oportuno.decision.decide import Decisions, Overtaken, decide
from oportuno.decision.verdict import Decided
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

if TYPE_CHECKING:
    from oportuno.consent.policy import Policy

CAST = Cast()
ROOMY = msgspec.structs.replace(CAST.norte, quiet=(0, 0))


def about(name: str, worth: float, **changes: object) -> Proposal:
    plain = Proposal(
        id=name.encode().ljust(16, b"."),
        journey=name,
        version=1,
        step="tell",
        template="news",
        channel="email",
        purpose=Purpose.MARKETING,
        because=Because(kind="event_seen", facts={"event": "Product Viewed", "at": CAST.saturday}),
        expires_at=CAST.saturday + DAY,
        made_at=CAST.saturday,
        worth=worth,
    )
    return msgspec.structs.replace(plain, **changes)


def put(draft: Draft, *proposals: Proposal, after: Millis = 0, policy: Policy = ROOMY) -> Decisions:
    return decide(draft, list(proposals), policy=policy, now=CAST.saturday + after)


def said(decided: Decisions) -> list[str]:
    return [message.said.journey for message in decided.messages]


def places(draft: Draft) -> set[str]:
    return {touch.id.decode().rstrip(".") for touch in draft.read(Attention).touches}


def test_a_better_proposal_takes_over_what_nobody_has_claimed() -> None:
    ana = CAST.ana()
    weak, strong = about("looked-at", 1.0), about("price-drop", 3.0)
    assert said(put(ana, weak)) == ["looked-at"]
    decided = put(ana, strong, after=MINUTE)
    assert said(decided) == ["price-drop"]
    assert decided.overtaken == [Overtaken(weak.id, "price-drop", "tell")]
    assert places(ana) == {"price-drop"}
    assert [verdict.decided for verdict in decided.verdicts] == [Decided.SPEAK]


@pytest.mark.parametrize("worth", [0.5, 1.0])
def test_what_is_no_better_waits_for_its_own_place(worth: float) -> None:
    ana = CAST.ana()
    put(ana, about("looked-at", 1.0))
    decided = put(ana, about("price-drop", worth, expires_at=CAST.saturday + 3 * DAY), after=MINUTE)
    assert (said(decided), decided.overtaken, places(ana)) == ([], [], {"looked-at"})
    assert decided.verdicts[0].reasons[0].refusal is Refusal.LIMIT_REACHED


def test_what_a_deliverer_has_claimed_is_not_taken_over() -> None:
    ana = CAST.ana()
    weak = about("looked-at", 1.0)
    put(ana, weak)
    confirm(ana.open(Attention), id=weak.id, channel="email", now=CAST.saturday)
    decided = put(ana, about("price-drop", 3.0), after=MINUTE)
    assert (said(decided), decided.overtaken, places(ana)) == ([], [], {"looked-at"})


def test_what_may_not_be_said_anyway_takes_nothing() -> None:
    ana = CAST.ana()
    put(ana, about("looked-at", 1.0))
    before = ana.encode()
    quiet = msgspec.structs.replace(ROOMY, quiet=(0, 23 * 60))
    decided = put(ana, about("price-drop", 3.0), after=MINUTE, policy=quiet)
    assert (said(decided), decided.overtaken) == ([], [])
    assert [touch.worth for touch in Draft(ana.key, before, 1).read(Attention).touches] == [1_000]
    assert places(ana) == {"looked-at"}


def test_what_is_for_later_takes_nothing_yet() -> None:
    ana = CAST.ana()
    put(ana, about("looked-at", 1.0))
    decided = put(ana, about("price-drop", 3.0, not_before=CAST.saturday + HOUR), after=MINUTE)
    assert (said(decided), decided.overtaken, places(ana)) == ([], [], {"looked-at"})


def test_brunos_own_cadence_goes_to_what_is_worth_most() -> None:
    bruno = CAST.bruno()
    weak = about("looked-at", 1.0)
    put(bruno, weak)
    decided = put(bruno, about("price-drop", 3.0), after=MINUTE)
    assert said(decided) == ["price-drop"]
    assert [each.id for each in decided.overtaken] == [weak.id]


def test_as_few_and_as_weak_as_will_do_give_way() -> None:
    ana = CAST.ana()
    wide = msgspec.structs.replace(ROOMY, limits=(Limit(at_most=4, per=DAY),))
    for name, worth, cost in (("a", 1.0, 1), ("b", 2.0, 2), ("c", 3.0, 1)):
        assert said(put(ana, about(name, worth, cost=cost), policy=wide)) == [name]
    decided = put(ana, about("d", 9.0, cost=2), policy=wide)
    assert said(decided) == ["d"]
    assert [each.id.decode().rstrip(".") for each in decided.overtaken] == ["b"]
    assert places(ana) == {"a", "c", "d"}


def test_a_notice_about_an_order_neither_gives_way_nor_takes_over() -> None:
    ana = CAST.ana()
    put(ana, about("looked-at", 1.0))
    receipt = about("receipt", 9.0, purpose=Purpose.SERVICE)
    assert put(ana, receipt, after=MINUTE).overtaken == []
    assert "looked-at" in places(ana)


def test_what_was_overtaken_is_not_said_again() -> None:
    ana = CAST.ana()
    weak = about("looked-at", 1.0)
    put(ana, weak)
    put(ana, about("price-drop", 3.0), after=MINUTE)
    decided = put(ana, weak, after=2 * DAY)
    assert [verdict.reasons[0].refusal for verdict in decided.verdicts] == [Refusal.ALREADY_SAID]


_PROPOSED = st.tuples(st.just("propose"), st.integers(0, 4), st.integers(1, 3))
_DONE = st.tuples(st.sampled_from(["claim", "refuse", "expire"]), st.integers(0, 5), st.just(0))
_LATER = st.tuples(st.just("later"), st.sampled_from([MINUTE, 7 * HOUR, 26 * HOUR]), st.just(0))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(_PROPOSED, _PROPOSED, _DONE, _LATER), max_size=40))
def test_no_limit_is_ever_exceeded_whoever_overtakes_whom(happenings: list[tuple[str, int, int]]) -> None:
    limits = (Limit(at_most=2, per=DAY), Limit(at_most=5, per=7 * DAY))
    policy = msgspec.structs.replace(ROOMY, limits=limits)
    ana, now = CAST.ana(), 0
    made: dict[bytes, Proposal] = {}
    outbox: dict[bytes, Proposal] = {}
    """What waits to be claimed."""
    touched: list[tuple[Millis, int]] = []
    for number, (what, which, cost) in enumerate(happenings):
        waiting = list(outbox.values())
        chosen = waiting[which % len(waiting)] if waiting else None
        match what:
            case "later":
                now += which
                for gone in [each for each in waiting if each.expires_at <= CAST.saturday + now]:
                    release(ana.open(Attention), id=outbox.pop(gone.id).id)
            case "propose":
                moment = CAST.saturday + now
                words = about(f"p{number}", float(which), cost=cost, expires_at=moment + 30 * HOUR, made_at=moment)
                made[words.id] = words
                decided = put(ana, words, after=now, policy=policy)
                for each in decided.overtaken:
                    (better,) = decided.messages
                    assert outbox.pop(each.id).worth < made[better.id].worth, "only what waits, and only what is worth less, gives way"
                outbox.update((message.id, made[message.id]) for message in decided.messages)
            case "claim" if chosen is not None:
                confirm(ana.open(Attention), id=outbox.pop(chosen.id).id, channel="email", now=CAST.saturday + now)
                touched.append((now, chosen.cost))
            case _ if chosen is not None:
                release(ana.open(Attention), id=outbox.pop(chosen.id).id)
        for limit in limits:
            # Whatever waits may be claimed at any moment: it counts as if it were.
            used = sum(cost for at, cost in touched if at > now - limit.per)
            assert used + sum(each.cost for each in outbox.values()) <= limit.at_most
        held = {touch.id for touch in ana.read(Attention).touches if not touch.made}
        assert outbox.keys() == held
