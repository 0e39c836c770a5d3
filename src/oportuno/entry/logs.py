"""What may stand in a log: a fixed list of fields, none of them personal. One JSON object a line, on standard error."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
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
    # Libraries may quote what they were given: of what the loudest of them say it is told that they spoke, and never what.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Wordless(part))
    logging.basicConfig(level=logging.CRITICAL, handlers=[handler])


class _Wordless(logging.Formatter):
    """Tells who spoke, how loudly, and of which kind of fault, in the form of our own lines."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "event": "library_spoke",
            "fault": record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "",
            "level": record.levelname.lower(),
            "logger": record.name,
            "part": self._part,
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        return json.dumps(line)


def _named(part: str) -> structlog.typing.Processor:
    def add(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["part"] = part
        return line

    return add
