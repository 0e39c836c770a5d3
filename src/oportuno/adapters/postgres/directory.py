"""The directory of ids: which customer a user id or anonymous id belongs to. It keeps keyed hashes, never the ids themselves.

When a device that is its own customer names a user who is known, the directory claims the device and asks that the two be one, in the same
statement.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Final

from oportuno.adapters.postgres.arrays import Byteas, Int2s, Int4s
from oportuno.adapters.postgres.database import Connection, translated
from oportuno.adapters.postgres.merges import Marks
from oportuno.adapters.postgres.remembered import Remembered
from oportuno.events.event import Trust
from oportuno.flows.crossing import IDS_OF_ONE, Alias, Asked, Reason, merge_id
from oportuno.flows.ports import Sighting
from oportuno.kit.ids import BUCKETS, CustomerId, WorkspaceId, key_of, mint_customer

USER: Final = 0
ANONYMOUS: Final = 1
KINDS: Final = {"user": USER, "anonymous": ANONYMOUS}

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

_CLAIM_AND_ASK = """
WITH claimed AS (
    UPDATE identities SET claimed_by = %b
    WHERE idbucket = %b AND workspace = %b AND kind = 1 AND value_hash = %b AND customer = %b AND (claimed_by IS NULL OR claimed_by = %b)
      AND NOT EXISTS (SELECT FROM merges m WHERE m.bucket = %b AND m.workspace = %b AND m.id = %b)
    RETURNING 1
)
INSERT INTO merges (bucket, workspace, id, loser, winner, reason, asked_by, trust, asked_at)
SELECT %b, %b, %b, %b, %b, %b, %b, %b, clock_millis() FROM claimed ON CONFLICT DO NOTHING
RETURNING 1, pg_notify('oportuno_crossing', '')
"""
_ASK = """
INSERT INTO merges (bucket, workspace, id, loser, winner, reason, asked_by, trust, asked_at)
VALUES (%b, %b, %b, %b, %b, %b, %b, %b, clock_millis()) ON CONFLICT DO NOTHING RETURNING pg_notify('oportuno_crossing', '')
"""
# Whoever comes without a user id from now on is nobody known; the other ingesters are told to forget what they remember.
_SHARE = """
WITH shared AS (
    UPDATE identities SET customer = %b, claimed_by = %b
    WHERE idbucket = %b AND workspace = %b AND kind = 1 AND value_hash = %b AND claimed_by <> %b AND claimed_by <> %b RETURNING 1
)
SELECT pg_notify('oportuno_erased', '') FROM shared
"""
_SHARED: Final = bytes(16)
"""Claims a device that several users share: no hash of a user's id is this."""
_CLAIMANT = "SELECT claimed_by FROM identities WHERE idbucket = %b AND workspace = %b AND kind = 1 AND value_hash = %b"
_COUNT = "SELECT count(*) FROM (SELECT FROM identities WHERE workspace = %b AND customer = %b LIMIT %b) ids"
NOBODY: Final[CustomerId] = 0
"""In the place of a customer: they have as many ids as one may have."""

_Place = tuple[WorkspaceId, int, bytes]


