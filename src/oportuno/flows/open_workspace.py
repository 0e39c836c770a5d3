"""Making a workspace: its public id, its two keys, and what holds before anything is laid down."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Final, NamedTuple

from oportuno.flows.definitions import NewKey, Workspace, Workspaces
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import write_id
from oportuno.profile.zones import ZONES

_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
_LONGEST_NAME: Final = 100


class Opened(NamedTuple):
    """A new workspace. The keys are shown this once: only their hashes are stored."""

    workspace: Workspace
    write_key: str
    secret_key: str


async def open_workspace(
    name: str, *, timezone: str, locale: str, sandbox: bool, workspaces: Workspaces, chance: Callable[[int], bytes]
) -> Opened:
    """Make a workspace. `chance` gives random bytes. Raises BadInput naming what cannot be used."""
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise BadInput("workspace_name", f"a workspace's name has 1 to {_LONGEST_NAME} printable characters", place="name")
    if timezone not in ZONES:
        raise BadInput("timezone_unknown", f"“{timezone[:40]}” is not a time zone such as Europe/Madrid", place="timezone")
    if not _LOCALE.fullmatch(locale):
        raise BadInput("locale_unknown", f"“{locale[:40]}” is not a locale such as es-ES or en", place="locale")
    write_key = write_id("wk", chance(20))
    secret_key = write_id("sk", chance(32))
    keys = [
        NewKey(hash_key(write_key), write_id("key", chance(8)), secret=False),
        NewKey(hash_key(secret_key), write_id("key", chance(8)), secret=True),
    ]
    public_id = write_id("ws", chance(8))
    made = await workspaces.create(public_id=public_id, name=name.strip(), timezone=timezone, locale=locale, sandbox=sandbox, keys=keys)
    return Opened(made, write_key, secret_key)


def hash_key(key: str) -> bytes:
    """Give what is stored of a key. Keys are long and random, so a plain hash cannot be turned back."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=32, person=b"oportuno key").digest()
