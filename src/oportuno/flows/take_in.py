"""Taking in what the touchpoints send: recognise the key, open the body, read every item, store them all, answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from oportuno.events.envelope import Envelope, call_named, open_batch, open_call
from oportuno.events.event import Call, Source, Trust
from oportuno.events.reading import Read, Refused, Surroundings, read_call
from oportuno.events.rejections import Rejection
from oportuno.flows.crossing import Alias, Asked
from oportuno.flows.identity import NoTokens, Signing, Verifier, vouched
from oportuno.flows.limits import Doorkeeper
from oportuno.flows.ports import Arrival, Intake, KeyFacts, Keys, LaneClass, Reject, Sighting
from oportuno.flows.tracking_plan import NoPlans, TrackingPlans, hold, note_quietly
from oportuno.kit.faults import NotAllowed, NotRecognised
from oportuno.kit.ids import CustomerKey, key_of
from oportuno.kit.times import Millis

KEY_CEILING: Final = 200
"""Characters of a key; longer ones are not looked up."""

NO_TOKENS: Final = NoTokens()
NO_PLANS: Final = NoPlans()
_ALIAS: Final = Call.ALIAS
_LIVE, _LATE, _IMPORT = Source.LIVE, Source.LATE, Source.IMPORT


class TakeIn(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came through the door."""

    body: bytes
    """Inflated."""
    call: Call | None = None
    """The call named by the address; None for a batch."""
    key: str = ""
    """The key of the Authorization header; empty: the body's writeKey counts."""
    address: str = ""
    """Where it came from, for the limit per address. Not stored."""
    browser: bool = False
    """A web page sent it (it carried an Origin): no place for a secret key."""
    token: str = ""
    """An identity token that came with the request as a whole."""
    history: bool = False
    """It came to the address where the past is brought: an import when a secret key brings it.

    With a write key it may be the past or not, because some stock libraries know no other address: what is fresh by its own stamp is live.
    """


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """An item that was stored as a reject, as the sender is told."""

    place: str
    code: str
    sentence: str


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request. Every item of it is stored."""

    items: int
    stored: int
    """Events that were new; the others of the good ones had been seen before."""
    rejects: tuple[Rejected, ...] = ()


async def take_in(
    request: TakeIn,
    *,
    intake: Intake,
    keys: Keys,
    doorkeeper: Doorkeeper,
    digest_key: bytes,
    ids: Callable[[], bytes],
    now: Millis,
    verifier: Verifier = NO_TOKENS,
    plans: TrackingPlans = NO_PLANS,
) -> Taken:
    """Store every item of a request: the good ones as events, the others as rejects, in one commit.

    Raises, with nothing stored: BadInput (body unreadable), TooLarge, NotRecognised, NotAllowed, Busy, Unavailable.
    """
    doorkeeper.knock(request.address, now)
    facts = await recognise(request.key, keys) if request.key else None
    envelope = open_batch(request.body) if request.call is None else open_call(request.body)
    if facts is None:
        facts = await recognise(envelope.key, keys)
    if facts.secret and request.browser:
        raise secret_in_page()
    if not envelope.items:
        return Taken(items=0, stored=0)
    doorkeeper.admit(request.address, facts.key_id, len(envelope.items), now)
    doorkeeper.hold(await intake.backlog(facts.workspace), await intake.fullness())
    around = Surroundings(
        received=now,
        digest_key=digest_key,
        ids=ids,
        call=request.call,
        sent_at=envelope.sent_at,
        secret=facts.secret,
        imported=envelope.imported or (request.history and facts.secret),
        history=request.history,
        token=request.token,
    )
    reads = _read_all(envelope, around)
    if facts.signing is not None and not facts.secret:
        reads = [_vouched(read, facts.signing, verifier, now) for read in reads]
    return await store_by_plan(reads, facts, around, intake=intake, plans=plans)


async def take_in_again(
    reject: Reject, *, intake: Intake, digest_key: bytes, now: Millis, plans: TrackingPlans = NO_PLANS, mended: bytes = b""
) -> Taken:
    """Read a stored reject once more, after what was wrong was mended on our side, or in the item: `mended`. Old news: it starts nothing.

    Doing it twice stores one event. Raises Unavailable; an item that still cannot be read stays a reject and is answered as one.
    """
    head = reject.place.partition(".")[0]
    around = Surroundings(received=now, digest_key=digest_key, ids=lambda: reject.id, call=call_named(head), secret=True, replayed=True)
    read = read_call(mended or reject.raw, around)
    if isinstance(read, Refused):
        return Taken(items=1, stored=0, rejects=(Rejected(place=reject.place, code=read.code, sentence=read.sentence),))
    facts = KeyFacts(workspace=reject.workspace, key_id=reject.key_id, secret=True)
    checker = await plans.checker(facts.workspace)
    held = hold([read], checker, now).reads[0] if checker is not None else read
    if isinstance(held, Refused):
        return Taken(items=1, stored=0, rejects=(Rejected(place=reject.place, code=held.code, sentence=held.sentence),))
    return await _store([read], facts, around, intake=intake)


def secret_in_page() -> NotAllowed:
    """Give the fault of a secret key where everybody can read it."""
    sentence = "a secret key has no place in a web page or an address: use the write key, and renew the secret one"
    return NotAllowed("secret_key_in_page", sentence)


async def recognise(key: str, keys: Keys) -> KeyFacts:
    """Say what a key stands for. Raises NotRecognised, Unavailable."""
    if not key:
        raise NotRecognised("key_missing", "no key: send the write key as the user of Basic authorization, or as writeKey in the body")
    facts = await keys.look_up(key) if len(key) <= KEY_CEILING and "\0" not in key else None
    if facts is None:
        raise NotRecognised("key_unknown", "there is no such key")
    return facts


def _read_all(envelope: Envelope, around: Surroundings) -> list[Read | Refused]:
    return [read_call(bytes(item), around) for item in envelope.items]


def _vouched(read: Read | Refused, signing: Signing, verifier: Verifier, now: Millis) -> Read | Refused:
    """Refuse what names a user with the write key and without the token that this workspace asks for."""
    if isinstance(read, Refused) or not read.user:
        return read
    reason = vouched(read.user, read.token, signing=signing, verifier=verifier, now=now)
    return read if reason is None else Refused(code=reason, field="context.identity.token", body=read.body)


def trust_of(facts: KeyFacts, *, named: bool) -> Trust:
    """Say who vouches for what a key brings. Where tokens are asked for, nothing `named` a user without one."""
    if facts.secret:
        return Trust.SECRET
    return Trust.SIGNED if named and facts.signing is not None else Trust.PUBLIC


async def _name(
    reads: Sequence[Read | Refused], facts: KeyFacts, *, intake: Intake
) -> tuple[Sequence[Read | Refused], dict[tuple[str, str], CustomerKey]]:
    """Say whose each read is, and carry out what aliases say of ids. What may not be, or makes too many ids, is refused."""
    workspace = facts.workspace
    if any(type(read) is Read and read.call is _ALIAS for read in reads):
        reads = [await _aliased(read, facts, intake=intake) for read in reads]
    whom = dict.fromkeys([(read.user, read.anonymous) for read in reads if type(read) is Read])
    if not whom:
        return reads, {}
    asked = Asked(facts.key_id, trust_of(facts, named=True))
    customers = await intake.resolve([Sighting(workspace, user, anonymous) for user, anonymous in whom], asked)
    places = {ids: key_of(workspace, customer) for ids, customer in zip(whom, customers, strict=True) if customer}
    if len(places) < len(whom):
        reads = [
            Refused(code=Rejection.IDS_TOO_MANY, field="anonymousId", body=read.body)
            if type(read) is Read and (read.user, read.anonymous) not in places
            else read
            for read in reads
        ]
    return reads, places


async def _aliased(read: Read | Refused, facts: KeyFacts, *, intake: Intake) -> Read | Refused:
    if isinstance(read, Refused) or read.call is not _ALIAS:
        return read
    asked = Asked(facts.key_id, trust_of(facts, named=bool(read.user)))
    code = await intake.alias(Alias(facts.workspace, read.previous, read.user, read.anonymous, read.h), asked)
    return Refused(code=Rejection(code), field="previousId", body=read.body) if code else read


async def store_by_plan(
    reads: Sequence[Read | Refused], facts: KeyFacts, around: Surroundings, *, intake: Intake, plans: TrackingPlans
) -> Taken:
    """Hold what was read against the workspace's tracking plan, and store it all in one commit. Raises Unavailable."""
    checker = await plans.checker(facts.workspace)
    if checker is None:
        return await _store(reads, facts, around, intake=intake)
    held = hold(reads, checker, around.received)
    taken = await _store(held.reads, facts, around, intake=intake)
    if held.seen:
        await note_quietly(plans, facts.workspace, held.seen)
    return taken


