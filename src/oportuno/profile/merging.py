"""Two profiles of one person become one: each section by a rule of its own that does not ask which of the two came first.

What the rules keep is what the fold would have kept of both histories: sums add up, registers go by the time of the event, lists keep their
newest. What is protected of a known customer (`who.PROTECTED`) stays the winner's.
"""

from __future__ import annotations

import msgspec

from oportuno.profile.draft import Draft, LetGo
from oportuno.profile.mute import BOUGHT, mute
from oportuno.profile.purchases import ORDERS_AT_MOST
from oportuno.profile.sections import Cart, Core, Line, Muted, OrderBrief, Orders, Register, Traits
from oportuno.profile.watching import Watching
from oportuno.profile.who import IDS_AT_MOST, PROTECTED, TRAITS_AT_MOST, drop_id
from oportuno.profile.wishlist import ENTRIES_AT_MOST, Saved, Wishlist

_LINES_AT_MOST = 40
_WIDE_AT_MOST = 20


def merge_core(core: Core, other: Core) -> None:
    """Ids and counts of both; of each trait the last told, but an address that the winner has is not replaced."""
    seen = {(kind, value): at for kind, value, at in other.ids}
    for kind, value, at in core.ids:
        seen[kind, value] = max(at, seen.get((kind, value), 0))
    core.ids = sorted(((kind, value, at) for (kind, value), at in seen.items()), key=lambda entry: (entry[2], entry[0], entry[1]))
    while len(core.ids) > IDS_AT_MOST:
        drop_id(core.ids)
    if other.events:
        core.first_seen = min(core.first_seen, other.first_seen) if core.events else other.first_seen
        core.last_seen = max(core.last_seen, other.last_seen) if core.events else other.last_seen
    core.events += other.events
    core.cart_young = (
        min(core.cart_young, other.cart_young) if core.cart_young and other.cart_young else core.cart_young or other.cart_young
    )
    for name, register in other.traits.items():
        known = core.traits.get(name)
        if name in PROTECTED and known is not None and known.value is not None:
            continue
        if known is None or known.value is None or _told(known) < _told(register):
            core.traits[name] = register


def merge_traits(traits: Traits, other: Traits) -> None:
    """Of each trait the last told."""
    for name, register in other.values.items():
        known = traits.values.get(name)
        if known is None or _told(known) < _told(register):
            traits.values[name] = register
    if len(traits.values) > TRAITS_AT_MOST:
        latest = sorted(traits.values.items(), key=lambda entry: (entry[1].at, entry[1].h, entry[0]), reverse=True)
        traits.values = dict(latest[:TRAITS_AT_MOST])


def merge_cart(cart: Cart, other: Cart) -> None:
    """The lines of both; of the same product and variant the one that was last spoken of, and of two at that moment the larger."""
    lines = {(line.product, line.variant): line for line in other.lines}
    for line in cart.lines:
        known = lines.get((line.product, line.variant))
        if known is None or _spoken(known) <= _spoken(line):
            lines[line.product, line.variant] = line
    newest = sorted(lines.values(), key=lambda line: (line.at, line.product, line.variant), reverse=True)[:_LINES_AT_MOST]
    cart.lines = sorted(newest, key=lambda line: (line.added, line.product, line.variant))
    cart.at = max(cart.at, other.at)
    (mine_currency, mine_held, mine_token), (currency, held, token) = cart.told, other.told
    mine_currency, cart.currency = max((mine_currency, cart.currency), (currency, other.currency))
    mine_held, cart.held_until = max((mine_held, cart.held_until), (held, other.held_until))
    mine_token, cart.token = max((mine_token, cart.token), (token, other.token))
    cart.told = (mine_currency, mine_held, mine_token)
    cart.wide = sorted({*map(_hashable, cart.wide), *map(_hashable, other.wide)})[-_WIDE_AT_MOST:]


