"""Addresses at which others post to a workspace, shop systems and mail providers alike: named, found, changed, shown and closed."""

from __future__ import annotations

import os
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from fastapi import Path, Response

from oportuno.flows.hooks import Hook
from oportuno.flows.mail_hooks import MailHook
from oportuno.kit.faults import BadInput, Conflict, NotFound
from oportuno.kit.ids import WorkspaceId, write_id
from oportuno.kit.times import to_text
from oportuno.wiring import Front

HookId = Annotated[str, Path(description="Of an address: `hook_…`.", max_length=64)]


H = TypeVar("H", Hook, MailHook)


class Hooks(Protocol[H]):
    """The addresses of one kind."""

    async def of(self, workspace: WorkspaceId) -> list[H]:
        """Give those of a workspace."""
        ...

    async def drop(self, workspace: WorkspaceId, id: str) -> bool:  # noqa: A002 - the field's own word
        """Close one."""
        ...


async def new_id(hooks: Hooks[Any], workspace: WorkspaceId, *, most: int, whose: str) -> str:
    """Give the id of an address to open. Raises Conflict when the workspace has so many already; `whose` says of what."""
    if len(await hooks.of(workspace)) >= most:
        raise Conflict("hooks_too_many", f"a workspace has at most {most} addresses for {whose}")
    return write_id("hook", os.urandom(16))


async def known(hooks: Hooks[H], workspace: WorkspaceId, hook: str) -> H:
    """Give an address of a workspace. Raises NotFound."""
    for each in await hooks.of(workspace):
        if each.id == hook:
            return each
    raise _unknown()


async def close(hooks: Hooks[Any], workspace: WorkspaceId, hook: str) -> Response:
    """Close an address for good. Raises NotFound."""
    if not await hooks.drop(workspace, hook):
        raise _unknown()
    return Response(status_code=204)


def changed(hook: H, **told: Any) -> H:
    """Give an address as it is to be: None is what was not told, and stays. Raises BadInput when its secret is lost and not among it."""
    if hook.secret_lost:
        if not told.get("secret"):
            raise BadInput("secret_lost", "its secret was sealed with a key that is not here: it has to be told anew", place="secret")
        told["secret_lost"] = False
    return msgspec.structs.replace(hook, **{word: value for word, value in told.items() if value is not None})


def shown(front: Front, hook: Hook | MailHook, path: str) -> dict[str, Any]:
    """Show what every address shows; `path` is where its kind is posted to."""
    base = front.settings.public_url or f"http://{front.settings.host}:{front.settings.port}"
    return {
        "hook": hook.id,
        "address": f"{base}/v1/hooks/{path}/{hook.id}",
        "made_at": to_text(hook.made_at),
        "last_at": to_text(hook.last_at) if hook.last_at is not None else None,
        "secret_lost": hook.secret_lost,
    }


def _unknown() -> NotFound:
    return NotFound("hook_unknown", "there is no such address in this workspace")
