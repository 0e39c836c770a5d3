"""The port of looking things up: what the API and the customers' pages show of what is stored. It changes nothing.

Lists are read newest first and carried on from a `Spot`: the place of the last thing read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from oportuno.channels.channel import Answer
from oportuno.content.message import Message
from oportuno.decision.verdict import Decided
from oportuno.events.event import Event
from oportuno.flows.ports import Reject
from oportuno.flows.work import Decision, MoveMessage, OutboxStatus, Stored
from oportuno.kit.ids import CustomerKey, WorkspaceId
from oportuno.kit.times import Millis


class Spot(NamedTuple):
    """Where a list was read up to: a number that falls, and what tells equals apart."""

    at: int
    tie: bytes = b""


class MessageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A message and what became of it."""

    message: Message
    status: OutboxStatus
    created_at: Millis
    not_before: Millis
    attempts: int = 0
    handed_at: Millis | None = None
    """When its last hand-off began."""
    ended_at: Millis | None = None
    """When it reached an end: accepted, refused, unknown, cancelled or expired."""
    reason: str = ""
    """Of a cancelled or expired one: a Refusal's value."""
    answer: Answer | None = None

    @property
    def spot(self) -> Spot:
        """Its place in a list."""
        return Spot(self.created_at, self.message.id)


VOID: Final = "void"
"""The outcome of a claim whose hand-off did not begin in time."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """How one hand-off of a message ended."""

    n: int
    """Which claim, from 1: one may try several providers, each of which certainly did not take it but the last."""
    claimed_at: Millis | None
    ended_at: Millis
    way: str = ""
    """By which provider; empty where none was reached, or it is not known."""
    outcome: str
    """One of the four, or `VOID`: the claim was taken back."""
    detail: str = ""


def endings(move: MoveMessage) -> list[tuple[str, str, str]]:
    """Give (way, outcome, detail) of each hand-off that a move out of HANDING ends, in their order."""
    tried = move.tried or ((move.answer,) if move.answer is not None else ())
    return [(answer.way, answer.outcome.value, answer.detail) for answer in tried] or [("", VOID, move.reason)]


class RejectRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An item that could not become an event, and whether it was replayed since."""

    reject: Reject
    replayed: bool = False

    @property
    def spot(self) -> Spot:
        """Its place in a list."""
        return Spot(self.reject.received, self.reject.id)


class LedgerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One answer about consent with what proves it. The personal part is empty after an erasure."""

    n: int
    """Its place in the customer's chain, from 1."""
    at: Millis
    slot: str
    state: str
    source: str
    notice: str = ""
    language: str = ""
    actor: str = ""
    proof: dict[str, Any] = {}
    commitment: bytes = b""


class Tally(NamedTuple):
    """How often something was decided."""

    decided: Decided
    refusal: str
    """The first reason's name; empty for speak."""
    journey: str
    times: int


class SetAside(NamedTuple):
    """An event whose evaluation failed: kept, visible, not applied until it is replayed."""

    key: CustomerKey
    lane: int
    seq: int
    at: Millis
    fault: str
    replayed: bool = False

    @property
    def id(self) -> bytes:
        """Its name: which lane, and where in it."""
        return self.lane.to_bytes(4, "big") + self.seq.to_bytes(8, "big")


class PoisonedCustomer(NamedTuple):
    """A customer whose state or timer raises whatever comes: their events are set aside until a release mends it."""

    key: CustomerKey
    fault: str
    since: Millis
    last_at: Millis
    times: int
    """How often it raised since."""
    mended: bool
    """Whether the customer has gone on since."""


class Vitals(msgspec.Struct, frozen=True, kw_only=True):
    """How the installation is, in counts. No personal data."""

    now: Millis
    engines: int = 0
    """Engines that hold buckets now."""
    waiting: dict[str, int] = {}
    """Messages whose time has come and that nobody has claimed, by channel."""
    handing: int = 0
    set_aside: int = 0
    """Events whose evaluation failed and that were not replayed."""
    poisoned: int = 0
    """Customers whose state or timer raises."""
    buckets_unowned: int = 0
    """Buckets that no engine holds: what happens in them waits."""
    given_up: dict[int, str] = {}
    """Buckets that an engine left to a newer release, with the section that this one wrote."""
    left: list[str] = []
    """Workspaces (``ws_…``) that an engine leaves alone, because what they have laid down cannot be read."""
    clock_doubted: bool = False
    """Whether an engine doubts the clock: marketing pauses."""


