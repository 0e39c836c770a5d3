"""Signing a request as AWS asks for it (Signature Version 4): HMAC-SHA256 over the request in a canonical form."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import quote

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """Who signs, and for what."""

    access_key: str
    secret_key: str
    region: str
    service: str
    session_token: str = ""


def signed_headers(
    credentials: Credentials, *, method: str, path: str, headers: Mapping[str, str], body: bytes, at: datetime
) -> dict[str, str]:  # fmt: skip
    """Give the headers of a request with those that sign it. `path` is without a query and as it is sent; `headers` must name the host."""
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    signing = {name.lower(): " ".join(value.split()) for name, value in headers.items()} | {"x-amz-date": stamp}
    if credentials.session_token:
        signing["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(signing))
    listed = "".join(f"{name}:{signing[name]}\n" for name in sorted(signing))
    canonical = "\n".join((method, quote(path, safe="/-_.~"), "", listed, names, sha256(body).hexdigest()))
    scope = f"{stamp[:8]}/{credentials.region}/{credentials.service}/aws4_request"
    to_sign = "\n".join((_ALGORITHM, stamp, scope, sha256(canonical.encode()).hexdigest()))
    signature = hmac.digest(signing_key(credentials, stamp[:8]), to_sign.encode(), sha256).hex()
    signing["authorization"] = f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return signing


def signing_key(credentials: Credentials, day: str) -> bytes:
    """Derive the key of one day (``YYYYMMDD``), one region and one service."""
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (day, credentials.region, credentials.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), sha256)
    return key
