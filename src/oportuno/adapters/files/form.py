"""The forms of files that are read."""

from __future__ import annotations

from enum import StrEnum


class FileForm(StrEnum):
    """How a file is written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
