"""What may stand in a log: a fixed list of fields, none of them personal. One JSON object a line, on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

ALLOWED: Final = frozenset(
    {
        "event", "level", "logger", "timestamp",
        "attempts", "batch", "bucket", "channel", "code", "count", "deliverer", "domain", "ended", "events", "fault", "lane", "message",
        "method", "outcome", "part", "pause", "place", "rejects", "seconds", "section", "setting", "status", "version", "worker",
        "workspace", "fanouts_dropped", "lanes_retired", "merges_settled", "offsets_dropped", "partitions_made", "poison_dropped",
        "rejects_dropped", "seen_days_dropped", "standings_taken",
    }
)  # fmt: skip
"""Every field a log line may have. `message` is a message's id (`msg_…`); a customer's id, address, name or event never stands in a log."""


def only_allowed(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every field that is not on the list, and say which were dropped."""
    dropped = sorted(name for name in line if name not in ALLOWED)
    for name in dropped:
        del line[name]
    if dropped:
        line["dropped"] = dropped
    return line


def set_up(level: str, *, part: str) -> None:
    """Make every log of this process go through the list."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _named(part),
            only_allowed,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries may quote what they were given: only their loudest words come through, and without their arguments.
    logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr, format="%(levelname)s %(name)s")


def _named(part: str) -> structlog.typing.Processor:
    def add(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["part"] = part
        return line

    return add
