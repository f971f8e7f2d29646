# SPDX-License-Identifier: MIT
"""The metrics: what the counts of a worker and the facts of a store are shown as."""

import re
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from cloud_ingest.service.metrics import (
    Durations,
    OwnProcess,
    WorkerFacts,
    render,
    worker_families,
)
from cloud_ingest.service.metrics_catalogue import CATALOGUE, COMMIT_BUCKETS_S, STORE, WORKER
from cloud_ingest.service.store_metrics import month_to_close, store_families
from cloud_ingest.store.metric_facts import (
    DayFacts,
    FlagFacts,
    GatewayFacts,
    MeterFacts,
    MonthFacts,
    QuarantineFacts,
    QueueFacts,
    StoreFacts,
    Yesterday,
)

ZONE = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 8, 6, 12, tzinfo=UTC)
AT = NOW.timestamp()
WORK = WorkerFacts(
    version="1.2",
    ready=True,
    database_up=True,
    broker_up=False,
    leads=True,
    totals={
        "messages": 9,
        "accepted": 5,
        "refused": 1,
        "readings": 7,
        "rejected_bad_signature": 1,
        "receipts": 4,
        "published": 2,
    },
    commits=Durations(),
    waiting_bytes=10,
    succeeded={"rules": AT},
    failing={"ingest"},
    certificates={"broker_cert_file": NOW},
)
GATEWAY = GatewayFacts(
    society='Lake "View"\n',
    gateway="gw-a",
    heard_at=NOW,
    online=True,
    waiting_batches=3,
    oldest_waiting_at=NOW,
    disk_free_bytes=5,
    disk_bytes=6,
    spool_bytes=7,
    memory_bytes=8,
    agent_up_s=9,
    clock_synchronised=False,
    clock_jump_s=-1.5,
    certificate_ends_at=NOW,
    meters=4,
    meters_answering=3,
)
QUEUES = QueueFacts(
    unsent=1,
    unsent_since=NOW,
    unacknowledged=2,
    unacknowledged_since=NOW,
    days=3,
    days_since=NOW,
    webhook_messages=4,
    webhook_since=NOW,
    archived_at=NOW,
    archive_failing=True,
    dropped=5,
)
FACTS = StoreFacts(
    gateways=[GATEWAY],
    meters=[MeterFacts("Lake", 10, 3, 1, NOW)],
    months=[MonthFacts("Lake", "2026-06", NOW, 1, 2)],
    flags=[FlagFacts("Lake", "leak", "alarm", 2)],
    quarantine=[QuarantineFacts("", 1, 2)],
    queues=QUEUES,
)
YESTERDAY = Yesterday(date(2026, 8, 5), [DayFacts("Lake", 96, 90), DayFacts("New", 0, 0)], 1000)
Labels = frozenset[tuple[str, str]]


