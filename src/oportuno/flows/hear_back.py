"""Hearing back: a report of a message finds its message, and what follows for the customer follows once.

Whatever is heard (a mail that came back, a provider's webhook, a click) comes as a Hearing, in any order and any number of times. It is
filed with its message in the same transaction, under the customer's lock, in which its effects are written: a report that is filed has
had its effects, and one that is not has had none. What becomes an event on the customer goes into the log before that, under an id made of
the report's own, so that whoever dies in between leaves nothing out and says nothing twice.

Only what is about the address to which the message went is held against an address; whoever changed theirs meanwhile is reachable.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

import msgspec

from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.consent.answers import granted_purposes
from oportuno.consent.gate import address_of
from oportuno.flows.change import settle
from oportuno.flows.crossing import winner_of
from oportuno.flows.forward import GONE
from oportuno.flows.hearing_effects import EVENTS, Around, Spoken, event_of, follow, listed_of_erased
from oportuno.flows.ports import Intake, LaneClass, Programmes
from oportuno.flows.programme import Programme
from oportuno.flows.reads import Spot
from oportuno.flows.work import LockHeld, Moved, NotedHearing, Status, Store, Writes
from oportuno.kit.ids import CustomerKey, WorkspaceId
from oportuno.kit.times import HOUR, Millis
from oportuno.profile.draft import Draft

KEPT_UNMATCHED_DAYS: Final = 30
_TRIES: Final = 5
_RAW_AT_MOST: Final = 16_384
_LONGEST: Final = {"channel": 20, "source": 40, "provider_ref": 500, "address": 320, "status": 20, "detail": 200, "text": 20_000}
"""Characters of what somebody else wrote."""


class HeardAs(StrEnum):
    """How a report ended."""

    TAKEN = "taken"
    """Filed with its message; what follows has followed."""
    AGAIN = "again"
    """It was heard before: nothing more follows."""
    UNMATCHED = "unmatched"
    """It belongs to no message that we know: kept whole and shown, and nothing follows."""
    GONE = "gone"
    """The customer was forgotten: nothing of the report is kept, except that the address stays silent."""
    NOT_BELIEVED = "not_believed"
    """Anybody could have written it, or whoever told is not whose message it is: kept and shown, and nothing follows."""


class HearingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it is kept."""

    hearing: Hearing
    heard_as: HeardAs
    heard_at: Millis

    @property
    def spot(self) -> Spot:
        """Its place in a list."""
        return Spot(self.heard_at, self.hearing.id)


