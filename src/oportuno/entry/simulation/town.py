"""Tienda Norte and its people: what it has laid down, what its customers do, and who else writes about them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from oportuno.attention.ledger import Limit
from oportuno.consent.policy import Policy
from oportuno.flows.programme import Brand, Programme
from oportuno.journeys.journey import Journey, Send, WaitFor
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis, to_text
from oportuno.profile.purposes import Purpose

WORKSPACE: Final = 1
WRITE_KEY: Final = "wk_tienda_norte"
SECRET_KEY: Final = "sk_tienda_norte"  # noqa: S105 - a key of an invented shop
PEOPLE: Final = ("ana", "bruno", "carla")
"""Customers who are known; Dora is anonymous, and Elena is only ever imported."""
_ONE_IN: Final = 10
"""Of so many requests one is an import, of so many events one is Dora's."""
_IMPORT_AGE: Final[Millis] = 20 * DAY
"""Within the 30 days in which an id is remembered by its client's own day; the day of older stamps moves along with each retry."""
PRODUCTS: Final = ("botas", "gorro", "manta")


def _send(
    message: str, *, channel: str = "email", purpose: Purpose = Purpose.MARKETING, expires: Millis, because: str, worth: float
) -> Send:
    return Send(id="tell", message=message, channel=channel, purpose=purpose, expires=expires, because=because, worth=worth)


PROGRAMME: Final = Programme(
    workspace=WORKSPACE,
    public_id="ws_tienda_norte",
    version=1,
    policy=Policy(limits=(Limit(at_most=2, per=DAY), Limit(at_most=4, per=7 * DAY)), timezone="Europe/Madrid", country="ES"),
    brand=Brand(name="Tienda Norte", legal="Tienda Norte, calle del Muelle 12, Santander", sender="hola@tienda-norte.example"),
    journeys=(
        Journey(
            key="abandoned-cart",
            version=1,
            trigger=("Product Added",),
            steps=(
                WaitFor(id="quiet", events=("Order Completed",), timeout=30 * MINUTE, restart_on=("Product Added",)),
                _send("abandoned-cart", expires=6 * HOUR, because="cart_left", worth=2.0),
            ),
            reentry=0,
        ),
        Journey(
            key="looked-at",
            version=1,
            trigger=("Product Viewed",),
            steps=(_send("looked-at", expires=2 * HOUR, because="event_seen", worth=1.0),),
            reentry=0,
        ),
        Journey(
            key="tell-partner",
            version=1,
            trigger=("Product Clicked",),
            steps=(_send("tell-partner", channel="webhook", expires=HOUR, because="event_seen", worth=1.0),),
            reentry=0,
        ),
        Journey(
            key="price-drop",
            version=1,
            trigger=("Product Price Dropped",),
            steps=(_send("price-drop", expires=DAY, because="price_dropped", worth=2.0),),
            reentry=0,
        ),
        Journey(
            key="receipt",
            version=1,
            trigger=("Order Completed",),
            steps=(_send("receipt", purpose=Purpose.SERVICE, expires=DAY, because="event_seen", worth=0.0),),
            reentry=0,
        ),
    ),
)


@dataclass(slots=True)
class Request:
    """A body on its way in, sent until it is acknowledged, and now and then once more."""

    number: int
    body: bytes
    key: str
    ids: list[str]


