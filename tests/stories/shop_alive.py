"""Tienda Norte alive: its HTTP side on a port, the engine's and the deliverer's own loops, on PostgreSQL. Only a story's clock is real."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from importlib.resources import files
from typing import Any, Final, NamedTuple

import httpx2
import psycopg
import uvicorn
from pydantic import SecretStr

from oportuno import wiring
from oportuno.adapters.mjml import Mrml
from oportuno.entry.deliverer import Deliverer
from oportuno.entry.http.app import build
from oportuno.entry.serve import listen_on
from oportuno.entry.worker import Bench, run_worker
from oportuno.flows.apply import apply
from oportuno.flows.open_workspace import open_workspace
from oportuno.settings import Settings
from oportuno.wiring.ways import delivery as delivery_of

POLICY: Final = """\
policy:
  quiet: none
  timezone: Europe/Madrid
  country: ES
  currency: EUR
  limits: [{at_most: 20, per: 1d}]
  sandbox: true
brand:
  name: Tienda Norte
  legal: Tienda Norte, S. L., calle del Muelle 3, 39004 Santander
  sender: hola@tiendanorte.example
  shop_url: https://tiendanorte.example
  cart_url: https://tiendanorte.example/cesta
"""
PATIENCE: Final = 300.0
"""Seconds a story may wait for the shop to come to rest on a busy machine; nothing waits longer than it must."""
_PLAYS: Final = files("oportuno").joinpath("plays")
_BUSY: Final = """
SELECT EXISTS (SELECT FROM events e LEFT JOIN offsets o USING (bucket, workspace, lane) WHERE e.seq > coalesce(o.seq, 0)),
       EXISTS (SELECT FROM due WHERE due_at < clock_millis() + %(ahead)s),
       EXISTS (SELECT FROM fanout_cursors) OR EXISTS (
           SELECT FROM catalogues c CROSS JOIN generate_series(0, 63) b
           LEFT JOIN fanout_heads h ON h.workspace = c.workspace AND h.bucket = b WHERE coalesce(h.n, 0) < c.fanout),
       EXISTS (SELECT FROM inbox) OR EXISTS (SELECT FROM merges WHERE stage < 3),
       %(delivering)s AND EXISTS (SELECT FROM outbox WHERE status IN (0, 1))
"""
"""Events not evaluated, timers near, changes of the catalogue not told, merges on their way, messages not gone."""


class Mail(NamedTuple):
    """One letter of the sandbox's mailbox, read as a mail program would."""

    to: str
    subject: str
    text: str
    """The plain text and the HTML, one after the other: a forbidden word must be in neither."""


