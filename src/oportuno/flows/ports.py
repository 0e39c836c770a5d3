"""The ports: what the flows need of the world, in our words. Each has a PostgreSQL and an in-memory adapter behind one contract suite.

Every `await` of a port is a point where others may run, fail or die. Nothing else in a flow may be awaited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

import msgspec

from oportuno.channels.channel import Answer, Window
from oportuno.content.message import Message, Rendered
from oportuno.events.event import Call, Event, Source, Trust
from oportuno.flows.crossing import Alias, Asked
from oportuno.flows.fan_out import Telling
from oportuno.flows.identity import Signing
from oportuno.flows.programme import Programme
from oportuno.flows.work import OffsetMove, Waiting
from oportuno.kit.ids import Bucket, CustomerId, CustomerKey, WorkspaceId
from oportuno.kit.times import Millis

# ── Coming in ───────────────────────────────────────────────────────────────────────────────────────────────────────


class LaneClass(IntEnum):
    """The classes of work a batch is filled from, each with its share."""

    LIVE = 0
    BULK = 1


class KeyFacts(NamedTuple):
    """What an API key stands for."""

    workspace: WorkspaceId
    key_id: str
    """Names the key in rejects and limits; not the key itself."""
    secret: bool
    """True: a secret key of a server. False: a write key, public by nature."""
    sandbox: bool = False
    """The workspace is a demo or a test: it hands off only to its own mailbox."""
    signing: Signing | None = None
    """With one, the write key names a user only with a token that is held against it."""


class Keys(Protocol):
    """The keys that programs show. Stored hashed; adapters may cache an answer for some seconds."""

    async def look_up(self, key: str) -> KeyFacts | None:
        """Say what a key stands for; None when there is no such key. Raises Unavailable."""
        ...


class Sighting(NamedTuple):
    """The ids one event carries: whom is it about?"""

    workspace: WorkspaceId
    user: str
    """userId, or empty."""
    anonymous: str
    """anonymousId, or empty."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way into the log; lane and seq are given by the writer."""

    key: CustomerKey
    h: bytes
    source: Source
    call: Call
    name: str
    at: Millis
    received: Millis
    body: bytes
    day: int
    """The client's own day (days since 1970), the partition in which its id is remembered."""
    trust: Trust = Trust.PUBLIC
    also_day: int | None = None
    """Another day under which an earlier attempt may have been remembered, so that it is looked at too; None: there is none."""


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """An item of an acknowledged request that could not become an event: kept whole, visible and replayable for 30 days."""

    workspace: WorkspaceId
    id: bytes
    received: Millis
    code: str
    sentence: str
    place: str
    """Which item and field, for example ``batch[3].timestamp``."""
    raw: bytes
    key_id: str
    """Which key brought it."""


class Intake(Protocol):
    """The writer of the event log. Acknowledged means committed."""

    async def resolve(self, sightings: Sequence[Sighting], asked: Asked = ...) -> list[CustomerId]:
        """Name the customer of each sighting, minting new ones. Order kept; the same sighting always gives the same customer.

        A known user id decides. An unknown user id joins the anonymous id's customer if no other user id has claimed it; else a new
        customer is minted. A known user on a device that is a customer of its own and unclaimed: the device is claimed, and `asked` is
        noted as who asks that the two be one. 0 in the place of a customer: they have as many ids as one may have.
        """
        ...

    async def alias(self, alias: Alias, asked: Asked) -> str:
        """Give a customer a former id, and ask that whoever has it be one with them. Empty, or a Rejection's value: why not.

        With a secret key any two; otherwise only a device that nobody else has claimed.
        """
        ...

    async def store(self, arrivals: Sequence[Arrival], rejects: Sequence[Reject], lane: LaneClass) -> int:
        """Commit events and rejects together, dropping ids seen before; gives how many events were new. Raises Unavailable."""
        ...

    async def backlog(self, workspace: WorkspaceId) -> int:
        """Roughly how many stored events of the workspace wait to be evaluated (may be a second old)."""
        ...

    async def fullness(self) -> float:
        """Which share of the log's disk is in use, 0 to 1 (may be some seconds old); 0 where it cannot be known."""
        ...


# ── The engine's feed ───────────────────────────────────────────────────────────────────────────────────────────────


