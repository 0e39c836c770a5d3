"""The way out when there is none: no mail server is set, so mail waits until its expiry, and says so."""

from __future__ import annotations

from oportuno.channels.channel import Answer, Outcome, Window
from oportuno.content.message import Message, Rendered
from oportuno.kit.times import MINUTE


class NoServer:
    """The port Provider without a server. Nothing is ever handed off, so nothing is ever unknown."""

    async def hand_off(self, message: Message, rendered: Rendered, address: str, window: Window) -> Answer:  # noqa: ARG002 - the port's
        """Refuse for now; an operator may set a server within the message's time."""
        return Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="no server is set", retry_after=MINUTE, about="provider")
