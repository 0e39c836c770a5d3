"""The unit of work: what is locked of a customer, all that may change with it, and the port that commits it together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from enum import IntEnum
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import msgspec

from oportuno.channels.channel import Answer
from oportuno.channels.hearing import Hearing
from oportuno.consent.reach import Silenced
from oportuno.consent.refusals import Reason, Refusal
from oportuno.content.message import FollowedLink, Message
from oportuno.decision.verdict import Verdict, verdict_on
from oportuno.events.event import Event
from oportuno.flows.crossing import Across, Crossing
from oportuno.flows.fan_out import HeadMove, WalkMove, WatchChange
from oportuno.kit.faults import Fault, Unavailable
from oportuno.kit.ids import Bucket, CustomerId, CustomerKey, WorkspaceId
from oportuno.kit.times import DAY, Millis


class Status(IntEnum):
    """What kind of row stands for a customer."""

    ACTIVE = 0
    MERGING = 1
    FORWARDED = 2
    ERASED = 3
    """A tombstone: no upsert recreates it."""


class Stored(NamedTuple):
    """A customer's row, read under its lock. `version` 0: there is no row yet."""

    key: CustomerKey
    status: Status
    version: int
    state: bytes
    due_at: Millis | None
    """The earliest timer, as it stands in the timer table."""


class OutboxStatus(IntEnum):
    """Where a message is. Only PENDING may be claimed; HANDING means the first byte may be on its way."""

    PENDING = 0
    HANDING = 1
    ACCEPTED = 2
    REFUSED = 3
    """Refused for good by the provider."""
    UNKNOWN = 4
    CANCELLED = 5
    """Withdrawn by us before hand-off; the reason stands beside it."""
    EXPIRED = 6


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the outbox as the deliverer reads it."""

    message: Message
    status: OutboxStatus
    not_before: Millis
    attempts: int
    deliverer: int
    """Who claimed it last; 0: nobody."""
    doubt: bool = False
    """An earlier attempt ended unknown: the customer may have it already."""


class SaveCustomer(NamedTuple):
    """Write a customer's state back. Fails with Moved unless the stored version is still `base_version`."""

    key: CustomerKey
    base_version: int
    state: bytes
    due_at: Millis | None
    due_changed: bool


class Cancel(NamedTuple):
    """Cancel what is PENDING of a customer: about any of `items`, on `channel`, `only` one, or (all empty) everything.

    Each message gets its verdict (`silence_by`); one that may have reached the customer already becomes UNKNOWN instead, without one.
    """

    key: CustomerKey
    items: tuple[str, ...]
    channel: str
    reason: str
    """A Refusal's value."""
    at: Millis
    marketing_only: bool = True
    only: bytes = b""
    """When set, this one message."""
    facts: dict[str, str] | None = None
    """For its verdict, beside the items."""


def silence_by(cancel: Cancel, message: Message) -> Decision:
    """Give the verdict on a message that this cancels. Every adapter writes it with the cancellation: no silence stands unexplained."""
    facts = ({"items": list(cancel.items)} if cancel.items else {}) | (cancel.facts or {})
    reason = Reason(refusal=Refusal(cancel.reason), facts=facts)
    return Decision(message.key, verdict_on(message, reason, at=cancel.at))


class MoveMessage(NamedTuple):
    """Move one message from an expected status to another; fails with Moved when it stands elsewhere.

    An answer that is unknown leaves its doubt with the message for good: then REFUSED, CANCELLED and EXPIRED become UNKNOWN. A move out of
    HANDING leaves an attempt behind (`reads.Attempt`), written with it.
    """

    key: CustomerKey
    id: bytes
    expect: OutboxStatus
    status: OutboxStatus
    at: Millis
    deliverer: int = 0
    not_before: Millis | None = None
    answer: Answer | None = None
    reason: str = ""
    held_by: int = 0
    """When set, the message must also be in this deliverer's hands: nobody undoes another's claim."""
    in_time: bool = False
    """Its `not_before` must also have come by `at`: who looked at the outbox too long ago does not overtake a wait."""
    channel: str = ""
    tried: tuple[Answer, ...] = ()
    """Of an ending: what each provider answered that was tried within this claim, in order; empty: `answer` alone."""
    address: str = ""
    """Of a claim: where it goes. Adapters keep a keyed hash of it with the message, never the address."""


