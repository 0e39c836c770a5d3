"""The only place where a port meets its adapter.

Everything is imported when it is wired, so that each process carries only its own part.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from oportuno.kit.faults import Unavailable
from oportuno.settings import Settings

if TYPE_CHECKING:
    from oportuno.adapters.postgres.connections import Connections
    from oportuno.adapters.postgres.importing import ImportParts
    from oportuno.adapters.postgres.imports import PostgresImports
    from oportuno.adapters.postgres.intake import PostgresIntake
    from oportuno.adapters.postgres.reads import PostgresReads
    from oportuno.adapters.postgres.store import PostgresStore
    from oportuno.content.links import LinkMaker
    from oportuno.flows.click import Clicks
    from oportuno.flows.crossing import Crossings
    from oportuno.flows.definitions import Workspaces
    from oportuno.flows.facts import FactsAtHand
    from oportuno.flows.forget import Erasures
    from oportuno.flows.hear_back import Hearings
    from oportuno.flows.hooks import Hooks
    from oportuno.flows.identity import Signings, Verifier
    from oportuno.flows.mail_hooks import MailHooks, Notary
    from oportuno.flows.merge import Crossed
    from oportuno.flows.ports import Clock, Feed, Intake, Keys, Mailbox, MjmlCompiler, Programmes
    from oportuno.flows.ports_catalogue import Catalogue
    from oportuno.flows.ports_imports import Imports
    from oportuno.flows.providers import DomainStandings, Providers
    from oportuno.flows.reads import Reads, Rejects
    from oportuno.flows.standings import Standings
    from oportuno.flows.suppressions import Suppressions
    from oportuno.flows.tallies import Tallies
    from oportuno.flows.tracking_plan import TrackingPlans
    from oportuno.flows.work import Store

_LOOKING_AT_ONCE = 4
_CHANGING_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Front:
    """What the HTTP side needs of the world."""

    settings: Settings
    keys: Keys
    intake: Intake
    imports: Imports
    store: Store
    reads: Reads
    rejects: Rejects
    workspaces: Workspaces
    programmes: Programmes
    compiler: MjmlCompiler
    catalogue: Catalogue
    mailbox: Mailbox
    """Of sandboxes: what was handed off there and nowhere else."""
    erasures: Erasures
    crossings: Crossings
    """The merge ledger."""
    facts: FactsAtHand
    """What is known of products: who is folded again when a merge is undone."""
    signings: Signings
    verifier: Verifier
    """Reads the identity tokens of browsers."""
    links: LinkMaker
    """Signs and reads the links in messages."""
    standings: Standings
    """What was measured over all customers of a workspace."""
    secret: bytes
    """The installation's secret; what is used is derived from it."""
    tallies: Tallies
    """What all processes counted, and which of them live."""
    plans: TrackingPlans
    """What events are held against, and what did not fit."""
    hooks: Hooks
    """Where shops' systems post."""
    clicks: Clicks
    """Where measured links lead, and what was followed."""
    hearings: Hearings
    """What was heard of messages."""
    suppressions: Suppressions
    """Addresses that are not written to."""
    mail_hooks: MailHooks
    """Where mail providers post."""
    notary: Notary
    """What Amazon SNS has at addresses of its own."""
    providers: Providers
    """Whom workspaces hand their mail to."""
    domains: DomainStandings
    """How their sending domains stand."""

    @property
    def digest_key(self) -> bytes:
        """The key under which message ids are remembered."""
        return derived(self.secret, "message ids")


def migrate(settings: Settings) -> None:
    """Bring the database to this release's schema. Raises Unavailable."""
    from oportuno.adapters.postgres.migrate import migrate as run

    # Of all first starts, the first one's secret stays.
    run(database_url(settings), secret=os.urandom(32))


def database_url(settings: Settings) -> str:
    """Give the database's address. Raises Unavailable when none was set."""
    if settings.database_url is None:
        raise Unavailable("database_not_set", "DATABASE_URL is not set: a part that runs alone needs it (“oportuno serve” brings its own)")
    return settings.database_url.get_secret_value()


