"""A change as news: the event that those who watch get, and the items under which they are found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from oportuno.catalog.item import item_of
from oportuno.catalog.product import Change, ChangeKind, Product
from oportuno.kit.ids import WorkspaceId, derive, write_id
from oportuno.kit.money import exponent
from oportuno.kit.times import Millis, to_text


class News(msgspec.Struct, frozen=True, kw_only=True):
    """One change for those who watch one item: what a fan-out is made of."""

    workspace: WorkspaceId
    item: int
    id: bytes
    """Of the change: two items of one change have the same, so that who watches both is told once."""
    name: str
    body: bytes
    """JSON of a track call."""
    at: Millis
    expires_at: Millis


def news_of(change: Change, product: Product, lasts: Mapping[ChangeKind, Millis]) -> list[News]:
    """Give the news of a change, one for each item: the product itself, or for what is new its categories and brand."""
    name = derive(change.workspace, change.product, change.kind.value, change.version)
    body = msgspec.json.encode(
        {
            "type": "track",
            "event": change.kind.value,
            "messageId": write_id("chg", name),
            "timestamp": to_text(change.at),
            "properties": _properties(change, product),
        }
    )
    return [
        News(
            workspace=change.workspace,
            item=item,
            id=name,
            name=change.kind.value,
            body=body,
            at=change.at,
            expires_at=change.at + lasts[change.kind],
        )
        for item in _items(change, product)
    ]


def _items(change: Change, product: Product) -> list[int]:
    own = [item_of("product", product.id)]
    if change.kind not in (ChangeKind.LAUNCHED, ChangeKind.VARIANT_ADDED):
        return own
    around = [item_of("category", category) for category in product.categories]
    if product.brand:
        around.append(item_of("brand", product.brand))
    return list(dict.fromkeys(around if change.kind is ChangeKind.LAUNCHED else own + around))


def _properties(change: Change, product: Product) -> dict[str, Any]:
    """Tell a change in the words of the e-commerce events: money in major units, as shops send it."""
    told: dict[str, Any] = {
        "product_id": product.id,
        "version": change.version,
        "name": product.name,
        "brand": product.brand,
        "category": product.categories[0] if product.categories else "",
        "categories": list(product.categories),
        "url": product.url,
        "image_url": product.image,
        "currency": product.currency,
        "price": major(product.price, product.currency),
        "stock": product.stock,
        "variants": change.new.get("variants"),
    }
    if change.kind is ChangeKind.PRICE_DROPPED:
        old, new = int(change.old["price"]), int(change.new["price"])
        told |= {
            "old_price": major(old, product.currency),
            "lowest_30_days": major(product.lowest, product.currency),
            "drop_percent": round((old - new) * 100 / old, 2),
            "drop_percent_30_days": None if not product.lowest else round((product.lowest - new) * 100 / product.lowest, 2),
        }
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def major(amount: int | None, currency: str) -> float | int | None:
    """Give minor units as a number of major ones, exact to the minor unit."""
    if amount is None:
        return None
    places = exponent(currency)
    return amount if places == 0 else round(amount / 10**places, places)
