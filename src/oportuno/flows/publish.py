"""Publish a message: read its YAML, check every line of it, compile its MJML. What comes out needs no further thought when it is sent.

Every fault names the line of the file and says in one sentence what to change.
"""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from oportuno.channels.channel import Channel
from oportuno.content.frame import frame, kind_of
from oportuno.content.liquid import TemplateFault, check
from oportuno.content.mjml import Shielded, restore, shield
from oportuno.content.plain_text import plain_text
from oportuno.content.template import Template, Wording
from oportuno.content.wording import findings
from oportuno.flows.ports import MjmlCompiler
from oportuno.kit.faults import BadInput
from oportuno.profile.purposes import Purpose

_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_UTM: Final = frozenset({"source", "medium", "campaign", "term", "content"})
_COMMON: Final = ("message", "version", "channel", "purpose", "topic")
_MAIL: Final = (*_COMMON, "utm", "wordings")
_HOOK: Final = (*_COMMON, "url", "secret", "payload")
_WORDING: Final = ("subject", "preheader", "mjml", "text")
_SIZE_LIMIT: Final = 400_000


async def read_template(text: str, compiler: MjmlCompiler) -> Template:
    """Read a message definition from YAML and make it ready to render.

    Raises BadInput (or TemplateFault, which is one) whose place is ``line N`` of the file.
    """
    top = _mapping(_compose(text), "the file")
    channel = _choice(top, "channel", [channel.value for channel in Channel])
    _known(top, _HOOK if channel == Channel.WEBHOOK else _MAIL)
    key = _text(top, "message")
    if not _KEY.fullmatch(key):
        raise _fault(top["message"], "message_key", "the key of a message has small letters, digits, “-” and “_” only")
    purpose = Purpose(_choice(top, "purpose", [Purpose.MARKETING.value, Purpose.SERVICE.value], default=Purpose.MARKETING.value))
    version = _version(top)
    topic = _text(top, "topic", default="")
    if channel == Channel.WEBHOOK:
        return Template(
            key=key,
            version=version,
            channel=channel,
            purpose=purpose,
            topic=topic,
            url=_address(top),
            secret=_text(top, "secret", default=""),
            payload=_payload(top),
        )
    wordings = _mapping(_needed(top, "wordings"), "wordings")
    if not wordings:
        raise _fault(top["wordings"], "message_no_wording", "a message needs a wording in at least one language")
    made = {language: await _wording(language, node, compiler) for language, node in wordings.items()}
    return Template(key=key, version=version, channel=channel, purpose=purpose, topic=topic, wordings=made, utm=_utm(top))


def write_template(template: Template) -> str:
    """Write a message definition as YAML: reading it again gives the same template. A webhook's secret is written too: keep the file safe."""
    out: dict[str, Any] = {"message": template.key, "version": template.version, "channel": template.channel, "purpose": template.purpose.value}
    if template.topic:
        out["topic"] = template.topic
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
    return yaml.dump(out, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000)


def _written(wording: Wording) -> dict[str, str]:
    return {name: getattr(wording, name) for name in _WORDING if getattr(wording, name)}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, so that templates stay readable."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block)


# ── A wording ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _wording(language: str, node: yaml.Node, compiler: MjmlCompiler) -> Wording:
    if not _LANGUAGE.fullmatch(language):
        raise _fault(node, "message_language", f"“{language[:20]}” is not a language such as es or en")
    parts = _mapping(node, f"the wording {language}")
    _known(parts, _WORDING)
    subject, mjml = _text(parts, "subject"), _text(parts, "mjml")
    preheader, text = _text(parts, "preheader", default=""), _text(parts, "text", default="")
    for name, source in (("subject", subject), ("preheader", preheader), ("mjml", mjml), ("text", text)):
        if source:
            _checked(parts[name], source, language)
    try:
        html = await compile_mjml(mjml, preheader, compiler)
        plain = text or await plain_template(mjml, compiler)
    except TemplateFault as fault:
        raise _placed(parts["mjml"], fault) from fault
    return Wording(subject=subject, preheader=preheader, html=html, text=text, mjml=mjml, plain=plain)


def _checked(node: yaml.Node, source: str, language: str) -> None:
    """Refuse what cannot be rendered, and what we do not say to a customer."""
    try:
        check(source)
    except TemplateFault as fault:
        raise _placed(node, fault) from fault
    for finding in findings(source, language):
        raise TemplateFault(
            "wording_forbidden",
            f"“{finding.found}” is not said to a customer ({finding.why}); for example: {finding.instead}",
            line=_first_line(node) + finding.line - 1,
        )


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
    words = plain_text(await compiler.compile(shielded.source))
    # Of the tags, only those that bear on words come back; one that stood in an attribute of the layout has no place in a text.
    return restore(words, Shielded(source="", tags=shielded.tags), strict=False)


