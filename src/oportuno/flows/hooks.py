"""Hearing what a shop's system posts: is it really theirs, what does it mean, and into the log, the ledger and the catalogue with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from oportuno.catalog.reading import read_row
from oportuno.catalog.row import RowFault
from oportuno.consent.answers import Answered
from oportuno.events.hooks import shopify, woocommerce
from oportuno.events.hooks.post import Meaning, Platform, Post, Statement, Tell, kept, signed
from oportuno.events.reading import NESTING_CEILING, Read, Refused, Surroundings, read_call
from oportuno.events.rejections import SENTENCES, Rejection
from oportuno.events.splitting import deeper_than
from oportuno.flows.catalogue import lasts_of
from oportuno.flows.limits import Doorkeeper
from oportuno.flows.ports import Intake, KeyFacts, LaneClass, Programmes, Reject, Sighting
from oportuno.flows.ports_catalogue import Catalogue, How
from oportuno.flows.record import Given, Registry
from oportuno.flows.take_in import Rejected, Taken, store_by_plan
from oportuno.flows.tracking_plan import TrackingPlans
from oportuno.kit.faults import NotFound, NotRecognised
from oportuno.kit.ids import WorkspaceId, derive, key_of
from oportuno.kit.times import Millis, parse_moment
from oportuno.profile.purposes import Purpose

POST_CEILING: Final = 1024 * 1024
"""Bytes of one post: an order of some hundred lines."""
HOOKS_AT_MOST: Final = 50
"""Addresses of one workspace."""
_WORD_AT_MOST: Final = 100
_PING: Final = re.compile(rb"webhook_id=\d{1,20}")
"""What WooCommerce posts, unsigned, to see whether anybody is there."""
_DECODE: Final = msgspec.json.Decoder().decode
_ENCODE: Final = msgspec.json.Encoder().encode
_READERS: Final[dict[Platform, Callable[[Post], Meaning]]] = {
    Platform.SHOPIFY: shopify.meaning_of,
    Platform.WOOCOMMERCE: woocommerce.meaning_of,
}
PLACE: Final = "hook"
"""How the place of a rejected post begins: ``hook orders/create <delivery>``."""


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """An address at which a shop's system posts."""

    workspace: WorkspaceId
    id: str
    """``hook_…``, the last part of the address."""
    platform: Platform
    name: str
    secret: bytes
    """By which posts are signed."""
    notice: str = ""
    """Version of the wording that the shop serves when it asks for marketing; empty: what it says of a yes does not count."""
    language: str = ""
    """In which that is served."""
    made_at: Millis = 0
    last_at: Millis | None = None
    """When the last post came whose signature held (to the minute)."""
    secret_lost: bool = False
    """It was sealed with a key that is not here: it has to be told anew. Only a list says so; whoever needs the secret is refused."""


class Hooks(Protocol):
    """The addresses of all workspaces."""

    async def hook(self, id: str) -> Hook | None:  # noqa: A002 - the field's own word
        """Give one, of whatever workspace; None: there is no such address."""
        ...

    async def of(self, workspace: WorkspaceId) -> list[Hook]:
        """Give those of a workspace, oldest first."""
        ...

    async def put(self, hook: Hook) -> Hook:
        """Write one, over what stood there, and give it as it stands: made when it was made first."""
        ...

    async def drop(self, workspace: WorkspaceId, id: str) -> bool:  # noqa: A002 - the field's own word
        """Take one away. False: there was none."""
        ...

    async def heard(self, id: str) -> None:  # noqa: A002 - the field's own word
        """Note that something came, at most once a minute."""
        ...


class Ear(NamedTuple):
    """What hearing needs of the world."""

    hooks: Hooks
    intake: Intake
    catalogue: Catalogue
    programmes: Programmes
    plans: TrackingPlans
    registry: Registry
    find: Callable[[WorkspaceId, str, str], Any]
    """As `Store.find`: who has this id, without making anybody."""
    digest_key: bytes
    ids: Callable[[], bytes]


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A post before anybody looked into it."""

    platform: Platform
    hook: str
    raw: bytes
    topic: str
    id: str
    """The delivery's own id; empty: one is made of what it says."""
    signature: bytes
    address: str
    """Where it came from, for the limit per address. Not stored."""
    now: Millis