@asynccontextmanager
async def front(settings: Settings) -> AsyncIterator[Front]:
    """Wire the HTTP side to PostgreSQL. Raises Unavailable."""
    from oportuno.adapters.mjml import Mrml
    from oportuno.adapters.postgres.catalogue_around import PostgresCatalogue, PostgresShelves
    from oportuno.adapters.postgres.erasures import PostgresErasures
    from oportuno.adapters.postgres.facts import FactsCache
    from oportuno.adapters.postgres.hooks import PostgresHooks
    from oportuno.adapters.postgres.mailbox import PostgresMailbox
    from oportuno.adapters.postgres.merges import PostgresCrossings
    from oportuno.adapters.postgres.plans import PostgresTrackingPlans
    from oportuno.adapters.postgres.providers import PostgresProviders
    from oportuno.adapters.postgres.sending import PostgresDomainStandings
    from oportuno.adapters.postgres.signings import PostgresSignings
    from oportuno.adapters.postgres.standing import PostgresStandings
    from oportuno.adapters.postgres.tallies import PostgresTallies
    from oportuno.adapters.postgres.workspaces import PostgresKeys, PostgresProgrammes, PostgresWorkspaces
    from oportuno.adapters.tokens import JwtVerifier
    from oportuno.wiring.hearing import told
    from oportuno.wiring.sealing import sealer_of

    async with AsyncExitStack() as stack:
        intake, store, imports, reads, looking, changing = await _open_front(settings, stack)
        workspaces = PostgresWorkspaces(changing)
        sealer = sealer_of(settings)
        heard = told(looking, changing, intake.secret, sealer, stack)
        yield Front(
            settings=settings,
            keys=PostgresKeys(looking, sealer),
            intake=intake,
            imports=imports,
            store=store,
            reads=reads,
            rejects=reads,
            crossings=PostgresCrossings(changing, intake.secret),
            facts=FactsCache(PostgresShelves(looking)),
            signings=PostgresSignings(changing, sealer),
            verifier=JwtVerifier(),
            workspaces=workspaces,
            programmes=PostgresProgrammes(workspaces),
            catalogue=PostgresCatalogue(changing),
            mailbox=PostgresMailbox(looking),
            erasures=PostgresErasures(looking),
            compiler=Mrml(),
            standings=PostgresStandings(looking),
            links=links_for(settings, intake.secret),
            secret=intake.secret,
            tallies=PostgresTallies(looking),
            plans=PostgresTrackingPlans(looking, changing),
            hooks=PostgresHooks(changing, sealer),
            clicks=heard.clicks,
            hearings=heard.hearings,
            suppressions=heard.suppressions,
            mail_hooks=heard.mail_hooks,
            notary=heard.notary,
            providers=PostgresProviders(changing, sealer),
            domains=PostgresDomainStandings(changing),
        )


class _Opened(NamedTuple):
    """What the HTTP side opens at its start; the stack that it was opened on closes it."""

    intake: PostgresIntake
    store: PostgresStore
    imports: PostgresImports
    reads: PostgresReads
    looking: Connections
    changing: Connections


async def _open_front(settings: Settings, stack: AsyncExitStack) -> _Opened:
    from oportuno.adapters.postgres.imports import PostgresImports
    from oportuno.adapters.postgres.intake import PostgresIntake
    from oportuno.adapters.postgres.reads import PostgresReads
    from oportuno.adapters.postgres.store import PostgresStore

    url = database_url(settings)
    intake = await PostgresIntake.open(url, ids_of_one=settings.ids_of_one)
    stack.push_async_callback(intake.close)
    store = await PostgresStore.open(url, name="api", size=_CHANGING_AT_ONCE)
    stack.push_async_callback(store.close)
    looking, changing, probing = _of_api(url)
    imports = PostgresImports(url, changing)
    for close in (looking.close, changing.close, probing.close, imports.close):
        stack.push_async_callback(close)
    return _Opened(intake, store, imports, PostgresReads(looking, changing, probing), looking, changing)


def _of_api(url: str) -> tuple[Connections, Connections, Connections]:
    """Give what the API looks things up by, changes them by, and asks by whether the database answers."""
    from oportuno.adapters.postgres.connections import CHANGING, Connections

    looking, probing = Connections(url, name="api looking", most=_LOOKING_AT_ONCE), Connections(url, name="api probing", most=1)
    return looking, Connections(url, name="api changing", most=_CHANGING_AT_ONCE, plans=CHANGING), probing


@asynccontextmanager
async def workspaces_alone(settings: Settings) -> AsyncIterator[tuple[Workspaces, Reads]]:
    """Wire what the command line's short verbs need: workspaces, their definitions, and looking things up. Raises Unavailable."""
    async with importing(settings) as parts:
        yield parts.workspaces, parts.reads


