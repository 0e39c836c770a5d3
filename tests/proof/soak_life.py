"""A shop's ordinary day, for hours: visits, baskets left and bought, prices that fall and rise, wishes, withdrawals and second thoughts."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import httpx2
import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

from oportuno.entry.bench.traffic import Traffic
from oportuno.kit.times import to_text

PATIENCE: Final = 300.0
"""Seconds that one call may take: a machine that is busy is no fault."""
GOODS: Final = 300
"""Products in the catalogue, the ones most looked at."""
POLICY: Final = """
policy:
  limits:
    - {at_most: 4, per: 1h}
  quiet: none
  timezone: Europe/Madrid
  country: ES
  currency: EUR
  languages: [es, en]
brand:
  name: Tienda Norte
  legal: Tienda Norte, S. L., calle del Muelle 3, 39004 Santander
  sender: hola@tienda.example
  shop_url: https://tienda.example
  cart_url: https://tienda.example/cesta
"""
SHORTER: Final = {"timeout: 30m": "timeout: 90s", "wait: 24h": "wait: 5m", "reentry: 7d": "reentry: 10m"}
"""The shipped plays' waits, shortened, so that after a quarter of the time everything that repeats has repeated often."""
PLAYS: Final = ("abandoned-cart", "after-purchase", "price-drop", "back-in-stock")


def definitions(*, hurried: Mapping[str, str] = SHORTER) -> dict[str, str]:
    """Give the files of a workspace: the shipped plays, a little hurried."""
    shipped = files("oportuno").joinpath("plays")
    texts = {"policy.yaml": POLICY}
    for play in PLAYS:
        journey = shipped.joinpath(f"{play}.yaml").read_text(encoding="utf-8")
        for long, short in hurried.items():
            journey = journey.replace(long, short)
        texts[f"journeys/{play}.yaml"] = journey
        texts[f"messages/{play}.yaml"] = shipped.joinpath("messages", f"{play}.yaml").read_text(encoding="utf-8")
    return texts


class Postbox:
    """A mail server that takes everything, keeps nothing and counts."""

    def __init__(self) -> None:
        self.taken = 0
        self.port = 0
        self._listener: asyncio.Server | None = None

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        self.taken += 1
        return "250 OK"

    async def open(self) -> None:
        """Listen on a port of the kernel's choice."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: SMTP(self, hostname="sink.example", loop=loop), "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Take nothing more."""
        if self._listener is not None:
            self._listener.close()


