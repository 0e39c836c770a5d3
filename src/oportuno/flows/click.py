"""A measured link is followed: first to the shop, at once and always; what it meant is settled a while later.

Following one changes nothing of the customer: it is noted in a log of its own that somebody looked, and only while they say yes to
measurement. Later the notes are judged (`channels.machine_clicks`), and each click of a person is told like any other report of a message
(`Hearing`), as often as it takes until it was heard.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import msgspec

from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.channels.machine_clicks import SETTLES, Followed, Sign, Verdict, verdict_on
from oportuno.content.click_links import ClickFacts, shop_hosts
from oportuno.content.links import Action, LinkMaker, with_token
from oportuno.content.message import FollowedLink
from oportuno.content.shop_links import with_shop
from oportuno.flows.answer import Desk
from oportuno.kit.faults import NotAllowed, NotFound, Unavailable
from oportuno.kit.ids import CustomerKey, WorkspaceId, derive
from oportuno.kit.times import Millis
from oportuno.profile.purposes import Purpose

MOST_NOTED: Final = 200
"""Clicks of one message that are noted; whoever follows its links more often is led on all the same."""
SOURCE: Final = "click"
"""Who tells of clicks, in the words of `Hearing.source`."""


class Settled(NamedTuple):
    """A click and what it was found to be."""

    click: Followed
    verdict: Verdict


class ClicksOf(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was followed of one message, of which something waits to be settled."""

    key: CustomerKey
    message: bytes
    handed_at: Millis | None
    """When its hand-off began; None: it is not known any more."""
    clicks: tuple[Followed, ...]
    waiting: tuple[Followed, ...]
    """Those among them whose time to be settled has come."""


class Clicks(Protocol):
    """Where links lead, and what was followed. Every call raises Unavailable when the store is gone."""

    async def link(self, workspace: WorkspaceId, id: bytes) -> FollowedLink | None:  # noqa: A002 - the field's own word
        """Give a stored link; None when there is none of that workspace."""
        ...

    async def note(self, workspace: WorkspaceId, message: bytes, link: bytes, sign: Sign) -> bool:
        """Note that a message's link was followed now, by the store's clock.

        False, and nothing noted: the message is not there, its customer was forgotten, or it has `MOST_NOTED` clicks already.
        """
        ...

    async def unsettled(self, after: Millis, limit: int, *, besides: frozenset[WorkspaceId] = frozenset()) -> list[ClicksOf]:
        """Give up to `limit` messages with clicks that came longer than `after` ago and are not settled, the longest waiting first.

        Nothing of the workspaces in `besides`.
        """
        ...

    async def settle(self, key: CustomerKey, message: bytes, settled: Sequence[Settled]) -> list[Verdict]:
        """Write verdicts down, and give those that were. A click that is settled, or gone, stays as it is."""
        ...


@dataclass(frozen=True)
class ClickDoor:
    """What following a link needs of the world."""

    desk: Desk
    links: LinkMaker
    clicks: Clicks


async def follow(door: ClickDoor, facts: ClickFacts, sign: Sign, *, note: bool) -> str:
    """Say where a measured link leads, and, if `note`, note that it was followed while its customer says yes to measurement.

    Raises NotAllowed (``link_expired``), NotFound (``message_gone``, ``customer_gone``): then nothing was noted. A store that fails after
    the address is known loses the note, and nobody is kept from the shop.
    """
    if facts.expires <= await door.desk.reads.now():
        raise NotAllowed("link_expired", "this link has expired")
    gone = NotFound("message_gone", "this message is not kept any more")
    link = await door.clicks.link(facts.workspace, facts.link)
    if link is None:
        raise gone
    brand = (await door.desk.programmes.programme(facts.workspace)).brand
    # Looked at again: a shop may have given up a host since.
    address = with_shop(link.url, shop_hosts(msgspec.structs.asdict(brand)))
    if not address:
        raise gone
    try:
        record = await door.desk.reads.message(facts.workspace, facts.message)
        if record is None:
            raise gone
        message = record.message
        draft = await door.desk.look(message.key)
        if note and Purpose.MEASUREMENT in draft.granted:
            await door.clicks.note(facts.workspace, facts.message, facts.link, sign)
    except Unavailable:
        return address
    if not link.cart:
        return address
    return with_token(address, door.links.token(message.id, message.key, Action.CART, message.permitted_at))


Tell = Callable[[Hearing], Awaitable[object]]
"""Tells of a click: what `flows.hear_back` does with a hearing. The same one again does nothing."""
Counted = Callable[[Verdict], None]
"""Hears of a click that was settled."""


class Swept(NamedTuple):
    """What one sweep did."""

    messages: int
    """Of how many messages clicks were settled."""
    left: frozenset[WorkspaceId] = frozenset()
    """Workspaces whose clicks could not be told now: they wait, and the others did not wait for them."""


async def settle_clicks(clicks: Clicks, tell: Tell, *, counted: Counted = lambda _verdict: None, limit: int = 100) -> Swept:
    """Settle what has waited long enough, a message at a time. `counted` hears of each click once, whoever else settles.

    A person's click is told first and written down as settled after it, so that one that was not heard is told again. Raises Unavailable
    when the clicks themselves cannot be read.
    """
    left: set[WorkspaceId] = set()
    messages = 0
    while found := await clicks.unsettled(SETTLES, limit, besides=frozenset(left)):
        for each in found:
            if each.key.workspace in left:
                continue
            try:
                for verdict in await _settle(clicks, tell, each):
                    counted(verdict)
                messages += 1
            except Exception:  # noqa: BLE001 - whatever one workspace's message provokes, it is told again, and the others do not wait
                left.add(each.key.workspace)
    return Swept(messages, frozenset(left))


async def _settle(clicks: Clicks, tell: Tell, each: ClicksOf) -> list[Verdict]:
    settled = [Settled(click, verdict_on(click, each.clicks, handed_at=each.handed_at)) for click in each.waiting]
    for click, verdict in settled:
        if verdict is Verdict.PERSON:
            await tell(hearing_of(each.key.workspace, each.message, click))
    return await clicks.settle(each.key, each.message, settled)


def hearing_of(workspace: WorkspaceId, message: bytes, click: Followed) -> Hearing:
    """Give the report of a person's click: always the same for the same click."""
    return Hearing(
        id=derive("click", workspace, message, click.link, click.at),
        what=What.CLICKED,
        source=SOURCE,
        at=click.at,
        proof=Proof.SIGNED,
        workspace=workspace,
        message=message,
        detail=click.link.hex(),
    )
