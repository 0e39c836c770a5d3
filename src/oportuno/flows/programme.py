"""What a workspace has laid down, ready for the engine: policy, journeys and templates, read once per change."""

from __future__ import annotations

import msgspec

from oportuno.consent.policy import Policy
from oportuno.content.template import Template
from oportuno.journeys.journey import Journey
from oportuno.kit.faults import Fault
from oportuno.kit.ids import WorkspaceId


class ProgrammeUnreadable(Fault):
    """What a workspace has laid down cannot be read by this release: it falls silent, and the others go on."""

    status = 503


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    """How a workspace signs: name, sender, links. Part of the policy file."""

    name: str
    legal: str = ""
    """Name and postal address for the foot of a mail."""
    sender: str = ""
    """From address."""
    reply_to: str = ""
    shop_url: str = ""
    cart_url: str = ""
    """Where a restored cart opens; the signed token is appended as ``oportuno_cart``."""
    mark_url: str = ""
    privacy_url: str = ""
    tokens: dict[str, str] = {}
    """The nine brand tokens of the consumer pages."""


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    """Everything decisions and messages of one workspace are made from."""

    workspace: WorkspaceId
    public_id: str
    """``ws_…``, as the API names it."""
    version: int
    policy: Policy
    brand: Brand
    journeys: tuple[Journey, ...] = ()
    templates: dict[str, Template] = {}
