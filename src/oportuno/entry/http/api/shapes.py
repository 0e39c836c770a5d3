"""What the API shows, field by field. Times are RFC 3339 in UTC; ids are written for people (`cus_…`, `msg_…`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from oportuno.consent.refusals import Reason, sentence
from oportuno.content.said import Because
from oportuno.decision.verdict import Verdict
from oportuno.events.event import Event
from oportuno.flows.reads import LedgerRecord, MessageRecord, RejectRecord, Tally
from oportuno.flows.work import Decision
from oportuno.kit.ids import write_id
from oportuno.kit.times import Millis, to_text
from oportuno.profile.fold import unfit

CUSTOMER = "cus"
MESSAGE = "msg"
REJECT = "rej"
LANGUAGES = ("es", "en")


class Shape(BaseModel):
    """A body whose fields are exactly these."""

    model_config = ConfigDict(extra="forbid")


class ProblemShape(BaseModel):
    """An answer that is not a success (RFC 9457)."""

    type: str = Field(description="`urn:oportuno:problem:<code>`: the same for every occurrence.")
    title: str
    status: int
    detail: str = Field(description="One sentence.")
    code: str = Field(description="A stable name; docs/reference/errors.md lists them.")
    place: str = Field(default="", description="Which line, field or item it concerns.")
    instance: str = Field(default="", description="The path that was asked.")
    faults: list[dict[str, str]] = Field(
        default_factory=list, description="When several things are wrong: each with code, detail and place."
    )


class CustomerShape(Shape):
    """A customer: who it is, and the profile as far as their consents let it be read."""

    customer: str
    status: Literal["active", "merging", "forwarded"]
    merged_from: list[str] = Field(description="Customers who turned out to be this one; their ids lead here.")
    state_bytes: int = Field(description="Size of the hot state.")
    profile: dict[str, Any] = Field(description="Sections by name. `closed` names those whose purpose was not granted: they were not read.")
    next_look_at: str | None = Field(description="When the engine will look at this customer again without a new event.")


class ReasonShape(Shape):
    """Why not, or not yet."""

    refusal: str = Field(description="A stable name; docs/reference/refusals.md lists them.")
    facts: dict[str, Any]
    retry_at: str | None
    customer: dict[str, str] = Field(description="The sentence for the customer, by language.")
    marketer: dict[str, str] = Field(description="The sentence for the marketer, by language.")


class BecauseShape(Shape):
    """The evidence that fired the trigger."""

    kind: str
    facts: dict[str, Any]
    read: list[str] = Field(description="Sections of the profile that were read for it.")


class VerdictShape(Shape):
    """What was decided on one proposal at one moment."""

    customer: str
    message: str = Field(description="The proposal's id; a message made of it has the same.")
    decided: Literal["speak", "wait", "silence"]
    at: str
    retry_at: str | None
    journey: str
    version: int
    step: str
    template: str
    channel: str
    purpose: str
    topic: str
    items: list[str]
    because: BecauseShape
    reasons: list[ReasonShape]


class MessageShape(Shape):
    """A message and what became of it."""

    message: str
    customer: str
    status: Literal["pending", "handing", "accepted", "refused", "unknown", "cancelled", "expired"]
    channel: str
    template: str
    journey: str
    version: int
    step: str
    purpose: str
    topic: str
    items: list[str]
    marketing: bool
    because: BecauseShape
    created_at: str
    not_before: str | None = Field(description="When it may be tried again; null when it could leave at once.")
    expires_at: str
    handed_at: str | None
    ended_at: str | None
    attempts: int
    reason: str = Field(description="Of a cancelled or expired one: the refusal's name.")
    outcome: str | None = Field(description="Of the last hand-off: accepted, refused_for_now, refused_for_good or unknown.")
    detail: str = Field(description="The provider's answer in short, without personal data.")


class WhyShape(Shape):
    """Why a message was said, or why there was silence: from stored facts only."""

    message: str
    customer: str
    said: MessageShape | None = Field(description="None when the proposal never became a message.")
    sentence: dict[str, str] = Field(description="The because line, by language.")
    points: dict[str, list[str]] = Field(description="What it is based on, by language.")
    not_used: dict[str, list[str]] = Field(description="What was not used, by language.")
    verdicts: list[VerdictShape]


class EventShape(Shape):
    """An event as it is stored."""

    call: Literal["track", "identify", "page", "screen", "group", "alias"]
    name: str
    at: str = Field(description="When it happened, corrected for the client's clock.")
    received: str
    source: Literal["live", "late", "import", "replay", "test"]
    body: Any = Field(description="The call as the client sent it.")
    unfit: list[str] = Field(description="Parts that could not be used, as `code:place`, for example `trait_malformed:traits.timezone`.")


class LedgerShape(Shape):
    """One answer about consent, with what proves it."""

    n: int
    at: str
    slot: str
    state: str
    source: str
    notice: str
    language: str
    actor: str
    proof: dict[str, Any]
    commitment: str = Field(description="Hash that chains this answer to the one before.")


class RejectShape(Shape):
    """An item that could not become an event."""

    reject: str
    received: str
    code: str
    sentence: str
    place: str
    key_id: str
    replayed: bool
    raw: str = Field(description="What was sent; bytes that are not UTF-8 are replaced.")


class TallyShape(Shape):
    """How often something was decided."""

    decided: Literal["speak", "wait", "silence"]
    refusal: str
    journey: str
    times: int


class VerdictPage(Shape):
    """Verdicts, newest first."""

    items: list[VerdictShape]
    next: str | None = Field(description="Cursor of the next page; null: that was all.")


class MessagePage(Shape):
    """Messages, newest first."""

    items: list[MessageShape]
    next: str | None


class EventPage(Shape):
    """Events in order of arrival, newest first."""

    items: list[EventShape]
    next: str | None


class LedgerPage(Shape):
    """A customer's answers about consent, oldest first."""

    items: list[LedgerShape]