def series(text: bytes) -> dict[tuple[str, Labels], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(text: bytes, name: str, **labels: str) -> float:
    return series(text)[name, frozenset(labels.items())]


def store_text(facts: StoreFacts = FACTS) -> bytes:
    return render(store_families(facts, YESTERDAY, ZONE, NOW, 0.5))


def test_every_metric_of_the_catalogue_is_shown_and_no_other() -> None:
    worker, store = render(worker_families(WORK)), store_text()
    for text, catalogue in ((worker, WORKER), (store, STORE)):
        shown = {name for name, _ in series(text)}
        named = {re.sub("_(bucket|sum|count)$", "", name) for name in shown}
        assert named == {family.name for family in catalogue}


@pytest.mark.parametrize("family", CATALOGUE.values(), ids=lambda family: family.name)
def test_names_follow_the_conventions_of_prometheus(family: object) -> None:
    known = CATALOGUE[getattr(family, "name", "")]
    assert re.fullmatch(r"metering_[a-z]+(_[a-z]+)*", known.name)
    assert known.name.endswith("_total") == (known.kind == "counter")
    assert set(known.labels) <= {
        *("society", "gateway", "kind", "severity", "state", "outcome", "reason"),
        *("loop", "setting", "version", "longer_than"),
    }


def test_messages_are_counted_by_what_became_of_them() -> None:
    text = render(worker_families(WORK))
    found = {
        outcome: value(text, "metering_messages_total", outcome=outcome)
        for outcome in ("accepted", "refused", "other")
    }
    assert found == {"accepted": 5, "refused": 1, "other": 3}
    assert value(text, "metering_readings_total", outcome="duplicate") == 0
    assert value(text, "metering_quarantined_total", reason="bad_signature") == 1
    assert value(text, "metering_loop_failing", loop="ingest") == 1
    assert value(text, "metering_loop_failing", loop="rules") == 0


@given(st.lists(st.floats(0, 100), max_size=50))
def test_each_bucket_counts_what_took_no_longer(durations: list[float]) -> None:
    kept = Durations()
    for each in durations:
        kept.add(each)
    text = render([kept.family("metering_commit_seconds")])
    for border in COMMIT_BUCKETS_S:
        counted = value(text, "metering_commit_seconds_bucket", le=str(border))
        assert counted == sum(each <= border for each in durations)
    assert value(text, "metering_commit_seconds_count") == len(durations)
    assert value(text, "metering_commit_seconds_sum") == pytest.approx(sum(durations))


def test_what_a_gateway_did_not_say_has_no_series() -> None:
    silent = replace(GATEWAY, disk_free_bytes=None, clock_synchronised=None)
    found = series(store_text(replace(FACTS, gateways=[silent])))
    names = {name for name, _ in found}
    assert "metering_gateway_disk_free_bytes" not in names
    assert "metering_gateway_clock_synchronised" not in names
    assert "metering_gateway_spool_bytes" in names


def test_a_name_with_quotes_and_lines_is_one_label() -> None:
    key = {"society": GATEWAY.society, "gateway": "gw-a"}
    assert value(store_text(), "metering_gateway_clock_jump_seconds", **key) == -1.5


def test_completeness_is_of_what_was_due() -> None:
    found = series(store_text())
    of = {key: each for key, each in found.items() if key[0] == "metering_completeness_ratio"}
    assert of == {("metering_completeness_ratio", frozenset({("society", "Lake")})): 90 / 96}


@pytest.mark.parametrize(
    ("last_closed", "enrolled_at", "next_to_close"),
    [
        ("2026-06", datetime(2026, 1, 5, tzinfo=UTC), "2026-07"),
        ("2025-12", None, "2026-01"),
        (None, datetime(2026, 6, 20, tzinfo=UTC), "2026-07"),
        (None, datetime(2026, 6, 30, 20, tzinfo=UTC), "2026-08"),
    ],
)
def test_months_are_closed_in_order_from_the_first_whole_one(
    last_closed: str | None, enrolled_at: datetime | None, next_to_close: str
) -> None:
    facts = MonthFacts("Lake", last_closed, enrolled_at, 0, 0)
    assert str(month_to_close(facts, ZONE)) == next_to_close


@pytest.mark.parametrize(
    ("served_until", "waits"),
    [
        (None, True),
        (datetime(2026, 7, 1, tzinfo=UTC), True),
        (datetime(2026, 6, 30, 18, 30, tzinfo=UTC), False),
    ],
)
def test_a_society_that_left_has_no_month_to_close(
    served_until: datetime | None, waits: bool
) -> None:
    facts = MonthFacts("Lake", "2026-06", NOW, 0, 0, served_until)
    assert (month_to_close(facts, ZONE) is not None) == waits


def test_a_month_waits_only_once_it_is_over() -> None:
    name = "metering_month_open_since_timestamp_seconds"
    end_of_july = datetime(2026, 7, 31, 18, 30, tzinfo=UTC)
    assert value(store_text(), name, society="Lake") == end_of_july.timestamp()
    early = render(store_families(FACTS, YESTERDAY, ZONE, end_of_july - timedelta(seconds=1), 0))
    assert name not in {shown for shown, _ in series(early)}


def test_a_server_that_archives_nothing_shows_no_archive() -> None:
    queues = replace(QUEUES, archived_at=None, archive_failing=None)
    names = {name for name, _ in series(store_text(replace(FACTS, queues=queues)))}
    assert not {name for name in names if name.startswith("metering_wal")}


def test_a_process_is_told_where_proc_shows_processes_alone(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("/proc/self")
    own = OwnProcess(proc=str(tmp_path), registry=CollectorRegistry())
    told = {each.name: each.samples[0].value for each in own.collect()}
    assert told["process_resident_memory_bytes"] > 0
    assert told["process_open_fds"] > 0
    assert 0 <= time.time() - told["process_start_time_seconds"] < 86400
