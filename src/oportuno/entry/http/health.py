"""How the process and the installation are: for load balancers, for Prometheus, and the description of the whole HTTP side."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from oportuno.entry.http.api.shapes import ProblemShape, Shape
from oportuno.entry.http.collect import Collector
from oportuno.entry.http.collect_openapi import COLLECT_OPENAPI
from oportuno.entry.http.metrics import Looked, page
from oportuno.entry.http.probe import Probe
from oportuno.kit.faults import Unavailable
from oportuno.wiring import Front


class AliveShape(Shape):
    """The process answers."""

    status: str


class ReadyShape(Shape):
    """The installation answers."""

    status: str
    """``ok``, or ``degraded``: events are taken in, and something of what is told below does not go on."""
    engines: int
    """Engines that hold buckets now; 0: nothing is being evaluated."""
    waiting: dict[str, int]
    """Messages whose time has come and that nobody has claimed, by channel."""
    deliverers: int
    """Processes that deliver and told of themselves lately; 0: nothing leaves."""
    providers_gone: list[str]
    """Providers that refused everybody when they were last heard (``smtp mail.example``, ``no server``): what goes that way waits."""
    marketing_held: list[str]
    """The house's rules that kept some shop's marketing by e-mail from leaving when it was last tried (`no_postal_address` …)."""
    buckets_unowned: int
    """Buckets that no engine holds: what happens in them waits. For some seconds after an engine came or went that is as it should be."""
    given_up: dict[str, str]
    """Buckets that engines left to a newer release, with the section that it wrote."""
    left: list[str]
    """Workspaces that engines leave alone: what they have laid down cannot be read."""
    clock_doubted: bool
    """An engine saw the database's clock leap: marketing pauses until it was steady for five minutes, or has caught up."""


class Health:
    """What the health pages tell. Counts only: no ids, no names of customers, no addresses."""

    def __init__(self, front: Front, collector: Collector) -> None:
        self._front = front
        self._collector = collector
        self._answering = Probe(self._probe)
        self._looking = Probe(self._look, patience=_LOOKING)

    async def looked(self) -> Looked:
        """Give what the database knows. Raises Unavailable within a second when it does not answer or takes nothing in."""
        await self._answering.answer()
        return await self._looking.answer()

    async def page(self) -> bytes:
        """Give the metrics as Prometheus reads them. A database that is gone is a metric, not an error."""
        try:
            looked = await self.looked()
        except Unavailable:
            return page(self._collector, None)
        return page(self._collector, looked)

    async def _probe(self) -> None:
        await self._front.reads.probe()

    async def _look(self) -> Looked:
        front = self._front
        return Looked(await front.reads.vitals(), await front.tallies.sums(), await front.tallies.living())


_LOOKING: Final = 5.0
"""Seconds: counting what waits may take a busy database longer than to answer at all."""


def health_router(health: Health) -> APIRouter:
    """Give the pages that need no key."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> AliveShape:
        """Say that this process answers; asks nobody else."""
        return AliveShape(status="ok")

    @router.get("/readyz")
    async def readyz() -> ReadyShape:
        """Say whether the database answers, and how those who work with it are."""
        vitals, _, living = await health.looked()
        gone = sorted({provider for each in living for provider in each.says.get("gone", ())})
        held = sorted({rule for each in living for rule in each.says.get("marketing_held", ())})
        return ReadyShape(
            status="degraded" if vitals.given_up or vitals.left or vitals.clock_doubted or gone or held else "ok",
            engines=vitals.engines,
            deliverers=sum(each.part == "deliver" for each in living),
            waiting=vitals.waiting,
            providers_gone=gone,
            marketing_held=held,
            buckets_unowned=vitals.buckets_unowned,
            given_up={str(bucket): section for bucket, section in sorted(vitals.given_up.items())},
            left=vitals.left,
            clock_doubted=vitals.clock_doubted,
        )

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
    async def metrics() -> Response:
        """Give counts in Prometheus' text form."""
        return Response(await health.page(), headers={"content-type": CONTENT_TYPE_LATEST})

    @router.get("/openapi.json", response_class=Response, include_in_schema=False)
    async def openapi(request: Request) -> Response:
        """Give the description of the whole HTTP side, the collector's calls included."""
        return Response(msgspec.json.encode(described(request.app)), media_type="application/json")

    return router


def described(app: FastAPI) -> dict[str, Any]:
    """Give the OpenAPI description, the collector's paths and schemas merged in."""
    whole: dict[str, Any] = deepcopy(app.openapi())
    for part, entries in COLLECT_OPENAPI.items():
        if part == "components":
            for kind, named in entries.items():
                whole.setdefault("components", {}).setdefault(kind, {}).update(named)
        elif isinstance(entries, dict):
            whole.setdefault(part, {}).update(entries)
    whole["components"]["schemas"]["ProblemShape"] = ProblemShape.model_json_schema()
    return whole