class RejectPage(Shape):
    """Rejects, newest first."""

    items: list[RejectShape]
    next: str | None


class DecisionPage(Shape):
    """The workspace's latest verdicts, and what was decided how often."""

    now: str
    since: str = Field(description="The tallies count from here.")
    items: list[VerdictShape]
    tallies: list[TallyShape]
    next: str | None


def moment(at: Millis | None) -> str | None:
    """Write a moment that may be missing."""
    return None if at is None else to_text(at)


def because_shape(because: Because) -> BecauseShape:
    """Show evidence."""
    return BecauseShape(kind=because.kind, facts=msgspec.to_builtins(because.facts), read=list(because.read))


def reason_shape(reason: Reason) -> ReasonShape:
    """Show a reason with its sentences."""
    return ReasonShape(
        refusal=reason.refusal.value,
        facts=msgspec.to_builtins(reason.facts),
        retry_at=moment(reason.retry_at),
        customer={language: sentence(reason.refusal, reader="customer", language=language) for language in LANGUAGES},
        marketer={language: sentence(reason.refusal, reader="marketer", language=language) for language in LANGUAGES},
    )


def verdict_shape(decision: Decision) -> VerdictShape:
    """Show a verdict."""
    verdict: Verdict = decision.verdict
    proposal = verdict.proposal
    return VerdictShape(
        customer=write_id(CUSTOMER, decision.key.customer),
        message=write_id(MESSAGE, proposal.id),
        decided=verdict.decided.value,
        at=to_text(verdict.at),
        retry_at=moment(verdict.retry_at),
        journey=proposal.journey,
        version=proposal.version,
        step=proposal.step,
        template=proposal.template,
        channel=proposal.channel,
        purpose=proposal.purpose.value,
        topic=proposal.topic,
        items=list(proposal.items),
        because=because_shape(proposal.because),
        reasons=[reason_shape(reason) for reason in verdict.reasons],
    )


def message_shape(record: MessageRecord) -> MessageShape:
    """Show a message."""
    message, said = record.message, record.message.said
    return MessageShape(
        message=write_id(MESSAGE, message.id),
        customer=write_id(CUSTOMER, message.key.customer),
        status=record.status.name.lower(),  # type: ignore[arg-type]
        channel=said.channel,
        template=said.template,
        journey=said.journey,
        version=said.version,
        step=said.step,
        purpose=said.purpose.value,
        topic=said.topic,
        items=list(said.items),
        marketing=message.marketing,
        because=because_shape(said.because),
        created_at=to_text(record.created_at),
        not_before=moment(record.not_before or None),
        expires_at=to_text(message.expires_at),
        handed_at=moment(record.handed_at),
        ended_at=moment(record.ended_at),
        attempts=record.attempts,
        reason=record.reason,
        outcome=record.answer.outcome.value if record.answer else None,
        detail=record.answer.detail if record.answer else "",
    )


def event_shape(event: Event) -> EventShape:
    """Show an event. A body that was blanked is null."""
    try:
        body = msgspec.json.decode(event.body) if event.body else None
    except msgspec.DecodeError:
        body = event.body.decode(errors="replace")
    return EventShape(
        call=event.call.name.lower(),  # type: ignore[arg-type]
        name=event.name,
        at=to_text(event.at),
        received=to_text(event.received),
        source=event.source.name.lower(),  # type: ignore[arg-type]
        body=body,
        unfit=list(unfit(event)),
    )


def ledger_shape(record: LedgerRecord) -> LedgerShape:
    """Show an answer about consent."""
    return LedgerShape(
        n=record.n,
        at=to_text(record.at),
        slot=record.slot,
        state=record.state,
        source=record.source,
        notice=record.notice,
        language=record.language,
        actor=record.actor,
        proof=msgspec.to_builtins(record.proof),
        commitment=record.commitment.hex(),
    )


def reject_shape(record: RejectRecord) -> RejectShape:
    """Show a reject."""
    reject = record.reject
    return RejectShape(
        reject=write_id(REJECT, reject.id),
        received=to_text(reject.received),
        code=reject.code,
        sentence=reject.sentence,
        place=reject.place,
        key_id=reject.key_id,
        replayed=record.replayed,
        raw=reject.raw.decode(errors="replace"),
    )


def tally_shapes(tallies: Sequence[Tally]) -> list[TallyShape]:
    """Show counts."""
    return [TallyShape(decided=each.decided.value, refusal=each.refusal, journey=each.journey, times=each.times) for each in tallies]
