"""Links of a mail that tell when they are followed, of a customer who said yes to measurement; everybody else's stay as they are.

Such a link leads to a door of ours, ``/c/<token>``, which sends on to the shop. The token holds no address: it names an address that was
stored when the mail was written, and only the shop's own are. So whoever has a token, or makes one up, is led nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from struct import Struct as Layout
from typing import Any, Final
from urllib.parse import unquote_plus, urlsplit

import msgspec

from oportuno.content.links import LinkKey, Links, forged, open_token, seal_token
from oportuno.content.message import FollowedLink
from oportuno.content.shop_links import hosts_of, with_shop
from oportuno.kit.ids import WorkspaceId, day_of_id, derive, write_id
from oportuno.kit.times import DAY, Millis

LIFETIME: Final[Millis] = 400 * DAY
"""How long such a link leads to the shop, counted from its message's day: as long as messages are kept."""
MOST: Final = 50
"""Addresses of one mail that are measured; a mail with more of them keeps the rest plain."""
LONGEST: Final = 2_000
"""Characters of an address; a longer one stays plain."""
_FORM: Final = 1
_USE: Final = b"oportuno click"
_LAYOUT: Final = Layout(">BI16s16s")
_LONGEST_TOKEN: Final = 120
_TELLING: Final = 8
"""Characters from which a value of a customer is looked for anywhere in an address; a shorter one only as a whole piece of it."""


class ClickFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the token of a measured link says: in which message which stored address stood."""

    workspace: WorkspaceId
    message: bytes
    link: bytes

    @property
    def expires(self) -> Millis:
        """When it stops leading to the shop."""
        return day_of_id(self.message) * DAY + LIFETIME


def sign_click(facts: ClickFacts, key: LinkKey) -> str:
    """Write the facts as a token: letters, digits, ``-`` and ``_`` only, about 75 characters."""
    return seal_token(_LAYOUT.pack(_FORM, facts.workspace, facts.message, facts.link), key, _USE)


def read_click(token: str, keys: Mapping[str, LinkKey]) -> ClickFacts:
    """Read a token back, whatever its age. Raises NotAllowed (``link_forged``) when it was not signed by one of our keys, or damaged."""
    body = open_token(token, keys, _LAYOUT.size, _USE, longest=_LONGEST_TOKEN)
    form, workspace, message, link = _LAYOUT.unpack_from(body)
    if form != _FORM:
        raise forged()
    return ClickFacts(workspace=workspace, message=message, link=link)


class Measured:
    """Leads the links of one mail past the door, and remembers which addresses have to be stored for it.

    Plain stay: our own pages, what does not lie with the shop, its privacy notice, and every address in which the customer, their order
    or this message can be read: those would make a row for each mail, and keep somebody's data where nobody looks for it.
    """

    def __init__(
        self,
        *,
        workspace: WorkspaceId,
        message: bytes,
        key: LinkKey,
        links: Links,
        brand: Mapping[str, Any],
        profile: Mapping[str, Any],
        context: Mapping[str, Any],
    ) -> None:
        self._workspace, self._message, self._key = workspace, message, key
        self._base = links.base
        self._ours = f"{links.base}/p/", f"{links.base}/c/"
        self._hosts = shop_hosts(brand)
        self._cart = (links.cart, str(brand.get("cart_url") or ""))
        self._privacy_url = str(brand.get("privacy_url") or "")
        self._profile, self._context = profile, context
        self._known: dict[str, str] = {}
        self.stored: dict[bytes, FollowedLink] = {}
        """What the mail leads to, by its id."""

    def url(self, address: str, marked: str) -> str:
        """Give what stands in the mail for an address; `marked` is the same with its campaign parameters."""
        known = self._known.get(marked)
        if known is None:
            known = self._known[marked] = self._led(address, marked)
        return known

    # Most mails have no link for which these would be asked.

    @cached_property
    def _privacy(self) -> re.Pattern[str]:
        return re.compile(_NAMED_LANGUAGE.sub(r"[\\w-]+", re.escape(self._privacy_url)))

    @cached_property
    def _names(self) -> frozenset[str]:
        return _words_of(self._profile.get(name) for name in ("first_name", "last_name", "name"))

    @cached_property
    def _private(self) -> frozenset[str]:
        return _values_of(self._profile) | _values_of(_ordered(self._context))

    @cached_property
    def _marks(self) -> tuple[str, ...]:
        return write_id("msg", self._message).casefold(), self._message.hex(), self._ours[0].casefold(), "oportuno_cart="

    def _led(self, address: str, marked: str) -> str:
        is_cart = bool(self._cart[1]) and address == self._cart[0]
        if not is_cart and not self._of_everybody(address, marked):
            return marked
        url = self._without_token(marked) if is_cart else marked
        if len(url) > LONGEST or not with_shop(url, self._hosts) or len(self.stored) >= MOST:
            return marked
        link = FollowedLink(workspace=self._workspace, id=derive("link", self._workspace, url, int(is_cart)), url=url, cart=is_cart)
        self.stored[link.id] = link
        facts = ClickFacts(workspace=self._workspace, message=self._message, link=link.id)
        return f"{self._base}/c/{sign_click(facts, self._key)}"

    def _without_token(self, marked: str) -> str:
        """Give the cart's address without the customer's token, but with the campaign: the token is added again when it is followed."""
        cart, campaign = self._cart
        query = urlsplit(marked).query.removeprefix(urlsplit(cart).query).removeprefix("&")
        if not query:
            return campaign
        address, mark, fragment = campaign.partition("#")
        return f"{address}{'&' if '?' in address else '?'}{query}{mark}{fragment}"

    def _of_everybody(self, address: str, marked: str) -> bool:
        if address.startswith(self._ours) or not with_shop(marked, self._hosts) or self._privacy.fullmatch(address):
            return False
        told = unquote_plus(marked).casefold()
        if any(mark in told for mark in self._marks):
            return False
        try:
            parts = urlsplit(marked)
        except ValueError:
            return False
        said = unquote_plus(f"{parts.path}?{parts.query}#{parts.fragment}").casefold()
        if "@" in said or any(value in told for value in self._private if len(value) >= _TELLING):
            return False
        pieces = {*_PIECES.split(said)}
        return pieces.isdisjoint(self._private) and self._names.isdisjoint(_WORDS.findall(said))


_NAMED_LANGUAGE: Final = re.compile(re.escape(re.escape("{language}")))
_PIECES: Final = re.compile(r"[/?&=#]")
_WORDS: Final = re.compile(r"\w{3,}")


def shop_hosts(brand: Mapping[str, Any]) -> frozenset[str]:
    """Give the hosts to which a measured link may lead: where the shop sells and where its cart is."""
    return _hosts(str(brand.get("shop_url") or ""), str(brand.get("cart_url") or ""))


@lru_cache(maxsize=256)
def _hosts(shop_url: str, cart_url: str) -> frozenset[str]:
    return hosts_of({"shop_url": shop_url, "cart_url": cart_url})


def _words_of(values: Iterable[Any]) -> frozenset[str]:
    return frozenset(word for value in values for word in _WORDS.findall(str(value or "").casefold()))


def _values_of(tree: Any) -> frozenset[str]:
    """Give every value in a tree as it would stand in an address; single letters and yes or no tell nothing of anybody."""
    if isinstance(tree, Mapping):
        return frozenset(value for branch in tree.values() for value in _values_of(branch))
    if isinstance(tree, (list, tuple)):
        return frozenset(value for branch in tree for value in _values_of(branch))
    if tree is None or isinstance(tree, bool):
        return frozenset()
    value = unquote_plus(str(tree)).casefold().strip()
    return frozenset((value,)) if len(value) > 1 else frozenset()


def _ordered(context: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a message's evidence tells of an order, but for its things: products are everybody's."""
    order = context.get("order")
    return {name: value for name, value in order.items() if name != "things"} if isinstance(order, Mapping) else {}
