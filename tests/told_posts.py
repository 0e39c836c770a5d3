"""What mail providers post, signed as each of them signs: with keys that were made for the story."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TOPIC = "arn:aws:sns:eu-west-1:123456789012:correo"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
SECRET = "hush-hush-hush-hush-hush"
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


@functools.cache
def rsa_key(name: str = "sns") -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def curve_key(name: str = "sendgrid") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(key: rsa.RSAPrivateKey | None = None, *, since: datetime | None = None, days: int = 300) -> bytes:
    since = since or datetime.now(UTC) - timedelta(days=100)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    key = key or rsa_key()
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), since, since + timedelta(days=days))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def sns(message: Any, *, version: str = "2", key: rsa.RSAPrivateKey | None = None, **more: Any) -> bytes:
    """An envelope, signed. A field that is None is not there."""
    text = message if isinstance(message, str) else json.dumps(message)
    told: dict[str, Any] = {
        "Type": "Notification", "MessageId": "22b80b92", "TopicArn": TOPIC, "Subject": "Amazon SES", "Message": text,
        "Timestamp": "2026-11-21T10:00:00.000Z", "SignatureVersion": version, "SigningCertURL": CERTIFICATE_URL,
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    } | more  # fmt: skip
    told = {name: value for name, value in told.items() if value is not None}
    canonical = "".join(f"{name}\n{told[name]}\n" for name in SIGNED.get(told["Type"], ()) if name in told).encode()
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - as SNS does
    signature = (key or rsa_key()).sign(canonical, padding.PKCS1v15(), algorithm)
    return json.dumps(told | {"Signature": base64.b64encode(signature).decode()}).encode()


def sns_asks(topic: str = TOPIC, **more: Any) -> bytes:
    url = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=abc"
    asked = {"Type": "SubscriptionConfirmation", "TopicArn": topic, "SubscribeURL": url, "Token": "abc", "Subject": None}
    return sns("You have chosen to subscribe", **(asked | more))


def sendgrid_key(key: ec.EllipticCurvePrivateKey | None = None) -> str:
    der = (key or curve_key()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def sendgrid_headers(raw: bytes, key: ec.EllipticCurvePrivateKey | None = None, timestamp: str = "1795255200") -> dict[str, str]:
    signature = (key or curve_key()).sign(timestamp.encode() + raw, ec.ECDSA(hashes.SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }


def mailgun_signed(post: dict[str, Any], at: int, *, token: str = "a" * 50, secret: str = SECRET) -> bytes:
    """`at` in seconds."""
    signature = hmac.new(secret.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
    return json.dumps(post | {"signature": {"timestamp": str(at), "token": token, "signature": signature}}).encode()


def postmark_headers(secret: str = SECRET, user: str = "oportuno") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}
