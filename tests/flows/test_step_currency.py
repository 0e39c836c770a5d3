"""What the workspace lays down reaches the fold: amounts that come without a currency are in the shop's own."""

from __future__ import annotations

import pytest

from oportuno.consent.read_policy import read_policy
from oportuno.events.event import Call, Event, Source
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.step import step
from oportuno.kit.ids import derive, key_of
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Cart

MORNING = 1_795_250_000_000


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 1200), ("EUR", 120_000)])
def test_a_price_without_a_currency_is_in_that_of_the_shop(currency: str, minor: int) -> None:
    policy, _ = read_policy(f"policy: {{currency: {currency}}}")
    norte = Programme(workspace=1, public_id="ws_norte", version=1, policy=policy, brand=Brand(name="Tienda Norte"))
    ana = Draft(key_of(1, 4711))
    added = Event(
        key=ana.key,
        lane=1,
        seq=1,
        h=derive("added"),
        source=Source.LIVE,
        call=Call.TRACK,
        name="Product Added",
        at=MORNING,
        received=MORNING,
        body=b'{"userId":"ana","event":"Product Added","properties":{"product_id":"boots","price":1200}}',
    )
    step(ana, [added], programme=norte, now=MORNING)
    cart = ana.read(Cart)
    assert (cart.currency, cart.lines[0].price) == (currency, minor)
