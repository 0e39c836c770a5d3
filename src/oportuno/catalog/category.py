"""Categories as a tree: what is sensitive is inherited downwards, and nothing is its own ancestor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from oportuno.kit.faults import BadInput

BETWEEN: Final = " > "
"""Between the parts of a category that is named by its path, as in Google's product feeds."""


class Category(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One category."""

    id: str
    name: str = ""
    parent: str = ""
    """The id of the category it lies in; empty: none."""
    sensitive: tuple[str, ...] = ()
    """Sensitive topics of everything in it."""


def bare(category: str) -> list[Category]:
    """Give a category that only a product named, and those above it when the name is a path such as ``Home > Lamps``."""
    parts = category.split(BETWEEN)
    paths = [BETWEEN.join(parts[: length + 1]) for length in range(len(parts))]
    return [Category(id=path, name=part, parent=parent) for path, part, parent in zip(paths, parts, ["", *paths], strict=False)]


def check_tree(tree: Mapping[str, Category]) -> None:
    """Check that no category lies in itself. Raises BadInput naming one that does. A parent that is not there is no fault."""
    sound: set[str] = set()
    for start in tree:
        walked: dict[str, None] = {}
        at: str = start
        while at in tree and at not in sound:
            if at in walked:
                raise BadInput("category_cycle", f"the category “{at[:60]}” would lie in itself", place=at[:200])
            walked[at] = None
            at = tree[at].parent
        sound.update(walked)


def without(tree: Mapping[str, Category], category: str) -> list[Category]:
    """Give the children of a category as they are when it goes: moved up to its parent."""
    gone = tree[category]
    return [msgspec.structs.replace(each, parent=gone.parent) for each in tree.values() if each.parent == category]


def inherited(categories: Iterable[Category]) -> dict[str, tuple[str, ...]]:
    """Give what each category makes sensitive, with what lies above it; empty when nothing is sensitive anywhere."""
    tree = {each.id: each for each in categories}
    if not any(each.sensitive for each in tree.values()):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for start in tree:
        topics: dict[str, None] = {}
        at, steps = start, 0
        while at in tree and steps <= len(tree):
            topics.update(dict.fromkeys(tree[at].sensitive))
            at, steps = tree[at].parent, steps + 1
        found[start] = tuple(topics)
    return found


def topics_of(category: str, topics: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Give what a category makes sensitive; one that is not known yet is asked by the path in its name."""
    at = category
    while at not in topics:
        at, between, _ = at.rpartition(BETWEEN)
        if not between:
            return ()
    return topics[at]
