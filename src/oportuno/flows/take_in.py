"""Taking in what the touchpoints send: recognise the key, open the body, read every item, store them all, answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from oportuno.events.envelope import Envelope, call_named, open_batch, open_call
from oportuno.events.event import Call, Source
from oportuno.events.reading import Read, Refused, Surroundings, read_call
from oportuno.flows.limits import Doorkeeper
from oportuno.flows.ports import Arrival, Intake, KeyFacts, Keys, LaneClass, Reject, Sighting
from oportuno.kit.faults import NotAllowed, NotRecognised
from oportuno.kit.ids import key_of
from oportuno.kit.times import Millis

KEY_CEILING: Final = 200
"""Characters of a key; longer ones are not looked up."""


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
    request: TakeIn, *, intake: Intake, keys: Keys, doorkeeper: Doorkeeper, digest_key: bytes, ids: Callable[[], bytes], now: Millis
) -> Taken:
    """Store every item of a request: the good ones as events, the others as rejects, in one commit.

    Raises, with nothing stored: BadInput (body unreadable), TooLarge, NotRecognised, NotAllowed, Busy, Unavailable.
    """
    doorkeeper.knock(request.address, now)
    facts = await _recognise(request.key, keys) if request.key else None
    envelope = open_batch(request.body) if request.call is None else open_call(request.body)
    if facts is None:
        facts = await _recognise(envelope.key, keys)
    if facts.secret and request.browser:
        raise NotAllowed("secret_key_in_page", "a secret key has no place in a web page: use the write key, and renew the secret one")
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
        imported=envelope.imported,
    )
    return await _store(_read_all(envelope, around), facts, around, intake=intake)


async def take_in_again(reject: Reject, *, intake: Intake, digest_key: bytes, now: Millis) -> Taken:
    """Read a stored reject once more, after what was wrong with it was mended on our side. Old news: it starts nothing.

    Doing it twice stores one event. Raises Unavailable; an item that still cannot be read stays a reject and is answered as one.
    """
    head = reject.place.partition(".")[0]
    around = Surroundings(received=now, digest_key=digest_key, ids=lambda: reject.id, call=call_named(head), secret=True, replayed=True)
    read = read_call(reject.raw, around)
    if isinstance(read, Refused):
        return Taken(items=1, stored=0, rejects=(Rejected(place=reject.place, code=read.code, sentence=read.sentence),))
    facts = KeyFacts(workspace=reject.workspace, key_id=reject.key_id, secret=True)
    return await _store([read], facts, around, intake=intake)


async def _recognise(key: str, keys: Keys) -> KeyFacts:
    if not key:
        raise NotRecognised("key_missing", "no key: send the write key as the user of Basic authorization, or as writeKey in the body")
    facts = await keys.look_up(key) if len(key) <= KEY_CEILING and "\0" not in key else None
    if facts is None:
        raise NotRecognised("key_unknown", "there is no such key")
    return facts


def _read_all(envelope: Envelope, around: Surroundings) -> list[Read | Refused]:
    return [read_call(bytes(item), around) for item in envelope.items]


async def _store(reads: Sequence[Read | Refused], facts: KeyFacts, around: Surroundings, *, intake: Intake) -> Taken:
    good = [read for read in reads if type(read) is Read]
    refused = [(place, read) for place, read in enumerate(reads) if type(read) is Refused]
    bulk = any(read.source >= Source.IMPORT for read in good)
    arrivals = await _arrivals(good, facts, around.received, bulk=bulk, intake=intake) if good else []
    rejects = [_reject(read, _place(number, read.field, around.call), facts, around) for number, read in refused]
    stored = await intake.store(arrivals, rejects, LaneClass.BULK if bulk else LaneClass.LIVE)
    told = tuple(Rejected(place=reject.place, code=reject.code, sentence=reject.sentence) for reject in rejects)
    return Taken(items=len(reads), stored=stored, rejects=told)


async def _arrivals(good: list[Read], facts: KeyFacts, received: Millis, *, bulk: bool, intake: Intake) -> list[Arrival]:
    """Give the reads their customers.

    Beside an import everything goes the bulk way, so that one commit takes the whole request; what went the bulk way is not live.
    """
    workspace = facts.workspace
    whom = [(read.user, read.anonymous) for read in good]
    sightings = [Sighting(workspace, user, anonymous) for user, anonymous in dict.fromkeys(whom)]
    customers = await intake.resolve(sightings)
    places = {
        (sighting.user, sighting.anonymous): key_of(workspace, customer) for sighting, customer in zip(sightings, customers, strict=True)
    }
    return [
        Arrival(
            key=places[who],
            h=read.h,
            source=Source.LATE if bulk and read.source is Source.LIVE else read.source,
            call=read.call,
            name=read.name,
            at=read.at,
            received=received,
            body=read.body,
            day=read.day,
            also_day=read.also_day,
        )
        for who, read in zip(whom, good, strict=True)
    ]


def _reject(read: Refused, place: str, facts: KeyFacts, around: Surroundings) -> Reject:
    return Reject(
        workspace=facts.workspace,
        id=around.ids()[:16],
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
