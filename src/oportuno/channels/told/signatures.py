"""Is a post really the provider's? What each signs is different, and is always checked on the bytes as they came."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from hashlib import sha256
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from oportuno.events.hooks.post import table, word
from oportuno.kit.times import MINUTE, SECOND, Millis

FRESH: Final[Millis] = 15 * MINUTE
"""How old Mailgun's signature may be. What it signs is a moment and a token: an old one may have been read by somebody on its way."""
_LONGEST_TOKEN: Final = 200


# ── SendGrid: ECDSA over the moment and the body ────────────────────────────────────────────────────────────────────


def reads_as_key(secret: bytes) -> bool:
    """Say whether this is a verification key as SendGrid shows it: P-256, in base64 or PEM."""
    return _public(secret) is not None


def signed_by_sendgrid(raw: bytes, secret: bytes, *, signature: str, timestamp: str) -> bool:
    """Say whether a signature holds."""
    key = _public(secret)
    try:
        given = b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    if key is None or not timestamp.isascii():
        return False
    try:
        key.verify(given, timestamp.encode() + raw, ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _public(secret: bytes) -> EllipticCurvePublicKey | None:
    try:
        key = load_pem_public_key(secret) if secret.startswith(b"-----") else load_der_public_key(b64decode(secret, validate=True))
    except (ValueError, TypeError, binascii.Error):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1) else None


# ── Mailgun: HMAC over the moment and a token, which say nothing of the body ────────────────────────────────────────


class Token(NamedTuple):
    """What Mailgun signed."""

    token: str
    at: Millis


def signed_by_mailgun(post: Any, secret: bytes) -> Token | None:
    """Give what was signed; None: the signature does not hold. Whether the token is new is the caller's to find out."""
    given = table(table(post).get("signature"))
    timestamp, token, signature = (word(given.get(part)) for part in ("timestamp", "token", "signature"))
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12 and 0 < len(token) <= _LONGEST_TOKEN):  # noqa: PLR2004 - seconds
        return None
    expected = hmac.digest(secret, f"{timestamp}{token}".encode(), sha256).hex()
    if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
        return None
    return Token(token, int(timestamp) * SECOND)


# ── Postmark: no signature, a password ──────────────────────────────────────────────────────────────────────────────

POSTMARK_USER: Final = "oportuno"


def signed_by_postmark(authorization: str, secret: bytes) -> bool:
    """Say whether the password of HTTP Basic is the one that was laid down."""
    scheme, _, login = authorization.partition(" ")
    try:
        given = b64decode(login.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    expected = f"{POSTMARK_USER}:".encode() + secret
    return scheme.lower() == "basic" and hmac.compare_digest(expected, given)