class Fetched(msgspec.Struct, kw_only=True):
    """A batch to work on, filled by class and round-robin over workspaces."""

    now: Millis
    """The store's clock: the batch's one `now`."""
    clock_trusted: bool = True
    """False while the clock stands behind what was decided already, and for five minutes after it leapt ahead: marketing pauses."""
    events: list[Event]
    due: list[tuple[CustomerKey, Millis]]
    """Customers whose earliest timer has come, with that time."""
    offsets: list[OffsetMove]
    telling: Telling = msgspec.field(default_factory=Telling)
    """What comes from the catalogue."""


class Feed(Protocol):
    """What waits to be evaluated in the buckets this worker owns."""

    async def fetch(self, limit: int) -> Fetched:
        """Give up to `limit` happenings, at once, perhaps none. Reads only: what is not committed comes again."""
        ...

    def again(self, fetched: Fetched) -> None:
        """Say that a batch was not committed: it is to be read again at once."""
        ...

    def decided(self, now: Millis) -> None:
        """Say by which time a batch was decided: nothing in these buckets is decided earlier, whoever owns them next."""
        ...

    def give_up(self, bucket: Bucket, section: str) -> None:
        """Let go of a bucket in which a newer release wrote a section, and leave it to others for some minutes."""
        ...

    def leave(self, workspace: WorkspaceId) -> None:
        """Leave a workspace's events and timers where they are for some seconds: its programme cannot be read."""
        ...

    async def wait(self, most: float) -> None:
        """Return when something may have come, or after `most` seconds."""
        ...


# ── Going out ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Due(NamedTuple):
    """Messages whose time has come, by the store's clock."""

    now: Millis
    waiting: list[Waiting]


class Outbox(Protocol):
    """Messages that wait, and those in a dead deliverer's hands."""

    async def due(self, channel: str, limit: int) -> Due:
        """Give PENDING messages of a channel with `not_before` ≤ now, fair over workspaces, oldest first; expired ones included."""
        ...

    async def abandoned(self, limit: int) -> Due:
        """Give HANDING messages whose deliverer is certainly dead."""
        ...

    async def wait(self, most: float) -> None:
        """Return when something may have come, or after `most` seconds."""
        ...


class Provider(Protocol):
    """One way out: SMTP server, webhook endpoint."""

    async def hand_off(self, message: Message, rendered: Rendered, address: str, window: Window) -> Answer:
        """Hand off once. Never raises for what the provider does: every ending is one of the four outcomes.

        What could not begin within the window is not begun at all, and answered `NOT_BEGUN`.
        """
        ...


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in a sandbox's mailbox: the mail as it would have been sent, or a webhook's body as JSON."""

    workspace: WorkspaceId
    id: bytes
    at: Millis
    address: str
    subject: str
    raw: bytes
    """RFC 5322, or JSON."""
    message: bytes
    """The message's id."""


class Mailbox(Protocol):
    """Where a sandbox hands off, and nowhere else."""

    async def put(self, letter: Letter) -> None:
        """Keep a letter; the same id twice lies there once. Raises Unavailable."""
        ...

    async def letters(self, workspace: WorkspaceId, limit: int, before: Millis | None = None) -> list[Letter]:
        """Give the latest letters, newest first; with `before`, those older than it."""
        ...

    async def letter(self, workspace: WorkspaceId, id: bytes) -> Letter | None:  # noqa: A002 - the field's own word
        """Give one letter, or None."""
        ...


class MjmlCompiler(Protocol):
    """Turns MJML into the HTML of a mail, when a message is published."""

    async def compile(self, mjml: str) -> str:
        """Give the HTML. Fetches nothing. Raises content.liquid.TemplateFault, with the line where one is known."""
        ...


class Programmes(Protocol):
    """What each workspace has laid down: policy, journeys, templates."""

    async def programme(self, workspace: WorkspaceId) -> Programme:
        """Give the programme now in force; may be a second old.

        Raises NotFound for an unknown workspace, and ProgrammeUnreadable when what it has laid down cannot be read by this release.
        """
        ...

    async def all(self) -> Mapping[WorkspaceId, Programme]:
        """Give every workspace's programme that can be read."""
        ...


class Clock(Protocol):
    """A monotonic clock, for time-outs and paces only; what time it is comes from the store."""

    def monotonic(self) -> float:
        """Seconds since some fixed point."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Pause."""
        ...
