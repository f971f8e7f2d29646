# SPDX-License-Identifier: GPL-2.0-only
"""Profiles: every row once and as the meter said it, whatever changes between two polls."""

import random
from datetime import UTC, datetime

import pytest

from edge_agent.dlms import axdr
from edge_agent.errors import (
    AccessDenied,
)
from edge_agent.poll.finding import FindingKind
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    ACTIVE_IMPORT_INTERVAL,
    BLOCK_LOAD_PROFILE,
    CLOCK,
)
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from tests.unit.edge_agent.fakes import (
    ACTIVE_EXPORT_INTERVAL,
    HOUR_S,
    QUARTER,
    SIMPLE,
    Fake,
    Wide,
    captured,
    fake,
    kinds_of,
    of_column,
    stamps,
    visit,
)


def test_the_watermark_advances_across_empty_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fake()
    reader.rows = {QUARTER - 10 * 86400: 1, QUARTER - 900: 2}
    marks = {BLOCK_LOAD_PROFILE: QUARTER - 10 * 86400}
    seen: list[int] = []
    for _ in range(6):
        found = visit(reader, monkeypatch, marks, windows=3)
        assert found.watermarks[BLOCK_LOAD_PROFILE] > marks[BLOCK_LOAD_PROFILE]
        marks.update(found.watermarks)
        seen.extend(stamps(found, BLOCK_LOAD_PROFILE))
        if found.caught_up:
            break
    assert found.caught_up
    assert seen == [QUARTER - 10 * 86400, QUARTER - 900]
    assert marks[BLOCK_LOAD_PROFILE] == QUARTER - 900


def test_the_watermark_stays_where_the_meter_has_nothing_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = fake()
    reader.rows = {QUARTER - 7200: 1}
    first = visit(reader, monkeypatch)
    assert first.watermarks == {BLOCK_LOAD_PROFILE: QUARTER - 7200}
    again = visit(reader, monkeypatch, first.watermarks)
    assert again.watermarks == {BLOCK_LOAD_PROFILE: QUARTER - 7200}
    assert again.caught_up


def test_a_profile_without_rows_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    found = visit(fake(), monkeypatch)
    assert (found.rows, found.watermarks, found.caught_up) == ((), {}, True)


