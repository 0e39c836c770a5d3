"""Laying down a workspace's definitions: every file is read and checked, then all are published together, or none.

Files are named as in a folder: `journeys/<any>.yaml`, `messages/<any>.yaml`, `policy.yaml` and `tracking-plan.yaml`. What is not among them
stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from oportuno.consent.read_policy import read_policy
from oportuno.content.brand import read_tokens
from oportuno.content.rehearse import leads_somewhere
from oportuno.content.template import Template
from oportuno.events.plan import read_plan
from oportuno.flows.definitions import PLAN_KEY, POLICY_KEY, Definition, Ground, Kind, Workspace, Workspaces, ground_of
from oportuno.flows.may_start import broken_rule, promotes_by_mail
from oportuno.flows.places import part_at
from oportuno.flows.ports import MjmlCompiler
from oportuno.flows.programme import Brand
from oportuno.flows.publish import read_template
from oportuno.flows.rehearse import Sender, as_fault, missing_languages, place_of, senders_of, try_out
from oportuno.journeys.journey import Journey, Send
from oportuno.journeys.read import read_journey
from oportuno.kit.faults import BadInput, Fault
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.yaml_lines import nearest

_POLICY_FILE: Final = "policy.yaml"
_PLAN_FILE: Final = f"{PLAN_KEY}.yaml"
_FOLDERS: Final = {"journeys": Kind.JOURNEY, "messages": Kind.MESSAGE}
_PACK: Final = msgspec.msgpack.Encoder()


class SeveralFaults(BadInput):
    """More than one thing is wrong with what was to be laid down; nothing was published."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__("definitions_invalid", f"{first.sentence}{more}", place=first.place)
        self.faults = tuple(faults)


class _Read(NamedTuple):
    """A definition and the file it was read from."""

    name: str
    definition: Definition


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What was published."""

    version: int
    """The workspace's version now."""
    published: tuple[tuple[Kind, str, int], ...] = ()
    """Kind, key and version of each new one."""
    unchanged: int = 0
    """How many files said what is in force already."""


async def apply(
    files: Mapping[str, str], *, workspace: WorkspaceId, workspaces: Workspaces, compiler: MjmlCompiler, signs: Sequence[str] = ()
) -> Applied:
    """Publish files (name → YAML). Applying the same files again changes nothing.

    `signs` says of each way that the workspace's mail can leave by, for which domain it signs; none: nothing is known of its ways yet.
    Raises SeveralFaults, each with `file:line`, when anything cannot be read; Conflict when somebody else published meanwhile.
    """
    facts = await workspaces.workspace(workspace)
    standing = await workspaces.definitions(workspace)
    read, faults = await _read_all(files, facts, compiler)
    faults += _taken_versions(read, standing)
    faults += _loose_ends(read, standing)
    if not faults:
        faults += _house_rules(read, standing, facts, signs)
        faults += _rehearsals(read, standing, facts)
    if faults:
        raise SeveralFaults(faults)
    added = [definition for _, definition in read if _is_new(definition, standing)]
    if not added:
        return Applied(version=facts.version, unchanged=len(read))
    added = [_numbered(definition, standing) for definition in added]
    version = await workspaces.publish(workspace, added, base_version=facts.version)
    published = tuple((each.kind, each.key, each.version) for each in added)
    return Applied(version=version, published=published, unchanged=len(read) - len(added))


async def export(workspace: WorkspaceId, *, workspaces: Workspaces) -> dict[str, str]:
    """Give the files in force (name → YAML), as they were applied."""
    files: dict[str, str] = {}
    for definition in _newest(await workspaces.definitions(workspace)).values():
        folder = {Kind.JOURNEY: "journeys/", Kind.MESSAGE: "messages/"}.get(definition.kind, "")
        files[f"{folder}{definition.key}.yaml"] = definition.source
    return files


async def _read_all(files: Mapping[str, str], facts: Workspace, compiler: MjmlCompiler) -> tuple[list[_Read], list[Fault]]:
    read: list[_Read] = []
    faults: list[Fault] = []
    for name in sorted(files):
        try:
            definition = await _read(name, files[name], facts, compiler)
        except Fault as fault:
            faults.append(_in_file(name, fault))
            continue
        twin = next((other for other, each in read if (each.kind, each.key) == (definition.kind, definition.key)), None)
        if twin is not None:
            sentence = f"the {definition.kind} “{definition.key}” stands in {twin} too"
            faults.append(BadInput("definition_twice", sentence, place=_at(name, definition, definition.kind.value)))
        read.append(_Read(name, definition))
    return read, faults


