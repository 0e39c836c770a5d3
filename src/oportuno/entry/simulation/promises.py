"""The checker: what Oportuno promises (DESIGN §1), told as facts about commits and hand-offs. It trusts nothing that the flows believe."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from oportuno.adapters.memory import MemoryWorld
from oportuno.attention.ledger import Limit
from oportuno.channels.channel import Outcome
from oportuno.consent.answers import Answered, Consents, slot
from oportuno.content.message import Message
from oportuno.decision.verdict import Decided
from oportuno.entry.simulation.kin import Kin
from oportuno.entry.simulation.shelf import CHANGES, News
from oportuno.events.event import Call, Event, Source
from oportuno.flows.programme import Programme
from oportuno.flows.work import MoveMessage, OutboxStatus, Status, Writes
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import SECOND, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core

_ID: Final = re.compile(rb'"messageId":"([^"]+)"')
_FINAL: Final = frozenset({OutboxStatus.ACCEPTED, OutboxStatus.REFUSED, OutboxStatus.UNKNOWN, OutboxStatus.CANCELLED, OutboxStatus.EXPIRED})
_LONGEST_AFTER_NO: Final = SECOND


class Intent(NamedTuple):
    """What somebody outside the engine is about to commit."""

    kind: str
    """``no`` and ``yes`` to marketing by `channels`, ``stop`` of `channels` by staff, ``mute`` of `items`, ``undo`` or
    ``erase``."""
    key: CustomerKey
    channels: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


@dataclass(slots=True)
class _Story:
    """What happened to one message."""

    message: Message
    locked_at: Millis = 0
    """Monotonic time at which the last claim read the store's clock."""
    left: Millis = 0
    """How long the message still had to live then."""
    taken: int = 0
    """How often a provider really took it."""


