"""What an SMTP conversation's ending means: one table from (stage, reply or error) to one of the four outcomes.

Nothing is refused for now by default. What the table does not name is unknown once the mail's bytes may have left, and refused for good
before that, because nobody promised that trying again would help.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Literal, NamedTuple, TypeAlias

from oportuno.channels.channel import Answer, Outcome

About: TypeAlias = Literal["message", "destination", "provider"]


class Stage(IntEnum):
    """How far a hand-off has come."""

    CONNECT = 0
    """Connection, greeting, EHLO, STARTTLS, login."""
    MAIL = 1
    RCPT = 2
    DATA = 3
    """The DATA command itself, before its 354."""
    FINAL = 4
    """From the first byte of the mail on: only the final reply says whether it was taken."""


class Means(NamedTuple):
    """A row's right side."""

    outcome: Outcome
    about: About = "message"


_NOW: Final = Outcome.REFUSED_FOR_NOW
_GOOD: Final = Outcome.REFUSED_FOR_GOOD

CODES: Final[dict[tuple[Stage, int], Means]] = {
    **{(Stage.CONNECT, code): Means(_NOW, "provider") for code in (400, 420, 421, 430, 432, 450, 451, 452, 454, 455)},
    # A server that shuts us out (blocked, wrong password) shuts all out until somebody mends it; the messages are not at fault.
    **{(Stage.CONNECT, code): Means(_NOW, "provider") for code in (500, 502, 503, 504, 521, 530, 534, 535, 538, 550, 554)},
    **{(stage, 421): Means(_NOW, "provider") for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA)},
    **{(Stage.MAIL, code): Means(_NOW, "provider") for code in (450, 451, 452, 454, 455, 530)},
    **{(Stage.RCPT, code): Means(_NOW, "message") for code in (450, 451, 452, 455)},
    **{(Stage.DATA, code): Means(_NOW, "message") for code in (450, 451, 452, 454, 455)},
    # RFC 5321 §4.2.5: a 4yz reply to the end of data says that the mail was not taken. Only the codes that the RFC defines are believed.
    (Stage.FINAL, 421): Means(_NOW, "provider"),
    **{(Stage.FINAL, code): Means(_NOW, "message") for code in (450, 451, 452)},
    **{
        (stage, code): Means(_GOOD)
        for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA)
        for code in range(500, 600)
        if (stage, code) != (Stage.MAIL, 530)
    },
    **{(Stage.FINAL, code): Means(_GOOD) for code in range(500, 600)},
}
"""(stage, reply code) → meaning."""

BREAKS: Final[dict[tuple[Stage, str], Means]] = {
    **{
        (Stage.CONNECT, error): Means(_NOW, "provider") for error in ("refused", "timeout", "disconnected", "tls", "unresolved", "unusable")
    },
    **{(stage, error): Means(_NOW, "provider") for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA) for error in ("timeout", "disconnected")},
    **{(Stage.FINAL, error): Means(Outcome.UNKNOWN, "provider") for error in ("timeout", "disconnected")},
}
"""(stage, kind of break) → meaning."""


def of_code(stage: Stage, code: int) -> Answer:
    """Say what a refusing reply means at a stage."""
    return _answer(stage, CODES.get((stage, code)), f"smtp {code} at {stage.name.lower()}")


def of_break(stage: Stage, kind: str) -> Answer:
    """Say what the end of a conversation without a reply means at a stage."""
    return _answer(stage, BREAKS.get((stage, kind)), f"smtp {kind} at {stage.name.lower()}")


def _answer(stage: Stage, means: Means | None, detail: str) -> Answer:
    if means is None:
        means = Means(Outcome.UNKNOWN if stage is Stage.FINAL else _GOOD)
    return Answer(outcome=means.outcome, detail=detail, about=means.about)
