"""The plain-text part of a mail, made from its HTML: the same words in the same order, links as text."""

from __future__ import annotations

import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

_SILENT: Final = frozenset({"head", "style", "script", "title", "template"})
_BREAKS: Final = frozenset({"p", "div", "tr", "table", "li", "ul", "ol", "h1", "h2", "h3", "h4", "blockquote", "section", "hr"})
_APART: Final = frozenset({"p", "h1", "h2", "h3", "h4", "ul", "ol", "table", "hr"})
_BLANKS: Final = re.compile(r"[ \t\u00a0\u00ad\u034f\u200b\u200c\u200d\ufeff]+")
_SHIELD: Final = re.compile(r"lq\d+ql")
_GAPS: Final = re.compile(r"\n[ \n]*\n")


CELL: Final = "\x1f"
"""Ends a cell of a table in a plain-text template, until it is rendered and one can see which cells are empty."""


def plain_text(html: str, *, cell: str = "  ") -> str:
    """Give the readable text of a mail's HTML. What is hidden from sight, such as the preheader, is left out.

    `cell` is written after each cell of a table.
    """
    body = LexborHTMLParser(html).body
    if body is None:
        return ""
    words: list[str] = []
    _walk(body, words, cell)
    lines = (_BLANKS.sub(" ", line).strip() for line in "".join(words).split("\n"))
    return _GAPS.sub("\n\n", "\n".join(lines)).strip() + "\n"


def _walk(node: LexborNode, words: list[str], cell: str) -> None:
    for child in node.iter(include_text=True):
        name = child.tag or ""
        if name == "-text":
            words.append((child.text_content or "").replace("\n", " "))
        elif name == "-comment":
            # A shielded Liquid tag of a template: it bears on the words around it.
            words.append((child.comment_content or "") if _SHIELD.fullmatch(child.comment_content or "") else "")
        elif name in _SILENT or name.startswith("-") or _hidden(child):
            continue
        elif name == "a":
            _link(child, words, cell)
        elif name == "br":
            words.append("\n")
        else:
            words.append("\n\n" if name in _APART else "\n" if name in _BREAKS else "")
            _walk(child, words, cell)
            words.append("\n\n" if name in _APART else "\n" if name in _BREAKS else cell if name in {"td", "th"} else "")


def _hidden(node: LexborNode) -> bool:
    style = (node.attributes.get("style") or "").replace(" ", "")
    return "display:none" in style


def _link(node: LexborNode, words: list[str], cell: str) -> None:
    inside: list[str] = []
    _walk(node, inside, cell)
    text = " ".join("".join(inside).split())
    address = node.attributes.get("href") or ""
    if not text:
        return
    words.append(
        f"{text}: {address} \n"
        if (address.startswith(("http:", "https:", "mailto:")) or _SHIELD.search(address)) and address != text
        else text
    )


def joined_cells(line: str) -> str:
    """Write a table's row of a rendered text: its cells with a dot between them, empty ones left out."""
    return " · ".join(cell.strip() for cell in line.split(CELL) if cell.strip())
