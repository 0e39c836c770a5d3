"""What a set of rows does to a catalogue, worked out before anything is written: products, price points, news."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from oportuno.catalog.category import bare
from oportuno.catalog.compare import Circumstances, compare
from oportuno.catalog.prices import InForce, PricePoint, in_order, lowest_before, price_at
from oportuno.catalog.product import Change, Product
from oportuno.catalog.row import ProductRow, merge, same, with_topics
from oportuno.kit.times import Millis


class Edit(NamedTuple):
    """A product before and after, prices by time not settled yet."""

    old: Product | None
    new: Product
    row: ProductRow | None
    """None: it was withdrawn, or its categories changed."""


class Plan(NamedTuple):
    """What is to be written."""

    products: list[Product]
    points: list[PricePoint]
    changes: list[Change]
    version: int


def edits(
    rows: Iterable[ProductRow],
    old: Mapping[str, Product],
    topics: Mapping[str, tuple[str, ...]],
    *,
    replaces_variants: bool = False,
) -> list[Edit]:
    """Give what differs after the rows; rows of history, which carry their moment, always do."""
    found = []
    for row in rows:
        known = old.get(row.product.id)
        new = merge(known, row, topics, replaces_variants=replaces_variants)
        if known is None and not new.name:
            continue
        if known is None or row.at or not same(known, new):
            found.append(Edit(known, new, row))
    return found


def nameless(rows: Iterable[ProductRow], old: Mapping[str, Product]) -> list[str]:
    """Give the ids of rows that tell of a product that is not known, without its name: they change nothing."""
    return [row.product.id for row in rows if not row.product.name and row.product.id not in old]


def withdrawals(products: Iterable[Product]) -> list[Edit]:
    """Withdraw products that are not withdrawn yet."""
    return [Edit(each, msgspec.structs.replace(each, withdrawn=True), None) for each in products if not each.withdrawn]


def repriced(edit: Edit) -> bool:
    """Say whether the prices of the 30 days before must be read to settle this edit."""
    old, new = edit.old, edit.new
    return old is not None and (bool(edit.row and edit.row.at) or (old.price, old.currency) != (new.price, new.currency))


def categories_of(some: Iterable[Edit]) -> set[str]:
    """Give the ids of the categories that are named, with those above them in a path."""
    named = {category for edit in some if edit.row is not None for category in edit.new.categories}
    return {each.id for category in named for each in bare(category)}


def settle(some: Sequence[Edit], points: Mapping[str, Sequence[PricePoint]], version: int, about: Circumstances) -> Plan:
    """Give versions, moments and prices by time to the edits, and say what is news.

    `points`: for each repriced product its own points (not the variants') in order of time, at least those of the last 30 days and the one
    before them; all of them for rows that carry their moment. `version`: the catalogue's last.
    """
    plan = Plan([], [], [], version)
    for edit in some:
        at = edit.row.at if edit.row is not None and edit.row.at else about.at
        history = points.get(edit.new.id, ())
        if edit.old is not None and edit.row is not None and edit.row.at and edit.row.at < edit.old.changed_at:
            new = _earlier(edit.old, edit.new, at, history, plan.points)
            if new == edit.old:
                continue
            new = msgspec.structs.replace(new, version=version + 1)
        else:
            new = _present(edit, at, history, plan.points, version + 1)
        version += 1
        plan.products.append(new)
        plan.changes.extend(compare(edit.old, new, about))
    return plan._replace(version=version)


def _present(edit: Edit, at: Millis, history: Sequence[PricePoint], points: list[PricePoint], version: int) -> Product:
    """Settle what holds from now on (or from its own moment, which is later than all that is known)."""
    old, new = edit.old, edit.new
    values: dict[str, Any] = {"version": version, "changed_at": at, "since": at if old is None else old.since}
    if edit.row is not None and edit.row.at:
        # History is kept as it is told, a price that was only confirmed too: something may be told later of the time before.
        held = price_at(_with(history, _point(new, at), points), at)
        values |= _since(new, held)
    elif old is None or (old.price, old.currency) != (new.price, new.currency):
        points.append(_point(new, at))
        lowest = lowest_before(history, at, new.currency) if history and new.price is not None else None
        values |= {"price_since": at if new.price is not None else 0, "lowest": lowest}
    if new.variants or (old is not None and old.variants):
        points.extend(_variant_points(old, new, at))
    return msgspec.structs.replace(new, **values)


def _earlier(old: Product, told: Product, at: Millis, history: Sequence[PricePoint], points: list[PricePoint]) -> Product:
    """Put a price that was into the history, and settle anew since when the present one has been and what came before it.

    What a product cost when it last changed is known and stays so, whatever is told of the time before.
    """
    history = _with(history, _point(told, at), points)
    held = price_at(history, old.changed_at)
    if held is not None and (held.amount, held.currency) != (old.price, old.currency):
        history = _with(history, _point(old, old.changed_at), points)
        held = price_at(history, old.changed_at)
    return msgspec.structs.replace(old, since=min(old.since, at), **_since(old, held))


def _with(history: Sequence[PricePoint], point: PricePoint, points: list[PricePoint]) -> list[PricePoint]:
    points.append(point)
    return in_order([each for each in history if each.at != point.at] + [point])


def _point(product: Product, at: Millis) -> PricePoint:
    return PricePoint(product=product.id, at=at, amount=product.price, currency=product.currency)


def _since(product: Product, held: InForce | None) -> dict[str, Any]:
    if held is None or product.price is None:
        return {"price_since": 0, "lowest": None}
    return {"price_since": held.since, "lowest": held.lowest}


def _variant_points(old: Product | None, new: Product, at: Millis) -> list[PricePoint]:
    before = {each.id: each.price for each in old.variants} if old is not None else {}
    after = {each.id: each.price for each in new.variants}
    gone = [name for name in before if name not in after]
    return [
        PricePoint(product=new.id, variant=name, at=at, amount=after.get(name), currency=new.currency)
        for name in [*after, *gone]
        if before.get(name) != after.get(name)
    ]


def resensitive(products: Iterable[Product], topics: Mapping[str, tuple[str, ...]]) -> list[Edit]:
    """Give the products whose sensitive topics are others because categories changed."""
    found = []
    for each in products:
        new = with_topics(each, topics)
        if new is not each:
            found.append(Edit(each, new, None))
    return found
