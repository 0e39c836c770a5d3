"""A crowd of made-up customers of Tienda Norte, each with some months behind them: what their states weigh."""

from __future__ import annotations

import json
from importlib.resources import files
from random import Random
from typing import Any

from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.consent.change import answer
from oportuno.consent.policy import Policy
from oportuno.events.event import Call, Event, Source
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.step import step
from oportuno.journeys.read import read_journey
from oportuno.kit.ids import CustomerKey, derive
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

START: Millis = 1_790_000_000_000
_PLAY = read_journey((files("oportuno") / "plays" / "abandoned-cart.yaml").read_text(encoding="utf-8"))
NORTE = Programme(workspace=1, public_id="ws_norte", version=1, policy=Policy(country="ES"), brand=Brand(name="Norte"), journeys=(_PLAY,))
_WORDS = ("Botas", "de montaña", "impermeables", "Chubasquero", "Galerna", "Jersey", "lana merina", "Mochila", "Trail", "niña")
_DOINGS = ("Product Viewed",) * 60 + ("Product Added",) * 9 + ("Product Removed",) * 3 + ("Cart Viewed",) * 3
_DOINGS += ("Order Completed",) * 2 + ("Products Searched",) * 4 + ("Product List Viewed",) * 12 + ("Home",) * 7


class Customer:
    """One customer's months, from a seed."""

    def __init__(self, number: int) -> None:
        self.chance = Random(number)
        self.key = CustomerKey(0, 1, number + 1)
        self.number = number
        self.count = 0
        self.state = b""

    def live(self) -> bytes:
        """Live through ninety days, in visits; a few events for most, a few hundred for some. Gives the stored state."""
        draft = Draft(self.key)
        for purpose, channel in (
            (Purpose.MARKETING, "email"),
            (Purpose.MARKETING, "webhook"),
            (Purpose.PERSONALISATION, ANY_CHANNEL),
            (Purpose.MEASUREMENT, ANY_CHANNEL),
        ):
            answer(draft, purpose=purpose, channel=channel, state=Answered.GRANTED, at=START, source="preference_link", notice="2026-05")
        self.state = draft.encode()
        traits = {
            "email": f"customer.{self.number}@example.com",
            "firstName": "Ana",
            "lastName": "García Fernández",
            "timezone": "Europe/Madrid",
            "loyalty_tier": "gold",
            "shoe_size": 39,
        }
        self.happens(START, "", call=Call.IDENTIFY, traits=traits)
        left = round(self.chance.lognormvariate(3.5, 0.7))
        visits = max(1, left // 8)
        for visit in range(visits):
            at = START + HOUR + visit * (90 * DAY // visits)
            for number in range(max(1, left // visits)):
                self.happens(at + number * MINUTE, self.chance.choice(_DOINGS))
            self.happens(at + 2 * HOUR, None)
        return self.state

    def happens(self, at: Millis, name: str | None, *, call: Call = Call.TRACK, **parts: Any) -> None:
        """Step once, through the store; without a name only time passes."""
        draft = Draft(self.key, self.state, 1)
        events = [] if name is None else [self._event(at, name, call, parts)]
        step(draft, events, programme=NORTE, now=at)
        self.state = draft.encode()

    def _event(self, at: Millis, name: str, call: Call, parts: dict[str, Any]) -> Event:
        self.count += 1
        told: dict[str, Any] = {"userId": f"u-{self.number:08}", "context": {"locale": "es-ES", "timezone": "Europe/Madrid"}, **parts}
        told["anonymousId"] = str(derive("browser", self.number, self.count // 40).hex())
        if name in {"Cart Viewed", "Order Completed"}:
            told["properties"] = {"order_id": f"ord-{self.number}-{self.count}", "currency": "EUR", "products": [self._product()]}
        elif name:
            told["properties"] = {**self._product(), "currency": "EUR", "quantity": 1, "visible_seconds": self.chance.randrange(2, 90)}
        return Event(
            key=self.key,
            lane=0,
            seq=self.count,
            h=derive("event", self.number, self.count),
            source=Source.LIVE,
            call=call,
            name=name,
            at=at,
            received=at,
            body=json.dumps(told).encode(),
        )

    def _product(self) -> dict[str, Any]:
        number = int(self.chance.random() ** 2 * 400)
        words = Random(number)
        address = f"https://tienda-norte.example/p/{number:05}"
        name = " ".join(words.choices(_WORDS, k=3))
        return {
            "product_id": f"sku-{number:05}",
            "variant": words.choice(("", "M", "rojo")),
            "name": name,
            "price": 20 + number % 80 + 0.9,
            "url": address,
            "image_url": f"{address}/images/main-640.jpg",
        }
