"""Bounces that are no standard report: read with a library's eyes and our own, and believed less.

The library knows how some forty mail servers write; what it calls permanent is never believed alone, because it tells gone from refused
only as those servers do. A refusal in the text that names its own code may be hard by our own table; everything else is soft at most.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from flufl.bounce import all_failures

from oportuno.channels.returned.letter import Letter, header, parts, plain_text, text_of
from oportuno.channels.returned.verdicts import Refusal

_SENDERS: Final = re.compile(
    r"mailer-?daemon|postmaster|mail\s+delivery\s+(?:sub)?system|mdaemon|mail\s+administrator|bounce", re.IGNORECASE
)
_SUBJECTS: Final = re.compile(
    r"undeliver|failure\s+notice|deliver(?:y|ies)?\s+(?:\S+\s+){0,3}fail|returned\s+mail|mail\s+delivery\s+fail|delivery\s+(?:status\s+)?notification|nondeliverable"
    r"|non\s+remis|could\s+not\s+be\s+delivered|message\s+not\s+delivered|returned\s+to\s+sender|delivery\s+(?:problem|error|report)|not\s+delivered"
    r"|no\s+se\s+(?:pudo|ha\s+podido)\s+entregar|no\s+entregado|correo\s+devuelto|mensaje\s+devuelto|mail\s+system\s+error",
    re.IGNORECASE,
)
_ORIGINAL: Final = re.compile(
    r"(?im)^(?:-{2,}.{0,60}(?:original|below\s+this\s+line|copy\s+of|returned|unsent).{0,80}|received:\s.{0,200}|return-path:\s.{0,200}|.{0,40}original\s+message\s+follows.{0,40})$"
)
_MOST: Final = 4_000
_MOST_HEADER: Final = 8_000
"""A mail with a longer header is not shown to the library: it reads some of them in time that grows with their square."""


class Bounce(msgspec.Struct, frozen=True, kw_only=True):
    """What a bounce in a dialect says."""

    address: str = ""
    lasting: bool = False
    """Whether the library takes it for permanent."""
    refusal: Refusal
    """The words, to be judged by our own table."""


def is_from_a_server(letter: Letter) -> bool:
    """Say whether the sender calls itself a mail server."""
    return _SENDERS.search(header(letter, "from")) is not None


def looks_returned(letter: Letter) -> bool:
    """Say whether a mail was written by a mail server about a mail: by its sender, its subject or its null return path."""
    return header(letter, "return-path") == "<>" or is_from_a_server(letter) or _SUBJECTS.search(header(letter, "subject")) is not None


def bounce_in(letter: Letter) -> Bounce | None:
    """Read a bounce in one of the dialects; None: nobody of us understands it as one."""
    temporary, lasting = _failures(letter)
    words = _words(letter)
    addresses = sorted(lasting) or sorted(temporary)
    if not addresses and not (looks_returned(letter) and words):
        return None
    address = addresses[0].decode("ascii", "replace") if addresses else ""
    return Bounce(address=address, lasting=bool(lasting), refusal=Refusal(text=words, theirs=True, lasting=bool(lasting)))


def _failures(letter: Letter) -> tuple[frozenset[bytes], frozenset[bytes]]:
    if any(len(str(value)) > _MOST_HEADER for _, value in letter.raw_items()):
        return frozenset(), frozenset()
    try:
        temporary, lasting = all_failures(letter)
        return frozenset(temporary), frozenset(lasting)
    except Exception:  # noqa: BLE001 - its forty readers were written for mail servers, not for whoever means harm
        return frozenset(), frozenset()


def _words(letter: Letter) -> str:
    """Give the words of the bounce itself, without the mail that it brings back."""
    text = plain_text(letter)
    if not text.strip():
        text = next((said for part in parts(letter) if part.get_content_maintype() == "text" and (said := text_of(part)).strip()), "")
    cut = _ORIGINAL.search(text)
    return (text[: cut.start()] if cut else text)[:_MOST].strip()
