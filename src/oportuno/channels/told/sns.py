"""What Amazon SNS posts: its envelope, what of it is signed, and where its certificate may come from.

Anybody can have a topic of their own that SNS signs for. So a signature says that SNS posted, and only the topic says for whom.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate

from oportuno.events.hooks.post import table

NOTIFICATION: Final = "Notification"
CONFIRM: Final = "SubscriptionConfirmation"
LEFT: Final = "UnsubscribeConfirmation"
_SIGNED: Final = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRM: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    LEFT: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""Of each type, what is signed, in this order. What is not there is left out."""
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - SNS signs so unless told otherwise
TOPIC: Final = re.compile(r"arn:aws(?:-cn|-us-gov)?:sns:(?P<region>[a-z0-9-]{5,30}):\d{12}:[A-Za-z0-9_.-]{1,256}")
_CERTIFICATE: Final = re.compile(
    r"https://sns\.(?P<region>[a-z0-9-]{5,30})\.amazonaws\.com(?:\.cn)?/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem"
)
_SUBSCRIBE: Final = re.compile(r"https://sns\.(?P<region>[a-z0-9-]{5,30})\.amazonaws\.com(?:\.cn)?/\?[\x21-\x7e]{1,2000}")
_SHORTEST_KEY: Final = 2048


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """An envelope that may be SNS's: its addresses are, its signature was not looked at."""

    type: str
    topic: str
    message: str
    certificate_url: str
    """Only ever at SNS, of the topic's own region."""
    subscribe_url: str
    """Of a subscription to be confirmed: at SNS, of the topic's own region, about this very topic. Else empty."""
    signature: bytes
    version: str
    canonical: bytes


def read_envelope(payload: Any) -> Posted | None:
    """Read an envelope; None when it is none of SNS's, whoever signed it."""
    given = {name: value for name, value in table(payload).items() if isinstance(value, str)}
    kind, version = given.get("Type", ""), given.get("SignatureVersion", "")
    topic = TOPIC.fullmatch(given.get("TopicArn", ""))
    certificate = _CERTIFICATE.fullmatch(given.get("SigningCertURL", ""))
    if kind not in _SIGNED or version not in _HASHES or topic is None or certificate is None:
        return None
    try:
        signature = b64decode(given.get("Signature", ""), validate=True)
    except (binascii.Error, ValueError):
        return None
    subscribe = given.get("SubscribeURL", "") if kind == CONFIRM else ""
    if certificate["region"] != topic["region"] or (kind == CONFIRM and not _confirms(subscribe, topic[0], topic["region"])):
        return None
    return Posted(
        type=kind,
        topic=topic[0],
        message=given.get("Message", ""),
        certificate_url=certificate[0],
        subscribe_url=subscribe,
        signature=signature,
        version=version,
        canonical="".join(f"{name}\n{given[name]}\n" for name in _SIGNED[kind] if name in given).encode(),
    )


def signed_by_sns(posted: Posted, certificate: bytes, now: datetime) -> bool:
    """Say whether the signature holds by a certificate in PEM that is in force."""
    try:
        found = load_pem_x509_certificate(certificate)
        key = found.public_key()
        in_force = found.not_valid_before_utc <= now <= found.not_valid_after_utc
    except (ValueError, TypeError):
        return False
    if not in_force or not isinstance(key, RSAPublicKey) or key.key_size < _SHORTEST_KEY:
        return False
    try:
        key.verify(posted.signature, posted.canonical, padding.PKCS1v15(), _HASHES[posted.version])
    except InvalidSignature:
        return False
    return True


def _confirms(url: str, topic: str, region: str) -> bool:
    """Say whether a link is SNS's own and confirms a subscription to this very topic."""
    found = _SUBSCRIBE.fullmatch(url)
    if found is None or found["region"] != region:
        return False
    asked = parse_qs(urlsplit(url).query)
    return asked.get("Action") == ["ConfirmSubscription"] and asked.get("TopicArn") == [topic]