class HandOver(NamedTuple):
    """Give a PENDING message of a forwarder to the customer that stands for it now: same id, same words. Fails with Moved otherwise."""

    message: Message
    winner: CustomerKey


class Quarantine(NamedTuple):
    """An event whose step raised: set aside with its fault, visible, never lost; the customer goes on."""

    event: Event
    fault: str


class Poisoned(NamedTuple):
    """A customer whose state or timer raises whatever comes: visible until a later release can step it again."""

    key: CustomerKey
    fault: str
    """Its kind and place, never its text."""
    at: Millis
    version: int
    """Of the customer's row as this commit leaves it; one that went on from there is mended."""


Question: TypeAlias = tuple[bytes, Millis]
"""(id of the message that asks to confirm, when it was claimed)."""


class Questioned(NamedTuple):
    """What is remembered of the questions to one address. Adapters keep a keyed hash of the address, never the address."""

    workspace: WorkspaceId
    address: str
    """In lower case."""
    asked: tuple[Question, ...]
    until: Millis
    """When it may be forgotten."""


SEND_KEYS_KEPT: Final[Millis] = 31 * DAY
"""How long the same idempotency key means the same message."""


class SendKey(NamedTuple):
    """Under which key a program asked for which message. Adapters keep keyed hashes of key and digest, never what they were made of."""

    workspace: WorkspaceId
    key: str
    digest: bytes
    """Of all that was asked for."""
    message: bytes
    at: Millis


class AskedBefore(NamedTuple):
    """What an idempotency key stands for already."""

    message: bytes
    """The id of the message, or of the proposal that fell silent."""
    same: bool
    """Whether the same was asked for."""


class NotedHearing(NamedTuple):
    """A report of a message, filed with it. Fails with Moved when the same report stands there already."""

    key: CustomerKey
    """The customer under whose number the message stands."""
    message: bytes
    hearing: Hearing


class Listed(NamedTuple):
    """An address that is not written to any more, whoever its customer is. Adapters keep a keyed hash of it, never the address.

    Where it is listed already, the graver reason stands, and of equals the older; who told, as `told_by` says.
    """

    workspace: WorkspaceId
    channel: str
    silenced: Silenced
    source: str
    """Who told: a Hearing's source, ``api``, or ``list`` and the name of a list that was brought in."""
    mark: bytes = b""
    """The hash, where only that is known."""
    address: str = ""
    note: str = ""
    """Why, in somebody's words, without personal data."""
    customer: CustomerKey | None = None
    """Who is silent because of it, so that lifting it reaches them."""


LIST: Final = "list "
"""So begins what a list that was brought in is named by, as a source."""
LISTS: Final = "lists"
"""Several lists have told of an address, and nobody else."""


def told_by(standing: str, told: str, *, graver: bool) -> str:
    """Say who has told of an address that is listed and is told of again. A list gives way to everybody, so that it can be taken back."""
    if standing == told:
        return standing
    if told.startswith(LIST):
        return LISTS if standing.startswith(LIST) else standing
    return told if graver or standing == LISTS or standing.startswith(LIST) else standing


class LedgerEntry(NamedTuple):
    """One answer about consent, with what proves it. Append-only."""

    key: CustomerKey
    id: bytes
    at: Millis
    slot: str
    """purpose/channel, or ``suppression/channel``, ``wishes``, ``item/<id>``."""
    state: str
    source: str
    notice: str
    language: str
    actor: str
    proof: dict[str, Any]


class Decision(NamedTuple):
    """A verdict and whose it is."""

    key: CustomerKey
    verdict: Verdict


class OffsetMove(NamedTuple):
    """Compare-and-set of how far a (bucket, workspace, lane) was read."""

    bucket: Bucket
    workspace: WorkspaceId
    lane: int
    old: int
    new: int


