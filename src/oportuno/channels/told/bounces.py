"""What a provider's word for a bounce means, held against what the refusing server said.

The rule is the one for mail that comes back (`channels/returned/verdicts`): hard is only what says that the address itself is no more. A
provider's own classes say less than they seem to: "permanent" is what a server answered, to spam and to unknown addresses alike.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from oportuno.channels.hearing import What
from oportuno.channels.returned.verdicts import Refusal, meaning_of

_ABOUT_US: Final = "5.7.0"


class Kind(Enum):
    """What a provider's class of bounce says."""

    GONE = auto()
    """There is no such address. The server's own words may contradict."""
    PASSES = auto()
    """It may be otherwise next time, or the provider did not even try because of what it remembers."""
    ABOUT_US = auto()
    """What was sent was refused, or who sent it: nothing is wrong with the address."""
    ASK = auto()
    """It does not say: only the server's own words do."""


def verdict(kind: Kind, status: str, words: str) -> tuple[What, str]:
    """Give soft or hard, and the status that counted. `status` and `words` are the server's as the provider passes them on."""
    said = f"{status} {words}".strip()
    if kind is Kind.ABOUT_US:
        told = _status(status, said)
        return What.SOFT_BOUNCE, told if told[1:4] in {".6.", ".7."} else _ABOUT_US
    if kind is Kind.PASSES:
        return What.SOFT_BOUNCE, _status(status, said)
    gone = kind is Kind.GONE
    # A class that says "no such address" stands for the status that says so; it is the provider's word then, and not the server's.
    found = meaning_of(Refusal(status="5.1.1" if gone else status, text=said, theirs=not gone))
    hard = found is not None and found.what is What.HARD_BOUNCE
    return (What.HARD_BOUNCE if hard else What.SOFT_BOUNCE), _status(status, said)


def _status(status: str, said: str) -> str:
    found = meaning_of(Refusal(status=status, text=said, theirs=True))
    return found.status if found is not None else ""
