"""The metrics page: what this process counted, what all processes told, and what the database says. Counts only, in Prometheus' words."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector as MetricsCollector

from oportuno.entry.counted import COUNTED, Shown
from oportuno.entry.http.collect import Collector
from oportuno.flows.reads import Vitals
from oportuno.flows.tallies import Labels, Living, Sum

_BOUND: Final = "le"
_LAST: Final = "+Inf"


class Looked(NamedTuple):
    """What the database knew."""

    vitals: Vitals
    sums: Sequence[Sum]
    living: Sequence[Living]


def page(collector: Collector, looked: Looked | None) -> bytes:
    """Give the page. Without what the database knows, this process's own counts, and that it is gone."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(_Page(collector, looked))
    return generate_latest(registry)


class _Page(MetricsCollector):
    def __init__(self, collector: Collector, looked: Looked | None) -> None:
        self._collector = collector
        self._looked = looked

    def collect(self) -> Iterator[Metric]:
        """Give everything."""
        yield from _of_the_collector(self._collector)
        yield GaugeMetricFamily("oportuno_database_up", "1 when the database answers.", value=0 if self._looked is None else 1)
        if self._looked is not None:
            yield from _of_the_database(self._looked.vitals)
            yield from _of_the_living(self._looked.living)
            yield from _of_all_parts(self._looked.sums)


def _of_the_collector(collector: Collector) -> Iterator[Metric]:
    tally = collector.tally
    yield CounterMetricFamily("oportuno_collect_requests", "Requests at the collector.", value=tally.requests)
    yield CounterMetricFamily("oportuno_collect_items", "Items of acknowledged requests.", value=tally.items)
    yield CounterMetricFamily("oportuno_collect_events", "Items that became new events.", value=tally.events)
    yield CounterMetricFamily("oportuno_collect_rejects", "Items that became rejects.", value=tally.rejects)
    refused = CounterMetricFamily("oportuno_collect_refused", "Requests that were not taken, by code.", labels=["code"])
    for code, times in sorted(tally.refused.items()):
        refused.add_metric([code], times)
    yield refused


def _of_the_database(vitals: Vitals) -> Iterator[Metric]:
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
    yield _gauges("oportuno_messages_waiting", "Messages whose time has come, unclaimed.", "channel", vitals.waiting)


def _of_the_living(living: Sequence[Living]) -> Iterator[Metric]:
    yield _gauges("oportuno_parts", "Processes that told of themselves lately.", "part", Counter(each.part for each in living))
    in_hand: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    for each in living:
        in_hand.update(each.says.get("in_hand", {}))
        closed.update(each.says.get("closed", {}))
    yield _gauges("oportuno_in_hand", "Messages that deliverers have in hand.", "channel", in_hand)
    yield _gauges("oportuno_lanes_closed", "Ways out that deliverers hold back, by what failed.", "kind", closed)
    gone = Counter(provider for each in living for provider in each.says.get("gone", ()))
    yield _gauges("oportuno_provider_gone", "Deliverers for whom a provider is gone.", "provider", gone)


def _gauges(name: str, text: str, word: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[word])
    for label, value in sorted(values.items()):
        family.add_metric([label], value)
    return family


# ── What was counted, over all processes of a part ──────────────────────────────────────────────────────────────────


def _of_all_parts(sums: Sequence[Sum]) -> Iterator[Metric]:
    by_name: dict[str, list[Sum]] = {}
    for each in sums:
        by_name.setdefault(each.counted.name, []).append(each)
    for name, shown in COUNTED.items():
        if shown.bounds:
            yield _histogram(name, shown, by_name.get(f"{name}_bucket", []), by_name.get(f"{name}_sum", []))
        else:
            yield _counter(name, shown, by_name.get(name, []))


def _counter(name: str, shown: Shown, sums: Sequence[Sum]) -> Metric:
    words = sorted({word for each in sums for word, _ in each.counted.labels})
    family = CounterMetricFamily(name, shown.text, labels=["part", *words])
    for each in sums:
        labels = dict(each.counted.labels)
        family.add_metric([each.part, *(labels.get(word, "") for word in words)], each.amount)
    return family


def _histogram(name: str, shown: Shown, buckets: Sequence[Sum], totals: Sequence[Sum]) -> Metric:
    counts: dict[tuple[str, Labels], dict[str, float]] = {}
    for each in buckets:
        rest = tuple(pair for pair in each.counted.labels if pair[0] != _BOUND)
        counts.setdefault((each.part, rest), {})[dict(each.counted.labels)[_BOUND]] = each.amount
    words = sorted({word for _, labels in counts for word, _ in labels})
    family = HistogramMetricFamily(name, shown.text, labels=["part", *words])
    amounts = {(each.part, each.counted.labels): each.amount for each in totals}
    for (part, labels), found in sorted(counts.items()):
        heap, below = [], 0.0
        for bound in (*(f"{each:g}" for each in shown.bounds), _LAST):
            below += found.get(bound, 0.0)
            heap.append((bound, below))
        values = dict(labels)
        family.add_metric([part, *(values.get(word, "") for word in words)], heap, sum_value=amounts.get((part, labels), 0.0))
    return family
