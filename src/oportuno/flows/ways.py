"""The ways out: which of them a message may take, in which order, and what its sending domain is allowed now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

from oportuno.channels.brake import ANY, Brake, group_of
from oportuno.channels.channel import Channel
from oportuno.channels.pace import Pace
from oportuno.channels.warm_up import WarmUp
from oportuno.channels.ways import aligned, domain_of, next_way
from oportuno.consent.house_rules import held_by_house_rules
from oportuno.consent.refusals import Reason, Refusal
from oportuno.content.message import Message
from oportuno.flows.ports import Provider
from oportuno.flows.programme import Programme
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import MINUTE, Millis

MAIL_KINDS: Final = ("smtp", "ses", "sendgrid", "mailgun", "postmark")
"""What a provider of mail can be; the first word of its lane."""
_BRAKED: Final[Millis] = 15 * MINUTE
"""How long a braked message waits before it is looked at again."""


class Way(NamedTuple):
    """One way out."""

    lane: str
    """The name under which it is paced, told of and remembered: ``smtp mail.example``."""
    provider: Provider
    signs: str = ""
    """For which domain it signs mail, both List-Unsubscribe headers included; `ALL_SIGNED`: for any; empty: for none."""


Ways: TypeAlias = Callable[[Programme, str], Sequence[Way]]
"""The ways of a workspace's messages on a channel, the preferred first; at least one. A sandbox has one only: its own mailbox."""


class Sending(Protocol):
    """What is known of a sending domain: complaints about it, and how much it may send while it is new."""

    def brake(self, workspace: WorkspaceId, sender: str, receiver: str) -> Brake:
        """Say whether marketing between these domains is slowed or stopped by complaints; may be a minute old."""
        ...

    async def may_go(self, workspace: WorkspaceId, sender: str, warm_up: WarmUp, *, marketing: bool) -> Millis:
        """Take one of the mails that a domain may send today, and give 0; or take none and give the time to the next day.

        What is not marketing never waits, and counts. Raises Unavailable.
        """
        ...

    def came_back(self, workspace: WorkspaceId, sender: str) -> None:
        """Give back what was taken last: it was not handed off."""
        ...

    def accepted(self, workspace: WorkspaceId, sender: str, receiver: str) -> None:
        """Count a mail that a provider took."""
        ...


class _Free:
    """Nothing is known, nothing is held back."""

    def brake(self, workspace: WorkspaceId, sender: str, receiver: str) -> Brake:  # noqa: ARG002 - the port's
        return Brake.NONE

    async def may_go(self, workspace: WorkspaceId, sender: str, warm_up: WarmUp, *, marketing: bool) -> Millis:  # noqa: ARG002 - the port's
        return 0

    def came_back(self, workspace: WorkspaceId, sender: str) -> None:
        pass

    def accepted(self, workspace: WorkspaceId, sender: str, receiver: str) -> None:
        pass


FREE: Final[Sending] = _Free()
"""Where sending domains are not watched: webhooks, trials."""


def may_take(message: Message, programme: Programme, ways: Sequence[Way]) -> Sequence[Way] | Reason:
    """Give the ways that a message may take, in their order; or the house's rule by which it may take none."""
    if message.said.channel != Channel.EMAIL or not message.marketing:
        return ways
    brand = programme.brand
    held = held_by_house_rules(legal=brand.legal, sender=brand.sender, signs=[way.signs for way in ways])
    if held is not None:
        return held
    domain = domain_of(brand.sender)
    return [way for way in ways if way.signs and aligned(domain, way.signs)]


class Braked(NamedTuple):
    """What complaints make of a mail: it waits for a reason, or goes by the brake's own lane."""

    reason: Reason | None = None
    lane: str = ""


def braked(message: Message, programme: Programme, address: str, sending: Sending, now: Millis) -> Braked:
    """Say how complaints hold a message. Service messages go whatever is complained about."""
    if message.said.channel != Channel.EMAIL or not message.marketing:
        return Braked()
    sender, receiver = domain_of(programme.brand.sender), group_of(address)
    brake = max(sending.brake(message.key.workspace, sender, group) for group in (receiver, ANY))
    if brake is Brake.NONE:
        return Braked()
    if brake is Brake.STOP or message.said.worth <= 0:
        facts = {"sender": sender, "receivers": receiver}
        return Braked(Reason(refusal=Refusal.COMPLAINTS_HIGH, facts=facts, retry_at=now + _BRAKED))
    return Braked(lane=f"brake {sender} {receiver}")


def chosen(ways: Sequence[Way], pace: Pace, now: float) -> Way:
    """Choose the way that a message goes now: the first that does not rest, else the one that is back first."""
    if len(ways) == 1:
        return ways[0]
    names = [lane_of(way) for way in ways]
    return ways[next_way([pace.resting(name, now) for name in names], [pace.wait([name], now) for name in names])]


def lane_of(way: Way) -> str:
    """Name the lane by which a way is paced."""
    return f"provider {way.lane}"
