"""A token counts only with the algorithm and the key that the workspace named, whatever it says of itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from oportuno.adapters.tokens import JwtVerifier
from oportuno.events.rejections import Rejection
from oportuno.flows.identity import Algorithm, Signing

NOW = 1_800_000_000_000
NORTE = "ws_tienda_norte"
ANA = {"sub": "ana", "aud": NORTE, "exp": NOW // 1000 + 600}
SECRET = b"a secret of the shop, 32 bytes or more"


def public(key: Any) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def private(key: Any) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.fixture(scope="module")
def rsa_key() -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def ec_key() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def signed_by_rsa(key: Any, claims: dict[str, Any] = ANA) -> str:
    return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(private(key)))


def signed_by_curve(key: Any, claims: dict[str, Any] = ANA) -> str:
    return jwt.encode({"alg": "ES256"}, claims, ECKey.import_key(private(key)))


def forged(head: dict[str, Any], secret: bytes) -> str:
    """Make a token by hand, with a MAC under whatever is taken for the secret: libraries refuse to make it."""
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, ANA)]
    mac = hmac.new(secret, b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, urlsafe_b64encode(mac).rstrip(b"=")]).decode()


def test_ana_is_ana_with_a_token_by_the_shops_rsa_key_and_with_nobody_elses(rsa_key: Any) -> None:
    signing = Signing(Algorithm.RS256, public(rsa_key), NORTE)
    assert JwtVerifier().verify(signed_by_rsa(rsa_key), signing, NOW) == "ana"
    another = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert JwtVerifier().verify(signed_by_rsa(another), signing, NOW) is Rejection.IDENTITY_SIGNATURE


def test_ana_is_ana_with_a_token_by_the_shops_curve_key_and_with_nobody_elses(ec_key: Any) -> None:
    signing = Signing(Algorithm.ES256, public(ec_key), NORTE)
    assert JwtVerifier().verify(signed_by_curve(ec_key), signing, NOW) == "ana"
    another = ec.generate_private_key(ec.SECP256R1())
    assert JwtVerifier().verify(signed_by_curve(another), signing, NOW) is Rejection.IDENTITY_SIGNATURE


def test_a_token_with_the_public_key_as_its_secret_counts_for_nothing(rsa_key: Any, ec_key: Any) -> None:
    for algorithm, key in ((Algorithm.RS256, rsa_key), (Algorithm.ES256, ec_key)):
        signing = Signing(algorithm, public(key), NORTE)
        assert JwtVerifier().verify(forged({"alg": "HS256"}, public(key)), signing, NOW) is Rejection.IDENTITY_ALGORITHM
        assert JwtVerifier().verify(forged({"alg": algorithm.value}, public(key)), signing, NOW) is Rejection.IDENTITY_SIGNATURE


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None])
def test_a_token_that_says_it_needs_no_signature_counts_for_nothing(alg: str | None) -> None:
    signing = Signing(Algorithm.HS256, SECRET, NORTE)
    token = forged({"alg": alg}, SECRET)
    for tried in (token, token.rpartition(".")[0] + "."):
        assert JwtVerifier().verify(tried, signing, NOW) is Rejection.IDENTITY_ALGORITHM


def test_an_asymmetric_workspace_takes_no_token_of_the_other_algorithm(rsa_key: Any, ec_key: Any) -> None:
    assert (
        JwtVerifier().verify(signed_by_curve(ec_key), Signing(Algorithm.RS256, public(rsa_key), NORTE), NOW) is Rejection.IDENTITY_ALGORITHM
    )
    assert (
        JwtVerifier().verify(signed_by_rsa(rsa_key), Signing(Algorithm.ES256, public(ec_key), NORTE), NOW) is Rejection.IDENTITY_ALGORITHM
    )


def test_whom_a_token_is_for_until_when_and_where_is_held_against_it() -> None:
    signing, key = Signing(Algorithm.HS256, SECRET, NORTE), OctKey.import_key(SECRET)

    def found(**claims: Any) -> str | Rejection:
        token = jwt.encode({"alg": "HS256"}, {name: value for name, value in (ANA | claims).items() if value is not None}, key)
        return JwtVerifier().verify(token, signing, NOW)

    assert found() == "ana"
    assert found(aud="ws_another") is Rejection.IDENTITY_WRONG_AUDIENCE
    assert found(aud=None) is Rejection.IDENTITY_WRONG_AUDIENCE
    assert found(exp=NOW // 1000 - 60) is Rejection.IDENTITY_EXPIRED
    assert found(exp=None) is Rejection.IDENTITY_EXPIRED
    assert found(sub=None) is Rejection.IDENTITY_WRONG_SUBJECT


def test_a_good_token_is_remembered_no_longer_than_it_lasts() -> None:
    verifier, signing = JwtVerifier(), Signing(Algorithm.HS256, SECRET, NORTE)
    token = jwt.encode({"alg": "HS256"}, ANA, OctKey.import_key(SECRET))
    assert verifier.verify(token, signing, NOW) == "ana"
    assert verifier.verify(token, signing, NOW + 3_600_000) is Rejection.IDENTITY_EXPIRED
    assert (
        verifier.verify(token, Signing(Algorithm.HS256, b"another secret of at least 32 bytes", NORTE), NOW) is Rejection.IDENTITY_SIGNATURE
    )
