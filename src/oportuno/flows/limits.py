"""How much one key and one address may bring: token buckets in this process's memory, and the doorkeeper who holds them."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address
from typing import Final

import msgspec

from oportuno.kit.faults import Busy
from oportuno.kit.times import SECOND, Millis

_KEPT: Final = 50_000
_LONGEST: Final = 300


class Intakes(msgspec.Struct, frozen=True, kw_only=True):
    """How much may come in. Rates are items a second; a burst is what may come at once after a rest."""

    key_rate: float = 50_000.0
    key_burst: float = 200_000.0
    address_rate: float = 50_000.0
    address_burst: float = 200_000.0
    backlog: int = 2_000_000
    """Events of one workspace that may wait for evaluation before it is asked to come back later."""
    fullness: float = 0.9
    """Share of the log's disk in use from which nothing more is taken in: what is stored must stay evaluable."""


class TokenBuckets:
    """Token buckets by name. A name not heard of for long is full again, so the least recent ones can be forgotten."""

    def __init__(self, rate: float, burst: float, *, kept: int = _KEPT) -> None:
        self._rate = rate / SECOND
        self._burst = burst
        self._kept = kept
        self._levels: dict[str, tuple[float, Millis]] = {}

    def wait(self, name: str, now: Millis) -> int:
        """Give how many whole seconds to wait until something may be taken: 0 when it may now."""
        level = self._level(name, now)
        if level > 0:
            return 0
        return min(_LONGEST, int(-level / self._rate / SECOND) + 1) if self._rate else _LONGEST

    def take(self, name: str, cost: float, now: Millis) -> None:
        """Take tokens. More than there are may be taken: the debt is waited for, so that a large batch passes once."""
        level = self._level(name, now) - cost
        self._levels.pop(name, None)
        if len(self._levels) >= self._kept:
            del self._levels[next(iter(self._levels))]
        self._levels[name] = (level, now)

    def _level(self, name: str, now: Millis) -> float:
        level, since = self._levels.get(name, (self._burst, now))
        return min(self._burst, level + max(0, now - since) * self._rate)


class Doorkeeper:
    """Says who must wait. One per process; nothing of a request is stored before it was asked."""

    def __init__(self, intakes: Intakes | None = None) -> None:
        self.intakes = intakes or Intakes()
        self._keys = TokenBuckets(self.intakes.key_rate, self.intakes.key_burst)
        self._addresses = TokenBuckets(self.intakes.address_rate, self.intakes.address_burst)

    def knock(self, address: str, now: Millis) -> None:
        """Count a request of an address before its key is known. Raises Busy."""
        house = house_of(address)
        wait = self._addresses.wait(house, now)
        if wait:
            raise Busy("address_too_fast", "too much comes from this address: wait, then send it again", retry_after=wait)
        self._addresses.take(house, 1, now)

    def admit(self, address: str, key_id: str, items: int, now: Millis) -> None:
        """Count what a recognised key brings, beyond the one that `knock` counted. Raises Busy."""
        wait = self._keys.wait(key_id, now)
        if wait:
            raise Busy("key_too_fast", "too much comes with this key: wait, then send it again", retry_after=wait)
        self._keys.take(key_id, items, now)
        if items > 1:
            self._addresses.take(house_of(address), items - 1, now)

    def hold(self, waiting: int, fullness: float) -> None:
        """Refuse what a workspace would only pile up, and what the disk may soon not hold. Raises Busy."""
        if fullness >= self.intakes.fullness:
            raise Busy("disk_full", "the disk of this installation is nearly full: nothing is lost, send it again later", retry_after=60)
        if waiting >= self.intakes.backlog:
            raise Busy("backlog_full", "this workspace has too many events waiting: wait, then send it again", retry_after=5)


def house_of(address: str) -> str:
    """Give what counts as one sender: an IPv4 address, or the /64 of an IPv6 address, of which one household has 2^64."""
    if ":" not in address:
        return address
    try:
        full = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return address
    return str(full.ipv4_mapped) if full.ipv4_mapped else full.packed[:8].hex()
