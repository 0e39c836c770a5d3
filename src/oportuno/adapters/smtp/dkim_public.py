"""The public part of a DKIM key, as it stands in the DNS."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from oportuno.kit.faults import BadInput


def public_key_of(private_key: bytes) -> str:
    """Give what belongs after ``p=`` in the selector's record: RSA whole (RFC 6376), Ed25519 bare (RFC 8463). Raises BadInput."""
    try:
        key = load_pem_private_key(private_key, password=None)
    except (ValueError, TypeError) as fault:
        raise BadInput("dkim_key_unreadable", "the DKIM key is not an unencrypted private key in PEM") from fault
    public = key.public_key()
    if isinstance(key, Ed25519PrivateKey):
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    else:
        raw = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(raw).decode()