class Directory:
    """Names customers. The cache is a hint: an erased customer's events are caught by the tombstone."""

    def __init__(self, connection: Connection, secret: bytes, *, ids_of_one: int = IDS_OF_ONE) -> None:
        self._connection = connection
        self._marks = Marks(secret)
        self._ids_of_one = ids_of_one
        self._remembered = Remembered()

    def forget(self) -> None:
        """Drop the cache: somebody was erased."""
        self._remembered.forget()

    async def resolve(self, sightings: Sequence[Sighting], asked: Asked = Asked()) -> list[CustomerId]:  # noqa: B008 - a value
        """Name the customer of each sighting (see `Intake.resolve`)."""
        answers = self._remembered.look_up(sightings)
        if 0 not in answers:
            return answers
        missing = dict.fromkeys(sighting for sighting, known in zip(sightings, answers, strict=True) if not known)
        # A device that is seen alone beside somebody's first call on it is looked up behind that call: it may be shared from then on.
        devices = {sighting.anonymous for sighting in missing if sighting.user and sighting.anonymous}
        missing |= dict.fromkeys(sighting for sighting in sightings if not sighting.user and sighting.anonymous in devices)
        named = await self._name(missing, asked)
        for sighting, customer in named.items():
            if customer:
                self._remembered.put(sighting, customer)
        return [named.get(sighting, known) for sighting, known in zip(sightings, answers, strict=True)]

    async def find(self, workspace: WorkspaceId, kind: str, value: str) -> CustomerId | None:
        """Look one id up; None when nobody has it."""
        place = self._place(workspace, KINDS[kind], value)
        async with translated():
            return (await self._find([place])).get(place)

    async def _name(self, missing: Iterable[Sighting], asked: Asked) -> dict[Sighting, CustomerId]:
        named: dict[Sighting, CustomerId] = {}
        async with translated():
            # Those that tell a device's user first, as they came: the same device seen alone beside them is then known.
            for sighting in missing:
                if sighting.user and sighting.anonymous:
                    named[sighting] = await self._name_double(sighting, asked)
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

    async def _name_double(self, sighting: Sighting, asked: Asked) -> CustomerId:
        user = self._place(sighting.workspace, USER, sighting.user)
        device = self._place(sighting.workspace, ANONYMOUS, sighting.anonymous)
        found = await self._find([user, device])
        if user in found:
            customer = found[user]
            if device not in found:
                return await self._attach(device, customer, user[2])
            if found[device] != customer and not await self._claim_and_ask(
                device, found[device], customer, user[2], (Reason.IDENTIFY, asked)
            ):
                await self._share(sighting, device, user[2])
            return customer
        if device not in found:
            await self._add([(device, mint_customer(secrets.token_bytes(8)), user[2])])
        claimed = await self._claim(device, user[2])
        if claimed is None:
            await self._share(sighting, device, user[2])
        await self._add([(user, claimed or mint_customer(secrets.token_bytes(8)), None)])
        return (await self._find([user]))[user]

    async def _share(self, sighting: Sighting, device: _Place, user_hash: bytes) -> None:
        """Note that a second user named a device: what comes from it without a user id is no longer taken for the first one's."""
        workspace, _, value = device
        nobody = mint_customer(secrets.token_bytes(8))
        place = (value[0] % BUCKETS, workspace, value)
        await self._connection.execute(_SHARE, (nobody, _SHARED, *place, user_hash, _SHARED))
        self._remembered.drop(Sighting(workspace, "", sighting.anonymous))

    async def _attach(self, place: _Place, customer: CustomerId, claimed_by: bytes | None) -> CustomerId:
        """Give a customer one more id; NOBODY when they have as many as one may have."""
        cursor = await self._connection.execute(_COUNT, (place[0], customer, self._ids_of_one))
        row = await cursor.fetchone()
        if row is not None and row[0] >= self._ids_of_one:
            return NOBODY
        await self._add([(place, customer, claimed_by)])
        return customer

    async def _claim_and_ask(
        self, device: _Place, loser: CustomerId, winner: CustomerId, user_hash: bytes, why: tuple[Reason, Asked], *besides: bytes
    ) -> bool:
        """Claim a device that nobody else claimed and ask that its customer and the user's be one; says whether it was asked now.

        Claimed by another user, the device is shared (`_share`), and nobody is merged.
        """
        workspace, _, value = device
        bucket, reason, asked = key_of(workspace, loser).bucket, *why
        name = merge_id(key_of(workspace, loser), key_of(workspace, winner), *besides)
        claim = (user_hash, value[0] % BUCKETS, workspace, value, loser, user_hash, bucket, workspace, name)
        ask = (bucket, workspace, name, loser, winner, reason.value, asked.key_id, int(asked.trust))
        cursor = await self._connection.execute(_CLAIM_AND_ASK, (*claim, *ask))
        return await cursor.fetchone() is not None

    async def alias(self, alias: Alias, asked: Asked) -> str:
        """See `Intake.alias`."""
        workspace = alias.workspace
        sighting = Sighting(workspace, alias.user, "" if alias.user else alias.anonymous)
        [winner] = await self.resolve([sighting], asked)
        owner = self._place(workspace, USER if alias.user else ANONYMOUS, alias.user or alias.anonymous)
        as_device = self._place(workspace, ANONYMOUS, alias.previous)
        as_user = self._place(workspace, USER, alias.previous)
        async with translated():
            found = await self._find([as_device, as_user])
            if not found:
                named = await self._attach(as_device, winner, owner[2] if alias.user else None)
                return "" if named else "ids_too_many"
            if asked.trust is not Trust.SECRET and as_user in found:
                return "alias_of_known"
            place = as_device if as_device in found else as_user
            loser = found[place]
            if loser == winner:
                return ""
            if asked.trust is not Trust.SECRET:
                await self._claim_and_ask(as_device, loser, winner, owner[2], (Reason.ALIAS, asked))
                row = await (await self._connection.execute(_CLAIMANT, (as_device[2][0] % BUCKETS, workspace, as_device[2]))).fetchone()
                mine = row is None or row[0] is None or bytes(row[0]) == owner[2]
                return "" if mine else "alias_of_known"
            name = merge_id(key_of(workspace, loser), key_of(workspace, winner), alias.h)
            ask = (key_of(workspace, loser).bucket, workspace, name, loser, winner, Reason.ALIAS.value, asked.key_id, int(asked.trust))
            await self._connection.execute(_ASK, ask)
            return ""

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
        return workspace, kind, self._marks.hash(workspace, kind, value)


def _columns(places: Sequence[_Place]) -> tuple[Int2s, Int4s, Int2s, Byteas]:
    return (
        Int2s(value[0] % BUCKETS for _, _, value in places),
        Int4s(workspace for workspace, _, _ in places),
        Int2s(kind for _, kind, _ in places),
        Byteas(value for _, _, value in places),
    )