class Shop:
    """One workspace and the people in it."""

    def __init__(self, address: str, keys: dict[str, str], *, customers: int, seed: int) -> None:
        self._chance = random.Random(seed)
        self._customers = customers
        self._prefix = f"u{seed}-"
        self._traffic = Traffic(customers=customers, seed=seed, prefix=self._prefix)
        # The connection a call would be made on may have been closed by the server's keep-alive: one more try is what clients do.
        patient: dict[str, Any] = {"base_url": address, "timeout": PATIENCE, "transport": httpx2.AsyncHTTPTransport(retries=2)}
        self._browser = httpx2.AsyncClient(auth=(keys["write_key"], ""), **patient)
        self._till = httpx2.AsyncClient(headers={"authorization": f"Bearer {keys['secret_key']}"}, **patient)
        self.sent = 0
        self.answers: Counter[str] = Counter()
        self._low: dict[int, float] = {}
        self._withdrawn: list[str] = []

    async def close(self) -> None:
        await self._browser.aclose()
        await self._till.aclose()

    async def fill_shelves(self) -> None:
        """Write the catalogue as it is before the day begins."""
        for start in range(0, GOODS, 100):
            await self._call("POST", "/products", {"items": [_row(number) for number in range(start, start + 100)], "launch": False})

    async def visit(self, events: int) -> None:
        """Somebody comes, looks round, and leaves; one in ten is recognised on the way."""
        who = self._chance.randrange(self._customers)
        luck = self._chance.random()
        if luck < 0.25:
            # One in ten has a device we see without a name: a pool that is soon all known, so that the crowd does not grow.
            who -= who % 10
        calls = [self._traffic.event(time.time_ns() // 1_000_000, customer=who) for _ in range(events)]
        user, device = f'"userId":"{self._prefix}{who}"'.encode(), f'"anonymousId":"{self._prefix}d{who}"'.encode()
        if luck < 0.15:
            calls = [call.replace(user, device) for call in calls]
        elif luck < 0.25:
            calls = [call.replace(user, user + b"," + device) for call in calls]
        body = b'{"batch":[' + b",".join(calls) + b'],"sentAt":"' + to_text(time.time_ns() // 1_000_000).encode() + b'"}'
        await self._post(body)
        self.sent += events

    async def change_a_price(self) -> None:
        """Lower a price, or put one back."""
        if len(self._low) > GOODS // 3:
            number = self._chance.choice(list(self._low))
            price = self._low.pop(number)
        else:
            number = int(self._chance.random() ** 2 * GOODS)
            self._low.setdefault(number, _price(number))
            price = round(_price(number) * self._chance.uniform(0.6, 0.9), 2)
        await self._call("POST", "/products", {"items": [{"id": f"p{number}", "price": price, "currency": "EUR"}]})

    async def change_a_mind(self) -> None:
        """Somebody withdraws, somebody who withdrew agrees again, somebody wishes."""
        who = f"{self._prefix}{self._chance.randrange(self._customers)}"
        said = {"source": "account_page", "language": "es", "actor": "customer"}
        answer = {"purpose": "marketing", "channel": "email", "notice": "v1", **said}
        luck = self._chance.random()
        if luck < 0.4:
            self._withdrawn.append(who)
            await self._call("POST", f"/customers/{who}/consents", {**answer, "state": "denied"})
        elif luck < 0.75 and self._withdrawn:
            await self._call("POST", f"/customers/{self._withdrawn.pop(0)}/consents", {**answer, "state": "granted"})
        else:
            wish = self._chance.choice([{"cadence": "weekly"}, {"cadence": None}, {"skip_topics": ["cart"]}, {"hear_topics": ["cart"]}])
            await self._call("POST", f"/customers/{who}/wishes", {**wish, **said})

    async def say(self, call: dict[str, Any]) -> None:
        """Let one call come as it is."""
        await self._post(msgspec.json.encode({"batch": [call]}))

    async def forget(self, who: str) -> None:
        """Somebody asks to be forgotten."""
        await self._call("DELETE", f"/customers/{who}")

    async def ask(self) -> None:
        """Somebody at the shop reads a profile, and what was decided."""
        who = f"{self._prefix}{self._chance.randrange(self._customers)}"
        await self._call("GET", f"/customers/{who}")
        await self._call("GET", f"/customers/{who}/verdicts")

    async def _post(self, body: bytes) -> None:
        try:
            answer = await self._browser.post("/v1/batch", content=body, headers={"content-type": "application/json"})
        except httpx2.HTTPError as fault:
            self.answers[type(fault).__name__] += 1
            return
        told = msgspec.json.decode(answer.content) if answer.status_code == 200 else {}
        self.answers["rejected" if told.get("rejected") else str(answer.status_code)] += 1

    async def _call(self, method: str, path: str, body: Any = None) -> None:
        try:
            answer = await self._till.request(method, f"/api/v1{path}", json=body)
        except httpx2.HTTPError as fault:
            self.answers[type(fault).__name__] += 1
            return
        self.answers[str(answer.status_code)] += 1


def _price(number: int) -> float:
    return 20.9 + number % 80


def _row(number: int) -> dict[str, Any]:
    return {
        "id": f"p{number}",
        "name": f"Chubasquero Galerna {number}",
        "brand": "Norte",
        "categories": ["Rain"],
        "price": _price(number),
        "currency": "EUR",
        "stock": 100,
        "url": f"https://tienda.example/p/{number}",
    }


async def live(shops: list[Shop], rate: float, until: float, *, hurry: float = 1.0) -> None:
    """Let all of it happen, at `rate` events a second over all shops, until a moment (time.monotonic); `hurry`: so many times as fast.

    What cannot be sent in time is left out rather than sent later in a heap: a busy machine gets fewer visits, not a flood.
    """
    chance = random.Random(1)

    async def at_pace(per_second: float, happen: Any) -> None:
        while time.monotonic() < until:
            began = time.monotonic()
            await happen(chance.choice(shops))
            await asyncio.sleep(max(0.0, chance.expovariate(per_second * hurry) - (time.monotonic() - began)))

    visitors = 4
    async with asyncio.TaskGroup() as together:
        for _ in range(visitors):
            together.create_task(at_pace(rate / 4 / visitors, lambda shop: shop.visit(chance.randrange(1, 8))))
        together.create_task(at_pace(0.2, lambda shop: shop.change_a_price()))
        together.create_task(at_pace(0.3, lambda shop: shop.change_a_mind()))
        together.create_task(at_pace(0.5, lambda shop: shop.ask()))
