"""Opening hours as people write them: ``09:00-14:00``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from oportuno.kit.faults import BadInput
from oportuno.places.store import Span

WEEK: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPAN: Final = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_MOST: Final = 10


def read_hours(texts: Iterable[str], place: str) -> tuple[Span, ...]:
    """Read the hours of one day, in order; none: closed. ``22:00-02:00`` goes on past midnight. Raises BadInput."""
    spans = []
    for text in texts:
        found = _SPAN.fullmatch(text)
        if found is None:
            raise BadInput("hours_malformed", "opening hours are written 09:00-14:00", place=place)
        opens, closes = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
        spans.append(Span(opens=opens, closes=closes or 24 * 60))
    if len(spans) > _MOST:
        raise BadInput("hours_malformed", f"a day has at most {_MOST} spans of opening hours", place=place)
    return tuple(sorted(spans, key=lambda span: span.opens))


def write_hours(spans: Iterable[Span]) -> list[str]:
    """Write the hours of one day."""
    return [f"{span.opens // 60:02}:{span.opens % 60:02}-{span.closes // 60:02}:{span.closes % 60:02}" for span in spans]