async def _read(name: str, text: str, facts: Workspace, compiler: MjmlCompiler) -> Definition:
    if name == _POLICY_FILE:
        ground = _ground(text, facts)
        return Definition(kind=Kind.POLICY, key=POLICY_KEY, version=1, source=text, compiled=_PACK.encode(ground))
    if name == _PLAN_FILE:
        return Definition(kind=Kind.TRACKING_PLAN, key=PLAN_KEY, version=1, source=text, compiled=_PACK.encode(read_plan(text)))
    folder, _, rest = name.partition("/")
    kind = _FOLDERS.get(folder)
    if kind is None or not rest.endswith((".yaml", ".yml")) or "/" in rest:
        raise BadInput("file_unknown", "files are policy.yaml, tracking-plan.yaml, journeys/<name>.yaml and messages/<name>.yaml")
    if kind is Kind.JOURNEY:
        journey = read_journey(text)
        return Definition(kind=kind, key=journey.key, version=journey.version, source=text, compiled=_PACK.encode(journey))
    template = await read_template(text, compiler)
    return Definition(kind=kind, key=template.key, version=template.version, source=text, compiled=_PACK.encode(template))


def _ground(text: str, facts: Workspace) -> Ground:
    """Read a policy; what it leaves out of zone, country and languages is the workspace's own."""
    policy, brand = read_policy(text)
    said = _said(text)
    own = ground_of(facts).policy
    unsaid = {word: getattr(own, word) for word in ("timezone", "country", "languages") if word not in said}
    return Ground(policy=msgspec.structs.replace(policy, **unsaid), brand=_brand(text, brand))


def _said(text: str) -> set[str]:
    """Name what a policy says itself."""
    return {word for word, _ in part_at(text, "policy").pairs()}


def _brand(text: str, given: Mapping[str, object]) -> Brand:
    try:
        brand = msgspec.convert(given, Brand)
        read_tokens(brand.tokens)
    except msgspec.ValidationError as fault:
        raise part_at(text, "brand").fault("policy_brand", f"the brand cannot be read: {fault}") from fault
    except BadInput as fault:
        raise part_at(text, "brand", "tokens", fault.place.removeprefix("tokens.")).fault(fault.code, fault.sentence) from fault
    for word in ("shop_url", "cart_url", "mark_url", "privacy_url"):
        address = getattr(brand, word)
        if address and not leads_somewhere(address, picture=True):
            raise part_at(text, "brand", word).fault(
                "brand_address", f"“{word}” is a whole address of the web such as https://shop.example/"
            )
    return brand


def _taken_versions(read: Sequence[_Read], standing: Sequence[Definition]) -> Iterator[Fault]:
    """A walk names its journey's version, so a published version never changes."""
    for name, definition in read:
        if definition.kind is not Kind.JOURNEY:
            continue
        versions = {each.version: each for each in standing if (each.kind, each.key) == (definition.kind, definition.key)}
        same = versions.get(definition.version)
        place = _at(name, definition, "version")
        # As read, not as stored: a later release may write down more about the same journey.
        if same is not None and _journey(same) != _journey(definition):
            sentence = f"version {definition.version} of this journey is published and says something else: raise its version"
            yield BadInput("journey_version_taken", sentence, place=place)
        elif same is None and versions and definition.version < max(versions):
            yield BadInput("journey_version_old", f"version {max(versions)} of this journey is published already", place=place)


def _loose_ends(read: Sequence[_Read], standing: Sequence[Definition]) -> Iterator[Fault]:
    """A journey may only send messages that exist, on their own channel and for their own purpose."""
    in_force = _in_force(read, standing)
    known = {key: _template(each) for (kind, key), each in in_force.items() if kind is Kind.MESSAGE}
    for name, definition in read:
        if definition.kind is not Kind.JOURNEY:
            continue
        for number, step in enumerate(_journey(definition).steps):
            if isinstance(step, Send):
                yield from _step_at_odds(step, known, partial(_at, name, definition, "steps", number))
    yield from _messages_at_odds(read, in_force)


