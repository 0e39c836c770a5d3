"""Reports about deliveries (RFC 3464): who was written to, what became of it, and what the refusing server said."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from oportuno.channels.returned.letter import Letter, address_in, header, one_line, parts, text_of, written_at
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import read_id
from oportuno.kit.times import Millis

_FIELD: Final = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9-]{0,60})[ \t]*:[ \t]*(?P<value>.*)")
_MOST_RECIPIENTS: Final = 50
_OURS: Final = re.compile(r"(?i)<?(msg_[0-9a-hjkmnp-tv-z]{26})@")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says of one recipient."""

    action: str = ""
    """``failed``, ``delayed``, ``delivered``, ``relayed``, ``expanded``; lower case; empty: not told."""
    status: str = ""
    address: str = ""
    """Whom it was written to first, else whom it was for in the end."""
    diagnostic: str = ""
    """What the refusing server said."""
    remote: bool = False
    """Whether a remote server is named as the one who said it."""
    at: Millis | None = None


def told_in(letter: Letter) -> list[Told]:
    """Give what a report says of each recipient, at most 50; empty: it is no report in this form."""
    for part in parts(letter):
        kind = part.get_content_type()
        if kind in {"message/delivery-status", "message/global-delivery-status"} or (
            kind.startswith("text/") and _holds_a_report(text_of(part))
        ):
            told = _recipients(text_of(part))
            if told:
                return told
    return []


def _holds_a_report(text: str) -> bool:
    """A gateway may have made plain text of it."""
    lowered = text.lower()
    return "\nfinal-recipient:" in lowered and "\naction:" in lowered


def _recipients(text: str) -> list[Told]:
    told: list[Told] = []
    for block in _blocks(text):
        if not ({"final-recipient", "original-recipient"} & block.keys()):
            continue
        told.append(
            Told(
                action=block.get("action", "").split(" ")[0].strip("(;,.").lower()[:20],
                status=block.get("status", "")[:100],
                address=_typed(block.get("original-recipient", "")) or _typed(block.get("final-recipient", "")),
                diagnostic=block.get("diagnostic-code", ""),
                remote="remote-mta" in block or block.get("diagnostic-code", "").lower().startswith("smtp"),
                at=written_at(block.get("last-attempt-date", "")) or written_at(block.get("arrival-date", "")),
            )
        )
        if len(told) == _MOST_RECIPIENTS:
            break
    return told


def _blocks(text: str) -> list[dict[str, str]]:
    """Take apart groups of fields between empty lines; a field goes on where its next line is indented."""
    blocks: list[dict[str, str]] = [{}]
    name = ""
    for line in text.split("\n"):
        if not line.strip():
            if blocks[-1]:
                blocks.append({})
            name = ""
        elif line[0] in " \t" and name:
            blocks[-1][name] = (blocks[-1][name] + " " + line.strip())[:4_000]
        elif (found := _FIELD.match(line)) is not None:
            name = found["name"].lower()
            # The first one counts: a second field of the same name belongs to nobody.
            blocks[-1].setdefault(name, one_line(found["value"])[:4_000])
        else:
            name = ""
    return blocks


def fields_of(text: str) -> dict[str, str]:
    """Give the fields of a text that is a list of them, names in lower case; of a field that stands there twice, the first."""
    fields: dict[str, str] = {}
    for block in _blocks(text):
        fields = block | fields
    return fields


def _typed(value: str) -> str:
    """Read ``rfc822; address``; some leave out the type."""
    return address_in(value.partition(";")[2] or value)


def returned_head(letter: Letter) -> Letter | None:
    """Give the mail that came back, as far as it did: its headers at least."""
    for part in parts(letter):
        kind = part.get_content_type()
        if kind in {"message/rfc822", "message/global"}:
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Letter):
                return inner[0]
        if kind in {"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}:
            return _head_of(text_of(part))
    return None


def _head_of(text: str) -> Letter:
    from email.parser import HeaderParser

    return HeaderParser().parsestr(text[:100_000].lstrip("\n"))


def our_message(text: str) -> bytes:
    """Give the id of the first message of ours that a text names by its Message-ID; empty: none."""
    found = _OURS.search(text[:100_000])
    if found is None:
        return b""
    try:
        return read_id("msg", found[1].lower())
    except BadInput:
        return b""


def references(letter: Letter) -> str:
    """Give what a mail answers to."""
    return f"{header(letter, 'in-reply-to')} {header(letter, 'references')}"