class Shop:
    """Tienda Norte seen from outside: what a browser, a till, a catalogue and a customer at her desk can do."""

    def __init__(self, front: wiring.Front, opened: Any, address: str, url: str) -> None:
        self.front = front
        self.workspace = opened.workspace.workspace
        self._url = url
        patient: dict[str, Any] = {"base_url": address, "timeout": PATIENCE}
        self._browser = httpx2.AsyncClient(auth=(opened.write_key, ""), headers={"origin": "https://tiendanorte.example"}, **patient)
        self._till = httpx2.AsyncClient(headers={"authorization": f"Bearer {opened.secret_key}"}, **patient)
        self._deliver: Callable[[], Awaitable[None]] | None = None
        self._deliverer: tuple[Deliverer, asyncio.Task[None]] | None = None

    # ── what happens at the shop's touchpoints ──────────────────────────────────────────────────────────────────────

    async def browser(self, call: str, **body: Any) -> None:
        """Send one call with the public key, as the shop's page does."""
        await self._send(self._browser, call, body)

    async def till(self, call: str, **body: Any) -> None:
        """Send one call with the secret key, as the till's program does."""
        await self._send(self._till, call, body)

    async def look(self, product: str, times: int = 1, **who: str) -> None:
        """Open a product's page so many times."""
        for _ in range(times):
            await self.browser("track", event="Product Viewed", properties={"product_id": product, **GOODS[product]}, **who)

    async def put_in_cart(self, product: str, **who: str) -> None:
        await self.browser("track", event="Product Added", properties={"product_id": product, "quantity": 1, **GOODS[product]}, **who)

    # ── what the shop's own programs write ──────────────────────────────────────────────────────────────────────────

    async def price(self, product: str, price: float, **more: Any) -> dict[str, int]:
        """Write a product as the shop's catalogue has it now; gives the changes it made."""
        goods = GOODS[product]
        row = {word: goods[word] for word in ("name", "currency", "brand", "url")} | {"categories": [goods["category"]]}
        row |= {"id": product, "price": price, **more}
        told = await self.call("POST", "/products", {"items": [row]})
        assert told["refused"] == [], told
        return told["changes"]

    async def say(self, who: str, state: str, *, purpose: str = "marketing") -> None:
        """Record a customer's answer, with its proof."""
        answer = {"purpose": purpose, "channel": "email" if purpose == "marketing" else "*", "state": state, "source": "account_page"}
        answer |= {"notice": "v1", "language": "es", "actor": "customer"}
        await self.call("POST", f"/customers/{who}/consents", answer)

    async def known(self, name: str, *, marketing: bool = True, personalisation: bool = True) -> str:
        """Introduce a customer by her user id, with an address and her answers; gives the id."""
        await self.till("identify", userId=name, traits={"email": f"{name}@correo.example", "locale": "es-ES", "timezone": "Europe/Madrid"})
        await self.say(name, "granted" if marketing else "denied")
        await self.say(name, "granted" if personalisation else "denied", purpose="personalisation")
        return name

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Call the API with the secret key; a refusal is a fault of the story."""
        answer = await self._till.request(method, f"/api/v1{path}", json=body, params=query)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    async def _send(self, client: httpx2.AsyncClient, call: str, body: dict[str, Any]) -> None:
        answer = await client.post(f"/v1/{call}", json={"messageId": secrets.token_hex(8), **body})
        assert answer.status_code == 200, answer.text
        assert answer.json().get("rejected", 0) == 0, answer.text

    # ── what came of it ─────────────────────────────────────────────────────────────────────────────────────────────

    async def mails(self, to: str = "") -> list[Mail]:
        """Give what lies in the mailbox, oldest first: everything, or one customer's."""
        letters = await self.front.mailbox.letters(self.workspace, 100)
        found = [_read(each.raw) for each in sorted(letters, key=lambda each: (each.at, each.id))]
        return [mail for mail in found if not to or mail.to == f"{to}@correo.example"]

    async def profile(self, who: str) -> dict[str, Any]:
        return (await self.call("GET", f"/customers/{who}"))["profile"]

    async def net(self, who: str) -> str:
        """Give what a customer's orders are worth after what came back."""
        return " ".join(f"{each['amount']} {each['currency']}" for each in (await self.profile(who))["orders"]["totals"])

    async def silences(self, who: str) -> list[tuple[str, str]]:
        """Give (journey, refusal) of every silence, oldest first."""
        verdicts = (await self.call("GET", f"/customers/{who}/verdicts"))["items"]
        return [(each["journey"], each["reasons"][0]["refusal"]) for each in reversed(verdicts) if each["decided"] == "silence"]

    async def messages(self, who: str) -> list[tuple[str, str]]:
        """Give (journey, status) of every message, oldest first."""
        found = (await self.call("GET", f"/customers/{who}/messages"))["items"]
        return [(each["journey"], each["status"]) for each in reversed(found)]

    # ── time, and who works ─────────────────────────────────────────────────────────────────────────────────────────

    async def rest(self, *, ahead: float = 0) -> None:
        """Come to rest: nothing is left to evaluate, to tell, to merge or to deliver, nor a timer due within `ahead` seconds."""
        calm = 0
        async with asyncio.timeout(PATIENCE), await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            while calm < 2:
                values = {"ahead": round(ahead * 1000), "delivering": self._deliverer is not None}
                row = await (await connection.execute(_BUSY, values)).fetchone()
                calm = 0 if row is None or any(row) else calm + 1
                await asyncio.sleep(0.02)

    async def deliver(self) -> None:
        """Let messages leave."""
        assert self._deliver is not None
        await self._deliver()

    async def hold_deliveries(self) -> None:
        """Let no message leave until `deliver`."""
        assert self._deliverer is not None
        deliverer, task = self._deliverer
        self._deliverer = None
        deliverer.stop()
        await task


