"""Laying down a workspace's definitions: every file is read and checked, then all are published together, or none.

Files are named as in a folder: `journeys/<any>.yaml`, `messages/<any>.yaml` and `policy.yaml`. What is not among them stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from oportuno.consent.read_policy import read_policy
from oportuno.content.template import Template
from oportuno.flows.definitions import POLICY_KEY, Definition, Ground, Kind, Workspace, Workspaces, ground_of
from oportuno.flows.ports import MjmlCompiler
from oportuno.flows.programme import Brand
from oportuno.flows.publish import read_template
from oportuno.journeys.journey import Journey, Send
from oportuno.journeys.read import read_journey
from oportuno.kit.faults import BadInput, Fault
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.yaml_lines import read_yaml

_POLICY_FILE: Final = "policy.yaml"
_FOLDERS: Final = {"journeys": Kind.JOURNEY, "messages": Kind.MESSAGE}
_PACK: Final = msgspec.msgpack.Encoder()


class SeveralFaults(BadInput):
    """More than one thing is wrong with what was to be laid down; nothing was published."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__("definitions_invalid", f"{first.sentence}{more}", place=first.place)
        self.faults = tuple(faults)


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What was published."""

    version: int
    """The workspace's version now."""
    published: tuple[tuple[Kind, str, int], ...] = ()
    """Kind, key and version of each new one."""
    unchanged: int = 0
    """How many files said what is in force already."""


async def apply(files: Mapping[str, str], *, workspace: WorkspaceId, workspaces: Workspaces, compiler: MjmlCompiler) -> Applied:
    """Publish files (name → YAML). Applying the same files again changes nothing.

    Raises SeveralFaults, each with `file:line`, when anything cannot be read; Conflict when somebody else published meanwhile.
    """
    facts = await workspaces.workspace(workspace)
    standing = await workspaces.definitions(workspace)
    read, faults = await _read_all(files, facts, compiler)
    faults += _taken_versions(read, standing)
    faults += _loose_ends(read, standing)
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
        folder = {Kind.JOURNEY: "journeys/", Kind.MESSAGE: "messages/", Kind.POLICY: ""}[definition.kind]
        files[f"{folder}{definition.key}.yaml"] = definition.source
    return files


async def _read_all(files: Mapping[str, str], facts: Workspace, compiler: MjmlCompiler) -> tuple[list[tuple[str, Definition]], list[Fault]]:
    read: list[tuple[str, Definition]] = []
    faults: list[Fault] = []
    for name in sorted(files):
        try:
            definition = await _read(name, files[name], facts, compiler)
        except Fault as fault:
            faults.append(_in_file(name, fault))
            continue
        twin = next((other for other, each in read if (each.kind, each.key) == (definition.kind, definition.key)), None)
        if twin is not None:
            faults.append(BadInput("definition_twice", f"the {definition.kind} “{definition.key}” stands in {twin} too", place=name))
        read.append((name, definition))
    return read, faults


async def _read(name: str, text: str, facts: Workspace, compiler: MjmlCompiler) -> Definition:
    if name == _POLICY_FILE:
        ground = _ground(text, facts)
        return Definition(kind=Kind.POLICY, key=POLICY_KEY, version=1, source=text, compiled=_PACK.encode(ground))
    folder, _, rest = name.partition("/")
    kind = _FOLDERS.get(folder)
    if kind is None or not rest.endswith((".yaml", ".yml")) or "/" in rest:
        raise BadInput("file_unknown", "files are policy.yaml, journeys/<name>.yaml and messages/<name>.yaml")
    if kind is Kind.JOURNEY:
        journey = read_journey(text)
        return Definition(kind=kind, key=journey.key, version=journey.version, source=text, compiled=_PACK.encode(journey))
    template = await read_template(text, compiler)
    return Definition(kind=kind, key=template.key, version=template.version, source=text, compiled=_PACK.encode(template))


def _ground(text: str, facts: Workspace) -> Ground:
    """Read a policy; what it leaves out of zone, country and languages is the workspace's own."""
    policy, brand = read_policy(text)
    said = {word for word, _ in read_yaml(text).table(("policy", "brand"), needed=("policy",)).need("policy").pairs()}
    own = ground_of(facts).policy
    unsaid = {word: getattr(own, word) for word in ("timezone", "country", "languages") if word not in said}
    return Ground(policy=msgspec.structs.replace(policy, **unsaid), brand=_brand(brand))


def _brand(given: Mapping[str, object]) -> Brand:
    try:
        return msgspec.convert(given, Brand)
    except msgspec.ValidationError as fault:
        raise BadInput("policy_brand", f"the brand cannot be read: {fault}") from fault


def _taken_versions(read: Sequence[tuple[str, Definition]], standing: Sequence[Definition]) -> Iterator[Fault]:
    """A walk names its journey's version, so a published version never changes."""
    for name, definition in read:
        if definition.kind is not Kind.JOURNEY:
            continue
        versions = {each.version: each for each in standing if (each.kind, each.key) == (definition.kind, definition.key)}
        same = versions.get(definition.version)
        if same is not None and same.compiled != definition.compiled:
            sentence = f"version {definition.version} of this journey is published and says something else: raise its version"
            yield BadInput("journey_version_taken", sentence, place=name)
        elif same is None and versions and definition.version < max(versions):
            yield BadInput("journey_version_old", f"version {max(versions)} of this journey is published already", place=name)


def _loose_ends(read: Sequence[tuple[str, Definition]], standing: Sequence[Definition]) -> Iterator[Fault]:
    """A journey may only send messages that exist, on their own channel."""
    in_force = _newest(standing) | {(each.kind, each.key): each for _, each in read}
    channels = {
        key: msgspec.msgpack.decode(each.compiled, type=Template).channel for (kind, key), each in in_force.items() if kind is Kind.MESSAGE
    }
    for name, definition in read:
        if definition.kind is not Kind.JOURNEY:
            continue
        for step in msgspec.msgpack.decode(definition.compiled, type=Journey).steps:
            if isinstance(step, Send) and step.message not in channels:
                yield BadInput("message_unknown", f"step “{step.id}” sends the message “{step.message}”, which does not exist", place=name)
            elif isinstance(step, Send) and step.channel != channels[step.message]:
                found = channels[step.message]
                yield BadInput("message_channel", f"step “{step.id}” sends by {step.channel}, but its message is for {found}", place=name)


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
    """Messages and the policy are counted on by us; a journey's version is its author's."""
    known = _newest(standing).get((definition.kind, definition.key))
    if definition.kind is Kind.JOURNEY or known is None or definition.version > known.version:
        return definition
    version = known.version + 1
    if definition.kind is Kind.POLICY:
        return msgspec.structs.replace(definition, version=version)
    template = msgspec.structs.replace(msgspec.msgpack.decode(definition.compiled, type=Template), version=version)
    return msgspec.structs.replace(definition, version=version, compiled=_PACK.encode(template))


def _in_file(name: str, fault: Fault) -> Fault:
    """Say a fault with its file, and the line as editors and compilers write it: `journeys/cart.yaml:12`."""
    line = fault.place.removeprefix("line ")
    place = f"{name}:{line}" if line.isdigit() else f"{name}: {fault.place}" if fault.place else name
    return BadInput(fault.code, fault.sentence, place=place)
