"""Two customers' states become one, and two again. Pure: the flows `merge` and `undo` carry it out.

Every section of a state has a rule here; a law-test walks them all. Sections that events alone make are *replayed* when a merge is undone:
each of the two is folded again from its own snapshot with those events that name its own ids. The others stay with the winner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from oportuno.attention.ledger import Attention
from oportuno.catalog.product import NO_FACTS, Facts
from oportuno.consent.answers import ANY_CHANNEL, Answered, Consents, granted_purposes, slot
from oportuno.consent.listen import listen, sections_of
from oportuno.consent.merging import merge_attention, merge_consents, tighten, widen
from oportuno.consent.reach import Reach, merge_reach
from oportuno.decision.pending import Pending
from oportuno.events.event import Event
from oportuno.journeys.heard import Heard
from oportuno.journeys.walks import MERGED, Ended, Walks
from oportuno.kit.times import Millis
from oportuno.profile.declared import Declared
from oportuno.profile.draft import Draft, LetGo, Section
from oportuno.profile.fold import fold
from oportuno.profile.interest import HALF_LIFE, Interest
from oportuno.profile.interest_merging import merge_declared, merge_interest
from oportuno.profile.merging import (
    close_bought,
    merge_cart,
    merge_core,
    merge_let_go,
    merge_muted,
    merge_orders,
    merge_traits,
    merge_watching,
    merge_wishlist,
)
from oportuno.profile.mute import mute
from oportuno.profile.parting import Parted
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart, Core, Muted, Orders, Traits
from oportuno.profile.watching import Watching
from oportuno.profile.wishlist import Wishlist

_SAID_AT_MOST: Final = 30
_HEARD_AT_MOST: Final = 16


class Around(NamedTuple):
    """What a rule may ask about the meeting of two."""

    vouched: bool
    """A signature or a secret key says that they are one person."""


Rule = Callable[[Draft, Any, Around], None]
"""Puts the other's section into the draft."""


def _into(section: type[Section], merge: Callable[[Any, Any], None]) -> Rule:
    def rule(draft: Draft, other: Any, around: Around) -> None:  # noqa: ARG001 - the shape of Rule
        merge(draft.open_closed(section), other)

    return rule


def _merge_walks(walks: Walks, other: Walks) -> None:
    """The winner walks on; of each journey the later end counts for coming back to it."""
    for journey, ended in other.ended.items():
        known = walks.ended.get(journey)
        if known is None or known.at < ended.at:
            walks.ended[journey] = ended


def _merge_pending(pending: Pending, other: Pending) -> None:
    """What was said to either was said. Of what waited for the other only service is left by now, and it goes on waiting here."""
    said = dict(sorted([*pending.said, *other.said], key=lambda entry: (entry[1], entry[0])))
    pending.said = list(said.items())[-_SAID_AT_MOST:]
    known = {held.proposal.id for held in pending.held}
    pending.held += [held for held in other.held if held.proposal.id not in known]


def _merge_heard(heard: Heard, other: Heard) -> None:
    """What either was told of the catalogue is no news to both."""
    heard.changes = list(dict.fromkeys([*other.changes, *heard.changes]))[-_HEARD_AT_MOST:]


def _merge_parted(parted: Parted, other: Parted) -> None:
    """Ids that were parted from either stay parted."""
    parted.ids = {**other.ids, **parted.ids}


RULES: Final[Mapping[type[Section], Rule]] = {
    Consents: lambda draft, other, around: merge_consents(draft, other, vouched=around.vouched),
    Core: _into(Core, merge_core),
    Traits: _into(Traits, merge_traits),
    Orders: _into(Orders, merge_orders),
    Interest: _into(Interest, merge_interest),
    Declared: _into(Declared, merge_declared),
    Muted: lambda draft, other, around: merge_muted(draft, other),  # noqa: ARG005 - the shape of Rule
    Wishlist: _into(Wishlist, merge_wishlist),
    Cart: _into(Cart, merge_cart),
    LetGo: _into(LetGo, merge_let_go),
    Watching: _into(Watching, merge_watching),
    Attention: _into(Attention, merge_attention),
    Reach: _into(Reach, merge_reach),
    Walks: _into(Walks, _merge_walks),
    Pending: _into(Pending, _merge_pending),
    Heard: _into(Heard, _merge_heard),
    Parted: _into(Parted, _merge_parted),
}
"""How each section of the loser goes into the winner's, in this order."""
REPLAYED: Final[tuple[type[Section], ...]] = (Core, Traits, Orders, Muted, Wishlist, Interest, Declared, Cart, LetGo)
"""Sections that events alone make: each side gets its own back when a merge is undone."""
_DEVICE_WIDE: Final = (Purpose.MEASUREMENT, Purpose.PERSONALISATION, Purpose.ON_SITE, Purpose.LOCATION)
_NO: Final = frozenset({Answered.DENIED, Answered.WITHDRAWN})


