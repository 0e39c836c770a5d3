"""Parquet: row group by row group, only the columns that somebody looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from oportuno.events.bring.rows import Line
from oportuno.kit.faults import BadInput, Unavailable

_BATCH: Final = 20_000
_SUBSECOND: Final = ("ns", "us")


def parquet_headings(path: Path) -> tuple[str, ...]:
    """Give the names of the columns. Raises BadInput ``parquet_broken``, Unavailable ``parquet_missing``."""
    with _opened(path) as file:
        return tuple(file.schema_arrow.names)


def parquet_lines(path: Path, columns: frozenset[str], tell: Callable[[int], None]) -> Iterator[Line]:
    """Give the rows. Raises BadInput ``parquet_broken``."""
    from pyarrow import ArrowException

    with _opened(path) as file:
        roots = {column.partition(".")[0] for column in columns} | columns
        wanted = [name for name in file.schema_arrow.names if name in roots]
        number = 0
        try:
            for batch in file.iter_batches(batch_size=_BATCH, columns=wanted):
                values = [_plain(batch.column(place)) for place in range(batch.num_columns)]
                for row in zip(*values, strict=True):
                    number += 1
                    yield Line(number, dict(zip(wanted, row, strict=True)))
                tell(number)
        except (ArrowException, OSError) as fault:
            raise BadInput("parquet_broken", "the file cannot be read further", place=f"row {number + 1}") from fault


def parquet_rows(path: Path) -> int:
    """Say how many rows there are."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def _plain(column: Any) -> list[Any]:
    """Give the values; moments without a zone as integer milliseconds would lose the zone that the mapping names, so as datetimes."""
    from pyarrow import types

    if types.is_timestamp(column.type) and column.type.unit in _SUBSECOND:
        column = column.cast(f"timestamp[ms{', ' + column.type.tz if column.type.tz else ''}]", safe=False)
    values: list[Any] = column.to_pylist()
    return values


def _opened(path: Path) -> Any:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise Unavailable("parquet_missing", "reading Parquet needs pyarrow: install oportuno[parquet]") from None
    try:
        return parquet.ParquetFile(path)
    except (ArrowException, OSError) as fault:
        raise BadInput("parquet_broken", "this is not a Parquet file that can be read", place=str(path)) from fault
