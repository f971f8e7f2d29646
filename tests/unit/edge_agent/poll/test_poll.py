# SPDX-License-Identifier: GPL-2.0-only
"""The poll: identity and values together, nothing lost, nothing read past, nothing invented."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.errors import (
    BusTimeout,
    ConfigurationError,
    PasswordRefused,
)
from edge_agent.meters import model
from edge_agent.meters.model import load
from edge_agent.poll.finding import FindingKind
from edge_agent.poll.memory import Memory
from shared_schema.catalogue import (
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    DAILY_LOAD_PROFILE,
    INSTANTANEOUS_PROFILE,
)
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from tests.unit.edge_agent.fakes import (
    HOUR_S,
    NOW_S,
    QUARTER,
    config,
    kinds_of,
    read,
    stamps,
    truth,
)
from tests.unit.edge_agent.wire import NOW, Wire, meter


def test_the_first_contact_reads_everything_the_meter_remembers(password: Path) -> None:
    wire = Wire()
    found = read(wire, config(password))
    assert found.meter == MeterId(manufacturer="GSE", serial="E1")
    for profile in (BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE):
        assert stamps(found, profile) == truth(wire, "E1", profile)
    assert found.watermarks[BLOCK_LOAD_PROFILE] == QUARTER
    assert found.caught_up
    now = [None, BLOCK_LOAD_PROFILE, INSTANTANEOUS_PROFILE]
    assert [block.profile for block in found.live] == now
    assert found.clock_offset_s == 0
    assert found.findings == ()


def test_windows_follow_each_other_day_by_day(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    marks: dict[Obis, int] = {}
    seen: list[int] = []
    polls = 0
    while polls < 20:
        polls += 1
        found = read(wire, config(password), marks, memory, windows=3)
        for block in found.rows:
            if block.profile == BLOCK_LOAD_PROFILE:
                assert (block.rows[-1][0] or 0) - (block.rows[0][0] or 0) < 24 * HOUR_S
        seen.extend(stamps(found, BLOCK_LOAD_PROFILE))
        assert found.watermarks[BLOCK_LOAD_PROFILE] > marks.get(BLOCK_LOAD_PROFILE, 0)
        marks.update(found.watermarks)
        if found.caught_up:
            break
    assert 10 < polls < 15
    assert seen == truth(wire, "E1", BLOCK_LOAD_PROFILE)


def test_a_back_fill_leaves_the_registers_out_and_is_historical(password: Path) -> None:
    found = read(Wire(), config(password), windows=2, registers=False)
    assert all(block.profile is not None for block in found.rows)
    assert not found.caught_up
    # The daily profile fits one window, so its newest row is of today.
    assert [block.profile for block in found.live] == []
    marks = {DAILY_LOAD_PROFILE: NOW_S, **found.watermarks}
    marks[BLOCK_LOAD_PROFILE] = NOW_S - 20 * 86400
    again = read(Wire(), config(password), marks, windows=2, registers=False)
    assert again.backlog
    assert again.live == ()
    assert not again.caught_up


def test_after_an_outage_the_newest_rows_go_first(password: Path) -> None:
    marks = {each.obis: NOW_S for each in load("is16444").profiles}
    marks[BLOCK_LOAD_PROFILE] = QUARTER - 8 * 86400
    found = read(Wire(), config(password), marks)
    border = NOW_S - 2 * HOUR_S
    assert {block.profile for block in found.live} == {None, BLOCK_LOAD_PROFILE}
    assert {block.profile for block in found.backlog} == {BLOCK_LOAD_PROFILE}
    assert all((row[0] or 0) >= border for block in found.live for row in block.rows)
    assert all((row[0] or 0) < border for block in found.backlog for row in block.rows)
    assert len(stamps(found, BLOCK_LOAD_PROFILE)) == 8 * 96 + 8


def test_a_live_poll_reads_new_rows_only_and_those_not_settled(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    marks = dict(read(wire, config(password), memory=memory).watermarks)
    wire.now = NOW + timedelta(minutes=15)
    without = read(wire, config(password), marks)
    assert stamps(without, BLOCK_LOAD_PROFILE) == [QUARTER + 900 * n for n in range(-7, 2)]
    found = read(wire, config(password), marks, memory, known=without.meter)
    assert stamps(found, BLOCK_LOAD_PROFILE) == [QUARTER + 900]
    assert found.watermarks[BLOCK_LOAD_PROFILE] == QUARTER + 900
    wire.now = NOW + timedelta(minutes=30)
    found = read(wire, config(password), marks | found.watermarks, memory, known=found.meter)
    assert stamps(found, BLOCK_LOAD_PROFILE) == [QUARTER + 1800]
    assert found.exchanges == 4  # SNRM, AARQ, one list with the row in it, DISC
    assert not {DAILY_LOAD_PROFILE, BILLING_PROFILE} & found.watermarks.keys()


def test_a_watermark_far_beyond_what_was_read_is_where_reading_begins(password: Path) -> None:
    memory = Memory()
    first = read(Wire(), config(password), memory=memory, windows=1)
    assert not first.caught_up
    marks = {each.obis: QUARTER - 2 * HOUR_S for each in load("is16444").profiles}
    found = read(Wire(), config(password), marks, memory, windows=1)
    rows = stamps(found, BLOCK_LOAD_PROFILE)
    assert rows[-1] == QUARTER
    assert rows[0] >= QUARTER - 4 * HOUR_S
    assert found.watermarks[BLOCK_LOAD_PROFILE] == QUARTER


def test_rows_whose_storing_failed_come_again(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    marks = dict(read(wire, config(password), memory=memory).watermarks)
    wire.now = NOW + timedelta(minutes=15)
    read(wire, config(password), marks, memory)  # the spool was full: the watermark stays
    wire.now = NOW + timedelta(minutes=30)
    found = read(wire, config(password), marks, memory)
    assert {QUARTER + 900, QUARTER + 1800} <= set(stamps(found, BLOCK_LOAD_PROFILE))


def test_nothing_is_asked_of_a_profile_before_its_next_row(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    marks = dict(read(wire, config(password), memory=memory).watermarks)
    found = read(wire, config(password), marks, memory)
    assert [block.profile for block in found.rows] == [None]
    assert found.watermarks == {}
    assert found.exchanges == 4  # SNRM, AARQ, one list, DISC


def test_the_daily_profile_is_read_after_midnight(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    marks = dict(read(wire, config(password), memory=memory).watermarks)
    wire.now = datetime(2026, 3, 10, 18, 31, tzinfo=UTC)  # 00:01 in India
    found = read(wire, config(password), marks, memory)
    assert stamps(found, DAILY_LOAD_PROFILE)[-1] == wire.now.timestamp() - 60


def test_a_watermark_beyond_the_clocks_goes_back_and_nothing_is_skipped(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    wire.now = NOW + timedelta(hours=3)  # the gateway's clock, and the meter's, were ahead
    marks = dict(read(wire, config(password), memory=memory).watermarks)
    wire.now = NOW
    found = read(wire, config(password), marks, memory)
    assert FindingKind.READ_BEYOND_CLOCKS in kinds_of(found)
    assert {BLOCK_LOAD_PROFILE} <= found.rewound
    assert found.watermarks[BLOCK_LOAD_PROFILE] == QUARTER
    assert QUARTER in stamps(found, BLOCK_LOAD_PROFILE)
    marks.update(found.watermarks)
    wire.now = NOW + timedelta(minutes=15)
    again = read(wire, config(password), marks, memory)
    assert stamps(again, BLOCK_LOAD_PROFILE) == [QUARTER + 900]
    assert again.rewound == frozenset()
    assert again.findings == ()


@pytest.mark.parametrize("demand", ["refused", "required"])
def test_a_range_has_a_deviation_where_wanted(
    password: Path, monkeypatch: pytest.MonkeyPatch, demand: str
) -> None:
    changed = model.load("is16444").model_copy(update={"range_deviation": demand == "required"})
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: changed)
    wire = Wire(meters=[meter(1, 17, range_deviation=demand)])
    found = read(wire, config(password))
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)


def test_null_timestamps_are_filled_from_the_period(password: Path) -> None:
    wire = Wire(meters=[meter(1, 17, null_timestamps=True)])
    found = read(wire, config(password))
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)


def test_a_dead_meter_and_a_wrong_password(password: Path) -> None:
    wire = Wire()
    with pytest.raises(BusTimeout):
        read(wire, config(password, address=99))
    password.write_text("sesame99")
    with pytest.raises(PasswordRefused):
        read(wire, config(password))


def test_a_naive_time_is_refused(password: Path) -> None:
    with pytest.raises(ConfigurationError):
        read(Wire(), config(password), now=datetime(2026, 3, 10))  # noqa: DTZ001
