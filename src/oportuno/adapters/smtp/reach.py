"""Connecting to a mail server that a workspace has named: public addresses only, looked at and then connected to as looked at."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

from oportuno.adapters.webhook.addresses import allowed, system_resolve


async def connected(host: str, port: int, *, within: float) -> socket.socket:
    """Give a connected socket. Every address of the name must be public, or none is tried.

    Raises ConnectionRefusedError when one is not, OSError when nobody answers there, TimeoutError.
    """
    async with asyncio.timeout(within):
        addresses = await system_resolve(host, port)
        if not addresses or not all(allowed(address, loopback=False) for address in addresses):
            raise ConnectionRefusedError("this mail server's name leads to an address that is not public")
        family = socket.AF_INET6 if ip_address(addresses[0].partition("%")[0]).version == 6 else socket.AF_INET  # noqa: PLR2004 - IPv6
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(0)
            await asyncio.get_running_loop().sock_connect(sock, (addresses[0], port))
        except BaseException:
            sock.close()
            raise
    return sock
