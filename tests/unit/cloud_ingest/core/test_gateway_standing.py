# SPDX-License-Identifier: MIT
"""How a gateway stands, by what it said last."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from cloud_ingest.core.gateway_standing import MB, Standing, remarks, state_of
from shared_schema.gateway import Machine, Status

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def status(**fields: Any) -> Status:
    return Status(gateway="gw-a", session=UUID(int=1), state="online", at=NOW, **fields)


def standing(said: Status | None, **fields: Any) -> Standing:
    plain = Standing(1, "Lake View", "gw-a", None, "online", NOW, None, None, 0.4, said)
    return replace(plain, **fields)


@pytest.mark.parametrize(
    ("said", "minutes", "state"),
    [
        (None, 0, "never heard"),
        ("online", 15, "online"),
        ("online", 16, "silent"),
        ("offline", 0, "offline"),
    ],
)
def test_a_gateway_is_silent_after_a_quarter_of_an_hour(
    said: str | None, minutes: int, state: str
) -> None:
    assert state_of(said, NOW - timedelta(minutes=minutes), NOW) == state


def machine(free_mb: int, total_mb: int = 8000, up_s: int = 5000) -> Machine:
    return Machine(disk_free_bytes=free_mb * MB, disk_total_bytes=total_mb * MB, machine_up_s=up_s)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, ""),
        ({"machine": machine(256)}, ""),
        ({"machine": machine(255)}, "its disk is nearly full"),
        ({"machine": machine(63)}, "its disk is full"),
        ({"machine": machine(60, total_mb=1000)}, ""),
        ({"machine": Machine()}, ""),
        ({"clock_synchronised": False}, ""),
        ({"clock_synchronised": False, "machine": machine(500, up_s=500)}, ""),
        (
            {"clock_synchronised": False, "machine": machine(500)},
            "its clock is not believed: it reads no meter",
        ),
        (
            {"clock_synchronised": False, "clock_jump_s": -90.0},
            "its clock is not believed: it reads no meter",
        ),
        ({"spooled": 9, "oldest_waiting_at": NOW - timedelta(hours=3)}, "readings wait"),
        ({"meters": 4, "meters_answering": 1}, "3 of 4 meters are not read"),
    ],
)
def test_a_remark_names_what_needs_a_person(fields: dict[str, Any], said: str) -> None:
    assert "; ".join(remarks(standing(status(**fields)), NOW)) == said


@pytest.mark.parametrize(
    ("days", "said"), [(30, ""), (29, "its certificate ends soon"), (0, "its certificate ended")]
)
def test_a_certificate_is_remarked_a_month_before(days: int, said: str) -> None:
    found = standing(status(), certificate_ends_at=NOW + timedelta(days=days))
    assert "".join(remarks(found, NOW)) == said


def test_a_clock_beside_the_stores_is_remarked() -> None:
    assert list(remarks(standing(status(), clock_offset_s=-121.0), NOW)) == ["its clock is off"]
    assert not list(remarks(standing(status(), clock_offset_s=119.0), NOW))


@pytest.mark.parametrize("state", ["taken back", "never heard"])
def test_nothing_is_remarked_of_who_does_not_serve(state: str) -> None:
    bad = status(clock_synchronised=False, clock_jump_s=9.0)
    assert not list(remarks(standing(bad, state=state), NOW))
    assert not list(remarks(standing(None), NOW))
