"""What happens between people, away from any screen: calls, visits, complaints, returns and sales at a till.

They come by the same calls as everything else, from the shop's telephone system, help desk or till, or as rows of a file. Here they have
their names, what of them is a contact from us, and the columns of such files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from oportuno.events.event import Call, Event
from oportuno.kit.faults import BadInput


class Touchpoint(StrEnum):
    """Every name of an event between people. Sales at a till are `Order Completed`, with the store."""

    CALL_ENDED = "Call Ended"
    STORE_VISITED = "Store Visited"
    COMPLAINT_OPENED = "Complaint Opened"
    COMPLAINT_CLOSED = "Complaint Closed"
    ORDER_RETURNED = "Order Returned"
    CONTACT_MADE = "Contact Made"


# ── Contacts from us ────────────────────────────────────────────────────────────────────────────────────────────────


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """We turned to a customer, and not by a message of ours: it counts like one."""

    channel: str
    """How: ``call``, ``letter``, ``sms``, ``visit`` …"""
    service: bool = False
    """It promoted nothing, as the event says itself; when it does not say, it is taken to have promoted."""


_CHANNEL_AT_MOST: Final = 20
_CONTACTS: Final = {Touchpoint.CALL_ENDED.value: "call", Touchpoint.CONTACT_MADE.value: "contact"}
"""Names that may tell of a contact from us, and the channel when they do not say another."""
CONTACT_NAMES: Final = frozenset(_CONTACTS)


class _Properties(msgspec.Struct):
    direction: Any = None
    channel: Any = None
    purpose: Any = None


class _Told(msgspec.Struct):
    properties: _Properties | None = None


_TOLD: Final = msgspec.json.Decoder(_Told)


def contact_in(event: Event) -> Contact | None:
    """Give the contact from us that an event tells of; None: there was none.

    A call is one when its `direction` is ``outbound``, answered or not, or when it says no direction at all: one counted too many costs us
    a message, one too few costs the customer their peace. Who rang us up is none, nor is a visit to a store.
    """
    if event.call is not Call.TRACK or event.name not in CONTACT_NAMES:
        return None
    try:
        told = _TOLD.decode(event.body).properties or _Properties()
    except (msgspec.DecodeError, RecursionError):
        told = _Properties()
    if event.name == Touchpoint.CALL_ENDED.value and _word(told.direction) == "inbound":
        return None
    named = _word(told.channel) if event.name == Touchpoint.CONTACT_MADE.value else ""
    return Contact(channel=named or _CONTACTS[event.name], service=_word(told.purpose) == "service")


def _word(value: Any) -> str:
    return value.strip().lower()[:_CHANNEL_AT_MOST] if type(value) is str else ""


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a file, and where in the call it goes."""

    name: str
    """As the header says it."""
    place: str
    """``properties.<name>``, or a field of the call itself."""
    needed: bool = False
    choices: tuple[str, ...] = ()
    """The only words that may stand in it; empty: any."""
    also: tuple[str, ...] = ()
    """Other names of it that headers use, in Spanish first."""


