"""Who Ana is, what she said, and what she looked at."""

from __future__ import annotations

import pytest
from story_of_ana import MORNING, Ana

from oportuno.events.event import Call
from oportuno.kit.times import MINUTE
from oportuno.profile.interest import Interest
from oportuno.profile.mute import AT_MOST, mute, muted, unmute
from oportuno.profile.purposes import Purpose
from oportuno.profile.scores import looks
from oportuno.profile.sections import Core, Muted, Traits
from oportuno.profile.who import IDS_AT_MOST, TRAITS_AT_MOST
from oportuno.profile.zones import ZONES, ZONES_OF


def _traits(ana: Ana) -> dict[str, object]:
    return {name: register.value for name, register in ana.draft.read(Core).traits.items()}


def test_reserved_traits_are_kept_in_one_spelling() -> None:
    ana = Ana()
    ana.says(email=" ana@Example.COM ", phone="0034 600-123-456", firstName="Ana", locale="es_ES", address={"country": "es"})
    assert _traits(ana) == {"email": "ana@example.com", "phone": "+34600123456", "first_name": "Ana", "locale": "es-ES", "country": "ES"}


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("email", "not an address"),
        ("email", "ana@localhost"),
        ("email", "a@b.example\r\nBcc: carla@example.com"),
        ("email", 7),
        ("phone", "12"),
        ("phone", True),
        ("timezone", "Europe/Atlantis"),
        ("timezone", ["Europe/Madrid"]),
        ("locale", "the mother tongue"),
        ("country", "Atlantis"),
        ("name", "x" * 300),
        ("name", {"first": "Ana"}),
    ],
)
def test_a_trait_that_cannot_be_true_stays_out_and_the_old_one_stays(trait: str, value: object) -> None:
    ana = Ana()
    ana.says(email="ana@example.com", timezone="Europe/Madrid")
    noticed = ana.says(minute=1, **{trait: value})
    assert noticed.faults == (f"trait_malformed:traits.{trait}",)
    assert _traits(ana) == {"email": "ana@example.com", "timezone": "Europe/Madrid"}


def test_the_last_word_counts_even_when_it_arrives_first() -> None:
    ana = Ana()
    ana.says(minute=5, email="new@example.com")
    ana.says(minute=1, email="old@example.com")
    assert _traits(ana)["email"] == "new@example.com"
    ana.says(minute=6, email=None)
    assert _traits(ana)["email"] is None


def test_what_ana_says_of_her_language_beats_what_her_browser_shows() -> None:
    ana = Ana()
    shows = {"context": {"locale": "en-GB", "timezone": "Europe/London"}}
    ana.tells(shows, call=Call.PAGE)
    assert _traits(ana) == {"locale": "en-GB", "timezone": "Europe/London"}
    ana.says(minute=1, locale="es-ES")
    ana.tells(shows, call=Call.PAGE, at=2 * MINUTE)
    assert _traits(ana) == {"locale": "es-ES", "timezone": "Europe/London"}


def test_a_zone_that_does_not_exist_is_named_and_nothing_else_is_lost() -> None:
    ana = Ana()
    noticed = ana.tells({"context": {"timezone": "Mars/Olympus", "locale": "es"}}, call=Call.PAGE)
    assert noticed.faults == ("timezone_unknown:context.timezone",)
    assert _traits(ana) == {"locale": "es"}


def test_the_shops_own_traits_need_the_yes_to_personalisation() -> None:
    carla, ana = Ana(), Ana(Purpose.PERSONALISATION)
    for customer in (carla, ana):
        customer.says(size="M", marketing_consent=True, shoes={"left": 41})
    assert not carla.draft.has(Traits)
    assert {name: register.value for name, register in ana.draft.read(Traits).values.items()} == {"size": "M", "shoes.left": 41}


def test_traits_that_are_lists_or_novels_stay_out_and_are_named_without_their_values() -> None:
    ana = Ana(Purpose.PERSONALISATION)
    noticed = ana.says(tags=["a"], story="secret" * 100, deep={"er": {"still": 1}}, huge=1 << 63, fine=1)
    assert set(noticed.faults) == {
        "trait_not_plain:traits.tags",
        "trait_too_long:traits.story",
        "trait_not_plain:traits.deep.er",
        "trait_not_plain:traits.huge",
    }
    assert "secret" not in str(noticed)
    assert set(ana.draft.read(Traits).values) == {"fine"}
    assert ana.draft.encode()


def test_of_too_many_traits_the_latest_stay() -> None:
    ana = Ana(Purpose.PERSONALISATION)
    ana.says(**{f"old{n}": n for n in range(TRAITS_AT_MOST)})
    ana.says(minute=1, fresh=1)
    kept = set(ana.draft.read(Traits).values)
    assert "fresh" in kept
    assert len(kept) == TRAITS_AT_MOST


def test_ids_are_kept_by_when_they_were_last_seen() -> None:
    ana = Ana()
    for minute in range(IDS_AT_MOST + 3):
        ana.tells({"anonymousId": f"browser-{minute}", "userId": "ana"}, at=minute * MINUTE, call=Call.PAGE)
    core = ana.draft.read(Core)
    assert len(core.ids) == IDS_AT_MOST
    assert core.ids[-1] == ("user", "ana", MORNING + (IDS_AT_MOST + 2) * MINUTE)
    assert (core.first_seen, core.events) == (MORNING, IDS_AT_MOST + 3)


def test_looks_are_counted_with_the_time_in_sight_only_for_who_said_yes() -> None:
    carla, ana = Ana(), Ana(Purpose.PERSONALISATION)
    for customer in (carla, ana):
        customer.does("Product Viewed", product_id="boots", name="Botas", visible_seconds="12.6")
        customer.does("Product Clicked", minute=1, product_id="boots", duration=3)
        customer.does("Product Viewed", minute=2, product_id="tent", visible_seconds=-4)
    assert not carla.draft.has(Interest)
    assert [(look.product, look.week, look.seconds_week, look.name) for look in looks(ana.draft, MORNING)] == [
        ("boots", 2, 16, "Botas"),
        ("tent", 1, 0, ""),
    ]
    assert ana.noticed.faults == ("duration_out_of_range:visible_seconds",)


def test_no_me_interesa_outlasts_a_purchase_until_it_is_taken_back() -> None:
    ana = Ana()
    mute(ana.draft, ["boots"], "not_interested", MORNING)
    mute(ana.draft, ["boots", "tent"], "bought", MORNING + MINUTE)
    assert muted(ana.draft, ["boots", "tent"]) == "not_interested"
    unmute(ana.draft, ["boots", "lamp"])
    assert muted(ana.draft, ["boots"]) is None
    assert muted(ana.draft, ["tent"]) == "bought"


def test_when_memory_is_full_purchases_are_forgotten_before_refusals() -> None:
    ana = Ana()
    mute(ana.draft, ["never"], "not_interested", MORNING)
    mute(ana.draft, [f"p{n}" for n in range(AT_MOST + 5)], "bought", MORNING + MINUTE)
    assert muted(ana.draft, ["never"]) == "not_interested"
    assert len(ana.draft.read(Muted).items) == AT_MOST


def test_the_zones_of_spain_are_three_and_of_nowhere_none() -> None:
    assert ZONES_OF["ES"] == ("Europe/Madrid", "Africa/Ceuta", "Atlantic/Canary")
    assert "XX" not in ZONES_OF
    assert all(set(zones) <= ZONES for zones in ZONES_OF.values())
    assert {"UTC", "Asia/Calcutta", "America/Argentina/Buenos_Aires"} <= ZONES
