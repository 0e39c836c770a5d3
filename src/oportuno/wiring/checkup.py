"""Wiring of a check-up: the database, the DNS, the mail server, and what the workspaces have laid down."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from oportuno.channels.ways import domain_of
from oportuno.kit.faults import Fault
from oportuno.settings import Settings
from oportuno.wiring import database_url

if TYPE_CHECKING:
    from oportuno.adapters.postgres.checkup import Checkup
    from oportuno.consent.refusals import Reason
    from oportuno.flows.providers import OwnProvider
    from oportuno.kit.ids import WorkspaceId
    from oportuno.kit.words import Words


class Destination(NamedTuple):
    """Where mail is handed over."""

    name: str
    """By which its workspace knows it; empty: the installation's own."""
    host: str
    port: int
    tls: bool
    """From the first byte."""
    greets: bool
    """It is a mail server."""


class Held(NamedTuple):
    """A workspace whose marketing by e-mail falls silent, whoever it is for."""

    workspace: str
    reason: Reason


class Shops(NamedTuple):
    """What the workspaces have laid down, as far as a check-up asks."""

    domains: tuple[str, ...] = ()
    """From which the workspaces send that are no sandboxes."""
    unreadable: tuple[str, ...] = ()
    """Workspaces whose definitions cannot be read."""
    held: tuple[Held, ...] = ()
    providers: tuple[Destination, ...] = ()
    unopened: int = 0
    """Providers whose secrets no key of ours opens: nothing goes by them."""


def look(settings: Settings) -> Checkup:
    """Look at the database. Raises Unavailable, BadInput."""
    from oportuno.adapters.postgres.checkup import look as run

    return run(database_url(settings))


async def shops(settings: Settings) -> Shops:
    """Say from which domains is sent, by whom, and what keeps marketing from leaving. Raises Unavailable."""
    from oportuno.adapters.postgres.connections import Connections
    from oportuno.adapters.postgres.providers import PostgresProviders
    from oportuno.adapters.postgres.workspaces import PostgresProgrammes, PostgresWorkspaces
    from oportuno.flows.may_start import broken_rule, promotes_by_mail
    from oportuno.wiring.sealing import sealer_of
    from oportuno.wiring.ways import signing_of

    looking = Connections(database_url(settings), name="doctor", most=1)
    workspaces, providers = PostgresWorkspaces(looking), PostgresProviders(looking, sealer_of(settings, make=False))
    programmes = PostgresProgrammes(workspaces)
    domains: dict[str, None] = {}
    unreadable, held = [], []
    sealed: dict[WorkspaceId, int] = {}
    try:
        for each in await workspaces.every():
            sealed[each.workspace] = len(signs := await providers.signing(each.workspace))
            try:
                programme = await programmes.programme(each.workspace)
            except Fault:
                unreadable.append(each.public_id)
                continue
            if not programme.brand.sender or each.sandbox or programme.policy.sandbox:
                continue
            domains[domain_of(programme.brand.sender)] = None
            broken = broken_rule(programme.brand, signing_of(settings, signs), sandbox=False)
            if broken is not None and any(promotes_by_mail(journey) for journey in programme.journeys):
                held.append(Held(each.public_id, broken.reason))
        opened = await providers.every()
    finally:
        await looking.close()
    return Shops(
        domains=tuple(domains),
        unreadable=tuple(unreadable),
        held=tuple(held),
        providers=tuple(destination_of(each) for each in opened),
        unopened=sum(sealed.values()) - len(opened),
    )


def destination_of(provider: OwnProvider) -> Destination:
    """Say where a provider is reached. What cannot be read as an address is one that nobody reaches."""
    from oportuno.adapters.mail_providers import endpoint_of

    name, told = f"{provider.name} ({provider.kind})", provider.settings
    if provider.kind == "smtp":
        port = told.get("port") or "587"
        return Destination(name, told.get("host", ""), int(port), tls=told.get("security") == "tls", greets=True)
    parts = urlsplit(endpoint_of(provider.kind, told))
    tls = parts.scheme == "https"
    return Destination(name, parts.hostname or "", parts.port or (443 if tls else 80), tls=tls, greets=False)


async def texts_of(name: str) -> list[str] | None:
    """Ask the DNS for TXT records; None when nobody answers."""
    from oportuno.adapters.dns import texts_of as ask

    return await ask(name)


async def reached(destination: Destination) -> Words | None:
    """Connect to where mail is handed over, and wait for a mail server's greeting; gives why not."""
    from oportuno.adapters.smtp.greeting import answers, greets

    ask = greets if destination.greets else answers
    return await ask(destination.host, destination.port, tls=destination.tls)


def dkim_public_key(settings: Settings) -> str:
    """Give the public part of the key that signs; empty where none is set. Raises BadInput."""
    from oportuno.adapters.smtp.dkim_public import public_key_of
    from oportuno.kit.faults import BadInput

    if settings.dkim_key_file is None:
        return ""
    try:
        return public_key_of(settings.dkim_key_file.read_bytes())
    except OSError as fault:
        raise BadInput("dkim_key_unreadable", "the DKIM key file cannot be read", place="OPORTUNO_DKIM_KEY_FILE") from fault
