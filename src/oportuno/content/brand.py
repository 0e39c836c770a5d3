"""A workspace's look: nine tokens, and what follows from them. Written out as colours, because mail programs know no `color-mix`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from colorsys import hls_to_rgb, rgb_to_hls
from functools import lru_cache
from typing import Final

from oportuno.kit.faults import BadInput

TOKENS: Final[dict[str, str]] = {
    "brand": "#0d4450",
    "on_brand": "#ffffff",
    "accent": "#f8c81c",
    "on_accent": "#12262b",
    "ink": "#12262b",
    "paper": "#ffffff",
    "font_display": "'Bricolage Grotesque', system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif",
    "font_body": "Figtree, system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif",
    "radius": "10px",
}
"""The nine tokens with what holds where a workspace sets nothing."""
_COLOURS: Final = ("brand", "on_brand", "accent", "on_accent", "ink", "paper")
_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
_FONTS: Final = re.compile(r"[\w ,'\-]{1,200}")
_RADIUS: Final = re.compile(r"\d{1,2}px")
# In the dark, text and paper change places; the brand becomes the tint that carries on it.
_DARK_INK: Final = "#e9f1f1"
_DARK_PAPER: Final = "#12262b"
_DARK_FOG: Final = "#0b1a1e"
_DARK_LABEL: Final = "#1c1f1a"
_COMFORTABLE: Final = 9.0
_DARK: Final = 0.04045
"""Below this share of full light a channel of sRGB is linear."""
READABLE: Final = 4.5
"""The contrast that WCAG AA asks of text."""


def in_language(address: str, language: str) -> str:
    """Give an address in a reader's language: a shop that has a page in each writes ``{language}`` where they differ."""
    return address.replace("{language}", language)


def read_tokens(given: Mapping[str, object]) -> dict[str, str]:
    """Check a workspace's tokens and fill in the rest.

    Raises BadInput on an unknown token, on a value that is not of its kind, and on a pair that cannot be read on one another.
    """
    tokens = dict(TOKENS)
    for name, value in given.items():
        if name not in TOKENS:
            raise BadInput("brand_token_unknown", f"“{name[:40]}” is not one of the nine brand tokens: {', '.join(TOKENS)}")
        shape = _HEX if name in _COLOURS else _RADIUS if name == "radius" else _FONTS
        if not isinstance(value, str) or not shape.fullmatch(value):
            raise BadInput("brand_token_malformed", f"the brand token {name} cannot be read", place=f"tokens.{name}")
        tokens[name] = value
    for text, ground in (("on_brand", "brand"), ("on_accent", "accent"), ("ink", "paper"), ("brand", "paper")):
        found = contrast(tokens[text], tokens[ground])
        if found < READABLE:
            raise BadInput(
                "brand_contrast", f"{text} on {ground} has a contrast of {found:.1f}; {READABLE} is the least", place=f"tokens.{text}"
            )
    return tokens


def palette(given: Mapping[str, str]) -> dict[str, str]:
    """Give every colour a mail or page needs, light and dark, derived from the tokens. Tokens that cannot be read count as not set."""
    return dict(_palette(tuple(sorted(given.items()))))


@lru_cache(maxsize=64)
def _palette(given: tuple[tuple[str, str], ...]) -> dict[str, str]:
    try:
        tokens = read_tokens(dict(given))
    except BadInput:
        tokens = dict(TOKENS)
    brand, accent, ink, paper = tokens["brand"], tokens["accent"], tokens["ink"], tokens["paper"]
    dark_brand = _until_readable(brand, _DARK_PAPER)
    return tokens | {
        "fog": mix(brand, paper, 0.06),
        "tint": mix(brand, paper, 0.11),
        "line": mix(ink, paper, 0.17),
        "ink_2": mix(ink, paper, 0.80),
        "label": mix(accent, paper, 0.18),
        "label_edge": mix(accent, ink, 0.78),
        "dark_fog": _DARK_FOG,
        "dark_paper": _DARK_PAPER,
        "dark_ink": _DARK_INK,
        "dark_ink_2": "#b4c4c7",
        "dark_line": "#35494f",
        "dark_brand": dark_brand,
        "dark_on_brand": "#0a1c20",
        "dark_label": mix(accent, _DARK_LABEL, 0.1),
        "dark_label_edge": mix(accent, _DARK_PAPER, 0.66),
    }


def _until_readable(colour: str, ground: str) -> str:
    """Lighten a colour, its hue kept, until text of it can be read well on a dark ground."""
    hue, lightness, saturation = rgb_to_hls(*(channel / 255 for channel in _channels(colour)))
    for step in range(int(lightness * 100), 100):
        channels = hls_to_rgb(hue, step / 100, min(saturation, 0.62))
        tried = "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)
        if contrast(tried, ground) >= _COMFORTABLE:
            return tried
    return "#ffffff"


def mix(one: str, other: str, share: float) -> str:
    """Mix two colours: `share` of the first, the rest of the second, channel by channel."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio of two colours as WCAG 2 defines it, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= _DARK else ((c + 0.055) / 1.055) ** 2.4 for c in (channel / 255 for channel in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
