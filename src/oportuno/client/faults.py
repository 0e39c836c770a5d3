"""What can go wrong for a program that uses the client.

ClientFault
├── CallMalformed  the call cannot become an event; raised where it is made
├── ItemTooLarge   the call is larger than the server takes; raised where it is made
├── ClientClosed   a call after `close`; raised where it is made
├── QueueFull      too much waits; what was let go is told to `on_error`
├── GaveUp         tried for as long as was agreed, or until the program ended; told to `on_error`, or raised by `send` and `decide`
├── Rejected       the server keeps the item as a reject: it can be mended and replayed; told to `on_error`
├── Refused        the server will not take it, or not tell it: the key, mostly; told to `on_error`, or raised by what asks
│   └── Silent         `send` was heard, and the message is not sent: the gate says no, and why
└── Unreachable    no answer; raised by what asks (what tells tries again)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oportuno.client.shown import Reason


class ClientFault(Exception):
    """Anything that goes wrong here. The sentence never holds what was sent."""

    def __init__(self, code: str, sentence: str, *, place: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        """A stable name, for programs."""
        self.sentence = sentence
        self.place = place
        """Which field it concerns; empty when it concerns the whole."""


class CallMalformed(ClientFault):
    """The call cannot become an event: an id or a name is missing, or a value has no JSON."""


class ItemTooLarge(ClientFault):
    """The call is larger than the 32 KB that the server takes of one."""


class ClientClosed(ClientFault):
    """The client was closed before this call."""


class QueueFull(ClientFault):
    """More waits to be sent than was agreed."""


class GaveUp(ClientFault):
    """It was tried for as long as was agreed; it may or may not have arrived."""


class Rejected(ClientFault):
    """The server stored the item as a reject: `Client.rejects` shows it, `Client.replay` takes it in once it is mended."""


class Unreachable(ClientFault):
    """No answer came."""


class Refused(ClientFault):
    """The server answered, and the answer is no."""

    def __init__(self, code: str, sentence: str, *, status: int, place: str = "") -> None:
        super().__init__(code, sentence, place=place)
        self.status = status
        """The status of the HTTP answer."""


class Silent(Refused):
    """The message is not sent: an address that does not work, or none. The verdict is kept, and asking again changes nothing."""

    def __init__(self, code: str, sentence: str, *, status: int, message: str, reason: Reason | None) -> None:
        super().__init__(code, sentence, status=status)
        self.message = message
        """The proposal's id: the server explains it by this."""
        self.reason = reason
        """Why, with the refusal's stable name."""
