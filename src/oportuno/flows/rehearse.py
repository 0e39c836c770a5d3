"""Every message is tried out before it is published: in each of its languages, for each journey that sends it, under the limits of sending.

What is tried with is what the journey's trigger and evidence give (`flows.stand_ins`): a template that asks for more, that leads nowhere
or that never ends is refused by its line, where it would have been a silence for each customer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from oportuno.channels.channel import Channel
from oportuno.content.links import Links
from oportuno.content.liquid import TemplateFault
from oportuno.content.rehearse import BASE, LINKS, SILENT_ON_PURPOSE, Objection, rehearse, unknown_names
from oportuno.content.render import scene
from oportuno.content.said import Said
from oportuno.content.shop_links import host_of
from oportuno.content.template import Template
from oportuno.flows.definitions import Ground
from oportuno.flows.places import part_at, texts_of
from oportuno.flows.stand_ins import NOW, StandIn, stand_ins
from oportuno.journeys.journey import Journey, Send
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import derive
from oportuno.kit.times import DAY
from oportuno.moments.asking import JOINING, MESSAGE
from oportuno.moments.evidence import KINDS
from oportuno.moments.sending import DATA, NOTICE
from oportuno.profile.purposes import Purpose


class Sender(NamedTuple):
    """A journey's step that sends a message."""

    journey: Journey
    step: Send


class Refused(NamedTuple):
    """What keeps a message from being published, and in which language it was tried."""

    language: str
    objection: Objection


def senders_of(key: str, journeys: Sequence[Journey]) -> list[Sender]:
    """List the steps that send a message, one for each kind of evidence."""
    found = {
        step.because: Sender(journey, step)
        for journey in journeys
        for step in journey.steps
        if isinstance(step, Send) and step.message == key
    }
    return list(found.values())


def try_out(template: Template, senders: Sequence[Sender], ground: Ground) -> list[Refused]:
    """Try a message out for everybody who sends it, and give what was objected to, each thing once; empty: it can be published.

    A message that nobody sends yet is good when it suits any kind of evidence.
    """
    if senders:
        return _each_once(refused for sender in senders for refused in _tried(template, sender.step.because, ground, sender))
    if template.key == MESSAGE:
        return _each_once(_tried(template, JOINING, ground, None))
    found: list[Refused] = []
    kinds = (NOTICE,) if template.example else (*KINDS, NOTICE) if template.purpose is Purpose.SERVICE else tuple(KINDS)
    for kind in kinds:
        refused = _each_once(_tried(template, kind, ground, None))
        if not refused:
            return []
        found = found or refused
    return found


def place_of(source: str, refused: Refused) -> int:
    """Give the line of a message's file at which an objection is aimed."""
    language, objection = refused
    if objection.part == "payload":
        leaves = texts_of(part_at(source, "payload"))
        part = leaves[objection.leaf] if objection.leaf < len(leaves) else part_at(source, "payload")
    else:
        part = part_at(source, "wordings", language, objection.part)
    return part.text_line + max(objection.fault.line, 1) - 1 if objection.fault.line else part.line


def missing_languages(template: Template, languages: Sequence[str]) -> list[str]:
    """List the languages of the workspace in which a mail has nothing to say."""
    if template.channel == Channel.WEBHOOK:
        return []
    return [language for language in languages if language not in template.wordings]


def _tried(template: Template, kind: str, ground: Ground, sender: Sender | None) -> Iterator[Refused]:
    trigger = sender.journey.trigger[0] if sender is not None else ""
    pair = stand_ins(kind, trigger, channel=template.channel, shop=_shop(ground), currency=ground.policy.currency)
    if kind == NOTICE:
        pair = tuple(_with_data(each, template) for each in pair)
    languages = list(template.wordings) or list(ground.policy.languages[:1])
    for language in languages if pair else ():
        scenes = [(each, _scene(template, each, language, ground, sender)) for each in pair]
        whole = scenes[0][1] | _known_elsewhere(template, language, ground)
        unknown = [Refused(language, objection) for objection in unknown_names(template, language, whole)]
        if unknown:
            yield from unknown
            continue
        yield from _rendered(template, scenes, language, ground)


def _with_data(each: StandIn, template: Template) -> StandIn:
    """Give what a program sends with a message: the example, as its author wrote it."""
    data = json.loads(template.example) if template.example else {}
    return msgspec.structs.replace(each, evidence=msgspec.structs.replace(each.evidence, context={DATA: data}))


