"""The list of suppressions: addresses that are not written to, whoever their customer is, and who may take one off it again.

An address stands on it under a keyed hash, so that the list outlasts the customers and tells nobody's address. It is looked at in every
claim, once, by its key; what a customer's own state knows of their address is looked at where it is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from oportuno.consent.answers import Consents
from oportuno.consent.change import lift
from oportuno.consent.gate import forbids_listed, is_address
from oportuno.consent.permit import Permit
from oportuno.consent.reach import GRAVITY, Silenced, lift_silence
from oportuno.consent.refusals import Reason
from oportuno.content.message import Message
from oportuno.decision.decide import ask_of
from oportuno.flows.change import Act, Counter, Heard
from oportuno.flows.ports import Programmes
from oportuno.flows.reads import Reads, Spot
from oportuno.flows.work import LedgerEntry, Listed, Store, Work, Writes
from oportuno.kit.faults import BadInput, NotFound
from oportuno.kit.ids import CustomerKey, WorkspaceId, derive
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft

ADDRESSES_AT_ONCE: Final = 1_000
"""Addresses of one request."""
REASONS: Final = tuple(GRAVITY)
"""Why an address may be on the list."""


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """An address on the list."""

    workspace: WorkspaceId
    channel: str
    mark: bytes
    """Its keyed hash: what it is named by."""
    reason: str
    since: Millis
    source: str
    """Who told."""
    note: str = ""

    @property
    def spot(self) -> Spot:
        """Its place in a list."""
        return Spot(self.since, self.mark)


class Suppressions(Protocol):
    """The list. Every call raises Unavailable when the store is gone."""

    def mark(self, workspace: WorkspaceId, channel: str, address: str) -> bytes:
        """Give the keyed hash under which an address stands. Asks nobody."""
        ...

    async def suppression(self, workspace: WorkspaceId, mark: bytes) -> Suppression | None:
        """Give one entry."""
        ...

    async def suppressions(self, workspace: WorkspaceId, *, before: Spot | None, limit: int, source: str = "") -> list[Suppression]:
        """Give the workspace's list, the latest first; with a source, what it told of."""
        ...

    async def standing(self, workspace: WorkspaceId, channel: str, marks: Sequence[bytes]) -> dict[bytes, Suppression]:
        """Give those of many entries that are on the list."""
        ...

    async def silent_because(self, suppression: Suppression) -> list[CustomerKey]:
        """Say which customers are silent because of an entry."""
        ...

    async def take_off(self, suppression: Suppression) -> None:
        """Take an entry off the list, and let go of whom it silenced. Doing it again changes nothing."""
        ...

    async def take_back(self, entries: Sequence[Suppression]) -> int:
        """Take off those entries that are as they were told and silence nobody, and give how many.

        What was told by somebody else since, and what was heard of a customer's address, stays.
        """
        ...


async def against(work: Work, message: Message, draft: Draft, permit: Permit) -> Reason | None:
    """Say what the list has against handing this message to the address of its permit (``suppressed``); None: nothing."""
    found = await work.listed(permit.key.workspace, permit.channel, permit.address)
    return None if found is None else forbids_listed(draft, ask_of(message.said), found)


class Keeper(Counter):
    """Who puts addresses on the list, and takes them off."""

    def __init__(self, *, store: Store, reads: Reads, programmes: Programmes, suppressions: Suppressions) -> None:
        super().__init__(store=store, reads=reads, programmes=programmes)
        self._list = suppressions

    async def put(
        self, workspace: WorkspaceId, channel: str, entries: Sequence[tuple[str, str]], *, source: str, note: str = ""
    ) -> list[int]:
        """Put addresses on the list, each with its reason, in one commit; give the places of those that are no address.

        Of an address that stands there already the graver reason stands. Raises BadInput (``reason_unknown``), Unavailable.
        """
        unknown = next((place for place, (_, reason) in enumerate(entries) if reason not in GRAVITY), None)
        if unknown is not None:
            raise BadInput("reason_unknown", f"the reason is one of: {', '.join(REASONS)}", place=f"items[{unknown}].reason")
        refused = [place for place, (address, _) in enumerate(entries) if not is_address(address.strip())]
        async with self.store.work() as work:
            now, _ = await work.lock([])
            marked = {
                self._list.mark(workspace, channel, address): reason
                for address, reason in sorted(entries, key=lambda entry: GRAVITY[entry[1]])
                if is_address(address.strip())
            }
            # In one order whoever writes: two who put the same addresses at once wait for each other and never both.
            listed = [
                Listed(workspace, channel, Silenced(reason, now), source, mark=mark, note=note) for mark, reason in sorted(marked.items())
            ]
            await work.commit(Writes(listed=listed))
        return refused

    async def lift(self, workspace: WorkspaceId, mark: bytes, *, why: str, actor: str) -> Suppression:
        """Take an address off the list, and let whoever was silent because of it be written to again as far as their answers allow.

        What they said themselves stands: who left or complained has to say yes anew. Raises NotFound (``suppression_unknown``).
        """
        found = await self._list.suppression(workspace, mark)
        if found is None:
            raise NotFound("suppression_unknown", "there is no such entry on the list of suppressions")
        for key in await self._list.silent_because(found):
            await self._open_again(key, found, why, actor)
        await self._list.take_off(found)
        return found

    async def _open_again(self, key: CustomerKey, found: Suppression, why: str, actor: str) -> None:
        place = f"suppression/{found.channel}"

        def act(draft: Draft, now: Millis) -> Act:
            changed = lift_silence(draft, found.channel)
            whole = draft.read(Consents).suppressed.get(found.channel)
            if whole is not None and whole[0] == found.reason:
                changed = lift(draft, found.channel) or changed
            entry = LedgerEntry(
                draft.key, derive("lift", *draft.key, place, found.mark, now), now, place, "lifted", "api", "", "", actor, {"why": why}
            )
            return Act(heard=Heard(at=now, changed=changed), writes=Writes(ledger=[entry] if changed else []))

        try:
            await self.change(key, act)
        except NotFound:
            # Who was forgotten meanwhile has nothing left to open.
            return
