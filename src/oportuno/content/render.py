"""A message in the words and form of its channel: the customer's language, the sewn label, the links, and nothing that spies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any, Final

import msgspec

from oportuno.content.because import because_line
from oportuno.content.brand import in_language, palette
from oportuno.content.click_links import Measured
from oportuno.content.formats import Form, locale_for
from oportuno.content.label import words
from oportuno.content.links import Links
from oportuno.content.liquid import FORM_KEY, TemplateFault, render_html, render_plain
from oportuno.content.message import Message, Rendered
from oportuno.content.plain_text import joined_cells
from oportuno.content.said import Said
from oportuno.content.shop_links import hosts_of, own_addresses
from oportuno.content.template import Template, Wording
from oportuno.content.utm import Marker
from oportuno.kit.ids import write_id
from oportuno.kit.times import Millis, to_text

_LOOK: Final = re.compile(r"\{\{\s*brand\.(\w+)\s*\}\}")
SUBJECT_LIMIT: Final = 200
"""Characters of a subject; mail programs show about 45."""


def render(
    message: Message,
    template: Template,
    *,
    profile: Mapping[str, Any],
    links: Links,
    brand: Mapping[str, Any],
    languages: Sequence[str],
    locale: str | None,
    now: Millis,
    tz: str = "UTC",
    measured: Measured | None = None,
) -> Rendered:
    """Put a message into words.

    The template sees the evidence's context by its own names, a cart also as ``cart``, and besides ``customer``, ``brand`` and ``links``.
    `profile` is what the template may see of the customer (`content.seen`), `brand` the workspace's Brand as a mapping, `languages` the
    workspace's languages with the fallback first, `tz` the customer's zone or the workspace's. `measured` leads the shop's links of
    a mail past our door, for a customer who said yes to that; None: they are plain.
    Raises TemplateFault: then nothing of this message may be sent.
    """
    language = choose_language(template, languages, locale)
    data = scene(
        message.said,
        language=language,
        marketing=message.marketing,
        profile=profile,
        links=links,
        brand=brand,
        locale=locale,
        now=now,
        tz=tz,
    )
    if template.channel == "webhook":
        return _webhook(message, template, data)
    return written_mail(template, data, links, brand, marketing=message.marketing, measured=measured)


def scene(
    said: Said,
    *,
    language: str,
    marketing: bool,
    profile: Mapping[str, Any],
    links: Links,
    brand: Mapping[str, Any],
    locale: str | None,
    now: Millis,
    tz: str,
) -> dict[str, Any]:
    """Give everything that a template sees, by the names it knows; `label` is the frame's own."""
    because = because_line(said.because, language, now=now, zone=tz, locale=locale)
    context = own_addresses(said.context, hosts_of(brand))
    form = Form(language=language, locale=locale_for(language, locale), zone=tz, now=now)
    data: dict[str, Any] = {**context, FORM_KEY: form, "customer": dict(profile), "items": list(said.items)}
    if "lines" in context:
        data["cart"] = context
    privacy = in_language(str(brand.get("privacy_url") or ""), language)
    data["brand"] = {**_plain(brand), "privacy_url": privacy, **palette(brand.get("tokens") or {})}
    data["links"] = _links(links)
    data["label"] = {
        **words(language),
        "language": language,
        "line": because,
        "subject": "",
        "answers": bool(said.items),
        "leaving": marketing,
    }
    data["message"] = {"id": write_id("msg", said.id), "journey": said.journey, "step": said.step, "topic": said.topic}
    return data


def choose_language(template: Template, languages: Sequence[str], locale: str | None) -> str:
    """Choose the language: the customer's own if the message has it, else the workspace's first that it has, else any.

    Raises TemplateFault when an e-mail has no wording at all.
    """
    if template.channel == "webhook" and not template.wordings:
        own = (locale or "").replace("_", "-").split("-")[0].lower()
        return own if own in languages else (languages[0] if languages else "en")
    wanted = [(locale or "").replace("_", "-").split("-")[0].lower(), *languages, *sorted(template.wordings)]
    for language in wanted:
        if language in template.wordings:
            return language
    raise TemplateFault("template_no_wording", "the message has no wording in any language")


