"""One row becomes one call: a customer is identified, or something happened to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from oportuno.events.bring.fields import PROOF_BESIDE, PROOF_FIELDS, Kind, Shape, shape_of
from oportuno.events.bring.mapping import Mapping as RowMapping
from oportuno.events.bring.mapping import answer_fields
from oportuno.events.bring.values import LONGEST_ID, Unfit, Ways, read_answer, read_number, read_text, read_when
from oportuno.events.event import Call
from oportuno.kit.times import Millis, to_text

Cells: TypeAlias = Mapping[str, Any]
"""What a row says by column."""


class Line(NamedTuple):
    """A row of a file."""

    number: int
    """Of rows with data, from 1; what a resumed import counts by."""
    cells: Cells
    at: int = 0
    """The line of the file in which it ends, for people; 0: a file without lines."""
    broken: Unfit | None = None
    """Why it could not even be cut into cells."""
    raw: str = ""
    """Of a broken row of a CSV: its text, as it stands in the file."""


class Made(NamedTuple):
    """A call that rows make."""

    call: Call
    name: str
    user: str
    anonymous: str
    at: Millis
    own_id: str
    """What identifies it wherever it comes from; empty: its place in the file does."""
    body: bytes
    first: int
    last: int
    """Its rows, and those that were turned away among them."""
    answers: dict[str, bool] = {}
    """Field of an answer → yes or no."""
    proof: dict[str, Any] = {}
    """The proof as far as it stands in the file; `consent.at` in milliseconds."""


class Turned(NamedTuple):
    """A row that was turned away."""

    line: Line
    last: int
    field: str
    code: str
    sentence: str


class LeftOut(NamedTuple):
    """A row that the mapping leaves out on purpose."""

    last: int


Brought: TypeAlias = Made | Turned | LeftOut

CONTEXT: Final = {"oportuno": {"source": "import"}}
_ENCODE: Final = msgspec.json.Encoder().encode
_MOST_ITEMS: Final = 1_000
_ITEM: Final = ("product_id", "variant", "category", "brand", "price", "quantity")
_PROPERTIES: Final = {"order_id": "order_id", "total": "total", "currency": "currency", "query": "query", "store": "store_id"}
_OF_ORDERS: Final = frozenset({"Order Completed", "Order Updated", "Order Refunded", "Order Cancelled"})
_PERSON: Final = frozenset({"user_id", "anonymous_id", "timestamp", "event", "message_id"})


_FREE: Final = ("traits.", "properties.")
_SMALL: Final = 10**9


class Planned(NamedTuple):
    """Where a field is found and how it is read."""

    field: str
    shape: Shape
    column: str
    fixed: str


def _shape(mapping: RowMapping, field: str) -> Shape:
    return shape_of(mapping.kind, field) or Shape.TEXT


class RowReader:
    """Reads the cells of rows by a mapping."""

    def __init__(self, mapping: RowMapping) -> None:
        self.mapping = mapping
        self._ways = mapping.ways
        self.plan = tuple(
            Planned(field, _shape(mapping, field), mapping.columns.get(field, ""), mapping.fixed.get(field, ""))
            for field in dict.fromkeys((*mapping.columns, *mapping.fixed))
        )
        self._answers = tuple(answer_fields(mapping)) if mapping.kind is Kind.CUSTOMERS else ()

    def values(self, cells: Cells, plan: Sequence[Planned] = ()) -> dict[str, Any]:
        """Read the cells of a plan, or every mapped cell, as far as they say something. Raises Unfit."""
        found: dict[str, Any] = {}
        ways = self._ways
        for field, shape, column, fixed in plan or self.plan:
            raw = cells.get(column)
            if raw is None and "." in column:
                raw = _walk(cells, column)
            if raw is None or raw == "":
                raw = fixed
                if not raw:
                    continue
            # Asked in the order of how often: this runs for every cell of millions of rows.
            if shape is Shape.ID:
                value: Any = str(raw) if type(raw) is int else read_text(raw, field, LONGEST_ID)
            elif shape is Shape.NUMBER:
                value = raw if type(raw) is int and -_SMALL < raw < _SMALL else read_number(raw, field, ways)
            elif shape is Shape.TEXT:
                value = raw if type(raw) is int and field.startswith(_FREE) else read_text(raw, field)
            elif shape is Shape.MOMENT:
                value = read_when(raw, field, ways)
            elif shape is Shape.ANSWER:
                value = read_answer(raw, field)
            else:
                value = _items(raw, field, ways)
            if value is not None and value != "":
                found[field] = value
        return found

    def person(self, values: dict[str, Any]) -> tuple[str, str]:
        """Say whom a row is about. Raises Unfit ``row_without_customer``."""
        user, anonymous = values.get("user_id", ""), values.get("anonymous_id", "")
        if not user and not anonymous:
            raise Unfit("row_without_customer", "the row does not say whom it is about", place="user_id")
        return (user.lower() if self.mapping.lower_ids else user), anonymous

    def customer(self, line: Line) -> Made:
        """Make the identify call of a customer's row. Raises Unfit."""
        values = self.values(line.cells)
        user, anonymous = self.person(values)
        answers = {field: values[field] for field in self._answers if field in values}
        proof: dict[str, Any] = {field: values[field] for field in (*PROOF_FIELDS, *PROOF_BESIDE) if field in values}
        at = values.get("timestamp", 0)
        traits = {
            field.removeprefix("traits."): value
            for field, value in values.items()
            if field not in _PERSON and not field.startswith("consent.")
        }
        body = _call("identify", user, anonymous, at, traits=traits)
        return Made(Call.IDENTIFY, "", user, anonymous, at, "", body, line.number, line.number, answers, proof)

    def event(self, line: Line) -> Made | LeftOut:
        """Make the track call of an event's row. Raises Unfit."""
        values = self.values(line.cells)
        names = self.mapping.names
        name = values.get("event", "")
        if names:
            name = names.get(name, "")
            if not name:
                return LeftOut(line.number)
        if not name:
            raise Unfit("event_missing", "the row does not say what happened", place="event")
        if len(name) > LONGEST_ID:
            raise Unfit("cell_too_long", f"the text has more than {LONGEST_ID} characters", place="event")
        user, anonymous = self.person(values)
        at = moment_of(values)
        properties = properties_of(values)
        item = item_of(values)
        if name in _OF_ORDERS:
            products = values.get("products") or ([item] if item else [])
            properties["products"] = products
            if "total" not in properties and all("price" in each for each in products):
                properties["total"] = round(sum(each["price"] * each.get("quantity", 1) for each in products), 2)
        else:
            properties.update(item)
        body = _call("track", user, anonymous, at, event=name, properties=properties)
        return Made(Call.TRACK, name, user, anonymous, at, values.get("message_id", ""), body, line.number, line.number)


