"""What holds for a customer now, and what they told the shop about how they want to be spoken to."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter
from pydantic import Field, field_validator

from oportuno.consent.answers import Consents
from oportuno.consent.complaints import open_since
from oportuno.consent.wishes import Cadence
from oportuno.entry.http.api.answers import HeardShape, Word, bounded
from oportuno.entry.http.api.door import AnyId, Caller, FrontHere, find_customer
from oportuno.entry.http.api.shapes import CUSTOMER, Shape, moment
from oportuno.flows.record import Registry, Wished
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import write_id
from oportuno.kit.times import Millis, parse_moment, to_text
from oportuno.profile.draft import Draft

router = APIRouter(prefix="/api/v1/customers", tags=["wishes"])

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_TOPICS = 50

Topics = Annotated[list[Word], Field(max_length=_TOPICS)]


class WishesGiven(Shape):
    """Wishes as they were told. A field that is not sent stays as it was; null takes the wish back."""

    cadence: Literal["weekly", "monthly", "when_it_fits"] | None = Field(
        default=None, description="How often at most: one a week, one a month, or two a week and only what fits."
    )
    paused_until: str | None = Field(default=None, description="Until when marketing rests (RFC 3339).")
    quiet: str | None = Field(default=None, description="Hours of their own day in which nothing comes, such as 22:00-10:00.")
    skip_topics: Topics = Field(default_factory=list, description="Topics they would rather not hear about.")
    hear_topics: Topics = Field(default_factory=list, description="Topics they want to hear about again.")
    source: Word = Field(description="Where it was told: account_page, telephone, shop_counter …")
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
    actor: Word = Field(description="Who says so: the customer, or the member of staff who took it down.")
    proof: dict[str, Any] = Field(default_factory=dict)

    @field_validator("proof")
    @classmethod
    def _bounded(cls, proof: dict[str, Any]) -> dict[str, Any]:
        return bounded(proof)


class AnswerShape(Shape):
    """An answer that is in force."""

    state: str
    since: str
    source: str
    notice: str
    expires: str | None


class WishesShape(Shape):
    """What holds for a customer now: answers, closed channels, wishes, an open complaint."""

    answers: dict[str, AnswerShape] = Field(description="By purpose and channel, such as marketing/email. Not there: never answered.")
    closed: dict[str, dict[str, str]] = Field(description="Channels that are closed whatever was agreed: reason and since.")
    cadence: str | None
    paused_until: str | None
    quiet: str | None
    skipped_topics: list[str]
    complaint_open_since: str | None


@router.get("/{customer}/wishes")
async def read_wishes(front: FrontHere, who: Caller, customer: AnyId) -> WishesShape:
    """Give what holds for this customer now."""
    key, row = await find_customer(front, who, customer)
    now = await front.reads.now()
    consents = Draft(key, row.state if row else b"", row.version if row else 0).read(Consents)
    return WishesShape(
        answers={
            place: AnswerShape(
                state=answer.state.value,
                since=to_text(answer.at),
                source=answer.source,
                notice=answer.notice,
                expires=moment(answer.expires or None),
            )
            for place, answer in sorted(consents.answers.items())
        },
        closed={channel: {"reason": why, "since": to_text(since)} for channel, (why, since) in sorted(consents.suppressed.items())},
        cadence=consents.cadence or None,
        paused_until=to_text(consents.paused_until) if consents.paused_until > now else None,
        quiet=None if consents.quiet is None else "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in consents.quiet),
        skipped_topics=sorted(consents.skipped_topics),
        complaint_open_since=moment(open_since(consents) or None),
    )


@router.post("/{customer}/wishes")
async def record_wishes(front: FrontHere, who: Caller, customer: AnyId, given: WishesGiven) -> HeardShape:
    """Record what a customer wishes. It holds at once, also for what was already queued."""
    told = given.model_fields_set
    key, _ = await find_customer(front, who, customer)
    wished = Wished(
        cadence=(Cadence(given.cadence) if given.cadence else None) if "cadence" in told else msgspec.UNSET,
        paused_until=_until(given.paused_until) if "paused_until" in told else msgspec.UNSET,
        quiet=_hours(given.quiet) if "quiet" in told else msgspec.UNSET,
        skip_topics=tuple(given.skip_topics),
        hear_topics=tuple(given.hear_topics),
        source=given.source,
        language=given.language,
        actor=given.actor,
        proof=given.proof,
    )
    heard = await Registry(store=front.store, reads=front.reads, programmes=front.programmes).record_wishes(key, wished)
    return HeardShape(customer=write_id(CUSTOMER, key.customer), at=to_text(heard.at), changed=heard.changed, dropped=heard.dropped)


def _until(text: str | None) -> Millis | None:
    if text is None:
        return None
    at = parse_moment(text)
    if at is None or at <= 0:
        raise BadInput("moment_malformed", "this is not a moment such as 2026-11-21T10:00:00Z", place="paused_until")
    return at


def _hours(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise BadInput("quiet_unfit", "quiet hours are two times such as 22:00-10:00", place="quiet")
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if start == end:
        raise BadInput("quiet_unfit", "quiet hours are two different times such as 22:00-10:00", place="quiet")
    return start, end
