"""What lies in the cart, whatever the order in which the news of it comes.

Each line keeps its young changes (those within `LATENESS` of the customer's last event) beside the quantity before them, and the quantity
is those changes applied in the order in which they happened. A late event finds its place among them; what is older than `LATENESS` no
admissible event can precede, so it is folded into the base for good. News that comes later still is not trusted, and is named.
"""

from __future__ import annotations

from typing import Final

from oportuno.events.commerce import Commerce, Item, Reading
from oportuno.events.event import LATENESS
from oportuno.kit.times import DAY, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.sections import NEVER, Cart, Change, Core, Line, Stamp, WideChange, after

LINES_AT_MOST: Final = 40
_YOUNG_AT_MOST: Final = 30
_WIDE_AT_MOST: Final = 20
_STALE: Final[Millis] = 7 * DAY
"""A cart event that arrives longer after it happened is history: nobody restores such a cart."""
_EVERYTHING: Final = ()
"""The products of a change of the whole cart."""


def change_cart(draft: Draft, core: Core, reading: Reading, stamp: Stamp, *, received: Millis, faults: list[str]) -> bool:
    """Fold a cart event or a completed order; say whether what stands in the cart is different now."""
    at, h = stamp
    edge = core.last_seen - LATENESS
    if at < received - _STALE:
        age_cart(draft, core)
        return False
    if at < edge:
        faults.append("cart_news_too_late:timestamp")
        age_cart(draft, core)
        return False
    cart = draft.open(Cart)
    lines = cart.lines
    before = [line.quantity for line in lines]
    cart.at = max(cart.at, at)
    _hear_terms(cart, reading, at)
    if _apply(cart, reading, at, h):
        core.cart_young = min(core.cart_young, at) if core.cart_young else at
    # New lines stand behind the others until they are sorted.
    changed = before != [line.quantity for line in lines[: len(before)]] or any(line.quantity for line in lines[len(before) :])
    if core.cart_young and core.cart_young < edge:
        core.cart_young = _age(cart, edge)
    if len(cart.lines) > LINES_AT_MOST:
        faults.append("cart_full:products")
        cart.lines = sorted(cart.lines, key=lambda line: (line.at, line.product, line.variant), reverse=True)[:LINES_AT_MOST]
    if len(cart.lines) > 1:
        cart.lines.sort(key=_by_added)
    return changed


def age_cart(draft: Draft, core: Core, edge: Millis | None = None) -> None:
    """Let time pass over the cart: what is young no longer is settled, what is long gone forgotten. What stands in it stays the same.

    Young is what is not older than `edge`: of itself, `LATENESS` before the customer was last seen.
    """
    edge = core.last_seen - LATENESS if edge is None else edge
    if core.cart_young and core.cart_young < edge:
        core.cart_young = _age(draft.tend(Cart), edge)


def _apply(cart: Cart, reading: Reading, at: Millis, h: bytes) -> bool:
    """Turn an event into changes of lines; say whether it made any."""
    kind, items = reading.kind, reading.items
    if kind is Commerce.PRODUCT_ADDED or kind is Commerce.WISHLIST_PRODUCT_ADDED_TO_CART:
        for item in items:
            _change(_line_of(cart, item, at), (at, h, False, _quantity(item)), item)
    elif kind is Commerce.PRODUCT_REMOVED:
        for item in items:
            change = (at, h, item.quantity is None, -(item.quantity or 0))
            if item.variant:
                _change(_line_of(cart, item, at), change, None)
            else:
                _change_wide(cart, change, (item.product,))
    elif kind is Commerce.CART_VIEWED:
        if not reading.listed:
            return False
        _change_wide(cart, (at, h, True, 0), _EVERYTHING)
        _set_lines(cart, items, at, h)
        return True
    elif kind is Commerce.CHECKOUT_STARTED:
        # Not the whole cart: «buy now» checks out one product and leaves the rest where it is.
        return _set_lines(cart, items, at, h)
    else:
        # What was bought leaves in every variant; an order that does not say what it holds empties the cart.
        _change_wide(cart, (at, h, True, 0), tuple(sorted({item.product for item in items})))
        return True
    return bool(items)


def _set_lines(cart: Cart, items: tuple[Item, ...], at: Millis, h: bytes) -> bool:
    """Take the quantities that a list tells; the same product twice in the list counts together. Say whether it told any."""
    wanted: dict[tuple[str, str], int] = {}
    for item in items:
        if item.quantity == 0:
            continue
        place = (item.product, item.variant)
        wanted[place] = wanted.get(place, 0) + _quantity(item)
        _change(_line_of(cart, item, at), (at, h, True, wanted[place]), item)
    return bool(wanted)


def _quantity(item: Item) -> int:
    return 1 if item.quantity is None else item.quantity


