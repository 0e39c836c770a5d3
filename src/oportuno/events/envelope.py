"""The body of a request: which items it brings, and what it says about all of them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from oportuno.events.event import Call
from oportuno.events.splitting import split_array, split_object
from oportuno.kit.faults import BadInput, TooLarge
from oportuno.kit.times import Millis, parse_moment

BATCH_CEILING: Final = 500 * 1024
"""Bytes of a batch, inflated."""
ITEM_CEILING: Final = 32 * 1024
"""Bytes of one item."""
ITEMS_CEILING: Final = 10_000
"""Items of one batch: more cannot be events, and each reject is a row."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NOTHING: Final = msgspec.Raw()


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A request's body, opened but not yet read item by item."""

    items: list[msgspec.Raw] | list[bytes]
    """The JSON text of every item, in order, unread."""
    key: str = ""
    """`writeKey` of the body; empty when there is none."""
    sent_at: Millis | None = None
    """When the client says it sent the batch, by its own clock; None when it does not say, or not readably."""
    imported: bool = False
    """The batch as a whole says ``context.oportuno.source = "import"``."""


class _Outer(msgspec.Struct, kw_only=True):
    """What is looked at of a body; everything else is skipped."""

    batch: list[msgspec.Raw] | None = None
    writeKey: msgspec.Raw = _NOTHING  # noqa: N815 - the name on the wire; renaming costs a lookup
    sentAt: msgspec.Raw = _NOTHING  # noqa: N815 - the name on the wire
    context: msgspec.Raw = _NOTHING


class _Single(msgspec.Struct, kw_only=True):
    writeKey: msgspec.Raw = _NOTHING  # noqa: N815 - the name on the wire


_DECODER: Final = msgspec.json.Decoder(_Outer)
_SINGLE: Final = msgspec.json.Decoder(_Single)
_CALLS: Final = {call.name.lower(): call for call in Call}


def open_batch(body: bytes) -> Envelope:
    """Open a batch. Raises BadInput when it cannot be read at all, TooLarge above the ceilings."""
    if len(body) > BATCH_CEILING:
        raise TooLarge("batch_too_large", "a batch has at most 500 KB")
    body = body.removeprefix(_BYTE_ORDER_MARK)
    # Of two fields of one name the decoder keeps the last: half a batch would be acknowledged unseen.
    if body.count(b'"batch"') > 1:
        return _open_slowly(body)
    try:
        outer = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _open_slowly(body)
    if outer.batch is None:
        raise _missing()
    return _envelope(outer.batch, outer.writeKey, outer.sentAt, outer.context)


def open_call(body: bytes) -> Envelope:
    """Open a body that is itself the one item. Raises BadInput when it cannot be read at all, TooLarge above the ceiling."""
    if len(body) > ITEM_CEILING:
        raise TooLarge("body_too_large", "a single call has at most 32 KB")
    body = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        key: msgspec.Raw | bytes = _SINGLE.decode(body).writeKey
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        key = dict(split_object(body)).get(b'"writeKey"', b"")
    shown = _plain(key)
    return Envelope(items=[body], key=shown if isinstance(shown, str) else "")


def _open_slowly(body: bytes) -> Envelope:
    """Open a batch by its outline, because one of its items, or something beside them, is not proper JSON."""
    fields: dict[bytes, bytes] = {}
    for name, value in split_object(body):
        if name == b'"batch"' and name in fields:
            raise BadInput("batch_repeated", "the body holds more than one batch", place="batch")
        fields[name] = value
    batch = fields.get(b'"batch"')
    if batch is None or batch == b"null":
        raise _missing()
    if not batch.startswith(b"["):
        raise BadInput("batch_not_list", "batch is a list of calls", place="batch")
    return _envelope(split_array(batch), fields.get(b'"writeKey"', b""), fields.get(b'"sentAt"', b""), fields.get(b'"context"', b""))


def _envelope(
    items: list[msgspec.Raw] | list[bytes], key: msgspec.Raw | bytes, sent_at: msgspec.Raw | bytes, context: msgspec.Raw | bytes
) -> Envelope:
    if len(items) > ITEMS_CEILING:
        raise TooLarge("batch_too_many", f"a batch has at most {ITEMS_CEILING} items", place="batch")
    shown, sent = _plain(key), _plain(sent_at)
    return Envelope(
        items=items,
        key=shown if isinstance(shown, str) else "",
        sent_at=parse_moment(sent) if isinstance(sent, str) else None,
        imported=says_import(_plain(context)),
    )


def says_import(context: Any) -> bool:
    """Say whether a call's or batch's ``context`` marks it as an import."""
    if type(context) is not dict:
        return False
    ours = context.get("oportuno")
    return type(ours) is dict and ours.get("source") == "import"


def call_named(name: str) -> Call | None:
    """Give the call of a Segment type such as ``track``; None when there is no such type."""
    return _CALLS.get(name)


def _plain(raw: msgspec.Raw | bytes) -> Any:
    try:
        return msgspec.json.decode(raw) if raw else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _missing() -> BadInput:
    return BadInput("batch_missing", "the body has no batch: a list of calls", place="batch")
