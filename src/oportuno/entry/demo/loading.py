"""A real shop's year on its way in: by the product's own importer, with bars to watch, while the pages are open already."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from httpx2 import Client, HTTPError, Response
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from oportuno.catalog.category import Category
from oportuno.catalog.once import Once
from oportuno.catalog.product import Product as Sold
from oportuno.catalog.row import WHOLE, ProductRow
from oportuno.entry.demo.catalogue import STOCK, fill_shelves
from oportuno.entry.demo.history import History, mapping_of, prices
from oportuno.entry.demo.people import everybody, user_of, visits
from oportuno.entry.demo.setting import ZONE, Setting, write_progress, write_setting
from oportuno.entry.demo.setting import Progress as Reached
from oportuno.events.bring.fields import Kind
from oportuno.events.bring.mapping import Mapping
from oportuno.events.bring.read import calls_of
from oportuno.events.bring.rows import Brought, Line
from oportuno.flows.bring_in import BringIn
from oportuno.flows.catalogue import FeedImport, Wanted
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import WorkspaceId
from oportuno.places.store import Store

if TYPE_CHECKING:
    from oportuno.adapters.postgres.importing import ImportParts
    from oportuno.flows.ports import Arrival, Intake
    from oportuno.flows.ports_imports import ImportRecord, Imports, Step
    from oportuno.settings import Settings

_TRIES: Final = 40
_PATIENCE: Final = 900.0
"""Seconds within which the engine should have read everything."""
_OK: Final = 200
_WAITING: Final = 4_000
"""Events that may wait for the engine while history comes in: few, so that what a visitor does meanwhile is decided on soon."""
_PAUSE: Final = 0.05
_EVERY: Final = 0.4
"""Seconds between two notes of how far it is, for the pages."""
_CUSTOMERS: Final = Mapping(kind=Kind.CUSTOMERS, columns={"user_id": "who"})
_VISITS: Final = Mapping(kind=Kind.EVENTS, columns={"user_id": "who", "event": "event", "timestamp": "at"})
_TOLD: Final = {
    "people": "Clientes / Customers",
    "products": "Productos / Products",
    "orders": "Líneas de pedido / Order lines",
    "visits": "Visitas / Visits",
    "profiles": "Perfiles / Profiles",
}
"""Short: with its bar and its figures, a line fits a terminal of 80 columns."""


class Stopped(Exception):
    """Somebody asked to stop; what was committed stands, and the next start carries on behind it."""


class Bars(NamedTuple):
    """Where it is told how far the loading is: on the console, and in a file for the pages."""

    shown: Progress
    folder: Path
    stopped: Callable[[], bool]
    noted: list[float]

    def follow(self, what: str, whole: int) -> Callable[[int], None]:
        """Begin a bar; gives what hears how much is done. That raises Stopped when somebody asked to stop."""
        task = self.shown.add_task(_TOLD[what], total=whole)

        def reached(done: int) -> None:
            if self.stopped():
                raise Stopped
            self.shown.update(task, completed=done)
            now = time.monotonic()
            if now - self.noted[0] > _EVERY:
                self.noted[0] = now
                write_progress(self.folder, Reached(what=what, done=done, whole=whole))

        reached(0)
        return reached


def load(
    setting: Setting, history: History, settings: Settings, *, address: str, folder: Path, console: Console, stopped: Callable[[], bool]
) -> Setting:
    """Bring in everybody, the catalogue and every order, and wait until the profiles are folded; gives the setting as it then stands.

    Everything is known by its own number, so that loading again after an interruption adds nothing twice. Raises Unavailable.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as shown:
        bars = Bars(shown, folder, stopped, [0.0])
        try:
            asyncio.run(_bring(setting, history, settings, bars))
            _folded(setting, history, address, bars)
        except Stopped:
            return setting
        finally:
            write_progress(folder, None)
    done = msgspec.structs.replace(setting, loaded=True)
    write_setting(folder, done)
    return done


