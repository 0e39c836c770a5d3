"""Lists of suppressions as other tools write them: which column holds the address, and what they call the reason.

Known by their headings: Mailchimp (cleaned, unsubscribed), SendGrid (bounces, spam reports, invalid e-mails, unsubscribes), Mailgun
(bounces, unsubscribes), Postmark and Amazon SES. Any other list, our own among them, is read when it has a column of addresses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from oportuno.channels.hearing import What
from oportuno.channels.returned.verdicts import Refusal, meaning_of
from oportuno.consent.gate import is_address
from oportuno.consent.reach import GRAVITY
from oportuno.events.bring.values import Unfit
from oportuno.kit.faults import BadInput

_BY_HAND: Final = "manual"
_PASSING: Final = "4"
"""With this begins what a server says of a state that passes."""
_SPACES: Final = re.compile(r"[^a-z0-9]")
_ADDRESSES: Final = ("address", "emailaddress", "email", "mail", "correo", "correoelectronico", "direccion", "recipient", "subscriberemail")
"""Headings of the column of addresses, the plainest first."""
_CAUSES: Final = ("suppressionreason", "reason", "motivo", "type", "cause")
_LIVE: Final = ("=", "+", "-", "@")
_COMPLAINED: Final = ("abuse", "spam")

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "hard_bounce": ("hardbounce", "hard", "bounce", "bounced", "permanent", "cleaned", "rebote", "reboteduro"),
    "soft_bounces": ("softbounces", "softbounce", "soft"),
    "complaint": ("complaint", "complained", "spamcomplaint", "spam", "spamreport", "abuse", "queja"),
    "unsubscribed": ("unsubscribed", "unsubscribe", "unsub", "optout", "optedout", "baja"),
    "manual": ("manual", "manualsuppression", "suppressed", "blocked", "blocklisted"),
    "invalid": ("invalid", "invalidemail", "invalidaddress"),
}
_REASONS: Final = {word: reason for reason, words in _WORDS.items() for word in words}


class Layout(NamedTuple):
    """How a list is read."""

    tool: str
    """What it was taken for."""
    address: str
    """The heading of the column of addresses."""
    cause: str = ""
    """The heading of the column that tells the reason, in words or as the answer of a mail server; empty: none does."""
    status: str = ""
    """The heading of the column with the answer's code, where `cause` is an answer."""
    reason: str = _BY_HAND
    """The reason of rows that tell none."""


class Entry(NamedTuple):
    """An address, and why it is not to be written to."""

    address: str
    reason: str


class _Known(NamedTuple):
    """A list that is known by its headings, spelled without spaces and signs."""

    tool: str
    needs: frozenset[str]
    address: str
    cause: str = ""
    status: str = ""
    reason: str = _BY_HAND
    only: bool = False
    """These headings and no others."""


_KNOWN: Final = (
    _Known("Postmark", frozenset({"emailaddress", "suppressionreason"}), "emailaddress", "suppressionreason"),
    _Known("Amazon SES", frozenset({"emailaddress", "reason", "lastupdatetime"}), "emailaddress", "reason"),
    _Known("Mailchimp, cleaned", frozenset({"emailaddress", "cleantime"}), "emailaddress", reason="hard_bounce"),
    _Known("Mailchimp, unsubscribed", frozenset({"emailaddress", "unsubtime"}), "emailaddress", "unsubreason", reason="unsubscribed"),
    _Known("SendGrid, bounces", frozenset({"email", "created", "status", "reason"}), "email", "reason", "status"),
    _Known("SendGrid, invalid e-mails", frozenset({"email", "created", "reason"}), "email", reason="invalid"),
    _Known("SendGrid, spam reports", frozenset({"email", "created", "ip"}), "email", reason="complaint"),
    _Known("SendGrid, unsubscribes", frozenset({"email", "created"}), "email", reason="unsubscribed", only=True),
    _Known("Mailgun, bounces", frozenset({"address", "code", "error"}), "address", "error", "code"),
    _Known("Mailgun, unsubscribes", frozenset({"address", "tags", "createdat"}), "address", reason="unsubscribed"),
)


