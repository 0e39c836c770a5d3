"""What the customer says they are interested in, in so many words; kept apart from what their doings suggest, and stronger.

One register: who declares, declares it all anew. An empty list takes everything back.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from oportuno.catalog.item import Kind
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft, Section
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Stamp

DECLARED_AT_MOST: Final = 20
BY_TRAIT: Final = "identify"
BY_EVENT: Final = "event"
"""Where a declaration came from."""
_NAME_AT_MOST: Final = 80
_KINDS: Final[tuple[Kind, ...]] = ("product", "category", "brand")


class Declared(Section):
    """Interests as the customer declared them last. Only with their yes to personalisation."""

    title: ClassVar[str] = "declared"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.PERSONALISATION})

    items: list[tuple[Kind, str]] = []
    """In the order of the alphabet; at most 20."""
    at: Millis = 0
    h: bytes = b""
    source: str = ""
    """``identify`` or ``event``."""

    def shed(self) -> str:
        """Let go of the last one by the alphabet."""
        if not self.items:
            return ""
        del self.items[-1]
        return "declared"


def declare(draft: Draft, told: Any, stamp: Stamp, source: str, faults: list[str]) -> None:
    """Take a declaration: a list of category names, or of objects such as ``{"brand": "Norte"}``; one alone needs no list.

    The latest by event time holds. Without the customer's yes to personalisation nothing is kept. What cannot be read is named.
    """
    if told is not None and not isinstance(told, list | str | dict):
        faults.append("interests_malformed:interests")
        return
    listed: list[Any] = [] if told is None else told if isinstance(told, list) else [told]
    items: set[tuple[Kind, str]] = set()
    for place, one in enumerate(listed):
        item = _item(one)
        if item is None:
            faults.append(f"interests_malformed:interests[{place}]")
        else:
            items.add(item)
    if len(items) > DECLARED_AT_MOST:
        faults.append("interests_too_many:interests")
    kept = sorted(items)[:DECLARED_AT_MOST]
    if not draft.may(Declared) or (listed and not kept):
        return
    known = draft.read(Declared)
    at, h = stamp
    if (known.at, known.h) >= (at, h):
        return
    declared = draft.open(Declared)
    declared.items, declared.at, declared.h, declared.source = kept, at, h, source


def _item(one: Any) -> tuple[Kind, str] | None:
    if isinstance(one, str):
        one = {"category": one}
    if not isinstance(one, dict) or len(one) != 1:
        return None
    for kind in _KINDS:
        name = one.get(kind)
        if isinstance(name, str) and name.strip() and len(name) <= _NAME_AT_MOST and name.isprintable():
            return kind, name.strip()
    return None