def shelve(setting: Setting, *, address: str, folder: Path, stopped: Callable[[], bool]) -> Setting:
    """Write what the shop shows into the catalogue, unless it stands already. Raises Unavailable when the server stays away."""
    with _client(setting, address) as client:
        done = fill_shelves(setting, address, lambda method, path, body: _send(client, path, body, stopped, method=method))
    if not stopped() and done != setting:
        write_setting(folder, done)
        return done
    return setting


async def _bring(setting: Setting, history: History, settings: Settings, bars: Bars) -> None:
    from oportuno.wiring import importing

    async with importing(settings) as parts:
        known = list(everybody(history))
        await _take(setting, parts, bars, "people", known, _CUSTOMERS, whole=len(known))
        await _catalogue(setting, history, parts, bars)
        users = {household: user_of(household, history.data.kind) for household, _ in history.customers()}
        mapping = mapping_of(history.data)
        await _take(setting, parts, bars, "orders", _orders(history, users, mapping), mapping, whole=history.lines)
        seen = list(visits(history, setting.products, setting.ends))
        await _take(setting, parts, bars, "visits", seen, _VISITS, whole=len(seen))


def _orders(history: History, users: dict[int, str], mapping: Mapping) -> Iterator[Brought]:
    return calls_of(history.rows(users), mapping, Once())


async def _take(  # noqa: PLR0917 - what is taken, and where it is told
    setting: Setting, parts: ImportParts, bars: Bars, what: str, brought: Iterable[Brought], mapping: Mapping, *, whole: int
) -> None:
    """Bring calls in by the importer, which goes on where an earlier run of it stopped."""
    reached = bars.follow(what, whole)
    from oportuno.adapters.system_clock import SystemClock

    run = BringIn(
        setting.workspace,
        imports=_Gentle(parts.imports, parts.intake, bars.stopped),
        intake=parts.intake,
        registry=parts.registry,
        clock=SystemClock(),
        digest_key=parts.digest_key,
        refuse=_refused,
        piece=500,
    )
    name = f"demo {what}"
    await run.run(_heard(brought, reached), mapping, namespace=f"demo-{setting.public_id}-{what}-{whole}", name=name)
    reached(whole)


def _heard(brought: Iterable[Brought], reached: Callable[[int], None]) -> Iterator[Brought]:
    for number, each in enumerate(brought):
        if number % 100 == 0:
            reached(each.last)
        yield each


def _refused(line: Line, field: str, code: str, sentence: str) -> None:
    """Pass by what a data set tells amiss: an order without a number or a customer is none."""


class _Gentle:
    """The imports' port, waiting between pieces until the engine has read nearly all of what came before."""

    def __init__(self, imports: Imports, intake: Intake, stopped: Callable[[], bool]) -> None:
        self._imports = imports
        self._intake = intake
        self._stopped = stopped

    async def bring(self, workspace: WorkspaceId, arrivals: Sequence[Arrival], step: Step) -> int | None:
        """Commit a piece once there is room for it."""
        until = time.monotonic() + _PATIENCE
        while await self._intake.backlog(workspace) > _WAITING and time.monotonic() < until:
            if self._stopped():
                raise Stopped
            await asyncio.sleep(_PAUSE)
        return await self._imports.bring(workspace, arrivals, step)

    async def begin(self, workspace: WorkspaceId, record: ImportRecord) -> tuple[ImportRecord, int]:
        """Begin as the port does."""
        return await self._imports.begin(workspace, record)

    async def every(self, workspace: WorkspaceId, *, limit: int) -> list[ImportRecord]:
        """List as the port does."""
        return await self._imports.every(workspace, limit=limit)

    async def keep_mapping(self, workspace: WorkspaceId, name: str, mapping: bytes) -> None:
        """Remember as the port does."""
        await self._imports.keep_mapping(workspace, name, mapping)

    async def mappings(self, workspace: WorkspaceId) -> dict[str, bytes]:
        """Recall as the port does."""
        return await self._imports.mappings(workspace)