def _step_at_odds(step: Send, known: Mapping[str, Template], at: Callable[[str], str]) -> Iterator[Fault]:
    message = known.get(step.message)
    if message is None:
        near = nearest(step.message, known)
        hint = f"; did you mean “{near}”?" if near else ""
        sentence = f"step “{step.id}” sends the message “{step.message}”, which does not exist{hint}"
        yield BadInput("message_unknown", sentence, place=at("send"))
    elif step.channel != message.channel:
        sentence = f"step “{step.id}” sends by {step.channel}, but its message is for {message.channel}"
        yield BadInput("message_channel", sentence, place=at("channel"))
    elif step.purpose is not message.purpose:
        sentence = f"step “{step.id}” sends for {step.purpose.value}, but its message is written for {message.purpose.value}"
        yield BadInput("message_purpose", sentence, place=at("purpose"))


def _messages_at_odds(read: Sequence[_Read], in_force: Mapping[tuple[Kind, str], Definition]) -> Iterator[Fault]:
    """A message may not change its purpose under a journey in force: what needs no yes would promote, or the other way round."""
    told = {(each.kind, each.key) for _, each in read}
    journeys = [_journey(each) for (kind, key), each in in_force.items() if kind is Kind.JOURNEY and (kind, key) not in told]
    for name, definition in read:
        if definition.kind is not Kind.MESSAGE:
            continue
        message = _template(definition)
        sent = ((journey, step) for journey in journeys for step in journey.steps if isinstance(step, Send))
        for journey, step in sent:
            if step.message == message.key and step.purpose is not message.purpose:
                sentence = (
                    f"step “{step.id}” of “{journey.key}”, which is in force, sends it for {step.purpose.value}, "
                    f"but it is written for {message.purpose.value}"
                )
                yield BadInput("message_purpose", sentence, place=_at(name, definition, "purpose"))


def _house_rules(read: Sequence[_Read], standing: Sequence[Definition], facts: Workspace, signs: Sequence[str]) -> Iterator[Fault]:
    """No marketing by e-mail is laid down for a shop that says from whom its mail comes and does not keep a rule of the house."""
    in_force = _in_force(read, standing)
    ground = _ground_in_force(in_force, facts)
    broken = broken_rule(ground.brand, signs, sandbox=facts.sandbox or ground.policy.sandbox)
    if broken is None:
        return
    code, sentence = broken.fault.code, broken.fault.sentence
    promoting = {key for (kind, key), each in in_force.items() if kind is Kind.JOURNEY and promotes_by_mail(_journey(each))}
    policy = next((each for each in read if each.definition.kind is Kind.POLICY), None)
    if policy is not None and promoting:
        said = [broken.word] if broken.word in dict(part_at(policy.definition.source, "brand").pairs()) else []
        yield BadInput(code, sentence, place=_at(policy.name, policy.definition, "brand", *said))
        return
    for name, definition in read:
        if definition.kind is Kind.JOURNEY and definition.key in promoting:
            yield BadInput(code, sentence, place=_at(name, definition, "steps"))


# ── Trying out ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _rehearsals(read: Sequence[_Read], standing: Sequence[Definition], facts: Workspace) -> Iterator[Fault]:
    """Try out every message that this laying down touches: by its own file, by a journey that sends it, or by the brand that signs it."""
    in_force = _in_force(read, standing)
    before, after = _ground_in_force(_newest(standing), facts), _ground_in_force(in_force, facts)
    journeys = [_journey(each) for (kind, _), each in in_force.items() if kind is Kind.JOURNEY]
    files = {definition.key: name for name, definition in read if definition.kind is Kind.MESSAGE}
    for (kind, key), definition in in_force.items():
        if kind is not Kind.MESSAGE:
            continue
        template, senders = _template(definition), senders_of(key, journeys)
        if key in files:
            yield from _missing_languages(files[key], definition, template, in_force, after)
            for refused in try_out(template, senders, after):
                yield as_fault(refused, f"{files[key]}:{place_of(definition.source, refused)}")
            continue
        yield from _by_its_senders(template, list(_new_senders(read, key)), after)
        if before != after and not try_out(template, senders, before):
            for refused in try_out(template, senders, after)[:1]:
                sentence = f"the message “{key}”, which is in force, would not work with it: {refused.objection.fault.sentence}"
                yield as_fault(refused, _POLICY_FILE, sentence)


