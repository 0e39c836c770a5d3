"""Publish a message: read its YAML, check every line of it, compile its MJML. What comes out needs no further thought when it is sent.

Every fault names the line of the file and says in one sentence what to change.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import urlsplit

from oportuno.channels.channel import Channel
from oportuno.content.frame import frame, kind_of
from oportuno.content.liquid import SOURCE_LIMIT, TemplateFault, check
from oportuno.content.mjml import Shielded, restore, shield
from oportuno.content.plain_text import CELL, plain_text
from oportuno.content.template import Template, Wording
from oportuno.content.wording import findings
from oportuno.flows.ports import MjmlCompiler
from oportuno.kit.yaml_lines import Part, Table, read_yaml, write_yaml
from oportuno.profile.purposes import Purpose

_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_UTM: Final = ("source", "medium", "campaign", "term", "content")
_COMMON: Final = ("message", "version", "channel", "purpose", "topic", "example")
_MAIL: Final = (*_COMMON, "utm", "wordings")
_HOOK: Final = (*_COMMON, "url", "secret", "payload")
_WORDING: Final = ("subject", "preheader", "mjml", "text")
_PURPOSES: Final = (Purpose.MARKETING.value, Purpose.SERVICE.value)
_NEWEST: Final = 1_000_000
_EXAMPLE_BYTES: Final = 16_384


async def read_template(text: str, compiler: MjmlCompiler) -> Template:
    """Read a message definition from YAML and make it ready to render.

    Raises BadInput (or TemplateFault, which is one) whose place is ``line N`` of the file.
    """
    part = read_yaml(text)
    top = part.table((*_MAIL, *_HOOK), needed=("message", "channel"))
    channel = top.need("channel").choice([channel.value for channel in Channel])
    part.table(_HOOK if channel == Channel.WEBHOOK else _MAIL)
    key = top.need("message")
    if not _KEY.fullmatch(key.text()):
        raise key.fault("message_key", "the key of a message has small letters, digits, “-” and “_” only")
    version, purpose, topic = top.get("version"), top.get("purpose"), top.get("topic")
    common: dict[str, Any] = {
        "key": key.text(),
        "version": version.whole(1, _NEWEST) if version else 1,
        "channel": channel,
        "purpose": Purpose(purpose.choice(_PURPOSES)) if purpose else Purpose.MARKETING,
        "topic": topic.text() if topic else "",
        "example": _example(top),
    }
    if channel == Channel.WEBHOOK:
        secret, payload = top.get("secret"), top.get("payload")
        return Template(
            **common, url=_address(top.need("url")), secret=secret.text() if secret else "", payload=_payload(payload) if payload else ""
        )
    languages = top.need("wordings").pairs()
    if not languages:
        raise top.need("wordings").fault("message_no_wording", "a message needs a wording in at least one language")
    wordings = {language: await _wording(language, wording, compiler) for language, wording in languages}
    return Template(**common, wordings=wordings, utm=_utm(top))


def write_template(template: Template) -> str:
    """Write a message definition as YAML: reading it again gives the same template.

    A webhook's secret is written too: keep the file safe.
    """
    out: dict[str, Any] = {
        "message": template.key,
        "version": template.version,
        "channel": template.channel,
        "purpose": template.purpose.value,
    }
    if template.topic:
        out["topic"] = template.topic
    if template.example:
        out["example"] = json.loads(template.example)
    if template.channel == Channel.WEBHOOK:
        out["url"] = template.url
        if template.secret:
            out["secret"] = template.secret
        if template.payload:
            out["payload"] = json.loads(template.payload)
    else:
        if template.utm:
            out["utm"] = dict(template.utm)
        out["wordings"] = {language: _written(wording) for language, wording in template.wordings.items()}
    return write_yaml(out)


def _written(wording: Wording) -> dict[str, str]:
    return {name: getattr(wording, name) for name in _WORDING if getattr(wording, name)}


# ── A wording ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _wording(language: str, part: Part, compiler: MjmlCompiler) -> Wording:
    if not _LANGUAGE.fullmatch(language):
        raise part.fault("message_language", f"“{language[:20]}” is not a language such as es or en")
    table = part.table(_WORDING, needed=("subject", "mjml"))
    source = {name: _checked(table, name, language) for name in _WORDING}
    try:
        html = await compile_mjml(source["mjml"], source["preheader"], compiler)
        plain = source["text"] or await plain_template(source["mjml"], compiler)
    except TemplateFault as fault:
        raise _placed(table.need("mjml"), fault) from fault
    return Wording(**source, html=html, plain=plain)


def _checked(table: Table, name: str, language: str) -> str:
    """Read one template; refuse what cannot be rendered, and what we do not say to a customer."""
    part = table.get(name)
    if part is None:
        return ""
    source = part.text(longest=SOURCE_LIMIT)
    try:
        check(source)
    except TemplateFault as fault:
        raise _placed(part, fault) from fault
    for finding in findings(source, language):
        raise TemplateFault(
            "wording_forbidden",
            f"“{finding.found}” is not said to a customer ({finding.why}); for example: {finding.instead}",
            line=part.text_line + finding.line - 1,
        )
    return source


async def compile_mjml(mjml: str, preheader: str, compiler: MjmlCompiler) -> str:
    """Set MJML into the frame of every mail and compile it to HTML with its Liquid. Raises TemplateFault with the author's line."""
    shielded = shield(frame(mjml, preheader))
    return restore(await compiler.compile(shielded.source), shielded)