async def _catalogue(setting: Setting, history: History, parts: ImportParts, bars: Bars) -> None:
    """Write every store, department and product that was ever bought, at its usual price; what the shop shows is written already."""
    paid = prices(history)
    for product in setting.products:
        paid.pop(product.id, None)
    # Read twice rather than held: 92,000 of them.
    departments = Counter(good.department for good in history.data.goods() if good.id in paid)
    whole = departments.total()
    reached = bars.follow("products", whole)
    stores = [Store(id=store, name=f"Tienda Norte {store}", timezone=ZONE, country="ES") for store in history.stores()]
    if stores:
        await parts.catalogue.put_stores(setting.workspace, stores)
    categories = [Category(id=_slug(name), name=name.capitalize()) for name in sorted(departments) if name]
    await parts.catalogue.put_categories(setting.workspace, categories)

    def rows() -> Iterator[ProductRow]:
        for number, good in enumerate(good for good in history.data.goods() if good.id in paid):
            if number % 500 == 0:
                reached(number)
            size = good.sizes.get("es", "")
            yield ProductRow(
                product=Sold(
                    id=good.id,
                    name=f"{good.kind.capitalize()} {size}".strip()[:200],
                    brand="Norte" if good.house else "",
                    categories=(_slug(good.department),) if good.department else (),
                    price=paid[good.id],
                    currency=setting.currency,
                    stock=STOCK,
                ),
                told=WHOLE - {"url", "image", "was", "tags", "own_sensitive", "variants", "manual_url"},
            )

    run = FeedImport(setting.workspace, parts.catalogue, Wanted(history=True, launches=False), refuse=lambda _fault: None)
    await run.run(rows())
    reached(whole)


def _slug(name: str) -> str:
    return "-".join("".join(sign if sign.isalnum() else " " for sign in name.lower()).split())


def _client(setting: Setting, address: str) -> Client:
    return Client(base_url=address, headers={"Authorization": f"Bearer {setting.secret_key}"}, timeout=30)


def _send(client: Client, path: str, body: bytes, stopped: Callable[[], bool], *, method: str = "POST") -> None:
    """Send until it is taken: 429 and 503 say when to come again."""
    for _ in range(_TRIES):
        if stopped():
            return
        answer = _try(client, method, path, body)
        if answer is not None and answer.is_success:
            return
        if answer is not None and answer.status_code not in {429, 503}:
            raise Unavailable("demo_not_loaded", f"the server answered {answer.status_code} to {path}: {answer.text[:200]}")
        time.sleep(min(5.0, float(answer.headers.get("Retry-After", 1)) if answer is not None else 1.0))
    raise Unavailable("demo_not_loaded", "the server did not take the demonstration's data; try again")


def _try(client: Client, method: str, path: str, body: bytes) -> Response | None:
    try:
        return client.request(method, path, content=body, headers={"Content-Type": "application/json"})
    except HTTPError:
        return None


def _folded(setting: Setting, history: History, address: str, bars: Bars) -> None:
    """Wait until the people on show have all their orders, and whoever bought last; they are a fair sample of everybody."""
    wanted = {person.key: person.orders for person in setting.people if person.orders}
    last = int(history.table["who"][history.lines - 1].as_py())
    wanted[user_of(last, history.data.kind)] = dict(history.customers())[last]
    whole = len(wanted)
    reached = bars.follow("profiles", whole)
    until = time.monotonic() + _PATIENCE
    with _client(setting, address) as client:
        while wanted and time.monotonic() < until:
            for user in [user for user, orders in wanted.items() if _orders_of(client, user) >= orders]:
                del wanted[user]
            reached(whole - len(wanted))
            if wanted:
                time.sleep(0.3)


def _orders_of(client: Client, user: str) -> int:
    try:
        answer = client.get(f"/api/v1/customers/{user}")
    except HTTPError:
        return 0
    if answer.status_code != _OK:
        return 0
    return int(answer.json()["profile"].get("orders", {}).get("count", 0))