def layout_of(headings: Sequence[str], *, address: str = "", cause: str = "", reason: str = "") -> Layout:
    """Say how a list is read, by its headings. `address` and `cause` name columns instead; `reason` is that of rows that tell none.

    Raises BadInput (``headings_missing``, ``column_unknown``, ``column_needed``, ``reason_unknown``).
    """
    if any(is_address(heading) for heading in headings):
        raise BadInput(
            "headings_missing", "the first line must name the columns, such as address,reason: it holds an address", place="line 1"
        )
    if reason and reason not in GRAVITY:
        raise BadInput("reason_unknown", f"the reason is one of: {', '.join(GRAVITY)}", place="reason")
    for column in filter(None, (address, cause)):
        if column not in headings:
            raise BadInput("column_unknown", f"there is no column “{column[:60]}”", place="line 1")
    found = Layout("a list", address, cause) if address or cause else _recognised(headings)
    if not found.address:
        found = found._replace(address=_first(headings, _ADDRESSES))
    if not found.address:
        raise BadInput("column_needed", "no column is one of addresses: name it, for example as address", place="line 1")
    return found._replace(reason=reason) if reason else found


def entry_of(cells: Mapping[str, Any], layout: Layout) -> Entry:
    """Read a row. Raises Unfit, whose place is the column: no address, a reason that is not known, a bounce that may pass."""
    address = str(cells.get(layout.address) or "").strip()
    if address[:1] == "'" and address[1:2] in _LIVE:
        # So a cell is kept from being a formula, by us and by others.
        address = address[1:]
    if not address:
        raise Unfit("address_missing", "there is no address in this row", place=layout.address)
    if not is_address(address):
        raise Unfit("address_malformed", "this is not an e-mail address", place=layout.address)
    return Entry(address, _reason_of(cells, layout))


def _reason_of(cells: Mapping[str, Any], layout: Layout) -> str:
    told = str(cells.get(layout.cause) or "").strip() if layout.cause else ""
    if layout.status:
        return _bounced(str(cells.get(layout.status) or "").strip(), told, layout)
    if not told:
        return layout.reason
    if layout.reason == "unsubscribed":
        # Why people left, in their words: only one thing they say makes it graver.
        return "complaint" if any(word in told.lower() for word in _COMPLAINED) else layout.reason
    reason = _REASONS.get(_plain(told))
    if reason is None:
        raise Unfit("reason_unknown", f"“{told[:40]}” is not a reason: {', '.join(GRAVITY)}", place=layout.cause)
    return reason


def _bounced(status: str, words: str, layout: Layout) -> str:
    """Judge the answer of a mail server as if it had come to us; what never passes and is not clearly of the address fails lastingly."""
    if status.startswith(_PASSING):
        raise Unfit("bounce_passes", "this bounce may pass: the address is not put on the list", place=layout.status)
    meaning = meaning_of(Refusal(status=status, text=f"{status} {words}", theirs=True, lasting=True))
    return "hard_bounce" if meaning is not None and meaning.what is What.HARD_BOUNCE else "soft_bounces"


def _recognised(headings: Sequence[str]) -> Layout:
    named = {_plain(heading): heading for heading in reversed(headings)}
    for known in _KNOWN:
        if known.needs == named.keys() or (known.needs <= named.keys() and not known.only):
            return Layout(known.tool, named[known.address], named.get(known.cause, ""), named.get(known.status, ""), known.reason)
    return Layout("a list", "", _first(headings, _CAUSES))


def _first(headings: Sequence[str], wanted: Sequence[str]) -> str:
    named = {_plain(heading): heading for heading in reversed(headings)}
    return next((named[word] for word in wanted if word in named), "")


def _plain(text: str) -> str:
    return _SPACES.sub("", text.lower())
