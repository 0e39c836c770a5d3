"""A post of a shop's system, and what it means in our words."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, TypeAlias

import msgspec

Payload: TypeAlias = dict[str, Any]


class Platform(StrEnum):
    """Whose posts are understood."""

    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One post as it came, its signature held."""

    platform: Platform
    topic: str
    """What it is about, as the platform names it: ``orders/create``, ``order.created``."""
    id: str
    """The delivery's own id: the same when it is tried again."""
    payload: Payload
    veil: Callable[[str], str]
    """Makes an id out of something that nobody should be able to guess or read back: an order's number, an address."""
    shop_url: str = ""
    """The shop's address, for links that the platform tells only in part."""


class Tell(msgspec.Struct, frozen=True, kw_only=True):
    """One call to store."""

    call: dict[str, Any]
    """A call of the Segment specification, without context."""
    first: str = ""
    """When the thing itself began, the same in every post about it: its id is remembered under that day. Empty: the call's timestamp."""


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform says that the customer answered about marketing by e-mail."""

    granted: bool
    at: str
    """When they answered, as the platform says; empty: it does not say."""
    proof: dict[str, Any]
    """Its own words."""


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a post means."""

    tells: tuple[Tell, ...] = ()
    of_known: bool = False
    """The calls name their customer by something that only an earlier post can have told."""
    statement: Statement | None = None
    product: dict[str, Any] | None = None
    """A row of the catalogue: `catalog.reading` reads it."""
    withdrawn: str = ""
    """A product that is sold no more."""

    @property
    def nothing(self) -> bool:
        """Whether nobody here knows what to do with it."""
        return not self.tells and self.product is None and not self.withdrawn


NOTHING: Final = Meaning()


def unsold(post: Post) -> Meaning:
    """Say what the end of a product means: it is withdrawn."""
    return Meaning(withdrawn=word(post.payload.get("id")))


def signed(raw: bytes, secret: bytes, shown: bytes) -> bool:
    """Say whether a signature (base64 of HMAC-SHA256 over the raw bytes) holds. Takes as long for a wrong one as for a right one."""
    return hmac.compare_digest(b64encode(hmac.digest(secret, raw, sha256)), shown.strip())


# ── Reading leniently ───────────────────────────────────────────────────────────────────────────────────────────────


def word(value: Any) -> str:
    """Give an id or a short text, numbers written out; empty when there is none."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value else ""


def table(value: Any) -> dict[str, Any]:
    """Give an object; empty when it is none."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[dict[str, Any]]:
    """Give the objects of a list; empty when it is none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def told(**fields: Any) -> dict[str, Any]:
    """Give the fields that say something."""
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [], {})}


def track(event: str, who: dict[str, str], at: str, properties: dict[str, Any], *, message: str) -> dict[str, Any]:
    """Make a track call."""
    return told(type="track", event=event, timestamp=at, messageId=message, **who) | {"properties": properties}


def identify(who: dict[str, str], at: str, traits: dict[str, Any], *, message: str) -> dict[str, Any]:
    """Make an identify call."""
    return told(type="identify", timestamp=at, messageId=message, **who) | {"traits": traits}


LEFT_OUT: Final = frozenset(
    "browser_ip client_details payment_details order_status_url abandoned_checkout_url customer_ip_address customer_user_agent".split()
)
"""Parts of a payload that are not kept: they open somebody's order, or say of a device what nobody here may know."""


def kept(payload: Payload) -> Payload:
    """Give the payload as it is kept beside what it means."""
    return {name: value for name, value in payload.items() if name not in LEFT_OUT}
