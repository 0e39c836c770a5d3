"""Tokens of the shop's server (JWT, RFC 7519), read with joserfc. The algorithm is the workspace's, never the token's; ``none`` is none.

joserfc and what it brings are imported with the first token or key: they are ten megabytes, and many shops never sign.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from oportuno.events.rejections import Rejection
from oportuno.flows.identity import Algorithm, Signing
from oportuno.kit.faults import BadInput
from oportuno.kit.times import SECOND, Millis

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OctKey, RSAKey

_KEPT: Final = 4_096
_LONGEST: Final = 4_096
"""Characters of a token."""
_LEEWAY: Final[Millis] = 5 * SECOND
"""By how much two servers' clocks may differ."""
_SECRET_AT_LEAST: Final = 32
_RSA_BITS_AT_LEAST: Final = 2_048


class JwtVerifier:
    """Reads tokens; one that was found good is remembered until it expires, because a page sends the same with every call."""

    def __init__(self) -> None:
        self._good: OrderedDict[bytes, tuple[str, Millis]] = OrderedDict()
        self._keys: OrderedDict[tuple[Algorithm, bytes], Any] = OrderedDict()

    def verify(self, token: str, signing: Signing, now: Millis) -> str | Rejection:
        """See the port."""
        if len(token) > _LONGEST:
            return Rejection.IDENTITY_SIGNATURE
        name = blake2b(repr((token, signing)).encode(), digest_size=16).digest()
        known = self._good.get(name)
        if known is not None:
            return known[0] if now < known[1] else Rejection.IDENTITY_EXPIRED
        found = self._read(token, signing)
        if isinstance(found, Rejection):
            return found
        user, until = found
        if now >= until:
            return Rejection.IDENTITY_EXPIRED
        self._good[name] = user, until
        if len(self._good) > _KEPT:
            self._good.popitem(last=False)
        return user

    def _read(self, token: str, signing: Signing) -> tuple[str, Millis] | Rejection:
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            if _algorithm_of(token) != signing.algorithm.value:
                return Rejection.IDENTITY_ALGORITHM
            claims = jwt.decode(token, self._key(signing), algorithms=[signing.algorithm.value]).claims
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            return Rejection.IDENTITY_SIGNATURE
        audience, user, until = claims.get("aud"), claims.get("sub"), claims.get("exp")
        if signing.audience not in (audience if isinstance(audience, list) else [audience]):
            return Rejection.IDENTITY_WRONG_AUDIENCE
        if isinstance(until, bool) or not isinstance(until, int | float) or not 0 < until < 2**40:
            return Rejection.IDENTITY_EXPIRED
        if not isinstance(user, str) or not user:
            return Rejection.IDENTITY_WRONG_SUBJECT
        return user, int(until * SECOND) + _LEEWAY

    def _key(self, signing: Signing) -> Any:
        place = signing.algorithm, signing.key
        key = self._keys.get(place)
        if key is None:
            key = self._keys[place] = read_key(*place)
            if len(self._keys) > _KEPT:
                self._keys.popitem(last=False)
        return key


def read_key(algorithm: Algorithm, key: bytes) -> OctKey | RSAKey | ECKey:
    """Read a workspace's key. Raises BadInput (``signing_key_unfit``): too short, private, or of another kind than the algorithm's."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OctKey, RSAKey

    fault = BadInput("signing_key_unfit", _WANTED[algorithm], place="key")
    if algorithm is Algorithm.HS256:
        if len(key) < _SECRET_AT_LEAST or key.lstrip().startswith(b"-----"):
            raise fault
        return OctKey.import_key(key)
    if b"PRIVATE" in key:
        raise BadInput("signing_key_unfit", "this is a private key: keep it, and send us the public one", place="key")
    try:
        read: RSAKey | ECKey = RSAKey.import_key(key) if algorithm is Algorithm.RS256 else ECKey.import_key(key)
        raw: Any = read.raw_value
    except (JoseError, ValueError, TypeError, KeyError):
        raise fault from None
    fits = raw.key_size >= _RSA_BITS_AT_LEAST if algorithm is Algorithm.RS256 else getattr(raw.curve, "name", "") == "secp256r1"
    if not fits:
        raise fault
    return read


_WANTED: Final = {
    Algorithm.HS256: "HS256 needs a shared secret of at least 32 bytes",
    Algorithm.RS256: "RS256 needs an RSA public key in PEM of at least 2048 bits",
    Algorithm.ES256: "ES256 needs a public key in PEM on the curve P-256",
}


def _algorithm_of(token: str) -> object:
    head = token.partition(".")[0].encode("ascii")
    told = json.loads(urlsafe_b64decode(head + b"=" * (-len(head) % 4)))
    return told.get("alg") if isinstance(told, dict) else None
