"""One item, read completely: what it says, whom it is about, and when it happened.

Decoding here is full on purpose. What passes decodes everywhere behind: no number out of range, no half surrogate, no nesting that
another stack depth would refuse, no NUL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import msgspec

from oportuno.events.dialects.translate import FOREIGN, in_our_words
from oportuno.events.envelope import ITEM_CEILING, call_named, says_import
from oportuno.events.event import FRESHNESS, Call, Source
from oportuno.events.rejections import SENTENCES, Rejection
from oportuno.events.remembering import remembered_on
from oportuno.events.splitting import deeper_than
from oportuno.kit.times import Millis, parse_moment

NESTING_CEILING: Final = 64
"""Levels of brackets in one item. Fixed, because the decoder's own limit depends on how deep its caller stands."""
TEXT_CEILING: Final = 200
"""Characters of a name or an id."""

_EARLIEST: Final[Millis] = -2_208_988_800_000  # 1900-01-01, as in kit.times
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,2000}\.[A-Za-z0-9_-]{1,4000}\.[A-Za-z0-9_-]{0,2000}")
"""Three parts without anything that JSON would write in another way, so that it can be cut out of the bytes."""
_DECODE: Final = msgspec.json.Decoder().decode
_TRACK, _ALIAS = Call.TRACK, Call.ALIAS
_PACK: Final = msgspec.msgpack.Encoder().encode


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every item of one request."""

    received: Millis
    """When the request arrived, by the server's clock."""
    digest_key: bytes
    """The installation's key, 16 to 64 bytes: message ids are stored only as keyed digests."""
    ids: Callable[[], bytes]
    """Gives 16 random bytes: the identity of an item that came without a messageId."""
    call: Call | None = None
    """The call named by the address; None for a batch, whose items name their own type."""
    sent_at: Millis | None = None
    """The batch's sentAt."""
    secret: bool = False
    """A secret key brought it."""
    imported: bool = False
    """The batch as a whole is an import."""
    history: bool = False
    """It came where the past is brought too: what has no stamp of its own is not taken for news."""
    replayed: bool = False
    """A reject, taken in again."""
    token: str = ""
    """The identity token of the request; an item's own comes first."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """An item that can become an event."""

    call: Call
    name: str
    user: str
    anonymous: str
    h: bytes
    source: Source
    at: Millis
    day: int
    also_day: int | None
    body: bytes
    """As it was sent, but without its identity token: nobody needs to keep that."""
    previous: str = ""
    """Of an alias: the former id."""
    token: str = ""
    """The identity token that came with it, empty when there was none."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An item that cannot, and why. `field` is a path inside the item, empty for the item as a whole."""

    code: Rejection
    field: str
    body: bytes
    id: bytes = b""
    """Sixteen bytes under which it is kept; empty: any."""

    @property
    def sentence(self) -> str:
        """The reason in English; `rejections.SENTENCES` has it in Spanish too."""
        return SENTENCES[self.code].en


class _Unfit(Exception):
    """Ends the reading of one item; never leaves this file."""

    def __init__(self, code: Rejection, field: str = "") -> None:
        super().__init__(code.value)
        self.code = code
        self.field = field


