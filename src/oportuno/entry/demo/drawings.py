"""The shop's pictures: drawn here as flat shapes on a square of 200, one per kind of product. Nothing is fetched."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from oportuno.entry.demo.gift_drawings import GIFTS

DEEP, TEAL, SEA, SUN, AMBER, RED, BRICK, CREAM, SAND, LEAF, FOREST, WHITE = (
    "#0D4450", "#1F7A7B", "#5FB0AE", "#F8C81C", "#E3A70C", "#C94F3D", "#9E3A2B", "#FBF4E2", "#E6D9BB", "#7FA650", "#4E7A35", "#FFFFFF",
)  # fmt: skip
BREAD, CRUST, COCOA = "#E9B872", "#B9793A", "#6B4226"


def _path(data: str, fill: str, extra: str = "") -> str:
    return f'<path d="{data}" fill="{fill}" {extra}/>'


def _stroke(data: str, colour: str, width: float = 4) -> str:
    return f'<path d="{data}" fill="none" stroke="{colour}" stroke-width="{width:g}" stroke-linecap="round" stroke-linejoin="round"/>'


def _disc(x: float, y: float, r: float, fill: str) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}" fill="{fill}"/>'


def _oval(x: float, y: float, rx: float, ry: float, fill: str, turn: float = 0) -> str:  # noqa: PLR0917 - place and size, in the order of SVG
    return f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}" fill="{fill}" transform="rotate({turn:g} {x:g} {y:g})"/>'


def _box(x: float, y: float, w: float, h: float, fill: str, r: float = 4) -> str:  # noqa: PLR0917 - place and size, in the order of SVG
    return f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{r:g}" fill="{fill}"/>'


def _label(x: float, y: float, w: float, h: float, fill: str = CREAM, ink: str = DEEP) -> str:  # noqa: PLR0917 - place and size, in the order of SVG
    lines = f"M{x + w * 0.2:g} {y + h * 0.4:g}h{w * 0.6:g}M{x + w * 0.2:g} {y + h * 0.65:g}h{w * 0.38:g}"
    return _box(x, y, w, h, fill) + _stroke(lines, ink, 3)


def _leaf(x: float, y: float, turn: float, fill: str = FOREST) -> str:
    return f'<path d="M0 0c6 -14 22 -18 34 -12c-6 14 -22 18 -34 12z" fill="{fill}" transform="translate({x:g} {y:g}) rotate({turn:g})"/>'


def _round_fruit(body: str, shade: str) -> str:
    return (
        _disc(100, 108, 54, body)
        + _path("M100 54a54 54 0 0 1 0 108c22 -14 34 -32 34 -54s-12 -40 -34 -54z", shade, 'opacity=".55"')
        + _stroke("M72 88c4 -8 10 -13 17 -15", WHITE, 6)
        + _stroke("M100 60c0 -8 2 -14 7 -20", CRUST, 5)
    )


def _tin(body: str, band: str) -> str:
    return (
        _box(58, 56, 84, 104, body, 10)
        + _path("M104 56h28a10 10 0 0 1 10 10v84a10 10 0 0 1 -10 10h-28z", "#000", 'opacity=".10"')
        + _oval(100, 60, 42, 11, "#C9D3D4")
        + _oval(100, 60, 33, 7, "#E8EEEE")
        + _box(58, 84, 84, 50, band, 0)
        + _label(76, 92, 48, 34)
    )


def _bottle(body: str, cap: str, label: str) -> str:
    return (
        _path("M84 46h32v22c0 10 20 16 20 34v50a12 12 0 0 1 -12 12h-48a12 12 0 0 1 -12 -12v-50c0 -18 20 -24 20 -34z", body)
        + _path("M108 46h8v22c0 10 20 16 20 34v50a12 12 0 0 1 -12 12h-16z", "#000", 'opacity=".10"')
        + _box(82, 32, 36, 18, cap, 5)
        + _label(74, 106, 52, 38, label)
    )


def _carton(body: str, side: str, mark: str) -> str:
    return (
        _path("M62 76l14 -30h48l14 30z", side)
        + _box(76, 36, 48, 12, body, 3)
        + _box(62, 76, 76, 88, body, 4)
        + _path("M108 76h30v84a4 4 0 0 1 -4 4h-26z", "#000", 'opacity=".08"')
        + mark
    )


def _bag(body: str, band: str) -> str:
    return (
        _path("M64 58l6 -14h60l6 14l6 92a12 12 0 0 1 -12 12h-60a12 12 0 0 1 -12 -12z", body)
        + _path("M108 44h22l6 14l6 92a12 12 0 0 1 -12 12h-22z", "#000", 'opacity=".12"')
        + _stroke("M66 58h68", band, 6)
        + _label(76, 88, 48, 44)
    )


def _ring(dough: str, shade: str, top: str = "") -> str:
    return (
        f'<circle cx="100" cy="104" r="40" fill="none" stroke="{shade}" stroke-width="36"/>'
        f'<circle cx="100" cy="101" r="40" fill="none" stroke="{dough}" stroke-width="34"/>' + top
    )


def _bloom(x: float, y: float, petal: str, heart: str) -> str:
    petals = "".join(f'<g transform="rotate({turn} {x:g} {y:g})">{_oval(x, y - 13, 9, 13, petal)}</g>' for turn in range(0, 360, 60))
    return petals + _disc(x, y, 8, heart)


_SPRINKLES: Final = "".join(
    _stroke(f"M{x} {y}l{dx} {dy}", colour, 4)
    for x, y, dx, dy, colour in (
        (66, 78, 6, 4, SUN), (92, 58, 7, -1, WHITE), (122, 68, 4, 6, TEAL), (140, 96, 1, 7, SUN), (60, 106, 2, 7, TEAL),
        (76, 132, 6, 3, WHITE), (104, 142, 7, 0, SUN), (130, 126, 5, -5, WHITE), (112, 62, 4, 3, SUN), (136, 112, -2, 5, TEAL),
        (64, 122, 4, 4, SUN),
    )
)  # fmt: skip
_GRAPES: Final = "".join(
    _disc(x, y, 15, LEAF) + _disc(x - 4, y - 5, 4, "#A9C97C")
    for x, y in ((76, 84), (100, 80), (124, 84), (84, 106), (110, 106), (72, 104), (132, 104), (96, 128), (118, 126), (84, 128), (104, 150))
)

_SHAPES: Final[dict[str, str]] = {
    "banana": _path("M54 66c2 52 38 86 92 74c6 -1 8 -10 2 -13c-40 -4 -66 -28 -74 -66c-3 -9 -19 -8 -20 5z", SUN)
    + _path("M60 70c4 42 36 68 84 66c-46 14 -88 -14 -88 -64z", AMBER)
    + _path("M54 66c-2 -12 2 -18 10 -20l6 12c-2 4 -12 12 -16 8z", COCOA)
    + _disc(148, 134, 6, COCOA),
    "apple": _path("M100 66c-20 -14 -54 -6 -54 36c0 38 26 62 40 62c8 0 8 -4 14 -4s6 4 14 4c14 0 40 -24 40 -62c0 -42 -34 -50 -54 -36z", RED)
    + _path("M114 164c14 0 40 -24 40 -62c0 -34 -22 -46 -40 -42c30 14 26 76 0 104z", BRICK)
    + _stroke("M100 66c0 -10 2 -18 8 -26", COCOA, 5)
    + _leaf(106, 52, -8)
    + _stroke("M64 94c2 -10 8 -16 14 -18", WHITE, 6),
    "avocado": _path("M100 38c18 0 24 26 34 46c22 44 4 80 -34 80s-56 -36 -34 -80c10 -20 16 -46 34 -46z", FOREST)
    + _path("M100 50c12 0 18 22 26 40c18 38 4 62 -26 62s-44 -24 -26 -62c8 -18 14 -40 26 -40z", "#DDE6A0")
    + _disc(100, 118, 22, CRUST)
    + _oval(93, 110, 6, 4, "#D9A468", -30),
    "strawberry": _path("M100 164c-28 -14 -52 -46 -46 -76c4 -20 26 -24 46 -12c20 -12 42 -8 46 12c6 30 -18 62 -46 76z", RED)
    + "".join(_oval(x, y, 3, 4, SUN) for x, y in ((74, 96), (100, 94), (126, 96), (86, 116), (114, 116), (100, 138), (70, 114), (130, 114)))
    + _path("M100 78c-14 4 -26 2 -34 -8c10 -2 16 -6 20 -12c6 4 10 4 14 -6c4 10 8 10 14 6c4 6 10 10 20 12c-8 10 -20 12 -34 8z", FOREST),
    "tomato": _disc(72, 114, 34, RED)
    + _disc(130, 116, 36, RED)
    + _disc(100, 92, 36, "#D65B47")
    + _path("M100 74c-10 2 -18 0 -24 -6l16 -2l8 -14l8 14l16 2c-6 6 -14 8 -24 6z", FOREST)
    + _stroke("M100 58c2 -10 10 -16 22 -20", FOREST, 5)
    + _stroke("M78 84c2 -6 6 -10 10 -11", WHITE, 5),
    "orange": _round_fruit("#F0932B", "#D9741A") + _leaf(106, 46, -4),
    "lemon": _path(
        "M48 104c8 -34 40 -50 70 -44c14 2 18 -4 26 0c6 4 6 12 4 20c4 34 -22 66 -56 68c-14 2 -20 8 -28 4c-8 -6 -2 -12 -6 -20z", SUN
    )
    + _path("M146 82c4 34 -22 66 -56 68c-12 0 -20 6 -26 4c44 -4 74 -30 80 -76z", AMBER)
    + _stroke("M66 98c6 -12 16 -20 28 -22", WHITE, 6)
    + _leaf(142, 62, -24),
    "broccoli": _path("M88 116l-6 44a6 6 0 0 0 6 6h24a6 6 0 0 0 6 -6l-6 -44z", "#A9C97C")
    + _stroke("M92 118l-18 -12M108 118l18 -12", "#A9C97C", 12)
    + "".join(
        _disc(x, y, r, FOREST) for x, y, r in ((66, 92, 24), (134, 92, 24), (100, 66, 30), (78, 70, 22), (122, 70, 22), (100, 98, 24))
    )
    + "".join(_disc(x, y, 7, LEAF) for x, y in ((64, 86), (90, 58), (112, 64), (132, 84), (100, 90), (78, 74))),
    "carrot": "".join(
        f'<g transform="rotate({turn} 100 70) translate({move} 0)">'
        + _path("M84 74c0 -8 32 -8 32 0c0 30 -8 66 -16 88c-8 -22 -16 -58 -16 -88z", "#EE8133")
        + _stroke("M90 92h12M108 108h-10M94 126h8", "#C9611B", 3)
        + _path("M100 72c-10 -14 -12 -28 -8 -38c6 4 8 8 8 8s2 -6 10 -10c4 12 0 26 -10 40z", FOREST)
        + "</g>"
        for turn, move in ((24, 10), (-22, -10), (0, 0))
    ),
    "grapes": _stroke("M100 74c0 -14 4 -24 12 -32", CRUST, 5) + _leaf(102, 60, 160) + _GRAPES,
    "milk": _carton(WHITE, "#D8E6E6", _path("M62 124c20 -12 28 10 46 2s18 -8 30 0v38h-76z", SEA) + _label(80, 88, 40, 26, SUN)),
    "juice": _carton("#F5A541", "#E08A1E", _disc(100, 122, 24, CREAM) + _disc(100, 122, 18, "#F0932B") + _leaf(104, 108, -20, FOREST)),
    "eggs": "".join(_oval(x, 100, 17, 23, colour) for x, colour in ((62, CREAM), (100, "#E8C49A"), (138, CREAM)))
    + _path("M36 104h128l-8 46a10 10 0 0 1 -10 8h-92a10 10 0 0 1 -10 -8z", SEA)
    + _path("M36 104c12 16 26 16 38 0c12 16 40 16 52 0c12 16 26 16 38 0l-2 12h-124z", TEAL)
    + _label(84, 126, 32, 22),
    "butter": _path("M40 120h120v24a6 6 0 0 1 -6 6h-108a6 6 0 0 1 -6 -6z", "#D8E6E6")
    + _box(54, 78, 92, 46, "#FBE08A", 4)
    + _box(84, 78, 62, 46, WHITE, 4)
    + _stroke("M98 96h34M98 108h20", TEAL, 4)
    + _stroke("M69 78v46", AMBER, 2),
    "cheese": _path("M40 112l92 -52c16 6 28 24 28 52z", "#FBE08A")
    + _box(40, 112, 120, 38, SUN, 4)
    + "".join(_disc(x, y, r, AMBER) for x, y, r in ((68, 130, 9), (112, 136, 7), (138, 124, 8), (118, 92, 8), (90, 100, 5))),
    "yogurt": _path("M60 70h80l-8 84a10 10 0 0 1 -10 10h-44a10 10 0 0 1 -10 -10z", WHITE)
    + _path("M112 70h28l-8 84a10 10 0 0 1 -10 10h-18z", "#000", 'opacity=".07"')
    + _path("M63 104h74l-3 34h-68z", SEA)
    + _disc(100, 121, 11, RED)
    + _box(54, 58, 92, 14, DEEP, 7),
    "loaf": _path("M44 84c-12 -24 12 -36 30 -32h62c22 -2 34 16 20 34v62a10 10 0 0 1 -10 10h-92a10 10 0 0 1 -10 -10z", CRUST)
    + _path("M52 86c-10 -18 6 -28 22 -26h32c18 -2 28 12 16 28v54a8 8 0 0 1 -8 8h-54a8 8 0 0 1 -8 -8z", BREAD)
    + _stroke("M70 92v40M88 82v50M106 92v40", "#D39B52", 4),
    "bagel": _ring("#DDA257", CRUST)
    + "".join(
        _oval(x, y, 4, 2.4, CREAM, t)
        for x, y, t in (
            (68, 82, 30),
            (96, 60, 0),
            (128, 78, -40),
            (140, 104, 80),
            (62, 112, 70),
            (84, 134, 20),
            (116, 138, -20),
            (112, 66, 20),
        )
    ),
    "donut": _ring(BREAD, CRUST, '<circle cx="100" cy="99" r="40" fill="none" stroke="#E58F86" stroke-width="26"/>' + _SPRINKLES),
    "cookie": _disc(92, 108, 50, CRUST)
    + _disc(92, 105, 50, BREAD)
    + "".join(_disc(x, y, r, COCOA) for x, y, r in ((72, 86, 8), (104, 76, 7), (116, 108, 9), (84, 118, 7), (60, 112, 6), (98, 138, 8)))
    + _disc(144, 62, 8, BREAD)
    + _disc(156, 84, 4, BREAD),
    "pie": _path("M36 104h128l-16 42a10 10 0 0 1 -10 6h-76a10 10 0 0 1 -10 -6z", "#C9D3D4")
    + _oval(100, 104, 66, 28, CRUST)
    + _oval(100, 101, 56, 21, "#DD7F2E")
    + _path("M100 101l-40 -15c-4 4 -8 9 -8 15c0 2 1 4 2 6z", "#C9611B")
    + _oval(110, 96, 15, 8, CREAM)
    + _oval(108, 92, 8, 5, WHITE),
    "coffee": _bag(COCOA, SUN) + _stroke("M84 34c-4 -8 4 -10 0 -18M104 34c-4 -8 4 -10 0 -18", "#B9A88E", 4),
    "pasta": "".join(_stroke(f"M{x} 40L{100 + (x - 100) * 0.5:g} 100L{x} 164", SUN if x % 20 else AMBER, 5) for x in range(66, 140, 8))
    + _box(74, 86, 52, 28, DEEP, 4)
    + _stroke("M84 96h32M84 104h18", CREAM, 3),
    "oil": _bottle("#E9C93F", FOREST, CREAM),
    "soup": _tin(RED, WHITE),
    "tuna": _box(44, 92, 112, 50, SEA, 12)
    + _oval(100, 94, 56, 20, "#C9D3D4")
    + _oval(100, 92, 46, 14, "#E8EEEE")
    + _path("M74 126c14 -14 34 -14 46 0l12 -8v16l-12 -8c-12 14 -32 14 -46 0z", CREAM)
    + _disc(86, 125, 2.4, DEEP),
    "jar": _path("M64 66h72c8 6 10 14 10 22v58a16 16 0 0 1 -16 16h-60a16 16 0 0 1 -16 -16v-58c0 -8 2 -16 10 -22z", "#C98B4A")
    + _path("M112 66h24c8 6 10 14 10 22v58a16 16 0 0 1 -16 16h-18z", "#000", 'opacity=".10"')
    + _box(60, 46, 80, 22, RED, 6)
    + _label(70, 96, 60, 42),
    "cereal": _box(58, 42, 84, 122, SUN, 6)
    + _path("M112 42h24a6 6 0 0 1 6 6v110a6 6 0 0 1 -6 6h-24z", "#000", 'opacity=".08"')
    + _label(70, 54, 60, 30)
    + _path("M68 118h64c0 24 -14 36 -32 36s-32 -12 -32 -36z", WHITE)
    + "".join(_disc(x, y, 7, CRUST) for x, y in ((82, 114), (98, 110), (114, 114), (106, 120), (90, 121))),
    "sugar": _bag("#DCE7EF", TEAL) + _disc(100, 146, 6, WHITE),
    "roll": _box(60, 66, 84, 90, WHITE, 4)
    + _path("M144 74v94l-22 -8v-90z", "#E4EAEA")
    + _oval(102, 66, 42, 19, "#F3F6F6")
    + _oval(102, 66, 14, 7, CRUST)
    + _stroke("M122 86v8M122 106v8M122 126v8M122 146v6", "#B9C6C7", 3),
    "detergent": _path("M66 74h52c6 -12 24 -10 24 6v66a18 18 0 0 1 -18 18h-50a18 18 0 0 1 -18 -18v-54c0 -10 4 -16 10 -18z", TEAL)
    + _oval(126, 100, 8, 16, CREAM)
    + _box(74, 44, 36, 32, SUN, 6)
    + _label(66, 108, 46, 38),
    "soap": _path("M78 78h44c14 8 18 22 18 36v38a12 12 0 0 1 -12 12h-56a12 12 0 0 1 -12 -12v-38c0 -14 4 -28 18 -36z", LEAF)
    + _box(84, 56, 32, 24, WHITE, 4)
    + _path("M92 56v-14h26l10 -8v14l-12 8z", DEEP)
    + _label(76, 108, 48, 36),
    "candle": _box(70, 92, 60, 70, CREAM, 8)
    + _path("M108 92h14a8 8 0 0 1 8 8v54a8 8 0 0 1 -8 8h-14z", "#000", 'opacity=".06"')
    + _oval(100, 94, 30, 9, SAND)
    + _stroke("M100 94v-14", COCOA, 4)
    + _path("M100 34c14 16 18 28 8 40c-6 6 -12 6 -18 0c-8 -12 0 -20 10 -40z", SUN)
    + _path("M100 54c6 8 8 14 4 20c-2 2 -6 2 -8 0c-4 -6 0 -10 4 -20z", "#F0932B")
    + _label(80, 116, 40, 28, RED, CREAM),
    "flowers": _stroke("M100 166c-4 -30 -20 -50 -28 -66M100 166v-82M100 166c4 -30 20 -50 28 -66", FOREST, 5)
    + _leaf(84, 132, 190, LEAF)
    + _leaf(116, 130, -10, LEAF)
    + _bloom(68, 86, RED, SUN)
    + _bloom(132, 86, SUN, BRICK)
    + _bloom(100, 62, WHITE, SUN)
    + _path("M80 150h40l-6 22h-28z", SEA),
}

_GROUNDS: Final = {
    "huerta": "#E6EFDC", "frescos": "#DDEBEA", "horno": "#FBF0CF", "despensa": "#F6E4DE", "casa": "#EDEFEA",
    "mesa": "#DDEBEA", "luz": "#FBF0CF", "adorno": "#F6E4DE", "papel": "#EDEFEA",
}  # fmt: skip
"""The ground a picture stands on, by aisle."""


def drawing(name: str, aisle: str = "") -> str:
    """Give a picture as an SVG document; of an unknown name, an empty shelf. With an aisle, on its ground."""
    ground = _box(0, 0, 200, 200, _GROUNDS[aisle], 0) if aisle in _GROUNDS else ""
    shadow = _oval(100, 168, 54, 5, "#12262B").replace("/>", ' opacity=".14"/>')
    shapes = ground + shadow + (_SHAPES | GIFTS).get(name, "")
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" role="img" aria-hidden="true">{shapes}</svg>'


@lru_cache(maxsize=256)
def picture(name: str, aisle: str = "", *, side: int = 264) -> bytes:
    """Give a drawing as PNG, `side` pixels wide and high: most mail programs show no SVG."""
    return painted(drawing(name, aisle), side)


def painted(svg: str, side: int) -> bytes:
    """Paint a square SVG document of our own as PNG. Words in it would need fonts, so our drawings have none."""
    from resvg_py import svg_to_bytes

    return svg_to_bytes(svg_string=svg, width=side, height=side, skip_system_fonts=True)


def names() -> frozenset[str]:
    """Give the names of all pictures."""
    return frozenset(_SHAPES | GIFTS)