async def hear_post(posted: Posted, ear: Ear, doorkeeper: Doorkeeper) -> Taken:
    """Take in one post: everything in it is stored, or kept whole as a reject. Hearing it again changes nothing.

    Raises, with nothing stored, NotFound for an address that is not there, NotRecognised when the signature does not hold, Busy; and
    Unavailable, after which it may be stored in part: tried again, the rest follows.
    """
    doorkeeper.knock(posted.address, posted.now)
    hook = await ear.hooks.hook(posted.hook)
    if hook is None or hook.platform is not posted.platform:
        raise NotFound("hook_unknown", "nobody listens at this address")
    if hook.platform is Platform.WOOCOMMERCE and _PING.fullmatch(posted.raw):
        return Taken(items=0, stored=0)
    if not signed(posted.raw, hook.secret, posted.signature):
        raise NotRecognised("hook_signature", "the signature does not hold: is this the secret by which the shop signs?")
    doorkeeper.admit(posted.address, hook.id, 1, posted.now)
    doorkeeper.hold(await ear.intake.backlog(hook.workspace), await ear.intake.fullness())
    await ear.hooks.heard(hook.id)
    delivery = posted.id[:_WORD_AT_MOST] or derive("post", posted.raw).hex()
    return await _hear(_Heard(hook, posted.topic[:_WORD_AT_MOST], delivery, posted.raw, posted.now), ear)


async def hear_again(reject: Reject, ear: Ear, now: Millis) -> Taken:
    """Hear a post that was kept as a reject once more, as old news: it starts nothing, and no product in it is news.

    Raises NotFound when its address was taken away, Unavailable.
    """
    hook = await ear.hooks.hook(reject.key_id)
    if hook is None or hook.workspace != reject.workspace:
        raise NotFound("hook_unknown", "nobody listens at this address")
    _, topic, delivery = reject.place.split(" ", 2)
    return await _hear(_Heard(hook, topic, delivery, reject.raw, now, replayed=True), ear)


class _Heard(NamedTuple):
    hook: Hook
    topic: str
    delivery: str
    raw: bytes
    now: Millis
    replayed: bool = False

    @property
    def facts(self) -> KeyFacts:
        """What a post may do: as much as a program with the secret key."""
        return KeyFacts(workspace=self.hook.workspace, key_id=self.hook.id, secret=True)


async def _hear(heard: _Heard, ear: Ear) -> Taken:
    payload = _payload(heard.raw)
    if payload is None:
        return await _keep(heard, ear, Rejection.HOOK_UNREADABLE)
    programme = await ear.programmes.programme(heard.hook.workspace)
    post = Post(
        platform=heard.hook.platform,
        topic=heard.topic,
        id=heard.delivery,
        payload=payload,
        veil=_veil(heard.hook, ear.digest_key),
        shop_url=programme.brand.shop_url,
    )
    meaning = _READERS[post.platform](post)
    if meaning.nothing:
        return await _keep(heard, ear, Rejection.HOOK_NOT_UNDERSTOOD)
    if meaning.of_known and not await _all_known(meaning.tells, heard.hook.workspace, ear):
        return await _keep(heard, ear, Rejection.HOOK_CUSTOMER_UNKNOWN)
    taken = await _store(heard, post, meaning.tells, ear) if meaning.tells else Taken(items=1, stored=0)
    if meaning.statement is not None:
        await _record(heard, post, meaning, meaning.statement, ear)
    how = How(speaks=not heard.replayed, lasts=lasts_of(programme.policy))
    if meaning.product is not None:
        try:
            row = read_row(meaning.product, currency=programme.policy.currency)
        except RowFault:
            return await _keep(heard, ear, Rejection.HOOK_PRODUCT_UNFIT)
        standing = await ear.catalogue.standing(heard.hook.workspace)
        await ear.catalogue.upsert(heard.hook.workspace, [row], how._replace(launches=standing.filled))
    if meaning.withdrawn:
        await ear.catalogue.withdraw(heard.hook.workspace, [meaning.withdrawn], how)
    return taken


