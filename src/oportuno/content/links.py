"""Tokens of public links: who may answer about which message, signed so that nobody else can make one.

A token carries no address and no name. It is its own authority: whoever holds it may do what its action says, until it expires.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from enum import StrEnum
from hmac import compare_digest
from hmac import digest as keyed
from struct import Struct as Layout
from typing import Final

import msgspec

from oportuno.content.message import Message
from oportuno.kit.faults import NotAllowed
from oportuno.kit.ids import CustomerId, CustomerKey, WorkspaceId, key_of
from oportuno.kit.times import DAY, Millis


class Action(StrEnum):
    """What a link lets its holder do. Opening it never does it: only the button on the page does."""

    WHY = "why"
    BOUGHT = "bought"
    NOT_INTERESTED = "not_interested"
    UNSUBSCRIBE = "unsubscribe"
    CART = "cart"
    UNDO = "undo"
    CONFIRM = "confirm"


LIFETIMES: Final[dict[Action, Millis]] = {
    Action.WHY: 400 * DAY,
    Action.BOUGHT: 90 * DAY,
    Action.NOT_INTERESTED: 90 * DAY,
    Action.UNSUBSCRIBE: 400 * DAY,
    Action.CART: 30 * DAY,
    Action.UNDO: DAY,
    Action.CONFIRM: 3 * DAY,
}
"""How long a link works; one that confirms, as long as its message says. Leaving must work for as long as anybody keeps the mail."""

# Stored in links that customers keep for a year: an action's number is never reused.
_NUMBERS: Final = {
    Action.WHY: 1,
    Action.BOUGHT: 2,
    Action.NOT_INTERESTED: 3,
    Action.UNSUBSCRIBE: 4,
    Action.CART: 5,
    Action.UNDO: 6,
    Action.CONFIRM: 7,
}
_ACTIONS: Final = {number: action for action, number in _NUMBERS.items()}
_ON_THEIR_OWN: Final = frozenset({Action.UNDO, Action.CONFIRM})
"""Actions that not every message has a link for."""
_LAYOUT: Final = Layout(">BBQQQQ16s")
_FORM: Final = 1
_USE: Final = b"oportuno link"
_SEAL_BYTES: Final = 16
"""Bytes of the HMAC that are kept: 128 bits, the least that RFC 2104 advises for SHA-256."""
_LONGEST: Final = 200


class LinkKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that signs links. Old keys stay known, so that mails sent with them keep working."""

    id: str
    """Up to 16 ASCII characters; stands readable in every token."""
    secret: bytes
    """At least 32 bytes; never logged."""


class LinkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a valid token says."""

    workspace: WorkspaceId
    customer: CustomerId
    message: bytes
    """The message it stood in."""
    action: Action
    expires: Millis
    answer: int = 0
    """For an undo: the number of the answer that it takes back."""

    @property
    def key(self) -> CustomerKey:
        """Give the customer's full key."""
        return key_of(self.workspace, self.customer)


def sign(facts: LinkFacts, key: LinkKey) -> str:
    """Write the facts as a token: letters, digits, ``-`` and ``_`` only, about 110 characters."""
    body = _LAYOUT.pack(_FORM, _NUMBERS[facts.action], facts.workspace, facts.customer, facts.expires, facts.answer, facts.message)
    return seal_token(body, key, _USE)


def verify(token: str, keys: Mapping[str, LinkKey], now: Millis) -> LinkFacts:
    """Read a token back.

    Raises NotAllowed: ``link_forged`` when it was not signed with one of our keys or was damaged on its way, ``link_expired`` when its
    time is over.
    """
    facts = read_token(token, keys)
    if facts.expires <= now:
        raise NotAllowed("link_expired", "this link has expired")
    return facts


def read_token(token: str, keys: Mapping[str, LinkKey]) -> LinkFacts:
    """Read a token whatever its age, for instance to show the right shop's page about an old link. Raises NotAllowed (``link_forged``)."""
    body = open_token(token, keys, _LAYOUT.size, _USE, longest=_LONGEST)
    form, number, workspace, customer, expires, answer, message = _LAYOUT.unpack_from(body)
    action = _ACTIONS.get(number)
    if form != _FORM or action is None:
        raise forged()
    return LinkFacts(workspace=workspace, customer=customer, message=message, action=action, expires=expires, answer=answer)


