# SPDX-License-Identifier: GPL-2.0-only
"""Rows by their place: of virtual meters that refuse to select rows by a range of time."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.decode import layout
from edge_agent.decode.layout import Layout
from edge_agent.dlms import axdr
from edge_agent.errors import ProtocolViolation
from edge_agent.meters.model import Model, ProfileToRead, load
from edge_agent.poll.by_entry import AT_ONCE, MAX_ENTRIES, rows_since
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import MeterConfig
from edge_agent.virtual import axdr as meter_axdr
from shared_schema.catalogue import (
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    CLOCK,
    DAILY_LOAD_PROFILE,
    EVENT_PROFILES,
)
from shared_schema.obis import Obis
from shared_schema.readings import Column
from tests.unit.edge_agent.wire import NOW, Wire, meter, password_file

SPARSE = (DAILY_LOAD_PROFILE, BILLING_PROFILE, *EVENT_PROFILES)
REFUSING = meter(
    1,
    17,
    ranges=False,
    installed_at="2025-09-03T10:00:00+05:30",
    cover_opened_at=datetime(2026, 3, 9, 20, 11, 5, tzinfo=UTC),
)


def by_place(name: str) -> Model:
    """Return a model whose rarer profiles are read by place, without its block load."""
    kind = load(name)
    return kind.model_copy(
        update={
            "profiles": tuple(
                each.model_copy(update={"access": "entry"})
                for each in kind.profiles
                if each.obis in SPARSE
            )
        }
    )


class Visits:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: Model) -> None:
        self.wire = Wire(meters=[REFUSING])
        self.memory = Memory()
        self.marks: dict[Obis, int] = {}
        monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: kind)
        self.password = password_file(tmp_path)

    def read(self) -> PollResult:
        found = poll(
            sessions(self.wire),
            MeterConfig(label="A-1", address=17, model="is16444", password_file=self.password),
            lambda _meter: self.marks,
            self.wire.now,
            memory=self.memory,
            windows=60,
            monotonic=lambda: 0.0,
        )
        self.marks.update(found.watermarks)
        return found


def rows(found: PollResult, profile: Obis) -> list[tuple[int | None, ...]]:
    return [row for block in found.rows if block.profile == profile for row in block.rows]


def test_a_meter_that_refuses_ranges_is_read_by_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    visits = Visits(monkeypatch, tmp_path, by_place("is16444"))
    found = visits.read()
    assert found.findings == ()
    virtual = visits.wire.estate.meter("E1")
    for profile in SPARSE:
        truth = virtual.buffered(profile, NOW)
        assert [row[0] for row in rows(found, profile)] == sorted(
            int(row.ts.timestamp()) for row in truth
        )
    assert len(rows(found, DAILY_LOAD_PROFILE)) > 2 * AT_ONCE
    energy = [row.values[0] for row in virtual.buffered(DAILY_LOAD_PROFILE, NOW)]
    assert [row[2] for row in rows(found, DAILY_LOAD_PROFILE)] == energy
    assert visits.read().rows[-1].profile is None


def test_only_what_is_new_is_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    visits = Visits(monkeypatch, tmp_path, by_place("is16444"))
    visits.wire.now = datetime(2026, 3, 31, 18, 0, 20, tzinfo=UTC)
    visits.read()
    seen: list[tuple[int | None, ...]] = []
    for _ in range(8):
        visits.wire.now += timedelta(minutes=15)
        found = visits.read()
        assert found.findings == ()
        seen += rows(found, BILLING_PROFILE)
    truth = visits.wire.estate.meter("E1").buffered(BILLING_PROFILE, visits.wire.now)[-1]
    assert [row[0] for row in seen] == [int(truth.ts.timestamp())]


def test_without_it_the_meter_refuses_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = Visits(monkeypatch, tmp_path, load("is16444")).read()
    for profile in (BLOCK_LOAD_PROFILE, BILLING_PROFILE):
        assert rows(found, profile) == []
        assert any(
            str(profile) in str(each) and "scope-of-access-violated" in str(each)
            for each in found.findings
        )


@pytest.mark.parametrize(
    "wanted",
    [
        {"every": "period", "access": "entry"},
        {"every": "hour", "access": "entry", "whole": True},
    ],
)
def test_a_profile_of_many_rows_is_not_read_by_place(wanted: Mapping[str, object]) -> None:
    with pytest.raises(ValueError, match='access = "entry" is for profiles of few rows'):
        ProfileToRead.model_validate({"obis": BLOCK_LOAD_PROFILE, **wanted})


class Buffer:
    """A link to a meter that has only one profile, of rows a minute apart."""

    def __init__(self, count: int, *, newest_first: bool) -> None:
        minutes = range(count)
        self.at = [NOW.replace(second=0) + timedelta(minutes=each) for each in minutes]
        self.asked: list[tuple[int, int]] = []
        self._sent = self.at[::-1] if newest_first else self.at

    def get(self, obis: Obis, class_id: int, attribute: int) -> bytes:
        assert (obis, class_id, attribute) == (BILLING_PROFILE, 7, 7)
        return meter_axdr.double_long_unsigned(len(self.at))

    def get_entries(self, profile: Obis, first: int, last: int) -> bytes:
        assert profile == BILLING_PROFILE
        assert 1 <= first <= last <= len(self.at)
        self.asked.append((first, last))
        return meter_axdr.array(
            meter_axdr.structure(
                meter_axdr.octet_string(
                    axdr.date_time(int(at.timestamp()), axdr.Zone(), with_deviation=True)
                ),
                meter_axdr.double_long_unsigned(at.minute),
            )
            for at in self._sent[first - 1 : last]
        )

    def read(self, ask: object) -> bytes:
        return ask(self)  # type: ignore[operator,no-any-return]


PLAN = Layout(
    BILLING_PROFILE,
    0,
    (
        layout.CaptureObject(8, CLOCK, 2, 0),
        layout.CaptureObject(3, Obis(1, 0, 1, 8, 0, 255), 2, 0),
    ),
    0,
    None,
    (Column(obis=Obis(1, 0, 1, 8, 0, 255), scaler=0, unit=30),),
    (1,),
)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("count", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE + 5])
@pytest.mark.parametrize("since", [None, 0, 3, 20, 100])
def test_rows_since_a_time_in_either_order(
    count: int, since: int | None, newest_first: bool
) -> None:
    buffer = Buffer(count, newest_first=newest_first)
    start = None if since is None else int((NOW.replace(second=0)).timestamp()) + since * 60
    plan = replace(PLAN, descending=newest_first)
    found, left_out = rows_since(buffer, plan, start, axdr.Zone())  # type: ignore[arg-type]
    wanted = [int(at.timestamp()) for at in buffer.at]
    assert [row[0] for row in found.rows] == [ts for ts in wanted if start is None or ts >= start]
    assert found.bad_time == found.misfit == len(left_out) == 0
    new = len(found.rows)
    assert sum(last - first + 1 for first, last in buffer.asked) <= (new // AT_ONCE + 1) * AT_ONCE


def test_a_count_of_rows_that_cannot_be_asks_for_none() -> None:
    class Boasting(Buffer):
        def get(self, obis: Obis, class_id: int, attribute: int) -> bytes:
            super().get(obis, class_id, attribute)
            return meter_axdr.double_long_unsigned(MAX_ENTRIES + 1)

    buffer = Boasting(3, newest_first=False)
    with pytest.raises(ProtocolViolation, match="more than any meter keeps"):
        rows_since(buffer, PLAN, None, axdr.Zone())  # type: ignore[arg-type]
    assert not buffer.asked
