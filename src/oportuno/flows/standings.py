"""How a workspace's customers stand as a whole: where the fifths of its buyers begin, and what is viewed and bought together.

Measured once a night on a sample of customers; only those who said yes to personalisation lend their views and orders to what goes
together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from oportuno.catalog.together import Companion, companions
from oportuno.consent.answers import granted_purposes
from oportuno.kit.ids import CustomerKey, WorkspaceId
from oportuno.kit.times import HOUR, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.interest import Interest
from oportuno.profile.purposes import Purpose
from oportuno.profile.scores import looks
from oportuno.profile.sections import Orders
from oportuno.profile.worth import BreakPoints, Value, break_points, value

SAMPLE_AT_MOST: Final = 20_000
"""Customers of a workspace that are measured: whole buckets, and those are drawn by a hash."""
EVERY: Final[Millis] = 20 * HOUR
"""A measurement younger than this is good enough."""

How: TypeAlias = Literal["viewed", "bought"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement of a workspace."""

    at: Millis
    customers: int = 0
    """How many were measured."""
    points: BreakPoints | None = None
    viewed: dict[str, list[Companion]] = {}
    """Product → those viewed by the same customers."""
    bought: dict[str, list[Companion]] = {}
    """Product → those bought in the same orders."""


class Standings(Protocol):
    """What was last measured."""

    async def break_points(self, workspace: WorkspaceId) -> BreakPoints | None:
        """Give the break points of a workspace; None before its first measurement, or with too few buyers."""
        ...

    async def companions(self, workspace: WorkspaceId, product: str, how: How) -> Sequence[Companion]:
        """Give what is viewed or bought together with a product, the most frequent first; empty when nothing is known."""
        ...


class Census:
    """A measurement on its way. Holds no state of a customer, only what is counted."""

    def __init__(self, now: Millis) -> None:
        self._now = now
        self._customers = 0
        self._values: list[Value] = []
        self._viewed: list[Sequence[str]] = []
        self._bought: list[Sequence[str]] = []
        self._names: dict[str, str] = {}
        """One string for a product, however many customers saw it: a decoded state brings one of its own each time."""

    @property
    def full(self) -> bool:
        """Whether enough customers were counted."""
        return self._customers >= SAMPLE_AT_MOST

    def count(self, key: CustomerKey, state: bytes) -> None:
        """Count one customer."""
        draft = Draft(key, state)
        draft.granted = granted_purposes(draft, self._now)
        self._customers += 1
        if draft.has(Orders):
            self._values.append(value(draft, self._now))
        if Purpose.PERSONALISATION not in draft.granted:
            return
        if draft.has(Orders):
            orders = draft.read(Orders).recent
            self._bought += [self._named(brief.products) for brief in orders if brief.placed and brief.products]
        if draft.has(Interest):
            seen = self._named(each.product for each in looks(draft, self._now))
            if seen:
                self._viewed.append(seen)

    def _named(self, products: Iterable[str]) -> tuple[str, ...]:
        return tuple(self._names.setdefault(product, product) for product in products)

    def result(self) -> Standing:
        """Give the measurement. Money is in the currency that most customers paid in."""
        paid = Counter(currency for each in self._values for currency in each.net)
        currency = min(paid, key=lambda each: (-paid[each], each)) if paid else ""
        return Standing(
            at=self._now,
            customers=self._customers,
            points=break_points(self._values, currency, self._now),
            viewed=companions(self._viewed),
            bought=companions(self._bought),
        )
