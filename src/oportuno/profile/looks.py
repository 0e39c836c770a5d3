"""What was looked at, how often and how long."""

from __future__ import annotations

from typing import Final

from oportuno.events.commerce import Reading
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.sections import NEVER, View, Views

VIEWS_AT_MOST: Final = 20


def look(draft: Draft, reading: Reading, at: Millis) -> None:
    """Count a look at a product; without the customer's yes to personalisation nothing is kept.

    Beyond `VIEWS_AT_MOST` products the least recent is forgotten, its count with it: seen again, it starts anew.
    """
    if not draft.may(Views) or not reading.items:
        return
    item = reading.items[0]
    products = draft.open(Views).products
    view = next((known for known in products if known.product == item.product), None)
    if view is None:
        view = View(product=item.product, last=at)
        products.append(view)
    view.count += 1
    view.seconds += reading.seconds or 0
    if at > view.last:
        view.told_ago += at - view.last if view.told_ago != NEVER else 0
        view.last = at
    ago = view.last - at
    if item.name and (view.told_ago == NEVER or (-view.told_ago, view.name) < (-ago, item.name)):
        view.told_ago, view.name = ago, item.name
    if products[0] is not view:
        products.sort(key=_by_last, reverse=True)
        del products[VIEWS_AT_MOST:]


def _by_last(view: View) -> tuple[Millis, str]:
    return view.last, view.product
