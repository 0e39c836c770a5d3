"""The rows of merges and inboxes in the twin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oportuno.flows.crossing import Merge, Offsets, Posted
    from oportuno.kit.ids import CustomerKey, WorkspaceId


@dataclass(slots=True)
class MergeRow:
    """One entry of the ledger, with what undoing it needs."""

    merge: Merge
    loser_state: bytes = b""
    winner_state: bytes = b""
    winner_version: int = 0
    winner_offsets: Offsets = ()
    moved: frozenset[bytes] | None = None


@dataclass(slots=True)
class Crossed:
    """The rows of merges and inboxes."""

    merges: dict[tuple[WorkspaceId, bytes], MergeRow] = field(default_factory=dict)
    inbox: dict[tuple[CustomerKey, bytes], Posted] = field(default_factory=dict)
    folded: dict[tuple[CustomerKey, bytes], int] = field(default_factory=dict)
    """Of the kept ones: the version of the addressee's row in which they were folded."""
    claims: dict[tuple[WorkspaceId, str], str] = field(default_factory=dict)
    """(workspace, anonymous id) → the user id that claimed it."""
