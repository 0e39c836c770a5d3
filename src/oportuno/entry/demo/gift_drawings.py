"""The gift shop's pictures: flat shapes on a square of 200, as those of the grocer's."""

from __future__ import annotations

from typing import Final

DEEP, TEAL, SEA, SUN, AMBER, RED, BRICK, CREAM, LEAF, WHITE, STEEL, CRUST = (
    "#0D4450", "#1F7A7B", "#5FB0AE", "#F8C81C", "#E3A70C", "#C94F3D", "#9E3A2B", "#FBF4E2", "#7FA650", "#FFFFFF", "#C9D3D4", "#B9793A",
)  # fmt: skip


def _path(data: str, fill: str) -> str:
    return f'<path d="{data}" fill="{fill}"/>'


def _line(data: str, colour: str, width: int = 4) -> str:
    return f'<path d="{data}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round"/>'


def _disc(x: float, y: float, r: float, fill: str) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}" fill="{fill}"/>'


_DOTS: Final = "".join(_disc(x, y, 6, CREAM) for x, y in ((76, 92), (100, 108), (124, 92), (76, 124), (124, 124), (100, 140)))

GIFTS: Final = {
    "bag": _path("M58 74h84l8 90H50z", RED) + _line("M78 74c0 -36 44 -36 44 0", BRICK, 6) + _DOTS,
    "cakestand": _line("M100 44v118", STEEL, 5)
    + _path("M74 74h52l-8 10H82zM60 112h80l-10 12H70zM44 152h112l-14 14H58z", WHITE)
    + _disc(90, 68, 7, RED) + _disc(108, 68, 7, SUN) + _disc(80, 105, 8, LEAF) + _disc(118, 105, 8, RED) + _disc(100, 42, 5, AMBER),
    "mug": _path("M60 66h66v84a14 14 0 0 1 -14 14h-38a14 14 0 0 1 -14 -14z", TEAL)
    + _line("M126 84c34 -6 34 56 0 50", TEAL, 10)
    + _path("M93 130l-18 -17c-9 -11 7 -24 18 -11c11 -13 27 0 18 11z", CREAM),
    "teacup": _path("M54 84h84c0 38 -16 58 -42 58s-42 -20 -42 -58z", CREAM)
    + _line("M138 94c26 -2 22 32 -8 32", CREAM, 8)
    + _path("M40 150h112l-16 14H56z", SEA) + _disc(84, 108, 8, RED) + _disc(102, 114, 7, BRICK) + _disc(96, 102, 5, LEAF),
    "lunchbox": _path("M46 82a10 10 0 0 1 10 -10h88a10 10 0 0 1 10 10v72a10 10 0 0 1 -10 10H56a10 10 0 0 1 -10 -10z", SEA)
    + _line("M80 72v-14h40v14", DEEP, 6) + _path("M46 102h108v10H46z", DEEP) + _disc(100, 136, 14, SUN),
    "cases": _path("M54 92h92l-14 70H68z", RED) + _line("M72 96l6 62M90 96l3 62M110 96l-3 62M128 96l-6 62", BRICK, 3)
    + _path("M50 92c2 -40 98 -40 100 0z", CREAM) + _disc(100, 58, 7, RED),
    "lantern": _line("M84 50c0 -22 32 -22 32 0", STEEL, 5) + _path("M70 70l14 -20h32l14 20z", STEEL) + _path("M66 72h68v76H66z", CREAM)
    + _line("M66 72v76M134 72v76M100 72v76", STEEL, 5) + _path("M60 148h80v14H60z", STEEL) + _disc(84, 112, 9, SUN)
    + _disc(116, 112, 9, SUN),
    "bulb": _line("M34 66c36 34 96 34 132 0", DEEP, 4)
    + "".join(_path(f"M{x - 5} {y}h10v8h-10z", DEEP) + _disc(x, y + 20, 14, colour) for x, y, colour in (
        (56, 82, SUN), (88, 92, RED), (120, 92, SEA), (148, 80, LEAF))),
    "bunting": _line("M30 64c40 26 100 26 140 0", DEEP, 4) + _path("M44 74l30 8l-20 42z", RED) + _path("M84 84h30l-15 44z", SUN)
    + _path("M124 82l30 -10l-8 44z", SEA),
    "bird": _path("M52 112c6 -40 60 -44 76 -12l30 -8l-18 26c-8 34 -60 40 -80 12z", SEA)
    + _path("M84 108c20 -4 34 8 34 24c-20 4 -34 -8 -34 -24z", TEAL)
    + _path("M52 106l-18 8l20 6z", AMBER) + _disc(70, 98, 4, DEEP) + _line("M88 142v22M104 142v22", CRUST, 4),
    "clock": _disc(72, 62, 14, RED) + _disc(128, 62, 14, RED) + _disc(100, 112, 50, RED) + _disc(100, 112, 39, CREAM)
    + _line("M100 112V88M100 112l16 10", DEEP, 5) + _line("M66 152l-8 12M134 152l8 12", BRICK, 7),
    "frame": _path("M52 48h96v116H52z", CRUST) + _path("M64 60h72v92H64z", CREAM) + _path("M64 152l26 -40l18 22l12 -14l16 32z", LEAF)
    + _disc(118, 84, 10, SUN),
    "mat": _path("M36 92h128v64H36z", CRUST) + _path("M46 102h108v44H46z", "#D9A86C") + _line("M64 124h72M76 112h48M76 136h48", BRICK, 5),
    "card": _path("M48 66h104v92H48z", WHITE) + _line("M48 66l52 50l52 -50", STEEL, 4) + _disc(100, 116, 13, RED),
    "bottle": _path("M88 44h24v22h-24z", DEEP)
    + _path("M74 66h52a20 20 0 0 1 20 20v58a20 20 0 0 1 -20 20H74a20 20 0 0 1 -20 -20V86a20 20 0 0 1 20 -20z", TEAL)
    + _line("M72 96h56M72 112h56M72 128h56", SEA, 5),
}  # fmt: skip
"""The shapes by name."""
