"""What a mail provider's answer means: one table a provider from (HTTP status, error code) to one of the four outcomes.

Nothing is refused for now by default: only what certainly was not taken is named, and everything else that a server failed at is unknown.
Whatever is wrong with the account (its key, its limits, its settings) is about the provider: no message is at fault, and another provider
may have it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias

from oportuno.adapters.webhook.outcomes import BREAKS, Stage, of_status, read_retry_after
from oportuno.channels.channel import Answer, Outcome

About: TypeAlias = Literal["message", "destination", "provider"]


class Means(NamedTuple):
    """A row's right side."""

    outcome: Outcome
    about: About = "message"


_ACCOUNT: Final = Means(Outcome.REFUSED_FOR_NOW, "provider")
_MESSAGE: Final = Means(Outcome.REFUSED_FOR_GOOD)

STATUSES: Final[dict[int, Means]] = {
    401: _ACCOUNT,
    402: _ACCOUNT,
    403: _ACCOUNT,
    404: _ACCOUNT,
    425: _ACCOUNT,
    429: _ACCOUNT,
}
"""Statuses that mean the same at each of the four. 408 depends on how far the request had come, 503 on Retry-After; every other one is
what it is for a webhook: 2xx accepted, 4xx and 3xx refused for good, 5xx unknown."""

CODES: Final[dict[str, dict[str, Means]]] = {
    "ses": {
        **dict.fromkeys(
            "TooManyRequestsException ThrottlingException Throttling LimitExceededException SendingPausedException"
            " AccountSuspendedException MailFromDomainNotVerifiedException ExpiredTokenException RequestExpired UnrecognizedClientException"
            " InvalidSignatureException SignatureDoesNotMatch AccessDeniedException NotFoundException".split(),
            _ACCOUNT,
        ),
        "MessageRejected": _MESSAGE,
        "BadRequestException": _MESSAGE,
    },
    "sendgrid": {},  # it names fields, no codes
    "mailgun": {},  # the same
    "postmark": {
        "10": _ACCOUNT,  # wrong or missing token
        "100": _ACCOUNT,  # maintenance
        "405": _ACCOUNT,  # no credits left
        "412": _ACCOUNT,  # the account waits for approval
        "1235": _ACCOUNT,  # no such message stream
        "300": _MESSAGE,
        "400": _MESSAGE,  # the sender has no signature there
        "401": _MESSAGE,  # it was not confirmed
        "402": _MESSAGE,
        "403": _MESSAGE,
        "406": _MESSAGE,  # the address is inactive there
        "409": _MESSAGE,
        "411": _MESSAGE,
    },
}
"""Of each provider, error codes that say more than the status. Only 4xx answers are asked for theirs: what a failing server writes is not
believed, but for Postmark's maintenance, which it answers itself."""
_BELIEVED_IN_FAILURES: Final = frozenset({("postmark", "100")})


def of_answer(kind: str, status: int, code: str, *, stage: Stage, retry_after: str, now: datetime) -> Answer:
    """Say what an answer means. `code` is the provider's own word for its error, empty when it gave none."""
    means = None
    if 400 <= status < 500 or (kind, code) in _BELIEVED_IN_FAILURES:  # noqa: PLR2004 - a class of statuses
        means = CODES[kind].get(code)
    plain = of_status(status, stage=stage, retry_after=retry_after, now=now)
    if means is None:
        means = STATUSES.get(status) or Means(plain.outcome, "provider" if plain.about == "destination" else plain.about)
    known = code if code in CODES[kind] else ""
    return Answer(
        outcome=means.outcome,
        detail=f"{kind} {status} {known}".strip(),
        retry_after=read_retry_after(retry_after, now) if means.outcome is Outcome.REFUSED_FOR_NOW else None,
        about=means.about,
    )


def of_failure(kind: str, stage: Stage, broke: str) -> Answer:
    """Say what an ending without an answer means."""
    outcome, about = BREAKS.get((stage, broke), (Outcome.UNKNOWN, "message"))
    detail = f"{kind} {broke} at {stage.name.lower()}"
    return Answer(outcome=outcome, detail=detail, about="provider" if about == "destination" else "message")
