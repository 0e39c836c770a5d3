"""Which addresses a webhook may reach: public ones only, looked at on every connection and then connected to as looked at."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from oportuno.kit.faults import BadInput, Unavailable

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""Give every address of a name. Raises OSError when there is none."""

_NAT64: Final = ip_network("64:ff9b::/96")
_SPECIAL: Final = tuple(
    ip_network(text)
    for text in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "100::/64", "2001::/23", "3fff::/20", "5f00::/16", "fec0::/10")
)
"""Machine services at addresses that look public, and special ranges that the standard library counts as global in some releases."""
_WEB_PORTS: Final = frozenset({80, 443})
_FIRST_FREE_PORT: Final = 1024
_LAST_PORT: Final = 65_535


class Target(NamedTuple):
    """Where a URL leads."""

    scheme: str
    host: str
    port: int
    path: str
    """Path and query, as sent."""
    authority: str
    """The Host header."""


def read_target(url: str) -> Target:
    """Read a webhook's URL. Raises BadInput when a webhook may not go there.

    Only http and https, no user or password in it, and only ports 80, 443 and those from 1024 on: below live services that are not ours
    to speak to.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise BadInput("webhook_url_malformed", "this is not a URL", place="url") from error
    if parts.scheme not in ("http", "https") or not host or not url.isascii() or any(ord(letter) <= ord(" ") for letter in url):
        raise BadInput("webhook_url_malformed", "a webhook needs an http or https URL in ASCII", place="url")
    if parts.username is not None or parts.password is not None:
        raise BadInput("webhook_url_with_password", "a webhook's URL may not carry a user or a password", place="url")
    number = port if port is not None else (443 if parts.scheme == "https" else 80)
    if number not in _WEB_PORTS and not _FIRST_FREE_PORT <= number <= _LAST_PORT:
        raise BadInput("webhook_port_forbidden", "a webhook may go to port 80, 443, or 1024 and above", place="url")
    shown = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, number, path, shown if port is None else f"{shown}:{port}")


def allowed(address: str, *, loopback: bool) -> bool:
    """Say whether a webhook may connect to this address. `loopback` is the demo's and the tests' own setting."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            ip = inner
    if ip.is_loopback:
        return loopback
    if any(ip in network for network in _SPECIAL):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


async def look_up(target: Target, *, resolve: Resolve, loopback: bool) -> str:
    """Give the address to connect to. Every address of the name must be allowed, or none is used.

    Raises BadInput when one is not, Unavailable when the name has no address.
    """
    try:
        addresses = await resolve(target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise Unavailable("webhook_unresolved", "the webhook's host has no address", place="url") from error
    if not addresses:
        raise Unavailable("webhook_unresolved", "the webhook's host has no address", place="url")
    if not all(allowed(address, loopback=loopback) for address in addresses):
        raise BadInput("webhook_address_forbidden", "the webhook's host leads to an address that is not public", place="url")
    return addresses[0]


async def system_resolve(host: str, port: int) -> list[str]:
    """Ask the machine's own resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
