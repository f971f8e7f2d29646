# SPDX-License-Identifier: GPL-2.0-only
"""A disk that is really full: nothing is kept or lost, and the registers go out as volatile."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.rows import MeterRows
from edge_agent.errors import SpoolError, SpoolFull
from edge_agent.poll.poll import PollResult
from edge_agent.settings.bus import MeterConfig
from edge_agent.spool import database as module
from edge_agent.spool.gateway_events import Observer
from edge_agent.spool.spool import Spool
from edge_agent.spool.volatile import VolatileReadings
from edge_agent.worker.book import Booking
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE
from shared_schema.message import MeterId
from shared_schema.readings import MAX_BATCH_BYTES, Column
from shared_schema.signing import generate_key, open_message
from shared_schema.volatile import MOST_METERS, Volatile, is_volatile
from tests.unit.edge_agent.fakes import POLLED

KEY = generate_key()
ENERGY = (Column(obis=ACTIVE_IMPORT, scaler=0, unit=30),)
T0 = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
METER = MeterId(manufacturer="LNT", serial="1")
PLACE = MeterConfig(label="A-1", address=17)
MIB = 1024 * 1024


def polled(number: int, rows: int = 2000) -> PollResult:
    """Return a poll that read so many rows of the load profile, and the register."""
    begin = T0 + 900 * rows * number
    profile = MeterRows(
        BLOCK_LOAD_PROFILE,
        900,
        ENERGY,
        tuple((begin + 900 * row, 0, row) for row in range(rows)),
    )
    register = MeterRows(None, 0, ENERGY, ((begin, None, number),))
    watermarks = {BLOCK_LOAD_PROFILE: begin + 900 * rows}
    return replace(POLLED, meter=METER, live=(register, profile), watermarks=watermarks)


class Gateway:
    """A spool, and what books into it."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.volatile = VolatileReadings("gw-1", KEY)
        self.book = Booking(spool, Observer(spool), "riser-1", self.volatile)
        self.number = 0

    def polls(self) -> bool:
        self.number += 1
        return self.book.keep(PLACE, polled(self.number), T0 + self.number)

    def taken(self) -> Volatile | None:
        payload = self.volatile.take()
        if payload is None:
            return None
        assert is_volatile(payload)
        return Volatile.from_line(open_message(payload, KEY.public_key()))


def a_full_disk_keeps_nothing_and_tells(gateway: Gateway) -> None:
    kept = 0
    while gateway.polls():
        kept = gateway.number
        assert kept < 200, "the disk never becomes full"
    marks = gateway.spool.watermarks(METER)
    with contextlib.suppress(SpoolFull):  # what is gathered stays gathered
        assert gateway.spool.seal(gateway="gw-1", key=KEY).losses == ()
    assert not gateway.polls()
    assert gateway.spool.watermarks(METER) == marks == polled(kept).watermarks
    message = gateway.taken()
    assert message is not None
    (block,) = message.blocks
    assert (block.profile, [row[2] for row in block.rows]) == (None, [gateway.number])
    assert gateway.taken() is None, "it is sent once"


def room_makes_it_read_again(gateway: Gateway) -> None:
    assert gateway.polls()
    assert gateway.taken() is None
    assert gateway.spool.watermarks(METER) == polled(gateway.number).watermarks


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone mounts a small filesystem")
def test_a_really_full_filesystem_keeps_what_it_has(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(3 * MIB))
        with Spool.open(disk / "spool.db") as spool:
            gateway = Gateway(spool)
            a_full_disk_keeps_nothing_and_tells(gateway)
            ballast.unlink()
            room_makes_it_read_again(gateway)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow further, as a quota does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_quota_is_a_full_disk(tmp_path: Path) -> None:
    with Spool.open(tmp_path / "spool.db") as spool:
        gateway = Gateway(spool)
        with largest_file(2 * MIB):
            a_full_disk_keeps_nothing_and_tells(gateway)
        room_makes_it_read_again(gateway)
    assert not list(tmp_path.glob("*.probe"))


def test_a_broken_disk_is_not_a_full_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_out_of_room", lambda _path: False)
    with Spool.open(tmp_path / "spool.db") as spool:
        gateway = Gateway(spool)
        with largest_file(MIB), pytest.raises(SpoolError) as failed:
            all(gateway.polls() for _ in range(200))
    assert not isinstance(failed.value, SpoolFull)


def test_a_reading_that_cannot_be_sent_is_not_volatile(tmp_path: Path) -> None:
    with Spool.open(tmp_path / "spool.db") as spool:
        gateway = Gateway(spool)
        assert not gateway.book.keep(PLACE, polled(-10_000), T0), "it is before any reading's time"
        assert gateway.taken() is None


@given(serials=st.lists(st.text("ab1", min_size=1, max_size=64), max_size=200), wide=st.booleans())
def test_each_meter_goes_out_once_in_messages_that_fit(serials: list[str], wide: bool) -> None:
    codes = [f"1.0.{code}.8.0.255" for code in range(1, 61 if wide else 2)]
    columns = tuple(Column.model_validate({"obis": c, "scaler": 0, "unit": 30}) for c in codes)
    waiting = VolatileReadings("gw-1", KEY)
    for number, serial in enumerate(serials):
        row = (T0, None, *(number for _ in codes))
        meter = MeterId(manufacturer="LNT", serial=serial)
        waiting.put(meter, [MeterRows(None, 0, columns, (row,))], T0 + number)
    seen: dict[str, int | None] = {}
    while (payload := waiting.take()) is not None:
        assert len(payload) <= MAX_BATCH_BYTES
        message = Volatile.from_line(open_message(payload, KEY.public_key()))
        assert len(message.blocks) <= MOST_METERS
        for block in message.blocks:
            assert block.meter.serial not in seen
            seen[block.meter.serial] = block.rows[0][2]
    assert seen == {serial: number for number, serial in enumerate(serials)}