def _rendered(template: Template, scenes: Sequence[tuple[StandIn, dict[str, Any]]], language: str, ground: Ground) -> Iterator[Refused]:
    brand = msgspec.structs.asdict(ground.brand)
    for each, data in scenes:
        objection = rehearse(template, data, brand, links=links_of(each.evidence.because.kind), marketing=data["label"]["leaving"])
        if objection is None:
            continue
        if not each.known and template.channel == Channel.WEBHOOK and objection.fault.code == SILENT_ON_PURPOSE:
            continue
        yield Refused(language, _put(objection, known=each.known))
        return


def _known_elsewhere(template: Template, language: str, ground: Ground) -> dict[str, Any]:
    """Give what other kinds of evidence know: a message that several journeys send may ask whether it is there."""
    known: dict[str, Any] = {}
    for kind in KINDS:
        for each in stand_ins(kind, "", channel=template.channel, shop=_shop(ground), currency=ground.policy.currency)[:1]:
            for name, value in _scene(template, each, language, ground, None).items():
                both = isinstance(value, dict) and isinstance(known.get(name), dict)
                known[name] = known[name] | value if both else value
    return known


def _scene(template: Template, each: StandIn, language: str, ground: Ground, sender: Sender | None) -> dict[str, Any]:
    purpose = sender.step.purpose if sender is not None else template.purpose
    said = Said(
        id=derive("rehearsal", template.key),
        journey=sender.journey.key if sender is not None else "",
        version=sender.journey.version if sender is not None else 1,
        step=sender.step.id if sender is not None else "",
        template=template.key,
        channel=template.channel,
        purpose=purpose,
        topic=template.topic,
        items=each.evidence.items,
        because=each.evidence.because,
        expires_at=NOW + DAY,
        context=each.evidence.context,
    )
    return scene(
        said,
        language=language,
        marketing=purpose is not Purpose.SERVICE,
        profile=each.profile,
        links=links_of(each.evidence.because.kind),
        brand=msgspec.structs.asdict(ground.brand),
        locale=language,
        now=NOW,
        tz=ground.policy.timezone,
    )


def links_of(kind: str) -> Links:
    """Give the links of a rehearsal: a message that asks to confirm has one more."""
    return msgspec.structs.replace(LINKS, confirm=f"{BASE}/p/confirm") if kind == JOINING else LINKS


def _shop(ground: Ground) -> str:
    """Give an address in which a product of this shop may lie; empty when the shop has told none of its own."""
    brand = ground.brand
    host = next((host for host in map(host_of, (brand.shop_url, brand.cart_url, brand.mark_url)) if host), "")
    return f"https://{host}" if host else ""


_OF_SOME: Final = "; not every customer has it: ask first ({% if … %}) or give a default (| default: “…”)"


def _put(objection: Objection, *, known: bool) -> Objection:
    """Say a fault of rendering to the author, who writes for everybody, and not for the customer it was found with."""
    fault = objection.fault
    if fault.code == SILENT_ON_PURPOSE:
        what = fault.sentence.removeprefix("the template asks for ").partition(",")[0]
        if known:
            sentence = f"the template asks for {what}, which no customer has here"
            return objection._replace(fault=TemplateFault("template_variable_unknown", sentence, line=fault.line))
        sentence = f"the template asks for {what}{_OF_SOME}"
        return objection._replace(fault=TemplateFault("template_variable_unsure", sentence, line=fault.line))
    if known:
        return objection
    sentence = f"{fault.sentence}; so it is where little is known of a customer or a product: ask first ({{% if … %}})"
    return objection._replace(fault=TemplateFault(fault.code, sentence, line=fault.line))


def _each_once(found: Iterator[Refused]) -> list[Refused]:
    return list({_name_of(refused): refused for refused in found}.values())


def _name_of(refused: Refused) -> tuple[str, str, int, int, str]:
    objection = refused.objection
    return refused.language, objection.part, objection.leaf, objection.fault.line, objection.fault.code


def as_fault(refused: Refused, place: str, sentence: str = "") -> BadInput:
    """Make the fault that a person sees, at a place such as ``messages/cart.yaml:12``; with other words where it is seen from elsewhere."""
    fault = refused.objection.fault
    return BadInput(fault.code, sentence or fault.sentence, place=place)
