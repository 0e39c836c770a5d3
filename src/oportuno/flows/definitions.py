"""What workspaces are and what they lay down: journeys, messages, the policy and the tracking plan, as published versions.

The port of it, and the programme that is made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

import msgspec

from oportuno.consent.policy import Policy
from oportuno.content.template import Template
from oportuno.flows.programme import Brand, Programme
from oportuno.journeys.journey import Journey
from oportuno.kit.ids import WorkspaceId


class Kind(StrEnum):
    """The kinds of definitions."""

    JOURNEY = "journey"
    MESSAGE = "message"
    POLICY = "policy"
    TRACKING_PLAN = "tracking_plan"


POLICY_KEY: Final = "policy"
"""A workspace has one policy; this is its key."""
PLAN_KEY: Final = "tracking-plan"
"""And one tracking plan."""


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """A brand: the tenant."""

    workspace: WorkspaceId
    public_id: str
    """``ws_…``, as the API names it."""
    name: str
    timezone: str
    locale: str
    sandbox: bool = False
    """A demo or a test: it hands off only to its own mailbox."""
    version: int = 1
    """Raised by every change of its definitions."""


class NewKey(NamedTuple):
    """A key about to be stored: only its hash ever is."""

    hash: bytes
    key_id: str
    secret: bool


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One published version of a journey, a message, the policy or the tracking plan. Once published it is never changed."""

    kind: Kind
    key: str
    version: int
    source: str
    """The YAML as it was applied."""
    compiled: bytes = b""
    """What was read from it (msgpack of Journey, Template, Ground or TrackingPlan)."""


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy file lays down: the rules of the gate and how the workspace signs."""

    policy: Policy
    brand: Brand


class Workspaces(Protocol):
    """The workspaces of an installation, their keys, and what they have laid down."""

    async def create(self, *, public_id: str, name: str, timezone: str, locale: str, sandbox: bool, keys: Sequence[NewKey]) -> Workspace:
        """Make a workspace with its keys. Raises Unavailable."""
        ...

    async def workspace(self, id: WorkspaceId) -> Workspace:  # noqa: A002 - the field's own word
        """Give one workspace. Raises NotFound."""
        ...

    async def every(self) -> list[Workspace]:
        """Give every workspace, oldest first."""
        ...

    async def named(self, public_id: str) -> Workspace:
        """Give the workspace with this public id. Raises NotFound."""
        ...

    async def definitions(self, workspace: WorkspaceId) -> list[Definition]:
        """Give every published version, by kind, key and version."""
        ...

    async def publish(self, workspace: WorkspaceId, added: Sequence[Definition], *, base_version: int) -> int:
        """Publish new versions in one transaction and give the workspace's new version.

        Raises Conflict, and publishes nothing, unless the workspace still stands at `base_version`.
        """
        ...


def programme_from(workspace: Workspace, definitions: Sequence[Definition]) -> Programme:
    """Make the programme in force: the newest message of each key, the newest policy, and every version of each journey.

    Only the newest version of a journey may start; older ones are kept, inactive, so that walks on them can finish.
    """
    newest: dict[tuple[Kind, str], int] = {}
    for definition in definitions:
        place = definition.kind, definition.key
        newest[place] = max(newest.get(place, 0), definition.version)
    ground = ground_of(workspace)
    journeys: list[Journey] = []
    templates: dict[str, Template] = {}
    for definition in definitions:
        current = definition.version == newest[definition.kind, definition.key]
        if definition.kind is Kind.JOURNEY:
            journey = msgspec.msgpack.decode(definition.compiled, type=Journey)
            journeys.append(journey if current else msgspec.structs.replace(journey, active=False))
        elif definition.kind is Kind.MESSAGE and current:
            templates[definition.key] = msgspec.msgpack.decode(definition.compiled, type=Template)
        elif definition.kind is Kind.POLICY and current:
            ground = msgspec.msgpack.decode(definition.compiled, type=Ground)
    return Programme(
        workspace=workspace.workspace,
        public_id=workspace.public_id,
        version=workspace.version,
        policy=msgspec.structs.replace(ground.policy, sandbox=ground.policy.sandbox or workspace.sandbox),
        brand=ground.brand if ground.brand.name else msgspec.structs.replace(ground.brand, name=workspace.name),
        journeys=tuple(journeys),
        templates=templates,
    )


def ground_of(workspace: Workspace) -> Ground:
    """Give what holds before a policy was applied: the careful defaults, in the workspace's zone and language."""
    first = workspace.locale.split("-")[0].lower()
    languages = (first, *(language for language in ("es", "en") if language != first)) if first in {"es", "en"} else ("en", "es")
    country = workspace.locale.split("-")[-1].upper() if "-" in workspace.locale else ""
    return Ground(policy=Policy(timezone=workspace.timezone, country=country, languages=languages), brand=Brand(name=workspace.name))
