"""Campaign parameters go on the shop's links and on no others; a shop's colours can be read or are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.content.brand import READABLE, TOKENS, contrast, palette, read_tokens
from oportuno.content.utm import Marker
from oportuno.kit.faults import BadInput

UTM = {"source": "oportuno", "medium": "email", "campaign": "cesta de otoño"}
MARKER = Marker(UTM, shops=("https://norte.example", "https://cesta.norte.example/x"), own="https://norte.example")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://norte.example/g", "https://norte.example/g?utm_source=oportuno&utm_medium=email&utm_campaign=cesta%20de%20oto%C3%B1o"),
        ("https://www.norte.example/g?a=1#b", "https://www.norte.example/g?a=1&utm_source=oportuno&utm_medium=email&utm_campaign=cesta%20de%20oto%C3%B1o#b"),
        ("https://norte.example/g?utm_source=x&utm_medium=y&utm_campaign=", "https://norte.example/g?utm_source=x&utm_medium=y&utm_campaign="),
        ("https://norte.example/p/token", "https://norte.example/p/token"),
        ("https://elsewhere.example/g", "https://elsewhere.example/g"),
        ("https://notnorte.example/g", "https://notnorte.example/g"),
        ("mailto:hola@norte.example", "mailto:hola@norte.example"),
        ("#top", "#top"),
        ("https://[broken/", "https://[broken/"),
    ],
)  # fmt: skip
def test_only_links_into_the_shop_are_marked(address: str, found: str) -> None:
    assert MARKER.url(address) == found


def test_in_html_addresses_stay_escaped() -> None:
    html = MARKER.html('<a class="x" href="https://norte.example/?a=1&amp;b=2">x</a><img src="https://norte.example/i.png">')
    assert 'href="https://norte.example/?a=1&amp;b=2&amp;utm_source=oportuno&amp;' in html
    assert 'src="https://norte.example/i.png"' in html


def test_in_plain_text_the_full_stop_after_an_address_is_not_part_of_it() -> None:
    marked = MARKER.text("Mira https://norte.example/g. O https://norte.example/p/t")
    assert "https://norte.example/g?utm_source=oportuno" in marked
    assert marked.endswith("https://norte.example/p/t")
    assert ". O" in marked


@given(st.text(max_size=40))
def test_no_address_breaks_the_marking(text: str) -> None:
    address = f"https://norte.example/{text}"
    assert MARKER.url(address).startswith("https://norte.example/")


def test_the_default_look_can_be_read_light_and_dark() -> None:
    colours = palette({})
    for text, ground in (
        ("ink", "paper"), ("ink_2", "paper"), ("ink_2", "fog"), ("ink", "label"), ("brand", "label"), ("on_brand", "brand"),
        ("dark_ink", "dark_paper"), ("dark_ink_2", "dark_fog"), ("dark_ink", "dark_label"), ("dark_brand", "dark_label"),
        ("dark_on_brand", "dark_brand"),
    ):  # fmt: skip
        assert contrast(colours[text], colours[ground]) >= READABLE, (text, ground)


@pytest.mark.parametrize(
    ("given_tokens", "code"),
    [
        ({"brand": "#ffff00"}, "brand_contrast"),
        ({"ink": "#777777", "paper": "#999999"}, "brand_contrast"),
        ({"brand": "red"}, "brand_token_malformed"),
        ({"brand": "#0d4450;} body{display:none"}, "brand_token_malformed"),
        ({"font_body": "x</style><script>"}, "brand_token_malformed"),
        ({"radius": "calc(1px)"}, "brand_token_malformed"),
        ({"colour": "#000000"}, "brand_token_unknown"),
    ],
)
def test_a_look_that_cannot_be_read_is_refused_by_name(given_tokens: dict[str, str], code: str) -> None:
    with pytest.raises(BadInput) as fault:
        read_tokens(given_tokens)
    assert fault.value.code == code
    assert palette(given_tokens)["brand"] == TOKENS["brand"]


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_whatever_colour_a_shop_has_it_can_be_read_in_the_dark(colour: str) -> None:
    try:
        read_tokens({"brand": colour})
    except BadInput:
        return
    colours = palette({"brand": colour})
    assert contrast(colours["dark_brand"], colours["dark_paper"]) >= READABLE
    assert contrast(colours["dark_on_brand"], colours["dark_brand"]) >= READABLE