def _line_of(cart: Cart, item: Item, at: Millis) -> Line:
    """Find the line of a product and variant, or begin it with the young changes that concern it already."""
    product, variant = item.product, item.variant
    for line in cart.lines:
        if line.product == product and line.variant == variant:
            return line
    line = Line(product=product, variant=variant, quantity=0, added=at, at=at, gone=True)
    for moment, h, sets, by, concerned in cart.wide:
        if not concerned or product in concerned:
            _change(line, (moment, h, sets, by), None)
    cart.lines.append(line)
    return line


def _change_wide(cart: Cart, change: Change, products: tuple[str, ...]) -> None:
    """Change every line of some products, or of the whole cart, and remember it for lines that a late event begins."""
    wide: WideChange = (*change, products)
    if wide not in cart.wide:
        cart.wide.append(wide)
        cart.wide.sort()
        del cart.wide[:-_WIDE_AT_MOST]
    for line in cart.lines:
        if not products or line.product in products:
            _change(line, change, None)


def _change(line: Line, change: Change, item: Item | None) -> None:
    """Put a change in its place among the young ones, and take what the event tells of the product."""
    at = change[0]
    young = line.young
    for place, known in enumerate(young):
        if known[:2] == change[:2]:
            # One event says two things about a line only when a list sets what the whole-cart change cleared: the list has the last word.
            young[place] = max(known, change)
            break
    else:
        young.append(change)
        if len(young) > 1:
            young.sort()
    if at > line.at:
        since = at - line.at
        line.told_ago += since if line.told_ago != NEVER else 0
        line.priced_ago += since if line.priced_ago != NEVER else 0
        line.at = at
    if item is not None:
        _tell(line, item, at)
    _settle(line)


def _tell(line: Line, item: Item, at: Millis) -> None:
    """Take name, url and image together, and the price, from the latest event that tells them."""
    ago = line.at - at
    if item.name or item.url or item.image:
        told = (item.name, item.url, item.image)
        if line.told_ago == NEVER or (-line.told_ago, line.name, line.url, line.image) < (-ago, *told):
            line.told_ago = ago
            line.name, line.url, line.image = told
    if item.price is not None and (line.price is None or (-line.priced_ago, line.price) < (-ago, item.price)):
        line.priced_ago, line.price = ago, item.price


def _settle(line: Line) -> None:
    """Make the quantity from the base and the young changes."""
    while len(line.young) > _YOUNG_AT_MOST:
        line.settle_oldest()
    quantity, added = line.base
    for change in line.young:
        quantity, added = after(quantity, added, change)
    line.quantity, line.added, line.gone = quantity, added, quantity == 0


def _age(cart: Cart, edge: Millis) -> Millis:
    """Fold into the base what no admissible event can precede any more, and let go of lines that are long empty.

    Gives when the oldest change happened that is still young; 0 when none is.
    """
    if cart.wide and cart.wide[0][0] < edge:
        cart.wide = [wide for wide in cart.wide if wide[0] >= edge]
    oldest = cart.wide[0][0] if cart.wide else 0
    forget = False
    for line in cart.lines:
        young = line.young
        while young and young[0][0] < edge:
            at = young[0][0]
            line.settle_oldest()
            if not line.base[0]:
                _end_life(line, at)
        if young:
            oldest = min(oldest, young[0][0]) if oldest else young[0][0]
        forget |= line.gone
    if forget:
        wide = [change[:4] for change in cart.wide]
        cart.lines = [line for line in cart.lines if not (line.gone and _is_blank(line, wide))]
    return oldest


def _is_blank(line: Line, wide: list[Change]) -> bool:
    """Say whether a line says no more than the changes of the whole cart would say of it if a late event began it now."""
    return not line.base[0] and all(change in wide for change in line.young)


def _end_life(line: Line, at: Millis) -> None:
    """A line that was empty begins anew: what was told of it until then is not told of what comes next."""
    ago = line.at - at
    if line.told_ago >= ago:
        line.told_ago, line.name, line.url, line.image = NEVER, "", "", ""
    if line.priced_ago >= ago:
        line.priced_ago, line.price = NEVER, None


def _hear_terms(cart: Cart, reading: Reading, at: Millis) -> None:
    """Take currency, hold and cart id from the latest event that tells them. An order ends the hold."""
    currency, held, token = cart.told
    if reading.currency and (currency, cart.currency) < (at, reading.currency):
        currency, cart.currency = at, reading.currency
    until = 0 if reading.kind is Commerce.ORDER_COMPLETED else reading.held_until
    if until is not None and (held, cart.held_until) < (at, until):
        held, cart.held_until = at, until
    if reading.cart and (token, cart.token) < (at, reading.cart):
        token, cart.token = at, reading.cart
    cart.told = (currency, held, token)


def _by_added(line: Line) -> tuple[Millis, str, str]:
    return line.added, line.product, line.variant
