"""The rows of the twin, as plain values that every part of it shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from oportuno.adapters.memory.crossed import Crossed
from oportuno.channels.machine_clicks import Verdict
from oportuno.flows.work import OutboxStatus, Status, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oportuno.channels.channel import Answer
    from oportuno.channels.machine_clicks import Sign
    from oportuno.content.message import FollowedLink, Message
    from oportuno.events.event import Event
    from oportuno.flows.fan_out import FanOut, Place
    from oportuno.flows.hear_back import HearingRecord
    from oportuno.flows.ports import LaneClass, Letter, Reject
    from oportuno.flows.ports_imports import ImportRecord
    from oportuno.flows.reads import Attempt
    from oportuno.flows.work import Decision, LedgerEntry, Listed, Poisoned, Quarantine, Question, SendKey
    from oportuno.kit.ids import Bucket, CustomerId, CustomerKey, WorkspaceId
    from oportuno.kit.times import Millis

Channel = tuple["Bucket", "WorkspaceId", int]
"""(bucket, workspace, lane): one run of events read with one offset."""


@dataclass(slots=True)
class CustomerRow:
    """One customer as stored."""

    status: Status = Status.ACTIVE
    version: int = 0
    state: bytes = b""
    due_at: Millis | None = None


@dataclass(slots=True)
class MessageRow:
    """One message in the outbox and what became of it."""

    message: Message
    status: OutboxStatus
    not_before: Millis
    born: int
    """Order of birth: the oldest goes first."""
    attempts: int = 0
    deliverer: int = 0
    handed_at: Millis | None = None
    moved_at: Millis = 0
    answer: Answer | None = None
    reason: str = ""
    doubt: bool = False
    mark: bytes = b""
    """What stands for the address to which it went; empty: it never went."""

    def waiting(self) -> Waiting:
        """Give the row as a deliverer reads it."""
        return Waiting(
            message=self.message,
            status=self.status,
            not_before=self.not_before,
            attempts=self.attempts,
            deliverer=self.deliverer,
            doubt=self.doubt,
        )


@dataclass(slots=True)
class ClickRow:
    """A measured link was followed."""

    sign: Sign
    verdict: Verdict = Verdict.UNSETTLED


@dataclass(slots=True)
class ErasureRow:
    """Somebody who asked to be forgotten."""

    asked_at: Millis
    traces: set[str]
    """By which ids they are looked for in rejects; emptied at the end."""
    letters: set[bytes]
    """Ids of their messages, which are those of their letters."""
    place: str = ""
    done_at: Millis | None = None


@dataclass(slots=True)
class Tables:
    """Everything stored. Read it in tests; change it only through the ports."""

    customers: dict[CustomerKey, CustomerRow] = field(default_factory=dict)
    identities: dict[tuple[WorkspaceId, str, str], CustomerId] = field(default_factory=dict)
    """(workspace, kind, value) → customer."""
    seen: set[tuple[int, WorkspaceId, int, bytes]] = field(default_factory=set)
    """(day, workspace, class of source, h)."""
    events: dict[Channel, list[Event]] = field(default_factory=dict)
    """In order of seq within each channel."""
    lanes: dict[int, LaneClass] = field(default_factory=dict)
    offsets: dict[Channel, int] = field(default_factory=dict)
    """The seq of the last event that was evaluated; absent: none yet."""
    watch: set[tuple[Bucket, WorkspaceId, int, int, CustomerId]] = field(default_factory=set)
    """(bucket, workspace, item, rank, customer)."""
    fan_outs: list[FanOut] = field(default_factory=list)
    heads: dict[tuple[Bucket, WorkspaceId], int] = field(default_factory=dict)
    """The number of the last fan-out that was opened; absent: none yet."""
    walks: dict[tuple[Bucket, WorkspaceId, int], Place] = field(default_factory=dict)
    """(bucket, workspace, number) → the last watcher told."""
    decided: dict[Bucket, Millis] = field(default_factory=dict)
    """By which time something was last decided in a bucket, as far as its owner has told."""
    rejects: list[Reject] = field(default_factory=list)
    replayed: set[tuple[WorkspaceId, bytes]] = field(default_factory=set)
    """Rejects that were replayed: (workspace, id)."""
    messages: dict[bytes, MessageRow] = field(default_factory=dict)
    emptied: dict[bytes, CustomerKey] = field(default_factory=dict)
    """Messages of forgotten customers, of which nothing is left but whose they were: message → customer."""
    decisions: list[Decision] = field(default_factory=list)
    ledger: dict[bytes, LedgerEntry] = field(default_factory=dict)
    questions: dict[tuple[WorkspaceId, bytes], tuple[Question, ...]] = field(default_factory=dict)
    """(workspace, mark of an address) → the questions to confirm that it got."""
    send_keys: dict[tuple[WorkspaceId, bytes], SendKey] = field(default_factory=dict)
    """(workspace, mark of an idempotency key) → what it stands for."""
    attempts: dict[bytes, list[Attempt]] = field(default_factory=dict)
    """A message's id → how each hand-off of it ended."""
    links: dict[tuple[WorkspaceId, bytes], FollowedLink] = field(default_factory=dict)
    """(workspace, the link's id) → where it leads."""
    clicks: dict[tuple[CustomerKey, bytes, Millis, bytes], ClickRow] = field(default_factory=dict)
    """(customer, message, when, link)."""
    hearings: dict[tuple[CustomerKey, bytes, bytes], HearingRecord] = field(default_factory=dict)
    """(customer, message, the report's id) → what was heard and believed."""
    unmatched: dict[tuple[WorkspaceId, bytes], HearingRecord] = field(default_factory=dict)
    """(workspace, the report's id) → what belongs to no message, or was not believed."""
    suppressions: dict[tuple[WorkspaceId, str, bytes], Listed] = field(default_factory=dict)
    """(workspace, channel, what stands for the address) → why it is not written to."""
    silent_because: set[tuple[CustomerKey, str, bytes]] = field(default_factory=set)
    """(customer, channel, what stands for the address)."""
    crossed: Crossed = field(default_factory=Crossed)
    """Merges and inboxes."""
    quarantines: list[Quarantine] = field(default_factory=list)
    set_aside_replayed: set[tuple[int, int]] = field(default_factory=set)
    """Events that were set aside and then replayed: (lane, seq)."""
    poisoned: dict[CustomerKey, Poisoned] = field(default_factory=dict)
    letters: dict[tuple[WorkspaceId, bytes], Letter] = field(default_factory=dict)
    """(workspace, letter's id)."""
    erasures: dict[CustomerKey, ErasureRow] = field(default_factory=dict)
    imports: dict[tuple[WorkspaceId, bytes], ImportRecord] = field(default_factory=dict)
    """(workspace, the import's id)."""
    mappings: dict[tuple[WorkspaceId, str], bytes] = field(default_factory=dict)
    deliverers: set[int] = field(default_factory=set)
    """Numbers of the deliverers that are alive."""

    def unread(self, channel: Channel) -> Iterator[Event]:
        """Give a channel's events after its offset, in order."""
        after = self.offsets.get(channel, 0)
        rows = self.events.get(channel, [])
        low, high = 0, len(rows)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if rows[middle].seq <= after else (low, middle)
        for place in range(low, len(rows)):
            yield rows[place]

    def all_events(self) -> Iterator[Event]:
        """Give every stored event."""
        for rows in self.events.values():
            yield from rows

    def messages_of(self, key: CustomerKey) -> list[MessageRow]:
        """Give a customer's messages, oldest first."""
        return [row for row in self.messages.values() if row.message.key == key]
