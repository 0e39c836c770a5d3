"""The directory of ids: which customer a user id or anonymous id belongs to. It keeps keyed hashes, never the ids themselves."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

from oportuno.adapters.postgres.arrays import Byteas, Int2s, Int4s
from oportuno.adapters.postgres.database import Connection, translated
from oportuno.flows.ports import Sighting
from oportuno.kit.ids import BUCKETS, CustomerId, WorkspaceId, mint_customer

USER: Final = 0
ANONYMOUS: Final = 1
KINDS: Final = {"user": USER, "anonymous": ANONYMOUS}
_GENERATION: Final = 60_000
"""Sightings remembered in one generation; of two, some 30 MB."""

_FIND = """
SELECT i.workspace, i.kind, i.value_hash, i.customer
FROM unnest(%b::int2[], %b::int4[], %b::int2[], %b::bytea[]) AS k(idbucket, workspace, kind, value_hash)
JOIN identities i USING (idbucket, workspace, kind, value_hash)
"""
# Sorted, so that two processes that mint the same people wait for each other instead of deadlocking.
_ADD = """
INSERT INTO identities (idbucket, workspace, kind, value_hash, customer, claimed_by)
SELECT * FROM unnest(%b::int2[], %b::int4[], %b::int2[], %b::bytea[], %b::int8[], %b::bytea[]) ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING
"""
_CLAIM = """
UPDATE identities SET claimed_by = %b
WHERE idbucket = %b AND workspace = %b AND kind = 1 AND value_hash = %b AND (claimed_by IS NULL OR claimed_by = %b)
RETURNING customer
"""

_Place = tuple[WorkspaceId, int, bytes]


class Directory:
    """Names customers. The cache is a hint: an erased customer's events are caught by the tombstone."""

    def __init__(self, connection: Connection, secret: bytes) -> None:
        self._connection = connection
        self._key = blake2b(b"directory", key=secret[:32], digest_size=32).digest()
        # Two generations: dropping the elder whole is cheap; taking the eldest out of one dictionary walks over all it has lost.
        self._cache: dict[Sighting, CustomerId] = {}
        self._elder: dict[Sighting, CustomerId] = {}

    def forget(self) -> None:
        """Drop the cache: somebody was erased."""
        self._cache, self._elder = {}, {}

    async def resolve(self, sightings: Sequence[Sighting]) -> list[CustomerId]:
        """Name the customer of each sighting (see `Intake.resolve`)."""
        cache = self._cache
        missing = dict.fromkeys(sighting for sighting in sightings if sighting not in cache)
        if missing:
            elder = self._elder
            known = {sighting: elder[sighting] for sighting in missing if sighting in elder}
            cache.update(known)
            missing = {sighting: None for sighting in missing if sighting not in known}
        if missing:
            named = await self._name(missing)
            answers = [named[s] if s in named else cache[s] for s in sightings]
            cache.update(named)
            self._age()
            return answers
        answers = [cache[sighting] for sighting in sightings]
        self._age()
        return answers

    def _age(self) -> None:
        if len(self._cache) > _GENERATION:
            self._cache, self._elder = {}, self._cache

    async def find(self, workspace: WorkspaceId, kind: str, value: str) -> CustomerId | None:
        """Look one id up; None when nobody has it."""
        place = self._place(workspace, KINDS[kind], value)
        async with translated():
            return (await self._find([place])).get(place)

    async def _name(self, missing: Iterable[Sighting]) -> dict[Sighting, CustomerId]:
        named: dict[Sighting, CustomerId] = {}
        async with translated():
            # Those that tell a device's user first, as they came: the same device seen alone beside them is then known.
            for sighting in missing:
                if sighting.user and sighting.anonymous:
                    named[sighting] = await self._name_double(sighting)
            named |= await self._name_single([s for s in missing if not (s.user and s.anonymous)])
        return named

    async def _name_single(self, sightings: list[Sighting]) -> dict[Sighting, CustomerId]:
        places = {s: self._place(s.workspace, USER if s.user else ANONYMOUS, s.user or s.anonymous) for s in sightings}
        found = await self._find(list(places.values()))
        new = [place for place in places.values() if place not in found]
        if new:
            await self._add([(place, mint_customer(secrets.token_bytes(8)), None) for place in new])
            found |= await self._find(new)
        return {sighting: found[place] for sighting, place in places.items()}

    async def _name_double(self, sighting: Sighting) -> CustomerId:
        user = self._place(sighting.workspace, USER, sighting.user)
        device = self._place(sighting.workspace, ANONYMOUS, sighting.anonymous)
        found = await self._find([user, device])
        if user in found:
            if device not in found:
                await self._add([(device, found[user], user[2])])
            return found[user]
        if device not in found:
            await self._add([(device, mint_customer(secrets.token_bytes(8)), user[2])])
        customer = await self._claim(device, user[2]) or mint_customer(secrets.token_bytes(8))
        await self._add([(user, customer, None)])
        return (await self._find([user]))[user]

    async def _claim(self, device: _Place, user_hash: bytes) -> CustomerId | None:
        workspace, _, value = device
        cursor = await self._connection.execute(_CLAIM, (user_hash, value[0] % BUCKETS, workspace, value, user_hash))
        row = await cursor.fetchone()
        return int(row[0]) if row else None

    async def _find(self, places: Sequence[_Place]) -> dict[_Place, CustomerId]:
        if not places:
            return {}
        cursor = await self._connection.execute(_FIND, _columns(places), binary=True)
        return {(row[0], row[1], bytes(row[2])): row[3] for row in await cursor.fetchall()}

    async def _add(self, rows: Sequence[tuple[_Place, CustomerId, bytes | None]]) -> None:
        places = [place for place, _, _ in rows]
        await self._connection.execute(_ADD, (*_columns(places), [customer for _, customer, _ in rows], [claim for _, _, claim in rows]))

    def _place(self, workspace: WorkspaceId, kind: int, value: str) -> _Place:
        digest = blake2b(value.encode(), key=self._key, digest_size=16, salt=bytes([kind]), person=workspace.to_bytes(8, "big"))
        return workspace, kind, digest.digest()


def _columns(places: Sequence[_Place]) -> tuple[Int2s, Int4s, Int2s, Byteas]:
    return (
        Int2s(value[0] % BUCKETS for _, _, value in places),
        Int4s(workspace for workspace, _, _ in places),
        Int2s(kind for _, kind, _ in places),
        Byteas(value for _, _, value in places),
    )
