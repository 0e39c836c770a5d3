"""Links that tell when they are followed: only into the shop, only for whoever said yes, and never an address of one person."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_stage import BRAND, GALERNA, KEY, MAKER, TIENDA_NORTE, Stage
from oportuno.consent.answers import Answered
from oportuno.content.click_links import LIFETIME, LONGEST, MOST, ClickFacts, Measured, read_click, sign_click
from oportuno.content.links import Action, LinkFacts, LinkKey, Links, sign
from oportuno.content.message import Rendered
from oportuno.content.shop_links import host_of
from oportuno.content.utm import Marker
from oportuno.kit.faults import NotAllowed
from oportuno.kit.ids import dated, derive, write_id
from oportuno.kit.times import DAY
from oportuno.profile.sections import Line

KEYS = {KEY.id: KEY}
MESSAGE = dated(20_000, derive("a mail"))
DOOR = "https://pages.example/c/"
LINKS = Links(
    base="https://pages.example",
    why="https://pages.example/p/why",
    bought="https://pages.example/p/bought",
    not_interested="https://pages.example/p/not",
    unsubscribe="https://pages.example/p/leave",
    cart="https://norte.example/cesta?oportuno_cart=TOKEN",
    confirm="https://pages.example/p/confirm",
)
PROFILE: dict[str, Any] = {
    "first_name": "Ana",
    "last_name": "García",
    "email": "ana@correo.example",
    "phone": "+34600111222",
    "traits": {"card": "N-55512345", "size": 39},
}


def measured(**changes: Any) -> Measured:
    given: dict[str, Any] = {
        "workspace": TIENDA_NORTE,
        "message": MESSAGE,
        "key": KEY,
        "links": LINKS,
        "brand": msgspec.structs.asdict(BRAND),
        "profile": PROFILE,
        "context": {"order": {"id": "N-1001", "tracking_url": "https://norte.example/envios/ABCDEFG", "things": [{"id": "galerna"}]}},
    }
    return Measured(**{**given, **changes})


def led_to(mail: Measured, address: str) -> str:
    """Give where an address of a mail leads in the end."""
    shown = mail.url(address, address)
    if not shown.startswith(DOOR):
        return shown
    facts = read_click(shown.removeprefix(DOOR), KEYS)
    assert (facts.workspace, facts.message) == (TIENDA_NORTE, MESSAGE)
    return mail.stored[facts.link].url


# ── Which links ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address", ["https://norte.example/galerna", "http://www.norte.example/", "https://norte.example/p?color=rojo#fotos"]
)
def test_a_link_into_the_shop_goes_past_the_door_and_to_the_same_place(address: str) -> None:
    mail = measured()
    assert mail.url(address, address).startswith(DOOR)
    assert led_to(mail, address) == address


@pytest.mark.parametrize(
    "address",
    [
        LINKS.why,
        LINKS.unsubscribe,
        LINKS.confirm,
        "https://pages.example/p/anything",
        "https://pages.example/c/anything",
        "https://norte.example/privacidad",
        "https://elsewhere.example/galerna",
        "https://norte.example.evil.example/",
        "https://evil.example\\@norte.example/",
        "https://norte.example@evil.example/",
        "https://evil.example%2f.norte.example/",
        "mailto:hola@norte.example",
        "javascript:alert(1)",
        "ftp://norte.example/x",
        "//norte.example/x",
        "#top",
        "",
        "https://[broken/",
        "https://norte.example/" + "p" * LONGEST,
    ],
)
def test_ours_and_strangers_links_stay_as_they_are(address: str) -> None:
    mail = measured()
    assert mail.url(address, address) == address
    assert mail.stored == {}


@pytest.mark.parametrize(
    "address",
    [
        "https://norte.example/?email=ana@correo.example",
        "https://norte.example/?email=ana%40correo.example",
        "https://norte.example/?tel=%2B34600111222",
        "https://norte.example/hola/Ana",
        "https://norte.example/?hola=Ana+Garc%C3%ADa",
        "https://norte.example/pedidos/N-1001",
        "https://norte.example/envios/ABCDEFG",
        "https://norte.example/tarjeta?n=N-55512345&a=1",
        "https://norte.example/talla/39",
        f"https://norte.example/?m={write_id('msg', MESSAGE)}",
        "https://norte.example/?volver=https://pages.example/p/why",
        "https://norte.example/cesta?oportuno_cart=OTHER",
    ],
)
def test_an_address_that_tells_of_one_person_or_one_message_is_never_stored(address: str) -> None:
    mail = measured()
    assert mail.url(address, address) == address
    assert mail.stored == {}


def test_the_privacy_notice_of_either_language_is_plain_and_the_rest_of_the_shop_is_not() -> None:
    brand = {**msgspec.structs.asdict(BRAND), "privacy_url": "https://norte.example/{language}/privacidad"}
    mail = measured(brand=brand)
    for address, plain in (
        ("https://norte.example/es/privacidad", True),
        ("https://norte.example/en/privacidad", True),
        ("https://norte.example/es/galerna", False),
    ):
        assert (mail.url(address, address) == address) is plain, address


def test_the_cart_is_stored_without_the_customers_token_and_with_the_campaign() -> None:
    mail = measured()
    marked = f"{LINKS.cart}&utm_source=oportuno&utm_campaign=cesta"
    assert mail.url(LINKS.cart, marked).startswith(DOOR)
    (link,) = mail.stored.values()
    assert link.cart
    assert link.url == "https://norte.example/cesta?utm_source=oportuno&utm_campaign=cesta"


def test_a_million_mails_with_the_same_link_store_it_once() -> None:
    one, other = measured(), measured(message=dated(20_000, derive("another mail")))
    address = "https://norte.example/galerna"
    assert one.url(address, address) != other.url(address, address)
    assert one.stored == other.stored


def test_two_workspaces_share_no_link() -> None:
    address = "https://norte.example/galerna"
    one, other = measured(), measured(workspace=TIENDA_NORTE + 1)
    one.url(address, address)
    other.url(address, address)
    assert not one.stored.keys() & other.stored.keys()


def test_a_mail_with_endless_links_keeps_the_rest_plain() -> None:
    mail = measured()
    shown = [mail.url(f"https://norte.example/g{n}", f"https://norte.example/g{n}") for n in range(MOST + 5)]
    assert [address.startswith(DOOR) for address in shown] == [True] * MOST + [False] * 5
    assert len(mail.stored) == MOST


_HOSTS = ("norte.example", "www.norte.example", "evil.example", "norte.example.evil.example", "evil.example\\@norte.example", "[::1]", "")
_ADDRESS = st.builds(
    "{}{}{}".format,
    st.sampled_from(("https://", "http://", "HTTPS://", "//", "javascript:", "https:/", "https:\\\\")),
    st.sampled_from(_HOSTS) | st.text(max_size=20),
    st.text(max_size=30),
)


@settings(deadline=None)
@given(st.lists(_ADDRESS, max_size=12))
def test_whatever_stands_in_a_mail_the_door_leads_to_the_shops_hosts_alone(addresses: list[str]) -> None:
    mail = measured()
    marker = Marker({"source": "o"}, shops=(BRAND.shop_url, BRAND.cart_url), own=LINKS.base, led=mail.url)
    html = "".join(f'<a href="{address.replace("&", "&amp;").replace(chr(34), "&quot;")}">x</a>' for address in addresses)
    marker.html(html)
    marker.text(" ".join(addresses))
    for link in mail.stored.values():
        assert link.url.lower().startswith(("https://", "http://"))
        host = host_of(link.url)
        assert host == "norte.example" or host.endswith(".norte.example")
        assert "\\" not in link.url


# ── In a mail ───────────────────────────────────────────────────────────────────────────────────────────────────────


def mail_of_ana(*, measures: bool, lines: tuple[Line, ...] = (GALERNA,)) -> Rendered:
    stage = Stage()
    key = stage.ana(lines=lines)
    if measures:
        stage.measure(key)
    return stage.render(stage.queue(key))


def in_html(rendered: Rendered) -> list[str]:
    return [unescape(address) for address in re.findall(r'<a[^>]+href="([^"]*)"', rendered.html)]


def in_text(rendered: Rendered) -> list[str]:
    return re.findall(r"https?://[^\s<>\"]+", rendered.text)


def test_without_a_yes_to_measurement_every_link_is_plain_and_nothing_is_stored() -> None:
    rendered = mail_of_ana(measures=False)
    assert rendered.links == ()
    assert not any(address.startswith(DOOR) for address in in_html(rendered) + in_text(rendered))


def test_with_a_yes_the_shops_links_go_past_the_door_in_both_parts_alike_and_ours_never() -> None:
    rendered = mail_of_ana(measures=True)
    html, text = in_html(rendered), in_text(rendered)
    doors = {address for address in html if address.startswith(DOOR)}
    assert doors
    assert doors <= set(text)
    assert {read_click(address.removeprefix(DOOR), KEYS).link for address in (*html, *text) if address.startswith(DOOR)} == {
        link.id for link in rendered.links
    }
    for address in {*html, *text} - doors:
        assert address.startswith(("https://pages.example/p/", DOOR, "https://norte.example/privacidad")), address
    assert "<img" not in rendered.html
    assert all("utm_source=oportuno" in link.url for link in rendered.links)
    assert rendered.headers == mail_of_ana(measures=False).headers


def test_whoever_takes_the_yes_back_gets_plain_links_in_the_next_mail() -> None:
    stage = Stage()
    key = stage.ana()
    stage.measure(key)
    stage.measure(key, Answered.WITHDRAWN)
    assert stage.render(stage.queue(key)).links == ()


def test_the_same_message_rendered_again_has_the_same_links() -> None:
    stage = Stage()
    key = stage.ana()
    stage.measure(key)
    message = stage.queue(key)
    first = stage.render(message)
    stage.world.clock.now += DAY // 4
    assert in_html(stage.render(message)) == in_html(first)


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────────

FACTS = ClickFacts(workspace=TIENDA_NORTE, message=MESSAGE, link=b"l" * 16)


@given(workspace=st.integers(0, 2**31 - 1), message=st.binary(min_size=16, max_size=16), link=st.binary(min_size=16, max_size=16))
def test_what_was_signed_is_read_back(workspace: int, message: bytes, link: bytes) -> None:
    facts = ClickFacts(workspace=workspace, message=message, link=link)
    token = sign_click(facts, KEY)
    assert read_click(token, KEYS) == facts
    assert len(token) < 90
    assert re.fullmatch(r"[\w-]+", token)


@given(place=st.integers(0, 200), letter=st.sampled_from("ABCxyz019-_"))
def test_a_token_changed_in_any_letter_is_forged(place: int, letter: str) -> None:
    token = sign_click(FACTS, KEY)
    changed = token[: place % len(token)] + letter + token[place % len(token) + 1 :]
    if changed != token:
        with pytest.raises(NotAllowed) as fault:
            read_click(changed, KEYS)
        assert fault.value.code == "link_forged"


@given(st.text(max_size=200))
def test_any_text_at_all_is_no_token(text: str) -> None:
    with pytest.raises(NotAllowed):
        read_click(text, KEYS)


def test_the_token_of_a_page_is_none_of_the_door_nor_one_of_another_key() -> None:
    page = sign(LinkFacts(workspace=TIENDA_NORTE, customer=1, message=MESSAGE, action=Action.WHY, expires=2**50), KEY)
    stranger = LinkKey(id=KEY.id, secret=b"another secret of thirty-two byt")
    for token in (page, sign_click(FACTS, stranger), sign_click(FACTS, LinkKey(id="k9", secret=KEY.secret))):
        with pytest.raises(NotAllowed):
            read_click(token, KEYS)


def test_a_link_works_for_thirteen_months_from_its_messages_day() -> None:
    assert FACTS.expires == 20_000 * DAY + LIFETIME
    assert MAKER.keys == KEYS