class RowShape(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of one kind of file, and which event its rows become."""

    event: str
    columns: tuple[Column, ...]
    lines: tuple[Column, ...] = ()
    """Columns of one product each: rows with the same `group` are one event with several products."""
    group: str = ""
    """The column that says which rows belong together; empty: each row is an event."""
    id_of: str = ""
    """The column that names the thing itself, so that the same one told twice, by a file and by the API, is one event."""
    told_by: str = ""
    """The column by whose word a row may be another event."""
    instead: Mapping[str, str] = {}
    """What that column says → which event the row is."""


_WHO: Final = (
    Column(name="user_id", place="userId", also=("cliente", "customer_id", "customer", "userid")),
    Column(name="anonymous_id", place="anonymousId", also=("anonymousid",)),
    Column(name="at", place="timestamp", needed=True, also=("fecha", "fecha_hora", "date", "datetime", "timestamp")),
    Column(name="source", place="properties.source", also=("origen", "sistema", "system")),
)
_STORE: Final = Column(name="store", place="properties.store_id", also=("tienda", "store_id", "sucursal", "branch"))
_ORDER: Final = Column(name="order_id", place="properties.order_id", needed=True, also=("pedido", "ticket", "receipt", "order"))
_LINES: Final = (
    Column(name="product_id", place="product_id", also=("producto", "sku", "referencia", "product")),
    Column(name="name", place="name", also=("nombre", "descripcion", "product_name")),
    Column(name="variant", place="variant", also=("variante", "talla", "size")),
    Column(name="quantity", place="quantity", also=("cantidad", "unidades", "units")),
    Column(name="price", place="price", also=("precio", "unit_price")),
    Column(name="category", place="category", also=("categoria", "seccion")),
    Column(name="brand", place="brand", also=("marca",)),
)

ROWS: Final[dict[str, RowShape]] = {
    "calls": RowShape(
        event=Touchpoint.CALL_ENDED.value,
        id_of="call_id",
        columns=(
            *_WHO,
            _STORE,
            Column(name="call_id", place="properties.call_id", also=("llamada", "id")),
            Column(
                name="direction", place="properties.direction", needed=True, choices=("inbound", "outbound"), also=("sentido", "direccion")
            ),
            Column(name="purpose", place="properties.purpose", choices=("marketing", "service"), also=("motivo_legal", "finalidad")),
            Column(name="duration", place="properties.duration", also=("duracion", "seconds", "segundos")),
            Column(name="outcome", place="properties.outcome", also=("resultado", "result")),
            Column(name="topic", place="properties.topic", also=("motivo", "tema", "reason")),
        ),
    ),
    "visits": RowShape(
        event=Touchpoint.STORE_VISITED.value,
        id_of="visit_id",
        columns=(
            *_WHO,
            msgspec.structs.replace(_STORE, needed=True),
            Column(name="visit_id", place="properties.visit_id", also=("visita", "id")),
            Column(name="topic", place="properties.topic", also=("motivo", "tema", "reason")),
        ),
    ),
    "complaints": RowShape(
        event=Touchpoint.COMPLAINT_OPENED.value,
        told_by="state",
        instead=dict.fromkeys(("closed", "cerrada"), Touchpoint.COMPLAINT_CLOSED.value),
        columns=(
            *_WHO,
            _STORE,
            Column(name="complaint_id", place="properties.complaint_id", needed=True, also=("queja", "reclamacion", "ticket", "id")),
            Column(
                name="state",
                place="properties.state",
                needed=True,
                choices=("opened", "closed", "abierta", "cerrada"),
                also=("estado", "status"),
            ),
            Column(name="topic", place="properties.topic", also=("motivo", "tema", "reason")),
        ),
    ),
    "returns": RowShape(
        event=Touchpoint.ORDER_RETURNED.value,
        group="return_id",
        id_of="return_id",
        columns=(
            *_WHO,
            _STORE,
            Column(name="return_id", place="properties.return_id", also=("devolucion", "id")),
            _ORDER,
            Column(name="reason", place="properties.reason", also=("motivo",)),
        ),
        lines=_LINES,
    ),
    "refunds": RowShape(
        event="Order Refunded",
        group="refund_id",
        id_of="refund_id",
        columns=(
            *_WHO,
            _STORE,
            Column(name="refund_id", place="properties.refund_id", also=("reembolso", "abono", "id")),
            _ORDER,
            Column(name="total", place="properties.total", also=("importe", "amount")),
            Column(name="currency", place="properties.currency", also=("moneda", "divisa")),
        ),
        lines=_LINES,
    ),
    "till": RowShape(
        event="Order Completed",
        group="order_id",
        id_of="order_id",
        columns=(
            *_WHO,
            msgspec.structs.replace(_STORE, needed=True),
            Column(name="channel", place="properties.channel", also=("canal",)),
            _ORDER,
            Column(name="total", place="properties.total", also=("importe", "amount")),
            Column(name="currency", place="properties.currency", also=("moneda", "divisa")),
            Column(name="payment_method", place="properties.payment_method", also=("pago", "forma_pago", "payment")),
            Column(name="coupon", place="properties.coupon", also=("cupon",)),
        ),
        lines=_LINES,
    ),
}
"""Kinds of files that a shop drops: what they are called on the command line, and their columns."""


def call_from(kind: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Make the track call of one row, or of the rows of one group, which agree in all but their products.

    Values are the cells as they stand, texts trimmed; empty ones are left out; amounts that are no numbers yet are read later, like
    anybody's. Raises BadInput (``row_unfit``) with the column as its place. The call says no `messageId` unless the thing has an id of
    its own.
    """
    shape = ROWS[kind]
    first = rows[0]
    call: dict[str, Any] = {"type": "track", "event": shape.event, "properties": {}}
    for column in shape.columns:
        cell = _cell(first, column)
        if cell != "":
            _put(call, column, cell)
    if not (call.get("userId") or call.get("anonymousId")):
        raise BadInput("row_unfit", "the row says nothing of whom it is about", place="user_id")
    products = [product for row in rows if (product := _product(shape, row))]
    if products:
        call["properties"]["products"] = products
    if shape.told_by:
        call["event"] = shape.instead.get(_text(first[shape.told_by]).casefold(), shape.event)
    if kind == "till":
        call["properties"].setdefault("channel", "till")
    thing = _text(first.get(shape.id_of, "")) if shape.id_of else ""
    if thing:
        call["messageId"] = f"{kind}/{thing}"
    return call


def _text(cell: Any) -> Any:
    return cell.strip() if isinstance(cell, str) else cell


def _cell(row: Mapping[str, Any], column: Column) -> Any:
    cell = _text(row.get(column.name, ""))
    if cell == "":
        if column.needed:
            raise BadInput("row_unfit", f"“{column.name}” is empty", place=column.name)
        return ""
    if column.choices:
        cell = str(cell).casefold()
        if cell not in column.choices:
            raise BadInput("row_unfit", f"“{column.name}” is one of {', '.join(column.choices)}", place=column.name)
    return cell


def _put(call: dict[str, Any], column: Column, cell: Any) -> None:
    head, _, name = column.place.partition(".")
    if name:
        call[head][name] = cell
    else:
        call[head] = cell


def _product(shape: RowShape, row: Mapping[str, Any]) -> dict[str, Any]:
    found = {column.place: cell for column in shape.lines if (cell := _text(row.get(column.name, ""))) != ""}
    return found if "product_id" in found else {}
