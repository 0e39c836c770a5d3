"""The ground of the demonstration's backtest: real orders and the prices that were really paid, under simulated answers.

What the data knows nothing of (carts, wishes, stock, new products) is not made up, so the plays about those say nothing here.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from oportuno.catalog.product import Product
from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.consent.change import answer
from oportuno.consent.policy import Policy
from oportuno.entry.backtest.summary import Summary, summary_of
from oportuno.entry.demo.history import DataSet, History, read_history
from oportuno.entry.demo.people import SIMULATED, answers_of, user_of
from oportuno.entry.demo.setting import LOCALES, ZONE
from oportuno.events.event import Call, Event, Source
from oportuno.flows.backtest import WEEK, Backtest, Deed, PriceMove
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.step import step
from oportuno.journeys.read import read_journey
from oportuno.kit.ids import CustomerId, CustomerKey, derive, key_of
from oportuno.kit.times import HOUR, Millis, to_text
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

if TYPE_CHECKING:
    from pyarrow import Table

PLAYS: Final = ("price-drop", "after-purchase", "abandoned-cart", "back-in-stock", "new-in-favourite")
PRODUCTS: Final = 1_500
"""Products whose prices are followed: those with most lines."""
_LINES_AT_LEAST: Final = 2
"""Lines of a week from which its price is told."""
_OPENS: Final[Millis] = 10 * HOUR
_REMEMBERED: Final = 50
"""Orders folded at one time."""
_WORKSPACE: Final = 1
_SLICE: Final = 20_000
Tell: TypeAlias = Callable[[int, int], None]
"""Hears how many rows of how many were replayed."""


class Weeks(NamedTuple):
    """Which weeks are looked at."""

    since: Millis
    until: Millis


def backtest_demo(data: DataSet, *, weeks: int, customers: int, ends: Millis, tell: Tell = lambda _done, _whole: None) -> Summary:
    """Replay the last weeks of a data set, moved so that it ends at `ends`. The same in gives the same out.

    `customers`: only so many of them; 0: all. Raises Unavailable or BadInput when the data cannot be read.
    """
    history = read_history(data, ends, customers=customers)
    until = _ends(history)
    looked_at = Weeks(until - weeks * WEEK, until)
    keys = {who: _key(who) for who, _ in history.customers()}
    moves = shelf_prices(history, looked_at.since)
    bought: dict[str, dict[CustomerKey, None]] = {}
    replay = Backtest(
        _programme(data.currency),
        {key: _answered(key, who) for who, key in keys.items()},
        {move.product: _product(move.product, data.currency) for move in moves},
        watchers=lambda product, _at: list(bought.get(product, ())),
    )
    for move in moves:
        if move.at < looked_at.since:
            replay.price(move, silent=True)
    _remember(replay, history, keys, bought, looked_at.since)
    ahead = deque(move for move in moves if move.at >= looked_at.since)
    whole = _stretch(history, looked_at.since, looked_at.until).num_rows
    done = 0
    for deed, held in orders(history, keys, looked_at.since, looked_at.until):
        while ahead and ahead[0].at <= deed.at:
            replay.price(ahead.popleft())
        replay.deed(deed)
        for product in held:
            bought.setdefault(product, {})[deed.key] = None
        done += max(1, len(held))
        tell(min(done, whole), whole)
    return summary_of(
        replay.end(looked_at.until),
        _programme(data.currency).journeys,
        since=looked_at.since,
        until=looked_at.until,
        data=data.key,
        customers=len(keys),
        may_write=sum(answers_of(who)[0] for who in keys),
        products=len({move.product for move in moves}),
    )


def orders(history: History, keys: Mapping[int, CustomerKey], since: Millis, until: Millis) -> Iterator[tuple[Deed, list[str]]]:
    """Give the orders of a stretch of time with what was bought, in order of time; what takes back is a refund, with nothing bought."""
    held: list[dict[str, Any]] = []
    for row in _rows(history, since, until):
        if held and row["order"] != held[0]["order"]:
            yield _order(held, keys, history)
            held = []
        held.append(row)
    if held:
        yield _order(held, keys, history)


def shelf_prices(history: History, since: Millis) -> list[PriceMove]:
    """Give what the shelf asked, by week: what most lines of a product paid for one piece, of equals the least; in order of time.

    A week with fewer than two lines has no price, and what is dearer or cheaper after such a week has not risen or fallen.
    """
    lines: Counter[str] = Counter()
    paid: dict[tuple[str, int], Counter[int]] = {}
    for row in _rows(history, 0, _ends(history)):
        product, cents = str(row["product"]), round(100 * row["amount"] / row["quantity"]) if row["quantity"] > 0 else 0
        if cents > 0:
            lines[product] += 1
            paid.setdefault((product, (row["at"] - since) // WEEK), Counter())[cents] += 1
    followed = {product for product, _ in sorted(lines.items(), key=lambda pair: (-pair[1], pair[0]))[:PRODUCTS]}
    found: list[PriceMove] = []
    now: dict[str, int | None] = {}
    weeks = sorted({week for _, week in paid})
    for week in range(weeks[0], weeks[-1] + 1) if weeks else ():
        for product in sorted(followed):
            counted = paid.get((product, week), Counter())
            asked = min(counted, key=lambda cents: (-counted[cents], cents)) if counted.total() >= _LINES_AT_LEAST else None
            if now.get(product) != asked:
                found.append(PriceMove(since + week * WEEK + _OPENS, product, asked))
            now[product] = asked
    return found


def _remember(
    replay: Backtest, history: History, keys: Mapping[int, CustomerKey], bought: dict[str, dict[CustomerKey, None]], since: Millis
) -> None:
    """Fold everybody's orders before the weeks that are looked at."""
    before: dict[CustomerKey, list[Deed]] = {}
    for deed, held in orders(history, keys, 0, since):
        mine = before.setdefault(deed.key, [])
        mine.append(deed)
        for product in held:
            bought.setdefault(product, {})[deed.key] = None
        if len(mine) == _REMEMBERED:
            replay.remember(deed.key, mine, since)
            before[deed.key] = []
    for key, left in before.items():
        replay.remember(key, left, since)