def close_bought(draft: Draft) -> None:
    """Take out of the cart what one of the two put there before the other bought it."""
    bought = {item: since for item, (reason, since) in draft.read(Muted).items.items() if reason == BOUGHT}
    if bought and any(line.product in bought and line.at <= bought[line.product] for line in draft.read(Cart).lines):
        cart = draft.open(Cart)
        cart.lines = [line for line in cart.lines if line.at > bought.get(line.product, line.at - 1)]


def merge_orders(orders: Orders, other: Orders) -> None:
    """The orders of both; one that both know counts once."""
    known = {brief.id: brief for brief in orders.recent}
    for brief in other.recent:
        mine = known.get(brief.id)
        if mine is None:
            known[brief.id] = brief
            continue
        joined = _one_order(mine, brief)
        known[brief.id] = joined
        for sign, counted in ((-1, mine), (-1, brief), (1, joined)):
            orders.count += sign * (counted.placed and not counted.cancelled)
            _add(orders.totals, counted.currency, sign * counted.net)
    orders.count += other.count
    for currency, minor in other.totals.items():
        _add(orders.totals, currency, minor)
    orders.last_at = max(orders.last_at, other.last_at)
    orders.recent = sorted(known.values(), key=lambda brief: (brief.at, brief.id), reverse=True)[:ORDERS_AT_MOST]


def merge_muted(draft: Draft, other: Muted) -> None:
    """What either does not want to hear of."""
    for item, (reason, since) in sorted(other.items.items()):
        mute(draft, (item,), reason, since)


def merge_wishlist(wishlist: Wishlist, other: Wishlist) -> None:
    """The lists of both; of the same thing what was last told."""
    known: dict[tuple[str, str, str], Saved] = {}
    for entry in [*wishlist.entries, *other.entries]:
        place = entry.kind, entry.product, entry.variant
        mine = known.get(place)
        if mine is None or (mine.at, mine.h, mine.gone) < (entry.at, entry.h, entry.gone):
            known[place] = entry
    newest = sorted(known.values(), key=lambda entry: (entry.at, entry.h, entry.kind, entry.product, entry.variant), reverse=True)
    wishlist.entries = newest[:ENTRIES_AT_MOST]


def merge_let_go(let_go: LetGo, other: LetGo) -> None:
    """What either had to leave out."""
    let_go.parts = sorted({*let_go.parts, *other.parts})


def merge_watching(watching: Watching, other: Watching) -> None:
    """Each keeps the rows that stand in their own name: the winner's are judged anew from what the two are together."""


def _told(register: Register) -> tuple[bool, int, bytes]:
    return register.said, register.at, register.h


def _spoken(line: Line) -> tuple[int, int, bytes]:
    return line.at, line.quantity, msgspec.msgpack.encode(line)


def _hashable(wide: tuple[int, bytes, bool, int, tuple[str, ...]]) -> tuple[int, bytes, bool, int, tuple[str, ...]]:
    return wide[0], wide[1], wide[2], wide[3], tuple(wide[4])


def _one_order(one: OrderBrief, other: OrderBrief) -> OrderBrief:
    """Take the telling that knows more; a refund that either heard of counts, and so does a cancellation."""
    first = max(one, other, key=lambda brief: (brief.placed, brief.at + brief.told_after, msgspec.msgpack.encode(brief)))
    refunds = sorted({*map(tuple, one.refunds), *map(tuple, other.refunds)})
    returns = sorted(dict([*one.returns, *other.returns]).items())
    return msgspec.structs.replace(
        first,
        cancelled=one.cancelled or other.cancelled,
        whole=one.whole or other.whole,
        refunds=refunds,
        returns=returns,
        refunded=sum(part for _, part in refunds),
    )


def _add(totals: dict[str, int], currency: str, minor: int) -> None:
    total = totals.get(currency, 0) + minor
    if total:
        totals[currency] = total
    else:
        totals.pop(currency, None)
