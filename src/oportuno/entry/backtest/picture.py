"""A backtest as a picture: one column that reads on a telephone, light and dark, without a script or anything fetched."""

from __future__ import annotations

from html import escape
from typing import Final

from oportuno.entry.backtest.summary import Summary
from oportuno.entry.backtest.words import number, opening, people_said, reasons, said

WIDTH: Final = 420
_LEFT: Final = 20
_INNER: Final = WIDTH - 2 * _LEFT
_BARS: Final = 120
"""Height of the weeks' bars."""
_REASONS: Final = 7
_MOST_TOUCHES: Final = 8
_STYLE: Final = """
svg{background:#F7F7F4;font-family:"Instrument Sans",system-ui,-apple-system,"Segoe UI",sans-serif;font-size:13px}
text{fill:#15181F}.q{fill:#474C58}.h{font-weight:600;font-size:14px}.t{font-weight:600;font-size:21px;letter-spacing:-.018em}
.n{font-variant-numeric:tabular-nums}.s{fill:#3557CE}.k{fill:#B98512}.w{fill:#7F8695}.g{stroke:#E4E3DD}
@media (prefers-color-scheme:dark){svg{background:#0F1217}text{fill:#EDEFF3}.q{fill:#B9BFCA}.s{fill:#6C8AF5}.k{fill:#C4932F}
.w{fill:#7D8594}.g{stroke:#2A303B}}
"""


def draw(summary: Summary, language: str) -> str:
    """Give the picture as SVG. The same figures give the same bytes."""
    drawn = _Drawn()
    drawn.down(8)
    drawn.broken(said(language, "title"), "t", letters=34, apart=26)
    drawn.down(12)
    for line in opening(summary, language):
        drawn.prose(line)
    _weeks(drawn, summary, language)
    _held(drawn, summary, language)
    _touches(drawn, summary, language)
    drawn.down(22)
    title = escape(said(language, "title"))
    about = escape(" ".join(opening(summary, language)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {drawn.y}" width="{WIDTH}" height="{drawn.y}" lang="{language}" '
        f'role="img" aria-labelledby="t d"><title id="t">{title}</title><desc id="d">{about}</desc><style>{_STYLE}</style>'
        f"{''.join(drawn.parts)}</svg>\n"
    )


class _Drawn:
    """What was drawn so far, from the top down."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.y = 0

    def down(self, by: int) -> None:
        self.y += by

    def text(self, text: str, style: str = "", *, x: float = _LEFT, end: bool = False) -> None:
        anchor = ' text-anchor="end"' if end else ""
        self.parts.append(f'<text x="{x:g}" y="{self.y}" class="{style}"{anchor}>{escape(text)}</text>')

    def prose(self, text: str) -> None:
        """Write a paragraph."""
        self.broken(text, "q", letters=52, apart=19)
        self.down(5)

    def broken(self, text: str, style: str, *, letters: int, apart: int) -> None:
        """Write lines `apart` px, broken to the width by about how many letters fit on 380 px, in whatever font is there."""
        line = ""
        for word in text.split():
            if line and len(line) + 1 + len(word) > letters:
                self.down(apart)
                self.text(line, style)
                line = ""
            line = f"{line} {word}".strip()
        self.down(apart)
        self.text(line, style)

    def head(self, text: str) -> None:
        self.down(28)
        self.parts.append(f'<line class="g" x1="{_LEFT}" x2="{WIDTH - _LEFT}" y1="{self.y - 14}" y2="{self.y - 14}"/>')
        self.down(-11)
        self.broken(text, "h", letters=42, apart=19)

    def bar(self, x: float, y: float, width: float, height: float, style: str) -> None:
        self.parts.append(f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{max(width, 1):g}" height="{max(height, 1):g}" rx="2"/>')

    def small(self, text: str, x: float, y: float, style: str) -> None:
        self.parts.append(f'<text x="{x:g}" y="{y:g}" class="{style}" font-size="11" text-anchor="middle">{escape(text)}</text>')

    def row(self, name: str, value: str, share: float, style: str) -> None:
        """Draw a named bar across the column."""
        self.down(24)
        self.text(name if len(name) <= 46 else f"{name[:45].rstrip()}…")  # noqa: PLR2004 - what fits beside the number
        self.text(value, "n", x=WIDTH - _LEFT, end=True)
        self.down(6)
        self.bar(_LEFT, self.y, _INNER * share, 7, style)
        self.down(7)


def _weeks(drawn: _Drawn, summary: Summary, language: str) -> None:
    totals = [sum(week) for week in zip(*(play.weeks for play in summary.plays), strict=True)] if summary.plays else []
    if not totals:
        return
    drawn.head(said(language, "weeks"))
    most = max(1, *totals)
    step = _INNER / len(totals)
    drawn.down(_BARS + 24)
    for place, total in enumerate(totals):
        height = round(_BARS * total / most)
        x = _LEFT + place * step
        drawn.bar(round(x + 2, 1), drawn.y - height, round(step - 4, 1), height, "s")
        middle = round(x + step / 2, 1)
        drawn.small(number(total, language), middle, drawn.y - height - 5, "n")
        drawn.small(number(place + 1, language), middle, drawn.y + 15, "q n")
    drawn.down(20)


def _held(drawn: _Drawn, summary: Summary, language: str) -> None:
    held: dict[str, int] = {}
    for play in summary.plays:
        for why, times in play.held.items():
            held[why] = held.get(why, 0) + times
    rows = sorted(reasons(held, language), key=lambda row: -row[1])[:_REASONS]
    if not rows:
        return
    drawn.head(said(language, "held"))
    for name, times in rows:
        drawn.row(name, number(times, language), times / rows[0][1], "k")


def _touches(drawn: _Drawn, summary: Summary, language: str) -> None:
    touches = summary.touches[:_MOST_TOUCHES]
    if len(summary.touches) > _MOST_TOUCHES:
        touches = [*touches, sum(summary.touches[_MOST_TOUCHES:])]
    if not any(touches):
        return
    drawn.head(said(language, "touches"))
    most = max(touches)
    for times, people in enumerate(touches):
        name = said(language, "none") if not times else number(times, language)
        if times == _MOST_TOUCHES:
            name = said(language, "more", n=times)
        drawn.row(name, people_said(people, language), people / most, "w" if not times else "s")
