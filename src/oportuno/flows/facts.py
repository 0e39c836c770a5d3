"""The port of what is known of products while a batch is decided: from memory, and what is not at hand is fetched and asked again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from oportuno.catalog.product import Facts, NoFacts
from oportuno.kit.ids import WorkspaceId


class KnownFacts(Facts, Protocol):
    """The products of one workspace, as far as they are at hand."""

    @property
    def missing(self) -> set[tuple[WorkspaceId, str]]:
        """What was asked for and not at hand, until somebody empties it."""
        ...


class FactsAtHand(Protocol):
    """What one process knows of the products of all workspaces; at most a second old."""

    def for_workspace(self, workspace: WorkspaceId) -> KnownFacts:
        """Give what is known of one workspace's products."""
        ...

    async def load(self, missing: Iterable[tuple[WorkspaceId, str]]) -> None:
        """Fetch what was missing; what does not exist is known not to exist from then on. Raises Unavailable."""
        ...

    async def refresh(self, at_least: Mapping[WorkspaceId, int] | None = None) -> None:
        """Forget what has changed; `at_least` names versions that somebody has heard of. Raises Unavailable."""
        ...


class _NothingKnown(NoFacts):
    @property
    def missing(self) -> set[tuple[WorkspaceId, str]]:
        return set()


class _NoCatalogue:
    """No workspace has a catalogue."""

    def for_workspace(self, workspace: WorkspaceId) -> KnownFacts:  # noqa: ARG002 - the port's signature
        return _NOTHING_KNOWN

    async def load(self, missing: Iterable[tuple[WorkspaceId, str]]) -> None:
        pass

    async def refresh(self, at_least: Mapping[WorkspaceId, int] | None = None) -> None:
        pass


_NOTHING_KNOWN: Final = _NothingKnown()
NO_CATALOGUE: Final[FactsAtHand] = _NoCatalogue()
"""For whoever decides without products: tests, and backtests without a catalogue."""
