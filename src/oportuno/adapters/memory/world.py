"""The whole outside in memory: one object from which every port is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.adapters.memory.catalogue import MemoryCatalogue
from oportuno.adapters.memory.clicks import MemoryClicks
from oportuno.adapters.memory.clock import START
from oportuno.adapters.memory.crossing import MemoryCrossings
from oportuno.adapters.memory.feed import MemoryFeed
from oportuno.adapters.memory.forget import MemoryErasures
from oportuno.adapters.memory.ground import Ground
from oportuno.adapters.memory.hearings import MemoryHearings
from oportuno.adapters.memory.holdings import MemoryHoldings
from oportuno.adapters.memory.hooks import MemoryHooks
from oportuno.adapters.memory.imports import MemoryImports
from oportuno.adapters.memory.intake import MemoryIntake
from oportuno.adapters.memory.keys import MemoryKeys
from oportuno.adapters.memory.mail_hooks import MemoryMailHooks
from oportuno.adapters.memory.mailbox import MemoryMailbox
from oportuno.adapters.memory.notary import MemoryNotary
from oportuno.adapters.memory.outbox import MemoryOutbox
from oportuno.adapters.memory.plans import MemoryTrackingPlans
from oportuno.adapters.memory.programmes import MemoryProgrammes
from oportuno.adapters.memory.providers import MemoryDomainStandings, MemoryProviders
from oportuno.adapters.memory.reads import MemoryReads
from oportuno.adapters.memory.signings import MemorySignings
from oportuno.adapters.memory.standing import MemoryStandings
from oportuno.adapters.memory.store import MemoryStore
from oportuno.adapters.memory.suppressions import MemorySuppressions
from oportuno.adapters.memory.tallies import MemoryTallies
from oportuno.kit.ids import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oportuno.kit.times import Millis


class MemoryWorld(Ground):
    """Every port in memory, sharing one set of rows.

    `world = MemoryWorld()` is enough for a test; `.intake`, `.keys`, `.store`, `.feed()`, `.outbox`, `.programmes`, `.mailbox`, `.reads`,
    `.erasures` and `.clock` are the ports, and `.tables` holds the rows to look at afterwards. At each `pause` a scheduler may run others,
    throw Unavailable into the caller, or kill it for good. With `self_moving` a sleeper moves the clock; without it, only the scheduler
    does.
    """

    def __init__(self, *, now: Millis = START, self_moving: bool = True) -> None:
        super().__init__(now=now, self_moving=self_moving)
        self.intake = MemoryIntake(self)
        self.standings = MemoryStandings(self)
        self.keys = MemoryKeys(self)
        self.store = MemoryStore(self)
        self.outbox = MemoryOutbox(self)
        self.programmes = MemoryProgrammes(self)
        self.reads = MemoryReads(self)
        self.mailbox = MemoryMailbox(self)
        self.clicks = MemoryClicks(self)
        self.crossings = MemoryCrossings(self)
        self.signings = MemorySignings(self, self.keys)
        self.catalogue = MemoryCatalogue(self)
        self.erasures = MemoryErasures(self)
        self.hearings = MemoryHearings(self)
        self.suppressions = MemorySuppressions(self)
        self.tallies = MemoryTallies(self)
        self.plans = MemoryTrackingPlans(self)
        self.hooks = MemoryHooks(self)
        self.mail_hooks = MemoryMailHooks(self)
        self.providers = MemoryProviders(self)
        self.domains = MemoryDomainStandings(self)
        self.notary = MemoryNotary(self)
        self.imports = MemoryImports(self, self.intake)
        self.holdings = MemoryHoldings(self)
        self._deliverers = 0

    def feed(self, buckets: Iterable[int] = range(BUCKETS)) -> MemoryFeed:
        """Give one more worker its feed; workers may own the same buckets."""
        return MemoryFeed(self, frozenset(buckets))

    def ingester(self) -> MemoryIntake:
        """Give one more ingester, with lanes of its own."""
        return MemoryIntake(self)

    def start_deliverer(self) -> int:
        """Bring a deliverer to life and give its number."""
        self._deliverers += 1
        self.tables.deliverers.add(self._deliverers)
        return self._deliverers

    def stop_deliverer(self, number: int) -> None:
        """Let a deliverer die: what it was handing is abandoned."""
        self.tables.deliverers.discard(number)
