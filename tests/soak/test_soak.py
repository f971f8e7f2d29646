# SPDX-License-Identifier: MIT
"""A soak in short: the same run over short days, and a judgement that can fail."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.soak.cloud import CloudSoak
from tests.soak.gateway import START, GatewaySoak, Plan
from tests.soak.measures import CountingLog, Meter
from tests.soak.verdict import KIB, Day, judge, slope

PLAIN = Day(1, 60 * KIB**2, 500_000, 11, 3, 40 * KIB**2, 50 * KIB**2, 5000, 2880, 0)
SHORT = timedelta(hours=4)


def days(change: Callable[[Day], Day] = lambda day: day) -> list[Day]:
    return [change(replace(PLAIN, number=number)) for number in range(1, 31)]


def growing(found: list[Day]) -> list[str]:
    return [each.name for each in judge(found, kept_days=7, objects=400) if not each.holds]


def test_what_stays_is_flat() -> None:
    assert growing(days()) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("objects", lambda d: replace(d, objects=d.objects + d.number * 500)),
        ("resident memory", lambda d: replace(d, resident=d.resident + d.number * 200 * KIB)),
        ("open files", lambda d: replace(d, files=d.files + d.number // 10)),
        ("threads", lambda d: replace(d, threads=d.threads + d.number // 15)),
        ("kept on the disk", lambda d: replace(d, kept=d.kept + d.number * 300 * KIB)),
        ("written", lambda d: replace(d, written=d.written + d.number * 400 * KIB)),
    ],
)
def test_what_grows_a_little_each_day_is_found(name: str, change: Callable[[Day], Day]) -> None:
    assert growing(days(change)) == [name]


def test_a_day_on_which_something_happened_writes_otherwise() -> None:
    struck = days(
        lambda d: replace(d, written=3 * d.written, remark="away") if d.number > 24 else d
    )
    assert growing(struck) == []


def test_a_slope_is_that_of_the_points() -> None:
    assert slope([(1, 5.0), (2, 7.0), (4, 11.0)]) == pytest.approx(2.0)
    assert slope([(1, 5.0)]) == 0.0


def test_short_days_lose_nothing_and_leave_nothing_open(tmp_path: Path) -> None:
    soak = GatewaySoak(tmp_path, 1, day=SHORT)
    plans = [Plan(), Plan(outage_h=8, full_disk=True), Plan(restart=True)]
    found = list(soak.days(3, lambda number: plans[number - 1]))
    assert soak.store.missing(START + 3 * SHORT - timedelta(hours=1)) == 0
    assert [day.waiting for day in found] == [0, 0, 0]
    assert min(day.work for day in found) >= 16
    assert found[0].files == found[2].files
    assert found[0].threads == found[2].threads
    assert all(day.written > 100 * KIB for day in found)


def test_a_link_that_stays_away_leaves_rows_missing(tmp_path: Path) -> None:
    soak = GatewaySoak(tmp_path, 1, day=timedelta(hours=2))
    first, second = soak.days(2, lambda number: Plan(outage_h=24.0 * (number == 2)))
    assert (first.waiting, second.remark) == (0, "away 24 h")
    assert second.waiting > 0
    assert soak.store.missing(START + timedelta(hours=3, minutes=30)) > 0


def test_the_cloud_stores_each_day_and_leaves_no_mark(database: str, tmp_path: Path) -> None:
    with closing(CountingLog(tmp_path / "log")) as log:
        found = list(CloudSoak(database, 4).days(2, Meter(log)))
    assert [day.work for day in found] == [4 * 3 * 96] * 2
    assert [day.waiting for day in found] == [0, 0]
    assert found[0].files == found[1].files