@dataclass(slots=True)
class Promises:
    """Listens to every commit and hand-off, and writes down each breach."""

    world: MemoryWorld
    programme: Programme
    breaches: list[str] = field(default_factory=list)
    intents: dict[str, Intent] = field(default_factory=dict)
    """By the actor's name."""
    noes: dict[tuple[CustomerKey, str], Millis] = field(default_factory=dict)
    """Who has said no to marketing on a channel, and since when (monotonic)."""
    stops: dict[tuple[CustomerKey, str], Millis] = field(default_factory=dict)
    """Channels that staff have stopped: a yes does not open them again."""
    muted: dict[CustomerKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    """«No me interesa»."""
    erased: set[CustomerKey] = field(default_factory=set)
    touches: dict[CustomerKey, dict[bytes, list[Millis]]] = field(default_factory=lambda: defaultdict(dict))
    """When each message was handed off and may have been taken: a refused attempt is struck out again."""
    stories: dict[bytes, _Story] = field(default_factory=dict)
    known: dict[str, Event] = field(default_factory=dict)
    """Stored events by the id their client gave them."""
    spoken: set[bytes] = field(default_factory=set)
    live: dict[CustomerKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Names of the fresh live events of each customer."""
    locked: dict[str, Millis] = field(default_factory=dict)
    """When each actor last read the store's clock under a lock (monotonic)."""
    news: News = field(init=False)
    kin: Kin = field(init=False)
    _read: dict[object, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take up the promises about the shelf, and about who is who."""
        self.news = News(self.world)
        self.kin = Kin(self.world)

    def breach(self, promise: str, what: str) -> None:
        """Write down that a promise was broken."""
        self.breaches.append(f"{promise}: {what}")

    def passing(self, actor: str, place: str) -> None:
        """Hear where somebody stands still."""
        if place == "intake.stored":
            self.look_at_log()
        elif place == "store.locked":
            self.locked[actor] = self.world.clock.elapsed

    # ── coming in ───────────────────────────────────────────────────────────────────────────────────────────────────

    def look_at_log(self) -> None:
        """Take note of newly stored events. The same id twice is a breach."""
        for channel, rows in self.world.tables.events.items():
            for event in rows[self._read.get(channel, 0) :]:
                found = _ID.search(event.body)
                name = found.group(1).decode() if found else ""
                if name in self.known:
                    self.breach("2 applied once", f"event {name} is stored twice")
                self.known[name] = event
                if event.source is Source.LIVE:
                    self.live[event.key].add(event.name if event.call is Call.TRACK else "")
            self._read[channel] = len(rows)

    def acknowledged(self, ids: list[str]) -> None:
        """Hear that a request was answered 2xx: everything in it must be stored."""
        self.look_at_log()
        rejected = b"".join(reject.raw for reject in self.world.tables.rejects)
        for name in ids:
            if name not in self.known and name.encode() not in rejected:
                self.breach("1 nothing acknowledged is lost", f"event {name} is not stored")

    # ── commits ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def committed(self, actor: str, writes: Writes) -> None:
        """Hear of a commit at the moment it becomes visible."""
        self._note_intent(actor)
        self._note_joined(writes)
        self.look_at_log()
        for key, verdict in writes.decisions:
            if verdict.decided is Decided.SPEAK:
                self.spoken.add(verdict.proposal.id)
            elif not verdict.reasons:
                self.breach("11 every silence has a name", f"a {verdict.decided.value} without a reason")
            if key in self.erased:
                self.breach("12 forgotten stays gone", "a verdict about an erased customer")
        for message in writes.messages:
            self._born(message)
        for move in writes.moves:
            self._moved(move, self.locked.get(actor, 0))
        for save in writes.saves:
            if save.key in self.erased:
                self.breach("12 forgotten stays gone", "an erased customer was saved")

    def _note_intent(self, actor: str) -> None:
        intent = self.intents.pop(actor, None)
        if intent is None:
            return
        key, elapsed = self.kin.final(intent.key), self.world.clock.elapsed
        match intent.kind:
            case "erase":
                self.erased.add(key)
            case "mute":
                self.muted[key].update(intent.items)
            case "undo":
                self.muted.pop(key, None)
        for channel in intent.channels:
            match intent.kind:
                case "no":
                    self.noes.setdefault((key, channel), elapsed)
                case "stop":
                    self.stops.setdefault((key, channel), elapsed)
                case "yes" | "undo":
                    self.noes.pop((key, channel), None)

    def _note_joined(self, writes: Writes) -> None:
        """What the one said no to, muted, and was told counts for both from now on."""
        for loser, winner in self.kin.joined(writes):
            for refused in (self.noes, self.stops):
                for (of, channel), since in list(refused.items()):
                    if of == loser:
                        refused[winner, channel] = min(since, refused.get((winner, channel), since))
            self.muted[winner] |= self.muted[loser]
            for name, made in self.touches[loser].items():
                self.touches[winner].setdefault(name, []).extend(made)
        for what in self.kin.looser(writes):
            self.breach("14 no consent becomes looser by meeting", what)

    def _no_since(self, message: Message) -> Millis | None:
        """Say since when the customer must hear nothing of this kind; None when nothing is known against it."""
        place = (message.key, message.said.channel)
        found = [since for since in (self.noes.get(place), self.stops.get(place)) if since is not None]
        return min(found) if found and message.marketing else None

    def _born(self, message: Message) -> None:
        if message.id not in self.spoken:
            self.breach("11 everything can be explained", "a message without its verdict")
        if message.key in self.erased:
            self.breach("12 forgotten stays gone", "a message to an erased customer")
        news = message.said.because.facts.get("event") in CHANGES
        if news and (wrong := self.news.born(message)):
            self.breach("13 told once, who cares", wrong)
        journey = next((j for j in self.programme.journeys if j.key == message.said.journey), None)
        # What asks to confirm is no journey's: a fresh call that is no event, an identify, sets it off.
        triggers = ("",) if message.said.confirms else journey.trigger if journey is not None else ()
        live = {name for key, names in self.live.items() if self.kin.final(key) == self.kin.final(message.key) for name in names}
        if not triggers or (not news and live.isdisjoint(triggers)):
            self.breach("10 old news never speaks", f"{message.said.journey} spoke without a fresh event")
        self.stories.setdefault(message.id, _Story(message))

    def _moved(self, move: MoveMessage, locked_at: Millis) -> None:
        story = self.stories.get(move.id)
        if story is None:
            self.breach("11 everything can be explained", "a message moved that was never proposed")
            return
        message, touches = story.message, self.touches[move.key]
        if move.status is OutboxStatus.HANDING:
            story.locked_at, story.left = locked_at, message.expires_at - move.at
            touches.setdefault(move.id, []).append(move.at)
            self._check_claim(message, move.at)
        elif move.expect is OutboxStatus.HANDING and _certainly_not_taken(move):
            touches[move.id].pop()
        if move.status in (OutboxStatus.CANCELLED, OutboxStatus.EXPIRED) and not move.reason:
            self.breach("11 every silence has a name", f"a message became {move.status.name.lower()} without a reason")
        if move.expect is OutboxStatus.HANDING and move.status is OutboxStatus.PENDING and message.marketing:
            answer = move.answer
            if answer is not None and answer.outcome is Outcome.UNKNOWN:
                self.breach("3 an unknown is never resent", "a marketing message whose ending is unknown waits again")

    def _check_claim(self, message: Message, at: Millis) -> None:
        if not message.marketing:
            return
        if self._no_since(message) is not None:
            self.breach("4 no claim after a withdrawal", f"{message.said.journey} was claimed after the customer said no")
        if not self.muted[message.key].isdisjoint(message.said.items):
            self.breach("4 no claim after a withdrawal", f"{message.said.journey} was claimed about what does not interest the customer")
        for limit in self.programme.policy.limits:
            used = self._used(message.key, limit, at)
            if used > limit.at_most:
                self.breach("5 no limit is ever exceeded", f"{used} touches in a window that allows {limit.at_most}")

    def _used(self, key: CustomerKey, limit: Limit, at: Millis) -> int:
        mine = self.touches[key].items()
        return sum(self.stories[name].message.said.cost for name, made in mine if made and max(made) > at - limit.per)

    # ── going out ───────────────────────────────────────────────────────────────────────────────────────────────────

    def handing_off(self, message: Message) -> None:
        """Hear that a provider is spoken to."""
        story = self.stories.get(message.id)
        row = self.world.tables.messages.get(message.id)
        if story is None or (row is None and message.key not in self.erased):
            self.breach("11 everything can be explained", "a hand-off of what is in no outbox")
            return
        elapsed = self.world.clock.elapsed
        late = elapsed - story.locked_at - story.left
        if late > 0:
            self.breach("6 nothing past its expiry", f"handed off {late} ms after its expiry")
        since = self._no_since(message)
        if since is not None and elapsed - since > _LONGEST_AFTER_NO:
            self.breach("4 nothing 1 s after a withdrawal", f"handed off {elapsed - since} ms after the customer said no")
        if message.marketing and story.taken:
            self.breach("3 accepted at most once", "a marketing message that was taken is handed off again")

    def taken(self, message: Message) -> None:
        """Hear that the provider really took it, whatever we hear of it."""
        self.stories[message.id].taken += 1

    # ── at rest ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def check_rows(self) -> None:
        """Look at what must hold after every step."""
        tables = self.world.tables
        for key in self.erased:
            customer = tables.customers.get(key)
            if customer is None or customer.status is not Status.ERASED or customer.state:
                self.breach("12 forgotten stays gone", "an erased customer's row is back")
        for row in tables.messages.values():
            if row.message.key in self.erased and row.status not in _FINAL:
                self.breach("12 forgotten stays gone", "a message of an erased customer waits in the outbox")
            if row.status in (OutboxStatus.CANCELLED, OutboxStatus.EXPIRED) and not row.reason:
                self.breach("11 every silence has a name", f"a message is {row.status.name.lower()} without a reason")

    def check_end(self) -> None:
        """Look at what must hold once everything came to rest and time went on."""
        self.look_at_log()
        self.check_rows()
        tables = self.world.tables
        folded: dict[CustomerKey, int] = defaultdict(int)
        for event in self.known.values():
            if tables.offsets.get((event.key.bucket, event.key.workspace, event.lane), 0) < event.seq:
                self.breach("1 nothing acknowledged is lost", "a stored event was never evaluated")
            folded[self.kin.final(event.key)] += 1
        for item in tables.quarantines:
            self.breach("a step raised", item.fault)
        for key, row in tables.customers.items():
            if row.status is Status.ACTIVE and row.state:
                self._check_customer(key, row.state, folded[key])
        for message in tables.messages.values():
            if message.status not in _FINAL:
                self.breach("5 nothing waits for ever", f"a message is {message.status.name.lower()} at the end")
        if wrong := self.news.left():
            self.breach("13 told once, who cares", wrong)
        for what in dict.fromkeys(self.kin.left()):
            self.breach("14 whoever turns out to be one is one", what)
        self._check_waiting()
        self._check_silences()
        self._check_forgotten()

    def _check_forgotten(self) -> None:
        tables = self.world.tables
        for key in self.erased:
            if tables.erasures[key].done_at is None:
                self.breach("12 forgotten is gone everywhere", "an erasure never came to its end")
            if any(row.message.key == key for row in tables.messages.values()) or any(each.key == key for each in tables.decisions):
                self.breach("12 forgotten is gone everywhere", "a message to an erased customer, or a verdict, is still there")
            if any(event.key == key and event.body != b"{}" for event in tables.all_events()):
                self.breach("12 forgotten is gone everywhere", "the log still holds an erased customer's event")
            if any(entry.key == key and entry.proof for entry in tables.ledger.values()):
                self.breach("12 forgotten is gone everywhere", "the ledger still holds an erased customer's proof")

    def _check_customer(self, key: CustomerKey, state: bytes, events: int) -> None:
        draft = Draft(key, state)
        counted = draft.read(Core).events
        if counted != events:
            self.breach("2 applied once", f"{counted} events were folded of {events} that are stored")
        consents = draft.read(Consents)
        for of, channel in (*self.noes, *self.stops):
            granted = consents.answers.get(slot(Purpose.MARKETING, channel))
            if of == key and channel not in consents.suppressed and granted is not None and granted.state is Answered.GRANTED:
                self.breach("4 a withdrawal stays", "the state says yes where the last word was no")

    def _check_waiting(self) -> None:
        """A proposal that waited was spoken, cancelled, or dropped on purpose."""
        tables = self.world.tables
        last: dict[bytes, Decided] = {}
        for _, verdict in tables.decisions:
            last[verdict.proposal.id] = verdict.decided
        for proposal, decided in last.items():
            if decided is Decided.WAIT and proposal not in tables.messages:
                self.breach("5 a held message is decided again", "a proposal that waited was never heard of again")

    def _check_silences(self) -> None:
        """A message that was cancelled or expired has a verdict of its own that says why."""
        silent = {verdict.proposal.id: verdict for _, verdict in self.world.tables.decisions if verdict.decided is Decided.SILENCE}
        for message in self.world.tables.messages.values():
            if message.status in (OutboxStatus.CANCELLED, OutboxStatus.EXPIRED):
                verdict = silent.get(message.message.id)
                if verdict is None or verdict.reasons[0].refusal.value != message.reason:
                    self.breach("11 every silence has a name", f"no verdict says why a message became {message.status.name.lower()}")


def _certainly_not_taken(move: MoveMessage) -> bool:
    """Say whether the attempt that this move ends did not reach the customer: refused, or its hand-off never began."""
    if move.status is OutboxStatus.REFUSED:
        return True
    if move.status is not OutboxStatus.PENDING:
        return False
    return move.reason == "void" or (move.answer is not None and move.answer.outcome is Outcome.REFUSED_FOR_NOW)
