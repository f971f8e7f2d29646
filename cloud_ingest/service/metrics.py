# SPDX-License-Identifier: MIT
"""The exposition of a worker's metrics: what it counts itself, and what the leader read.

What is read from the database is read by `store_metrics` at its own times; a scrape only renders
what is known, and asks nobody.

In: `WorkerFacts` at the moment of a scrape, the text of the store's. Out: the text format of
Prometheus. Owns: the only door to prometheus-client. Never: a question to a server.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from cloud_ingest.service.metrics_catalogue import CATALOGUE, COMMIT_BUCKETS_S

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Families = Iterator[Metric]
_Labels = TypeVar("_Labels", bound=tuple[str, ...])
_OUTCOMES = {"stored": "readings", "duplicate": "duplicates", "conflict": "conflicts"}
_REJECTED = "rejected_"


class Durations:
    """How long something took, counted in buckets."""

    def __init__(self, buckets_s: tuple[float, ...] = COMMIT_BUCKETS_S) -> None:
        self._buckets_s = buckets_s
        self._counts = [0] * (len(buckets_s) + 1)
        self._sum_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._buckets_s, seconds)] += 1
        self._sum_s += seconds

    def family(self, name: str) -> HistogramMetricFamily:
        """Return the histogram: each bucket counts what took no longer than its border."""
        borders = [*map(str, self._buckets_s), "+Inf"]
        buckets = list(zip(borders, accumulate(self._counts), strict=True))
        return HistogramMetricFamily(name, CATALOGUE[name].about, buckets, self._sum_s)


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What a worker knows of itself at the moment of a scrape."""

    version: str
    ready: bool
    database_up: bool
    broker_up: bool
    leads: bool
    totals: Mapping[str, int]
    """What it stored and sent, as the log's summary names it."""
    commits: Durations
    waiting_bytes: int
    succeeded: Mapping[str, float]
    """When each loop last did its work, or first began with it, in seconds since 1970."""
    failing: Collection[str]
    """Loops that fail and try again."""
    certificates: Mapping[str, datetime]
    """When each ends, by its setting."""


def worker_families(facts: WorkerFacts) -> Families:
    """Yield the metrics that each worker shows of itself; pure."""
    totals = Counter(facts.totals)
    taken = {"accepted": totals["accepted"], "refused": totals["refused"]}
    other = totals["messages"] - sum(taken.values())
    yield family("metering_build_info", {(facts.version,): 1})
    yield family("metering_ready", {(): facts.ready})
    yield family("metering_database_up", {(): facts.database_up})
    yield family("metering_broker_up", {(): facts.broker_up})
    yield family("metering_leader", {(): facts.leads})
    yield family("metering_messages_total", _by_label({**taken, "other": other}))
    yield family(
        "metering_readings_total", {(said,): totals[name] for said, name in _OUTCOMES.items()}
    )
    rejected = {
        name.removeprefix(_REJECTED): times
        for name, times in totals.items()
        if name.startswith(_REJECTED)
    }
    yield family("metering_quarantined_total", _by_label(rejected))
    yield family("metering_receipts_total", {(): totals["receipts"]})
    yield family("metering_published_total", {(): totals["published"]})
    yield facts.commits.family("metering_commit_seconds")
    yield family("metering_waiting_bytes", {(): facts.waiting_bytes})
    yield family("metering_loop_last_success_timestamp_seconds", _by_label(facts.succeeded))
    loops = {*facts.succeeded, *facts.failing}
    yield family("metering_loop_failing", {(name,): name in facts.failing for name in loops})
    ends = {name: at.timestamp() for name, at in facts.certificates.items()}
    yield family("metering_certificate_end_timestamp_seconds", _by_label(ends))


def family(name: str, values: Mapping[_Labels, float]) -> Metric:
    """Return a metric of the catalogue with its series, by the values of its labels."""
    known = CATALOGUE[name]
    made: CounterMetricFamily | GaugeMetricFamily
    if known.kind == "counter":
        made = CounterMetricFamily(name, known.about, labels=known.labels)
    else:
        made = GaugeMetricFamily(name, known.about, labels=known.labels)
    for labels, value in sorted(values.items()):
        made.add_metric(labels, float(value))
    return made


def _by_label(values: Mapping[str, float]) -> dict[tuple[str], float]:
    return {(label,): value for label, value in values.items()}


class _Families(Collector):
    """Metrics that are made anew for each rendering."""

    def __init__(self, make: Callable[[], Iterable[Metric]]) -> None:
        self._make = make

    def describe(self) -> Iterable[Metric]:
        return ()  # nothing is made before the first scrape

    def collect(self) -> Iterable[Metric]:
        return self._make()


def render(families: Iterable[Metric]) -> bytes:
    """Return the text of some metrics."""
    registry = CollectorRegistry()
    registry.register(_Families(lambda: families))
    return generate_latest(registry)


class OwnProcess(ProcessCollector):
    """The metrics of this process, also where /proc shows processes alone (``ProcSubset=pid``)."""

    def _boot_time(self) -> float:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


class Metrics:
    """The metrics of a worker, with those of its process (``process_…``).

    Args:
        facts: Asked at each scrape.
        store: The text of the store's metrics; empty in a worker that does not lead.
    """

    def __init__(self, facts: Callable[[], WorkerFacts], store: Callable[[], bytes]) -> None:
        self._store = store
        self._registry = CollectorRegistry()
        self._registry.register(_Families(lambda: worker_families(facts())))
        OwnProcess(registry=self._registry)

    def text(self) -> bytes:
        """Return what a scrape gets."""
        return generate_latest(self._registry) + self._store()