def written_mail(
    template: Template,
    data: dict[str, Any],
    links: Links,
    brand: Mapping[str, Any],
    *,
    marketing: bool,
    measured: Measured | None = None,
) -> Rendered:
    """Write a mail in the language of its scene. Raises TemplateFault when it comes out incomplete or beyond a limit."""
    language = data["label"]["language"]
    wording = template.wordings[language]
    subject = " ".join(render_plain(wording.subject, data).split())
    if not subject:
        raise TemplateFault("template_no_subject", "the subject comes out empty")
    data["label"]["subject"] = subject
    shops = str(brand.get("shop_url") or ""), str(brand.get("cart_url") or "")
    marker = Marker(template.utm, shops=shops, own=links.base, led=measured.url if measured is not None else None)
    looks = tuple(sorted(data["brand"].items()))
    html = marker.html(render_html(_dressed(wording.html, looks), data))
    _insist(html, links, marketing=marketing)
    return Rendered(
        channel=template.channel,
        language=language,
        subject=subject[:SUBJECT_LIMIT],
        html=html,
        text=marker.text(_text(wording, data, brand)),
        headers=_headers(language, links, marketing=marketing),
        sender=sender_of(brand),
        reply_to=str(brand.get("reply_to") or ""),
        links=tuple(measured.stored.values()) if measured is not None else (),
    )


@lru_cache(maxsize=256)
def _dressed(source: str, looks: tuple[tuple[str, str], ...]) -> str:
    """Write a shop's looks into a template once, instead of a hundred times into every mail: half the time of a rendering."""
    known = dict(looks)

    def put(found: re.Match[str]) -> str:
        value = known.get(found[1])
        return found.group() if value is None or "{{" in value or "{%" in value else escape(value)

    return _LOOK.sub(put, source)


def _links(links: Links) -> dict[str, str]:
    return {
        "why": links.why,
        "bought": links.bought,
        "not_interested": links.not_interested,
        "unsubscribe": links.unsubscribe,
        "cart": links.cart,
        **({"confirm": links.confirm} if links.confirm else {}),
    }


def _plain(brand: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in brand.items() if isinstance(value, str)}


def _insist(html: str, links: Links, *, marketing: bool) -> None:
    """No mail without its why, and no marketing without its way out: whatever the template says."""
    if links.why not in html or (marketing and links.unsubscribe not in html):
        raise TemplateFault("template_without_label", "the mail came out without its label or its way out")
    if links.confirm not in html:
        raise TemplateFault("template_without_confirm", "the mail asks to confirm and has no link to do it: {{ links.confirm }}")


def _text(wording: Wording, data: dict[str, Any], brand: Mapping[str, Any]) -> str:
    """Why it came first, as on the label; then what the mail says; then the answers, and the way out."""
    label, links = data["label"], data["links"]
    body = _tidy(render_plain(wording.plain or wording.text, data))
    answers = [f"{label['bought']}: {links['bought']}", f"{label['not_interested']}: {links['not_interested']}"] if label["answers"] else []
    answers.append(f"{label['why']}: {links['why']}")
    foot = [f"{label['unsubscribe']}: {links['unsubscribe']}"] if label["leaving"] else []
    if brand.get("legal"):
        foot.append(str(brand["legal"]))
    parts = [f"{label['lead']} {label['line']}", body.strip(), "\n".join(answers), "\n".join(foot)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _tidy(text: str) -> str:
    """Drop the gaps that Liquid tags leave on lines of their own, and the cells that came out empty."""
    kept: list[str] = []
    for line in (joined_cells(raw) for raw in text.split("\n")):
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept)


def _headers(language: str, links: Links, *, marketing: bool) -> dict[str, str]:
    headers = {"Content-Language": language}
    if marketing:
        ways = [f"<{links.unsubscribe}>", *([f"<{links.mailto}>"] if links.mailto else [])]
        headers["List-Unsubscribe"] = ", ".join(ways)
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def sender_of(brand: Mapping[str, Any]) -> str:
    """Give the From of a brand: its name, quoted, and its address; empty when it has none."""
    address, name = str(brand.get("sender") or ""), str(brand.get("name") or "")
    if not address or "<" in address or not name:
        return address
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'


def _webhook(message: Message, template: Template, data: dict[str, Any]) -> Rendered:
    said, label = message.said, data["label"]
    if template.payload:
        payload = _filled(msgspec.json.decode(template.payload), data)
    else:
        payload = {
            "type": "message",
            "timestamp": to_text(data[FORM_KEY].now),
            "data": {
                **data["message"],
                "customer": write_id("cus", message.key.customer),
                "language": label["language"],
                "items": list(said.items),
                "because": {"kind": said.because.kind, "sentence": label["line"], "facts": said.because.facts},
                "context": said.context,
                "links": data["links"],
                "expires_at": to_text(message.expires_at),
            },
        }
    return Rendered(
        channel=template.channel, language=label["language"], url=template.url, secret=template.secret, payload=payload, headers={}
    )


def _filled(tree: Any, data: dict[str, Any]) -> Any:
    """Fill a JSON tree: only its strings are templates, so no value can break out of its place."""
    if isinstance(tree, str):
        return render_plain(tree, data)
    if isinstance(tree, list):
        return [_filled(branch, data) for branch in tree]
    if isinstance(tree, dict):
        return {name: _filled(branch, data) for name, branch in tree.items()}
    return tree
