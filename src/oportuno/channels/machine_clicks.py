"""Was it a person who followed a link, or a program that looks at what is behind it?

Mail gateways, previews and browsers follow links that nobody pressed. What they do is kept and marked, and nothing follows from it: a click
that starts something must be a person's. The verdict on a click is settled once a while has passed, by what the request itself told, by
when it came after the hand-off, and by what else of the same message was followed around it. It never changes afterwards: nothing that is
followed more than `SETTLES` later has a say.

Not seen: a program that names itself like a browser, waits, and follows one link alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from oportuno.kit.times import MINUTE, SECOND, Millis

SETTLES: Final[Millis] = 10 * SECOND
"""How long after a click its verdict is settled; and how far before and after it other clicks have a say."""
BURST: Final[Millis] = 3 * SECOND
"""So close together nobody follows `BURST_LINKS` different links of one mail."""
BURST_LINKS: Final = 3
PAIR: Final[Millis] = SECOND
"""Nor two different ones so close together."""
TOO_SOON: Final[Millis] = 2 * SECOND
"""So soon after its hand-off began nobody has opened a mail and read as far as a link."""
SAME_AGAIN: Final[Millis] = MINUTE
"""Following the same link once more within this is the same click: a slow page, pressed twice."""


class Sign(StrEnum):
    """What the request itself told."""

    NONE = ""
    PREFETCH = "prefetch"
    """The browser says that nobody has pressed yet."""
    AGENT = "agent"
    """The program names itself as one that no person looks at pages with, or does not name itself at all."""


class Verdict(StrEnum):
    """What a click was. `MACHINE_…` start nothing and count nowhere."""

    UNSETTLED = ""
    PERSON = "person"
    AGAIN = "again"
    """The same person's same click once more: nothing new follows from it."""
    MACHINE_PREFETCH = "machine_prefetch"
    MACHINE_AGENT = "machine_agent"
    MACHINE_TOO_SOON = "machine_too_soon"
    MACHINE_BURST = "machine_burst"


class Followed(NamedTuple):
    """One click of a message."""

    at: Millis
    link: bytes
    sign: Sign = Sign.NONE


_OWN_NAMES: Final = (
    "bot", "crawl", "spider", "slurp", "scan", "preview", "fetch", "monitor", "headless", "phantomjs", "lighthouse", "urlcheck",
    "safelinks", "safe-link", "urldefense", "mimecast", "barracuda", "proofpoint", "ironport", "symantec", "trendmicro", "fireeye",
    "forcepoint", "sophos", "bitdefender", "kaspersky", "zscaler", "checkpoint", "trellix", "facebookexternalhit", "whatsapp/",
    "skypeuri", "googleimageproxy", "yahoomailproxy", "google-safety", "ms-office", "microsoft office existence", "curl/", "wget/",
    "python", "aiohttp", "httpx", "urllib", "okhttp", "java/", "apache-httpclient", "go-http-client", "libwww", "lwp::", "ruby",
    "axios", "undici", "php/", "guzzle", "postman", "insomnia", "powershell", "winhttp",
)  # fmt: skip
"""Parts of the names by which scanners, previews and programs' libraries call themselves, in lower case."""
_NO_BOT: Final = "cubot"
"""A maker of telephones."""
_PURPOSES: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_NOT_YET: Final = ("prefetch", "prerender", "preview")


def sign_of(headers: Mapping[str, str]) -> Sign:
    """Read what a request tells of who makes it. `headers` by their names in lower case."""
    told = " ".join(headers.get(name, "") for name in _PURPOSES).lower()
    if any(word in told for word in _NOT_YET):
        return Sign.PREFETCH
    agent = headers.get("user-agent", "").strip().lower().replace(_NO_BOT, "phone")
    if not agent or any(name in agent for name in _OWN_NAMES):
        return Sign.AGENT
    return Sign.NONE


def verdict_on(click: Followed, of_message: Sequence[Followed], *, handed_at: Millis | None) -> Verdict:
    """Settle one click, `SETTLES` after it or later. `of_message` is every click of the same message, this one included, in any order.

    `handed_at` is when the message's hand-off began; None: unknown.
    """
    machine = _machine(click, of_message, handed_at)
    if machine is not None:
        return machine
    before = (other for other in of_message if other.link == click.link and 0 < click.at - other.at <= SAME_AGAIN)
    return Verdict.AGAIN if any(_machine(other, of_message, handed_at) is None for other in before) else Verdict.PERSON


def _machine(click: Followed, of_message: Sequence[Followed], handed_at: Millis | None) -> Verdict | None:
    """Say which kind of machine it was; None: no machine that we know."""
    if click.sign is Sign.PREFETCH:
        return Verdict.MACHINE_PREFETCH
    if click.sign is Sign.AGENT:
        return Verdict.MACHINE_AGENT
    if handed_at is not None and click.at < handed_at + TOO_SOON:
        return Verdict.MACHINE_TOO_SOON
    # Who names itself is known already, and says nothing about who else is there.
    around = sorted((other.at, other.link) for other in of_message if not other.sign and abs(other.at - click.at) <= SETTLES)
    return Verdict.MACHINE_BURST if _burst(around) else None


def _burst(clicks: Sequence[tuple[Millis, bytes]]) -> bool:
    """Say whether several different links were followed closer together than a person can. `clicks` in order of time."""
    for place, (began, first) in enumerate(clicks):
        links = {first}
        for at, link in clicks[place + 1 :]:
            if at - began > BURST:
                break
            links.add(link)
            if len(links) >= BURST_LINKS or (len(links) > 1 and at - began <= PAIR):
                return True
    return False
