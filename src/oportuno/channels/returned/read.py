"""One mail that came in, and what it tells: the only door of this room. It answers for any bytes whatsoever, and raises nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.channels.returned.automatic import is_automatic
from oportuno.channels.returned.complaint import feedback_in
from oportuno.channels.returned.dialects import bounce_in, is_from_a_server
from oportuno.channels.returned.letter import Letter, addresses_in, header, open_letter, plain_text, written_at
from oportuno.channels.returned.reply import words_of
from oportuno.channels.returned.report import Told, our_message, references, returned_head, told_in
from oportuno.channels.returned.verdicts import Meaning, Refusal, meaning_of
from oportuno.channels.returned.verp import find_return_address, read_return_address
from oportuno.kit.ids import WorkspaceId, derive
from oportuno.kit.times import DAY, Millis

_RAW: Final = 16_384
_SEARCHED: Final = 262_144
_NOTICE: Final = 1_200
"""Of a report's text for people, what is looked at where no server's words are told."""
_RULE: Final = re.compile(r"\n[ \t]*[_=*-]{20,}[ \t]*\n")
_FOR_DIALECTS: Final = 131_072
_OLDEST: Final[Millis] = 30 * DAY
_SUBJECT_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{60,200}(?![A-Za-z0-9_-])")
_WHERE_TO: Final = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")
_MILDEST_FIRST: Final = (What.DELIVERED, What.DELAYED, What.NOT_UNDERSTOOD, What.SOFT_BOUNCE, What.HARD_BOUNCE)
_TAKEN: Final = frozenset({"delivered", "relayed", "expanded"})


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """How this installation knows what is its own."""

    secrets: tuple[bytes, ...]
    """Keys under which return addresses were made, the present one first."""
    unsubscribing: Callable[[str], tuple[WorkspaceId, bytes] | None]
    """Reads a token out of the subject of a mail to the List-Unsubscribe address: workspace and message; None: it is not ours."""


class _Whose(NamedTuple):
    """Which message a mail concerns, and how sure that is."""

    proof: Proof
    workspace: WorkspaceId = 0
    message: bytes = b""


class _Said(NamedTuple):
    """What a mail tells."""

    what: What
    source: str
    address: str = ""
    status: str = ""
    detail: str = ""
    text: str = ""
    at: Millis | None = None
    whose: _Whose | None = None


def read_mail(raw: bytes, *, recipient: str, at: Millis, ours: Ours) -> Hearing:
    """Say what one mail tells.

    `recipient` is the envelope's, empty where it is not known: then the mail's own headers are asked. `at` is when it came. The answer's
    id is the same each time the same mail comes.
    """
    try:
        return read_closely(raw, recipient=recipient, at=at, ours=ours)
    except Exception:  # noqa: BLE001 - one mail on which our reading stumbles must not hold up those behind it; it is kept and shown
        whose = read_return_address(recipient, ours.secrets)
        return Hearing(
            id=derive("mail", "stumbled", raw),
            what=What.NOT_UNDERSTOOD,
            source="mail",
            at=at,
            proof=Proof.BARE if whose is None else Proof.SIGNED,
            workspace=0 if whose is None else whose.workspace,
            message=b"" if whose is None else whose.message,
            detail="our own reading of it failed",
            raw=raw[:_RAW],
        )


def read_closely(raw: bytes, *, recipient: str, at: Millis, ours: Ours) -> Hearing:
    """Do what `read_mail` does, but for its net: a fault of ours comes out."""
    letter = open_letter(raw)
    whose = _whose(letter, recipient, ours.secrets)
    said = _report(letter) or _feedback(letter) or _leaving(letter, ours) or _dialect(raw, letter) or _answer(letter, whose)
    whose = said.whose or _of_returned(whose, letter, raw, ours.secrets)
    happened = said.at if said.at is not None else written_at(header(letter, "date"))
    return Hearing(
        id=derive("mail", said.source, whose.message, header(letter, "message-id") or raw.partition(b"\n\n")[2] or raw),
        what=said.what,
        source=said.source,
        at=at if happened is None else min(at, max(happened, at - _OLDEST)),
        proof=whose.proof,
        workspace=whose.workspace,
        message=whose.message,
        address=said.address[:320],
        status=said.status,
        detail=said.detail[:200],
        text=said.text,
        raw=raw[:_RAW],
    )


def _whose(letter: Letter, recipient: str, secrets: Sequence[bytes]) -> _Whose:
    """Find our return address among those to whom the mail went."""
    for address in (recipient, *addresses_in(letter, *_WHERE_TO)):
        named = read_return_address(address, secrets)
        if named is not None:
            return _Whose(Proof.SIGNED, named.workspace, named.message)
    return _Whose(Proof.BARE)


def _of_returned(whose: _Whose, letter: Letter, raw: bytes, secrets: Sequence[bytes]) -> _Whose:
    """Find what names the message: our return address in what came back, else its Message-ID."""
    if whose.proof is Proof.SIGNED:
        return whose
    returned = returned_head(letter)
    seen = raw[:_SEARCHED].decode("latin-1")
    named = find_return_address(seen, secrets)
    if named is not None:
        return _Whose(Proof.SIGNED, named.workspace, named.message)
    message = (
        (our_message(header(returned, "message-id")) if returned is not None else b"")
        or our_message(references(letter))
        or our_message(seen)
    )
    return _Whose(Proof.NAMED, 0, message) if message else whose


def _report(letter: Letter) -> _Said | None:
    """Read a standard report. Of several recipients the mildest word counts: an alias with one dead branch still reaches somebody."""
    told = told_in(letter)
    if not told:
        return None
    words = "" if all(each.diagnostic for each in told) else _notice(letter)
    return min((_of_recipient(each, words) for each in told), key=lambda said: _MILDEST_FIRST.index(said.what))


def _notice(letter: Letter) -> str:
    """Give what a report says to people, down to the line under which mail programs put their footers."""
    return next((piece for piece in _RULE.split(plain_text(letter)) if piece.strip()), "")[:_NOTICE]


def _of_recipient(told: Told, words: str) -> _Said:
    note = f"dsn {told.action or 'without action'}"
    if told.action in _TAKEN:
        return _Said(What.DELIVERED, "dsn", told.address, told.status[:12], note, at=told.at)
    meaning = meaning_of(Refusal(status=told.status, text=told.diagnostic or words, theirs=told.remote and bool(told.diagnostic)))
    status = meaning.status if meaning is not None else ""
    if told.action == "delayed":
        return _Said(What.DELAYED, "dsn", told.address, status, note, at=told.at)
    if told.action != "failed" and meaning is None:
        return _Said(What.NOT_UNDERSTOOD, "dsn", told.address, status, note, at=told.at)
    return _Said(_bounced(meaning), "dsn", told.address, status, note, at=told.at)


def _bounced(meaning: Meaning | None) -> What:
    return What.HARD_BOUNCE if meaning is not None and meaning.what is What.HARD_BOUNCE else What.SOFT_BOUNCE


def _feedback(letter: Letter) -> _Said | None:
    told = feedback_in(letter)
    return None if told is None else _Said(told.what, "arf", told.address, detail=f"arf {told.kind}", at=told.at)


def _leaving(letter: Letter, ours: Ours) -> _Said | None:
    """Read «unsubscribe <token>» in the subject, as mail programs write it for the customer."""
    for token in _SUBJECT_TOKEN.findall(header(letter, "subject"))[:3]:
        found = ours.unsubscribing(token)
        if found is not None:
            return _Said(
                What.UNSUBSCRIBED, "mail", _from(letter), detail="mail to the unsubscribe address", whose=_Whose(Proof.SIGNED, *found)
            )
    return None


def _dialect(raw: bytes, letter: Letter) -> _Said | None:
    """Read a bounce that is no standard report. Who does not look like a mail server is believed only where the library knows the words."""
    if _is_answer(letter):
        return None
    found = bounce_in(letter if len(raw) <= _FOR_DIALECTS else open_letter(raw[:_FOR_DIALECTS]))
    if found is None:
        return None
    meaning = meaning_of(found.refusal)
    if not found.address:
        # Nobody recognised the form: what a code in it says is soft at most.
        what, known = (What.SOFT_BOUNCE, "codes alone") if meaning is not None else (What.NOT_UNDERSTOOD, "words that are not known")
    elif found.lasting:
        # Hard only where the library and our own table agree.
        what, known = _bounced(meaning), "a dialect"
    else:
        what, known = What.DELAYED, "a dialect"
    return _Said(what, "dsn", found.address, meaning.status if meaning is not None else "", f"a mail server's notice: {known}")


def _is_answer(letter: Letter) -> bool:
    """Out-of-office notes come from people's own addresses, now and then with a null return path."""
    replied = header(letter, "auto-submitted").lower().startswith("auto-replied") and bool(header(letter, "in-reply-to"))
    return replied and not is_from_a_server(letter)


def _answer(letter: Letter, whose: _Whose) -> _Said:
    if is_automatic(letter) and not is_from_a_server(letter):
        return _Said(What.AUTO_REPLY, "mail", _from(letter), detail="written by a machine")
    if (whose.proof is Proof.SIGNED or our_message(references(letter))) and not is_from_a_server(letter):
        return _Said(What.REPLY, "mail", _from(letter), text=words_of(letter))
    return _Said(What.NOT_UNDERSTOOD, "mail", _from(letter), detail="neither a report nor an answer to a message of ours")


def _from(letter: Letter) -> str:
    return next(iter(addresses_in(letter, "from", "reply-to")), "")