async def plain_template(mjml: str, compiler: MjmlCompiler) -> str:
    """Make the plain-text part, with its Liquid, of what an author wrote in MJML."""
    kind = kind_of(mjml)
    whole = mjml
    if kind != "document":
        inside = mjml if kind == "sections" else f"<mj-section><mj-column>{mjml}</mj-column></mj-section>"
        whole = f"<mjml><mj-body><mj-wrapper>{inside}</mj-wrapper></mj-body></mjml>"
    shielded = shield(whole)
    words = plain_text(await compiler.compile(shielded.source), cell=CELL)
    # Of the tags, only those that bear on words come back; one that stood in an attribute of the layout has no place in a text.
    return restore(words, Shielded(source="", tags=shielded.tags), strict=False)


# ── The rest of the file ────────────────────────────────────────────────────────────────────────────────────────────


def _utm(top: Table) -> dict[str, str]:
    part = top.get("utm")
    if part is None:
        return {}
    part.table(_UTM)
    return {name: value.text() for name, value in part.pairs()}


def _example(top: Table) -> str:
    """Read an example of the data that a program sends with a service message."""
    part, purpose = top.get("example"), top.get("purpose")
    if part is None:
        return ""
    if purpose is None or purpose.text() != Purpose.SERVICE:
        raise part.fault("message_example", "data comes with messages of purpose “service” only: what promotes is sent by journeys")
    tree = part.plain()
    if not isinstance(tree, dict):
        raise part.fault("mapping_expected", "the example must be names with values")
    written = json.dumps(tree, ensure_ascii=False)
    if len(written.encode()) > _EXAMPLE_BYTES:
        raise part.fault("message_example", f"the example has more than {_EXAMPLE_BYTES} bytes")
    return written


def _address(part: Part) -> str:
    url = part.text(longest=2_000)
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, named = urlsplit(""), False
    if parts.scheme not in {"http", "https"} or not named or parts.username or parts.password:
        raise part.fault("message_url", "the address of a webhook starts with https:// and names a host, without a password")
    return url


def _payload(part: Part) -> str:
    tree = part.plain()
    if not isinstance(tree, dict):
        raise part.fault("mapping_expected", "the payload must be names with values")
    for leaf in _leaves(tree):
        try:
            check(leaf)
        except TemplateFault as fault:
            raise TemplateFault(fault.code, fault.sentence, line=part.line) from fault
    return json.dumps(tree, ensure_ascii=False)


def _leaves(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    branches = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return [leaf for branch in branches for leaf in _leaves(branch)]


def _placed(part: Part, fault: TemplateFault) -> TemplateFault:
    """Give a fault of a template the line of the file instead of its own."""
    return TemplateFault(fault.code, fault.sentence, line=part.text_line + max(fault.line, 1) - 1)
