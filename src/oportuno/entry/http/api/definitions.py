"""What a workspace lays down: its journeys, messages, policy and tracking plan, as files of YAML."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path
from pydantic import Field

from oportuno.entry.http.api.door import Caller, FrontHere
from oportuno.entry.http.api.shapes import Shape
from oportuno.flows.apply import apply, export
from oportuno.flows.programme import Programme
from oportuno.journeys.journey import Journey
from oportuno.kit.faults import NotFound
from oportuno.wiring.ways import signing_of

router = APIRouter(prefix="/api/v1", tags=["definitions"])


class FilesShape(Shape):
    """Files by name: `policy.yaml`, `tracking-plan.yaml`, `journeys/<name>.yaml`, `messages/<name>.yaml`."""

    files: dict[str, str] = Field(max_length=2_000)


class PublishedShape(Shape):
    """One version that is in force now."""

    kind: str
    key: str
    version: int


class AppliedShape(Shape):
    """What was published."""

    version: int = Field(description="The workspace's version now.")
    published: list[PublishedShape]
    unchanged: int


class JourneyShape(Shape):
    """A journey as published."""

    key: str
    version: int
    names: dict[str, str]
    active: bool
    trigger: list[str]
    goal: list[str]
    exits: list[str]
    steps: list[dict[str, Any]]


class JourneyList(Shape):
    """The journeys in force."""

    items: list[JourneyShape]


@router.get("/definitions")
async def read_definitions(front: FrontHere, who: Caller) -> FilesShape:
    """Give the files in force, as they were applied. A webhook's secret is among them: keep the answer safe."""
    return FilesShape(files=await export(who.workspace, workspaces=front.workspaces))


@router.post("/definitions")
async def apply_definitions(front: FrontHere, who: Caller, given: FilesShape) -> AppliedShape:
    """Check every file and publish all of them together, or none. What is not among them stays. Applying them again changes nothing."""
    signs = signing_of(front.settings, await front.providers.signing(who.workspace))
    done = await apply(given.files, workspace=who.workspace, workspaces=front.workspaces, compiler=front.compiler, signs=signs)
    published = [PublishedShape(kind=kind.value, key=key, version=version) for kind, key, version in done.published]
    return AppliedShape(version=done.version, published=published, unchanged=done.unchanged)


@router.get("/journeys")
async def journeys(front: FrontHere, who: Caller) -> JourneyList:
    """Give the journeys in force."""
    programme = await front.programmes.programme(who.workspace)
    return JourneyList(items=[journey_shape(each) for each in _in_force(programme)])


@router.get("/journeys/{journey}")
async def journey(
    front: FrontHere, who: Caller, journey: Annotated[str, Path(max_length=100, description="The journey's key.")]
) -> JourneyShape:
    """Give one journey: the version that starts now."""
    programme = await front.programmes.programme(who.workspace)
    for each in _in_force(programme):
        if each.key == journey:
            return journey_shape(each)
    raise NotFound("journey_unknown", "there is no such journey in this workspace")


def journey_shape(journey: Journey) -> JourneyShape:
    """Show a journey. Lengths of time are milliseconds."""
    plain = msgspec.to_builtins(journey)
    return JourneyShape(**{name: plain[name] for name in JourneyShape.model_fields})


def _in_force(programme: Programme) -> list[Journey]:
    newest: dict[str, Journey] = {}
    for each in programme.journeys:
        if each.key not in newest or newest[each.key].version < each.version:
            newest[each.key] = each
    return list(newest.values())