def _ends(history: History) -> Millis:
    """Give the moment after the last order."""
    return int(history.table["at"][history.table.num_rows - 1].as_py()) + history.shift + 1


def _stretch(history: History, since: Millis, until: Millis) -> Table:
    from pyarrow import compute, scalar

    at = history.table["at"]
    low, high = scalar(since - history.shift, at.type), scalar(until - history.shift, at.type)
    return history.table.filter(compute.and_(compute.greater_equal(at, low), compute.less(at, high)))


def _rows(history: History, since: Millis, until: Millis) -> Iterator[dict[str, Any]]:
    table = _stretch(history, since, until)
    for start in range(0, table.num_rows, _SLICE):
        for row in table.slice(start, _SLICE).to_pylist():
            yield row | {"at": row["at"] + history.shift}


def _order(rows: list[dict[str, Any]], keys: Mapping[int, CustomerKey], history: History) -> tuple[Deed, list[str]]:
    first = rows[0]
    total = round(sum(row["amount"] for row in rows), 2)
    lines = [
        {"product_id": str(row["product"]), "quantity": pieces, "price": round(abs(row["amount"]) / pieces, 2)}
        for row in rows
        for pieces in (max(1, abs(row["quantity"])),)
    ]
    name = "Order Completed" if total >= 0 else "Order Refunded"
    properties = {"order_id": str(first["order"]), "total": abs(total), "currency": history.data.currency, "products": lines}
    call = {"type": "track", "event": name, "timestamp": to_text(first["at"]), "properties": properties}
    deed = Deed(first["at"], keys[first["who"]], name, msgspec.json.encode(call))
    return deed, [str(row["product"]) for row in rows] if total >= 0 else []


def _key(who: int) -> CustomerKey:
    return key_of(_WORKSPACE, CustomerId(int.from_bytes(derive("backtest", str(who))[:8], "big") >> 1))


def _answered(key: CustomerKey, who: int) -> bytes:
    """Give a customer's state with the simulated answers and address."""
    draft = Draft(key)
    may_write, may_remember = answers_of(who)
    at: dict[str, Any] = {"at": 1, "source": SIMULATED["source"], "notice": SIMULATED["notice"]}
    said = {True: Answered.GRANTED, False: Answered.DENIED}
    if may_remember is not None:
        answer(draft, purpose=Purpose.MARKETING, channel="email", state=said[may_write], **at)
        answer(draft, purpose=Purpose.PERSONALISATION, channel=ANY_CHANNEL, state=said[may_remember], **at)
    traits = {"email": f"{user_of(who)}@example.com", "locale": LOCALES["es"], "timezone": ZONE, "country": "ES"}
    body = msgspec.json.encode({"type": "identify", "traits": traits})
    event = Event(
        key=key, lane=0, seq=1, h=derive("who", str(who)), source=Source.IMPORT, call=Call.IDENTIFY, name="", at=1, received=1, body=body
    )
    step(draft, [event], programme=_programme("USD"), now=1)
    return draft.encode()


@lru_cache(maxsize=8)
def _product(product: str, currency: str) -> Product:
    return Product(id=product, name=product, currency=currency)


@lru_cache(maxsize=2)
def _programme(currency: str) -> Programme:
    """Give the plays as they are shipped, under the rules that a new workspace has."""
    plays = files("oportuno").joinpath("plays")
    journeys = tuple(read_journey(plays.joinpath(f"{play}.yaml").read_text(encoding="utf-8")) for play in PLAYS)
    policy = Policy(timezone=ZONE, country="ES", currency=currency, languages=("es", "en"), sandbox=True)
    brand = Brand(name="Tienda Norte", sender="hola@tiendanorte.example.com", shop_url="https://tiendanorte.example.com")
    return Programme(workspace=_WORKSPACE, public_id="ws_backtest", version=1, policy=policy, brand=brand, journeys=journeys)
