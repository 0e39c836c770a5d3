"""Identifiers: how they are derived, written and spread over buckets.

Chance comes in as an argument (16 random bytes); what can be derived is derived, so that doing a step twice gives the same id.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple, TypeAlias

from oportuno.kit.faults import BadInput

BUCKETS: Final = 64
"""How many buckets the customers of an installation are spread over. Part of the stored schema: never changed."""

WorkspaceId: TypeAlias = int
CustomerId: TypeAlias = int
Bucket: TypeAlias = int

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_MIX: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1


class CustomerKey(NamedTuple):
    """Where a customer lives: bucket first, so that keys sort in the order in which locks are taken."""

    bucket: Bucket
    workspace: WorkspaceId
    customer: CustomerId


def bucket_of(workspace: WorkspaceId, customer: CustomerId) -> Bucket:
    """Give the bucket of a customer: a multiplicative hash of workspace and customer."""
    mixed = ((customer ^ (workspace << 40)) * _MIX) & _MASK
    return mixed >> 58


def key_of(workspace: WorkspaceId, customer: CustomerId) -> CustomerKey:
    """Give the full key of a customer."""
    return CustomerKey(bucket_of(workspace, customer), workspace, customer)


def mint_customer(chance: bytes) -> CustomerId:
    """Make a positive 63-bit customer id from at least 8 random bytes."""
    return int.from_bytes(chance[:8], "big") >> 1 or 1


def derive(*parts: bytes | str | int) -> bytes:
    """Derive 16 bytes from parts: the same parts always give the same id, and no two lists of parts collide by joining."""
    digest = blake2b(digest_size=16)
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return digest.digest()


def dated(day: int, raw: bytes) -> bytes:
    """Put a day (days since 1970) in front of derived bytes: 16 bytes that still tell in which day's partition they are kept."""
    return min(max(day, 0), 0xFFFF).to_bytes(2, "big") + raw[:14]


def day_of_id(raw: bytes) -> int:
    """Give the day in front of a dated id."""
    return int.from_bytes(raw[:2], "big")


def write_id(prefix: str, raw: bytes | int) -> str:
    """Write an id for people and URLs: a prefix such as ``msg`` and lower-case Crockford base 32."""
    number = raw if isinstance(raw, int) else int.from_bytes(raw, "big")
    width = 13 if isinstance(raw, int) else (len(raw) * 8 + 4) // 5
    letters = [_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(width))]
    return f"{prefix}_{''.join(letters)}"


def read_id(prefix: str, text: str, *, size: int = 16) -> bytes:
    """Read back what `write_id` wrote of bytes. Raises BadInput when it is not such an id."""
    return read_number(prefix, text, width=(size * 8 + 4) // 5, bits=size * 8).to_bytes(size, "big")


def read_customer(text: str) -> CustomerId:
    """Read back a customer id such as ``cus_0abc…``. Raises BadInput when it is not one."""
    return read_number("cus", text, width=13, bits=63)


def read_number(prefix: str, text: str, *, width: int, bits: int) -> int:
    """Read the number behind a written id. Raises BadInput when prefix, length, letters or size are wrong."""
    head, _, letters = text.partition("_")
    if head != prefix or len(letters) != width or any(letter not in _VALUES for letter in letters):
        raise BadInput("id_malformed", f"this is not an id of the form {prefix}_…")
    number = 0
    for letter in letters:
        number = number << 5 | _VALUES[letter]
    if number >> bits:
        raise BadInput("id_malformed", f"this is not an id of the form {prefix}_…")
    return number