@pytest.mark.parametrize("seed", range(12))
def test_rows_that_come_late_or_change_within_their_hour_are_read(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    memory = Memory()
    reader = fake()
    marks: dict[Obis, int] = {}
    seen: dict[int, int | None] = {}
    sent = 0
    truth = {QUARTER + 900 * n: 100 + n for n in range(-40, 97)}
    # Until then a row is not there, or holds another value.
    until = {ts: ts + chance.choice([0, 0, chance.randrange(3600)]) for ts in truth}
    late = {ts for ts in truth if chance.random() < 0.5}
    for quarter in range(97):
        if chance.random() < 0.3:
            continue  # the meter is silent
        now = QUARTER + 900 * quarter + 20
        reader.rows = {
            ts: value if until[ts] <= now else value + 1000
            for ts, value in truth.items()
            if ts <= now and (until[ts] <= now or ts not in late)
        }
        stamp = axdr.date_time(now, axdr.Zone(), with_deviation=True)
        reader.attributes[CLOCK, 8, 2] = b"\x09\x0c" + stamp
        found = visit(
            reader, monkeypatch, marks, memory=memory, now=datetime.fromtimestamp(now, UTC)
        )
        rows = [row for block in found.rows for row in block.rows]
        sent += len(rows)
        seen.update((row[0] or 0, row[2]) for row in rows)
        if chance.random() < 0.9:  # else nothing of it was stored, and all of it comes again
            marks.update(found.watermarks)
        elif chance.random() < 0.5:
            memory = Memory()  # the agent was started anew
        settled = [ts for ts in truth if ts + HOUR_S <= marks.get(BLOCK_LOAD_PROFILE, 0) - HOUR_S]
        assert all(seen[ts] == truth[ts] for ts in settled)
    assert len(settled) > 100


def test_a_row_comes_once_where_nothing_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    reader = fake()
    marks: dict[Obis, int] = {}
    asked: list[int] = []
    seen: list[int] = []
    whole = reader.buffer

    def buffer(times: list[int]) -> bytes:
        asked.append(len(times))
        return whole(times)

    monkeypatch.setattr(reader, "buffer", buffer)
    for quarter in range(33):
        now = QUARTER + 900 * quarter + 20
        reader.rows[now - 20] = quarter
        stamp = axdr.date_time(now, axdr.Zone(), with_deviation=True)
        reader.attributes[CLOCK, 8, 2] = b"\x09\x0c" + stamp
        found = visit(
            reader, monkeypatch, marks, memory=memory, now=datetime.fromtimestamp(now, UTC)
        )
        marks.update(found.watermarks)
        seen += stamps(found, BLOCK_LOAD_PROFILE)
    assert seen == [QUARTER + 900 * quarter for quarter in range(33)]
    # The row before and the new one; each fourth time, two hours.
    assert asked[-12:] == [2, 2, 2, 8] * 3


def test_a_scaler_that_is_denied_comes_from_the_sibling_register(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = fake()
    reader.rows = {QUARTER: 1}
    found = visit(reader, monkeypatch)
    (column,) = found.rows[0].columns
    assert (column.obis, column.scaler, column.unit) == (ACTIVE_IMPORT_INTERVAL, 1, 30)
    assert (ACTIVE_IMPORT_INTERVAL, 3, 3) in reader.asked


def test_a_layout_is_read_once_and_a_change_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    reader = fake()
    reader.rows = {QUARTER - 900 * n: n for n in range(8)}
    marks = dict(visit(reader, monkeypatch, memory=memory).watermarks)
    marks[BLOCK_LOAD_PROFILE] -= 1800
    reader.asked.clear()
    visit(reader, monkeypatch, marks, memory=memory)
    assert (BLOCK_LOAD_PROFILE, 7, 3) not in reader.asked
    # The meter is set up anew: another column in the middle.
    reader.attributes[BLOCK_LOAD_PROFILE, 7, 3] = (
        b"\x01\x03" + captured(CLOCK, 8) + captured(ACTIVE_IMPORT, 3) + captured(ACTIVE_IMPORT, 3)
    )
    memory.meters[MeterId(manufacturer="Fake", serial="F1")].layouts[BLOCK_LOAD_PROFILE].look_at = 0
    found = visit(reader, monkeypatch, marks, memory=memory)
    assert FindingKind.CAPTURES_CHANGED in kinds_of(found)
    assert FindingKind.ROWS_MISFIT in kinds_of(found)


def test_meters_of_a_kind_have_their_layout_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    for serial in ("F1", "F2"):
        reader = fake(serial=serial)
        reader.rows = {QUARTER: 1}
        reader.attributes[ACTIVE_IMPORT, 3, 2] = b"\x06\x00\x00\x00\x07"
        visit(
            reader,
            monkeypatch,
            memory=memory,
            kind=SIMPLE.model_copy(update={"registers": (ACTIVE_IMPORT,)}),
        )
    one, other = (known for known in memory.meters.values())
    assert one.layouts[BLOCK_LOAD_PROFILE].plan is other.layouts[BLOCK_LOAD_PROFILE].plan
    assert one.registers[ACTIVE_IMPORT][1] is other.registers[ACTIVE_IMPORT][1]
    assert one.layouts[BLOCK_LOAD_PROFILE] is not other.layouts[BLOCK_LOAD_PROFILE]


@pytest.mark.parametrize("emptied", [True, False])
def test_columns_that_change_places_within_the_hour_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
    emptied: bool,
) -> None:
    memory = Memory()
    reader = Wide(fake().attributes)
    reader.pairs = {QUARTER - 900 * n: (100 + n, 500 + n) for n in range(1, 6)}
    reader.rows = dict.fromkeys(reader.pairs, 0)
    marks = visit(reader, monkeypatch, memory=memory).watermarks
    if emptied:
        reader.pairs.clear()
    reader.pairs = {ts: (second, first) for ts, (first, second) in reader.pairs.items()}
    reader.pairs[QUARTER] = (500, 100)
    reader.rows = dict.fromkeys(reader.pairs, 0)
    reader.set_up(ACTIVE_EXPORT_INTERVAL, ACTIVE_IMPORT_INTERVAL)
    found = visit(reader, monkeypatch, marks, memory=memory)
    assert FindingKind.CAPTURES_CHANGED in kinds_of(found)
    assert set(of_column(found, ACTIVE_IMPORT_INTERVAL)) <= set(range(100, 106))
    assert 100 in of_column(found, ACTIVE_IMPORT_INTERVAL)
    assert found.watermarks == {BLOCK_LOAD_PROFILE: QUARTER}


def test_another_capture_list_than_the_stored_one_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Wide(fake().attributes)
    reader.pairs = {QUARTER - 900 * n: (100 + n, 500 + n) for n in range(100)}
    reader.rows = dict.fromkeys(reader.pairs, 0)
    first = visit(reader, monkeypatch)
    assert set(first.captures) == {BLOCK_LOAD_PROFILE}
    again = visit(reader, monkeypatch, first.watermarks, captured_before=first.captures)
    assert (again.captures, again.findings) == ({}, ())
    reader.set_up(ACTIVE_EXPORT_INTERVAL, ACTIVE_IMPORT_INTERVAL)
    other = visit(reader, monkeypatch, first.watermarks, captured_before=first.captures)
    assert FindingKind.CAPTURES_CHANGED in kinds_of(other)
    assert other.captures[BLOCK_LOAD_PROFILE] != first.captures[BLOCK_LOAD_PROFILE]


@pytest.mark.parametrize("hours", [-5, 3])
def test_rows_that_were_stamped_by_a_wrong_clock_are_left_out(
    monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    memory = Memory()
    reader = fake()
    marks: dict[Obis, int] = {}
    seen: dict[int, int | None] = {}

    def poll_at(quarter: int, off_s: int) -> PollResult:
        ts = QUARTER + 900 * quarter
        reader.rows[ts + off_s] = quarter
        stamp = axdr.date_time(ts + off_s + 20, axdr.Zone(), with_deviation=True)
        reader.attributes[CLOCK, 8, 2] = b"\x09\x0c" + stamp
        found = visit(
            reader, monkeypatch, marks, memory=memory, now=datetime.fromtimestamp(ts + 20, UTC)
        )
        marks.update(found.watermarks)
        seen.update((row[0] or 0, row[2]) for block in found.rows for row in block.rows)
        return found

    for quarter in range(80):  # wrong from the 20th to the 60th
        found = poll_at(quarter, hours * HOUR_S if 20 <= quarter < 60 else 0)
    assert all(ts == QUARTER + 900 * (quarter or 0) for ts, quarter in seen.items())
    assert set(range(20)) | set(range(75, 80)) <= set(seen.values())
    assert found.findings == ()


def test_a_scaler_that_is_refused_for_now_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    reader = Wide(fake().attributes)
    reader.pairs = {QUARTER - 900 * n: (100 + n, 500 + n) for n in range(8)}
    reader.rows = dict.fromkeys(reader.pairs, 0)
    scaler = reader.attributes[ACTIVE_EXPORT_INTERVAL, 3, 3]
    reader.attributes[ACTIVE_EXPORT_INTERVAL, 3, 3] = AccessDenied("not now", result=2)
    found = visit(reader, monkeypatch, memory=memory)
    assert (found.rows, found.watermarks) == ((), {})
    assert "not now" in map(str, found.findings)
    reader.attributes[ACTIVE_EXPORT_INTERVAL, 3, 3] = scaler
    found = visit(reader, monkeypatch, memory=memory)
    assert of_column(found, ACTIVE_EXPORT_INTERVAL) == [507 - n for n in range(8)]


def test_a_profile_that_gains_a_column_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Wide(fake().attributes)
    reader.pairs = {QUARTER - 900 * n: (100 + n, 500 + n) for n in range(300)}
    reader.rows = dict.fromkeys(reader.pairs, 0)
    scaler = reader.attributes.pop((ACTIVE_EXPORT_INTERVAL, 3, 3))
    first = visit(reader, monkeypatch)
    assert first.captures[BLOCK_LOAD_PROFILE].columns == (ACTIVE_IMPORT_INTERVAL,)
    reader.attributes[ACTIVE_EXPORT_INTERVAL, 3, 3] = scaler
    memory = Memory()
    found = visit(
        reader,
        monkeypatch,
        first.watermarks,
        captured_before=first.captures,
        memory=memory,
        windows=2,
    )
    assert BLOCK_LOAD_PROFILE in found.rewound
    assert of_column(found, ACTIVE_EXPORT_INTERVAL)[0] == 799
    assert found.watermarks[BLOCK_LOAD_PROFILE] < QUARTER - 86400
    assert not found.caught_up
    seen = of_column(found, ACTIVE_EXPORT_INTERVAL)
    found = visit(
        reader, monkeypatch, found.watermarks, captured_before=found.captures, memory=memory
    )
    seen += of_column(found, ACTIVE_EXPORT_INTERVAL)
    assert seen == [799 - n for n in range(300)]
    assert found.rewound == frozenset()


def test_rows_that_cannot_be_read_cost_their_period_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Spoilt(Fake):
        def buffer(self, times: list[int]) -> bytes:
            good = super().buffer(times)
            return good.replace((13).to_bytes(4, "big"), b"\xee\xee\xee\xee\xee")

    memory = Memory()
    reader = Spoilt(fake().attributes)
    reader.rows = {QUARTER - 900 * n: n for n in range(200)}
    found = visit(reader, monkeypatch, memory=memory)
    assert stamps(found, BLOCK_LOAD_PROFILE) == [
        QUARTER - 900 * n for n in reversed(range(200)) if n != 13
    ]
    assert found.watermarks == {BLOCK_LOAD_PROFILE: QUARTER}
    assert FindingKind.ROWS_UNREADABLE in kinds_of(found)
    again = visit(reader, monkeypatch, found.watermarks, memory=memory)
    assert FindingKind.ROWS_UNREADABLE in kinds_of(again)


def test_a_meter_whose_newest_row_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class Turned(Fake):
        def get_entries(self, profile: Obis, first: int, last: int) -> bytes:
            assert profile == BLOCK_LOAD_PROFILE
            return self.buffer(sorted(self.rows, reverse=True)[first - 1 : last])

        def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
            self.turn = True
            try:
                return super().get_range(profile, start, end)
            finally:
                self.turn = False

        turn = False

        def buffer(self, times: list[int]) -> bytes:
            if not self.turn:
                return super().buffer(times)
            times = sorted(times, reverse=True)
            rows = [
                b"\x02\x02"
                + (
                    b"\x00"
                    if place
                    else b"\x09\x0c" + axdr.date_time(ts, axdr.Zone(), with_deviation=True)
                )
                + b"\x06"
                + self.rows[ts].to_bytes(4, "big")
                for place, ts in enumerate(times)
            ]
            return b"\x01" + bytes([len(rows)]) + b"".join(rows)

    reader = Turned(fake().attributes)
    reader.rows = {QUARTER - 900 * n: n for n in range(480)}
    reader.attributes[BLOCK_LOAD_PROFILE, 7, 5] = b"\x16\x02"  # last in, first out
    reader.attributes[BLOCK_LOAD_PROFILE, 7, 7] = b"\x06" + (480).to_bytes(4, "big")
    found = visit(reader, monkeypatch)
    assert [row for block in found.rows for row in block.rows] == [
        (QUARTER - 900 * n, None, n) for n in reversed(range(480))
    ]
    del reader.attributes[BLOCK_LOAD_PROFILE, 7, 7]
    assert len(stamps(visit(reader, monkeypatch, windows=50), BLOCK_LOAD_PROFILE)) == 480
