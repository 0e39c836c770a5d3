"""A backtest: what the plays would have said over recorded weeks, decided by the very step that decides live.

Only what happened is replayed: what people would have done had they been told is not known, and nothing is made of it. Whatever is decided
is taken as handed off at that moment, so that limits and cadence count as they would have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from typing import Final, NamedTuple, TypeAlias

import msgspec

from oportuno.attention.ledger import Attention, Limit, confirm
from oportuno.catalog.news import news_of
from oportuno.catalog.prices import PricePoint, price_at
from oportuno.catalog.product import Change, ChangeKind, Product
from oportuno.content.message import Message
from oportuno.decision.verdict import Decided, Verdict
from oportuno.events.event import Call, Event, Source
from oportuno.flows.fan_out import FanOut, told
from oportuno.flows.programme import Programme
from oportuno.flows.step import step
from oportuno.journeys.index import index_of
from oportuno.journeys.rule import matches, of_event_alone
from oportuno.kit.ids import CustomerId, CustomerKey, derive, key_of
from oportuno.kit.times import DAY, Millis, to_text
from oportuno.profile.draft import Draft

WEEK: Final[Millis] = 7 * DAY
_LANE: Final = 0
_LASTS: Final[Mapping[ChangeKind, Millis]] = dict.fromkeys(ChangeKind, DAY)


class Deed(NamedTuple):
    """What a customer did."""

    at: Millis
    key: CustomerKey
    name: str
    body: bytes
    """JSON of the call."""


class PriceMove(NamedTuple):
    """A product costs something else from now on. `price` None: nobody can tell."""

    at: Millis
    product: str
    price: int | None


Watchers: TypeAlias = Callable[[str, Millis], Iterable[CustomerKey]]
"""Who is told when a product's price falls at a moment: the backtest's own assumption, which it has to say."""


class Spoke(NamedTuple):
    """One message that would have left."""

    at: Millis
    key: CustomerKey
    journey: str
    marketing: bool
    cost: int


class Backtested(msgspec.Struct, kw_only=True):
    """What came of it. A proposal counts once, by what was decided on it last."""

    spoken: list[Spoke] = []
    held: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """(journey, refusal) → how many proposals stayed unsaid because of it."""
    waiting: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """(journey, refusal) → how many still waited at the end."""
    waited: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """(journey, refusal) → how often a proposal was put off, whatever became of it."""
    deeds: int = 0
    falls: int = 0
    """Prices that fell within the weeks."""
    told: int = 0
    """How often a fallen price reached one of its watchers."""
    over_limit: int = 0
    """Marketing messages beyond a limit: a fault of ours if it is not 0."""


class _Then:
    """The products as they were at a moment."""

    def __init__(self, products: Mapping[str, Product], currency: str) -> None:
        self._products = products
        self._currency = currency
        self._points: dict[str, list[PricePoint]] = {}
        self._known: dict[str, Product] = {}

    def product(self, product: str) -> Product | None:
        return self._known.get(product)

    def move(self, move: PriceMove) -> tuple[Product, int] | None:
        """Let a price change; gives the product and what it cost before when it fell."""
        points = self._points.setdefault(move.product, [])
        before = points[-1].amount if points else None
        points.append(PricePoint(product=move.product, at=move.at, amount=move.price, currency=self._currency))
        force = price_at(points, move.at)
        base = self._products.get(move.product) or Product(id=move.product, name=move.product)
        if force is None:
            return None
        now = msgspec.structs.replace(
            base, price=force.amount, lowest=force.lowest, currency=self._currency, price_since=force.since, changed_at=move.at
        )
        self._known[move.product] = now
        return (now, before) if before is not None and move.price is not None and move.price < before else None


class Backtest:
    """One replay over some customers. Feed it in order of time; the same in gives the same out."""

    def __init__(
        self, programme: Programme, states: Mapping[CustomerKey, bytes], products: Mapping[str, Product], *, watchers: Watchers
    ) -> None:
        """`states`: of every customer as they were before the first deed; `products`: what is sold, without prices."""
        self.found = Backtested()
        self._programme = programme
        self._states = dict(states)
        self._versions: Counter[CustomerKey] = Counter()
        self._facts = _Then(products, programme.policy.currency)
        self._watchers = watchers
        self._timers: list[tuple[Millis, CustomerKey]] = []
        self._due: dict[CustomerKey, Millis] = {}
        self._last: dict[bytes, Verdict] = {}
        self._nobody = Draft(next(iter(self._states), key_of(programme.workspace, CustomerId(1))))
        self._changes = 0
        self._deeds = 0

    def remember(self, key: CustomerKey, deeds: Iterable[Deed], now: Millis) -> None:
        """Fold what a customer did before the weeks that are looked at. As everywhere, old news starts nothing."""
        events = [self._event(deed, Source.IMPORT) for deed in deeds]
        if events:
            self._step(key, events, now, silent=True)

    def price(self, move: PriceMove, *, silent: bool = False) -> None:
        """Let a price change; unless `silent` whoever watches a fallen one is told."""
        if not silent:
            self._until(move.at)
        fallen = self._facts.move(move)
        if fallen is None or silent:
            return
        product, before = fallen
        self.found.falls += 1
        self._changes += 1
        change = Change(
            workspace=self._programme.workspace,
            product=product.id,
            kind=ChangeKind.PRICE_DROPPED,
            version=self._changes,
            at=move.at,
            old={"price": before},
            new={"price": product.price},
            currency=product.currency,
        )
        [news] = news_of(change, product, _LASTS)
        fan_out = FanOut(n=self._changes, version=self._changes, **{name: getattr(news, name) for name in news.__struct_fields__})
        watchers = list(self._watchers(product.id, move.at))
        self.found.told += len(watchers)
        for key in watchers if self._may_start(news.body, move.at) else ():
            self._step(key, [self._cares(key, product, move.at), told(fan_out, key)], move.at)

    def _may_start(self, body: bytes, now: Millis) -> bool:
        """Say whether some journey could start by this news. What every journey's filter turns down for all is not asked one by one."""
        plans = index_of(self._programme.journeys).starters.get(ChangeKind.PRICE_DROPPED.value, ())
        properties = msgspec.json.decode(body)["properties"]
        rules = [plan.journey.filter for plan in plans]
        return any(rule is None or not of_event_alone(rule) or matches(rule, self._nobody, properties, now=now) for rule in rules)

    def deed(self, deed: Deed) -> None:
        """Let a customer do something."""
        self._until(deed.at)
        self.found.deeds += 1
        self._step(deed.key, [self._event(deed, Source.LIVE)], deed.at)

    def end(self, at: Millis) -> Backtested:
        """Let the timers run until a moment, and say what came of it all."""
        self._until(at)
        for verdict in self._last.values():
            if verdict.decided is not Decided.SPEAK:
                counter = self.found.waiting if verdict.decided is Decided.WAIT else self.found.held
                counter[verdict.proposal.journey, _why(verdict)] += 1
        self._last.clear()
        self.found.over_limit = over_limit(self.found.spoken, self._programme.policy.limits)
        return self.found

    def _until(self, at: Millis) -> None:
        while self._timers and self._timers[0][0] <= at:
            due, key = heappop(self._timers)
            if self._due.get(key) == due:
                del self._due[key]
                self._step(key, [], due)

    def _step(self, key: CustomerKey, events: list[Event], now: Millis, *, silent: bool = False) -> None:
        draft = Draft(key, self._states.get(key, b""), self._versions[key])
        outcome = step(draft, events, programme=self._programme, now=now, facts=self._facts)
        for message in outcome.messages:
            self._hand_off(draft, message, now)
        self._states[key] = draft.encode()
        self._versions[key] += 1
        if outcome.due_at is not None and not silent and self._due.get(key) != outcome.due_at:
            self._due[key] = max(outcome.due_at, now + 1)
            heappush(self._timers, (self._due[key], key))
        elif outcome.due_at is None:
            self._due.pop(key, None)
        for verdict in outcome.verdicts:
            if verdict.decided is Decided.WAIT:
                self.found.waited[verdict.proposal.journey, _why(verdict)] += 1
            self._last[verdict.proposal.id] = verdict

    def _hand_off(self, draft: Draft, message: Message, now: Millis) -> None:
        said = message.said
        confirm(draft.open(Attention), id=message.id, channel=said.channel, now=now, cost=said.cost, service=not message.marketing)
        self.found.spoken.append(Spoke(now, message.key, said.journey, message.marketing, said.cost))

    def _event(self, deed: Deed, source: Source) -> Event:
        self._deeds += 1
        return Event(
            key=deed.key, lane=_LANE, seq=self._deeds, h=derive("backtest", self._deeds), source=source, call=Call.TRACK, name=deed.name,
            at=deed.at, received=deed.at, body=deed.body,
        )  # fmt: skip

    def _cares(self, key: CustomerKey, product: Product, at: Millis) -> Event:
        """Give the assumption the form of a deed: whoever is told cares as if they had saved the product."""
        properties = {"product_id": product.id, "name": product.name, "simulated": True}
        call = {"type": "track", "event": "Product Added to Wishlist", "timestamp": to_text(at - 1), "properties": properties}
        return self._event(Deed(at - 1, key, "Product Added to Wishlist", msgspec.json.encode(call)), Source.LIVE)


def over_limit(spoken: Iterable[Spoke], limits: Iterable[Limit]) -> int:
    """Count the marketing messages that left although a limit's window was full: looked at again from the messages alone."""
    mine: dict[CustomerKey, list[Spoke]] = {}
    for each in spoken:
        mine.setdefault(each.key, []).append(each)
    windows = list(limits)
    return sum(
        each.marketing
        and any(sum(other.cost for other in said[: place + 1] if other.at > each.at - limit.per) > limit.at_most for limit in windows)
        for said in mine.values()
        for place, each in enumerate(said)
    )


def _why(verdict: Verdict) -> str:
    return verdict.reasons[0].refusal.value if verdict.reasons else ""
