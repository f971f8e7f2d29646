# SPDX-License-Identifier: GPL-2.0-only
"""How long the disk of a gateway bears readings, and when a person must act."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.operate.disk import MB, Room
from edge_agent.operate.spool_facts import SpoolFacts, spool_facts
from edge_agent.spool.spool import Spool
from shared_schema.gateway import Receipt
from shared_schema.signing import generate_key

NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("has", "a_day", "level", "days"),
    [
        ((3000, 70, 60), 2, "ok", 1019),
        ((3000, 2048, 2048), 2, "ok", 1024),
        ((3000, 2040, 0), 2, "warn", 4),
        ((90, 70, 0), 2, "warn", 13),
        ((92, 70, 0), 2, "ok", 14),
        ((67, 70, 0), 2, "fail", 1),
        ((63, 70, 60), 2, "fail", 30),
        ((3000, 0, 0), None, "ok", None),
        ((2047, 0, 0), None, "warn", None),
        ((63, 0, 0), None, "fail", None),
    ],
)
def test_an_outage_of_two_weeks_must_fit(
    has: tuple[int, int, int], a_day: int | None, level: str, days: int | None
) -> None:
    free, used, reusable = (each * MB for each in has)
    room = Room(free, used, reusable, 2048 * MB, 35, None if a_day is None else a_day * MB)
    assert (room.level, room.days) == (level, days)
    assert (level == "ok") == (room.advice == "")


def test_the_forecast_is_in_words() -> None:
    room = Room(500 * MB, 2000 * MB, 0, 2048 * MB, 35, 4 * MB)
    assert room.said == (
        "500 MB are free; a day of readings takes 4.0 MB: without the cloud there is room for 12 "
        "days, with it the spool holds 140 MB"
    )
    assert "raise spool_max_mb" in room.advice


def facts_of(path: Path, hours: int) -> SpoolFacts:
    key = generate_key()
    with Spool.open(path) as spool:
        for hour in range(hours):
            line = b'{"x":"' + os.urandom(2000).hex().encode() + b'"}'
            spool.seal_alone(line, gateway="gw-1", key=key, at=NOW + timedelta(hours=hour))
    found = spool_facts(path)
    assert found is not None
    return found


def test_what_a_day_takes_is_measured_in_the_spool(tmp_path: Path) -> None:
    found = facts_of(tmp_path / "spool.db", 49)
    assert (found.batches, found.waiting, found.reusable) == (49, 49, 0)
    assert found.bytes_per_day is not None
    assert 24 * 4000 < found.bytes_per_day < 24 * 4000 * 4


def test_the_first_hours_tell_no_growth(tmp_path: Path) -> None:
    assert facts_of(tmp_path / "spool.db", 5).bytes_per_day is None


def test_what_the_cloud_has_is_reusable(tmp_path: Path) -> None:
    facts_of(tmp_path / "spool.db", 10)
    with Spool.open(tmp_path / "spool.db") as spool:
        spool.apply_receipt(
            Receipt(
                gateway="gw-1",
                key="0" * 16,
                store="00000000-0000-0000-0000-000000000001",
                stream=spool.stream,
                ranges=((1, 6),),
                at=NOW,
            )
        )
    found = spool_facts(tmp_path / "spool.db")
    assert found is not None
    assert (found.waiting, found.batches) == (4, 10)
    assert found.reusable == pytest.approx(found.payload_bytes * 0.6, rel=0.01)


def test_another_programs_file_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"text")
    assert spool_facts(tmp_path / "other.db") is None
    assert spool_facts(tmp_path / "none.db") is None
