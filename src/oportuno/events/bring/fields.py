"""What a row of a file may tell, in our words, and by which headings others call it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from oportuno.events.touchpoints import ROWS, Column


class Kind(StrEnum):
    """What a file is about."""

    CUSTOMERS = "customers"
    EVENTS = "events"
    ORDERS = "orders"
    PRODUCTS = "products"
    CALLS = "calls"
    VISITS = "visits"
    COMPLAINTS = "complaints"
    RETURNS = "returns"
    REFUNDS = "refunds"
    TILL = "till"


class Shape(StrEnum):
    """How a cell is read."""

    ID = "id"
    TEXT = "text"
    NUMBER = "number"
    MOMENT = "moment"
    ANSWER = "answer"
    """yes or no"""
    ITEMS = "items"
    """A list of products, of JSON only."""


class Field(NamedTuple):
    """One thing that a row may tell."""

    name: str
    shape: Shape
    words: tuple[str, ...] = ()
    """Headings by which it is known, in English and Spanish, folded as `fold_word` does; its own name always counts."""


ANSWER_PREFIX: Final = "consent."
"""`consent.email`, `consent.sms`: an answer to marketing on that channel; `consent.personalisation`: to a purpose without a channel."""
PROOF_FIELDS: Final = ("consent.method", "consent.source", "consent.at", "consent.notice", "consent.language")
"""Without each of these a yes proves nothing."""
PROOF_BESIDE: Final = ("consent.evidence", "consent.actor")

_PERSON: Final = (
    Field("user_id", Shape.ID, ("userid", "customer id", "customerid", "client id", "id cliente", "cliente", "household id", "visitorid")),
    Field("anonymous_id", Shape.ID, ("anonymousid", "session id", "device id", "cookie id")),
)
_TRAITS: Final = (
    Field("email", Shape.TEXT, ("e mail", "email address", "correo", "correo electronico", "mail", "customer email")),
    Field("phone", Shape.TEXT, ("telephone", "mobile", "telefono", "movil", "phone number")),
    Field("first_name", Shape.TEXT, ("firstname", "given name", "nombre")),
    Field("last_name", Shape.TEXT, ("lastname", "surname", "apellidos", "apellido")),
    Field("name", Shape.TEXT, ("full name", "nombre completo")),
    Field("locale", Shape.TEXT, ("language", "idioma")),
    Field("timezone", Shape.TEXT, ("time zone", "zona horaria")),
    Field("country", Shape.TEXT, ("country code", "pais", "default address country code")),
)
_WHAT: Final = (
    Field("product_id", Shape.ID, ("sku", "item id", "itemid", "product", "producto", "referencia", "stockcode", "lineitem sku")),
    Field("product_name", Shape.TEXT, ("item name", "description", "descripcion", "lineitem name", "nombre producto")),
    Field("variant", Shape.TEXT, ("variante",)),
    Field("category", Shape.TEXT, ("categoria", "category code", "categoryid")),
    Field("brand", Shape.TEXT, ("marca",)),
    Field("price", Shape.NUMBER, ("unit price", "unitprice", "precio", "lineitem price", "item price")),
    Field("quantity", Shape.NUMBER, ("qty", "units", "cantidad", "unidades", "lineitem quantity")),
)
_WHEN: Final = Field(
    "timestamp", Shape.MOMENT, ("date", "time", "fecha", "created at", "event time", "invoicedate", "order date", "transaction timestamp")
)

_OWN: Final[Mapping[Kind, tuple[Field, ...]]] = {
    Kind.CUSTOMERS: (
        *_PERSON,
        *_TRAITS,
        Field("timestamp", Shape.MOMENT, ("updated at", "fecha", "date")),
        Field("consent.method", Shape.TEXT),
        Field("consent.source", Shape.TEXT),
        Field("consent.at", Shape.MOMENT),
        Field("consent.notice", Shape.TEXT),
        Field("consent.language", Shape.TEXT),
        Field("consent.evidence", Shape.TEXT),
        Field("consent.actor", Shape.TEXT),
    ),
    Kind.EVENTS: (
        *_PERSON,
        Field("event", Shape.TEXT, ("event name", "event type", "evento", "action")),
        _WHEN,
        Field("message_id", Shape.ID, ("messageid", "event id")),
        *_WHAT,
        Field("order_id", Shape.ID, ("transactionid", "transaction id", "pedido")),
        Field("total", Shape.NUMBER, ("value", "revenue", "importe")),
        Field("currency", Shape.TEXT, ("moneda",)),
        Field("products", Shape.ITEMS),
        Field("query", Shape.TEXT, ("search", "search query", "busqueda")),
        Field("store", Shape.ID, ("store id", "tienda")),
    ),
    Kind.ORDERS: (
        *_PERSON,
        Field("order_id", Shape.ID, ("order", "order number", "invoiceno", "invoice", "pedido", "basket id", "transaction id", "name")),
        _WHEN,
        *_WHAT,
        Field("line_total", Shape.NUMBER, ("sales value", "line value", "importe linea")),
        Field("total", Shape.NUMBER, ("order total", "importe", "total paid")),
        Field("currency", Shape.TEXT, ("moneda",)),
        Field("store", Shape.ID, ("store id", "tienda")),
        Field("payment", Shape.TEXT, ("payment method", "forma de pago")),
        Field("status", Shape.TEXT, ("financial status", "order status", "estado")),
    ),
    Kind.PRODUCTS: (
        Field("id", Shape.ID, ("sku", "product id", "handle", "referencia", "stockcode")),
        Field("name", Shape.TEXT, ("title", "product name", "nombre", "description")),
        Field("url", Shape.TEXT, ("link",)),
        Field("image", Shape.TEXT, ("image src", "images", "imagen", "image url")),
        Field("brand", Shape.TEXT, ("vendor", "marca", "manufacturer")),
        Field("categories", Shape.TEXT, ("category", "type", "categoria", "categorias")),
        Field("price", Shape.NUMBER, ("variant price", "regular price", "precio", "unitprice")),
        Field("was", Shape.NUMBER, ("compare at price", "variant compare at price")),
        Field("currency", Shape.TEXT, ("moneda",)),
        Field("stock", Shape.NUMBER, ("quantity", "inventory", "existencias", "variant inventory qty")),
        Field("tags", Shape.TEXT, ("etiquetas",)),
    ),
}

_AMOUNTS: Final = frozenset({"quantity", "price", "total"})


def _field_of(column: Column) -> Field:
    """Give the field of a column between people: its moment is called as in every other file."""
    words = tuple(word.replace("_", " ") for word in column.also)
    if column.place == "timestamp":
        return Field("timestamp", Shape.MOMENT, (column.name, *(word for word in words if word != "timestamp")))
    if column.name.endswith("_id") or column.name == "store":
        return Field(column.name, Shape.ID, words)
    return Field(column.name, Shape.NUMBER if column.name in _AMOUNTS else Shape.TEXT, words)


_BETWEEN_PEOPLE: Final = {Kind(kind): tuple(_field_of(column) for column in (*shape.columns, *shape.lines)) for kind, shape in ROWS.items()}
"""Calls, visits, complaints, returns, refunds and till sales: the columns are those of `events.touchpoints`."""
FIELDS: Final[Mapping[Kind, tuple[Field, ...]]] = {**_OWN, **_BETWEEN_PEOPLE}
_FREE: Final = {Kind.EVENTS, Kind.ORDERS, *_BETWEEN_PEOPLE}
_WORDS: Final = re.compile(r"[^a-z0-9]+")


def fold_word(heading: str) -> str:
    """Write a heading without case, accents and signs: ``Correo electrónico`` and ``correo_electronico`` are one."""
    plain = unicodedata.normalize("NFKD", heading.replace("&", " and ")).encode("ascii", "ignore").decode().lower()
    return _WORDS.sub(" ", plain).strip()


def suggest(kind: Kind, headings: Iterable[str]) -> dict[str, str]:
    """Say which column each field may stand in, by its heading; each column once, fields in their order. The customer confirms it."""
    columns = {fold_word(heading): heading for heading in reversed(list(headings)) if heading}
    found: dict[str, str] = {}
    for field in FIELDS[kind]:
        for word in (fold_word(field.name), field.name, *field.words):
            if word in columns:
                found[field.name] = columns.pop(word)
                break
    # A heading that is itself the name of a field, such as consent.email or traits.points.
    found.update((heading, heading) for heading in columns.values() if heading not in found and shape_of(kind, heading) is not None)
    return found


def shape_of(kind: Kind, name: str) -> Shape | None:
    """Say how a field is read; None: there is no such field of this kind."""
    for field in FIELDS[kind]:
        if field.name == name:
            return field.shape
    if kind is Kind.CUSTOMERS and name.startswith(ANSWER_PREFIX) and len(name) > len(ANSWER_PREFIX):
        return Shape.ANSWER
    if name.startswith("traits.") and kind is Kind.CUSTOMERS and len(name) > len("traits."):
        return Shape.TEXT
    if name.startswith("properties.") and kind in _FREE and len(name) > len("properties."):
        return Shape.TEXT
    return None
