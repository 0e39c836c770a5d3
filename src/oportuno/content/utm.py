"""Campaign parameters on links into the shop, and on no others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape, unescape
from typing import Final
from urllib.parse import parse_qsl, quote

from oportuno.content.shop_links import host_of, with_shop

_HREF: Final = re.compile(r'(<a\b[^>]*?\bhref=)"([^"]*)"')
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"]+")
_TRAILING: Final = ".,;:!?)»”"


class Marker:
    """Adds campaign parameters to links of one shop, and leads them past a door where somebody asks for it.

    It never overwrites a parameter that is there, keeps the fragment last, and leaves alone what is not the shop's: the pages for answers,
    leaving and asking why say nothing to any analytics.
    """

    def __init__(self, utm: Mapping[str, str], *, shops: tuple[str, ...], own: str, led: Callable[[str, str], str] | None = None) -> None:
        """`led` says what stands in the mail for an address, which it is given as it was and as marked; None: the marked one."""
        self._utm = tuple((name if name.startswith("utm_") else f"utm_{name}", value) for name, value in utm.items() if value)
        self._hosts = frozenset(host for host in map(host_of, shops) if host)
        self._own = f"{own}/p/"
        self._led = led
        self._idle = not self._hosts or not (self._utm or led)

    def url(self, address: str) -> str:
        """Give the address with the parameters added, or as it was."""
        if not self._utm or address.startswith(self._own) or not with_shop(address, self._hosts):
            return address
        rest, mark, fragment = address.partition("#")
        before, asks, query = rest.partition("?")
        present = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
        added = "&".join(f"{quote(name)}={quote(value)}" for name, value in self._utm if name not in present)
        if not added:
            return address
        joint = "&" if query else ""
        return f"{before}?{query}{joint}{added}{mark}{fragment}" if asks else f"{before}?{added}{mark}{fragment}"

    def html(self, html: str) -> str:
        """Mark the links of a mail's HTML."""
        if self._idle:
            return html
        return _HREF.sub(lambda found: f'{found[1]}"{escape(self._written(unescape(found[2])))}"', html)

    def text(self, text: str) -> str:
        """Mark the links of a plain-text part."""
        if self._idle:
            return text
        return _ADDRESS.sub(self._in_text, text)

    def _in_text(self, found: re.Match[str]) -> str:
        address = found.group().rstrip(_TRAILING)
        return self._written(address) + found.group()[len(address) :]

    def _written(self, address: str) -> str:
        if address.startswith(self._own):
            return address
        marked = self.url(address)
        return marked if self._led is None else self._led(address, marked)
