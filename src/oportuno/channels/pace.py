"""How fast we may go and what is held back: paces and breakers by lane, in memory. Time comes in as monotonic seconds.

A lane is whatever can be slow, down or strict on its own: a provider, a recipient's domain or a webhook's host, a workspace on a channel.
Every hand-off passes several lanes at once; one that is closed holds back only what passes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from oportuno.channels.channel import Answer, Outcome


class Rate(NamedTuple):
    """At most so many hand-offs a second, with a burst."""

    per_second: float
    burst: float


class Lanes(NamedTuple):
    """The lanes that one hand-off passes, by what they stand for."""

    provider: str
    destination: str
    workspace: str
    brake: str = ""
    """Only of marketing that complaints have slowed: the domains between which it goes."""


FIRST_BACK_OFF: Final = 1.0
"""Seconds a lane stays closed after its first failure in a row; doubled by each further one."""
LONGEST_BACK_OFF: Final = 60.0
_UNKNOWNS_TO_CLOSE: Final = 3
"""Unknown endings in a row that close a destination: it is slow or broken, and each one costs a message its certainty."""
_MOST_LANES: Final = 10_000
_NO_TIME: Final = 1e-6
"""Seconds: what rounding leaves of a turn that is now."""


@dataclass(slots=True)
class _Lane:
    tokens: float = 0.0
    counted_at: float = 0.0
    closed_until: float = 0.0
    failures: int = 0
    unknowns: int = 0
    probing: bool = False
    handing: int = 0
    booked: float = -math.inf
    """When the first turn is that nobody was promised yet."""
    used_at: float = 0.0


@dataclass(slots=True)
class Pace:
    """Paces and breakers of one process.

    `rates` names the pace of a lane by its exact name, or by its first words for each lane of that kind (``domain``: so many a second
    to every domain, ``provider smtp``: to every mail server); lanes without one are free. `at_once` says how many hand-offs
    may pass one lane of a kind at the same time, so that a slow one never takes every place.
    """

    rates: Mapping[str, Rate] = field(default_factory=dict)
    at_once: Mapping[Literal["provider", "destination", "workspace"], int] = field(default_factory=dict)
    _lanes: dict[str, _Lane] = field(default_factory=dict)

    def wait(self, names: Sequence[str], now: float) -> float:
        """Say how many seconds these lanes are still closed or empty; 0.0 when a hand-off may go. Takes nothing."""
        return max((self._wait(name, now) for name in names if name), default=0.0)

    def turn(self, names: Sequence[str], now: float) -> float:
        """Promise a turn on these lanes and give the seconds until it; 0.0: now. Who asks next gets a later one where a lane has a pace.

        A promise is no place: whoever comes by it enters like everybody. It keeps those who wait from all coming for the same place.
        """
        wait = self.wait(names, now)
        for name in names:
            rate = self._rate(name) if name else None
            if rate is not None:
                lane = self._lane(name, now)
                free = max(lane.booked, now + (1 - self._tokens(lane, rate, now)) / rate.per_second)
                lane.booked = free + 1 / rate.per_second
                wait = max(wait, free - now)
        return wait if wait > _NO_TIME else 0.0

    def resting(self, name: str, now: float) -> bool:
        """Say whether a lane is closed after a failure, or one hand-off is just trying it out: whoever has another way takes that."""
        lane = self._lanes.get(name)
        return lane is not None and (lane.closed_until > now or bool(lane.probing and lane.handing))

    def crowded(self, lanes: Lanes) -> bool:
        """Say whether as many hand-offs as allowed are passing one of the lanes now."""
        caps = (self.at_once.get("provider"), self.at_once.get("destination"), self.at_once.get("workspace"))
        for name, most in zip(lanes[:3], caps, strict=True):
            lane = self._lanes.get(name)
            if most is not None and lane is not None and lane.handing >= most:
                return True
        return False

    def enter(self, lanes: Lanes, now: float) -> float:
        """Take a place on every lane and give 0.0; or take none and give the seconds to wait."""
        names = [name for name in lanes if name]
        held = self.wait(names, now)
        if held > 0:
            return held
        for name in names:
            lane = self._lane(name, now)
            rate = self._rate(name)
            if rate is not None:
                lane.tokens = self._tokens(lane, rate, now) - 1
                lane.counted_at = now
            lane.handing += 1
            lane.probing = lane.failures > 0
        return 0.0

    def leave(self, lanes: Lanes, now: float) -> None:
        """Give the places back without a word about how the lanes fare: the hand-off did not begin."""
        for name in lanes:
            lane = self._lanes.get(name) if name else None
            if lane is not None:
                lane.handing = max(0, lane.handing - 1)
                lane.probing = False
                lane.used_at = now

    def hear(self, lanes: Lanes, answer: Answer, now: float) -> None:
        """Learn from an answer, and give the places back."""
        self.leave(lanes, now)
        if answer.outcome is Outcome.REFUSED_FOR_NOW and answer.about != "message":
            self._close(lanes.provider if answer.about == "provider" else lanes.destination, answer, now)
        elif answer.outcome is Outcome.UNKNOWN:
            # A server that itself falls silent again and again is not for one domain's mail alone.
            for name in dict.fromkeys((lanes.destination or lanes.provider, *([lanes.provider] if answer.about == "provider" else ()))):
                lane = self._lane(name, now)
                lane.unknowns += 1
                if lane.unknowns >= _UNKNOWNS_TO_CLOSE:
                    self._close(name, answer, now)
        else:
            self._reopen(lanes)

    def _reopen(self, lanes: Lanes) -> None:
        for name in (lanes.provider, lanes.destination):
            lane = self._lanes.get(name)
            if lane is not None:
                lane.failures = lane.unknowns = 0
                lane.closed_until = 0.0

    def _close(self, name: str, answer: Answer, now: float) -> None:
        lane = self._lane(name, now)
        if lane.closed_until > now and answer.retry_after is None:
            return  # one outage, many messages in flight: it counts once
        lane.failures += 1
        length = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2.0 ** (lane.failures - 1))
        asked = answer.retry_after / 1000 if answer.retry_after is not None else 0.0
        lane.closed_until = max(lane.closed_until, now + max(length, asked))

    def _wait(self, name: str, now: float) -> float:
        lane = self._lanes.get(name)
        if lane is None:
            return 0.0
        if lane.closed_until > now:
            return lane.closed_until - now
        if lane.probing and lane.handing:
            return FIRST_BACK_OFF  # half open: one goes ahead and is heard before the others follow
        rate = self._rate(name)
        if rate is None:
            return 0.0
        tokens = self._tokens(lane, rate, now)
        return 0.0 if tokens >= 1 else (1 - tokens) / rate.per_second

    def _rate(self, name: str) -> Rate | None:
        found = self.rates.get(name)
        if found is None:
            first, _, rest = name.partition(" ")
            found = self.rates.get(f"{first} {rest.partition(' ')[0]}") or self.rates.get(first)
        return found

    def closed(self, now: float) -> dict[str, int]:
        """Count the lanes that are closed now, by the first word of their names: never a domain's or a workspace's own."""
        found: dict[str, int] = {}
        for name, lane in self._lanes.items():
            if lane.closed_until > now:
                kind = name.partition(" ")[0]
                found[kind] = found.get(kind, 0) + 1
        return found

    def failing_providers(self) -> list[str]:
        """Name the providers that refused everybody when they were last heard: closed now, or asked again with the next message."""
        start = "provider "
        return sorted(name.removeprefix(start) for name, lane in self._lanes.items() if name.startswith(start) and lane.failures)

    def _lane(self, name: str, now: float) -> _Lane:
        lane = self._lanes.get(name)
        if lane is None:
            if len(self._lanes) >= _MOST_LANES:
                self._forget(now)
            rate = self._rate(name)
            lane = self._lanes[name] = _Lane(tokens=rate.burst if rate is not None else 0.0, counted_at=now)
        lane.used_at = now
        return lane

    def _forget(self, now: float) -> None:
        idle = sorted((lane.used_at, name) for name, lane in self._lanes.items() if not lane.handing and lane.closed_until <= now)
        for _, name in idle[: _MOST_LANES // 2]:
            del self._lanes[name]

    @staticmethod
    def _tokens(lane: _Lane, rate: Rate, now: float) -> float:
        return min(rate.burst, lane.tokens + (now - lane.counted_at) * rate.per_second)
