"""Somebody at one of our pages."""

from __future__ import annotations

from dataclasses import dataclass

from oportuno.content.links import LinkFacts, LinkMaker
from oportuno.entry.http.pages.page import Setting
from oportuno.flows.answer import Desk
from oportuno.kit.times import Millis


@dataclass(frozen=True)
class Pages:
    """What the pages need of the world."""

    desk: Desk
    links: LinkMaker


@dataclass(frozen=True)
class Visit:
    """Somebody at a page, with a link that holds."""

    pages: Pages
    facts: LinkFacts
    setting: Setting
    now: Millis
    token: str
