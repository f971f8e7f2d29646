# SPDX-License-Identifier: GPL-2.0-only
"""Rows whose stamps are written in another way than the clock: none is kept, and that is told."""

import pytest

from edge_agent.dlms import axdr
from edge_agent.install import advice
from edge_agent.meters.model import ProfileToRead
from edge_agent.poll.finding import FindingKind
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult
from shared_schema.catalogue import BLOCK_LOAD_PROFILE, CLOCK
from shared_schema.message import MeterId
from tests.unit.edge_agent.fakes import (
    BY_PLACE,
    HOUR_S,
    QUARTER,
    SIMPLE,
    Fake,
    fake,
    kinds_of,
    stamps,
    visit,
)

TIMES = [QUARTER - 900 * back for back in range(100, -1, -1)]


class Stamping(Fake):
    """A meter that writes another deviation in its rows than in its clock."""

    minutes = 0
    local_s = 0
    """How far what it writes is ahead of its local time."""

    def buffer(self, times: list[int]) -> bytes:
        sent = super().buffer(times)
        own = axdr.date_time(times[0], axdr.Zone(), with_deviation=True)[9:11] if times else b"??"
        for ts in times:
            stamp = axdr.date_time(ts, axdr.Zone(), with_deviation=True)
            shown = axdr.date_time(ts + self.local_s, axdr.Zone(), with_deviation=True)
            sent = sent.replace(
                stamp, shown.replace(own, self.minutes.to_bytes(2, "big", signed=True))
            )
        return sent


def stamping(minutes: int, local_s: int = 0) -> Stamping:
    attributes = fake().attributes
    attributes[BLOCK_LOAD_PROFILE, 7, 7] = b"\x06" + len(TIMES).to_bytes(4, "big")
    found = Stamping(attributes, dict.fromkeys(TIMES, 1))
    found.minutes, found.local_s = minutes, local_s
    return found


def must_keep_nothing(found: PollResult, kind: FindingKind = FindingKind.ROWS_NOT_BY_CLOCK) -> None:
    assert stamps(found, BLOCK_LOAD_PROFILE) == []
    assert found.watermarks == {}
    (said,) = found.findings
    assert said.kind is kind
    assert "deviation_sign = 0" in advice.for_finding(said)


@pytest.mark.parametrize("minutes", [0, 330])
def test_rows_of_another_deviation_are_not_kept(
    monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    must_keep_nothing(visit(stamping(minutes), monkeypatch))


@pytest.mark.parametrize("minutes", [0, 330])
def test_rows_by_place_of_another_deviation_are_not_kept(
    monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    found = visit(stamping(minutes), monkeypatch, kind=BY_PLACE)
    must_keep_nothing(found, FindingKind.ROWS_IN_OTHER_ZONE)


@pytest.mark.parametrize("minutes", [-330, -60, 60])
def test_rows_in_another_local_time_than_the_clock_are_not_kept(
    monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    must_keep_nothing(visit(stamping(-0x8000, minutes * 60), monkeypatch))


def test_a_deviation_that_is_not_believed_reads_both(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = SIMPLE.model_copy(update={"deviation_sign": 0})
    found = visit(stamping(330), monkeypatch, kind=kind)
    assert not found.findings
    assert stamps(found, BLOCK_LOAD_PROFILE) == TIMES


def test_a_row_without_a_deviation_beside_a_clock_with_one_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = visit(stamping(-0x8000), monkeypatch)
    assert not found.findings
    assert stamps(found, BLOCK_LOAD_PROFILE) == TIMES


def test_a_profile_that_was_idle_for_long_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fake()
    reader.rows = dict.fromkeys((QUARTER - 9 * HOUR_S, QUARTER - 8 * HOUR_S), 1)
    found = visit(reader, monkeypatch)
    assert not found.findings
    assert len(stamps(found, BLOCK_LOAD_PROFILE)) == 2


def test_rows_that_leave_the_clock_later_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = {BLOCK_LOAD_PROFILE: QUARTER - 4 * HOUR_S}
    found = visit(stamping(0), monkeypatch, mark)
    assert stamps(found, BLOCK_LOAD_PROFILE) == []
    assert kinds_of(found) == {FindingKind.ROWS_NOT_BY_CLOCK}


DAILY = SIMPLE.model_copy(
    update={"profiles": (ProfileToRead(obis=BLOCK_LOAD_PROFILE, every="day"),)}
)


@pytest.mark.parametrize("minutes", [0, 330])
def test_daily_rows_of_another_deviation_are_not_kept(
    monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    found = visit(stamping(minutes), monkeypatch, kind=DAILY)
    must_keep_nothing(found, FindingKind.ROWS_IN_OTHER_ZONE)
    assert found.unread == {BLOCK_LOAD_PROFILE}
    assert f"state the deviation {minutes} min, and its clock -330 min" in str(found.findings[0])


@pytest.mark.parametrize("minutes", [-330, -0x8000, -1])
def test_daily_rows_of_the_clocks_deviation_are_kept(
    monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    found = visit(stamping(minutes), monkeypatch, kind=DAILY)
    assert not found.findings
    assert stamps(found, BLOCK_LOAD_PROFILE) == TIMES


def test_a_clock_that_shows_no_time_states_no_deviation(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = stamping(-330)
    reader.attributes[CLOCK, 8, 2] = b"\x09\x0c" + bytes(12)
    found = visit(reader, monkeypatch, kind=DAILY)
    assert kinds_of(found) == {FindingKind.CLOCK_SHOWS_NO_TIME}
    assert stamps(found, BLOCK_LOAD_PROFILE) == TIMES


def test_daily_rows_of_summer_beside_a_clock_in_winter_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = visit(stamping(-390, 3600), monkeypatch, kind=DAILY)
    assert not found.findings
    assert stamps(found, BLOCK_LOAD_PROFILE) == TIMES


def test_daily_rows_that_state_what_the_newest_row_states_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, memory = stamping(0, -330 * 60), Memory()
    assert stamps(visit(reader, monkeypatch, memory=memory), BLOCK_LOAD_PROFILE) == TIMES
    memory.meters[MeterId(manufacturer="Fake", serial="F1")].sent.clear()
    found = visit(reader, monkeypatch, kind=DAILY, memory=memory)
    assert stamps(found, BLOCK_LOAD_PROFILE) == TIMES
