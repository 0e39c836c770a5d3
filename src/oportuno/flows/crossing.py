"""What passes between two customers' rows: merges with their stages, snapshots and events on their way, ids that go over.

A merge is a message in two steps. The loser exports its state into a row addressed to the winner; the winner folds it exactly once and the
directory follows. The loser's row stays as a forwarder, whose state is nothing but the winner's number.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple, Protocol

import msgspec

from oportuno.events.event import Event, Trust
from oportuno.kit.ids import Bucket, CustomerId, CustomerKey, WorkspaceId, derive, key_of
from oportuno.kit.times import DAY, Millis

IDS_OF_ONE: Final = 1_000
"""Ids that one customer may have; a further one is refused by name (`ids_too_many`)."""
UNDO_WITHIN: Final[Millis] = 7 * DAY
"""How long a merge may be undone: as long as the log surely keeps the events since."""
EVENTS_SINCE: Final = 5_000
"""Events since a merge beyond which it is not undone: both customers are locked while they are folded again."""


class Stage(IntEnum):
    """How far a merge has come."""

    ASKED = 0
    EXPORTED = 1
    """The loser is silent, and its state is on its way."""
    JOINED = 2
    """The winner has folded it."""
    DONE = 3
    """The ids went over; the loser forwards."""
    UNDONE = 5
    REFUSED = 6


class Reason(StrEnum):
    """Why two customers were taken for one."""

    IDENTIFY = "identify"
    """A device of its own customer named a user who was known."""
    ALIAS = "alias"
    REQUEST = "request"
    """Asked for by `POST /api/v1/merges`."""


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the merge ledger."""

    id: bytes
    loser: CustomerKey
    winner: CustomerKey
    stage: Stage = Stage.ASKED
    reason: Reason
    asked_by: str
    """The id of the key that asked."""
    trust: Trust
    """Who vouched that they are one."""
    asked_at: Millis
    joined_at: Millis | None = None
    undone_at: Millis | None = None
    refusal: str = ""
    """Of a refused one: a fault's code."""


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a merge so that it can be undone. Nothing of it is kept longer than `UNDO_WITHIN`."""

    merge: Merge
    loser_state: bytes
    winner_state: bytes
    winner_version: int
    winner_offsets: Offsets
    moved: frozenset[bytes]
    """Marks of the loser's ids."""


Offsets = tuple[tuple[int, int], ...]
"""(lane, seq) pairs: how far one bucket of a workspace was read."""


class Kind(IntEnum):
    """What lies in a customer's inbox."""

    SNAPSHOT = 0
    EVENT = 1
    KEPT = 2
    """An event that was folded."""


class Posted(NamedTuple):
    """A row addressed to a customer."""

    key: CustomerKey
    id: bytes
    kind: Kind
    sender: CustomerId
    at: Millis
    body: bytes
    """The state, or the event as `post_event` wrote it."""
    version: int = 0
    """Of a kept one: that of the addressee's row in which it was folded."""


class Keep(NamedTuple):
    """An event of the inbox was folded; it is kept with the version that its addressee's row then had."""

    key: CustomerKey
    id: bytes
    version: int


class Turn(NamedTuple):
    """Change a customer's status and state; its timer goes. Fails with Moved unless version and status are as expected."""

    key: CustomerKey
    base_version: int
    expect: int
    status: int
    state: bytes


class MergeMove(NamedTuple):
    """Take a merge from one stage to another; fails with Moved when it stands elsewhere."""

    merge: Merge
    expect: Stage
    stage: Stage
    at: Millis
    winner: CustomerId = 0
    """When set, the one it goes to from now on."""
    loser_state: bytes | None = None
    winner_state: bytes | None = None
    winner_version: int = 0
    winner_offsets: Offsets = ()
    refusal: str = ""


class Crossing(msgspec.Struct, kw_only=True):
    """The part of a unit of work that concerns more than one customer."""

    turns: list[Turn] = []
    posts: list[Posted] = []
    """New in an inbox; one that lies there already is left as it is."""
    takes: list[tuple[CustomerKey, bytes]] = []
    """Taken out of an inbox; fails with Moved when it does not lie there."""
    keeps: list[Keep] = []
    merges: list[MergeMove] = []
    id_moves: list[Merge] = []
    """The loser's ids go to the winner, and the ledger remembers which."""
    id_returns: list[Merge] = []
    """They come back, unclaimed where the merge had claimed them."""

    def __bool__(self) -> bool:
        return bool(self.turns or self.posts or self.takes or self.keeps or self.merges or self.id_moves or self.id_returns)