GOODS: Final[dict[str, dict[str, Any]]] = {
    "galerna": {
        "name": "Chubasquero Galerna",
        "price": 80,
        "currency": "EUR",
        "category": "Chubasqueros",
        "brand": "Cantil",
        "url": "https://tiendanorte.example/galerna",
    },
    "faro": {
        "name": "Taza esmaltada Faro",
        "price": 14,
        "currency": "EUR",
        "category": "Tazas",
        "brand": "Orilla",
        "url": "https://tiendanorte.example/faro",
    },
}


def tell(
    url: str, story: Callable[[Shop], Coroutine[Any, Any, None]], *, plays: tuple[str, ...], waits: dict[str, str] | None = None
) -> None:
    """Run a story in Tienda Norte with these plays laid down; `waits` puts shorter waits in place of the shipped ones."""

    async def whole() -> None:
        async with tienda_norte(url, plays, waits or {}) as shop:
            await story(shop)

    asyncio.run(asyncio.wait_for(whole(), 3 * PATIENCE))


@asynccontextmanager
async def tienda_norte(url: str, plays: tuple[str, ...], waits: dict[str, str]) -> AsyncIterator[Shop]:
    """Open the shop on a database of its own, everything at work."""
    with listen_on("127.0.0.1", 0) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings(database_url=SecretStr(url), public_url=address)
        async with wiring.front(settings) as front:
            opened = await open_workspace(
                "Tienda Norte",
                timezone="Europe/Madrid",
                locale="es-ES",
                sandbox=True,
                workspaces=front.workspaces,
                chance=secrets.token_bytes,
            )
            await apply(_laid_down(plays, waits), workspace=opened.workspace.workspace, workspaces=front.workspaces, compiler=Mrml())
            shop = Shop(front, opened, address, url)
            async with _served(front, listener), _engine(settings), _deliveries(settings, shop), shop._browser, shop._till:
                yield shop


def _laid_down(plays: tuple[str, ...], waits: dict[str, str]) -> dict[str, str]:
    texts = {"policy.yaml": POLICY}
    for play in plays:
        journey = _PLAYS.joinpath(f"{play}.yaml").read_text(encoding="utf-8")
        for shipped, shorter in waits.items():
            journey = journey.replace(shipped, shorter)
        texts[f"journeys/{play}.yaml"] = journey
        texts[f"messages/{play}.yaml"] = _PLAYS.joinpath("messages", f"{play}.yaml").read_text(encoding="utf-8")
    return texts


@asynccontextmanager
async def _served(front: wiring.Front, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(build(front), loop="none", lifespan="off", ws="none", access_log=False, log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def _engine(settings: Settings) -> AsyncIterator[None]:
    @asynccontextmanager
    async def bench() -> AsyncIterator[Bench]:
        async with wiring.engine(settings) as engine:
            yield Bench(engine.feed, engine.store, engine.programmes, engine.clock, engine.facts, engine.cross)

    stop = asyncio.Event()
    faults: list[str] = []

    def report(event: str, **facts: Any) -> None:
        faults.append(f"{event} {facts}")

    def observe(done: Any, _seconds: float) -> None:
        if done.quarantined:
            faults.append(f"{done.quarantined} events were set aside")

    working = asyncio.create_task(run_worker(bench, batch=400, stop=stop, observe=observe, report=report))
    try:
        yield
    finally:
        stop.set()
        await working
    assert not faults


@asynccontextmanager
async def _deliveries(settings: Settings, shop: Shop) -> AsyncIterator[None]:
    async with delivery_of(settings) as delivery:

        async def deliver() -> None:
            deliverer = Deliverer(
                number=delivery.number,
                outbox=delivery.outbox,
                store=delivery.store,
                programmes=delivery.programmes,
                clock=delivery.clock,
                render=delivery.words,
                facts=delivery.facts,
                ways=delivery.ways,
            )
            shop._deliverer = deliverer, asyncio.create_task(deliverer.run())

        shop._deliver = deliver
        await deliver()
        try:
            yield
        finally:
            if shop._deliverer is not None:
                with suppress(Exception):
                    await shop.hold_deliveries()


def _read(raw: bytes) -> Mail:
    mail = message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    text = "\n".join(str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text")
    return Mail(str(mail["To"]), _plain(str(mail["Subject"])), _plain(text))


def _plain(text: str) -> str:
    """Give a text with every kind of space as one plain space."""
    return " ".join(text.split())