def importing(settings: Settings) -> AbstractAsyncContextManager[ImportParts]:
    """Wire what the command line's verbs about files need: what goes into the log, and what goes into a catalogue. Raises Unavailable."""
    from oportuno.adapters.postgres.importing import importing as opened

    return opened(database_url(settings), ids_of_one=settings.ids_of_one, digest_key=lambda secret: derived(secret, "message ids"))


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What an engine needs of the world, while its connections live."""

    feed: Feed
    store: Store
    programmes: Programmes
    clock: Clock
    facts: FactsAtHand
    """What is known of products."""
    cross: Callable[[int], Awaitable[Crossed]]
    """Does what waits between customers: merges, and what lies in inboxes; at most so many of each."""
    stirred: Callable[[], bool]
    """Says whether there was news of that since it was last asked."""


@asynccontextmanager
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    """Wire an engine to PostgreSQL. Raises Unavailable."""
    from oportuno.adapters.postgres.catalogue_around import PostgresShelves
    from oportuno.adapters.postgres.connections import Connections
    from oportuno.adapters.postgres.database import DECIDING
    from oportuno.adapters.postgres.facts import FactsCache
    from oportuno.adapters.postgres.feed import PostgresFeed
    from oportuno.adapters.postgres.merges import PostgresCrossings
    from oportuno.adapters.postgres.store import PostgresStore
    from oportuno.adapters.postgres.workspaces import PostgresProgrammes, PostgresWorkspaces
    from oportuno.adapters.system_clock import SystemClock
    from oportuno.flows.merge import merge_once

    url = database_url(settings)
    async with AsyncExitStack() as stack:
        looking = Connections(url, name="engine looking", most=1)
        stack.push_async_callback(looking.close)
        # Of its own: customers' rows are locked while what is missing is fetched.
        reading = Connections(url, name="engine facts", most=1)
        stack.push_async_callback(reading.close)
        store = await PostgresStore.open(url, name="engine", size=2, plans=DECIDING)
        stack.push_async_callback(store.close)
        feed = await PostgresFeed.open(url)
        stack.push_async_callback(feed.close)
        crossings = PostgresCrossings(looking, store.secret)
        programmes, facts = PostgresProgrammes(PostgresWorkspaces(looking)), FactsCache(PostgresShelves(reading))
        yield Engine(
            feed=feed,
            store=store,
            cross=lambda limit: merge_once(crossings, store, programmes, feed.owned, facts, limit=limit),
            stirred=feed.stirred,
            programmes=programmes,
            clock=SystemClock(),
            facts=facts,
        )


@asynccontextmanager
async def forgetting(settings: Settings) -> AsyncIterator[Erasures]:
    """Wire what goes on with the second passes of erasures. Raises Unavailable."""
    from oportuno.adapters.postgres.connections import CHANGING, Connections
    from oportuno.adapters.postgres.database import ENGINE_PLANS
    from oportuno.adapters.postgres.erasures import PostgresErasures

    # The log is read by its key, whatever the statistics say: a plan that sorts a day's share would not be a bounded piece.
    connections = Connections(database_url(settings), name="forgetting", most=1, plans={**CHANGING, **ENGINE_PLANS})
    try:
        yield PostgresErasures(connections)
    finally:
        await connections.close()


async def keep_house(settings: Settings) -> dict[str, int]:
    """Do the hourly round over the database and say what was done. Raises Unavailable."""
    from oportuno.adapters.postgres.database import connect
    from oportuno.adapters.postgres.housekeeping import KEEPING
    from oportuno.adapters.postgres.housekeeping import keep_house as keep
    from oportuno.adapters.postgres.standing import take_standings

    connection = await connect(database_url(settings), name="housekeeping", plans=KEEPING)
    try:
        done = dict(msgspec.structs.asdict(await keep(connection, dedupe_days=settings.dedupe_days)))
        return done | {"standings_taken": await take_standings(connection)}
    finally:
        await connection.close()


@asynccontextmanager
async def tallies(settings: Settings) -> AsyncIterator[Tallies]:
    """Wire a process to where it tells what it counted, on a connection of its own. Raises Unavailable."""
    from oportuno.adapters.postgres.connections import CHANGING, Connections
    from oportuno.adapters.postgres.tallies import PostgresTallies

    connections = Connections(database_url(settings), name="telling", most=1, plans=CHANGING)
    try:
        yield PostgresTallies(connections)
    finally:
        await connections.close()


def links_for(settings: Settings, secret: bytes) -> LinkMaker:
    """Make the maker of signed links in messages and pages."""
    from oportuno.content.links import LinkKey, LinkMaker

    key = LinkKey(id="1", secret=derived(secret, "links"))
    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    mailbox = f"unsubscribe@{settings.bounce_domain}" if settings.bounce_domain else ""
    return LinkMaker(base_url=base, key=key, keys={key.id: key}, mailbox=mailbox)


def derived(secret: bytes, use: str) -> bytes:
    """Give a key of 32 bytes for one use; knowing it tells nothing of the others."""
    return blake2b(use.encode(), key=secret[:64], digest_size=32, person=b"oportuno use").digest()
