"""Whether a browser that names a user has to show a token of the shop's server, and by which key tokens are read."""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from oportuno.adapters.tokens import read_key
from oportuno.entry.http.api.door import Caller, FrontHere
from oportuno.entry.http.api.shapes import Shape
from oportuno.flows.identity import Algorithm, Signing
from oportuno.kit.faults import NotFound

router = APIRouter(prefix="/api/v1/identity", tags=["identity"])


class SigningShape(Shape):
    """By what tokens are read from now on."""

    algorithm: Literal["HS256", "RS256", "ES256"]
    key: str = Field(
        min_length=1, max_length=8_192, description="HS256: a shared secret of at least 32 bytes. Otherwise the public key in PEM."
    )


class SignedShape(Shape):
    """What is asked of tokens. The key itself is never shown."""

    algorithm: Literal["HS256", "RS256", "ES256"]
    audience: str = Field(description="What a token's `aud` has to be: this workspace.")
    fingerprint: str = Field(description="First sixteen hex digits of the SHA-256 of the key.")


@router.put("/signing")
async def set_signing(front: FrontHere, who: Caller, told: SigningShape) -> SignedShape:
    """Ask for tokens: from now on (within seconds) the write key names a user only with one. See how-to/sign-identities."""
    algorithm, key = Algorithm(told.algorithm), told.key.encode()
    read_key(algorithm, key)
    await front.signings.set_signing(who.workspace, algorithm, key)
    return _shape(await front.signings.signing(who.workspace))


@router.get("/signing")
async def signing(front: FrontHere, who: Caller) -> SignedShape:
    """Say what is asked of tokens; 404 when none is asked for."""
    return _shape(await front.signings.signing(who.workspace))


@router.delete("/signing", status_code=204)
async def end_signing(front: FrontHere, who: Caller) -> None:
    """Ask for tokens no more."""
    await front.signings.end_signing(who.workspace)


def _shape(found: Signing | None) -> SignedShape:
    if found is None:
        raise NotFound("signing_not_set", "this workspace asks for no identity tokens")
    return SignedShape(algorithm=found.algorithm.value, audience=found.audience, fingerprint=sha256(found.key).hexdigest()[:16])