class Asked(NamedTuple):
    """Who asks that two be one, and who vouches."""

    key_id: str = ""
    trust: Trust = Trust.PUBLIC


class Alias(NamedTuple):
    """What an alias call says: this former id is that customer's."""

    workspace: WorkspaceId
    previous: str
    user: str
    anonymous: str
    """Counts only without a user id."""
    h: bytes
    """Identity of the call."""


def merge_id(loser: CustomerKey, winner: CustomerKey, *besides: bytes | int) -> bytes:
    """Name a merge. Without anything `besides` it can be asked for once only: undone, a device does not ask for it again by itself."""
    return derive("merge", loser.workspace, loser.customer, winner.customer, *besides)


class Across(Protocol):
    """What a unit of work reads beyond the rows it locked, in the same transaction."""

    async def offsets(self, units: Sequence[tuple[Bucket, WorkspaceId]]) -> dict[tuple[Bucket, WorkspaceId], Offsets]:
        """Say how far these buckets are read."""
        ...

    async def entries(self, snapshots: Sequence[Posted]) -> dict[bytes, Merge]:
        """Give the ledger's entries of these snapshots, by id."""
        ...

    async def receiving(self, losers: Sequence[CustomerKey]) -> frozenset[CustomerKey]:
        """Say to which of these locked customers the ids of somebody they took in are still to go over."""
        ...

    async def joined(self, workspace: WorkspaceId, id: bytes) -> Joined | None:  # noqa: A002 - the field's own word
        """Give a merge with what undoing it needs; None when that is not kept any more."""
        ...

    async def folded_since(self, key: CustomerKey, after: Offsets, version: int, limit: int) -> list[Event]:
        """Give the events that a customer folded since: from the log behind the offsets, and from the inbox behind the version."""
        ...

    async def unfolded(self, key: CustomerKey) -> list[Posted]:
        """Give the events that still lie in a customer's inbox."""
        ...


class Crossings(Protocol):
    """The merge ledger and the inboxes."""

    def mark(self, workspace: WorkspaceId, kind: str, value: str) -> bytes:
        """Give the mark under which the directory knows an id (kind ``user`` or ``anonymous``)."""
        ...

    async def open(self, buckets: frozenset[Bucket], limit: int) -> tuple[list[Merge], list[Posted]]:
        """Give merges that wait for their next step in these buckets, so many of each stage, and what lies in inboxes, snapshots first."""
        ...

    async def ask(self, merge: Merge) -> Merge:
        """Write a merge into the ledger; gives the one that stands there under this id, which may be an earlier one."""
        ...

    async def merge(self, workspace: WorkspaceId, id: bytes) -> Merge | None:  # noqa: A002 - the field's own word
        """Give one entry of the ledger."""
        ...

    async def merges(self, workspace: WorkspaceId, *, before: tuple[Millis, bytes] | None, limit: int) -> list[Merge]:
        """Give the workspace's merges, newest first by (asked_at, id)."""
        ...

    async def family(self, key: CustomerKey) -> list[Merge]:
        """Give every merge that leads into a customer, directly or through others, and those that lead away from them; newest first."""
        ...

    async def ids(self, key: CustomerKey) -> int:
        """Count a customer's ids."""
        ...


def forwarded(winner: CustomerId) -> bytes:
    """Give the state of a forwarder."""
    return winner.to_bytes(8, "big")


def winner_of(key: CustomerKey, state: bytes) -> CustomerKey:
    """Say where a forwarder sends what comes for it."""
    return key_of(key.workspace, int.from_bytes(state[:8], "big"))


_PACK: Final = msgspec.msgpack.Encoder()
_UNPACK: Final = msgspec.msgpack.Decoder(Event)


def post_event(event: Event, winner: CustomerKey, at: Millis) -> Posted:
    """Address an event that came for a forwarder to the customer that stands for it now. Its identity stays the same."""
    id_ = event.lane.to_bytes(4, "big") + event.seq.to_bytes(8, "big")
    return Posted(winner, id_, Kind.EVENT, event.key.customer, at, _PACK.encode(event))


def unpack_event(posted: Posted) -> Event:
    """Read a posted event: its key is the customer it first came for."""
    return _UNPACK.decode(posted.body)
