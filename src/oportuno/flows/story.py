"""A message's story: everything that is stored of it, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from oportuno.channels.hearing import Hearing
from oportuno.content.story import Step, standing
from oportuno.decision.verdict import Decided, Verdict
from oportuno.flows.reads import Attempt, Reads
from oportuno.flows.why import Why, why
from oportuno.kit.ids import WorkspaceId

_ORDER = {"speak": 0, "wait": 1, "silence": 1, "claimed": 2, "attempt": 3, "heard": 4}


class Told(Protocol):
    """What was heard of messages."""

    async def of_message(self, workspace: WorkspaceId, id: bytes) -> Sequence[Hearing]:  # noqa: A002 - the field's own word
        """Give what was heard of one message, in the order in which it happened."""
        ...


class Story(NamedTuple):
    """What became of a message, or of a proposal that never was one."""

    why: Why
    steps: list[Step]
    """In the order in which they happened, as far as anybody knows: what others tell bears their time."""
    stands: str
    """How it stands now (`content.story.standing`)."""


async def story(workspace: WorkspaceId, id: bytes, *, reads: Reads, told: Told) -> Story:  # noqa: A002 - the field's own word
    """Tell a message's story. Raises NotFound (``message_unknown``)."""
    found = await why(workspace, id, reads=reads)
    attempts = await reads.attempts(workspace, id)
    heard = await told.of_message(workspace, id)
    steps = [_decided(decision.verdict) for decision in found.verdicts]
    for attempt in attempts:
        steps += _tried(attempt)
    record = found.record
    if record is not None and record.handed_at is not None and record.attempts > max((each.n for each in attempts), default=0):
        steps.append(Step(at=record.handed_at, kind="claimed", number=record.attempts))
    steps += [_heard(hearing) for hearing in heard]
    steps.sort(key=lambda step: (step.at, _ORDER[step.kind], step.number))
    status = record.status.name.lower() if record is not None else Decided.SILENCE.value
    return Story(found, steps, standing(status, [hearing.what.value for hearing in heard]))


def _decided(verdict: Verdict) -> Step:
    reason = verdict.reasons[0] if verdict.reasons else None
    return Step(
        at=verdict.at,
        kind=verdict.decided.value,
        what=reason.refusal.value if reason is not None else "",
        retry_at=verdict.retry_at,
    )


def _tried(attempt: Attempt) -> list[Step]:
    ended = Step(at=attempt.ended_at, kind="attempt", what=attempt.outcome, number=attempt.n, way=attempt.way, detail=attempt.detail)
    return [ended] if attempt.claimed_at is None else [Step(at=attempt.claimed_at, kind="claimed", number=attempt.n), ended]


def _heard(hearing: Hearing) -> Step:
    """Tell of what was heard without what a person wrote and without an address."""
    return Step(at=hearing.at, kind="heard", what=hearing.what.value, way=hearing.source, detail=hearing.status)
