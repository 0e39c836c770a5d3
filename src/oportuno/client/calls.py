"""One call, as it goes over the wire: checked and written where it is made, so that a mistake shows where it was made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypedDict

import msgspec

from oportuno.client.faults import CallMalformed, ItemTooLarge

ITEM_CEILING: Final = 32 * 1024
"""Bytes of one item."""
BATCH_CEILING: Final = 500 * 1024
"""Bytes of one batch."""
TEXT_CEILING: Final = 200
"""Characters of a name or an id."""


class Common(TypedDict, total=False):
    """What every call may carry. `user_id` or `anonymous_id` is needed."""

    user_id: str
    anonymous_id: str
    context: Mapping[str, Any]
    timestamp: datetime
    """When it happened, with its zone; now, when it is not given."""
    message_id: str
    """The call's identity: of two calls with the same one the second changes nothing. Drawn by chance when it is not given."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One call, written."""

    message_id: str
    body: bytes


def write_call(kind: str, own: Mapping[str, Any], common: Common, *, library: Mapping[str, str], now: datetime, chance: str) -> Item:
    """Write one call. `own` are the fields of its kind, `chance` is its message id when none was given.

    Raises CallMalformed, ItemTooLarge.
    """
    unknown = common.keys() - Common.__annotations__.keys()
    if unknown:
        raise CallMalformed("argument_unknown", "a call has no such argument", place=min(unknown))
    user, anonymous = _id("user_id", common.get("user_id")), _id("anonymous_id", common.get("anonymous_id"))
    if not user and not anonymous:
        raise CallMalformed("customer_missing", "a call needs a user_id or an anonymous_id: whom is it about?", place="user_id")
    moment = common.get("timestamp") or now
    if moment.tzinfo is None:
        raise CallMalformed("timestamp_naive", "a timestamp needs its zone: datetime.now(UTC), for example", place="timestamp")
    message_id = common.get("message_id") or chance
    told: dict[str, Any] = {"type": kind, **own, "messageId": message_id, "timestamp": moment}
    if user:
        told["userId"] = user
    if anonymous:
        told["anonymousId"] = anonymous
    told["context"] = {**common.get("context", {}), "library": library}
    return Item(message_id=message_id, body=_written(told))


def named(field: str, name: object) -> str:
    """Give a name that an event may have. Raises CallMalformed."""
    if not isinstance(name, str) or not name.strip():
        raise CallMalformed("name_missing", f"{field} is a text that is not empty", place=field)
    if len(name) > TEXT_CEILING:
        raise CallMalformed("name_too_long", f"{field} has at most {TEXT_CEILING} characters", place=field)
    return name


def write_batch(items: list[Item], *, sent_at: datetime) -> bytes:
    """Write a request's body."""
    return b'{"sentAt":' + msgspec.json.encode(sent_at) + b',"batch":[' + b",".join([item.body for item in items]) + b"]}"


def _id(field: str, given: object) -> str:
    if given is None:
        return ""
    if not isinstance(given, str):
        raise CallMalformed("id_malformed", f"{field} is a text", place=field)
    if len(given) > TEXT_CEILING:
        raise CallMalformed("id_too_long", f"{field} has at most {TEXT_CEILING} characters", place=field)
    return given


def _written(told: dict[str, Any]) -> bytes:
    try:
        body = msgspec.json.encode(told)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as fault:
        raise CallMalformed("value_unwritable", "a value has no JSON: texts, numbers, lists, mappings, dates and None have") from fault
    if len(body) > ITEM_CEILING:
        raise ItemTooLarge("item_too_large", f"the call has {len(body)} bytes, and the server takes {ITEM_CEILING} of one")
    return body
