"""Return addresses that say which message they belong to, signed so that nobody else can make one.

``b+<token>@domain`` is the envelope's sender, where mail servers send what they could not deliver; ``r+<token>@domain`` is where answers
go. A token names no person. Mail servers may fold case and add what they like around it: it is base 32, and read without regard to case.
"""

from __future__ import annotations

import re
from base64 import b32decode, b32encode
from binascii import Error as NotBase32
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from hmac import new as keyed
from struct import Struct as Layout
from typing import Final, Literal, NamedTuple, TypeAlias

from oportuno.kit.ids import WorkspaceId

Use: TypeAlias = Literal["b", "r"]
"""``b``: what mail servers send back. ``r``: what people answer."""

_LAYOUT: Final = Layout(">BQ16s")
_FORM: Final = 1
_SEAL_BYTES: Final = 12
"""Bytes of the HMAC that are kept: 96 bits, and the whole local part stays below the 64 characters that SMTP allows."""
_LETTERS: Final = 60
"""37 bytes in base 32, without padding."""
_LOCAL: Final = re.compile(rf"(?P<use>[br])\+(?P<token>[a-z2-7]{{{_LETTERS}}})", re.IGNORECASE)
_ANYWHERE: Final = re.compile(rf"(?<![A-Za-z0-9+]){_LOCAL.pattern}@", re.IGNORECASE)

_MOST_LOOKS: Final = 50
"""Tokens of one text that are tried: whoever sends thousands gets no work out of us."""


class Named(NamedTuple):
    """What a valid return address says."""

    use: Use
    workspace: WorkspaceId
    message: bytes


def return_address(use: Use, workspace: WorkspaceId, message: bytes, *, domain: str, secret: bytes) -> str:
    """Make the address to which what concerns a message comes back. `message` is its id of 16 bytes, `secret` at least 32 bytes."""
    body = _LAYOUT.pack(_FORM, workspace, message)
    token = b32encode(body + _seal(use, body, secret)).decode().rstrip("=").lower()
    return f"{use}+{token}@{domain}"


def read_return_address(address: str, secrets: Iterable[bytes]) -> Named | None:
    """Say which message a return address belongs to; None: it is not one of ours, or was changed on its way.

    The domain is not looked at: mail is forwarded under many names, and the seal says whose it is.
    """
    found = _LOCAL.fullmatch(address.strip().strip("<>").rpartition("@")[0])
    return _read(found, secrets) if found else None


def find_return_address(text: str, secrets: Iterable[bytes]) -> Named | None:
    """Give what the first valid return address in a text says, for instance in the headers of a mail that somebody complains about."""
    known = tuple(secrets)
    for count, found in enumerate(_ANYWHERE.finditer(text)):
        if count >= _MOST_LOOKS:
            break
        named = _read(found, known)
        if named is not None:
            return named
    return None


def _read(found: re.Match[str], secrets: Iterable[bytes]) -> Named | None:
    token, use = found["token"], found["use"].lower()
    try:
        raw = b32decode(token.upper() + "=" * (-len(token) % 8))
    except (NotBase32, ValueError):
        return None
    body, seal = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
    form, workspace, message = _LAYOUT.unpack(body)
    if form != _FORM or not any(compare_digest(seal, _seal(use, body, secret)) for secret in secrets):
        return None
    return Named("b" if use == "b" else "r", workspace, message)


def _seal(use: str, body: bytes, secret: bytes) -> bytes:
    return keyed(secret, b"oportuno return address\x00" + use.encode() + body, sha256).digest()[:_SEAL_BYTES]
