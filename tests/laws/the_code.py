"""The source as data: what the laws look at."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "oportuno"
DOCS = ROOT / "docs"
ROOMS = ("attention", "catalog", "channels", "consent", "content", "decision", "events", "journeys", "kit", "moments", "places", "profile")

_CODE = re.compile(r"[a-z]+(_[a-z0-9]+)+")


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the source by its path below src/oportuno."""
    return {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))}


def name_of(node: ast.expr) -> str:
    """Give the last word of a name: `faults.NotFound` → `NotFound`."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


@cache
def fault_classes() -> frozenset[str]:
    """The names of the Fault family, wherever its members are declared."""
    family = {"Fault"}
    classes = [node for tree in modules().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while grown := {node.name for node in classes if {name_of(base) for base in node.bases} & family} - family:
        family |= grown
    return frozenset(family)


@cache
def fault_codes() -> dict[str, tuple[str, str]]:
    """Every code of a fault that is written in the source: (class or maker, module)."""
    makers = fault_classes() | {"fault", "_fault", "__init__"}
    found: dict[str, tuple[str, str]] = {}
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args or name_of(node.func) not in makers:
                continue
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and _CODE.fullmatch(first.value):
                found.setdefault(first.value, (name_of(node.func), module))
    return found
