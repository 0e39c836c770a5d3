"""What the part that takes in mail needs of the world, and the addresses to which mail comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from oportuno.kit.faults import NotAllowed
from oportuno.wiring import derived, links_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from oportuno.adapters.smtp.mail import Returning
    from oportuno.channels.returned.read import Ours
    from oportuno.flows.hear_back import HearBack
    from oportuno.kit.ids import WorkspaceId
    from oportuno.kit.times import Millis
    from oportuno.settings import Settings

_USE = "return addresses"


class MailIn(NamedTuple):
    """Who hears, and how what is our own is known."""

    ear: HearBack
    ours: Callable[[Millis], Ours]
    """Gives it for a moment: links end."""


@asynccontextmanager
async def mail_in(settings: Settings) -> AsyncIterator[MailIn]:
    """Wire the part that takes in mail to PostgreSQL. Raises Unavailable."""
    from oportuno.adapters.postgres.database import connect, read_secret
    from oportuno.wiring import database_url
    from oportuno.wiring.hearing import hearing_back

    connection = await connect(database_url(settings), name="mail in starting")
    try:
        secret = await read_secret(connection)
    finally:
        await connection.close()
    async with hearing_back(settings) as ear:
        yield MailIn(ear, lambda now: ours_of(settings, secret, now))


def ours_of(settings: Settings, secret: bytes, now: Millis) -> Ours:
    """Say how what comes in is known as our own."""
    from oportuno.channels.returned.read import Ours
    from oportuno.content.links import Action, verify

    keys = links_for(settings, secret).keys

    def unsubscribing(token: str) -> tuple[WorkspaceId, bytes] | None:
        try:
            facts = verify(token, keys, now)
        except NotAllowed:
            return None
        return (facts.workspace, facts.message) if facts.action is Action.UNSUBSCRIBE else None

    return Ours(secrets=(derived(secret, _USE),), unsubscribing=unsubscribing)


def returning_for(settings: Settings, secret: bytes) -> Returning | None:
    """Say where messages come back to; None: to their own sender, because no domain was set for it."""
    from oportuno.adapters.smtp.mail import Returning

    if not settings.bounce_domain:
        return None
    return Returning(domain=settings.bounce_domain, secret=derived(secret, _USE), replies=settings.replies_here)
