# SPDX-License-Identifier: GPL-2.0-only
"""Answers that hold more than is read at once: asked for in parts, or told with what to do."""

from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.decode import runs
from edge_agent.dlms import axdr, pieces
from edge_agent.install import advice
from edge_agent.meters.model import Model, load
from edge_agent.poll.finding import FindingKind
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult
from edge_agent.poll.unreadable import MAX_TOO_LONG
from shared_schema.catalogue import BLOCK_LOAD_PROFILE
from shared_schema.obis import Obis
from tests.unit.edge_agent.fakes import (
    BY_PLACE,
    HOUR_S,
    QUARTER,
    SIMPLE,
    Fake,
    config,
    fake,
    kinds_of,
    read,
    stamps,
    truth,
    visit,
)
from tests.unit.edge_agent.wire import NOW, Wire, meter, password_file


def model_of(profile: Obis, **keys: object) -> Model:
    kind = load("is16444")
    wanted = next(each for each in kind.profiles if each.obis == profile)
    return kind.model_copy(update={"profiles": (wanted.model_copy(update=keys),), "registers": ()})


def first_contact(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: Model
) -> tuple[Wire, PollResult]:
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: kind)
    wire = Wire(meters=[meter(1, 17, installed_at=NOW - timedelta(hours=30))])
    return wire, read(wire, config(password_file(tmp_path)), memory=Memory())


def test_a_range_of_too_many_rows_is_asked_for_in_parts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runs, "MAX_ROWS", 50)
    wire, found = first_contact(monkeypatch, tmp_path, model_of(BLOCK_LOAD_PROFILE))
    assert not found.findings
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)


@pytest.mark.parametrize("most", [8, 12])
def test_rows_by_their_place_are_asked_for_in_parts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, most: int
) -> None:
    monkeypatch.setattr(runs, "MAX_ROWS", most)
    kind = model_of(BLOCK_LOAD_PROFILE, every="hour", access="entry")
    wire, found = first_contact(monkeypatch, tmp_path, kind)
    assert not found.findings
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)


TIMES = [QUARTER - 900 * back for back in range(40, 0, -1)]


class Damaged(Fake):
    """A meter with a row that is no A-XDR."""

    def buffer(self, times: list[int]) -> bytes:
        return super().buffer(times) + (b"\x63" if TIMES[9] in times else b"")


class Deaf(Fake):
    """A meter that answers each part with all of its rows."""

    parts = 0

    def get_entries(self, *_part: object) -> bytes:
        self.parts += 1
        return self.buffer(sorted(self.rows))

    def get_range(self, *_part: object) -> bytes:
        return self.get_entries()


class Oldest(Fake):
    """A meter that gives ten rows of a range, the oldest ones, and says nothing of the others."""

    def buffer(self, times: list[int]) -> bytes:
        return super().buffer(times[:10])


class Newest(Fake):
    """The same with the newest ones."""

    def buffer(self, times: list[int]) -> bytes:
        return super().buffer(times[-10:])


class After(Fake):
    """A meter to which the beginning of a range is no part of it."""

    def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
        assert profile == BLOCK_LOAD_PROFILE
        first, last = (axdr.epoch_s(each, axdr.Zone()) for each in (start, end))
        assert first is not None
        assert last is not None
        return self.buffer([ts for ts in sorted(self.rows) if first < ts <= last])


def filled(kind: type[Fake]) -> Fake:
    attributes = fake().attributes
    attributes[BLOCK_LOAD_PROFILE, 7, 7] = b"\x06" + len(TIMES).to_bytes(4, "big")
    return kind(attributes, dict.fromkeys(TIMES, 1))


def test_a_row_by_its_place_that_is_damaged_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = visit(filled(Damaged), monkeypatch, kind=BY_PLACE)
    assert stamps(found, BLOCK_LOAD_PROFILE) == [ts for ts in TIMES if ts != TIMES[9]]
    (said,) = found.findings
    assert said.kind is FindingKind.ROWS_UNREADABLE
    assert "from entry 10 to entry 10 cannot be read" in str(said)


@pytest.mark.parametrize("kind", [SIMPLE, BY_PLACE])
def test_a_meter_that_ignores_the_selection_is_given_up(
    monkeypatch: pytest.MonkeyPatch, kind: Model
) -> None:
    monkeypatch.setattr(runs, "MAX_ROWS", 30)
    reader = filled(Deaf)
    assert isinstance(reader, Deaf)
    marks = {BLOCK_LOAD_PROFILE: QUARTER - 36000}
    found = visit(reader, monkeypatch, marks, kind=kind)
    assert FindingKind.TOO_LONG in kinds_of(found)
    assert BLOCK_LOAD_PROFILE in found.unread
    assert reader.parts <= MAX_TOO_LONG + 2


@pytest.mark.parametrize("cut", [Oldest, Newest])
@pytest.mark.parametrize("kind", [SIMPLE, BY_PLACE])
def test_an_answer_that_is_cut_short_loses_no_row(
    monkeypatch: pytest.MonkeyPatch, cut: type[Fake], kind: Model
) -> None:
    found = visit(filled(cut), monkeypatch, kind=kind)
    assert not found.findings
    assert stamps(found, BLOCK_LOAD_PROFILE) == TIMES


def test_a_meter_that_leaves_out_the_beginning_loses_no_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = filled(After)
    reader.rows = dict.fromkeys(range(QUARTER - 3 * 86400, QUARTER, 900), 1)
    found = visit(reader, monkeypatch, {BLOCK_LOAD_PROFILE: QUARTER - 3 * 86400 + 3600})
    assert not found.findings
    assert stamps(found, BLOCK_LOAD_PROFILE) == sorted(reader.rows)


def test_an_outage_costs_one_request_more_at_each_end(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fake()
    begun = QUARTER - 20 * HOUR_S
    reader.rows = dict.fromkeys(range(begun, begun + 5 * HOUR_S, 900), 1)
    asked: list[int] = []
    whole = reader.buffer

    def buffer(times: list[int]) -> bytes:
        asked.append(len(times))
        return whole(times)

    monkeypatch.setattr(reader, "buffer", buffer)
    found = visit(reader, monkeypatch, {BLOCK_LOAD_PROFILE: begun - 2 * HOUR_S})
    assert len(stamps(found, BLOCK_LOAD_PROFILE)) == 20
    assert asked == [0, 20, 1, 0]  # of just now, the window, what is after its rows, before them


def test_a_profile_that_is_read_whole_tells_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runs, "MAX_ROWS", 20)
    kind = model_of(BLOCK_LOAD_PROFILE, every="hour", whole=True)
    _, found = first_contact(monkeypatch, tmp_path, kind)
    assert stamps(found, BLOCK_LOAD_PROFILE) == []
    (said,) = found.findings
    assert said.kind is FindingKind.TOO_LONG
    assert "is read whole and cannot be asked for in parts" in str(said)
    assert "no whole" in advice.for_finding(said)


def test_a_reply_without_end_is_given_up_beyond_a_buffer() -> None:
    assert runs.MAX_BYTES < pieces.MAX_BYTES < 1.1 * runs.MAX_BYTES
