"""How the HTTP client reaches the network: by the address that was looked at, never by asking for the name again."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import httpcore2

_MOST_PARKED: Final = 64


@dataclass(slots=True)
class _Parked:
    stream: _Stream
    since: float


@dataclass(slots=True)
class PinnedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects names to the addresses pinned for them, and keeps connections that were opened but not yet used."""

    monotonic: Callable[[], float]
    keep_for: float
    """Seconds for which an open connection that was not used may still be."""
    pins: dict[tuple[str, int], str] = field(default_factory=dict)
    """(host, port) → the address that was looked at for it."""
    _under: httpcore2.AnyIOBackend = field(default_factory=httpcore2.AnyIOBackend)
    _parked: dict[tuple[str, int], _Parked] = field(default_factory=dict)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the client's own interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the pinned address, or give a connection that was opened for an earlier hand-off and not used."""
        place = (host, port)
        parked = self._parked.pop(place, None)
        if parked is not None:
            if self.monotonic() - parked.since < self.keep_for and not parked.stream.get_extra_info("is_readable"):
                return parked.stream
            await parked.stream.drop()
        address = self.pins.get(place)
        if address is None:
            raise httpcore2.ConnectError("no address was looked at for this host")
        stream = await self._under.connect_tcp(address, port, timeout, local_address, socket_options)
        return _Stream(stream, place, self)

    async def park(self, stream: _Stream) -> None:
        """Keep an open connection over which nothing has been said."""
        if stream.place in self._parked or len(self._parked) >= _MOST_PARKED:
            await stream.drop()
        else:
            self._parked[stream.place] = _Parked(stream, self.monotonic())

    async def aclose(self) -> None:
        """Close what is kept."""
        while self._parked:
            await self._parked.popitem()[1].stream.drop()


class _Stream(httpcore2.AsyncNetworkStream):
    """One connection that knows whether anything was said over it."""

    def __init__(self, under: httpcore2.AsyncNetworkStream, place: tuple[str, int], network: PinnedNetwork) -> None:
        self._under = under
        self._network = network
        self._secured = False
        self._broken = False
        self.place = place
        self.said = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the client's own interface
        return await self._under.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the same
        self.said = True
        await self._under.write(buffer, timeout)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the same
    ) -> httpcore2.AsyncNetworkStream:
        if not self._secured:
            self._broken = True
            try:
                self._under = await self._under.start_tls(ssl_context, server_hostname, timeout)
            except BaseException:
                await self.drop()  # the client forgets a connection whose handshake was cut off
                raise
            self._secured, self._broken = True, False
        return self

    async def aclose(self) -> None:
        if self.said or self._broken:
            await self.drop()
        else:
            await self._network.park(self)

    async def drop(self) -> None:
        """Close for good."""
        await self._under.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._under.get_extra_info(info)
