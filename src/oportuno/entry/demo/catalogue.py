"""What the shop sells, as its catalogue: written by the same door as any shop's feed, read for its pages, and made cheaper on a wish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from oportuno.catalog.product import Product as Sold
from oportuno.entry.demo.history import Product
from oportuno.entry.demo.setting import Setting
from oportuno.entry.demo.shelves import aisles_of
from oportuno.kit.faults import Unavailable

if TYPE_CHECKING:
    from oportuno.entry.demo.stage import Stage

STOCK: Final = 24
_KEPT: Final = 80
"""Percent of a price that are left of it when it is lowered."""
_LEAST: Final = 20
"""Cents below which a price is not lowered any more: a fifth of it would be no cent, or less than the law of five percent."""

Send = Callable[[str, str, bytes], None]
"""Sends a request (method, path, JSON) until it is taken."""


def fill_shelves(setting: Setting, address: str, send: Send) -> Setting:
    """Write categories and products, and give the setting that says so; where they were written before, only what an address is in.

    Prices that were lowered stay so: a shop's feed that says nothing of a price leaves it.
    """
    if setting.shelved == address:
        return setting
    whole = not setting.shelved
    if whole:
        categories = [{"id": aisle.key, "name": aisle.es} for aisle in aisles_of(setting.data)]
        send("PUT", "/api/v1/categories", msgspec.json.encode({"items": categories}))
    rows = [row_of(product, address, setting.currency, whole=whole) for product in setting.products]
    send("POST", "/api/v1/products", msgspec.json.encode({"items": rows, "launch": False}))
    return msgspec.structs.replace(setting, shelved=address)


def row_of(product: Product, address: str, currency: str, *, whole: bool = True) -> dict[str, Any]:
    """Write a product as a row of a feed; without `whole` only its addresses."""
    row: dict[str, Any] = {
        "id": product.id,
        "url": f"{address}/demo/p/{product.id}",
        "image": f"{address}/demo/art/big/{product.drawing}.png",
        "manual_url": f"{address}/demo/help/{product.id}",
    }
    if whole:
        row |= {"name": product.names["es"], "price": written(product.price), "currency": currency, "stock": STOCK}
        row |= {"categories": [product.aisle], "brand": brand_of(product)}
    return row


def brand_of(product: Product) -> str:
    """Give the brand: the data tells only the chain's own from the others."""
    return "Norte" if product.house else ""


def written(cents: int) -> str:
    """Write an amount as the API takes it."""
    return f"{cents // 100}.{cents % 100:02d}"


async def sold(stage: Stage) -> dict[str, Sold]:
    """Give what the shop shows as it stands in the catalogue, by id; nothing while it is being written. Two seconds old at most."""
    return await stage.shelf.look(lambda: _look(stage))


async def _look(stage: Stage) -> dict[str, Sold]:
    found = await asyncio.gather(*(stage.catalogue.product(stage.setting.workspace, product.id) for product in stage.setting.products))
    return {product.id: product for product in found if product is not None}


def asked_for(product: Product, shelf: Mapping[str, Sold]) -> int:
    """Give the catalogue's price in cents; the data's own while there is none."""
    found = shelf.get(product.id)
    return product.price if found is None or found.price is None else found.price


async def price_of(stage: Stage, product: Product) -> int:
    """Give what a product costs now, in cents."""
    found = await stage.catalogue.product(stage.setting.workspace, product.id)
    return product.price if found is None or found.price is None else found.price


def lowered(price: int) -> int | None:
    """Give a price less a fifth; None when it is too small for that."""
    return price * _KEPT // 100 if price >= _LEAST else None


async def lower(stage: Stage, product: Product, language: str) -> None:
    """Lower a price by a fifth, as the shop's own feed would. Raises Unavailable.

    The catalogue knows one name of a product: it becomes the one that this visitor reads, so that the mail about it speaks their language.
    """
    price = await price_of(stage, product)
    less = lowered(price)
    if less is not None:
        await _write(
            stage,
            [
                {
                    "id": product.id,
                    "price": written(less),
                    "was": written(price),
                    "currency": stage.setting.currency,
                    "name": product.names[language],
                }
            ],
        )


async def name_in(stage: Stage, products: list[Product], language: str) -> None:
    """Name products as this visitor reads them. Raises Unavailable."""
    if products:
        await _write(stage, [{"id": product.id, "name": product.names[language]} for product in products])


async def _write(stage: Stage, rows: list[dict[str, Any]]) -> None:
    stage.shelf.forget()
    answer = await stage.api.post("/api/v1/products", json={"items": rows})
    stage.shelf.forget()
    if not answer.is_success or answer.json()["refused"]:
        raise Unavailable("not_written", "the catalogue could not be written now; try again in a moment")
