"""The queue and the thread that empties it: batches, retries, and an end that loses nothing without saying so."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from oportuno.client.calls import BATCH_CEILING, Item, write_batch
from oportuno.client.faults import ClientClosed, ClientFault, GaveUp, QueueFull, Refused, Unreachable
from oportuno.client.retrying import Again, Halve, Never, Taken, judge, pause
from oportuno.client.wire import Wire

Report: TypeAlias = Callable[[ClientFault, Sequence[Item]], None]

_BESIDE: Final = 200
"""Bytes of a batch that are no items, at most."""
_LAST_WORD: Final = 0.5
"""Seconds that the thread gets to notice that it shall end."""


class WhenFull(StrEnum):
    """What happens to a call when the queue is full."""

    DROP_OLDEST = "drop_oldest"
    """The oldest one waiting is let go, and told to `on_error`: what is new is worth more."""
    DROP_NEWEST = "drop_newest"
    """The call itself is let go, and told to `on_error`."""
    WAIT = "wait"
    """The caller waits for room. For imports; not where a page waits for the answer."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How it is sent."""

    when_full: WhenFull
    queue_ceiling: int
    batch_items: int
    linger: float
    """Seconds that a batch waits for more."""
    patience: float
    """Seconds for which one batch is tried."""


class Sender:
    """Sends items in the order they came, one request at a time. Its thread begins with the first item."""

    def __init__(self, wire: Wire, terms: Terms, report: Report) -> None:
        self._wire = wire
        self._terms = terms
        self._report = report
        self._begin()

    def _begin(self) -> None:
        self._news = threading.Condition()
        self._waiting: deque[tuple[int, Item]] = deque()
        self._in_hand: list[tuple[int, Item]] = []
        self._last = 0
        self._hurry = 0
        """Up to this number nothing waits for company."""
        self._closing = False
        self._abandoned = False
        self._thread: threading.Thread | None = None

    # ── the callers' side ───────────────────────────────────────────────────────────────────────────────────────────

    def put(self, item: Item) -> None:
        """Let an item wait its turn. Raises ClientClosed."""
        let_go: Item | None = None
        with self._news:
            if self._closing:
                raise ClientClosed("client_closed", "the client was closed before this call")
            if len(self._waiting) >= self._terms.queue_ceiling:
                let_go = self._make_room(item)
            if let_go is not item:
                self._last += 1
                self._waiting.append((self._last, item))
                self._wake()
        if let_go is not None:
            self._report(QueueFull("queue_full", f"{self._terms.queue_ceiling} calls wait already"), [let_go])

    def _make_room(self, item: Item) -> Item | None:
        """Give the item that has to go, or None once there is room."""
        if self._terms.when_full is WhenFull.WAIT and threading.current_thread() is not self._thread:
            self._news.wait_for(lambda: len(self._waiting) < self._terms.queue_ceiling or self._closing)
            if self._closing:
                raise ClientClosed("client_closed", "the client was closed while this call waited for room")
            return None
        if self._terms.when_full is WhenFull.DROP_OLDEST:
            return self._waiting.popleft()[1]
        return item

    def _wake(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="oportuno client", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is ending: `close` sends what waits
                return
            self._thread = thread
        self._news.notify_all()

    def flush(self, timeout: float | None) -> bool:
        """Wait until everything put so far is settled: delivered, or told to `on_error`. Says whether it is."""
        with self._news:
            goal = self._last
            self._hurry = max(self._hurry, goal)
            self._news.notify_all()
            return self._news.wait_for(lambda: self._oldest() > goal, timeout)

    def close(self, timeout: float) -> bool:
        """Take nothing more, send what waits for at most `timeout` seconds, tell what is left. Says whether all was settled."""
        with self._news:
            self._closing = True
            self._news.notify_all()
            started = self._thread is not None
        if not started and self._waiting:
            self._work_alone(timeout)
        with self._news:
            done = self._news.wait_for(lambda: self._oldest() > self._last, timeout)
            self._abandoned = True
            left = [item for _, item in (*self._in_hand, *self._waiting)]
            self._waiting.clear()
            self._news.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_LAST_WORD)
        if left:
            self._report(GaveUp("client_closed", "the program ended before it was known to be stored"), left)
        return done

    def after_fork(self) -> None:
        """Begin anew in a child process: what waited is the parent's to send, and threads do not come along."""
        self._begin()

    def _oldest(self) -> float:
        if self._in_hand:
            return self._in_hand[0][0]
        return self._waiting[0][0] if self._waiting else float("inf")

    # ── the thread's side ───────────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        news = self._news
        while self._next_batch():
            items = [item for _, item in self._in_hand]
            try:
                self._send(items)
            except Exception as surprise:  # noqa: BLE001 - the thread goes on with what still waits, and says what it could not do
                self._tell(GaveUp("client_broken", f"a fault of the client itself ({type(surprise).__name__})"), items)
            with news:
                self._in_hand = []
                news.notify_all()

    def _work_alone(self, timeout: float) -> None:
        """Do the thread's work in the closing one, where no thread can begin any more."""
        self._terms = msgspec.structs.replace(self._terms, patience=min(self._terms.patience, timeout))
        self._work()

    def _next_batch(self) -> bool:
        """Take the next items in hand, waiting for them; False: there will be none."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._closing)
            self._news.wait_for(self._ripe, self._terms.linger)
            if self._abandoned or not self._waiting:
                return False
            size = _BESIDE
            while self._waiting and len(self._in_hand) < self._terms.batch_items:
                size += len(self._waiting[0][1].body) + 1
                if size > BATCH_CEILING and self._in_hand:
                    break
                self._in_hand.append(self._waiting.popleft())
            self._news.notify_all()
            return True

    def _ripe(self) -> bool:
        if self._closing or len(self._waiting) >= self._terms.batch_items:
            return True
        return bool(self._waiting) and self._waiting[0][0] <= self._hurry

    def _send(self, items: list[Item]) -> None:
        """Send a batch until it is settled one way or the other."""
        began, attempt = time.monotonic(), 0
        while True:
            match self._try(items, attempt):
                case Taken(rejected=rejected):
                    for number, why in rejected:
                        known = number is not None and number < len(items)
                        self._tell(why, [items[number]] if known and number is not None else [])
                    return
                case Halve() if len(items) > 1:
                    middle = len(items) // 2
                    self._send(items[:middle])
                    self._send(items[middle:])
                    return
                case Halve():
                    self._tell(Refused("item_too_large", "the server takes no item of this size", status=413), items)
                    return
                case Never(why=refused):
                    self._tell(refused, items)
                    return
                case Again(after=after):
                    attempt += 1
                    if time.monotonic() - began + after > self._terms.patience:
                        self._tell(GaveUp("gave_up", f"not taken in {attempt} attempts"), items)
                        return
                    with self._news:
                        if self._news.wait_for(lambda: self._abandoned, after):
                            return

    def _try(self, items: list[Item], attempt: int) -> Taken | Again | Halve | Never:
        chance = random.random()  # noqa: S311 - pauses need no secrecy
        now = datetime.now(UTC)
        try:
            answer = self._wire.post_batch(write_batch(items, sent_at=now))
        except Unreachable:
            return Again(after=pause(attempt, chance))
        return judge(answer.status, answer.headers, answer.body, attempt=attempt, chance=chance, now=now)

    def _tell(self, fault: ClientFault, items: Sequence[Item]) -> None:
        if not self._abandoned:
            self._report(fault, items)
