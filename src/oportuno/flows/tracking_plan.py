"""Holding what comes in against the workspace's tracking plan: what it blocks becomes a reject, and every violation is counted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from oportuno.events.event import Call
from oportuno.events.plan import UNKNOWN_EVENT, Checker, Violation
from oportuno.events.reading import Read, Refused
from oportuno.events.rejections import Rejection
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import WorkspaceId, derive, write_id
from oportuno.kit.times import DAY, Millis

LISTED_AT_MOST: Final = 2_000
"""Different violations of one workspace: events are named by whoever holds the public key."""
KEPT: Final[Millis] = 30 * DAY
"""How long a violation is listed after it was last seen, as rejects are."""
_RANDOM: Final = re.compile(
    r"(?:[a-z]{2,10}-){0,3}(?:\d{6,16}-)?(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{16,64}|[0-9A-HJKMNP-TV-Z]{26})"
)
"""A message id as libraries make it: a UUID, a long hexadecimal number or a ULID, after what the library puts in front. It names nobody."""


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How often one violation was seen, in one request or since it is listed."""

    times: int
    blocked: int
    """How many of these events became rejects because of this or another violation."""
    first_at: Millis
    last_at: Millis
    example: str = ""
    """One that shows it: ``rej_…`` of a reject, else the sender's own message id; empty when that may name somebody."""


class TrackingPlans(Protocol):
    """What workspaces laid down about their events, and what did not fit."""

    async def checker(self, workspace: WorkspaceId) -> Checker | None:
        """Give what events are held against (may be a second old); None: the workspace has no plan. Raises Unavailable."""
        ...

    async def note(self, workspace: WorkspaceId, seen: Mapping[Violation, Times]) -> None:
        """Add to the list; a further violation than `LISTED_AT_MOST` is left out. Raises Unavailable."""
        ...

    async def violations(self, workspace: WorkspaceId, *, limit: int) -> list[tuple[Violation, Times]]:
        """Give what is listed, the latest first."""
        ...


class NoPlans:
    """Where no workspace has a plan."""

    async def checker(self, workspace: WorkspaceId) -> Checker | None:  # noqa: ARG002 - the port's signature
        """Give none."""
        return None

    async def note(self, workspace: WorkspaceId, seen: Mapping[Violation, Times]) -> None:
        """Do nothing: nothing was held against anything."""

    async def violations(self, workspace: WorkspaceId, *, limit: int) -> list[tuple[Violation, Times]]:  # noqa: ARG002 - the port's signature
        """Give nothing."""
        return []


class Held(NamedTuple):
    """What became of a request's items."""

    reads: Sequence[Read | Refused]
    seen: Mapping[Violation, Times]


def hold(reads: Sequence[Read | Refused], checker: Checker, now: Millis) -> Held:
    """Hold track and identify calls against the plan.

    Those that it blocks are refused, under an id of their own, so that a retry is the same reject.
    """
    kept: list[Read | Refused] = []
    seen: dict[Violation, Times] = {}
    for read in reads:
        found = _check(read, checker) if isinstance(read, Read) else ()
        if not found or isinstance(read, Refused):
            kept.append(read)
            continue
        first = next((each for each in found if each.blocks), None)
        if first is None:
            example = _named(read)
            kept.append(read)
        else:
            refused = Refused(code=Rejection.PLAN_VIOLATION, field=_field(first, read.call), body=read.body, id=derive("plan", read.h))
            example = write_id("rej", refused.id)
            kept.append(refused)
        for violation in found:
            before = seen.get(violation)
            seen[violation] = Times(
                times=(before.times if before else 0) + 1,
                blocked=(before.blocked if before else 0) + (first is not None),
                first_at=now,
                last_at=now,
                example=example,
            )
    return Held(kept, seen)


async def note_quietly(plans: TrackingPlans, workspace: WorkspaceId, seen: Mapping[Violation, Times]) -> None:
    """Add to the list, after everything was stored. A database that is gone just now costs the counts, not the sender a second attempt."""
    try:
        await plans.note(workspace, seen)
    except Unavailable:
        return


def _check(read: Read, checker: Checker) -> tuple[Violation, ...]:
    if read.call is Call.TRACK:
        return checker.check(read.name, read.body)
    return checker.check_traits(read.body) if read.call is Call.IDENTIFY else ()


def _field(violation: Violation, call: Call) -> str:
    if violation.rule == UNKNOWN_EVENT:
        return "event"
    carried = "traits" if call is Call.IDENTIFY else "properties"
    return f"{carried}.{violation.path}" if violation.path else carried


class _Named(msgspec.Struct):
    messageId: str | int | None = None  # noqa: N815 - the name on the wire


_NAMED: Final = msgspec.json.Decoder(_Named)


def _named(read: Read) -> str:
    try:
        found = str(_NAMED.decode(read.body).messageId or "")
    except msgspec.DecodeError:
        return ""
    return found if _RANDOM.fullmatch(found) else ""