class Hearings(Protocol):
    """Where reports of messages are kept. Every call raises Unavailable when the store is gone."""

    def mark(self, workspace: WorkspaceId, channel: str, address: str) -> bytes:
        """Give the keyed hash under which an address is remembered. Asks nobody."""
        ...

    async def message(self, hearing: Hearing) -> Spoken | None:
        """Find the message that a report is about: by our own id, whose workspace it may be, or by the provider's id."""
        ...

    async def keep(self, hearing: Hearing, heard_as: HeardAs) -> bool:
        """Keep a report that changes nothing, whole; False: it was kept before."""
        ...

    async def release(self, hearing: Hearing) -> None:
        """Let go of a kept report whose message was found after all."""
        ...

    async def of_message(self, workspace: WorkspaceId, id: bytes) -> list[Hearing]:  # noqa: A002 - the field's own word
        """Give what was heard of one message, in the order in which it happened."""
        ...

    async def hearings(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[HearingRecord]:
        """Give what was heard and believed, the latest heard first."""
        ...

    async def unmatched(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[HearingRecord]:
        """Give what was kept without a message or not believed, the latest heard first; workspace 0: what nobody knows whose it is."""
        ...

    async def early(self, *, since: Millis, limit: int) -> list[Hearing]:
        """Give unmatched reports heard since a moment whose message can be found by now: they overtook their hand-off. Oldest first."""
        ...


def _uncounted(_what: What, _ended: HeardAs) -> None:
    pass


class HearBack(NamedTuple):
    """What hearing back needs of the world."""

    hearings: Hearings
    store: Store
    programmes: Programmes
    intake: Intake
    counted: Callable[[What, HeardAs], None] = _uncounted
    """Is told of each report and how it ended."""


async def hear_back(hearing: Hearing, ear: HearBack) -> HeardAs:
    """Take one report to its message and let follow what follows from it, once however often it comes.

    Raises Unavailable with nothing lost: whoever told must tell again.
    """
    ended = await _heard(storable(hearing), ear)
    ear.counted(hearing.what, ended)
    return ended


async def _heard(hearing: Hearing, ear: HearBack) -> HeardAs:
    spoken = await ear.hearings.message(hearing)
    if hearing.proof is Proof.BARE or (spoken is not None and hearing.workspace not in (0, spoken.key.workspace)):
        return await _keep(hearing, HeardAs.NOT_BELIEVED, ear)
    if spoken is None or not spoken.handed or hearing.what is What.NOT_UNDERSTOOD:
        return await _keep(hearing, HeardAs.UNMATCHED, ear)
    channel = spoken.message.said.channel if spoken.message is not None else hearing.channel
    hearing = msgspec.structs.replace(hearing, workspace=spoken.key.workspace, message=spoken.id, channel=channel)
    programme = await ear.programmes.programme(spoken.key.workspace)
    ended = await _file(hearing, spoken, programme, ear)
    if ended is HeardAs.TAKEN:
        await ear.hearings.release(hearing)
    return ended


def storable(hearing: Hearing) -> Hearing:
    """Give a report as it can be stored whoever wrote it: no NUL, no half a character, nothing longer than its place."""
    texts = {name: _plain(getattr(hearing, name), most) for name, most in _LONGEST.items()}
    return msgspec.structs.replace(hearing, **texts, raw=hearing.raw[:_RAW_AT_MOST])


def _plain(text: str, most: int) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:most]


async def hear_early_ones(ear: HearBack, *, now: Millis, limit: int) -> int:
    """Hear the reports of the last hours again that came before their hand-off was written down. Says how many were taken."""
    early = await ear.hearings.early(since=now - _EARLY, limit=limit)
    return sum([await hear_back(hearing, ear) is HeardAs.TAKEN for hearing in early])


_EARLY: Final[Millis] = 3 * HOUR


async def _keep(hearing: Hearing, heard_as: HeardAs, ear: HearBack) -> HeardAs:
    return heard_as if await ear.hearings.keep(hearing, heard_as) else HeardAs.AGAIN


async def _file(hearing: Hearing, spoken: Spoken, programme: Programme, ear: HearBack) -> HeardAs:
    """File it with its message, with all that follows, under the lock of whoever the customer is by now."""
    key, told, tries = spoken.key, hearing.what not in EVENTS, _TRIES
    while True:
        try:
            ended = await _file_once(hearing, spoken, key, programme, ear, told=told)
        except (Moved, LockHeld):
            # Whoever has no row yet cannot be locked, and the same report may be in somebody's hands at this moment.
            tries -= 1
            if not tries:
                raise
            continue
        if isinstance(ended, HeardAs):
            return ended
        if isinstance(ended, _Untold):
            arrival = event_of(hearing, spoken, key, ended.now)
            await ear.intake.store([arrival], [], LaneClass.LIVE)
            told = True
        else:
            key = ended


class _Untold(NamedTuple):
    """It is new and is an event, which has to stand in the log before it is filed."""

    now: Millis


async def _file_once(
    hearing: Hearing, spoken: Spoken, key: CustomerKey, programme: Programme, ear: HearBack, *, told: bool
) -> HeardAs | CustomerKey | _Untold:
    """Give how it ended, or who the customer is by now."""
    note = NotedHearing(spoken.key, spoken.id, msgspec.structs.replace(hearing, address="", text="", raw=b""))
    async with ear.store.work() as work:
        now, rows = await work.lock([key])
        stored = rows[key]
        if stored.status in GONE:
            return winner_of(key, stored.state)
        if stored.status is Status.ERASED or spoken.message is None:
            await work.commit(Writes(listed=listed_of_erased(hearing, spoken)))
            return HeardAs.GONE
        if await work.heard_before(note):
            return HeardAs.AGAIN
        if not told:
            return _Untold(now)
        writes = Writes(heard=[note])
        if stored.version:
            draft = Draft(key, stored.state, stored.version)
            draft.granted = before = granted_purposes(draft, now)
            address = address_of(draft, hearing.channel)
            its_own = not spoken.mark or (bool(address) and ear.hearings.mark(key.workspace, hearing.channel, address) == spoken.mark)
            follow(draft, hearing, spoken.message, writes, Around(programme.policy, now, address if its_own else "", spoken.mark))
            settle(draft, stored, writes, since=(now, before), journeys=programme.journeys)
        await work.commit(writes)
    return HeardAs.TAKEN
