"""How long a connection is lent before another takes its place.

The server's process behind a connection keeps a plan of every statement it ever prepared and what it knows of every table it ever
touched, partitions of days long gone among them. It gives that back only when it ends.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from oportuno.adapters.postgres.database import Connection, hung_up

LIFETIME: Final = 900.0
"""Seconds from a connection's opening after which it is not lent again: opening one costs some milliseconds."""


class Lent(NamedTuple):
    """A connection that is lent again and again, and until when (time.monotonic)."""

    connection: Connection
    until: float

    @classmethod
    def opened(cls, connection: Connection, lifetime: float) -> Lent:
        """Begin the life of a connection that was opened just now."""
        return cls(connection, time.monotonic() + lifetime)

    @property
    def serves(self) -> bool:
        """Whether it may be lent once more."""
        return time.monotonic() < self.until and not hung_up(self.connection)