class Writes(msgspec.Struct, kw_only=True):
    """Everything one unit of work changes, committed together or not at all."""

    saves: list[SaveCustomer] = []
    decisions: list[Decision] = []
    messages: list[Message] = []
    """New in the outbox. An id already there is left as it is: proposing twice is saying once."""
    cancels: list[Cancel] = []
    moves: list[MoveMessage] = []
    hand_overs: list[HandOver] = []
    ledger: list[LedgerEntry] = []
    heard: list[NotedHearing] = []
    listed: list[Listed] = []
    questioned: list[Questioned] = []
    """Only of addresses whose questions were read in this unit of work."""
    send_keys: list[SendKey] = []
    """Only of keys that were read in this unit of work."""
    links: list[FollowedLink] = []
    """Where the measured links of the mails claimed here lead; stored once however many mails carry them."""
    quarantines: list[Quarantine] = []
    let_go: list[str] = []
    """What states let go of to stay small (`Section.shed`): counted, not stored."""
    poisoned: list[Poisoned] = []
    crossing: Crossing = msgspec.field(default_factory=Crossing)
    """What concerns more than one customer."""
    offsets: list[OffsetMove] = []
    heads: list[HeadMove] = []
    walks: list[WalkMove] = []
    watches: list[WatchChange] = []
    erasures: list[CustomerKey] = []
    """Turn these rows into tombstones and delete what the registry of personal data names."""
    redactions: list[Event] = []
    """Events that reached a tombstone: their bodies are blanked."""


class Moved(Fault):
    """Somebody else got there first (offset, version or message status). Nothing was written; read again."""

    status = 409


class LockHeld(Unavailable):
    """Somebody holds a customer's row for too long; nothing was written. Try again after a pause: who stands still loses the lock."""


class Unwritable(Fault):
    """The database refuses what these writes say. Nothing was written, and trying the same again is in vain."""


class Work(Protocol):
    """One transaction: lock, think, commit. Left without commit, it changes nothing."""

    async def lock(self, keys: Sequence[CustomerKey]) -> tuple[Millis, dict[CustomerKey, Stored]]:
        """Lock the customers' rows in key order and give the store's clock and the rows; absent ones have version 0.

        Raises LockHeld when somebody keeps one of them for too long. Whoever stands still between this and `commit` loses the locks.
        """
        ...

    async def rehearse(self, writes: Writes) -> None:
        """Write everything and take it back, to learn whether it can be written: raises what `commit` would."""
        ...

    async def questions(self, workspace: WorkspaceId, address: str) -> Sequence[Question]:
        """Give the questions to confirm that an address (in lower case) got, and let nobody else read them until the end of this.

        Comes after `lock`. Raises LockHeld when somebody keeps them for too long.
        """
        ...

    async def asked_before(self, workspace: WorkspaceId, key: str, digest: bytes) -> AskedBefore | None:
        """Say what an idempotency key stands for, and let nobody else ask or write it until the end of this.

        Comes after `lock`, which may be of no customer. Raises LockHeld when somebody keeps it for too long.
        """
        ...

    async def heard_before(self, note: NotedHearing) -> bool:
        """Say whether this report is filed with its message already. Comes after `lock`."""
        ...

    async def listed(self, workspace: WorkspaceId, channel: str, address: str) -> Silenced | None:
        """Say whether an address is on the list of suppressions, and why. One look by its key."""
        ...

    def across(self) -> Across:
        """Give what can be read beyond the locked rows, in this transaction."""
        ...

    async def commit(self, writes: Writes) -> None:
        """Write everything and commit. Raises Moved or Unwritable (nothing written) or Unavailable (nothing known: read again)."""
        ...


class Store(Protocol):
    """Where customers' states live."""

    def work(self) -> AbstractAsyncContextManager[Work]:
        """Begin a unit of work."""
        ...

    async def find(self, workspace: WorkspaceId, kind: str, value: str) -> CustomerId | None:
        """Look an id up in the directory: kind ``user`` or ``anonymous``."""
        ...
