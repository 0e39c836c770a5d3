"""Which addresses of a shop's events may stand in a message or on a page.

Events come with a public key: whoever can read a shop's page can send one. So a picture or a product's address counts only when it lies
with the shop itself; a foreign picture would tell a stranger who opened a mail, and when.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit


def hosts_of(brand: Mapping[str, Any]) -> frozenset[str]:
    """Give the hosts of a shop: where it sells, where its cart is, where its mark lies."""
    found = (host_of(str(brand.get(name) or "")) for name in ("shop_url", "cart_url", "mark_url"))
    return frozenset(host for host in found if host)


def host_of(address: str) -> str:
    """Give the host of an address of the web; empty when it is none, or when browsers and we could read different hosts in it."""
    if _AMBIGUOUS.search(address):
        return ""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if "@" in parts.netloc or "%" in parts.netloc:
        return ""
    return host if parts.scheme in {"http", "https"} else ""


_AMBIGUOUS: Final = re.compile(r"[\\\x00-\x20\x7f]")
"""Browsers take a backslash for a slash and drop control characters: what stands before one may be another host."""


def with_shop(address: str, hosts: frozenset[str]) -> str:
    """Give the address if it lies with the shop, on its host or below it; else nothing."""
    host = host_of(address)
    return address if host and any(host == shop or host.endswith(f".{shop}") for shop in hosts) else ""


def own_addresses(context: Mapping[str, Any], hosts: frozenset[str]) -> dict[str, Any]:
    """Give a message's context with only the shop's own addresses left: in a cart's lines, of a product, and of an order's things."""
    kept = dict(context)
    for name in _THINGS & kept.keys():
        kept[name] = _own(kept[name], hosts)
    order = kept.get("order")
    if isinstance(order, Mapping):
        kept["order"] = {**order, "things": _own(order.get("things"), hosts)}
    return kept


_THINGS: Final = frozenset({"lines", "product"})


def _own(thing: Any, hosts: frozenset[str]) -> Any:
    if isinstance(thing, (list, tuple)):
        return [_own(each, hosts) for each in thing]
    if not isinstance(thing, Mapping):
        return thing
    return {**thing, **{name: with_shop(str(thing.get(name) or ""), hosts) for name in ("url", "image")}}
