"""Judging what the soak noted: slopes over the last three quarters, by the median of slopes, which a single step cannot bend."""

from __future__ import annotations

from typing import Any


def judge(samples: list[dict[str, Any]], *, missed: int = 0) -> dict[str, Any]:
    """To be deepened: give the faults."""
    return {"samples": len(samples), "missed": missed, "faults": []}
