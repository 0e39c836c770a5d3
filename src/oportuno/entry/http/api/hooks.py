"""The addresses that a workspace gives to its shop's systems, and the secrets by which their posts are signed."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field, SecretStr

from oportuno.entry.http.api.door import Caller, FrontHere
from oportuno.entry.http.api.posting import HookId, changed, close, known, new_id, shown
from oportuno.entry.http.api.shapes import Shape
from oportuno.events.hooks.post import Platform
from oportuno.flows.hooks import HOOKS_AT_MOST, Ear, Hook
from oportuno.flows.record import Registry
from oportuno.wiring import Front

router = APIRouter(prefix="/api/v1/hooks", tags=["hooks"])

Word = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]
Language = Annotated[str, Field(pattern=r"^([a-z]{2,3}(-[A-Z]{2})?)?$")]
Secret = Annotated[SecretStr, Field(min_length=16, max_length=500)]


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
    secret_lost: bool = Field(description="It was sealed with a key that is not here: tell it anew. Nothing posted is believed before.")


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
    name = await new_id(front.hooks, who.workspace, most=HOOKS_AT_MOST, whose="its shop's systems")
    hook = Hook(
        workspace=who.workspace,
        id=name,
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
    to_be = changed(
        await known(front.hooks, who.workspace, hook),
        name=given.name,
        secret=None if given.secret is None else given.secret.get_secret_value().encode(),
        notice=given.notice,
        language=given.language,
    )
    return _shape(front, await front.hooks.put(to_be))


@router.delete("/{hook}", status_code=204, response_class=Response)
async def close_hook(front: FrontHere, who: Caller, hook: HookId) -> Response:
    """Close an address: whatever is posted there is refused from now on."""
    return await close(front.hooks, who.workspace, hook)


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


def _shape(front: FrontHere, hook: Hook) -> HookShape:
    return HookShape(
        platform=hook.platform.value,
        name=hook.name,
        notice=hook.notice,
        language=hook.language,
        **shown(front, hook, hook.platform.value),
    )
