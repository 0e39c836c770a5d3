"""What changed between a product as it was and as it is: only what somebody may care to hear."""

from __future__ import annotations

from typing import Any, NamedTuple

from oportuno.catalog.product import Change, ChangeKind, Product
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import Millis


class Circumstances(NamedTuple):
    """What a comparison must know beside the product itself."""

    workspace: WorkspaceId
    at: Millis
    launches: bool = True
    """False while a catalogue is filled for the first time: what fills it is no news."""
    began: Millis = 0
    """When this import began: what an import itself brought gets no second piece of news by it. 0: at `at`."""


def compare(old: Product | None, new: Product, about: Circumstances) -> list[Change]:
    """Give the changes that are news, at most one of each kind, in the order of ChangeKind.

    A drop is judged in one currency only, and only between two prices that are known; stock that was not known never comes back. A product
    that returns after it was withdrawn is back in stock, if it has any, and nothing else.
    """
    if old is None:
        return [_change(ChangeKind.LAUNCHED, new, about)] if about.launches and not new.withdrawn else []
    if new.withdrawn:
        return [] if old.withdrawn else [_change(ChangeKind.WITHDRAWN, new, about)]
    if old.withdrawn:
        return [] if new.stock is not None and new.stock <= 0 else [_change(ChangeKind.BACK_IN_STOCK, new, about, new=_stock(new))]
    found = []
    if old.price is not None and new.price is not None and new.price < old.price and old.currency == new.currency:
        found.append(_change(ChangeKind.PRICE_DROPPED, new, about, old={"price": old.price}, new={"price": new.price}))
    back = _variants_back(old, new) if old.variants else []
    if back or (old.stock is not None and old.stock <= 0 and new.stock is not None and new.stock > 0):
        variants = {"variants": back} if back else {}
        found.append(_change(ChangeKind.BACK_IN_STOCK, new, about, old=_stock(old), new=_stock(new) | variants))
    added = _variants_added(old, new) if new.variants else []
    if added and about.launches and old.since < (about.began or about.at):
        found.append(_change(ChangeKind.VARIANT_ADDED, new, about, new={"variants": added}))
    return found


def _change(kind: ChangeKind, product: Product, about: Circumstances, **values: dict[str, Any]) -> Change:
    return Change(
        workspace=about.workspace,
        product=product.id,
        kind=kind,
        version=product.version,
        at=about.at,
        old=values.get("old", {}),
        new=values.get("new", {}),
        currency=product.currency,
    )


def _stock(product: Product) -> dict[str, Any]:
    return {} if product.stock is None else {"stock": product.stock}


def _variants_back(old: Product, new: Product) -> list[str]:
    gone = {each.id for each in old.variants if each.stock is not None and each.stock <= 0}
    return [each.id for each in new.variants if each.id in gone and each.stock is not None and each.stock > 0]


def _variants_added(old: Product, new: Product) -> list[str]:
    known = {each.id for each in old.variants}
    return [each.id for each in new.variants if each.id not in known]
