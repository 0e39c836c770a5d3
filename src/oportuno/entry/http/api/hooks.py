"""The addresses that a workspace gives to its shop's systems, and the secrets by which their posts are signed."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import Field, SecretStr

from oportuno.entry.http.api.door import Caller, FrontHere
from oportuno.entry.http.api.shapes import Shape
from oportuno.events.hooks.post import Platform
from oportuno.flows.hooks import HOOKS_AT_MOST, Ear, Hook
from oportuno.flows.record import Registry
from oportuno.kit.faults import Conflict, NotFound
from oportuno.kit.ids import write_id
from oportuno.kit.times import to_text
from oportuno.wiring import Front

router = APIRouter(prefix="/api/v1/hooks", tags=["hooks"])

Word = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]
Language = Annotated[str, Field(pattern=r"^([a-z]{2,3}(-[A-Z]{2})?)?$")]
Secret = Annotated[SecretStr, Field(min_length=16, max_length=500)]
HookId = Annotated[str, Path(description="Of an address: `hook_…`.", max_length=64)]


class HookGiven(Shape):
    """An address to open."""

    platform: Literal["shopify", "woocommerce"]
    name: Annotated[Word, Field(min_length=1)] = Field(description="By which you know it.")
    secret: Secret = Field(description="By which the shop signs. Shopify shows it; for WooCommerce you choose it. Never shown again.")
    notice: Word = Field(
        default="",
        description="Version of the wording that the shop serves when it asks for marketing by e-mail."
        " Empty: what the shop says of a yes does not count.",
    )
    language: Language = Field(default="", description="In which that is served.")


class HookChanged(Shape):
    """What is to be different. What is not sent stays as it was."""

    name: Annotated[Word, Field(min_length=1)] | None = None
    secret: Secret | None = Field(default=None, description="The new secret; what is signed by the old one is refused from now on.")
    notice: Word | None = None
    language: Language | None = None


class HookShape(Shape):
    """An address that is open. Its secret is never shown."""

    hook: str
    platform: Literal["shopify", "woocommerce"]
    name: str
    address: str = Field(description="Where the shop's system is to post.")
    notice: str
    language: str
    made_at: str
    last_at: str | None = Field(description="When the last post came whose signature held, to the minute; null: none yet.")


class HookList(Shape):
    """The addresses of the workspace."""

    items: list[HookShape]


@router.get("")
async def hooks(front: FrontHere, who: Caller) -> HookList:
    """Give the addresses, oldest first."""
    return HookList(items=[_shape(front, each) for each in await front.hooks.of(who.workspace)])


@router.post("")
async def open_hook(front: FrontHere, who: Caller, given: HookGiven) -> HookShape:
    """Open an address. A workspace has at most 50."""
    if len(await front.hooks.of(who.workspace)) >= HOOKS_AT_MOST:
        raise Conflict("hooks_too_many", f"a workspace has at most {HOOKS_AT_MOST} addresses for its shop's systems")
    hook = Hook(
        workspace=who.workspace,
        id=write_id("hook", os.urandom(16)),
        platform=Platform(given.platform),
        name=given.name,
        secret=given.secret.get_secret_value().encode(),
        notice=given.notice,
        language=given.language,
    )
    return _shape(front, await front.hooks.put(hook))


@router.patch("/{hook}")
async def change_hook(front: FrontHere, who: Caller, hook: HookId, given: HookChanged) -> HookShape:
    """Change an address's name, secret or wording."""
    known = next((each for each in await front.hooks.of(who.workspace) if each.id == hook), None)
    if known is None:
        raise _unknown()
    changed = Hook(
        workspace=known.workspace,
        id=known.id,
        platform=known.platform,
        name=known.name if given.name is None else given.name,
        secret=known.secret if given.secret is None else given.secret.get_secret_value().encode(),
        notice=known.notice if given.notice is None else given.notice,
        language=known.language if given.language is None else given.language,
    )
    return _shape(front, await front.hooks.put(changed))


@router.delete("/{hook}", status_code=204, response_class=Response)
async def close_hook(front: FrontHere, who: Caller, hook: HookId) -> Response:
    """Close an address: whatever is posted there is refused from now on."""
    if not await front.hooks.drop(who.workspace, hook):
        raise _unknown()
    return Response(status_code=204)


def ear_of(front: Front) -> Ear:
    """Give what hearing a post needs."""
    return Ear(
        hooks=front.hooks,
        intake=front.intake,
        catalogue=front.catalogue,
        programmes=front.programmes,
        plans=front.plans,
        registry=Registry(store=front.store, reads=front.reads, programmes=front.programmes),
        find=front.store.find,
        digest_key=front.digest_key,
        ids=lambda: os.urandom(16),
    )


def _unknown() -> NotFound:
    return NotFound("hook_unknown", "there is no such address in this workspace")


def _shape(front: FrontHere, hook: Hook) -> HookShape:
    settings = front.settings
    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    return HookShape(
        hook=hook.id,
        platform=hook.platform.value,
        name=hook.name,
        address=f"{base}/v1/hooks/{hook.platform.value}/{hook.id}",
        notice=hook.notice,
        language=hook.language,
        made_at=to_text(hook.made_at),
        last_at=to_text(hook.last_at) if hook.last_at is not None else None,
    )
