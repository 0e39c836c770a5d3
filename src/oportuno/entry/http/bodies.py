"""Bodies as they come over the wire: collected, inflated, and never larger than agreed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from oportuno.kit.faults import BadInput, TooLarge, TooSlow, Unsupported

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

PATIENCE: Final = 20.0
"""Seconds for the whole body to come."""
_GZIP_MAGIC: Final = b"\x1f\x8b"


class Gone(Exception):
    """The sender hung up before the body was complete: nobody is left to be answered."""


async def collect_body(receive: Receive, *, announced: bytes | None, ceiling: int) -> bytes:
    """Give the whole body. Raises TooLarge, TooSlow, or Gone."""
    if announced is not None and announced.isdigit() and int(announced[:20]) > ceiling:
        raise _too_large(ceiling)
    try:
        async with asyncio.timeout(PATIENCE):
            return await _collect(receive, ceiling)
    except TimeoutError as fault:
        raise TooSlow("body_too_slow", f"the body did not come within {PATIENCE:.0f} seconds") from fault


async def _collect(receive: Receive, ceiling: int) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise Gone
    if not message.get("more_body"):
        if len(body) > ceiling:
            raise _too_large(ceiling)
        return body
    parts, length = [body], len(body)
    while message.get("more_body"):
        if length > ceiling:
            raise _too_large(ceiling)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        length += len(parts[-1])
    if length > ceiling:
        raise _too_large(ceiling)
    return b"".join(parts)


def inflate(body: bytes, encoding: bytes, *, ceiling: int) -> bytes:
    """Give the body as it was before compression.

    Some clients compress without saying so; JSON never begins like gzip does. Raises Unsupported for any other encoding, BadInput for
    gzip that is cut or damaged, TooLarge as soon as the ceiling is passed: a bomb is never inflated.
    """
    name = encoding.strip().lower()
    if name not in (b"", b"identity", b"gzip", b"x-gzip"):
        raise Unsupported("encoding_unknown", "a body is sent as it is, or compressed with gzip", place="Content-Encoding")
    if not body.startswith(_GZIP_MAGIC):
        if name in (b"gzip", b"x-gzip") and body:
            raise _damaged()
        return body
    parts: list[bytes] = []
    room = ceiling + 1
    while body:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            parts.append(unpacker.decompress(body, room))
        except zlib.error as fault:
            raise _damaged() from fault
        room -= len(parts[-1])
        if room <= 0:
            raise _too_large(ceiling)
        if not unpacker.eof:
            raise _damaged()
        body = unpacker.unused_data
    return b"".join(parts)


def _damaged() -> BadInput:
    return BadInput("gzip_malformed", "the body says that it is gzip, and cannot be inflated", place="Content-Encoding")


def _too_large(ceiling: int) -> TooLarge:
    return TooLarge("body_too_large", f"a body has at most {ceiling // 1024} KB")