async def _store(reads: Sequence[Read | Refused], facts: KeyFacts, around: Surroundings, *, intake: Intake) -> Taken:
    reads, places = await _name(reads, facts, intake=intake)
    good = [read for read in reads if type(read) is Read]
    bulk = any([read.source >= _IMPORT for read in good])  # noqa: C419 - a list costs a third of a generator
    arrivals = _arrivals(good, places, facts, around.received, bulk=bulk)
    rejects: list[Reject] = []
    if len(good) < len(reads):
        refused = [(place, read) for place, read in enumerate(reads) if type(read) is Refused]
        rejects = [_reject(read, _place(number, read.field, around.call), facts, around) for number, read in refused]
    stored = await intake.store(arrivals, rejects, LaneClass.BULK if bulk else LaneClass.LIVE)
    told = tuple(Rejected(place=reject.place, code=reject.code, sentence=reject.sentence) for reject in rejects)
    return Taken(items=len(reads), stored=stored, rejects=told)


def _arrivals(
    reads: Sequence[Read], places: Mapping[tuple[str, str], CustomerKey], facts: KeyFacts, received: Millis, *, bulk: bool
) -> list[Arrival]:
    """Give each read its customer.

    Beside an import everything goes the bulk way, so that one commit takes the whole request; what went the bulk way is not live.
    """
    named, unnamed = trust_of(facts, named=True), trust_of(facts, named=False)
    return [
        Arrival(
            key=places[read.user, read.anonymous],
            h=read.h,
            source=_LATE if bulk and read.source is _LIVE else read.source,
            call=read.call,
            name=read.name,
            at=read.at,
            received=received,
            body=read.body,
            day=read.day,
            also_day=read.also_day,
            trust=named if read.user else unnamed,
        )
        for read in reads
    ]


def _reject(read: Refused, place: str, facts: KeyFacts, around: Surroundings) -> Reject:
    return Reject(
        workspace=facts.workspace,
        id=read.id or around.ids()[:16],
        received=around.received,
        code=read.code.value,
        sentence=read.sentence,
        place=place,
        raw=read.body,
        key_id=facts.key_id,
    )


def _place(number: int, field: str, call: Call | None) -> str:
    """Name the item and field: ``batch[3].timestamp``, or ``track.event`` of a single call."""
    head = f"batch[{number}]" if call is None else call.name.lower()
    return f"{head}.{field}" if field else head
