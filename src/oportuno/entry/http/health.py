"""How the process and the installation are: for load balancers, for Prometheus, and the description of the whole HTTP side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector as MetricsCollector

from oportuno.entry.http.api.shapes import ProblemShape, Shape
from oportuno.entry.http.collect import Collector
from oportuno.entry.http.collect_openapi import COLLECT_OPENAPI
from oportuno.flows.reads import Vitals
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
    buckets_unowned: int
    """Buckets that no engine holds: what happens in them waits. For some seconds after an engine came or went that is as it should be."""
    given_up: dict[str, str]
    """Buckets that engines left to a newer release, with the section that it wrote."""
    left: list[str]
    """Workspaces that engines leave alone: what they have laid down cannot be read."""
    clock_doubted: bool
    """An engine saw the database's clock leap: marketing pauses until it was steady for five minutes, or has caught up."""


class Health(MetricsCollector):
    """What the health pages tell. Counts only: no ids, no names of customers, no addresses."""

    def __init__(self, front: Front, collector: Collector) -> None:
        self.front = front
        self._collector = collector
        self._vitals: Vitals | None = None
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._registry.register(self)

    async def page(self) -> bytes:
        """Give the metrics as Prometheus reads them. A database that is gone is a metric, not an error."""
        try:
            self._vitals = await self.front.reads.vitals()
        except Unavailable:
            self._vitals = None
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Give what this process counted, and what the database says."""
        tally = self._collector.tally
        yield CounterMetricFamily("oportuno_collect_requests", "Requests at the collector.", value=tally.requests)
        yield CounterMetricFamily("oportuno_collect_items", "Items of acknowledged requests.", value=tally.items)
        yield CounterMetricFamily("oportuno_collect_events", "Items that became new events.", value=tally.events)
        yield CounterMetricFamily("oportuno_collect_rejects", "Items that became rejects.", value=tally.rejects)
        refused = CounterMetricFamily("oportuno_collect_refused", "Requests that were not taken, by code.", labels=["code"])
        for code, times in sorted(tally.refused.items()):
            refused.add_metric([code], times)
        yield refused
        vitals = self._vitals
        yield GaugeMetricFamily("oportuno_database_up", "1 when the database answers.", value=0 if vitals is None else 1)
        if vitals is None:
            return
        yield GaugeMetricFamily("oportuno_engines", "Engines that hold buckets now.", value=vitals.engines)
        yield GaugeMetricFamily("oportuno_messages_handing", "Messages in providers' hands now.", value=vitals.handing)
        yield GaugeMetricFamily("oportuno_events_set_aside", "Events whose evaluation failed, not replayed.", value=vitals.set_aside)
        yield GaugeMetricFamily("oportuno_customers_poisoned", "Customers whose state or timer raises.", value=vitals.poisoned)
        yield GaugeMetricFamily("oportuno_buckets_unowned", "Buckets that no engine holds.", value=vitals.buckets_unowned)
        yield GaugeMetricFamily("oportuno_buckets_given_up", "Buckets left to a newer release.", value=len(vitals.given_up))
        yield GaugeMetricFamily("oportuno_workspaces_left", "Workspaces that engines leave alone.", value=len(vitals.left))
        yield GaugeMetricFamily("oportuno_clock_doubted", "1 when an engine doubts the database's clock.", value=vitals.clock_doubted)
        yield GaugeMetricFamily(
            "oportuno_clock_difference_seconds", "This machine's clock minus the database's.", value=time.time() - vitals.now / 1_000
        )
        waiting = GaugeMetricFamily("oportuno_messages_waiting", "Messages whose time has come, unclaimed.", labels=["channel"])
        for channel, count in sorted(vitals.waiting.items()):
            waiting.add_metric([channel], count)
        yield waiting


def health_router(health: Health) -> APIRouter:
    """Give the pages that need no key."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> AliveShape:
        """Say that this process answers; asks nobody else."""
        return AliveShape(status="ok")

    @router.get("/readyz")
    async def readyz() -> ReadyShape:
        """Say whether the database answers, and how many engines work."""
        vitals = await health.front.reads.vitals()
        return ReadyShape(
            status="degraded" if vitals.given_up or vitals.left or vitals.clock_doubted else "ok",
            engines=vitals.engines,
            waiting=vitals.waiting,
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
