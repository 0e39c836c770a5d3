"""Where in a definition's file something stands, so that a fault found later than at reading still names its line."""

from __future__ import annotations

from typing import Any

from oportuno.kit.yaml_lines import Part, read_yaml


def part_at(text: str, *path: str | int) -> Part:
    """Give the part of a YAML text under names and numbers of entries; the last that exists on the way there.

    The text must have been read before: it raises BadInput otherwise.
    """
    part = read_yaml(text)
    for word in path:
        inside = part.plain()
        if isinstance(word, int):
            if not isinstance(inside, list) or word >= len(inside):
                break
            part = part.parts()[word]
        else:
            found = next((value for name, value in part.pairs() if name == word), None) if isinstance(inside, dict) else None
            if found is None:
                break
            part = found
    return part


def texts_of(part: Part) -> list[Part]:
    """Give every text of a tree of values, in the order in which they are written."""
    inside: Any = part.plain()
    if isinstance(inside, dict):
        return [leaf for _, value in part.pairs() for leaf in texts_of(value)]
    if isinstance(inside, list):
        return [leaf for value in part.parts() for leaf in texts_of(value)]
    return [part] if isinstance(inside, str) else []
