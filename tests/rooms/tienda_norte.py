"""The cast, as the rooms know them: Ana said yes to all, Bruno e-mail only, weekly, Carla said no, Dora is anonymous. At Tienda Norte."""

from __future__ import annotations

import msgspec

from oportuno.attention.ledger import Limit
from oportuno.consent.answers import ANY_CHANNEL, Answered, granted_purposes
from oportuno.consent.change import answer, choose_cadence
from oportuno.consent.policy import Policy
from oportuno.consent.wishes import Cadence
from oportuno.events.event import Call, Event, Source
from oportuno.kit.ids import derive, key_of
from oportuno.kit.times import DAY, Millis, parse_moment
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart, Core, Line, Register

_SATURDAY = parse_moment("2026-11-21T11:00:00Z") or 0
_ASKED = _SATURDAY - 40 * DAY


class Cast:
    """Makes the people, fresh each time, and what happens to them."""

    saturday: Millis = _SATURDAY
    """Saturday noon in Madrid."""
    norte = Policy(
        limits=(Limit(at_most=1, per=DAY), Limit(at_most=3, per=7 * DAY)),
        quiet=(21 * 60, 9 * 60),
        timezone="Europe/Madrid",
        country="ES",
    )

    def ana(self) -> Draft:
        draft = self._known(1, "ana@example.com")
        for purpose in (Purpose.PERSONALISATION, Purpose.MEASUREMENT, Purpose.LOCATION):
            answer(draft, purpose=purpose, channel=ANY_CHANNEL, state=Answered.GRANTED, at=_ASKED, source="customer")
        for channel in ("email", "webhook"):
            answer(draft, purpose=Purpose.MARKETING, channel=channel, state=Answered.GRANTED, at=_ASKED, source="customer")
        draft.granted = granted_purposes(draft, _SATURDAY)
        return draft

    def bruno(self) -> Draft:
        draft = self._known(2, "bruno@example.com")
        answer(draft, purpose=Purpose.MARKETING, channel="email", state=Answered.GRANTED, at=_ASKED, source="customer")
        choose_cadence(draft, Cadence.WEEKLY)
        return draft

    def carla(self) -> Draft:
        draft = self._known(3, "carla@example.com")
        for channel in ("email", "webhook"):
            answer(draft, purpose=Purpose.MARKETING, channel=channel, state=Answered.DENIED, at=_ASKED, source="customer")
        return draft

    def dora(self) -> Draft:
        draft = Draft(key_of(1, 4))
        draft.open(Core).first_seen = _ASKED
        return draft

    def fill_cart(self, draft: Draft, *products: str, at: Millis = _SATURDAY) -> None:
        cart = draft.open(Cart)
        cart.lines = [Line(product=product, name=product.title(), price=1200, at=at) for product in products]
        cart.currency, cart.at = "EUR", at

    def event(
        self,
        draft: Draft,
        name: str,
        at: Millis,
        *,
        source: Source = Source.LIVE,
        properties: dict[str, object] | None = None,
        received: Millis | None = None,
    ) -> Event:
        return Event(
            key=draft.key,
            lane=1,
            seq=at,
            h=derive(name, at),
            source=source,
            call=Call.TRACK,
            name=name,
            at=at,
            received=at if received is None else received,
            body=msgspec.json.encode({"type": "track", "event": name, "properties": properties or {}}),
        )

    def _known(self, customer: int, email: str) -> Draft:
        draft = Draft(key_of(1, customer))
        core = draft.open(Core)
        core.first_seen = _ASKED
        core.traits = {"email": Register(value=email, at=_ASKED), "timezone": Register(value="Europe/Madrid", at=_ASKED)}
        return draft
