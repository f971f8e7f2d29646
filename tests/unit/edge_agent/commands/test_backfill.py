# SPDX-License-Identifier: GPL-2.0-only
"""A window that is read again: done is what was read, and what was not says why."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from edge_agent.commands.backfill import read_window
from edge_agent.commands.desk import Job
from edge_agent.poll.poll import poll
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import MeterConfig
from edge_agent.spool.gateway_events import Observer
from edge_agent.spool.spool import Spool
from edge_agent.virtual.cosem import AccessResult
from edge_agent.worker.book import Booking
from shared_schema.catalogue import BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE, WATER_LOAD_PROFILE
from shared_schema.gateway import Command, CommandArguments, CommandKind
from shared_schema.obis import Obis
from tests.unit.edge_agent.wire import NOW, Wire, meter, password_file

DAY = timedelta(days=1)


class Place:
    """A meter whose history is stored, and whose window is asked for again."""

    def __init__(self, folder: Path, model: str = "is16444") -> None:
        self.spool = Spool.open(folder / "spool.db")
        self.booking = Booking(self.spool, Observer(self.spool), "riser-1")
        self.config = MeterConfig(
            label="A-1", address=17, model=model, password_file=password_file(folder)
        )
        self.read = poll(sessions(Wire()), self.config, lambda _meter: {}, NOW, windows=100)
        assert self.booking.keep(self.config, self.read, NOW.timestamp())

    def fills(
        self, wire: Wire, since: datetime = NOW - 3 * DAY, until: datetime = NOW - DAY
    ) -> Job:
        command = Command(
            gateway="gw-1",
            key="0" * 16,
            id=uuid4(),
            kind=CommandKind.BACKFILL,
            arguments=CommandArguments(since=since, until=until),
            issued_at=NOW,
            expires_at=NOW + DAY,
        )
        job = Job(command, self.config, self.read.meter)
        for _ in range(9):
            window = read_window(
                job,
                sessions(wire),
                self.spool,
                NOW.timestamp(),
                lambda result: self.booking.fill(result, NOW.timestamp()),
            )
            job.take(window)
            if window.is_last:
                return job
        raise AssertionError("a back-fill does not end")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.spool.close()


def test_a_window_that_is_read_is_done(place: Place) -> None:
    job = place.fills(Wire())
    assert job.worked
    assert job.rows >= 2 * 96
    assert job.detail == f"{job.rows} rows"


def test_a_window_without_rows_is_done(place: Place) -> None:
    job = place.fills(Wire(), NOW - 400 * DAY, NOW - 399 * DAY)
    assert (job.worked, job.detail) == (True, f"{job.rows} rows")


def test_a_back_fill_with_a_wrong_clock_fails(place: Place) -> None:
    job = place.fills(Wire(meters=[meter(1, 17, deviation="reversed")]))
    assert (job.worked, job.rows) == (False, 0)
    assert "deviation_sign" in job.detail
    assert job.detail.endswith("profiles are not read")


@pytest.mark.parametrize("profile", [BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE])
@pytest.mark.parametrize("why", [AccessResult.HARDWARE_FAULT, AccessResult.OBJECT_UNDEFINED])
def test_a_profile_that_the_meter_had_and_refuses_is_not_done(
    place: Place, profile: Obis, why: AccessResult
) -> None:
    wire = Wire()
    wire.estate.meter("E1").faults[profile] = why
    job = place.fills(wire)
    assert not job.worked
    assert str(profile) in job.detail
    assert job.rows > 0, "the other one was read"


def test_a_profile_that_no_such_meter_has_fails_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path, "generic")
    job = place.fills(Wire())
    place.spool.close()
    assert job.worked
    assert job.rows >= 2 * 96
    assert str(WATER_LOAD_PROFILE) in job.detail
