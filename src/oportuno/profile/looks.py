"""What was looked at, how often and how long."""

from __future__ import annotations

from typing import Final

from oportuno.catalog.product import Facts
from oportuno.events.commerce import Reading
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.sections import NEVER, View, Views

VIEWS_AT_MOST: Final = 8
_NAME_AT_MOST: Final = 40
"""Characters of a name: enough to say in a sentence which product it was."""


def look(draft: Draft, reading: Reading, at: Millis, facts: Facts) -> None:
    """Count a look at a product; without the customer's yes to personalisation nothing is kept.

    Beyond `VIEWS_AT_MOST` products the least recent is forgotten, its count with it: seen again, it starts anew.
    """
    if not draft.may(Views) or not reading.items:
        return
    item = reading.items[0]
    product = item.product
    products = draft.open(Views).products
    for place, view in enumerate(products):
        if view.product == product:
            del products[place]
            break
    else:
        view = View(product=product, last=at)
    view.count += 1
    view.seconds += reading.seconds or 0
    if at > view.last:
        view.told_ago += at - view.last if view.told_ago != NEVER else 0
        view.last = at
    ago = view.last - at
    name = item.name[:_NAME_AT_MOST]
    if not name:
        known = facts.product(product)
        name = known.name[:_NAME_AT_MOST] if known is not None else ""
    if name and (view.told_ago == NEVER or (-view.told_ago, view.name) < (-ago, name)):
        view.told_ago, view.name = ago, name
    # The others are in order, and this is as a rule the newest: sorting them all for every look cost 3 µs.
    products.insert(0, view)
    if len(products) > 1 and _by_last(view) < _by_last(products[1]):
        products.sort(key=_by_last, reverse=True)
    del products[VIEWS_AT_MOST:]


def _by_last(view: View) -> tuple[Millis, str]:
    return view.last, view.product
