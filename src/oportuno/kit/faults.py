"""The family of errors that people and programs may see.

Fault
├── BadInput      somebody sent something that cannot be used; says where
│   ├── TooLarge      more than we take in one go
│   ├── TooSlow       the rest of it did not come in time
│   ├── Unsupported   an encoding that we do not read
│   └── WrongMethod   the address knows other verbs
├── NotFound      the thing named does not exist in this workspace
├── NotAllowed    the key, role or link does not permit it
│   └── NotRecognised no key, or one that we do not know
├── Busy          try again later; carries how long to wait
├── Conflict      the state moved under the caller; read again and decide again
└── Unavailable   a part that we depend on is gone (database, provider, disk)
"""

from __future__ import annotations


class Fault(Exception):
    """An error with a stable code, one sentence, and the place it concerns."""

    status = 500

    def __init__(self, code: str, sentence: str, *, place: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.place = place


class BadInput(Fault):
    """What was sent cannot be used; `place` names the line, field or item."""

    status = 400


class TooLarge(BadInput):
    """More was sent than is taken in one go."""

    status = 413


class TooSlow(BadInput):
    """The rest of what was announced did not come in time."""

    status = 408


class Unsupported(BadInput):
    """What was sent is in an encoding that we do not read."""

    status = 415


class WrongMethod(BadInput):
    """The address exists, but not for this HTTP method; `allow` names those that it knows."""

    status = 405

    def __init__(self, code: str, sentence: str, *, allow: str, place: str = "") -> None:
        super().__init__(code, sentence, place=place)
        self.allow = allow


class NotFound(Fault):
    """The thing named does not exist in this workspace."""

    status = 404


class NotAllowed(Fault):
    """The key, role or link does not permit it."""

    status = 403


class NotRecognised(NotAllowed):
    """No key was shown, or one that we do not know: who is asking?"""

    status = 401


class Conflict(Fault):
    """The state moved under the caller: read again and decide again."""

    status = 409


class Busy(Fault):
    """A limit was reached; try again after `retry_after` seconds."""

    status = 429

    def __init__(self, code: str, sentence: str, *, retry_after: int, place: str = "") -> None:
        super().__init__(code, sentence, place=place)
        self.retry_after = retry_after


class Unavailable(Fault):
    """A part that we depend on is gone; what was acknowledged is safe."""

    status = 503
