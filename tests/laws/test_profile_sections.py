"""Laws of the stored profile: what was written once is read for ever, and what we do not know is given back untouched."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import msgspec
import pytest
from profile_events import ALL_PURPOSES, ANA, MORNING, SERVICE_ONLY, happened, live_through

import oportuno
from oportuno.events.event import Call, Event
from oportuno.kit.times import DAY, HOUR, MINUTE
from oportuno.profile.declared import Declared
from oportuno.profile.draft import CodecTooNew, Draft, PurposeClosed, Section
from oportuno.profile.fold import rest
from oportuno.profile.interest import Interest
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart, Core, Muted, Orders, Traits
from oportuno.profile.watching import Watching
from oportuno.profile.wishlist import Wishlist

KEPT = Path(__file__).parent / "profile_states"
"""One stored state of every section and codec, as hex: ``<title>.<codec>.hex``. Never changed, only added to."""
OURS = (Core, Traits, Cart, Wishlist, Orders, Interest, Declared, Muted, Watching)
_ROOMS = ("attention", "channels", "consent", "content", "decision", "events", "flows", "journeys", "moments", "profile")


def every_section() -> list[type[Section]]:
    """Import every room and give each kind of section that any of them declares."""
    for room in _ROOMS:
        package = importlib.import_module(f"oportuno.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"oportuno.{room}."):
            importlib.import_module(module.name)
    found, kinds = [], list(Section.__subclasses__())
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith(f"{oportuno.__name__}."):
            found.append(kind)
    return found


def test_every_section_has_a_title_of_its_own_a_codec_and_purposes() -> None:
    sections = every_section()
    titles = [section.title for section in sections]
    assert len(set(titles)) == len(titles), titles
    for section in sections:
        assert section.title.isidentifier()
        assert section.codec >= 1
        assert all(isinstance(purpose, Purpose) for purpose in section.purposes)
        section()


def test_what_tells_of_tastes_belongs_to_personalisation() -> None:
    assert {section for section in OURS if section.purposes} == {Traits, Interest, Declared}
    assert Traits.purposes == Interest.purposes == Declared.purposes == frozenset({Purpose.PERSONALISATION})


@pytest.mark.parametrize("section", OURS, ids=lambda section: section.title)
def test_a_state_of_every_past_codec_still_reads(section: type[Section]) -> None:
    kept = sorted(KEPT.glob(f"{section.title}.*.hex"))
    assert len(kept) == section.codec, "keep one state of every codec"
    for file in kept:
        codec = int(file.suffixes[0][1:])
        blob = bytes.fromhex(file.read_text())
        draft = Draft(ANA, msgspec.msgpack.encode([(section.title, codec, blob)]))
        draft.granted = ALL_PURPOSES
        assert draft.read(section) != section()


@pytest.mark.parametrize("section", OURS, ids=lambda section: section.title)
def test_a_state_of_the_present_codec_is_written_back_as_it_was(section: type[Section]) -> None:
    state = msgspec.msgpack.encode(
        [(section.title, section.codec, bytes.fromhex((KEPT / f"{section.title}.{section.codec}.hex").read_text()))]
    )
    draft = Draft(ANA, state)
    draft.granted = ALL_PURPOSES
    draft.open(section)
    assert draft.encode() == state


def test_a_section_nobody_knows_survives_byte_for_byte() -> None:
    strange = msgspec.msgpack.encode([("core", 1, msgspec.msgpack.encode({})), ("loyalty", 7, b"\x00\xff not even msgpack")])
    draft = Draft(ANA, strange)
    draft.open(Core).events = 3
    again = Draft(ANA, draft.encode())
    assert {title: (codec, blob) for title, codec, blob in msgspec.msgpack.decode(again.encode())}["loyalty"] == (
        7,
        b"\x00\xff not even msgpack",
    )
    assert again.read(Core).events == 3


def test_a_section_of_a_newer_release_stops_the_worker_instead_of_being_misread() -> None:
    draft = Draft(ANA, msgspec.msgpack.encode([("cart", Cart.codec + 1, b"\x80")]))
    with pytest.raises(CodecTooNew):
        draft.open(Cart)
    assert not draft.changed
    assert Draft(ANA, draft.encode()).sizes() == {"cart": 1}


def test_a_closed_section_can_be_neither_read_nor_opened_but_always_forgotten() -> None:
    draft = Draft(ANA, msgspec.msgpack.encode([("views", 1, bytes.fromhex((KEPT / "views.1.hex").read_text()))]))
    draft.granted = SERVICE_ONLY
    for look in (draft.read, draft.open):
        with pytest.raises(PurposeClosed):
            look(Interest)
    assert draft.encode()
    draft.delete(Interest)
    assert draft.encode() == msgspec.msgpack.encode([])


def _product(number: int) -> dict[str, object]:
    address = f"https://tienda-norte.example/p/{number:05}"
    return {
        "product_id": f"sku-{number:05}",
        "name": f"Botas de montaña {number}",
        "price": 59.95,
        "url": address,
        "image_url": f"{address}.jpg",
    }


def _ordinary(*, views: int, lines: int) -> list[Event]:
    """Half a year of somebody who bought five times, and what they did today."""
    told = {"currency": "EUR", "quantity": 1}
    events = [
        happened("", 0, 0, call=Call.IDENTIFY, traits={"email": "ana@example.com", "firstName": "Ana"}, anonymousId="3f0b0b52-59a6-4f36")
    ]
    for number in range(1, 6):
        order = {"order_id": f"order-{number:06}", "total": 99.5, "currency": "EUR", "products": [_product(number), _product(number + 50)]}
        events.append(happened("Order Completed", number * 35 * DAY, number, properties=order))
    looks = [happened("Product Viewed", 180 * DAY + number * MINUTE, number, properties=_product(number)) for number in range(views)]
    adds = [
        happened("Product Added", 180 * DAY + HOUR + number * MINUTE, number, properties=_product(number) | told) for number in range(lines)
    ]
    return [*events, *looks, *adds]


@pytest.mark.parametrize(("views", "lines"), [(10, 0), (0, 6), (0, 0)])
def test_the_state_of_an_ordinary_customer_is_small_because_it_is_the_engines_speed(views: int, lines: int) -> None:
    # The budget of hot state is 2 kB; consents and touches, of other rooms, take about a quarter of it.
    draft = Draft(ANA, live_through(_ordinary(views=views, lines=lines)))
    draft.granted = ALL_PURPOSES
    rest(draft, MORNING + 181 * DAY)
    assert len(draft.encode()) <= 1_750