class _Item(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """The fields that the libraries send. An item with others is opened the long way: what a decoder skips, it does not check."""

    type: Any = None
    event: Any = None
    name: Any = None
    userId: Any = None  # noqa: N815 - the name on the wire; renaming costs a lookup
    anonymousId: Any = None  # noqa: N815 - the name on the wire
    previousId: Any = None  # noqa: N815 - the name on the wire
    groupId: Any = None  # noqa: N815 - the name on the wire
    messageId: Any = None  # noqa: N815 - the name on the wire
    timestamp: Any = None
    originalTimestamp: Any = None  # noqa: N815 - the name on the wire
    sentAt: Any = None  # noqa: N815 - the name on the wire
    properties: Any = None
    traits: Any = None
    context: Any = None
    # Not looked at.
    integrations: Any = None
    category: Any = None
    channel: Any = None
    version: Any = None
    writeKey: Any = None  # noqa: N815 - the name on the wire
    rudderId: Any = None  # noqa: N815 - the name on the wire
    _metadata: Any = None


_OPEN: Final = msgspec.json.Decoder(_Item).decode
_FIELDS: Final = frozenset(_Item.__struct_fields__)


def read_call(raw: bytes, around: Surroundings) -> Read | Refused:
    """Read one item. Never raises, whatever the bytes.

    When it happened: ``received − (sentAt − originalTimestamp)``, where the original is `originalTimestamp`, else `timestamp`. Without
    a sentAt the `timestamp` itself counts, and without any stamp the arrival. An import's stamps are believed as they are. A moment in
    the future becomes the arrival. Live is what happened within `FRESHNESS` of its arrival; what is older, and what claims to come
    from more than `FRESHNESS` ahead (a clock that cannot be trusted), is late: kept, folded, and starts nothing. Stamps outside the
    years 1900 to 2100 make a reject.
    """
    try:
        return _read(raw, around)
    except _Unfit as unfit:
        return Refused(code=unfit.code, field=unfit.field, body=raw)


def _read(raw: bytes, around: Surroundings) -> Read:
    # Long, because a function called costs what a line of it does; what is unusual is told by the functions below.
    item = _decode(raw)
    call = around.call
    if call is None:
        call = _call_of(item.type)
    name = item.event if call is _TRACK else ""
    if call is not _TRACK:
        name = _name_of(item, call)
    elif type(name) is not str or not name or name.isspace() or len(name) > TEXT_CEILING:
        name = _name(name, "event", needed=True)
    user, anonymous = item.userId, item.anonymousId
    if type(user) is not str or len(user) > TEXT_CEILING:
        user = _id(user, "userId")
    if type(anonymous) is not str or len(anonymous) > TEXT_CEILING:
        anonymous = _id(anonymous, "anonymousId")
    if not user and not anonymous:
        raise _Unfit(Rejection.CUSTOMER_MISSING, "userId")
    context = _objects(item)
    imported = around.imported or ("oportuno" in context and says_import(context))
    if imported and not around.secret:
        raise _Unfit(Rejection.IMPORT_NOT_ALLOWED, "context.oportuno.source" if not around.imported else "")
    stamp = None if item.timestamp is None else _moment(item.timestamp, "timestamp")
    original = None if item.originalTimestamp is None else _moment(item.originalTimestamp, "originalTimestamp")
    sent = around.sent_at if item.sentAt is None else _moment(item.sentAt, "sentAt")
    own = original if original is not None else stamp
    message_id = item.messageId
    if type(message_id) is not str:
        message_id = _message_id(message_id)
    at, source = _when(stamp, own, None if imported else sent, around)
    if imported:
        source = Source.IMPORT
    elif around.replayed:
        source = Source.REPLAY
    day, also_day = remembered_on(own, sent, message_id, around.received)
    previous = _previous(item, user or anonymous) if call is _ALIAS else ""
    own_token = _token_of(context) if "identity" in context else ""
    body = raw.replace(own_token.encode(), b"") if own_token else raw
    if name in FOREIGN and call is _TRACK:
        name, body = in_our_words(name, body)
    return Read(
        call=call, name=name, user=user, anonymous=anonymous, h=_digest(message_id, around), source=source, at=at, day=day,
        also_day=also_day, body=body, previous=previous, token=own_token or around.token,
    )  # fmt: skip


def _previous(item: _Item, owner: str) -> str:
    previous = _id(item.previousId, "previousId")
    if previous == owner:
        raise _Unfit(Rejection.ALIAS_ONTO_ITSELF, "previousId")
    return previous


def _token_of(context: dict[str, Any]) -> str:
    identity = context["identity"]
    token = identity.get("token") if type(identity) is dict else None
    return token if type(token) is str and _TOKEN.fullmatch(token) else ""


def _decode(raw: bytes) -> _Item:
    if len(raw) > ITEM_CEILING:
        raise _Unfit(Rejection.ITEM_TOO_LARGE)
    if raw.count(b"{") + raw.count(b"[") > NESTING_CEILING and deeper_than(raw, NESTING_CEILING):
        raise _Unfit(Rejection.ITEM_TOO_DEEP)
    try:
        item = _OPEN(raw)
        _PACK(item)
    except (ValueError, OverflowError, RecursionError):
        return _decode_slowly(raw)
    # One byte is looked for ten times faster than six, and most items have no backslash at all.
    if b"\\" in raw and b"\\u0000" in raw and _holds_nul(_DECODE(raw)):
        raise _Unfit(Rejection.CHARACTER_FORBIDDEN)
    return item


def _decode_slowly(raw: bytes) -> _Item:
    """Open what has other fields than those of the libraries, or cannot be opened, and say why."""
    try:
        item = _DECODE(raw)
        _PACK(item)
    except (msgspec.ValidationError, OverflowError):
        raise _Unfit(Rejection.NUMBER_OUT_OF_RANGE) from None
    except UnicodeDecodeError:
        raise _Unfit(Rejection.TEXT_MALFORMED) from None
    except msgspec.DecodeError:
        raise _Unfit(_why_unreadable(raw)) from None
    if type(item) is not dict:
        raise _Unfit(Rejection.ITEM_NOT_OBJECT)
    if b"\\u0000" in raw and _holds_nul(item):
        raise _Unfit(Rejection.CHARACTER_FORBIDDEN)
    return _Item(**{field: item[field] for field in _FIELDS & item.keys()})


def _why_unreadable(raw: bytes) -> Rejection:
    """Tell NaN and half surrogates, which the standard library reads, from what nobody can read."""
    strange: list[str] = []
    try:
        json.loads(raw, parse_constant=strange.append)
    except ValueError:
        return Rejection.ITEM_UNREADABLE
    return Rejection.NUMBER_OUT_OF_RANGE if strange else Rejection.TEXT_MALFORMED


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _holds_nul(inner) for key, inner in value.items())
    return isinstance(value, list) and any(_holds_nul(inner) for inner in value)


