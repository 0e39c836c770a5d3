"""A backtest's figures, as they are kept and shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from oportuno.flows.backtest import WEEK, Backtested
from oportuno.journeys.journey import Journey
from oportuno.kit.times import Millis


class PlayFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What one play would have done."""

    key: str
    names: dict[str, str]
    spoken: int
    people: int
    """To how many customers."""
    weeks: list[int]
    """Of the spoken, by week, the first week first."""
    held: dict[str, int]
    """Refusal → proposals that stayed unsaid because of it, the most frequent first."""
    waiting: dict[str, int]
    """Refusal → proposals that still waited at the end."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One backtest."""

    since: Millis
    until: Millis
    data: str
    customers: int
    may_write: int
    """Customers who said yes to e-mail; simulated, as it says."""
    products: int
    """Products whose prices were followed."""
    orders: int
    falls: int
    told: int
    """How often a fallen price reached somebody who had bought the product before."""
    over_limit: int
    plays: list[PlayFigures]
    touches: list[int]
    """How many customers would have got 0, 1, 2 … messages."""


def summary_of(
    found: Backtested,
    journeys: Sequence[Journey],
    *,
    since: Millis,
    until: Millis,
    data: str,
    customers: int,
    may_write: int,
    products: int,
) -> Summary:
    """Add the figures up."""
    weeks = max(1, -(-(until - since) // WEEK))
    each = Counter(spoke.key for spoke in found.spoken)
    got = Counter(each.values())
    plays = []
    for journey in journeys:
        mine = [spoke for spoke in found.spoken if spoke.journey == journey.key]
        by_week = Counter((spoke.at - since) // WEEK for spoke in mine)
        plays.append(
            PlayFigures(
                key=journey.key,
                names=dict(journey.names),
                spoken=len(mine),
                people=len({spoke.key for spoke in mine}),
                weeks=[by_week[week] for week in range(weeks)],
                held=_of(found.held, journey.key),
                waiting=_of(found.waiting, journey.key),
            )
        )
    return Summary(
        since=since,
        until=until,
        data=data,
        customers=customers,
        may_write=may_write,
        products=products,
        orders=found.deeds,
        falls=found.falls,
        told=found.told,
        over_limit=found.over_limit,
        plays=plays,
        touches=[customers - len(each), *(got[times] for times in range(1, max(got, default=0) + 1))],
    )


def _of(counted: Counter[tuple[str, str]], journey: str) -> dict[str, int]:
    mine = sorted(((why, times) for (key, why), times in counted.items() if key == journey), key=lambda pair: (-pair[1], pair[0]))
    return dict(mine)
