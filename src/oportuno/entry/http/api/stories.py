"""The story of a message: every step of it, with its moment and in words."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from oportuno.consent.refusals import Refusal, sentence
from oportuno.content.story import Step, in_words, known_now
from oportuno.entry.http.api.decisions import MessageId
from oportuno.entry.http.api.door import Caller, FrontHere
from oportuno.entry.http.api.shapes import CUSTOMER, LANGUAGES, MESSAGE, Shape, moment
from oportuno.flows.story import Story, story
from oportuno.kit.ids import read_id, write_id
from oportuno.kit.times import to_text

router = APIRouter(prefix="/api/v1", tags=["messages"])


class StepShape(Shape):
    """One thing that happened."""

    at: str
    kind: Literal["speak", "wait", "silence", "claimed", "attempt", "heard"]
    what: str = Field(description="Of an attempt its outcome, of what was heard what, of a wait or a silence the refusal; else empty.")
    attempt: int | None = Field(description="Which attempt it belongs to, from 1.")
    way: str = Field(description="By which provider; of what was heard: who told.")
    detail: str = Field(description="A short technical note, without personal data.")
    retry_at: str | None = Field(description="Of a wait: when it is decided again.")
    sentence: dict[str, str] = Field(description="By language.")


class StoryShape(Shape):
    """A message's story."""

    message: str
    customer: str
    status: str | None = Field(description="Where it is in the outbox; null when the proposal never became a message.")
    not_before: str | None = Field(description="When it may be tried again; null when it could leave at once, or has ended.")
    stands: str = Field(description="How it stands, by all that is known: the status, or what was heard since.")
    known: dict[str, str] = Field(description="The same in a sentence, by language.")
    steps: list[StepShape]


@router.get("/messages/{message}/story")
async def read_story(front: FrontHere, who: Caller, message: MessageId) -> StoryShape:
    """Tell a message's story: what was decided, each claim and attempt with its outcome, and what was heard of it, in order."""
    found = await story(who.workspace, read_id(MESSAGE, message), reads=front.reads, told=front.hearings)
    return story_shape(found)


def story_shape(found: Story) -> StoryShape:
    """Show a story."""
    record, verdicts = found.why.record, found.why.verdicts
    said = record.message.said if record is not None else verdicts[0].verdict.proposal
    key = record.message.key if record is not None else verdicts[0].key
    waits = record is not None and record.status.name == "PENDING" and record.not_before
    return StoryShape(
        message=write_id(MESSAGE, said.id),
        customer=write_id(CUSTOMER, key.customer),
        status=record.status.name.lower() if record is not None else None,
        not_before=moment(record.not_before) if record is not None and waits else None,
        stands=found.stands,
        known={language: known_now(found.stands, language) for language in LANGUAGES},
        steps=[_step_shape(step) for step in found.steps],
    )


def _step_shape(step: Step) -> StepShape:
    why = {language: sentence(Refusal(step.what), reader="marketer", language=language) for language in LANGUAGES} if _held(step) else {}
    return StepShape(
        at=to_text(step.at),
        kind=step.kind,  # type: ignore[arg-type]
        what=step.what,
        attempt=step.number or None,
        way=step.way,
        detail=step.detail,
        retry_at=moment(step.retry_at),
        sentence={language: in_words(step, language, reason=why.get(language, "")) for language in LANGUAGES},
    )


def _held(step: Step) -> bool:
    return step.kind in {"wait", "silence"} and bool(step.what)
