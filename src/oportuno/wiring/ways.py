"""What a deliverer needs of the world: the outbox, the words, and the ways out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Literal

import structlog

from oportuno.channels.channel import Channel
from oportuno.channels.ways import ALL_SIGNED
from oportuno.flows.providers import Signing
from oportuno.flows.ways import Way
from oportuno.kit.faults import BadInput, Fault, Unavailable
from oportuno.wiring import database_url, links_for
from oportuno.wiring.mail_in import returning_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from oportuno.adapters.postgres.sending import PostgresSending
    from oportuno.adapters.smtp.dkim import DkimSigner
    from oportuno.adapters.smtp.mail import Returning
    from oportuno.adapters.system_clock import SystemClock
    from oportuno.flows.facts import FactsAtHand
    from oportuno.flows.ports import Clock, Mailbox, Outbox, Programmes, Provider
    from oportuno.flows.programme import Programme
    from oportuno.flows.providers import OwnProvider, Providers
    from oportuno.flows.put_in_words import Words
    from oportuno.flows.ways import Sending, Ways
    from oportuno.flows.work import Store
    from oportuno.kit.ids import WorkspaceId
    from oportuno.settings import Settings


_BETWEEN_LOOKS: Final = 5.0
"""Seconds after which a changed provider is known and a count is written."""
_LEAVE_WHOLE: Final = frozenset({"smtp", "mailgun"})
"""Kinds that send a mail on as it is, our own signature included."""
_SMTP: Final = frozenset({"host", "port", "security", "user", "password"})
_SMTP_SECRET: Final = frozenset({"password"})
_SECURITY: Final[dict[str, Literal["starttls", "tls", "none"]]] = {"starttls": "starttls", "tls": "tls", "none": "none"}
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?")
_LAST_PORT: Final = 65_535
_log = structlog.get_logger("ways")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a deliverer needs of the world, while its connections live."""

    number: int
    outbox: Outbox
    store: Store
    programmes: Programmes
    clock: Clock
    words: Words
    facts: FactsAtHand
    ways: Ways
    sending: Sending


@asynccontextmanager
async def delivery(settings: Settings) -> AsyncIterator[Delivery]:
    """Wire a deliverer to PostgreSQL and to the providers. Raises Unavailable."""
    from oportuno.adapters.mjml import Mrml
    from oportuno.adapters.postgres.catalogue_around import PostgresShelves
    from oportuno.adapters.postgres.connections import CHANGING, Connections
    from oportuno.adapters.postgres.facts import FactsCache
    from oportuno.adapters.postgres.mailbox import PostgresMailbox
    from oportuno.adapters.postgres.outbox import PostgresOutbox
    from oportuno.adapters.postgres.providers import PostgresProviders
    from oportuno.adapters.postgres.sending import PostgresSending
    from oportuno.adapters.postgres.store import PostgresStore
    from oportuno.adapters.postgres.workspaces import PostgresProgrammes, PostgresWorkspaces
    from oportuno.adapters.system_clock import SystemClock
    from oportuno.flows.house_messages import house_messages
    from oportuno.flows.put_in_words import put_in_words
    from oportuno.wiring.sealing import sealer_of

    url = database_url(settings)
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        connections = Connections(url, name="deliver", most=2, plans=CHANGING)
        stack.push_async_callback(connections.close)
        store = await PostgresStore.open(url, name="deliver", size=settings.deliver_width)
        stack.push_async_callback(store.close)
        ways = OwnWays(settings, PostgresMailbox(connections), clock, returning_for(settings, store.secret))
        stack.push_async_callback(ways.close)
        watching = Connections(url, name="deliver ways", most=2, plans=CHANGING)
        stack.push_async_callback(watching.close)
        sending = PostgresSending(watching, clock.monotonic)
        await stack.enter_async_context(_kept_up(ways, PostgresProviders(watching, sealer_of(settings)), sending))
        outbox = await PostgresOutbox.open(url)
        stack.push_async_callback(outbox.close)
        yield Delivery(
            number=outbox.deliverer,
            outbox=outbox,
            store=store,
            programmes=PostgresProgrammes(PostgresWorkspaces(connections)),
            clock=clock,
            words=put_in_words(links_for(settings, store.secret), await house_messages(_house(), Mrml())),
            facts=FactsCache(PostgresShelves(connections)),
            ways=ways,
            sending=sending,
        )


