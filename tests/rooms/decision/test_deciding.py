"""Speak, wait or stay silent: one thing at a time, the best first, never twice, and always with a reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import pytest

from oportuno.attention.ledger import Attention, Limit, confirm
from oportuno.consent.answers import Answered
from oportuno.consent.change import answer, pause
from oportuno.consent.refusals import Refusal
from oportuno.content.said import Because
from oportuno.decision.decide import Decisions, decide, drop_pending, next_decision
from oportuno.decision.pending import Pending
from oportuno.decision.verdict import Decided, Verdict
from oportuno.journeys.walks import Ended, Walks
from oportuno.kit.ids import derive
from oportuno.kit.times import DAY, HOUR, MINUTE
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import SIZE_CEILING, Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart

if TYPE_CHECKING:
    from tienda_norte import Cast


def proposal(cast: Cast, name: str = "cart", **changes: object) -> Proposal:
    plain = Proposal(
        id=name.encode().ljust(16, b"."),
        journey=name,
        version=1,
        step="remind",
        template="abandoned-cart",
        channel="email",
        purpose=Purpose.MARKETING,
        items=("mug",),
        because=Because(kind="cart_left", facts={"event": "Product Added", "at": cast.saturday, "count": 1}, read=("cart",)),
        expires_at=cast.saturday + DAY,
        context={"lines": [{"product": "mug"}]},
        made_at=cast.saturday,
        worth=1.0,
    )
    return msgspec.structs.replace(plain, **changes)


def settle(draft: Draft, cast: Cast, *proposals: Proposal, after: int = 0, trusted: bool = True) -> Decisions:
    return decide(draft, list(proposals), policy=cast.norte, now=cast.saturday + after, clock_trusted=trusted)


def told(verdicts: list[Verdict]) -> list[tuple[str, Decided, list[Refusal]]]:
    return [(v.proposal.journey, v.decided, [reason.refusal for reason in v.reasons]) for v in verdicts]


def with_cart(cast: Cast) -> Draft:
    ana = cast.ana()
    cast.fill_cart(ana, "mug")
    return ana


def test_what_may_be_said_is_said_and_its_place_is_kept(cast: Cast) -> None:
    ana = with_cart(cast)
    decided = settle(ana, cast, proposal(cast))
    assert told(decided.verdicts) == [("cart", Decided.SPEAK, [])]
    assert [message.id for message in decided.messages] == [proposal(cast).id]
    (touch,) = ana.read(Attention).touches
    assert (touch.id, touch.made, touch.until) == (proposal(cast).id, False, cast.saturday + DAY)
    assert next_decision(ana) is None


def test_to_carla_who_said_no_we_are_silent_with_a_reason(cast: Cast) -> None:
    decided = settle(cast.carla(), cast, proposal(cast))
    assert told(decided.verdicts) == [("cart", Decided.SILENCE, [Refusal.NO_CONSENT])]
    assert decided.messages == []


def test_at_night_it_waits_and_is_said_in_the_morning_on_the_cart_of_the_morning(cast: Cast) -> None:
    ana = with_cart(cast)
    night, opened = 10 * HOUR, 21 * HOUR
    waits = settle(ana, cast, proposal(cast), after=night)
    assert told(waits.verdicts) == [("cart", Decided.WAIT, [Refusal.QUIET_HOURS])]
    assert next_decision(ana) == waits.verdicts[0].retry_at
    morning = (next_decision(ana) or 0) - cast.saturday
    assert opened <= morning <= opened + 10 * MINUTE
    kept = Draft(ana.key, ana.encode(), 1)
    cast.fill_cart(kept, "coat", "hat")
    assert settle(kept, cast, after=night + HOUR).verdicts == []
    speaks = settle(kept, cast, after=morning)
    assert told(speaks.verdicts) == [("cart", Decided.SPEAK, [])]
    assert speaks.messages[0].said.items == ("coat", "hat")
    assert [line["product"] for line in speaks.messages[0].said.context["lines"]] == ["coat", "hat"]
    assert next_decision(kept) is None


def test_of_those_who_wait_for_the_same_morning_nobody_is_woken_early_and_no_two_moments_are_crowded(cast: Cast) -> None:
    opened = cast.saturday + 21 * HOUR
    woken = []
    for number in range(200):
        ana = with_cart(cast)
        said = msgspec.structs.replace(proposal(cast), id=derive("town", number))
        settle(ana, cast, said, after=10 * HOUR)
        woken.append(next_decision(ana) or 0)
    assert min(woken) >= opened
    assert max(woken) <= opened + 10 * MINUTE
    by_minute = Counter((moment - opened) // MINUTE for moment in woken)
    assert max(by_minute.values()) < 50


def test_when_the_cart_is_empty_by_morning_there_is_nothing_left_to_say(cast: Cast) -> None:
    ana = with_cart(cast)
    settle(ana, cast, proposal(cast), after=10 * HOUR)
    ana.open(Cart).lines = []
    assert told(settle(ana, cast, after=22 * HOUR).verdicts) == [("cart", Decided.SILENCE, [Refusal.NOTHING_LEFT])]


def test_what_cannot_be_said_before_it_expires_is_not_kept_waiting(cast: Cast) -> None:
    decided = settle(with_cart(cast), cast, proposal(cast, expires_at=cast.saturday + 20 * HOUR), after=10 * HOUR)
    assert told(decided.verdicts) == [("cart", Decided.SILENCE, [Refusal.QUIET_HOURS])]


def test_what_waits_on_for_the_same_reason_is_not_told_again_and_another_reason_is(cast: Cast) -> None:
    ana = with_cart(cast)
    pause(ana, cast.saturday + 2 * HOUR)
    assert told(settle(ana, cast, proposal(cast)).verdicts) == [("cart", Decided.WAIT, [Refusal.PAUSED])]
    pause(ana, cast.saturday + 4 * HOUR)
    assert settle(ana, cast, after=2 * HOUR).verdicts == []
    assert next_decision(ana) == cast.saturday + 4 * HOUR
    confirm(ana.open(Attention), id=b"other", channel="webhook", now=cast.saturday - 19 * HOUR)
    assert told(settle(ana, cast, after=4 * HOUR).verdicts) == [("cart", Decided.WAIT, [Refusal.LIMIT_REACHED])]


def test_a_withdrawal_in_between_is_the_last_word(cast: Cast) -> None:
    ana = with_cart(cast)
    settle(ana, cast, proposal(cast), after=10 * HOUR)
    answer(ana, purpose=Purpose.MARKETING, channel="email", state=Answered.WITHDRAWN, at=cast.saturday + 11 * HOUR, source="one_click")
    assert told(settle(ana, cast, after=22 * HOUR).verdicts) == [("cart", Decided.SILENCE, [Refusal.CONSENT_WITHDRAWN])]


def test_of_two_the_worthier_is_said_and_the_other_waits_its_turn(cast: Cast) -> None:
    ana = with_cart(cast)
    decided = settle(ana, cast, proposal(cast, "small", worth=1.0), proposal(cast, "great", worth=9.0, expires_at=cast.saturday + 2 * DAY))
    assert told(decided.verdicts) == [
        ("great", Decided.SPEAK, []),
        ("small", Decided.SILENCE, [Refusal.BETTER_PROPOSAL, Refusal.LIMIT_REACHED]),
    ]
    assert decided.verdicts[1].reasons[0].facts["journey"] == "great"


def test_even_with_room_for_two_only_one_promoting_message_is_said_at_a_time(cast: Cast) -> None:
    roomy = msgspec.structs.replace(cast.norte, limits=(Limit(at_most=5, per=DAY),))
    ana = with_cart(cast)
    both = [proposal(cast, "small"), proposal(cast, "great", worth=9.0)]
    first = decide(ana, both, policy=roomy, now=cast.saturday)
    assert told(first.verdicts) == [("great", Decided.SPEAK, []), ("small", Decided.WAIT, [Refusal.BETTER_PROPOSAL])]
    later = decide(ana, [], policy=roomy, now=cast.saturday + HOUR)
    assert told(later.verdicts) == [("small", Decided.SPEAK, [])]


def test_news_about_an_order_is_said_beside_anything_else_and_takes_no_place(cast: Cast) -> None:
    ana = with_cart(cast)
    service = proposal(cast, "order", purpose=Purpose.SERVICE)
    decided = settle(ana, cast, proposal(cast), service)
    assert {journey for journey, verdict, _ in told(decided.verdicts) if verdict is Decided.SPEAK} == {"cart", "order"}
    assert len(ana.read(Attention).touches) == 1


def test_the_same_is_never_said_twice(cast: Cast) -> None:
    ana = with_cart(cast)
    settle(ana, cast, proposal(cast))
    kept = Draft(ana.key, ana.encode(), 1)
    decided = settle(kept, cast, proposal(cast, expires_at=cast.saturday + 9 * DAY), after=8 * DAY)
    assert told(decided.verdicts) == [("cart", Decided.SILENCE, [Refusal.ALREADY_SAID])]


def test_what_waits_already_is_not_proposed_a_second_time(cast: Cast) -> None:
    ana = with_cart(cast)
    pause(ana, cast.saturday + HOUR)
    settle(ana, cast, proposal(cast))
    assert settle(ana, cast, proposal(cast), after=1).verdicts == []
    assert len(ana.read(Pending).held) == 1


def test_a_clock_that_jumped_decides_nothing_for_good(cast: Cast) -> None:
    ana = with_cart(cast)
    jumped = settle(ana, cast, proposal(cast), after=30 * DAY, trusted=False)
    assert told(jumped.verdicts) == [("cart", Decided.WAIT, [Refusal.CLOCK_UNSURE])]
    assert told(settle(ana, cast, after=30 * DAY + MINUTE).verdicts) == [("cart", Decided.SILENCE, [Refusal.EXPIRED])]


def test_an_item_the_customer_does_not_want_is_dropped_on_every_channel(cast: Cast) -> None:
    ana = with_cart(cast)
    pause(ana, cast.saturday + HOUR)
    settle(ana, cast, proposal(cast), proposal(cast, "hook", channel="webhook"), proposal(cast, "other", items=("coat",)))
    dropped = drop_pending(ana, items=("mug",), refusal=Refusal.ITEM_NOT_WANTED, now=cast.saturday + 1)
    assert {verdict.proposal.journey for verdict in dropped} == {"cart", "hook"}
    assert [held.proposal.journey for held in ana.read(Pending).held] == ["other"]
    assert drop_pending(ana, items=("mug",), refusal=Refusal.ITEM_NOT_WANTED, now=cast.saturday + 1) == []


def test_after_an_unsubscribe_everything_that_promotes_is_dropped_and_only_that(cast: Cast) -> None:
    ana = with_cart(cast)
    pause(ana, cast.saturday + HOUR)
    settle(ana, cast, proposal(cast), proposal(cast, "hook", channel="webhook"))
    by_mail = drop_pending(ana, items=(), refusal=Refusal.SUPPRESSED, now=cast.saturday, channel="email")
    assert [verdict.proposal.journey for verdict in by_mail] == ["cart"]
    rest = drop_pending(ana, items=(), refusal=Refusal.SUPPRESSED, now=cast.saturday)
    assert [verdict.proposal.journey for verdict in rest] == ["hook"]
    assert drop_pending(cast.dora(), items=(), refusal=Refusal.SUPPRESSED, now=cast.saturday) == []


@pytest.mark.parametrize(
    ("ended", "refusal"),
    [
        (("goal_reached", ""), Refusal.GOAL_REACHED),
        (("finished", "goal_reached"), Refusal.GOAL_REACHED),
        (("finished", "exited"), Refusal.EXITED),
    ],
)
def test_a_goal_reached_while_it_waits_makes_it_needless(cast: Cast, ended: tuple[str, str], refusal: Refusal) -> None:
    ana = with_cart(cast)
    pause(ana, cast.saturday + 5 * HOUR)
    settle(ana, cast, proposal(cast))
    how, closed = ended
    ana.open(Walks).ended["cart"] = Ended(started_at=cast.saturday - DAY, at=cast.saturday, how=how, closed=closed)
    assert settle(ana, cast, after=1).verdicts == []  # the end of an earlier walk concerns nothing of this one
    ana.open(Walks).ended["cart"] = Ended(started_at=cast.saturday, at=cast.saturday, how=how, closed=closed)
    assert told(settle(ana, cast, after=2).verdicts) == [("cart", Decided.SILENCE, [refusal])]


def test_a_moment_that_lies_ahead_is_waited_for(cast: Cast) -> None:
    ana = with_cart(cast)
    assert settle(ana, cast, proposal(cast, not_before=cast.saturday + HOUR)).messages == []
    assert next_decision(ana) == cast.saturday + HOUR
    assert told(settle(ana, cast, after=HOUR).verdicts) == [("cart", Decided.SPEAK, [])]


def test_however_much_waits_the_state_stays_small_and_what_is_let_go_is_named(cast: Cast) -> None:
    ana = with_cart(cast)
    pause(ana, cast.saturday + HOUR)
    crowd = [proposal(cast, f"j{number}", worth=float(number), context={"lines": ["x" * 500]}) for number in range(30)]
    decided = settle(ana, cast, *crowd)
    dropped = [journey for journey, verdict, reasons in told(decided.verdicts) if reasons == [Refusal.BETTER_PROPOSAL]]
    assert sorted(dropped) == sorted(f"j{number}" for number in range(20))
    assert len(ana.encode()) < SIZE_CEILING


def test_with_nothing_to_decide_nothing_is_touched(cast: Cast) -> None:
    ana = Draft(cast.ana().key, cast.ana().encode(), 1)
    assert settle(ana, cast) == Decisions(verdicts=[], messages=[])
    assert not ana.changed