def _payload(raw: bytes) -> dict[str, Any] | None:
    if deeper_than(raw, NESTING_CEILING) or b"\\u0000" in raw:
        return None
    try:
        payload = _DECODE(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _veil(hook: Hook, digest_key: bytes) -> Callable[[str], str]:
    def veil(text: str) -> str:
        digest = blake2b(f"{hook.workspace}/{hook.id}/{text}".encode(), key=digest_key, digest_size=16, person=b"oportuno hook")
        return f"{hook.platform.value}_{digest.hexdigest()}"

    return veil


async def _store(heard: _Heard, post: Post, tells: Sequence[Tell], ear: Ear) -> Taken:
    around = Surroundings(
        received=heard.now, digest_key=ear.digest_key, ids=ear.ids, secret=True, replayed=heard.replayed
    )  # fmt: skip
    reads: list[Read | Refused] = []
    for place, tell in enumerate(tells):
        reads.append(_read(tell, heard, post, around, whole=place == len(tells) - 1))
    return await store_by_plan(reads, heard.facts, around, intake=ear.intake, plans=ear.plans)


def _read(tell: Tell, heard: _Heard, post: Post, around: Surroundings, *, whole: bool) -> Read | Refused:
    """Read one call as anybody's; the payload goes with the last of them, which is the news itself."""
    call = tell.call | {"messageId": f"{heard.hook.id}/{tell.call['messageId']}"}
    read = read_call(_ENCODE(call), around)
    if isinstance(read, Refused):
        return read
    if tell.first:
        born = read_call(_ENCODE(call | {"timestamp": tell.first}), around)
        if isinstance(born, Read):
            read = msgspec.structs.replace(read, day=born.day, also_day=born.also_day)
    said: dict[str, Any] = {"platform": post.platform.value, "topic": post.topic, "id": post.id}
    if whole:
        said["payload"] = kept(post.payload)
    return msgspec.structs.replace(read, body=_ENCODE(call | {"context": {"oportuno": {"post": said}}}))


async def _all_known(tells: Sequence[Tell], workspace: WorkspaceId, ear: Ear) -> bool:
    for tell in tells:
        if await ear.find(workspace, "anonymous", tell.call["anonymousId"]) is None:
            return False
    return True


async def _record(heard: _Heard, post: Post, meaning: Meaning, statement: Statement, ear: Ear) -> None:
    """Record what the shop says of its customer's answer: a no always, a yes where it is laid down which wording was served."""
    hook, at = heard.hook, parse_moment(statement.at) or 0
    if statement.granted and not (hook.notice and at):
        return
    user = meaning.tells[0].call["userId"]
    [customer] = await ear.intake.resolve([Sighting(hook.workspace, user, "")])
    given = Given(
        purpose=Purpose.MARKETING,
        channel="email",
        state=Answered.GRANTED if statement.granted else Answered.WITHDRAWN,
        source=post.platform.value,
        notice=hook.notice,
        language=hook.language,
        actor="shop",
        proof=statement.proof | {"hook": hook.id},
        at=at,
    )
    # Who asked to be forgotten has no answers any more, whatever the shop still says.
    with suppress(NotFound):
        await ear.registry.record_consent(key_of(hook.workspace, customer), given)


async def _keep(heard: _Heard, ear: Ear, code: Rejection) -> Taken:
    """Keep a post whole as a reject, under an id of its own: tried again, it is the same one."""
    place = f"{PLACE} {heard.topic.replace(' ', '')} {heard.delivery}"
    told = Rejected(place=place, code=code.value, sentence=SENTENCES[code].en)
    if heard.replayed:
        return Taken(items=1, stored=0, rejects=(told,))
    reject = Reject(
        workspace=heard.hook.workspace,
        id=derive("post", heard.hook.id, heard.topic, heard.delivery),
        received=heard.now,
        code=told.code,
        sentence=told.sentence,
        place=place,
        raw=heard.raw,
        key_id=heard.hook.id,
    )
    await ear.intake.store([], [reject], LaneClass.LIVE)
    return Taken(items=1, stored=0, rejects=(told,))