def join(draft: Draft, other: Draft, *, vouched: bool, now: Millis) -> None:
    """Put everything the other is into the draft. What the stricter answers no longer allow is deleted, not merged."""
    around = Around(vouched)
    for section, rule in RULES.items():
        if other.has(section):
            rule(draft, other.read_closed(section), around)
    draft.adopt(other, {section.title for section in RULES})
    if draft.has(Cart) and draft.has(Muted):
        close_bought(draft)
    if draft.has(Parted):
        parted = draft.open(Parted)
        parted.ids = {mark: owner for mark, owner in parted.ids.items() if owner not in (draft.key.customer, other.key.customer)}
    _obey(draft, now)


def leave(draft: Draft, now: Millis) -> None:
    """Make a state ready to go: its walks end with exit ``merged``, and what it had reserved is given back."""
    if draft.has(Walks):
        walks = draft.open(Walks)
        for walk in walks.going:
            walks.ended[walk.journey] = Ended(started_at=walk.started_at, at=now, how=MERGED)
        walks.going = []
    if draft.has(Attention):
        attention = draft.open(Attention)
        attention.touches = [touch for touch in attention.touches if touch.made]


class Parting(NamedTuple):
    """What undoing a merge starts from."""

    current: Draft
    """The winner as it is."""
    winner: Draft
    """As it was before the merge."""
    loser: Draft
    """As it left."""
    vouched: bool
    winners: list[Event]
    """The events since that are the winner's own, in the order in which they were folded."""
    losers: list[Event]


def part(
    parting: Parting, *, currency: str, half_life: int = HALF_LIFE, joined_at: Millis, now: Millis, facts: Facts = NO_FACTS
) -> tuple[Draft, Draft]:
    """Give the winner and the loser as they would be had they never been one.

    Profile: each folds its own events on its own snapshot, with the catalogue's present `facts`. Consents: a yes given since stays with
    the id that gave it; every no, pause, suppression, mute and wish since holds for both, so neither becomes looser. Touches made since
    count for both. What was said and decided meanwhile stays with the winner.
    """

    def replay(draft: Draft, events: Iterable[Event]) -> Draft:
        draft.granted = granted_purposes(draft, joined_at)
        for event in events:
            if listen(draft, event):
                draft.granted = granted_purposes(draft, joined_at)
            fold(draft, event, currency=currency, facts=facts, half_life=half_life)
        return draft

    current, loser_key = parting.current, parting.loser.key
    joined = Draft(current.key, parting.winner.encode())
    join(joined, Draft(loser_key, parting.loser.encode()), vouched=parting.vouched, now=joined_at)
    together = replay(Draft(current.key, joined.encode()), sorted([*parting.winners, *parting.losers], key=_by_arrival))
    had = {touch.id for touch in parting.loser.read(Attention).touches}
    winner, loser = replay(parting.winner, parting.winners), replay(parting.loser, parting.losers)
    before, after = joined.read(Consents), current.read(Consents)
    widen(winner, together.read(Consents), after, besides=loser.read(Consents))
    for section in (Attention, Walks, Pending, Heard, Watching, Parted):
        winner.take_over(section, current)
    if current.has(Declared) and current.read_closed(Declared) != together.read_closed(Declared):
        # Declared on our pages, and no event: it was the one who stands that said it.
        winner.take_over(Declared, current)
    if had:
        attention = winner.open(Attention)
        attention.touches = [touch for touch in attention.touches if touch.id not in had]
    if loser.has(Pending):
        # What it had waiting went over with it, and is said, or waits, there: nothing is said by both.
        loser.open(Pending).held = []
    known = {touch.id for touch in joined.read(Attention).touches}
    since = [touch for touch in current.read(Attention).touches if touch.made and touch.id not in known]
    complained = current.read(Attention).complained
    if since or complained > joined.read(Attention).complained:
        merge_attention(loser.open(Attention), Attention(touches=since, complained=complained))
    if current.has(Reach):
        # It is about addresses, whosever they are from now on.
        merge_reach(winner.open(Reach), current.read(Reach))
        merge_reach(loser.open(Reach), current.read(Reach))
    for draft in (winner, loser):
        tighten(draft, before, after)
        _mute_since(draft, together.read(Muted), current.read(Muted))
        _obey(draft, now)
    return winner, loser


def _obey(draft: Draft, now: Millis) -> None:
    """Delete what the answers no longer allow, and say what they do."""
    for purpose in _DEVICE_WIDE:
        answer = draft.read(Consents).answers.get(slot(purpose, ANY_CHANNEL))
        if answer is not None and answer.state in _NO:
            for section in sections_of(purpose):
                draft.delete(section)
    draft.granted = granted_purposes(draft, now)


def _by_arrival(event: Event) -> tuple[Millis, int, int]:
    return event.received, event.lane, event.seq


def _mute_since(draft: Draft, before: Muted, after: Muted) -> None:
    for item, (reason, since) in sorted(after.items.items()):
        if before.items.get(item) != (reason, since):
            mute(draft, (item,), reason, since)
