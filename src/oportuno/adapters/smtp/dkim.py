"""Signing a mail (DKIM, RFC 6376 and RFC 8463): relaxed/relaxed, with RSA or Ed25519."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from oportuno.kit.faults import BadInput

SIGNED: Final = (
    "from",
    "to",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-id",
)
"""Headers that are signed where present. RFC 8058 asks for both List-Unsubscribe headers."""
SEALED: Final = ("from", "to", "subject", "date", "reply-to", "message-id")
"""Signed once more than they occur, so that nobody can add another one."""
_SHORTEST_RSA: Final = 1024
_SPACES: Final = re.compile(rb"[ \t]+")
_FOLD: Final = re.compile(rb"\r\n(?=[ \t])")


class DkimSigner:
    """One domain's key under one selector."""

    def __init__(self, *, domain: str, selector: str, private_key: bytes) -> None:
        """Take a private key in PEM. Raises BadInput when it is no RSA (1024 bits and more) or Ed25519 key."""
        try:
            key = load_pem_private_key(private_key, password=None)
        except (ValueError, TypeError) as error:
            raise BadInput("dkim_key_unreadable", "the DKIM key is not an unencrypted private key in PEM", place=selector) from error
        if not isinstance(key, (RSAPrivateKey, Ed25519PrivateKey)) or (isinstance(key, RSAPrivateKey) and key.key_size < _SHORTEST_RSA):
            raise BadInput("dkim_key_unfit", "a DKIM key is RSA of at least 1024 bits, or Ed25519", place=selector)
        self._key = key
        self._domain = domain
        self._selector = selector

    def sign(self, raw: bytes) -> bytes:
        """Give the mail with its DKIM-Signature put in front. `raw` is RFC 5322 with CRLF."""
        head, _, body = raw.partition(b"\r\n\r\n")
        headers = _fields(head)
        names: list[str] = [name for name in SIGNED for found, _ in headers if found == name]
        names += [name for name in SEALED if name in names or name in ("from", "reply-to")]
        body_hash = base64.b64encode(hashlib.sha256(relax_body(body)).digest()).decode()
        algorithm = "rsa-sha256" if isinstance(self._key, RSAPrivateKey) else "ed25519-sha256"
        unsigned = (
            f"v=1; a={algorithm}; c=relaxed/relaxed; d={self._domain}; s={self._selector};\r\n"
            f" h={':'.join(names)};\r\n bh={body_hash};\r\n b="
        ).encode()
        what = _selected(headers, names) + b"dkim-signature:" + _relax_value(unsigned)
        return b"DKIM-Signature: " + unsigned + _in_lines(self._signature(what)) + b"\r\n" + raw

    def _signature(self, what: bytes) -> bytes:
        if isinstance(self._key, Ed25519PrivateKey):
            return base64.b64encode(self._key.sign(hashlib.sha256(what).digest()))
        return base64.b64encode(self._key.sign(what, padding.PKCS1v15(), hashes.SHA256()))


def relax_body(body: bytes) -> bytes:
    """Bring a body into the relaxed form (RFC 6376 §3.4.4)."""
    lines = [_SPACES.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _fields(head: bytes) -> list[tuple[str, bytes]]:
    fields = []
    for line in _FOLD.sub(b"", head).split(b"\r\n"):
        name, _, value = line.partition(b":")
        fields.append((name.decode("ascii", "replace").strip().lower(), _relax_value(value)))
    return fields


def _relax_value(value: bytes) -> bytes:
    return _SPACES.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")


def _selected(headers: list[tuple[str, bytes]], names: list[str]) -> bytes:
    """Take the named headers, each name's last occurrence first; a name without one left stands for nothing."""
    left = {name: [value for found, value in headers if found == name] for name in names}
    chosen = b""
    for name in names:
        if left[name]:
            chosen += name.encode() + b":" + left[name].pop() + b"\r\n"
    return chosen


def _in_lines(signature: bytes) -> bytes:
    return b"\r\n ".join(signature[place : place + 72] for place in range(0, len(signature), 72))
