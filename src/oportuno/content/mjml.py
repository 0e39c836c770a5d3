"""MJML with Liquid inside: checked line by line, shielded from the compiler, and put back into the HTML it gives.

The compiler knows nothing of Liquid and says little about faults; so the structure is checked here first, where lines are known.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

import msgspec

from oportuno.content.liquid import TemplateFault

_LIQUID: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_SHIELD: Final = re.compile(r"lq(\d+)ql")
_SHIELDED: Final = re.compile(r"<!--lq(\d+)ql-->|lq(\d+)ql")
_PIECE: Final = re.compile(
    r"(?P<comment><!--.*?-->)|<(?P<close>/)?(?P<name>[A-Za-z][\w-]*)(?P<inside>(?:\s+[^\s=<>\"'/]+(?:\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))?)*)\s*(?P<alone>/)?>"
    r"|(?P<stray><)",
    re.DOTALL,
)
_LOOKS: Final = re.compile(r"\{\{\s*(brand|label)\.")
"""Tags about looks alone: a default for an element that the mail does not use leaves no trace."""
_VOID: Final = frozenset({"area", "br", "col", "hr", "img", "input", "wbr"})
_ROWS: Final = frozenset({"table", "thead", "tbody", "tfoot", "tr", "mj-table"})
_CONTENT: Final = frozenset({"mj-text", "mj-button", "mj-image", "mj-table", "mj-divider", "mj-spacer", "mj-raw", "mj-social", "mj-navbar"})
# What may stand in what; where nothing is named, only words and HTML may.
_INSIDE: Final[dict[str, frozenset[str]]] = {
    "mjml": frozenset({"mj-head", "mj-body"}),
    "mj-head": frozenset({"mj-attributes", "mj-style", "mj-title", "mj-preview", "mj-breakpoint", "mj-html-attributes"}),
    "mj-attributes": frozenset({"mj-all", "mj-class"})
    | _CONTENT
    | {"mj-section", "mj-column", "mj-wrapper", "mj-body", "mj-group", "mj-hero"},
    "mj-body": frozenset({"mj-section", "mj-wrapper", "mj-hero", "mj-raw"}),
    "mj-wrapper": frozenset({"mj-section", "mj-hero", "mj-raw"}),
    "mj-section": frozenset({"mj-column", "mj-group", "mj-raw"}),
    "mj-group": frozenset({"mj-column", "mj-raw"}),
    "mj-column": _CONTENT,
    "mj-hero": _CONTENT,
    "mj-social": frozenset({"mj-social-element", "mj-raw"}),
    "mj-navbar": frozenset({"mj-navbar-link", "mj-raw"}),
}
_KNOWN: Final = frozenset().union(*_INSIDE.values()) | {"mjml"}
_REFUSED: Final = frozenset(
    {"script", "iframe", "object", "embed", "form", "link", "base", "meta", "mj-include", "mj-font", "mj-carousel", "mj-accordion"}
)
"""Tags that have no business in a mail, or would fetch something when it is opened or compiled."""


class Shielded(msgspec.Struct, frozen=True, kw_only=True):
    """MJML that the compiler can read, and the Liquid tags taken out of it."""

    source: str
    tags: tuple[str, ...]


def shield(source: str, *, root: str = "mjml") -> Shielded:
    """Check MJML and take its Liquid tags out.

    `root` says what the source is: a whole document (``mjml``) or what stands in an element (``mj-column``).
    Raises TemplateFault with the line.
    """
    if _SHIELD.search(source) or "\0" in source:
        raise TemplateFault("mjml_malformed", "the template holds characters kept for our own use")
    tags: list[str] = []

    def take(found: re.Match[str]) -> str:
        tags.append(found.group())
        # The lines of a tag are kept as empty ones, so that whatever follows keeps its number.
        return f"lq{len(tags) - 1}ql" + "\n" * found.group().count("\n")

    words = _LIQUID.sub(take, source)
    return Shielded(source=_Walk(words, root).run(), tags=tuple(tags))


def restore(html: str, shielded: Shielded, *, strict: bool = True) -> str:
    """Put the Liquid tags back into compiled HTML.

    Raises TemplateFault when the compiler lost one and `strict` is set: then the mail would say something else.
    """
    seen: set[int] = set()

    def put(found: re.Match[str]) -> str:
        number = int(found.group(1) or found.group(2))
        seen.add(number)
        return shielded.tags[number]

    whole = _SHIELDED.sub(put, html)
    for number, tag in enumerate(shielded.tags if strict else ()):
        if number not in seen and not _LOOKS.match(tag):
            before = shielded.source.find(f"lq{number}ql")
            line = shielded.source.count("\n", 0, before) + 1
            raise TemplateFault("mjml_liquid_lost", f"MJML has no place for {tag[:60]} here", line=line)
    return whole


class _Walk:
    """One pass over shielded MJML: every tag known, in its place and closed; Liquid between elements wrapped so that MJML passes it on."""

    def __init__(self, words: str, root: str) -> None:
        self.words = words
        self.root = root
        self.open: list[tuple[str, int]] = []
        self.made: list[str] = []
        self.rooted = False

    def run(self) -> str:
        at = 0
        for piece in _PIECE.finditer(self.words):
            self._text(self.words[at : piece.start()], at)
            at = piece.end()
            line = self._line(piece.start())
            if piece["stray"]:
                raise TemplateFault("mjml_malformed", "a “<” opens a tag that cannot be read; write &lt; for the sign itself", line=line)
            if piece["comment"] is None:
                self._tag(piece, line)
            self.made.append(piece.group())
        self._text(self.words[at:], at)
        if self.open:
            name, line = self.open[-1]
            raise TemplateFault("mjml_not_closed", f"<{name}> is never closed", line=line)
        if self.root == "mjml" and not self.rooted:
            raise TemplateFault("mjml_malformed", "an MJML document starts with <mjml>", line=1)
        return "".join(self.made)

    def _line(self, at: int) -> int:
        return self.words.count("\n", 0, at) + 1

    def _parent(self) -> str:
        return self.open[-1][0] if self.open else ("" if self.root == "mjml" else self.root)

    def _text(self, text: str, at: int) -> None:
        parent = self._parent()
        if not text.strip() or not (parent in _INSIDE or parent == "" or parent in _ROWS):
            self.made.append(text)
            return
        if _SHIELD.sub("", text).strip():
            line = self._line(at + len(text) - len(text.lstrip()))
            where = f"<{parent}>" if parent else "the template"
            raise TemplateFault("mjml_text_outside", f"words cannot stand directly in {where}; put them into <mj-text>", line=line)
        wrap = r"<!--\g<0>-->" if parent in _ROWS else r"<mj-raw><!--\g<0>--></mj-raw>"
        self.made.append(_SHIELD.sub(wrap, text))

    def _tag(self, piece: re.Match[str], line: int) -> None:
        name = piece["name"].lower()
        if piece["close"]:
            self._close(name, line)
            return
        self._check(name, line)
        self.rooted = self.rooted or name == "mjml"
        if re.search(r"\son\w+\s*=", piece["inside"]) or re.search(r"javascript:", piece["inside"], re.IGNORECASE):
            raise TemplateFault("mjml_refused", f"<{name}> may not carry a script", line=line)
        if not piece["alone"] and name not in _VOID:
            self.open.append((name, line))

    def _close(self, name: str, line: int) -> None:
        if name in _VOID:
            return
        if not self.open or self.open[-1][0] != name:
            wanted = f"; <{self.open[-1][0]}> of line {self.open[-1][1]} is still open" if self.open else ""
            raise TemplateFault("mjml_not_closed", f"</{name}> closes nothing here{wanted}", line=line)
        self.open.pop()

    def _check(self, name: str, line: int) -> None:
        parent = self._parent()
        if name in _REFUSED:
            raise TemplateFault("mjml_refused", f"<{name}> cannot be used in a message", line=line)
        if name.startswith("mj") and name not in _KNOWN:
            near = get_close_matches(name, _KNOWN, n=1)
            meant = f"; did you mean <{near[0]}>?" if near else ""
            raise TemplateFault("mjml_unknown", f"<{name}> is not an MJML element{meant}", line=line)
        allowed = _INSIDE.get(parent)
        if parent == "":
            allowed = frozenset({"mjml"}) if not self.rooted else frozenset()
        if allowed is not None and name not in allowed:
            where = f"<{parent}>" if parent else "the template"
            raise TemplateFault("mjml_misplaced", f"<{name}> cannot stand directly in {where}", line=line)
        if allowed is None and name.startswith("mj"):
            raise TemplateFault("mjml_misplaced", f"<{name}> cannot stand in <{parent}>", line=line)
