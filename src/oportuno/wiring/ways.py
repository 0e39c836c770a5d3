"""What a deliverer needs of the world: the outbox, the words, and the ways out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from oportuno.channels.ways import ALL_SIGNED
from oportuno.flows.ways import Way
from oportuno.kit.faults import BadInput
from oportuno.wiring import database_url, links_for
from oportuno.wiring.mail_in import returning_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.smtp.dkim import DkimSigner
    from oportuno.adapters.smtp.mail import Returning
    from oportuno.adapters.system_clock import SystemClock
    from oportuno.flows.facts import FactsAtHand
    from oportuno.flows.ports import Clock, Mailbox, Outbox, Programmes
    from oportuno.flows.programme import Programme
    from oportuno.flows.put_in_words import Words
    from oportuno.flows.ways import Sending, Ways
    from oportuno.flows.work import Store
    from oportuno.settings import Settings


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
    from oportuno.adapters.postgres.store import PostgresStore
    from oportuno.adapters.postgres.workspaces import PostgresProgrammes, PostgresWorkspaces
    from oportuno.adapters.system_clock import SystemClock
    from oportuno.flows.house_messages import house_messages
    from oportuno.flows.put_in_words import put_in_words
    from oportuno.flows.ways import FREE

    url = database_url(settings)
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        connections = Connections(url, name="deliver", most=2, plans=CHANGING)
        stack.push_async_callback(connections.close)
        store = await PostgresStore.open(url, name="deliver", size=settings.deliver_width)
        stack.push_async_callback(store.close)
        ways = ways_out(settings, PostgresMailbox(connections), clock, stack, returning=returning_for(settings, store.secret))
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
            sending=FREE,
        )


def ways_out(
    settings: Settings, mailbox: Mailbox, clock: SystemClock, stack: AsyncExitStack, *, returning: Returning | None = None
) -> Ways:
    """Say which ways each message may go. Messages of a sandbox can reach nothing but its mailbox, whatever else is set."""
    from oportuno.adapters.mailbox import MailboxProvider
    from oportuno.adapters.no_server import NoServer
    from oportuno.adapters.smtp.pool import SmtpServer
    from oportuno.adapters.smtp.provider import SmtpProvider
    from oportuno.adapters.webhook.provider import WebhookProvider

    signer = _signer(settings)
    # Nothing ever leaves by these: there is nobody before whom a signature would have to speak.
    own = [Way("mailbox", MailboxProvider(mailbox, monotonic=clock.monotonic, wall=clock.wall, signer=signer), ALL_SIGNED)]
    nobody = [Way("no server", NoServer(), ALL_SIGNED)]
    webhook = WebhookProvider(
        monotonic=clock.monotonic, wall=clock.wall, allow_loopback=settings.allow_loopback_webhooks, connections=settings.deliver_width
    )
    stack.push_async_callback(webhook.close)
    out: dict[str, Sequence[Way]] = {"webhook": [Way("webhook", webhook)], "email": nobody}
    if settings.smtp_host:
        server = SmtpServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            username=settings.smtp_user,
            password=settings.smtp_password.get_secret_value(),
            connections=max(1, settings.deliver_width // 2),
        )
        smtp = SmtpProvider(server, monotonic=clock.monotonic, wall=clock.wall, signer=signer, returning=returning)
        stack.push_async_callback(smtp.close)
        out["email"] = [Way(f"smtp {settings.smtp_host}", smtp, signed_by(settings))]

    def ways(programme: Programme, channel: str) -> Sequence[Way]:
        return own if programme.policy.sandbox else out[channel]

    return ways


def signed_by(settings: Settings) -> str:
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