def seal_token(body: bytes, key: LinkKey, use: bytes) -> str:
    """Write bytes as a token that nobody else can make: with the key's id behind them, and sealed for one use alone."""
    whole = body + key.id.encode("ascii")
    return urlsafe_b64encode(whole + _seal(whole, key.secret, use)).rstrip(b"=").decode()


def open_token(token: str, keys: Mapping[str, LinkKey], size: int, use: bytes, *, longest: int) -> bytes:
    """Give the `size` bytes and the key's id of a token that was sealed for this use. Raises NotAllowed (``link_forged``)."""
    if len(token) > longest or not token.isascii():
        raise forged()
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (NotBase64, ValueError) as fault:
        raise forged() from fault
    # Several spellings decode to the same bytes; only the one we write is ours.
    if len(raw) < size + _SEAL_BYTES or urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        raise forged()
    body, seal = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
    key = keys.get(body[size:].decode("ascii", "replace"))
    if key is None or not compare_digest(seal, _seal(body, key.secret, use)):
        raise forged()
    return body


def forged() -> NotAllowed:
    """Say that a token was not sealed by one of our keys for this use, or was damaged on its way."""
    return NotAllowed("link_forged", "this link cannot be read")


def _seal(body: bytes, secret: bytes, use: bytes) -> bytes:
    return keyed(secret, use + b"\x00" + body, "sha256")[:_SEAL_BYTES]


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """The links of one message, ready to write into it."""

    base: str
    """Where the pages live; links below it are ours and get no campaign parameters."""
    why: str
    bought: str
    not_interested: str
    unsubscribe: str
    cart: str
    confirm: str = ""
    """Only of a message that asks the customer to confirm an answer."""
    mailto: str = ""
    """The address that takes «unsubscribe» by mail, with this message's token in the subject; empty: none."""


class LinkMaker(msgspec.Struct, frozen=True, kw_only=True):
    """Makes the links of messages: where the pages live and which key signs."""

    base_url: str
    """Public address of the consumer pages, without a slash at the end."""
    key: LinkKey
    """The key that signs now."""
    keys: dict[str, LinkKey]
    """Every key whose links still count, the signing one among them."""
    mailbox: str = ""
    """Address that takes unsubscriptions by mail; empty: none."""

    def token(self, message: bytes, key: CustomerKey, action: Action, now: Millis, *, answer: int = 0, until: Millis = 0) -> str:
        """Sign a token for one customer's message. It works as long as its action does, or `until` a moment."""
        facts = LinkFacts(
            workspace=key.workspace,
            customer=key.customer,
            message=message,
            action=action,
            expires=until or now + LIFETIMES[action],
            answer=answer,
        )
        return sign(facts, self.key)

    def onward(self, facts: LinkFacts, action: Action) -> str:
        """Sign a token for another action on the same message, which lives no longer than the one it comes from."""
        return sign(msgspec.structs.replace(facts, action=action, answer=0), self.key)

    def page(self, token: str) -> str:
        """Give the address of a token's page."""
        return f"{self.base_url}/p/{token}"

    def links(self, message: Message, now: Millis, *, cart_url: str = "") -> Links:
        """Make all links of a message. With the shop's `cart_url`, the cart link opens the shop and carries the token along."""
        tokens = {action: self.token(message.id, message.key, action, now) for action in Action if action not in _ON_THEIR_OWN}
        cart = with_token(cart_url, tokens[Action.CART]) if cart_url else self.page(tokens[Action.CART])
        leave = tokens[Action.UNSUBSCRIBE]
        return Links(
            base=self.base_url,
            why=self.page(tokens[Action.WHY]),
            bought=self.page(tokens[Action.BOUGHT]),
            not_interested=self.page(tokens[Action.NOT_INTERESTED]),
            unsubscribe=self.page(leave),
            cart=cart,
            confirm=self._confirm(message, now),
            mailto=f"mailto:{self.mailbox}?subject=unsubscribe%20{leave}" if self.mailbox else "",
        )

    def _confirm(self, message: Message, now: Millis) -> str:
        if not message.said.confirms:
            return ""
        until = int(message.said.context.get("confirm_by") or 0)
        return self.page(self.token(message.id, message.key, Action.CONFIRM, now, until=until))


def with_token(cart_url: str, token: str) -> str:
    """Put a cart token on the shop's cart address, before its fragment if it has one."""
    address, mark, fragment = cart_url.partition("#")
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}oportuno_cart={token}{mark}{fragment}"
