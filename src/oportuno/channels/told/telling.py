"""From a provider's event to a Hearing: what all of them share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.events.hooks.post import word
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import WorkspaceId, derive, read_id
from oportuno.kit.times import SECOND, Millis, parse_moment

CUSTOM: Final = "oportuno_message"
"""The name under which our own id of the message went to the provider, and comes back."""
_RAW_AT_MOST: Final = 16_000
_DETAIL_AT_MOST: Final = 80
_ADDRESS_AT_MOST: Final = 320
_REF_AT_MOST: Final = 200
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9 ._/:-]+")
_ENCODE: Final = msgspec.json.Encoder().encode
_LATEST: Final[Millis] = 4_102_444_800_000


class Around(NamedTuple):
    """What is known before a post is read."""

    source: str
    workspace: WorkspaceId
    proof: Proof
    now: Millis


class Named(NamedTuple):
    """Which message an event names, by whatever it gives."""

    message: Any = ""
    """Our own id, as it travelled with the mail."""
    ref: Any = ""
    """The provider's id."""
    address: Any = ""


Reader: TypeAlias = Callable[[Any, Around], list[Hearing]]
"""Reads a decoded post. Lenient: what it does not understand is heard as not understood, and never raised."""


def tell(
    around: Around, what: What, named: Named, *, event: Any, key: tuple[Any, ...], at: Millis | None, status: str = "", detail: str = ""
) -> Hearing:
    """Make the hearing of one event. `key` is what makes it the same event, however often and by whichever address it is posted."""
    # A part that is missing is not the same as one that is empty elsewhere: without any, the whole event is its own name.
    parts = [word(each) for each in key]
    raw = _ENCODE(event)
    own = parts if any(parts) else [raw]
    return Hearing(
        id=derive("told", around.workspace, around.source, what.value, *own),
        what=what,
        source=around.source,
        at=around.now if at is None else min(at, around.now),
        proof=around.proof,
        workspace=around.workspace,
        message=_message(named.message),
        provider_ref=_ref(named.ref),
        address=word(named.address)[:_ADDRESS_AT_MOST].replace("\0", ""),
        status=status,
        detail=plain(detail),
        raw=raw[:_RAW_AT_MOST],
    )


def plain(text: Any) -> str:
    """Give a provider's own short word for something, with nothing in it that could be an address or a sentence about somebody."""
    return _NOT_PLAIN.sub(" ", word(text))[:_DETAIL_AT_MOST].strip()


def moment(value: Any) -> Millis | None:
    """Read an ISO 8601 text; None when it is none."""
    return parse_moment(value[:40]) if isinstance(value, str) else None


def seconds(value: Any) -> Millis | None:
    """Read seconds since 1970, whole or not; None when it is not a moment."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    at = round(value * SECOND) if 0 < value < _LATEST / SECOND else None
    return at or None


def _message(text: Any) -> bytes:
    try:
        return read_id("msg", word(text))
    except BadInput:
        return b""


def _ref(text: Any) -> str:
    ref = word(text).strip("<>")
    return ref if len(ref) <= _REF_AT_MOST and ref.isascii() and ref.isprintable() else ""
