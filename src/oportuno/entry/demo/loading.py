"""Real households' orders on their way in: by the same door as any import, with a bar to watch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from httpx2 import Client, HTTPError, Response
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from oportuno.entry.demo.catalogue import fill_shelves
from oportuno.entry.demo.history import History, order_call
from oportuno.entry.demo.people import identify_calls, user_of, with_consents
from oportuno.entry.demo.setting import Setting, write_setting
from oportuno.kit.faults import Unavailable

_BATCH_BYTES: Final = 300_000
_BATCH_ITEMS: Final = 200
_TRIES: Final = 40
_PATIENCE: Final = 300.0
"""Seconds within which the engine should have read everything."""
_OK: Final = 200


def load(setting: Setting, history: History, *, address: str, folder: Path, console: Console, stopped: Callable[[], bool]) -> Setting:
    """Send everybody and every order, record the simulated consents, and wait until the profiles are folded.

    Everything has a fixed id, so that loading again after an interruption adds nothing twice.
    Raises Unavailable when the server stays away.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    headers = {"Authorization": f"Bearer {setting.secret_key}"}
    with Client(base_url=address, headers=headers, timeout=30) as client, Progress(*columns, console=console) as bars:
        people = list(identify_calls(history, history.orders[0].at))
        sent = bars.add_task("Pedidos reales / Real orders", total=len(people) + len(history.orders))
        calls = (*people, *(order_call(order, user_of(order.household)) for order in history.orders))
        for batch in batches(calls):
            if stopped():
                return setting
            _send(client, "/v1/batch", b'{"context":{"oportuno":{"source":"import"}},"batch":[' + b",".join(batch) + b"]}", stopped)
            bars.advance(sent, len(batch))
        _consents(client, setting, bars, stopped)
        _folded(client, setting, history, bars, stopped)
    done = msgspec.structs.replace(setting, loaded=not stopped())
    write_setting(folder, done)
    return done


def shelve(setting: Setting, *, address: str, folder: Path, stopped: Callable[[], bool]) -> Setting:
    """Write the shop's catalogue, unless it stands already. Raises Unavailable when the server stays away."""
    headers = {"Authorization": f"Bearer {setting.secret_key}"}
    with Client(base_url=address, headers=headers, timeout=30) as client:
        done = fill_shelves(setting, address, lambda method, path, body: _send(client, path, body, stopped, method=method))
    if not stopped() and done != setting:
        write_setting(folder, done)
        return done
    return setting


def batches(calls: Iterable[dict[str, Any]]) -> Iterator[list[bytes]]:
    """Pack calls into requests well under the collector's ceiling."""
    batch: list[bytes] = []
    size = 0
    for call in calls:
        raw = msgspec.json.encode(call)
        if batch and (size + len(raw) > _BATCH_BYTES or len(batch) == _BATCH_ITEMS):
            yield batch
            batch, size = [], 0
        batch.append(raw)
        size += len(raw) + 1
    if batch:
        yield batch


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


def _consents(client: Client, setting: Setting, bars: Progress, stopped: Callable[[], bool]) -> None:
    answers = list(with_consents(setting.people))
    task = bars.add_task("Permisos simulados / Simulated consents", total=len(answers))
    for person, given in answers:
        for answer in given:
            _send(client, f"/api/v1/customers/{person.key}/consents", msgspec.json.encode(answer), stopped)
        bars.advance(task)


def _folded(client: Client, setting: Setting, history: History, bars: Progress, stopped: Callable[[], bool]) -> None:
    """Wait until the people on show have all their orders; they are a fair sample of everybody."""
    last = history.orders[-1]
    wanted = {person.key: person.orders for person in setting.people if person.orders}
    wanted[user_of(last.household)] = sum(order.household == last.household for order in history.orders)
    task = bars.add_task("Perfiles / Profiles", total=len(wanted))
    until = time.monotonic() + _PATIENCE
    while wanted and not stopped() and time.monotonic() < until:
        for user in [user for user, orders in wanted.items() if _orders(client, user) >= orders]:
            del wanted[user]
            bars.advance(task)
        if wanted:
            time.sleep(0.3)


def _orders(client: Client, user: str) -> int:
    try:
        answer = client.get(f"/api/v1/customers/{user}")
    except HTTPError:
        return 0
    if answer.status_code != _OK:
        return 0
    return int(answer.json()["profile"].get("orders", {}).get("count", 0))
