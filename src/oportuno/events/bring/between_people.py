"""Rows of calls, visits, complaints, returns, refunds and till sales become the calls that another system would have sent."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from oportuno.events.bring.mapping import Mapping
from oportuno.events.bring.orders import OrderReader, Together
from oportuno.events.bring.rows import CONTEXT, Line, Made, moment_of
from oportuno.events.event import Call
from oportuno.events.touchpoints import ROWS, call_from
from oportuno.kit.times import to_text

_SUMMED: Final = frozenset({"till", "refunds"})
"""Without a total it is the sum of their lines, as of any order."""
_ALONE: Final = "\0"
"""Before the row's place: no cell begins so, since none may hold this sign."""
_FREE: Final = "properties."
_ENCODE: Final = msgspec.json.Encoder().encode


class TouchpointReader(OrderReader):
    """Reads a file of what happened between people. Rows with the same number stand together; one without is whole by itself."""

    def __init__(self, mapping: Mapping, once: Any) -> None:
        """`once`: a set with `add(text) -> bool`, which says whether the text is new."""
        self._shape = ROWS[mapping.kind.value]
        of_rows = frozenset(column.name for column in self._shape.lines)
        super().__init__(mapping, once, number=self._shape.group, of_rows=of_rows, near=0)
        self._needed = frozenset(column.name for column in self._shape.columns if column.needed)

    def _raw(self, line: Line) -> Any:
        raw = super()._raw(line) if self._shape.group else None
        return None if raw is None or raw == "" else raw

    def _lone(self, line: Line) -> str:
        return "" if self._number in self._needed else f"{_ALONE}{line.number}"

    def _made(self, order: Together) -> Made:
        whole = self._whole(order)
        user, anonymous = self._reader.person(whole)
        at = moment_of(whole)
        if not order.number.startswith(_ALONE):
            self._be_new(order)
        told = {field: value for field, value in whole.items() if field not in self._of_rows}
        told |= {"user_id": user, "anonymous_id": anonymous, "at": to_text(at)}
        back = False
        if self._mapping.kind.value in _SUMMED and whole.keys() & {"total", "price"}:
            total = self._total(order, whole)
            told["total"], back = abs(total), total < 0
        rows = [{**row, "quantity": abs(row["quantity"])} if "quantity" in row else row for row in order.values]
        rows[0] = told | {field: value for field, value in rows[0].items() if field in self._of_rows}
        call = call_from(self._mapping.kind.value, rows)
        if back:
            call["event"] = "Order Refunded"
        call["properties"].update((field.removeprefix(_FREE), value) for field, value in whole.items() if field.startswith(_FREE))
        body = _ENCODE(call | {"context": CONTEXT})
        return Made(Call.TRACK, call["event"], user, anonymous, at, call.get("messageId", ""), body, order.first, order.last)