class Reads(Protocol):
    """What is stored, to look at. Every call raises Unavailable when the store is gone."""

    async def now(self) -> Millis:
        """Give the store's clock."""
        ...

    async def probe(self) -> None:
        """Return when the store answers and can be written to. Raises Unavailable otherwise. Waits for nobody else who looks things up."""
        ...

    async def vitals(self) -> Vitals:
        """Give the counts of the health and metrics pages."""
        ...

    async def customer(self, key: CustomerKey) -> Stored | None:
        """Give a customer's row without locking it; None when there is none."""
        ...

    async def message(self, workspace: WorkspaceId, id: bytes) -> MessageRecord | None:  # noqa: A002 - the field's own word
        """Give one message of the workspace."""
        ...

    async def attempts(self, workspace: WorkspaceId, id: bytes) -> list[Attempt]:  # noqa: A002 - the field's own word
        """Give how each hand-off of a message ended, the first one first."""
        ...

    async def whose(self, workspace: WorkspaceId, proposal: bytes) -> CustomerKey | None:
        """Say whom a proposal concerned that never became a message. Slower than the rest: it searches the days after the id's own."""
        ...

    async def verdicts_on(self, key: CustomerKey, proposal: bytes) -> list[Decision]:
        """Give every verdict on one proposal, oldest first."""
        ...

    async def verdicts(self, key: CustomerKey, *, before: Spot | None, limit: int) -> list[Decision]:
        """Give a customer's verdicts, newest first."""
        ...

    async def messages(self, key: CustomerKey, *, before: Spot | None, limit: int) -> list[MessageRecord]:
        """Give a customer's messages, newest first."""
        ...

    async def events(self, key: CustomerKey, *, before: Spot | None, limit: int) -> list[Event]:
        """Give a customer's events in order of arrival, newest first."""
        ...

    async def ledger(self, key: CustomerKey) -> list[LedgerRecord]:
        """Give a customer's answers about consent, oldest first."""
        ...

    async def decisions(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[Decision]:
        """Give the workspace's latest verdicts, newest first."""
        ...

    async def tallies(self, workspace: WorkspaceId, *, since: Millis) -> list[Tally]:
        """Count the workspace's verdicts since a moment, most frequent first."""
        ...

    async def rejects(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[RejectRecord]:
        """Give the workspace's rejects, newest first."""
        ...

    async def reject(self, workspace: WorkspaceId, id: bytes) -> RejectRecord | None:  # noqa: A002 - the field's own word
        """Give one reject."""
        ...

    async def set_aside(self, workspace: WorkspaceId, *, limit: int) -> list[SetAside]:
        """Give events that were set aside because their evaluation failed, newest first."""
        ...

    async def set_aside_event(self, workspace: WorkspaceId, id: bytes) -> tuple[SetAside, Event] | None:  # noqa: A002 - the field's own word
        """Give one event that was set aside, by `SetAside.id`, as it stands in the log."""
        ...

    async def poisoned(self, workspace: WorkspaceId, *, limit: int) -> list[PoisonedCustomer]:
        """Give the customers whose state or timer raised, the latest first."""
        ...


class Rejects(Protocol):
    """What may be done with a reject, and with an event that was set aside."""

    async def mark_replayed(self, workspace: WorkspaceId, ids: Sequence[bytes]) -> None:
        """Note that these were replayed. Doing it again changes nothing."""
        ...

    async def mark_set_aside_replayed(self, workspace: WorkspaceId, id: bytes) -> None:  # noqa: A002 - the field's own word
        """Note that an event that was set aside was replayed. Doing it again changes nothing."""
        ...


def spot_of(decision: Decision) -> Spot:
    """Give a verdict's place in a list."""
    return Spot(decision.verdict.at, decision.verdict.proposal.id + decision.verdict.decided.encode())


def spot_of_event(event: Event) -> Spot:
    """Give an event's place in a list."""
    return Spot(event.seq, event.lane.to_bytes(4, "big"))
