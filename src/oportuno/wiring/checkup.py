"""Wiring of a check-up: the database, the DNS, the mail server, and what the workspaces have laid down."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from oportuno.channels.ways import domain_of
from oportuno.kit.faults import Fault
from oportuno.settings import Settings
from oportuno.wiring import database_url

if TYPE_CHECKING:
    from oportuno.adapters.postgres.checkup import Checkup


class Shops(NamedTuple):
    """What the workspaces have laid down, as far as a check-up asks."""

    domains: tuple[str, ...]
    """From which the workspaces send that are no sandboxes."""
    unreadable: tuple[str, ...]
    """Workspaces whose definitions cannot be read."""


def look(settings: Settings) -> Checkup:
    """Look at the database. Raises Unavailable, BadInput."""
    from oportuno.adapters.postgres.checkup import look as run

    return run(database_url(settings))


async def shops(settings: Settings) -> Shops:
    """Say from which domains is sent. Raises Unavailable."""
    from oportuno.adapters.postgres.connections import Connections
    from oportuno.adapters.postgres.workspaces import PostgresProgrammes, PostgresWorkspaces

    looking = Connections(database_url(settings), name="doctor", most=1)
    workspaces = PostgresWorkspaces(looking)
    programmes = PostgresProgrammes(workspaces)
    domains: dict[str, None] = {}
    unreadable = []
    try:
        for each in await workspaces.every():
            try:
                programme = await programmes.programme(each.workspace)
            except Fault:
                unreadable.append(each.public_id)
                continue
            if programme.brand.sender and not (each.sandbox or programme.policy.sandbox):
                domains[domain_of(programme.brand.sender)] = None
    finally:
        await looking.close()
    return Shops(tuple(domains), tuple(unreadable))


async def texts_of(name: str) -> list[str] | None:
    """Ask the DNS for TXT records; None when nobody answers."""
    from oportuno.adapters.dns import texts_of as ask

    return await ask(name)


async def greets(settings: Settings) -> str:
    """Ask the mail server for its greeting; gives why it did not come."""
    from oportuno.adapters.smtp.greeting import greets as ask

    return await ask(settings.smtp_host, settings.smtp_port, tls=settings.smtp_security == "tls")


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
