"""What Amazon SNS has at addresses of its own: the certificates by which it signs, and the links by which a subscription is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import httpx2

from oportuno.kit.faults import Unavailable

_PATIENCE: Final = 10.0
"""Seconds for each step."""
_CERTIFICATE_HOLDS: Final = 86_400.0
"""Seconds for which a certificate is kept; its own dates are looked at each time."""
_MOST_KEPT: Final = 32
_CEILING: Final = 65_536
"""Bytes that are read of an answer."""


class SnsNotary:
    """The port Notary. Whoever calls has made sure that the address is SNS's; redirects are not followed. Close it when done."""

    def __init__(self, *, monotonic: Callable[[], float], patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._client: httpx2.AsyncClient | None = None
        self._kept: dict[str, tuple[bytes, float]] = {}

    async def certificate(self, url: str) -> bytes:
        """See the port."""
        known = self._kept.get(url)
        if known is not None and self._monotonic() - known[1] < _CERTIFICATE_HOLDS:
            return known[0]
        found = await self._get(url)
        self._kept.pop(url, None)
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[url] = (found, self._monotonic())
        return found

    async def confirm(self, url: str) -> None:
        """See the port."""
        await self._get(url)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _get(self, url: str) -> bytes:
        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=self._patience, follow_redirects=False, trust_env=False)
        read = bytearray()
        try:
            async with self._client.stream("GET", url) as answer:
                async for chunk in answer.aiter_bytes():
                    read += chunk
                    if len(read) > _CEILING:
                        break
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
            raise Unavailable(
                "sns_unreachable", "Amazon SNS does not answer, so that nobody can tell whether the post is its own"
            ) from error
        if answer.status_code != httpx2.codes.OK or len(read) > _CEILING:
            raise Unavailable("sns_unreachable", "Amazon SNS does not answer, so that nobody can tell whether the post is its own")
        return bytes(read)
