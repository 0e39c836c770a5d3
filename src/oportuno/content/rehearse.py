"""Trying a message out before it is published: rendered for customers who stand for all, under the limits of sending.

What would be a silence when it is sent is an objection here, with the author's own line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from oportuno.content.links import Links
from oportuno.content.liquid import FORM_KEY, TemplateFault, asked, render_html, render_plain
from oportuno.content.render import written_mail
from oportuno.content.template import Template
from oportuno.kit.yaml_lines import nearest

_ADDRESSED: Final = re.compile(
    r"""(?P<comment><!--.*?-->)|(?P<before>[\s"'](?:href|src|background-url)\s*=\s*)(?P<quote>["'])(?P<value>.*?)(?P=quote)""", re.DOTALL
)
_TAG: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_MARK: Final = "\x01{}\x01"
_MARKED: Final = re.compile(r"""(href|src|background-url)\s*=\s*["']\x01(\d+)\x01([^\x01]*?)["']""", re.DOTALL)
_DEFAULTED: Final = re.compile(r"\|\s*default\b")
_OF_LISTS: Final = frozenset({"size", "first", "last"})
BASE: Final = "https://pages.invalid"
"""Where the links of a rehearsal lead: nowhere, by RFC 2606. Nothing of a rehearsal leaves the house."""
LINKS: Final = Links(
    base=BASE,
    why=f"{BASE}/p/why",
    bought=f"{BASE}/p/bought",
    not_interested=f"{BASE}/p/not-interested",
    unsubscribe=f"{BASE}/p/unsubscribe",
    cart=f"{BASE}/p/cart",
)
"""Links as every message has them."""
SILENT_ON_PURPOSE: Final = "template_variable_missing"
"""What a webhook may lack: it is then not called for that customer, and an author may want just that."""


class Objection(NamedTuple):
    """Why a message cannot be published."""

    part: str
    """``subject``, ``preheader``, ``mjml``, ``text`` or ``payload``."""
    leaf: int
    """Which text of a payload, counted from 0."""
    fault: TemplateFault
    """What is wrong, with its line in that text."""


def rehearse(
    template: Template, data: dict[str, Any], brand: Mapping[str, Any], *, marketing: bool, links: Links = LINKS
) -> Objection | None:
    """Render a message for one scene (`content.render.scene` with the same `links`) and give the first thing that keeps it from being sent.

    The scene's language must be one of the template's.
    """
    for part, leaf, source in sources(template, data["label"]["language"]):
        render = render_html if part in {"mjml", "preheader"} else render_plain
        try:
            said = render(_marked(source) if part == "mjml" else source, data)
        except TemplateFault as fault:
            return Objection(part, leaf, fault)
        nowhere = _nowhere(said) if part == "mjml" else None
        if nowhere is not None:
            return Objection(part, leaf, nowhere)
    if template.channel == "webhook":
        return None
    try:
        written_mail(template, data, links, brand, marketing=marketing)
    except TemplateFault as fault:
        whole = TemplateFault(fault.code, fault.sentence)  # its line is that of the compiled mail
        return Objection("subject" if fault.code == "template_no_subject" else "mjml", 0, whole)
    return None


def unknown_names(template: Template, language: str, known: Mapping[str, Any]) -> Iterator[Objection]:
    """Find what no customer could ever have: names that `known` (a scene in which all is known) lacks, also where nobody may look yet.

    Traits are the shop's own and not looked into; what has a `default` is left alone.
    """
    for part, leaf, source in sources(template, language):
        for name in asked(source):
            if _is_known(name.path, known) or _DEFAULTED.search(_tag_around(source, name.at)):
                continue
            written = ".".join(name.path[:2])
            near = nearest(written, _names_in(known))
            hint = f"; did you mean “{near}”?" if near else ""
            line = source.count("\n", 0, name.at) + 1
            sentence = f"“{written[:60]}” is nothing that a message knows{hint}"
            yield Objection(part, leaf, TemplateFault("template_variable_unknown", sentence, line=line))


def sources(template: Template, language: str) -> Iterator[tuple[str, int, str]]:
    """Give every text of a message that is a template: part, number within a payload, source."""
    if template.channel == "webhook":
        texts = _leaves(msgspec.json.decode(template.payload)) if template.payload else ()
        yield from (("payload", number, text) for number, text in enumerate(texts))
        return
    wording = template.wordings[language]
    for part in ("subject", "preheader", "mjml", "text"):
        source = getattr(wording, part)
        if source:
            yield part, 0, source


def _leaves(tree: Any) -> Iterator[str]:
    """Give the texts of a JSON tree in the order in which they are written."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, (dict, list)):
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(branch)


# ── Links and pictures ──────────────────────────────────────────────────────────────────────────────────────────────


def _marked(source: str) -> str:
    """Write its line into every address, so that what comes out says where it was written."""

    def mark(found: re.Match[str]) -> str:
        if found["comment"]:
            return found.group()
        line = source.count("\n", 0, found.start("value")) + 1
        quote = found["quote"]
        return f"{found['before']}{quote}{_MARK.format(line)}{found['value']}{quote}"

    return _ADDRESSED.sub(mark, source)


def _nowhere(said: str) -> TemplateFault | None:
    for name, line, written in _MARKED.findall(said):
        address = unescape(written).strip()
        where = f"to “{address[:60]}”, which is not a whole address" if address else "nowhere"
        if name == "href" and not leads_somewhere(address):
            sentence = f"this link leads {where}: write https://…, or ask first ({{% if … != blank %}}) whether there is an address"
            return TemplateFault("template_link_nowhere", sentence, line=int(line))
        if name != "href" and not leads_somewhere(address, picture=True):
            sentence = f"this picture leads {where}: write https://…, or ask first ({{% if … != blank %}}) whether there is a picture"
            return TemplateFault("template_picture_nowhere", sentence, line=int(line))
    return None


def leads_somewhere(address: str, *, picture: bool = False) -> bool:
    """Say whether an address of a mail can be followed: a whole one of the web, or (for a link) of mail or telephone."""
    try:
        parts = urlsplit(address)
        named = bool(parts.hostname)
    except ValueError:
        return False
    if parts.scheme in {"http", "https"}:
        return named
    return not picture and parts.scheme in {"mailto", "tel", "sms"} and bool(parts.path)


# ── Names ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_known(path: tuple[str, ...], known: Mapping[str, Any]) -> bool:
    if path[0] not in known:
        return False
    inside = known[path[0]]
    return len(path) == 1 or not isinstance(inside, Mapping) or path[1] in inside or path[1] in _OF_LISTS


def _tag_around(source: str, index: int) -> str:
    return next((found.group() for found in _TAG.finditer(source) if found.start() <= index < found.end()), "")


def _names_in(known: Mapping[str, Any]) -> list[str]:
    deep = [f"{root}.{name}" for root, value in known.items() if isinstance(value, Mapping) for name in value]
    return [*(name for name in known if name != FORM_KEY), *deep]
