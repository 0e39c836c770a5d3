"""What the engine knows of products: one cache a process over all workspaces, read synchronously, never more than a second old."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec

from oportuno.catalog.product import Product
from oportuno.kit.ids import WorkspaceId

CEILING: Final = 64 * 1024 * 1024
_SECONDS: Final = 1.0
_MOST_CHANGED: Final = 2_000
"""More products than these changed in one workspace: what is known of it is dropped rather than read again one by one."""
_OF_AN_ENTRY: Final = 200
"""Bytes of a key and its place in the table."""

Key = tuple[WorkspaceId, str]


class Shelves(Protocol):
    """Where products are read from."""

    async def versions(self, workspaces: Collection[WorkspaceId]) -> dict[WorkspaceId, int]:
        """Give the catalogue's version of each workspace that has a catalogue."""
        ...

    async def some(self, keys: Iterable[Key]) -> dict[Key, Product]:
        """Give those of the products that exist."""
        ...

    async def changed(self, workspace: WorkspaceId, since: int, most: int) -> list[str]:
        """Give the ids of up to `most` products that changed after version `since`."""
        ...


class FactsCache:
    """Products of all workspaces, the least recently used forgotten first, absent ones remembered too.

    Read through `for_workspace`; what was not at hand is recorded in `missing`: `await load(…)` it and ask again. `await refresh()` once
    before each batch: it looks for changes at most once a second, or at once when a newer version is known of.
    """

    def __init__(self, shelves: Shelves, *, ceiling: int = CEILING, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._shelves = shelves
        self._monotonic = monotonic
        self._ceiling = ceiling
        self._known: OrderedDict[Key, tuple[Product | None, int]] = OrderedDict()
        self._seen: dict[WorkspaceId, int] = {}
        self._checked = float("-inf")
        self.size = 0
        """Bytes in use, as counted."""

    def for_workspace(self, workspace: WorkspaceId) -> WorkspaceFacts:
        """Give what is known of one workspace's products, with a list of its own of what was missed."""
        return WorkspaceFacts(self, workspace)

    def look_up(self, key: Key) -> tuple[bool, Product | None]:
        """Say whether it is known, and the product; known and None: there is none."""
        found = self._known.get(key)
        if found is None:
            return False, None
        self._known.move_to_end(key)
        return True, found[0]

    async def load(self, missing: Iterable[Key]) -> None:
        """Read what was missed. Raises Unavailable."""
        keys = [key for key in set(missing) if key not in self._known]
        if not keys:
            return
        new = {workspace for workspace, _ in keys} - self._seen.keys()
        if new:
            # Before the rows: whatever changes in between is read again by the next refresh.
            versions = await self._shelves.versions(new)
            self._seen |= {workspace: versions.get(workspace, 0) for workspace in new}
        found = await self._shelves.some(keys)
        for key in keys:
            self._keep(key, found.get(key))

    async def refresh(self, at_least: Mapping[WorkspaceId, int] | None = None) -> None:
        """Forget what changed. `at_least` names versions that the caller has heard of: one that is news is looked for at once.

        Raises Unavailable.
        """
        behind = any(self._seen.get(workspace, version) < version for workspace, version in (at_least or {}).items())
        now = self._monotonic()
        if not self._seen or (now - self._checked < _SECONDS and not behind):
            return
        for workspace, version in (await self._shelves.versions(self._seen.keys())).items():
            since = self._seen[workspace]
            if version > since:
                await self._forget_changed(workspace, since)
                self._seen[workspace] = version
        self._checked = now

    async def _forget_changed(self, workspace: WorkspaceId, since: int) -> None:
        changed = await self._shelves.changed(workspace, since, _MOST_CHANGED + 1)
        if len(changed) > _MOST_CHANGED:
            for key in [key for key in self._known if key[0] == workspace]:
                self._drop(key)
            return
        mine = [(workspace, product) for product in changed if (workspace, product) in self._known]
        if mine:
            found = await self._shelves.some(mine)
            for key in mine:
                self._keep(key, found.get(key))

    def _keep(self, key: Key, product: Product | None) -> None:
        self._drop(key)
        size = _OF_AN_ENTRY + sys.getsizeof(key[1]) + (0 if product is None else weight(product))
        self._known[key] = product, size
        self.size += size
        while self.size > self._ceiling and len(self._known) > 1:
            self._drop(next(iter(self._known)))

    def _drop(self, key: Key) -> None:
        found = self._known.pop(key, None)
        if found is not None:
            self.size -= found[1]


class WorkspaceFacts:
    """The port Facts on one workspace."""

    def __init__(self, cache: FactsCache, workspace: WorkspaceId) -> None:
        self._cache = cache
        self._workspace = workspace
        self.missing: set[Key] = set()
        """What was asked for and not at hand."""

    def product(self, product: str) -> Product | None:
        """See Facts; None too for what is not at hand yet, which is then among `missing`."""
        key = (self._workspace, product)
        known, found = self._cache.look_up(key)
        if not known:
            self.missing.add(key)
        return found


def weight(value: Any) -> int:
    """Count the bytes that a value holds, those of its parts included; what is shared is counted each time."""
    size = sys.getsizeof(value)
    if isinstance(value, msgspec.Struct):
        return size + sum(weight(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, tuple):
        return size + sum(map(weight, value))
    if isinstance(value, dict):
        return size + sum(weight(name) + weight(part) for name, part in value.items())
    return size
