"""What an event says of the customer's interest, and how much it weighs."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from oportuno.catalog.product import Facts
from oportuno.events.commerce import Commerce, Item, Reading
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.interest import Interest
from oportuno.profile.sections import Stamp

_NAME_AT_MOST: Final = 40
"""Characters of a name: enough to say in a sentence which product it was."""
SECONDS_THAT_COUNT: Final = 90
"""Seconds in sight of one look beyond which it says no more: nobody reads on, the page was left open."""
_A_SECOND: Final = 33
"""Points a second in sight: half a minute is as much as the look itself."""
_STEPS: Final = (1, 2, 5)


class Weight(NamedTuple):
    """What an event of one kind is worth, in thousandths of a look."""

    product: int
    around: int
    """For the category, the brand and the price band, once each however many products the event names."""
    look: bool = False
    """Whether it counts as a look at the product."""


WEIGHTS: Final[dict[Commerce, Weight]] = {
    # The measure of all: a page that was opened. Its seconds come on top, up to three looks more.
    Commerce.PRODUCT_VIEWED: Weight(1_000, 1_000, look=True),
    # As a rule the same page opens next and says so itself.
    Commerce.PRODUCT_CLICKED: Weight(500, 500, look=True),
    # Passing through a category is often just the way to somewhere else.
    Commerce.PRODUCT_LIST_VIEWED: Weight(0, 500),
    # Narrowing a list, or searching, is asking for it in so many words.
    Commerce.PRODUCT_LIST_FILTERED: Weight(0, 1_000),
    Commerce.PRODUCTS_SEARCHED: Weight(0, 1_000),
    # Each costs a decision. A list is kept for longer than a cart, and a request to be told gives an address for it.
    Commerce.PRODUCT_ADDED: Weight(4_000, 4_000),
    Commerce.WISHLIST_PRODUCT_ADDED_TO_CART: Weight(4_000, 4_000),
    Commerce.PRODUCT_SHARED: Weight(3_000, 3_000),
    Commerce.PRODUCT_ADDED_TO_WISHLIST: Weight(5_000, 5_000),
    Commerce.BACK_IN_STOCK_REQUESTED: Weight(6_000, 6_000),
    # Who bought it has it; what is like it may still please.
    Commerce.ORDER_COMPLETED: Weight(0, 3_000),
}
"""Kinds of events that tell of interest."""


def look(draft: Draft, reading: Reading, stamp: Stamp, facts: Facts, *, half_life: int) -> None:
    """Count what an event says of interest; without the customer's yes to personalisation nothing is kept.

    Category, brand and price are the event's own, else the catalogue's. `half_life` is in days, and holds from now on.
    """
    weight = WEIGHTS.get(reading.kind) if reading.kind is not None else None
    if weight is None or not draft.may(Interest):
        return
    if weight.product or reading.kind is Commerce.ORDER_COMPLETED:
        told = [_told(item, reading.currency, facts) for item in reading.items]
    else:
        told = [Told("", reading.category, reading.brand, "")] if reading.category or reading.brand else []
    if not told:
        return
    at = stamp[0]
    interest = draft.open(Interest)
    interest.half_life = half_life
    place = interest.turn_to(at)
    if not interest.hears(place, stamp[1]):
        return
    seconds = (reading.seconds or 0) if weight.look else 0
    more = min(seconds, SECONDS_THAT_COUNT) * _A_SECOND
    around = weight.around + more
    if weight.product:
        product, name, points = reading.items[0].product, told[0].name if weight.look else "", weight.product + more
        draft.stirred.append(("product", product, points))
        interest.like(place, product, at, points=points, looks=int(weight.look), seconds=seconds, name=name)
    _lean(draft, interest, told, place, at, around)


def _lean(draft: Draft, interest: Interest, told: list[Told], place: int, at: Millis, points: int) -> None:  # noqa: PLR0917 - one private caller
    """Count what is around the products: each category, brand and band once."""
    if len(told) == 1:
        [(_, category, brand, band)] = told
        categories, brands, bands = [category], [brand], [band]
    else:
        categories, brands, bands = (sorted(set(names)) for names in zip(*(each[1:] for each in told), strict=True))
    for category in categories:
        if category:
            draft.stirred.append(("category", category, points))
            interest.lean(interest.categories, place, category, at, points)
    for brand in brands:
        if brand:
            draft.stirred.append(("brand", brand, points))
            interest.lean(interest.brands, place, brand, at, points)
    for band in bands:
        if band:
            interest.lean(interest.bands, place, band, at, points)


class Told(NamedTuple):
    """What is known of a product that an event is about. The catalogue's name is not copied: it is asked for when it is said."""

    name: str
    category: str
    brand: str
    band: str


def _told(item: Item, currency: str, facts: Facts) -> Told:
    name, category, brand, price = item.name, item.category, item.brand, item.price
    known = facts.product(item.product)
    if known is not None:
        name = ""
        category = category or (known.categories[0] if known.categories else "")
        brand = brand or known.brand
        if price is None:
            price, currency = known.price, known.currency
    return Told(name[:_NAME_AT_MOST], category, brand, _band(price, currency))


@lru_cache(maxsize=4_096)
def _band(price: int | None, currency: str) -> str:
    """Name the band of prices in which an amount of minor units lies: steps of 1, 2, 5, 10, 20, 50 … minor units."""
    if not price or not currency:
        return ""
    step = 10 ** (len(str(price)) - 1)
    return f"{currency}{max(first * step for first in _STEPS if first * step <= price)}"