@dataclass(slots=True)
class Crowd:
    """Makes what clients send: batches of Segment calls with ids that are kept across retries."""

    chance: Random
    made: int = 0
    phones: int = 1
    """Dora's phones up to now: whenever she logs in on one as somebody, she takes another."""
    waiting: list[Request] = field(default_factory=list)
    """Not yet acknowledged, or to be sent again all the same."""

    def introduce(self, now: Millis) -> Request:
        """Make the request in which everybody says who they are."""
        calls = [
            self._call(
                "identify", now, userId=name, traits={"email": f"{name}@example.com", "timezone": "Europe/Madrid", "locale": "es-ES"}
            )
            for name in PEOPLE
        ]
        return self._request(calls, now, WRITE_KEY)

    def send(self, now: Millis) -> Request:
        """Make one more request: a few things that one or two people did lately."""
        if self.chance.randrange(_ONE_IN) == 0:
            return self._import(now)
        calls = [self._something(now) for _ in range(self.chance.choice((1, 1, 2, 3)))]
        return self._request(calls, now, WRITE_KEY)

    def _something(self, now: Millis) -> dict[str, Any]:
        chance = self.chance
        ago = chance.choice((0, 0, 0, 2_000, 60_000, 5 * MINUTE, 3 * HOUR))
        if chance.randrange(_ONE_IN) == 0:
            return self._banner(now - ago)
        if chance.randrange(_ONE_IN) == 0:
            return self._dora(now - ago)
        name = chance.choice(("Product Viewed", "Product Viewed", "Product Added", "Product Added", "Product Clicked", "Order Completed"))
        product = chance.choice(PRODUCTS)
        properties: dict[str, Any] = {"product_id": product, "name": product.title(), "price": 20, "currency": "EUR", "quantity": 1}
        if name == "Order Completed":
            properties = {"order_id": f"o{self.made}", "total": 20, "currency": "EUR", "products": [properties]}
        who = {"anonymousId": self._phone} if chance.randrange(_ONE_IN) == 0 else {"userId": chance.choice(PEOPLE)}
        return self._call("track", now - ago, event=name, properties=properties, **who)

    @property
    def _phone(self) -> str:
        return f"dora-phone-{self.phones}"

    def _dora(self, at: Millis) -> dict[str, Any]:
        """Dora leaves her address, or answers the banner; or she turns out to be somebody known, who logs in on her phone."""
        phone, chosen = self._phone, self.chance.randrange(4)
        if chosen == 0:
            self.phones += 1
            return self._call("page", at, userId=self.chance.choice(PEOPLE), anonymousId=phone, name="Home")
        if chosen == 1:
            context = {"consent": {"categoryPreferences": {"personalisation": self.chance.randrange(2) == 0}, "notice": "banner-1"}}
            return self._call("page", at, anonymousId=phone, name="Home", context=context)
        return self._call("identify", at, anonymousId=phone, traits={"email": f"{phone}@example.com"})

    def _banner(self, at: Millis) -> dict[str, Any]:
        """Make a page call in which somebody answers the consent banner of their phone, or asks for the newsletter."""
        name = self.chance.choice(PEOPLE)
        wishes = {"personalisation": self.chance.random() < 0.5, "measurement": True}  # noqa: PLR2004 - a coin
        context = {"consent": {"categoryPreferences": wishes, "notice": "banner-1"}}
        if self.chance.randrange(3) == 0:
            return self._call("identify", at, userId=name, traits={"marketing_consent": wishes["personalisation"]})
        return self._call("page", at, userId=name, anonymousId=f"{name}-phone", name="Home", context=context)

    def _import(self, now: Millis) -> Request:
        calls = []
        for _ in range(2):
            call = self._something(now - _IMPORT_AGE) | {"userId": "elena"}
            call.pop("anonymousId", None)
            call["context"] = {"oportuno": {"source": "import"}}
            calls.append(call)
        return self._request(calls, now, SECRET_KEY)

    def _call(self, kind: str, at: Millis, **fields: Any) -> dict[str, Any]:
        self.made += 1
        return {"type": kind, "messageId": f"m{self.made}", "timestamp": to_text(at), "originalTimestamp": to_text(at), **fields}

    def _request(self, calls: list[dict[str, Any]], now: Millis, key: str) -> Request:
        body = json.dumps({"batch": calls, "sentAt": to_text(now)}, separators=(",", ":")).encode()
        return Request(self.made, body, key, [call["messageId"] for call in calls])
