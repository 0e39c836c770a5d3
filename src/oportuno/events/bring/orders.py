"""Rows that stand together become one order; what a file takes back becomes a refund."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from oportuno.events.bring.mapping import Mapping
from oportuno.events.bring.rows import (
    Brought,
    LeftOut,
    Line,
    Made,
    Planned,
    RowReader,
    Turned,
    item_of,
    moment_of,
    order_body,
    properties_of,
)
from oportuno.events.bring.values import Unfit
from oportuno.events.event import Call
from oportuno.kit.faults import BadInput
from oportuno.kit.money import exponent

OF_ROWS: Final = frozenset({"product_id", "product_name", "variant", "category", "brand", "price", "quantity", "line_total"})
"""What each row of an order tells for itself."""
MOST_LINES: Final = 5_000
"""Rows of one order; more are surely a mapping gone wrong."""
_OF_A_MOMENT: Final = frozenset({"timestamp", "total"})
NEAR: Final = 100
"""Rows of others that may stand between two rows of one order: tills that write into one file at a time interleave."""
_TAKEN_BACK: Final = frozenset("refunded cancelled canceled voided reembolsado cancelado anulado refund wc-refunded wc-cancelled".split())
_NOT_PLACED: Final = frozenset("pending failed draft pendiente fallido expired checkout-draft authorized wc-pending wc-failed".split())


class Together:
    """The rows of one order that were read so far."""

    def __init__(self, number: str, first: int) -> None:
        self.number = number
        self.first = self.last = first
        self.raw: Any = None
        """Its number as the cell of its first good row has it."""
        self.plan: tuple[Planned, ...] = ()
        self.lines: list[Line] = []
        self.values: list[dict[str, Any]] = []
        self.turned: list[Turned] = []
        self.loose: list[Turned] = []
        """Rows without a number, which belong to no order."""


class OrderReader:
    """Reads a file of orders. The rows of one order stand together or nearly so; an order that comes a second time is turned away."""

    def __init__(
        self, mapping: Mapping, once: Any, *, number: str = "order_id", of_rows: frozenset[str] = OF_ROWS, near: int = NEAR
    ) -> None:
        """`once`: a set with `add(text) -> bool`, which says whether the text is new.

        `number`: the field by which rows belong together; `of_rows`: what each of them tells for itself; `near`: how many rows of others
        may stand between two of them.
        """
        self._near = near
        self._reader = RowReader(mapping)
        self._number = number
        self._of_rows = of_rows
        self._by_row = tuple(each for each in self._reader.plan if each.field in of_rows)
        self._mapping = mapping
        self._once = once

    def read(self, lines: Iterable[Line]) -> Iterator[Brought]:
        """Make the calls of a file, by their last rows. Never raises for a row. An order of which one row is unfit is turned away whole."""
        order: Together | None = None
        left: dict[str, Together] = {}
        for line in lines:
            values, number, turned = self._row(line, order)
            if order is not None and number and number != order.number and (order.number or number in left):
                if order.number:
                    left[order.number] = order
                same = number in left and self._same(left[number], values)
                yield from self._closed(left, line.number, twin="" if same else number)
                before, order = order, left.pop(number, None) or Together(number, line.number)
                order.loose += before.loose if not before.number else []
            if order is None:
                order = Together(number, line.number)
            self._put(order, line, values, number, turned)
        if order is not None:
            left[order.number] = order
        for each in left.values():
            yield from self._close(each)

    def _closed(self, left: dict[str, Together], row: int, *, twin: str) -> Iterator[Brought]:
        """Close, by their last rows, the orders that nobody has added to for long; with a `twin`, all as far as the one of its number."""
        while left and (twin in left or row - next(iter(left.values())).last > self._near):
            yield from self._close(left.pop(next(iter(left))))

    def _same(self, order: Together, values: dict[str, Any]) -> bool:
        """Say whether a row can belong to an order that was left: what it tells of the whole, but the time, is what the first row told.

        The first row once more is no further one: so begins an order that a file tells twice.
        """
        if not order.values:
            return True
        first = order.values[0]
        told = ((field, value) for field, value in first.items() if field not in self._of_rows and field not in _OF_A_MOMENT)
        return values != first and all(values.get(field, value) == value for field, value in told)

    def _put(self, order: Together, line: Line, values: dict[str, Any], number: str, turned: Turned | None) -> None:
        order.last = line.number
        if number and order.number and order.loose:
            # The order goes on behind a row that nobody can place: it may be one of its own.
            order.turned += order.loose
            order.loose = []
        order.number = order.number or number
        if turned is not None:
            (order.turned if number else order.loose).append(turned)
            return
        if not order.values:
            order.raw = self._raw(line)
            order.plan = self._rest(values)
        order.lines.append(line)
        order.values.append(values)

    def _row(self, line: Line, order: Together | None) -> tuple[dict[str, Any], str, Turned | None]:
        """Read a row. Of an order whose first row told of the whole, the others are read for what is their own."""
        raw = self._raw(line)
        more = order is not None and order.raw is not None and raw == order.raw
        try:
            if line.broken is not None:
                raise line.broken
            values = self._reader.values(line.cells, order.plan if more and order is not None else ())
        except Unfit as unfit:
            number = str(raw).strip() if raw is not None else ""
            return {}, number or self._lone(line), Turned(line, line.number, unfit.place, unfit.code, unfit.sentence)
        if more and order is not None:
            return values, order.number, None
        number = values.get(self._number, "") or self._lone(line)
        if number:
            return values, number, None
        lone = Unfit("order_without_number", "the row does not say to which order it belongs", place=self._number)
        return {}, "", Turned(line, line.number, lone.place, lone.code, lone.sentence)

    def _raw(self, line: Line) -> Any:
        return line.cells.get(self._mapping.columns.get(self._number, ""))

    def _lone(self, _line: Line) -> str:
        """Name what has no number and is whole in a row of its own; empty: without a number a row belongs to nothing."""
        return ""

    def _rest(self, first: dict[str, Any]) -> tuple[Planned, ...]:
        """Say what is read of an order's further rows: what is a row's own, and of the whole what the first row did not tell."""
        known = len(first) == len(self._reader.plan)
        return (
            self._by_row if known else tuple(each for each in self._reader.plan if each.field in self._of_rows or each.field not in first)
        )

    def _close(self, order: Together) -> Iterator[Brought]:
        if order.lines and not order.turned:
            try:
                yield self._made(order)
            except BadInput as unfit:
                order.turned = [Turned(line, order.last, unfit.place, unfit.code, unfit.sentence) for line in order.lines]
        elif order.lines:
            torn = Unfit("order_torn", "another row of this order cannot be read, and half an order is none", place=self._number)
            order.turned += [Turned(line, order.last, torn.place, torn.code, torn.sentence) for line in order.lines]
        for turned in sorted(order.turned + order.loose, key=lambda each: each.line.number):
            yield turned._replace(last=order.last)

    def _made(self, order: Together) -> Made | LeftOut:
        whole = self._whole(order)
        user, anonymous = self._reader.person(whole)
        at = moment_of(whole)
        status = str(whole.get("status", "")).strip().lower()
        if status in _NOT_PLACED:
            return LeftOut(order.last)
        self._be_new(order)
        total = self._total(order, whole)
        sign = self._mapping.refund_sign
        back = total < 0 or status in _TAKEN_BACK or bool(sign and order.number.startswith(sign))
        properties = properties_of(whole) | {"order_id": order.number, "total": abs(total)}
        if "payment" in whole:
            properties["payment_method"] = whole["payment"]
        items = [item for values in order.values if (item := _item(values))]
        if items:
            properties["products"] = items
        event = "Order Refunded" if back else "Order Completed"
        body = order_body(event, user, anonymous, at, properties)
        own = f"import {event} {order.number}"
        return Made(Call.TRACK, event, user, anonymous, at, own, body, order.first, order.last)

    def _whole(self, order: Together) -> dict[str, Any]:
        """Give what its rows tell of the whole, the first that says it. Raises Unfit ``order_too_long``."""
        if len(order.lines) > MOST_LINES:
            raise Unfit("order_too_long", f"an order has at most {MOST_LINES} rows", place=self._number)
        whole: dict[str, Any] = {}
        for values in order.values:
            for field, value in values.items():
                whole.setdefault(field, value)
        return whole

    def _be_new(self, order: Together) -> None:
        if not self._once.add(order.number):
            raise Unfit("order_scattered", "rows of this order stand further up: sort the file by order", place=self._number)

    def _total(self, order: Together, whole: dict[str, Any]) -> float:
        if "total" in whole:
            return float(whole["total"])
        found = 0.0
        for values in order.values:
            line = values.get("line_total")
            if line is None:
                line = values.get("price", 0) * values.get("quantity", 1)
            found += line
        return round(found, exponent(str(whole.get("currency", "")) or "XXX"))


def _item(values: dict[str, Any]) -> dict[str, Any]:
    item = item_of(values)
    pieces = item.get("quantity")
    if pieces is not None:
        item["quantity"] = pieces = abs(pieces)
    if "line_total" in values and "price" not in item:
        item["price"] = round(abs(values["line_total"]) / (pieces or 1), 2)
    return item