def _items(raw: Any, field: str, ways: Ways) -> list[dict[str, Any]]:
    """Read a list of products, each under our names."""
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        raise Unfit("cell_unfit", "a list of products is expected here", place=field)
    found = []
    for each in raw[:_MOST_ITEMS]:
        item: dict[str, Any] = {}
        for name in (*_ITEM, "name"):
            if each.get(name) is not None:
                numeric = name in {"price", "quantity"}
                item[name] = read_number(each[name], field, ways) if numeric else read_text(each[name], field)
        found.append(item)
    return found


def read_rows(lines: Iterable[Line], mapping: RowMapping) -> Iterator[Brought]:
    """Make the calls of a file of customers or events, row by row. Never raises for a row."""
    reader = RowReader(mapping)
    make = reader.customer if mapping.kind is Kind.CUSTOMERS else reader.event
    for line in lines:
        try:
            if line.broken is not None:
                raise line.broken
            made = make(line)
        except Unfit as unfit:
            yield Turned(line, line.number, unfit.place, unfit.code, unfit.sentence)
        else:
            yield made


def moment_of(values: dict[str, Any]) -> Millis:
    """Say when it happened. Raises Unfit ``moment_missing``."""
    at: Millis | None = values.get("timestamp")
    if at is None:
        raise Unfit("moment_missing", "the row does not say when it happened", place="timestamp")
    return at


def item_of(values: dict[str, Any]) -> dict[str, Any]:
    """Give the product that a row tells of, as the e-commerce events name its parts."""
    item: dict[str, Any] = {field: values[field] for field in _ITEM if field in values}
    if "product_name" in values:
        item["name"] = values["product_name"]
    return item


def properties_of(values: dict[str, Any]) -> dict[str, Any]:
    """Give what a row tells of the whole, and of the shop's own."""
    found = {name: values[field] for field, name in _PROPERTIES.items() if field in values}
    found.update((field.removeprefix("properties."), value) for field, value in values.items() if field.startswith("properties."))
    return found


def order_body(event: str, user: str, anonymous: str, at: Millis, properties: dict[str, Any]) -> bytes:
    """Write an order's call."""
    return _call("track", user, anonymous, at, event=event, properties=properties)


def _call(kind: str, user: str, anonymous: str, at: Millis, **parts: Any) -> bytes:
    call: dict[str, Any] = {"type": kind}
    if user:
        call["userId"] = user
    if anonymous:
        call["anonymousId"] = anonymous
    if at:
        call["timestamp"] = to_text(at)
    return _ENCODE({**call, "context": CONTEXT, **parts})


def _walk(cells: Cells, path: str) -> Any:
    found: Any = cells
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found
