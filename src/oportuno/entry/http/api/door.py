"""Who is asking, and how lists are carried on: what every file of the API shares."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from oportuno.flows.crossing import Stage, winner_of
from oportuno.flows.forward import GONE
from oportuno.flows.ports import KeyFacts
from oportuno.flows.reads import Spot
from oportuno.flows.work import Stored
from oportuno.kit.faults import BadInput, Fault, NotAllowed, NotFound, NotRecognised
from oportuno.kit.ids import CustomerKey, key_of, read_customer
from oportuno.kit.times import Millis, parse_moment
from oportuno.wiring import Front

_LONGEST_KEY = 200
_MOST_HOPS = 100
_JOINED = frozenset({Stage.EXPORTED, Stage.JOINED, Stage.DONE})
_bearer = HTTPBearer(auto_error=False, description="A secret key of the workspace (`sk_…`).")

T = TypeVar("T")


class Gone(NotFound):
    """It existed and was forgotten on request."""

    status = 410


def front_of(request: Request) -> Front:
    """Give what the process is wired to."""
    front: Front = request.app.state.front
    return front


FrontHere = Annotated[Front, Depends(front_of)]


async def caller(front: FrontHere, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> KeyFacts:
    """Say who asks. Raises NotRecognised without a known key, NotAllowed with a write key."""
    if shown is None or not shown.credentials:
        raise NotRecognised("key_missing", "no key: send the secret key as “Authorization: Bearer sk_…”")
    facts = await front.keys.look_up(shown.credentials) if len(shown.credentials) <= _LONGEST_KEY else None
    if facts is None:
        raise NotRecognised("key_unknown", "there is no such key")
    if not facts.secret:
        raise NotAllowed("secret_key_needed", "a write key may only send events: use a secret key here")
    return facts


Caller = Annotated[KeyFacts, Depends(caller)]
AnyId = Annotated[
    str,
    Path(
        description="Any of the customer's ids: `cus_…`, a userId or an anonymousId. Ids with a slash: see `GET /api/v1/customers`.",
        min_length=1,
        max_length=200,
    ),
]
Limit = Annotated[int, Query(ge=1, le=200, description="How many, at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="The `next` of the page before; none: the newest.")]


async def find_customer(front: Front, who: KeyFacts, any_id: str) -> tuple[CustomerKey, Stored | None]:
    """Find a customer by any of the ids, also those of whoever was joined with them; the row is None until the engine has seen an event.

    Raises NotFound for an id of nobody, Gone for a customer who was forgotten.
    """
    key, row = await find_row(front, who, any_id)
    for _ in range(_MOST_HOPS):
        if row is None or row.status not in GONE:
            break
        key = winner_of(key, row.state)
        row = await front.reads.customer(key)
    if row is not None and row.status.name == "ERASED":
        raise Gone("customer_erased", "this customer was forgotten on request")
    return key, row


async def numbers(front: Front, key: CustomerKey) -> list[CustomerKey]:
    """Give a customer's key and those of everybody who was joined with them."""
    return [key, *(merge.loser for merge in await front.crossings.family(key) if merge.stage in _JOINED)]


async def find_row(front: Front, who: KeyFacts, any_id: str) -> tuple[CustomerKey, Stored | None]:
    """Find the row of exactly the customer that has this id. Raises NotFound and Gone."""
    key, row = await _by_own_id(front, who, any_id)
    if key is None and "\0" not in any_id:
        for kind in ("user", "anonymous"):
            customer = await front.store.find(who.workspace, kind, any_id)
            if customer is not None:
                key = key_of(who.workspace, customer)
                row = await front.reads.customer(key)
                break
    if key is None:
        raise NotFound("customer_unknown", "nobody in this workspace has this id")
    if row is not None and row.status.name == "ERASED":
        raise Gone("customer_erased", "this customer was forgotten on request")
    return key, row


async def _by_own_id(front: Front, who: KeyFacts, any_id: str) -> tuple[CustomerKey | None, Stored | None]:
    try:
        key = key_of(who.workspace, read_customer(any_id))
    except BadInput:
        return None, None
    row = await front.reads.customer(key)
    return (key, row) if row is not None else (None, None)


def read_cursor(cursor: str | None) -> Spot | None:
    """Read where a list was left. Raises BadInput when it is not a cursor of ours."""
    if cursor is None:
        return None
    fault = BadInput("cursor_malformed", "this is not a cursor: send the `next` of the page before", place="cursor")
    try:
        at, _, tie = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).partition(b":")
        spot = Spot(int(at), tie)
    except ValueError:
        raise fault from None
    if not 0 <= spot.at < 2**62:
        raise fault
    return spot


def read_at(text: str | None) -> Millis | None:
    """Read the moment that a query asks about; None: now. Raises BadInput."""
    if text is None:
        return None
    at = parse_moment(text)
    if at is None:
        raise BadInput("moment_malformed", "this is not a moment such as 2026-11-21T10:00:00Z", place="at")
    return at


def write_cursor(spot: Spot) -> str:
    """Write where a list was left."""
    return urlsafe_b64encode(b"%d:%b" % (spot.at, spot.tie)).rstrip(b"=").decode()


def cut(found: Sequence[T], limit: int) -> tuple[Sequence[T], T | None]:
    """Cut a list that was read one longer than asked: the page, and its last item when more follow."""
    page = found[:limit]
    return page, (page[-1] if len(found) > limit else None)


def bearer_headers(fault: Fault) -> dict[str, str]:
    """Give the header with which the API asks for a key."""
    return {"www-authenticate": 'Bearer realm="oportuno"'} if isinstance(fault, NotRecognised) else {}