def _call_of(kind: object) -> Call:
    call = call_named(kind) if type(kind) is str else None
    if call is None:
        raise _Unfit(Rejection.TYPE_MISSING if kind is None else Rejection.TYPE_UNKNOWN, "type")
    return call


def _name_of(item: _Item, call: Call) -> str:
    if call is Call.PAGE or call is Call.SCREEN:
        return _name(item.name, "name", needed=False)
    if call is Call.GROUP and not _id(item.groupId, "groupId"):
        raise _Unfit(Rejection.GROUP_ID_MISSING, "groupId")
    if call is Call.ALIAS and not _id(item.previousId, "previousId"):
        raise _Unfit(Rejection.PREVIOUS_ID_MISSING, "previousId")
    return ""


def _name(name: object, field: str, *, needed: bool) -> str:
    if name is None:
        name = ""
    if type(name) is not str:
        raise _Unfit(Rejection.NAME_MALFORMED, field)
    if needed and not name.strip():
        raise _Unfit(Rejection.EVENT_MISSING, field)
    if len(name) > TEXT_CEILING:
        raise _Unfit(Rejection.NAME_TOO_LONG, field)
    return name


def _id(found: object, field: str) -> str:
    """Give an id as text, empty when there is none. Whole numbers are written out, as the Segment libraries do."""
    if found is None:
        return ""
    if type(found) is int:
        return str(found)
    if type(found) is not str:
        raise _Unfit(Rejection.ID_MALFORMED, field)
    if len(found) > TEXT_CEILING:
        raise _Unfit(Rejection.ID_TOO_LONG, field)
    return found


def _message_id(found: object) -> str:
    """Give the message id, of any length because only its digest is kept; empty when there is none."""
    if found is None:
        return ""
    if type(found) is int:
        return str(found)
    if type(found) is not str:
        raise _Unfit(Rejection.ID_MALFORMED, "messageId")
    return found


def _digest(message_id: str, around: Surroundings) -> bytes:
    if not message_id:
        return around.ids()[:16]
    digest = _begun(around.digest_key).copy()
    digest.update(message_id.encode())
    return digest.digest()


@lru_cache(maxsize=4)
def _begun(digest_key: bytes) -> blake2b:
    """Give the digest with its key taken in: half of the work of a short text."""
    return blake2b(digest_size=16, key=digest_key)


def _objects(item: _Item) -> dict[str, Any]:
    """Give the context, empty when there is none; what should be an object is one, or is named."""
    context = item.context
    if item.properties is not None and type(item.properties) is not dict:
        raise _Unfit(Rejection.NOT_AN_OBJECT, "properties")
    if item.traits is not None and type(item.traits) is not dict:
        raise _Unfit(Rejection.NOT_AN_OBJECT, "traits")
    if type(context) is dict:
        return context
    if context is not None:
        raise _Unfit(Rejection.NOT_AN_OBJECT, "context")
    return {}


def _moment(found: object, field: str) -> Millis:
    moment = parse_moment(found) if type(found) is str else None
    if moment is None:
        raise _Unfit(Rejection.TIMESTAMP_UNREADABLE, field)
    return moment


def _when(stamp: Millis | None, own: Millis | None, sent: Millis | None, around: Surroundings) -> tuple[Millis, Source]:
    received = around.received
    if own is None:
        return received, Source.LATE if around.history else Source.LIVE
    if sent is not None:
        at = received - (sent - own)
        if at < _EARLIEST:
            raise _Unfit(Rejection.TIMESTAMP_UNREADABLE, "timestamp")
    else:
        at = stamp if stamp is not None else own
    if -FRESHNESS <= received - at <= FRESHNESS:
        return min(at, received), Source.LIVE
    return min(at, received), Source.LATE
