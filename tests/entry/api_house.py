"""The whole HTTP side in this process, on the twin: Tienda Norte with its play, and an engine that works when it is told to."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from contextlib import asynccontextmanager
from importlib.resources import files

import httpx2

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.memory.workspaces import MemoryWorkspaces
from oportuno.adapters.mjml import Mrml
from oportuno.adapters.postgres.facts import FactsCache
from oportuno.adapters.tokens import JwtVerifier
from oportuno.entry.http.app import build
from oportuno.flows.apply import apply
from oportuno.flows.merge import merge_once
from oportuno.flows.open_workspace import open_workspace
from oportuno.flows.react import react_once
from oportuno.kit.ids import BUCKETS
from oportuno.settings import Settings
from oportuno.wiring import Front, links_for

SECRET = b"s" * 32
POLICY = """\
policy:
  quiet: none
brand:
  name: Tienda Norte
  legal: Tienda Norte, calle del Muelle 3, 39004 Santander
  sender: hola@tiendanorte.example
"""
_PLAYS = files("oportuno").joinpath("plays")
PLAY = {
    "journeys/abandoned-cart.yaml": _PLAYS.joinpath("abandoned-cart.yaml").read_text(encoding="utf-8"),
    "messages/abandoned-cart.yaml": _PLAYS.joinpath("messages", "abandoned-cart.yaml").read_text(encoding="utf-8"),
    "policy.yaml": POLICY,
}


class Tienda:
    """Tienda Norte seen by a program with its keys."""

    def __init__(self, world: MemoryWorld, workspaces: MemoryWorkspaces, opened, house) -> None:
        self.world = world
        self.workspaces = workspaces
        self.workspace = opened.workspace.workspace
        self.write_key = opened.write_key
        self.secret_key = opened.secret_key
        self.house = house
        self.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=house, raise_app_exceptions=False), base_url="http://shop")
        self.secret = {"authorization": f"Bearer {opened.secret_key}"}
        self._feed = world.feed()

    async def send(self, call: str, **body) -> None:
        answer = await self.client.post(f"/v1/{call}", json=body, auth=(self.write_key, ""))
        assert answer.status_code == 200, answer.text

    async def work(self) -> None:
        """Let the engine evaluate what has come."""
        world, busy = self.world, True
        while busy:
            done = await react_once(self._feed, world.store, world.programmes, limit=100)
            crossed = await merge_once(world.crossings, world.store, world.programmes, frozenset(range(BUCKETS)), limit=100)
            busy = bool(done.events or done.timers) or not crossed.idle

    async def pass_time(self, millis: int) -> None:
        self.world.clock.advance(millis)
        await self.work()

    async def get(self, path: str, **query):
        return await self.client.get(f"/api/v1{path}", params=query, headers=self.secret)

    async def post(self, path: str, body=None):
        return await self.client.post(f"/api/v1{path}", json=body, headers=self.secret)

    async def delete(self, path: str):
        return await self.client.delete(f"/api/v1{path}", headers=self.secret)

    async def say_yes(self, who: str) -> None:
        answer = await self.post(f"/customers/{who}/consents", CONSENT)
        assert answer.status_code == 200, answer.text

    async def leave_a_cart(self, who: str) -> None:
        await self.send("identify", userId=who, traits={"email": f"{who}@example.com", "timezone": "Europe/Madrid"})
        shoes = {"product_id": "p1", "name": "Botas", "price": 50, "quantity": 1, "currency": "EUR"}
        await self.send("track", userId=who, event="Product Added", properties=shoes)
        await self.work()


CONSENT = {
    "purpose": "marketing",
    "channel": "email",
    "state": "granted",
    "source": "checkout",
    "notice": "v1",
    "language": "es",
    "actor": "customer",
    "proof": {"order": "1001"},
}


@asynccontextmanager
async def tienda_norte():
    """Open Tienda Norte for one story."""
    # The collector reads the machine's clock; the twin's begins at the same moment.
    world = MemoryWorld(now=time.time_ns() // 1_000_000)
    workspaces = MemoryWorkspaces(world)
    opened = await open_workspace(
        "Tienda Norte", timezone="Europe/Madrid", locale="es-ES", sandbox=False, workspaces=workspaces, chance=secrets.token_bytes
    )
    await apply(PLAY, workspace=opened.workspace.workspace, workspaces=workspaces, compiler=Mrml())
    settings = Settings(public_url="http://shop")
    front = Front(
        settings=settings,
        keys=world.keys,
        intake=world.intake,
        imports=world.imports,
        store=world.store,
        reads=world.reads,
        rejects=world.reads,
        crossings=world.crossings,
        facts=FactsCache(world.catalogue),
        signings=world.signings,
        verifier=JwtVerifier(),
        workspaces=workspaces,
        programmes=world.programmes,
        mailbox=world.mailbox,
        catalogue=world.catalogue,
        erasures=world.erasures,
        compiler=Mrml(),
        standings=world.standings,
        links=links_for(settings, SECRET),
        secret=SECRET,
        tallies=world.tallies,
        plans=world.plans,
        hooks=world.hooks,
        suppressions=world.suppressions,
        clicks=world.clicks,
        hearings=world.hearings,
        mail_hooks=world.mail_hooks,
        notary=world.notary,
        providers=world.providers,
        domains=world.domains,
    )
    tienda = Tienda(world, workspaces, opened, build(front))
    async with tienda.client:
        yield tienda


def tell(story) -> None:
    """Run a story to its end."""

    async def whole():
        async with tienda_norte() as tienda:
            await story(tienda)

    asyncio.run(asyncio.wait_for(whole(), 60))


def problem(answer, status: int, code: str) -> dict:
    """Check that an answer is the problem it should be."""
    told = json.loads(answer.text)
    assert (answer.status_code, told["code"], answer.headers["content-type"]) == (status, code, "application/problem+json"), answer.text
    assert told["status"] == status
    assert told["detail"]
    return told