@asynccontextmanager
async def _kept_up(ways: OwnWays, providers: Providers, sending: PostgresSending) -> AsyncIterator[None]:
    """Read now and then which providers there are and how domains stand, and write what was counted. Raises Unavailable at first."""

    async def keep_up() -> None:
        while True:
            await asyncio.sleep(_BETWEEN_LOOKS)
            try:
                ways.lay_down(await providers.every())
                await sending.keep_up()
            except Unavailable as fault:
                _log.warning("ways_not_read", code=fault.code)

    ways.lay_down(await providers.every())
    await sending.keep_up()
    keeping = asyncio.create_task(keep_up())
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        with suppress(Unavailable):
            await sending.keep_up()


class OwnWays:
    """The ways of each workspace: its own providers, and after them the installation's mail server."""

    def __init__(self, settings: Settings, mailbox: Mailbox, clock: SystemClock, returning: Returning | None = None) -> None:
        from oportuno.adapters.mailbox import MailboxProvider
        from oportuno.adapters.no_server import NoServer
        from oportuno.adapters.webhook.provider import WebhookProvider

        self._settings = settings
        self._clock = clock
        self._returning = returning
        self._signer = _signer(settings)
        # Nothing ever leaves by these: there is nobody before whom a signature would have to speak.
        mailbox_alone = MailboxProvider(mailbox, monotonic=clock.monotonic, wall=clock.wall, signer=self._signer)
        self._sandbox = [Way("mailbox", mailbox_alone, ALL_SIGNED)]
        self._nobody = [Way("no server", NoServer(), ALL_SIGNED)]
        webhook = WebhookProvider(
            monotonic=clock.monotonic, wall=clock.wall, allow_loopback=settings.allow_loopback_webhooks, connections=settings.deliver_width
        )
        self._webhook = [Way("webhook", webhook)]
        self._closing: list[Callable[[], Awaitable[None]]] = [webhook.close]
        self._last: list[Way] = []
        if settings.smtp_host:
            smtp = self._smtp(
                {
                    "host": settings.smtp_host,
                    "port": str(settings.smtp_port),
                    "security": settings.smtp_security,
                    "user": settings.smtp_user,
                    "password": settings.smtp_password.get_secret_value(),
                },
                trusted=True,
            )
            self._last = [Way(f"smtp {settings.smtp_host}", smtp, _signed_by(settings))]
        self._own: dict[WorkspaceId, list[Way]] = {}
        self._open: dict[tuple[str, int], Way] = {}

    def __call__(self, programme: Programme, channel: str) -> Sequence[Way]:
        """Say which ways a message may go. Messages of a sandbox can reach nothing but its mailbox, whatever else is set."""
        if programme.policy.sandbox:
            return self._sandbox
        if channel != Channel.EMAIL:
            return self._webhook
        return [*self._own.get(programme.workspace, ()), *self._last] or self._nobody

    def lay_down(self, providers: Sequence[OwnProvider]) -> None:
        """Take the providers of all workspaces as they stand now. What is in hand by an old one ends there; it is closed at the end."""
        found: dict[WorkspaceId, list[Way]] = {}
        kept: dict[tuple[str, int], Way] = {}
        for each in providers:
            key = each.id, each.changed_at
            try:
                way = self._open.get(key) or Way(each.lane, self._provider(each), signed(Signing(each.kind, each.signs), self._settings))
            except Fault as fault:
                _log.warning("provider_unusable", workspace=each.workspace, code=fault.code)
                continue
            kept[key] = way
            found.setdefault(each.workspace, []).append(way)
        self._own, self._open = found, kept

    async def close(self) -> None:
        """Say goodbye to everybody."""
        for close in self._closing:
            await close()

    def _provider(self, own: OwnProvider) -> Provider:
        from oportuno.adapters.mail_providers import open_provider

        told = own.settings | own.secrets
        if own.kind == "smtp":
            return self._smtp(told, trusted=False, signed=not own.signs)
        provider = open_provider(
            own.kind,
            told,
            monotonic=self._clock.monotonic,
            wall=self._clock.wall,
            signer=None if own.signs else self._signer,
            connections=self._settings.deliver_width,
            allow_loopback=self._settings.allow_loopback_webhooks,
        )
        self._closing.append(provider.close)
        return provider

    def _smtp(self, told: Mapping[str, str], *, trusted: bool, signed: bool = True) -> Provider:
        from oportuno.adapters.smtp.pool import SmtpServer
        from oportuno.adapters.smtp.provider import SmtpProvider

        check_smtp(told)
        server = SmtpServer(
            host=told["host"],
            port=int(told.get("port") or 587),
            security=_SECURITY[told.get("security") or "starttls"],
            username=told.get("user", ""),
            password=told.get("password", ""),
            connections=max(1, self._settings.deliver_width // 2),
            public_only=not (trusted or self._settings.allow_loopback_webhooks),
        )
        smtp = SmtpProvider(
            server,
            monotonic=self._clock.monotonic,
            wall=self._clock.wall,
            signer=self._signer if signed else None,
            returning=self._returning,
        )
        self._closing.append(smtp.close)
        return smtp


def check_provider(kind: str, settings: Mapping[str, str], *, allow_loopback: bool) -> frozenset[str]:
    """Say which settings of a provider are secret. Raises BadInput, with the setting's name as place, when nothing can be sent by it."""
    from oportuno.adapters.mail_providers import KINDS, check_settings

    if kind == "smtp":
        check_smtp(settings)
        return _SMTP_SECRET
    check_settings(kind, settings, plain=allow_loopback)
    return KINDS[kind].secret


def check_smtp(settings: Mapping[str, str]) -> None:
    """Raise BadInput for settings by which no mail server can be reached."""
    for name, value in settings.items():
        if name not in _SMTP:
            raise BadInput("provider_setting_unknown", "a provider of the kind smtp has no such setting", place=name[:60])
        if any(ord(sign) < ord(" ") for sign in value):
            raise BadInput("provider_setting_malformed", "this is one line of text", place=name)
    if not settings.get("host"):
        raise BadInput("provider_setting_missing", "a provider of the kind smtp needs this", place="host")
    if not _HOST.fullmatch(settings["host"]):
        raise BadInput("provider_setting_malformed", "this is a plain name", place="host")
    port = settings.get("port") or "587"
    if not port.isascii() or not port.isdecimal() or not 0 < int(port[:6]) <= _LAST_PORT:
        raise BadInput("provider_setting_malformed", "this is a port from 1 to 65535", place="port")
    if (settings.get("security") or "starttls") not in _SECURITY:
        raise BadInput("provider_setting_malformed", "this is starttls, tls or none", place="security")


def signing_of(settings: Settings, own: Iterable[Signing]) -> list[str]:
    """Say of each way that a workspace's mail can leave by, its own and then the installation's, for which domain it signs."""
    signs = [signed(each, settings) for each in own]
    return [*signs, _signed_by(settings)] if settings.smtp_host else signs


async def signing_now(settings: Settings, workspace: WorkspaceId) -> list[str]:
    """Say the same of a workspace as it stands in the database. Raises Unavailable."""
    from oportuno.adapters.postgres.connections import Connections
    from oportuno.adapters.postgres.providers import PostgresProviders
    from oportuno.wiring.sealing import sealer_of

    looking = Connections(database_url(settings), name="signing", most=1)
    try:
        return signing_of(settings, await PostgresProviders(looking, sealer_of(settings)).signing(workspace))
    finally:
        await looking.close()


def signed(own: Signing, settings: Settings) -> str:
    """Say for which domain a provider signs, or our own key what goes by one that leaves a mail whole; empty: neither."""
    return own.signs or (settings.dkim_domain if own.kind in _LEAVE_WHOLE else "")


def _signed_by(settings: Settings) -> str:
    """Say for which domain the installation's own mail server is known to send signed mail; empty: nobody says so."""
    return ALL_SIGNED if settings.provider_signs else settings.dkim_domain


def _signer(settings: Settings) -> DkimSigner | None:
    from oportuno.adapters.smtp.dkim import DkimSigner

    if not settings.dkim_domain:
        return None
    if settings.dkim_key_file is None:
        raise BadInput("dkim_key_missing", "a DKIM domain is set, but no key file", place="OPORTUNO_DKIM_KEY_FILE")
    try:
        key = settings.dkim_key_file.read_bytes()
    except OSError as fault:
        raise BadInput("dkim_key_unreadable", "the DKIM key file cannot be read", place="OPORTUNO_DKIM_KEY_FILE") from fault
    return DkimSigner(domain=settings.dkim_domain, selector=settings.dkim_selector, private_key=key)


def _house() -> list[str]:
    """Give the files of the messages that every workspace can send."""
    messages = files("oportuno").joinpath("plays", "messages")
    return [messages.joinpath(name).read_text(encoding="utf-8") for name in ("confirm-subscription.yaml",)]
