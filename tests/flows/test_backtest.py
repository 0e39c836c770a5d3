"""What the plays would have said over recorded weeks: by the live step, within every limit, and the same each time."""

from __future__ import annotations

from importlib.resources import files

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.attention.ledger import Limit
from oportuno.catalog.product import Product
from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.consent.change import answer
from oportuno.consent.policy import Policy
from oportuno.events.event import Call, Event, Source
from oportuno.flows.backtest import Backtest, Deed, PriceMove, Spoke, over_limit
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.step import step
from oportuno.journeys.read import read_journey
from oportuno.kit.ids import CustomerId, key_of
from oportuno.kit.times import DAY, HOUR
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

BEGIN = 1_780_000_000_000 // DAY * DAY
NOON = BEGIN + 11 * HOUR
ANA, CARLA = key_of(1, CustomerId(1)), key_of(1, CustomerId(2))
PRICE_DROP = read_journey(files("oportuno").joinpath("plays", "price-drop.yaml").read_text(encoding="utf-8"))
NORTE = Programme(
    workspace=1,
    public_id="ws_norte",
    version=1,
    policy=Policy(timezone="Europe/Madrid", country="ES", currency="EUR"),
    brand=Brand(name="Tienda Norte"),
    journeys=(PRICE_DROP,),
)


def who(key, *, says_yes):
    """Give the state of somebody who answered."""
    draft = Draft(key)
    said = {"state": Answered.GRANTED if says_yes else Answered.DENIED, "at": 1, "source": "test", "notice": "v1"}
    answer(draft, purpose=Purpose.MARKETING, channel="email", **said)
    answer(draft, purpose=Purpose.PERSONALISATION, channel=ANY_CHANNEL, **said)
    body = msgspec.json.encode({"type": "identify", "traits": {"email": "ana@example.com", "timezone": "Europe/Madrid"}})
    told = Event(key=key, lane=0, seq=1, h=bytes(16), source=Source.IMPORT, call=Call.IDENTIFY, name="", at=1, received=1, body=body)
    step(draft, [told], programme=NORTE, now=1)
    return draft.encode()


def weeks(**watching):
    """Begin a backtest of Ana and Carla, whom a fallen price of these products reaches."""
    states = {ANA: who(ANA, says_yes=True), CARLA: who(CARLA, says_yes=False)}
    products = {name: Product(id=name, name=name, currency="EUR", stock=5) for name in ("farol", "silla", "mesa")}
    replay = Backtest(NORTE, states, products, watchers=lambda product, _at: watching.get(product, []))
    for product in products:
        replay.price(PriceMove(BEGIN - 40 * DAY, product, 10_000), silent=True)
    return replay


def bought(key, product, at):
    properties = {
        "order_id": f"{product}-{at}",
        "total": 10,
        "currency": "EUR",
        "products": [{"product_id": product, "quantity": 1, "price": 10}],
    }
    return Deed(at, key, "Order Completed", msgspec.json.encode({"type": "track", "event": "Order Completed", "properties": properties}))


def test_who_said_yes_would_have_been_told_and_who_said_no_is_counted_as_held():
    replay = weeks(farol=[ANA, CARLA])
    replay.price(PriceMove(NOON, "farol", 8_000))
    found = replay.end(NOON + DAY)
    assert [(spoke.key, spoke.journey, spoke.at) for spoke in found.spoken] == [(ANA, "price-drop", NOON)]
    assert dict(found.held) == {("price-drop", "no_consent"): 1}
    assert (found.falls, found.told, found.over_limit) == (1, 2, 0)


def test_a_price_that_rises_or_was_lower_within_thirty_days_is_no_news():
    replay = weeks(farol=[ANA], silla=[ANA])
    replay.price(PriceMove(NOON, "farol", 12_000))
    replay.price(PriceMove(NOON, "silla", 20_000))
    replay.price(PriceMove(NOON + DAY, "silla", 10_000))
    found = replay.end(NOON + 3 * DAY)
    assert (found.spoken, found.falls) == ([], 1)


def test_at_night_it_waits_for_the_morning():
    replay = weeks(farol=[ANA])
    night = BEGIN + 22 * HOUR
    replay.price(PriceMove(night, "farol", 8_000))
    found = replay.end(night + DAY)
    assert found.waited["price-drop", "quiet_hours"] == 1
    assert [spoke.at >= BEGIN + DAY + 7 * HOUR for spoke in found.spoken] == [True]


def test_a_second_price_on_one_day_waits_until_the_limit_has_room_and_one_that_would_be_stale_by_then_is_held():
    replay = weeks(farol=[ANA], silla=[ANA], mesa=[ANA])
    for hours, product in enumerate(("farol", "silla", "mesa")):
        replay.price(PriceMove(NOON + hours * HOUR, product, 8_000))
    found = replay.end(NOON + 4 * DAY)
    assert [spoke.at for spoke in found.spoken] == [NOON, NOON + DAY]
    assert found.waited["price-drop", "limit_reached"] >= 1
    assert list(found.held) == [("price-drop", "limit_reached")]


def test_what_she_has_just_bought_is_not_offered_to_her_and_what_she_bought_before_the_weeks_speaks_to_nobody_by_itself():
    replay = weeks(farol=[ANA], silla=[ANA])
    replay.remember(ANA, [bought(ANA, "silla", BEGIN - 200 * DAY)], BEGIN)
    replay.deed(bought(ANA, "farol", NOON - HOUR))
    replay.price(PriceMove(NOON, "farol", 8_000))
    replay.price(PriceMove(NOON + 1, "silla", 8_000))
    found = replay.end(NOON + DAY)
    assert dict(found.held) == {("price-drop", "item_bought"): 1}
    assert len(found.spoken) == 1
    assert found.deeds == 1


def test_a_message_beyond_a_limit_is_seen_from_the_messages_alone():
    limits = (Limit(at_most=1, per=DAY), Limit(at_most=3, per=7 * DAY))
    ad = [Spoke(NOON + days * DAY, ANA, "price-drop", True, 1) for days in range(4)]
    assert over_limit(ad, limits) == 1
    assert over_limit(ad[:3], limits) == 0
    assert over_limit([ad[0], ad[0]._replace(at=NOON + HOUR)], limits) == 1
    assert over_limit([ad[0], ad[0]._replace(at=NOON + HOUR, marketing=False)], limits) == 0


happenings = st.lists(
    st.tuples(
        st.integers(1, 40 * 24),
        st.sampled_from(["farol", "silla", "mesa"]),
        st.sampled_from(["price", "order"]),
        st.integers(1_000, 20_000),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(happenings)
def test_whatever_happened_no_limit_is_exceeded_and_the_same_again_gives_the_same(happened):
    def run():
        replay = weeks(farol=[ANA, CARLA], silla=[ANA], mesa=[ANA, CARLA])
        for hours, product, what, amount in sorted(happened):
            if what == "price":
                replay.price(PriceMove(BEGIN + hours * HOUR, product, amount))
            else:
                replay.deed(bought(ANA, product, BEGIN + hours * HOUR))
        return replay.end(BEGIN + 60 * DAY)

    first, second = run(), run()
    assert first == second
    assert first.over_limit == 0
    assert all(spoke.key == ANA for spoke in first.spoken)
    assert not first.waiting
