"""What a refusal means: from status codes and known words to a soft or a hard bounce.

The rule behind the table: hard is only what says that the *address* or its domain does not exist or was closed. What speaks of us (spam,
policy, size, pace) or of a state that passes (full, busy, unreachable) is soft, whatever its code says, because servers put policy into
5.1.1 and 550 every day, and a customer who is struck off the list by mistake never comes back by herself.
Statuses: RFC 3463 and the registry of RFC 5248.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from oportuno.channels.hearing import What

_TOLD: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_ENHANCED: Final = re.compile(r"(?<![\w.])([45])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY: Final = re.compile(r"(?<![\d.])([45]\d\d)(?=[\s\-#:,]|$)")
_NOISE: Final = re.compile(r"https?://\S+|[^\s<>]{1,64}@[^\s<>]{1,253}", re.IGNORECASE)
_SPACES: Final = re.compile(r"\s+")
_MOST: Final = 4_000

GONE: Final = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)})
"""(subject, detail) of the statuses that say that an address or its domain does not exist, has moved away, or is closed."""
_VAGUE: Final = frozenset({(0, 0), (1, 0), (2, 0), (5, 0), (3, 0), (4, 0), (4, 4), (0, 1)})
"""Statuses that say little: what stands beside them decides. 5.4.4 is what servers say of a domain that does not exist, and of others."""

_ABOUT_US: Final = re.compile(
    r"""
      \bspam|\bjunk\b|\bublk|\bbulk\b|unsolicited|\bphish|\bblock(?:ed|ing|list)|black\s?-?\s?list|deny\s?list|\bdnsbl|\brbl\b
    | spamhaus|spamcop|\bsorbs\b|barracuda|reputation|\bpolicy\b|policies|administrative|prohibited|\bbanned\b|not\s+allowed
    | not\s+permitted|permission|unauthori[sz]ed|not\s+authori[sz]ed|authenticat|\bspf\b|\bdkim\b|\bdmarc\b|access\s+denied
    | relaying|relay\s+(?:access|denied|not|is|check)|(?:as\s+a|open|to|not|not\s+an?|won't|don't|cannot)\s+relay
    | virus|malware|infected|attachment|content\s+(?:reject|filter|not)|content.{0,20}\bscan
    | message\s+(?:content|was\s+rejected\s+by\s+(?:the\s+)?filter)|\bfilter(?:ed|s)?\b|\buri\b|surbl|whitelist|challenge
    | not\s+accept(?:ing)?\s+(?:mail|messages?|e-?mails?)\s+from|sender.{0,40}(?:reject|denied|refus|verif|invalid|unknown)
    | reverse\s+dns|\bptr\b|\bhelo\b|looks?\s+like|suspicio|restricted|\bsender\s+address|correo\s+no\s+deseado|no\s+autorizad
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PASSES: Final = re.compile(
    r"""
      quota|suspend|currently|mail\s?box(?:\s+\S+){0,4}\s+(?:is\s+)?full|mailfolder\s+is\s+full|mailbox\s+size|storage
    | disk\s+(?:space|full)|insufficient|too\s+(?:large|big|many|long|fast|much)|over\s?(?:-|\s)?(?:limit|size)|exceed|size\s+limit
    | maximum\s+(?:allowed|message|size)|rate\s+(?:that|limit)|throttl|grey\s?-?\s?list|temporar|try\s+(?:again|later)|retry
    | time(?:d)?[\s-]?out|connection\s+(?:refused|reset|lost|dropped)|unreachable|no\s+route|could\s+not\s+connect|busy|overload
    | server\s+error|internal\s+error|local\s+configuration|config(?:uration)?\s+error|hop\s+count|loop|too\s+many\s+hops
    | lookup\s+fail|servfail|dns\s+(?:error|failure)|undergoing|maintenance|buz[oó]n\s+(?:est[aá]\s+)?lleno
    | intente\s+(?:de\s+nuevo|m[aá]s\s+tarde)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NO_SUCH: Final = re.compile(
    r"""
      (?:user|rcpt|recipient|mail[\s-]?box|account|addressee|adress|address|maildrop
        |alias)(?:\s+\S+){0,6}?\s+(?:is\s+)?(?:unknown|not\s+found|not\s+known|does\s?n[o']t\s+exist|does\s+not\s+exist
        |doesnotexist|non[\s-]?existent|not\s+listed|not\s+exist)
    | (?:unknown|no\s+such|nonexistent|non-existent|invalid|bad|not\s+a\s+(?:valid|known))\s+(?:(?:local|virtual|destination
        |e-?mail|mail|domino|final|internet)\s+)*(?:user|recipient|mailbox|account|addressee|address|alias|person)
    | (?:user|account|mailbox|recipient|address)\s+(?:unknown|invalid)\b
    | no\s+(?:mail\s?box|account)\s+(?:here|with|by|for|named|found|available)
    | (?:deactivated|closed|deleted)\s+(?:mail\s?box|account|user)|not\s+our\s+customer
    | no\s+longer\s+(?:valid|available|exists?|in\s+use|used|has|have|with|employed|active|here)
    | does\s?n[o']t\s+have\s+(?:an?\s+)?\S+\s+account|does\s+not\s+have\s+an?\s+account|have\s+an?\s+\S+\s+account
    | this\s+user\s+doesn
    | (?:account|mailbox|user|address|recipient)(?:\s+\S+){0,4}?\s+(?:is|has\s+been|was|are)?\s*(?:currently\s+)?(?:disabled
        |deactivated|closed|deleted|discontinued|terminated|cancell?ed|removed)
    | recipientnotfound|recipnotfound|nosuchuser|user_unknown|no\s+such\s+(?:name|person|entry)|couldn't\s+find\s+any\s+host
    | not\s+an?\s+(?:valid|active)\s+(?:user|mailbox|recipient|address|account)
    | (?:usuario|destinatario|buz[oó]n|cuenta|direcci[oó]n)(?:\s+\S+){0,4}?\s+(?:desconocid[oa]|no\s+existe|inexistente|no\s+encontrad[oa])
    | not\s+listed\s+in\s+(?:domino|public\s+name|the\s+directory)|not\s+in\s+(?:the\s+)?(?:address\s+book|directory)
    | no\s+user\s+(?:here|with|by)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NO_DOMAIN: Final = re.compile(
    r"""
      (?:host|domain)(?:\s+or\s+domain\s+name)?(?:\s+\S+){0,4}?\s+(?:is\s+)?(?:unknown|not\s+found|does\s+not\s+exist|non[\s-]?existent)
    | (?:unknown|no\s+such|nonexistent)\s+(?:host|domain)|couldn't\s+find\s+any\s+host|nxdomain
    | dominio\s+(?:desconocido|no\s+existe|inexistente)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ITS_OWN_WORD: Final = re.compile(r"unroute?able\s+(?:address|mail)", re.IGNORECASE)
"""What Exim says of an unknown recipient, and also of any address when its own configuration is broken: believed of another server only."""

_BARE_550: Final = "mailbox unavailable"
"""The words of the standard for 550, which mean many things; beside 5.1.1 and 5.5.0 they mean what large providers mean by them."""
_DELIVERED: Final = 2
_PERMANENT: Final = 5
_Status: TypeAlias = tuple[int, int, int]


class Refusal(NamedTuple):
    """What a server said of one recipient."""

    status: str = ""
    """The enhanced status as the report gives it."""
    text: str = ""
    """What was said, with the reply codes in it."""
    theirs: bool = False
    """Whether the words are a remote server's; otherwise they are those of the one who reports."""
    lasting: bool = False
    """Whether somebody else who read it takes it for permanent: then known words need no code beside them."""


class Meaning(NamedTuple):
    """What follows from a refusal."""

    what: What
    status: str
    """The status that counted."""


def meaning_of(refusal: Refusal) -> Meaning | None:
    """Say whether a refusal is soft or hard; None: it names neither a status nor a reply code nor anything that we know."""
    words = _SPACES.sub(" ", refusal.text[:_MOST])
    told, said = _told(refusal.status), _enhanced(words)
    bare = _NOISE.sub(" ", words)
    reply = _REPLY.search(bare)
    status = _stronger(told, said)
    known = bool(status or reply)
    if status and status[0] == _DELIVERED:
        return Meaning(What.DELIVERED, _written(status))
    hard = _is_hard(status, int(reply[1]) if reply else 0, bare, refusal, own=said)
    if not known and not hard and not _knows(bare):
        return None
    return Meaning(What.HARD_BOUNCE if hard else What.SOFT_BOUNCE, _written(status))


def _is_hard(status: _Status | None, reply: int, words: str, refusal: Refusal, *, own: _Status | None) -> bool:
    """Say whether a refusal is of the address itself. `own` is the status in the refusing server's own words."""
    by_reply = reply >= 500 or (refusal.lasting and not reply)  # noqa: PLR2004 - the replies that mean never
    for_good = by_reply if status is None else status[0] == _PERMANENT
    if not for_good:
        return False
    if _ABOUT_US.search(words) or _PASSES.search(words):
        return False
    nowhere = bool(_NO_SUCH.search(words) or _NO_DOMAIN.search(words) or (refusal.theirs and _ITS_OWN_WORD.search(words)))
    if status is None:
        return nowhere
    kind = status[1:]
    if kind in GONE:
        # Some servers write 5.1.1 over every 550: where the refusing server's words are known, they must say it too.
        return own == status or nowhere or not refusal.theirs or _BARE_550 in words.lower()
    return (kind == (5, 0) and _BARE_550 in words.lower()) or (kind in _VAGUE and nowhere)


def _told(text: str) -> _Status | None:
    found = _TOLD.search(text[:200])
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _enhanced(text: str) -> _Status | None:
    """Give the most telling status of a refusal in a text; numbers of versions and addresses are none."""
    found = [(int(kind), int(subject), int(detail)) for kind, subject, detail in _ENHANCED.findall(text[:_MOST])]
    telling = [status for status in found if status[1:] not in _VAGUE]
    return next(iter(telling or found), None)


def _stronger(told: _Status | None, said: _Status | None) -> _Status | None:
    """Choose between the report's status and the one in the refusing server's words: the words are the nearer to the truth."""
    if told is None or said is None:
        return told or said
    if told[0] != said[0]:
        return min(told, said, key=lambda status: status[0])
    return told if said[1:] in _VAGUE and told[1:] not in _VAGUE else said


def _written(status: _Status | None) -> str:
    return "" if status is None else ".".join(str(number) for number in status)


def _knows(words: str) -> bool:
    return bool(_ABOUT_US.search(words) or _PASSES.search(words) or _NO_SUCH.search(words) or _NO_DOMAIN.search(words))
