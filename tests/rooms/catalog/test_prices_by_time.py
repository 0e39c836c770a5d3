"""Prices by time: any sequence of writes, new and old, gives the history that a plain list of all that was told gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oportuno.catalog.compare import Circumstances, compare
from oportuno.catalog.plan import edits, repriced, settle
from oportuno.catalog.prices import PricePoint, as_of, in_order, lowest_before, price_at
from oportuno.catalog.product import ChangeKind, Product, Variant
from oportuno.catalog.row import ProductRow
from oportuno.kit.times import DAY

TODAY = 20_000 * DAY


def point(day, amount, currency="EUR"):
    return PricePoint(product="lamp", at=TODAY + day * DAY, amount=amount, currency=currency)


def test_the_lowest_price_of_thirty_days_counts_the_one_in_force_when_they_began():
    points = [point(-90, 700), point(-40, 900), point(-10, 1_200), point(0, 1_000)]
    assert lowest_before(points, TODAY, "EUR") == 900
    assert lowest_before(points, TODAY - 15 * DAY, "EUR") == 700
    assert lowest_before(points, TODAY - 90 * DAY, "EUR") is None
    assert lowest_before(points, TODAY, "USD") is None


def test_a_price_that_was_confirmed_began_when_it_was_first_told():
    points = [point(-9, 1_000), point(-5, 800), point(-2, 800)]
    held = price_at(points, TODAY)
    assert (held.amount, held.since, held.lowest) == (800, TODAY - 5 * DAY, 1_000)
    assert price_at(points, TODAY - 10 * DAY) is None


class Shelf:
    """A catalogue of one product, as an adapter keeps it."""

    def __init__(self) -> None:
        self.product: Product | None = None
        self.points: dict[int, PricePoint] = {}
        self.changes = []
        self.version = 0

    def tell(self, price, *, at=0, now):
        row = ProductRow(
            product=Product(id="lamp", name="Lamp", price=price, currency="EUR"), told=frozenset({"name", "price", "currency"}), at=at
        )
        known = {} if self.product is None else {"lamp": self.product}
        some = edits([row], known, {})
        points = {"lamp": in_order(self.points.values())} if any(repriced(each) for each in some) else {}
        plan = settle(some, points, self.version, Circumstances(1, now))
        self.version = plan.version
        for each in plan.products:
            self.product = each
        self.points |= {each.at: each for each in plan.points if not each.variant}
        self.changes += plan.changes


_writes = st.lists(
    st.tuples(st.sampled_from([None, 500, 700, 900]), st.integers(0, 80), st.booleans()),
    min_size=1,
    max_size=12,
)


@given(_writes, st.integers(-5, 200))
def test_any_sequence_of_writes_gives_what_a_plain_list_of_all_that_was_told_gives(writes, asked):
    shelf, told = Shelf(), []
    now = TODAY
    for price, day, old in writes:
        now += DAY
        at = TODAY - day * DAY + len(told)  # history's moments differ, as a shop's do
        shelf.tell(price, at=at if old else 0, now=now)
        if old or not told or max(told)[1] != price:  # new, and as it is already: nothing was told
            told.append((at if old else now, price))
    moment = TODAY + (asked - 60) * DAY // 2
    assert seen(shelf, moment) == reference(told, moment)
    assert seen(shelf, now) == reference(told, now)
    assert (shelf.product.price, shelf.product.price_since or None) == reference(told, now)[:2]


def seen(shelf, at):
    found = as_of(shelf.product, in_order(shelf.points.values()), at)
    return (None, None, None) if found is None or found.price is None else (found.price, found.price_since, found.lowest)


def reference(told, at):
    """Walk everything that was told in order of time, with no notion of runs, points or windows but a day-by-day one."""
    held = sorted(told)
    until = [each for each in held if each[0] <= at]
    if not until or until[-1][1] is None:
        return None, None, None
    price = until[-1][1]
    since = next(each[0] for place, each in enumerate(until) if all(later[1] == price for later in until[place:]))
    before = [each for each in held if each[0] < since]
    inside = [each[1] for each in before if each[0] > since - 30 * DAY]
    entering = [each[1] for each in before if each[0] <= since - 30 * DAY][-1:]
    prices = [each for each in inside + entering if each is not None]
    return price, since, min(prices, default=None)


ABOUT = Circumstances(1, 1_000)


def kinds(old, new, about=ABOUT):
    return [each.kind for each in compare(old, new, about)]


def test_what_is_news_and_what_is_not():
    lamp = Product(id="lamp", price=1_000, currency="EUR", stock=0, since=1)
    assert kinds(lamp, Product(id="lamp", price=900, currency="EUR", stock=2)) == [ChangeKind.PRICE_DROPPED, ChangeKind.BACK_IN_STOCK]
    assert kinds(lamp, Product(id="lamp", price=1_100, currency="EUR", stock=0)) == []
    assert kinds(lamp, Product(id="lamp", price=900, currency="USD", stock=None)) == []
    assert kinds(Product(id="lamp"), Product(id="lamp", price=1, stock=1)) == []
    assert kinds(lamp, Product(id="lamp", price=1, currency="EUR", withdrawn=True)) == [ChangeKind.WITHDRAWN]
    gone = Product(id="lamp", withdrawn=True)
    assert kinds(gone, Product(id="lamp", price=1)) == [ChangeKind.BACK_IN_STOCK]
    assert kinds(gone, Product(id="lamp", price=1, stock=0)) == []
    assert kinds(None, lamp) == [ChangeKind.LAUNCHED]
    assert kinds(None, lamp, ABOUT._replace(launches=False)) == []


def test_a_variant_that_the_same_import_brought_is_no_news():
    small, large = Variant(id="s", stock=0), Variant(id="l")
    shirt = Product(id="shirt", variants=(small,), since=500)
    both = Product(id="shirt", variants=(Variant(id="s", stock=1), large))
    assert kinds(shirt, both) == [ChangeKind.BACK_IN_STOCK, ChangeKind.VARIANT_ADDED]
    assert kinds(shirt, both, ABOUT._replace(began=500)) == [ChangeKind.BACK_IN_STOCK]
