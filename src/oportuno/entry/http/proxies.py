"""From where a request comes when proxies stand before us: only what proxies of ours have said is believed.

Each proxy appends the address of whoever asked it. So of the addresses told, those that our own proxies appended stand at the end; what
stands before them anybody may have written, and is not looked at.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from starlette.types import Scope

FORWARDED: Final = "forwarded"
Header = Literal["x-forwarded-for", "forwarded"]
_SCHEMES: Final = frozenset({"http", "https"})


class Proxies(NamedTuple):
    """The proxies before this server."""

    hops: int = 0
    """How many they are; 0: none, and nothing is believed."""
    header: Header = "x-forwarded-for"
    """In which header they tell. The other one is not read: who asks may have written it."""


NO_PROXIES: Final = Proxies()


class _Told(NamedTuple):
    address: str
    scheme: str


def seen_through(scope: Scope, proxies: Proxies) -> Scope:
    """Give the scope with the address and the scheme that the outermost of our proxies saw.

    What cannot be read leaves the proxy's own address: then whoever comes through it is counted together. A loopback address is never
    believed: nobody on this machine comes through a proxy.
    """
    if not proxies.hops:
        return scope
    told = _forwarded(scope) if proxies.header == FORWARDED else _x_forwarded(scope)
    if not told:
        return scope
    outermost = told[-min(proxies.hops, len(told))]
    address = _address(outermost.address)
    seen = {**scope}
    if address:
        seen["client"] = (address, 0)
    if outermost.scheme in _SCHEMES:
        seen["scheme"] = outermost.scheme
    return seen


def _x_forwarded(scope: Scope) -> list[_Told]:
    schemes = _listed(scope, b"x-forwarded-proto")
    # Most proxies replace it instead of appending to it: then there is one, and it is of the outermost that did.
    scheme = schemes[-1].lower() if schemes else ""
    return [_Told(address, scheme) for address in _listed(scope, b"x-forwarded-for")]


def _forwarded(scope: Scope) -> list[_Told]:
    """Read RFC 7239. A comma within quotes separates nothing; a proxy of ours writes none, and who writes one moves only what is before."""
    found = []
    for element in _listed(scope, b"forwarded"):
        pairs = [pair.partition("=") for pair in element.split(";")]
        words = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
        found.append(_Told(words.get("for", ""), words.get("proto", "").lower()))
    return found


def _listed(scope: Scope, name: bytes) -> list[str]:
    values = [value.decode("latin-1") for header, value in scope["headers"] if header == name]
    return [each.strip() for value in values for each in value.split(",") if each.strip()]


def _address(told: str) -> str:
    """Read an address with or without a port, IPv6 with or without brackets; empty where it is none that may be believed."""
    if told.startswith("["):
        bare = told[1:].partition("]")[0]
    elif told.count(":") == 1:
        bare = told.partition(":")[0]
    else:
        bare = told
    try:
        address = ip_address(bare)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None) or address
    return "" if mapped.is_loopback or mapped.is_unspecified else str(mapped)