def _missing_languages(
    name: str, definition: Definition, template: Template, in_force: Mapping[tuple[Kind, str], Definition], ground: Ground
) -> Iterator[Fault]:
    """Where a policy names its languages, every mail speaks them all; where none does, one of the workspace's is enough."""
    policy = in_force.get((Kind.POLICY, POLICY_KEY))
    missing = missing_languages(template, ground.policy.languages)
    named = policy is not None and "languages" in _said(policy.source)
    if missing and (named or len(missing) == len(ground.policy.languages)):
        wanted = ", ".join(missing)
        sentence = f"the wording in {wanted} is missing: the languages of the workspace are {', '.join(ground.policy.languages)}"
        yield BadInput("message_language_missing", sentence, place=_at(name, definition, "wordings"))


def _new_senders(read: Sequence[_Read], key: str) -> Iterator[tuple[str, Sender]]:
    """Give the steps among the files that send a message, each with its place."""
    for name, definition in read:
        if definition.kind is not Kind.JOURNEY:
            continue
        journey = _journey(definition)
        for number, step in enumerate(journey.steps):
            if isinstance(step, Send) and step.message == key:
                yield _at(name, definition, "steps", number, "send"), Sender(journey, step)


def _by_its_senders(template: Template, senders: Sequence[tuple[str, Sender]], ground: Ground) -> Iterator[Fault]:
    """Try out a message in force for the journeys that begin to send it."""
    for place, sender in senders:
        for refused in try_out(template, [sender], ground)[:1]:
            sentence = (
                f"step “{sender.step.id}” sends “{template.key}” because of {sender.step.because}: {refused.objection.fault.sentence}"
            )
            yield as_fault(refused, place, sentence)


def _ground_in_force(in_force: Mapping[tuple[Kind, str], Definition], facts: Workspace) -> Ground:
    policy = in_force.get((Kind.POLICY, POLICY_KEY))
    ground = ground_of(facts) if policy is None else msgspec.msgpack.decode(policy.compiled, type=Ground)
    return ground if ground.brand.name else msgspec.structs.replace(ground, brand=msgspec.structs.replace(ground.brand, name=facts.name))


# ── Definitions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_force(read: Sequence[_Read], standing: Sequence[Definition]) -> dict[tuple[Kind, str], Definition]:
    """Give what will be in force: the files over what stands already."""
    return _newest(standing) | {(each.kind, each.key): each for _, each in read}


def _journey(definition: Definition) -> Journey:
    return msgspec.msgpack.decode(definition.compiled, type=Journey)


def _template(definition: Definition) -> Template:
    return msgspec.msgpack.decode(definition.compiled, type=Template)


def _at(name: str, definition: Definition, *path: str | int) -> str:
    """Name a place in a file as editors and compilers write it: `journeys/cart.yaml:12`."""
    return f"{name}:{part_at(definition.source, *path).line}"


def _newest(definitions: Sequence[Definition]) -> dict[tuple[Kind, str], Definition]:
    newest: dict[tuple[Kind, str], Definition] = {}
    for each in definitions:
        known = newest.get((each.kind, each.key))
        if known is None or known.version < each.version:
            newest[each.kind, each.key] = each
    return newest


def _is_new(definition: Definition, standing: Sequence[Definition]) -> bool:
    known = _newest(standing).get((definition.kind, definition.key))
    if known is None:
        return True
    # Of a journey, only a new version is new: the same version with other comments means the same.
    return known.version != definition.version if definition.kind is Kind.JOURNEY else known.source != definition.source


def _numbered(definition: Definition, standing: Sequence[Definition]) -> Definition:
    """Messages, the policy and the tracking plan are counted on by us; a journey's version is its author's."""
    known = _newest(standing).get((definition.kind, definition.key))
    if definition.kind is Kind.JOURNEY or known is None or definition.version > known.version:
        return definition
    version = known.version + 1
    if definition.kind is not Kind.MESSAGE:
        return msgspec.structs.replace(definition, version=version)
    template = msgspec.structs.replace(_template(definition), version=version)
    return msgspec.structs.replace(definition, version=version, compiled=_PACK.encode(template))


def _in_file(name: str, fault: Fault) -> Fault:
    """Say a fault with its file, and the line as editors and compilers write it: `journeys/cart.yaml:12`."""
    line = fault.place.removeprefix("line ")
    place = f"{name}:{line}" if line.isdigit() else f"{name}: {fault.place}" if fault.place else name
    return BadInput(fault.code, fault.sentence, place=place)