# ── The file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _compose(text: str) -> yaml.Node:
    if len(text) > _SIZE_LIMIT:
        raise BadInput("yaml_too_large", f"a message file may have {_SIZE_LIMIT} characters")
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise BadInput("yaml_alias", "anchors and aliases cannot be used here", place=f"line {event.start_mark.line + 1}")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = mark.line + 1 if mark else 1
        raise BadInput("yaml_malformed", f"this is not YAML: {fault.problem or fault.context}", place=f"line {line}") from fault
    except yaml.YAMLError as fault:
        raise BadInput("yaml_malformed", "this is not YAML: it holds characters that YAML does not allow") from fault
    except RecursionError as fault:
        raise BadInput("yaml_too_deep", "the file is nested too deeply") from fault
    if node is None:
        raise BadInput("yaml_empty", "the file is empty", place="line 1")
    return node


def _mapping(node: yaml.Node, what: str) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise _fault(node, "yaml_shape", f"{what} must be names with values")
    found: dict[str, yaml.Node] = {}
    for name, value in node.value:
        if not isinstance(name, yaml.ScalarNode):
            raise _fault(name, "yaml_shape", f"{what} has a name that is not a word")
        if name.value in found:
            raise _fault(name, "yaml_twice", f"“{name.value[:40]}” stands twice")
        found[name.value] = value
    return found


def _known(found: dict[str, yaml.Node], names: tuple[str, ...]) -> None:
    for name, node in found.items():
        if name not in names:
            near = get_close_matches(name, names, n=1)
            meant = f"; did you mean “{near[0]}”?" if near else f"; it may be {', '.join(names)}"
            raise _fault(node, "yaml_unknown", f"“{name[:40]}” means nothing here{meant}")


def _needed(found: dict[str, yaml.Node], name: str) -> yaml.Node:
    if name not in found:
        first = next(iter(found.values()), None)
        raise BadInput("yaml_missing", f"“{name}” is missing", place=f"line {first.start_mark.line + 1}" if first else "line 1")
    return found[name]


def _text(found: dict[str, yaml.Node], name: str, *, default: str | None = None) -> str:
    if default is not None and name not in found:
        return default
    node = _needed(found, name)
    if not isinstance(node, yaml.ScalarNode):
        raise _fault(node, "yaml_shape", f"“{name}” must be a text")
    return str(node.value)


def _choice(found: dict[str, yaml.Node], name: str, choices: list[str], *, default: str | None = None) -> str:
    chosen = _text(found, name, default=default)
    if chosen not in choices:
        raise _fault(found[name], "yaml_unknown", f"“{chosen[:40]}” is not one of: {', '.join(choices)}")
    return chosen


def _version(found: dict[str, yaml.Node]) -> int:
    text = _text(found, "version", default="1")
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) or len(text) > 9:
        raise _fault(found["version"], "message_version", "a version is a whole number from 1")
    return int(text)


def _utm(found: dict[str, yaml.Node]) -> dict[str, str]:
    if "utm" not in found:
        return {}
    given = _mapping(found["utm"], "utm")
    _known(given, tuple(sorted(_UTM)))
    return {name: _text(given, name) for name in given}


def _address(found: dict[str, yaml.Node]) -> str:
    url = _text(found, "url")
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise _fault(found["url"], "message_url", "the address of a webhook starts with https:// and names a host, without a password")
    return url


def _payload(found: dict[str, yaml.Node]) -> str:
    if "payload" not in found:
        return ""
    node = found["payload"]
    if not isinstance(node, yaml.MappingNode):
        raise _fault(node, "yaml_shape", "the payload must be names with values")
    _check_leaves(node)
    loader = yaml.SafeLoader("")
    try:
        return json.dumps(loader.construct_document(node), ensure_ascii=False)
    except (yaml.YAMLError, TypeError, ValueError) as fault:
        raise _fault(node, "message_payload", "the payload holds something that is not text, number, list or names with values") from fault


def _check_leaves(node: yaml.Node) -> None:
    if isinstance(node, yaml.ScalarNode):
        try:
            check(node.value)
        except TemplateFault as fault:
            raise _placed(node, fault) from fault
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            _check_leaves(value)
    else:
        for value in node.value:
            _check_leaves(value)


def _first_line(node: yaml.Node) -> int:
    """Give the file's line on which a text's own first line stands: below the sign, when it is a block."""
    block = isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}
    return int(node.start_mark.line) + (2 if block else 1)


def _placed(node: yaml.Node, fault: TemplateFault) -> TemplateFault:
    return TemplateFault(fault.code, fault.sentence, line=_first_line(node) + max(fault.line, 1) - 1)


def _fault(node: yaml.Node, code: str, sentence: str) -> BadInput:
    return BadInput(code, sentence, place=f"line {node.start_mark.line + 1}")
