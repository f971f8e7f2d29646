# SPDX-License-Identifier: GPL-2.0-only
"""The poll: identity and values together, nothing lost, nothing read past, nothing invented."""

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.dlms.exchange import Traffic
from edge_agent.errors import (
    AccessDenied,
    AddressShared,
    BusTimeout,
    ConfigurationError,
    PasswordRefused,
    WrongIdentity,
)
from edge_agent.install.read_once import read_meter
from edge_agent.meters import model
from edge_agent.meters.model import Model, ProfileToRead, load
from edge_agent.poll import sessions
from edge_agent.poll.finding import FindingKind
from edge_agent.poll.memory import ListKind, Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import Wanted
from edge_agent.settings import MeterConfig
from edge_agent.virtual.cosem import AccessResult
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    CLOCK,
    DAILY_LOAD_PROFILE,
    INSTANTANEOUS_PROFILE,
    MANUFACTURER,
    SERIAL_NUMBER,
)
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from tests.unit.edge_agent.fakes import (
    ACTIVE_EXPORT_INTERVAL,
    HOUR_S,
    NOW_S,
    QUARTER,
    SIMPLE,
    Fake,
    fake,
    frozen,
    kinds_of,
    of_column,
    stamps,
    visit,
)
from tests.unit.edge_agent.wire import NOW, Wire, meter


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("12345678")
    file.chmod(0o600)
    return file


def config(password: Path, address: int = 17, **more: object) -> MeterConfig:
    fields = {"label": "A-1", "address": address, "model": "is16444", "password_file": password}
    return MeterConfig.model_validate({**fields, **more})


def read(
    wire: Wire,
    meter_config: MeterConfig,
    watermarks: dict[Obis, int] | None = None,
    memory: Memory | None = None,
    *,
    now: datetime | None = None,
    windows: int = 100,
    **more: object,
) -> PollResult:
    return poll(
        sessions.sessions(wire),
        meter_config,
        lambda _meter: watermarks or {},
        now or wire.now,
        memory=memory,
        windows=windows,
        monotonic=frozen,
        **more,  # type: ignore[arg-type]
    )


def truth(wire: Wire, serial: str, profile: Obis) -> list[int]:
    buffered = wire.estate.meter(serial).buffered(profile, wire.now)
    return [int(row.ts.timestamp()) for row in buffered]


# --- first contact, live, windows


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


def test_a_long_row_has_its_own_request(password: Path) -> None:
    wire = Wire(meters=[meter(1, 17, max_info=128)])
    memory = Memory()
    first = read(wire, config(password), memory=memory)
    marks = dict(first.watermarks)
    asked: list[int] = []
    for quarter in (1, 2, 3):
        wire.now = NOW + timedelta(minutes=15 * quarter)
        found = read(wire, config(password), marks, memory, known=first.meter)
        assert stamps(found, BLOCK_LOAD_PROFILE) == [QUARTER + 900 * quarter]
        marks.update(found.watermarks)
        asked.append(found.exchanges)
    assert asked[0] > asked[1] == asked[2]
    assert ("A-1", ListKind.AHEAD) in memory.no_lists


def test_rows_that_came_ahead_from_another_meter_are_not_taken(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    marks = dict(read(wire, config(password), memory=memory).watermarks)
    other = Wire(meters=[meter(2, 17)])
    other.now = NOW + timedelta(minutes=15)
    found = poll(
        sessions.sessions(other),
        config(password),
        lambda meter: marks if meter.serial == "E1" else {BLOCK_LOAD_PROFILE: QUARTER - 900},
        other.now,
        memory=memory,
        known=MeterId(manufacturer="GSE", serial="E1"),
        monotonic=frozen,
    )
    assert found.meter.serial == "E2"
    assert stamps(found, BLOCK_LOAD_PROFILE) == [QUARTER + 900 * n for n in range(-8, 2)]


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


# --- clocks


@pytest.mark.parametrize("offset_s", [-299, 299])
def test_neither_a_row_nor_the_watermark_passes_the_clocks(password: Path, offset_s: int) -> None:
    wire = Wire(meters=[meter(1, 17, clock_offset_s=offset_s)])
    wire.now = datetime.fromtimestamp(QUARTER, UTC) + timedelta(seconds=10)
    limit = QUARTER + 10 + min(0, offset_s)
    found = read(wire, config(password))
    assert max(stamps(found, BLOCK_LOAD_PROFILE)) <= limit
    assert found.watermarks[BLOCK_LOAD_PROFILE] <= limit
    assert found.clock_offset_s == offset_s
    assert found.findings == ()


@pytest.mark.parametrize("offset_s", [-5 * HOUR_S, -301, 301, 3 * HOUR_S, 365 * 24 * HOUR_S])
def test_rows_under_a_clock_that_is_off_are_not_kept(password: Path, offset_s: int) -> None:
    marks = {BLOCK_LOAD_PROFILE: QUARTER - 7200}
    for before in ({}, marks):
        found = read(Wire(meters=[meter(1, 17, clock_offset_s=offset_s)]), config(password), before)
        assert [block.profile for block in found.rows] == [None]
        assert found.watermarks == {}
        assert any(f"{offset_s} s off" in str(each) for each in found.findings)


def test_the_clock_is_compared_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fake()
    registers = tuple(Obis.parse(f"1.0.{c}.8.0.255") for c in range(1, 11))
    for obis in registers:
        reader.attributes[obis, 3, 2] = b"\x06" + (7).to_bytes(4, "big")
        reader.attributes[obis, 3, 3] = bytes.fromhex("02020F00161E")
    kind = SIMPLE.model_copy(update={"registers": registers})
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: kind)
    found = poll(
        lambda _meter, _model, _traffic: nullcontext(reader),
        MeterConfig(label="A-1", address=1),
        lambda _meter: {},
        NOW,
        monotonic=lambda: 40.0 * len(reader.asked),  # each request takes so long
    )
    assert found.clock_offset_s == -100  # after the serial number and the maker, half the third
    assert len(found.rows[0].columns) == 10


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


@pytest.mark.parametrize("deviation", ["standard", "reversed", "unspecified"])
def test_without_a_clock_the_newest_row_tells_whether_times_are_right(
    password: Path, deviation: str
) -> None:
    wire = Wire(meters=[meter(1, 17, deviation=deviation)])
    wire.estate.meter("E1").faults[CLOCK] = AccessResult.READ_WRITE_DENIED
    found = read(wire, config(password))
    if deviation == "reversed":
        assert [block.profile for block in found.rows] == [None]
        assert found.watermarks == {}
        assert FindingKind.NEWEST_ROW_IS_OLD in kinds_of(found)
    else:
        assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)


def test_without_a_clock_old_rows_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fake()
    del reader.attributes[CLOCK, 8, 2]
    reader.rows = {QUARTER - 5 * HOUR_S - 900 * n: n for n in range(8)}
    found = visit(reader, monkeypatch, {BLOCK_LOAD_PROFILE: QUARTER - 20 * HOUR_S})
    assert (found.rows, found.watermarks) == ((), {})
    assert FindingKind.NEWEST_ROW_IS_OLD in kinds_of(found)


def test_a_gateway_without_time_stamps_nothing_and_moves_nothing(password: Path) -> None:
    wire = Wire()
    found = read(wire, config(password), now=datetime(2020, 1, 1, tzinfo=UTC), synchronised=False)
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)
    assert all(block.profile is not None for block in found.rows)
    assert found.watermarks == {}
    assert found.clock_offset_s is None
    assert FindingKind.REGISTERS_UNSTAMPED in kinds_of(found)
    assert read(wire, config(password), synchronised=False, windows=2).caught_up


def test_a_wrong_sign_of_the_deviation_stops_the_profiles(password: Path) -> None:
    wire = Wire(meters=[meter(1, 17, deviation="reversed")])
    found = read(wire, config(password))
    assert [block.profile for block in found.rows] == [None]
    assert FindingKind.WRONG_DEVIATION_SIGN in kinds_of(found)


@pytest.mark.parametrize(("deviation", "sign"), [("reversed", -1), ("unspecified", 1)])
def test_the_deviation_as_the_model_says(
    password: Path, monkeypatch: pytest.MonkeyPatch, deviation: str, sign: int
) -> None:
    changed = model.load("is16444").model_copy(update={"deviation_sign": sign})
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: changed)
    wire = Wire(meters=[meter(1, 17, deviation=deviation)])
    found = read(wire, config(password))
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)


def test_the_deviation_of_one_meter_goes_before_its_models(password: Path) -> None:
    wire = Wire(meters=[meter(1, 17, deviation="reversed")])
    found = read(wire, config(password, deviation_sign=-1))
    assert found.findings == ()
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)
    shown = read_meter(wire, config(password, deviation_sign=-1), [CLOCK]).clock
    assert shown is not None
    assert abs((shown - wire.now).total_seconds()) < 2


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


# --- what goes wrong


def test_a_register_in_fault_is_left_out_alone(password: Path) -> None:
    wire = Wire()
    wire.estate.meter("E1").faults[ACTIVE_IMPORT] = AccessResult.HARDWARE_FAULT
    found = read(wire, config(password))
    registers = next(block for block in found.rows if block.profile is None)
    assert [str(column.obis) for column in registers.columns] == [
        "1.0.2.8.0.255",
        "1.0.9.8.0.255",
        "1.0.10.8.0.255",
    ]
    assert any("hardware-fault" in str(each) for each in found.findings)
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)


def test_an_absent_object_is_reported_once_a_day(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    generic = config(password, model="generic")
    first = read(wire, generic, memory=memory)
    assert sum("object-undefined" in str(each) for each in first.findings) == 2
    wire.sent.clear()
    again = read(wire, generic, first.watermarks, memory=memory, known=first.meter)
    assert again.findings == ()
    assert [len(block.columns) for block in again.rows] == [1]
    assert not any(bytes((8, 0, 1, 0, 0, 255)) in request for request in wire.sent)


def test_a_silence_in_the_middle_is_healed_by_a_new_session(password: Path) -> None:
    wire = Wire()
    count = 0

    def lose_some(data: bytes) -> bytes:
        nonlocal count
        count += 1
        return b"" if 20 <= count < 24 else data

    wire.answers = lose_some
    found = read(wire, config(password))
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)
    assert found.caught_up


def test_a_line_that_dies_keeps_what_was_read_before(password: Path) -> None:
    wire = Wire()
    count = 0

    def die(data: bytes) -> bytes:
        nonlocal count
        count += 1
        return b"" if count >= 60 else data

    wire.answers = die
    found = read(wire, config(password))
    expected = truth(wire, "E1", BLOCK_LOAD_PROFILE)
    seen = stamps(found, BLOCK_LOAD_PROFILE)
    assert seen == expected[: len(seen)]
    assert len(seen) > 96
    assert expected[len(seen) - 1] <= found.watermarks[BLOCK_LOAD_PROFILE] < expected[len(seen)]
    assert not found.caught_up
    assert any("does not answer" in str(each) for each in found.findings)


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


def test_another_meter_at_the_address_is_read_from_its_own_watermark(password: Path) -> None:
    wire = Wire()
    before = MeterId(manufacturer="GSE", serial="E0")
    marks = {before: {BLOCK_LOAD_PROFILE: QUARTER}}
    found = poll(
        sessions.sessions(wire),
        config(password),
        lambda answering: marks.get(answering, {}),
        NOW,
        known=before,
        windows=100,
        monotonic=frozen,
    )
    assert stamps(found, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)
    assert any("GSE E0" in str(each) for each in found.findings)


def test_a_meter_that_offers_lists_and_does_not_answer_them(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    wire.answers = lambda data: b"" if b"\xe6\xe6\x00\xc0\x03" in wire.sent[-1] else data
    first = read(wire, config(password), memory=memory)
    assert stamps(first, BLOCK_LOAD_PROFILE) == truth(wire, "E1", BLOCK_LOAD_PROFILE)
    assert memory.no_lists == set()  # one silence may be the line's
    read(wire, config(password), first.watermarks, memory)
    assert memory.no_lists == {("A-1", ListKind.PLAIN)}
    before = len(wire.sent)
    again = read(wire, config(password), first.watermarks, memory)
    # One by one, nothing repeated; the serial number is read twice.
    assert len(wire.sent) - before == again.exchanges == 11
    assert [len(block.columns) for block in again.rows] == [4]


def test_one_lost_list_does_not_cost_the_lists(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    marks = read(wire, config(password), memory=memory).watermarks
    for _ in range(3):
        wire.answers = lambda data: b"" if b"\xe6\xe6\x00\xc0\x03" in wire.sent[-1] else data
        assert read(wire, config(password), marks, memory).exchanges > 10
        wire.answers = lambda data: data
        assert read(wire, config(password), marks, memory).exchanges == 4


def test_a_meter_that_refuses_ranges_in_lists_is_asked_plainly(password: Path) -> None:
    wire = Wire()
    memory = Memory()
    factory = sessions.sessions(wire)

    @contextmanager
    def refusing(
        its_config: MeterConfig, its_model: Model, traffic: Traffic
    ) -> Iterator[sessions.Reader]:
        with factory(its_config, its_model, traffic) as session:
            whole = session.get_list

            def get_list(wanted: list[Wanted], selector: bytes = b"") -> list[sessions.Answer]:
                found = whole(wanted, selector)
                denied = AccessDenied("scope of access violated", result=13)
                return [*found[:-1], denied] if selector else found

            session.get_list = get_list  # type: ignore[method-assign]
            yield session

    marks = {BLOCK_LOAD_PROFILE: QUARTER - 900, DAILY_LOAD_PROFILE: NOW_S}
    read(wire, config(password), marks, memory)
    for asked in (7, 6):  # the list, the plain range and the serial number; then no such list
        found = poll(
            refusing,
            config(password),
            lambda _meter: marks,
            NOW,
            memory=memory,
            monotonic=frozen,
        )
        assert QUARTER in stamps(found, BLOCK_LOAD_PROFILE)
        assert found.exchanges == asked


def test_lists_and_single_requests_give_the_same(
    password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_list = read(Wire(), config(password))
    changed = model.load("is16444").model_copy(update={"lists": False})
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: changed)
    assert read(Wire(), config(password)).rows == by_list.rows


# --- meters that a test writes itself


def test_a_second_session_with_another_meter_ends_the_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Silent(Fake):
        def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
            raise BusTimeout(f"{profile} {start.hex()} {end.hex()}")

    first = Silent(fake().attributes, {QUARTER: 1})
    other = fake(serial="F2")
    other.rows = {QUARTER - 900: 9}
    two = (ProfileToRead(obis=BLOCK_LOAD_PROFILE), ProfileToRead(obis=BLOCK_LOAD_PROFILE))
    kind = SIMPLE.model_copy(update={"profiles": two})
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: kind)
    readers = iter([first, other])
    memory = Memory()
    with pytest.raises(AddressShared, match="F2 answers where F1 was"):
        poll(
            lambda _meter, _model, _traffic: nullcontext(next(readers)),
            MeterConfig(label="A-1", address=1),
            lambda _meter: {},
            NOW,
            memory=memory,
            monotonic=frozen,
        )
    assert {wanted[0] for wanted in other.asked} == {SERIAL_NUMBER}
    assert all(not known.layouts for known in memory.meters.values())


def test_a_second_session_is_checked_before_the_first_register(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Silent(Fake):
        def get(self, obis: Obis, class_id: int, attribute: int) -> bytes:
            if obis == ACTIVE_IMPORT:
                raise BusTimeout("nothing")
            return super().get(obis, class_id, attribute)

    other = fake(serial="F2")
    other.attributes[ACTIVE_IMPORT, 3, 2] = b"\x06" + (4711).to_bytes(4, "big")
    kind = Model(title="a register", client=16, lists=False, registers=(ACTIVE_IMPORT,))
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: kind)
    readers = iter([Silent(fake().attributes), other])
    with pytest.raises(AddressShared):
        poll(
            lambda _meter, _model, _traffic: nullcontext(next(readers)),
            MeterConfig(label="A-1", address=1),
            lambda _meter: {},
            NOW,
            monotonic=frozen,
        )


def test_a_password_refused_to_the_second_session_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Fake] = []

    class Silent(Fake):
        def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
            raise BusTimeout(f"{profile} {start.hex()} {end.hex()}")

    def factory(
        _meter: MeterConfig, _model: Model, _traffic: Traffic
    ) -> AbstractContextManager[sessions.Reader]:
        if opened:
            raise PasswordRefused("changed meanwhile")
        opened.append(Silent(fake().attributes, {QUARTER: 1}))
        return nullcontext(opened[0])

    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: SIMPLE)
    with pytest.raises(PasswordRefused):
        poll(
            factory,
            MeterConfig(label="A-1", address=1),
            lambda _meter: {},
            NOW,
            monotonic=frozen,
        )


@pytest.mark.parametrize("lists", [True, False])
def test_two_meters_at_one_address_never_mix(
    password: Path,
    monkeypatch: pytest.MonkeyPatch,
    lists: bool,
) -> None:
    changed = model.load("is16444").model_copy(update={"lists": lists})
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: changed)
    chance = random.Random(3)
    wires = {number: Wire(meters=[meter(number, 17)]) for number in (1, 2)}
    truths = {
        f"E{number}": {
            profile: {
                int(row.ts.timestamp()): row.values
                for row in wire.estate.meter(f"E{number}").buffered(profile, NOW)
            }
            for profile in (BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE)
        }
        for number, wire in wires.items()
    }

    class Either(Wire):
        def send(self, data: bytes) -> None:
            self.sent.append(data)
            for each in wires.values():
                each.send(data)
            heard = [each.receive(0) for each in wires.values()]
            self._waiting += chance.choice(heard)

    wire = Either()
    memory = Memory()
    marks = {BLOCK_LOAD_PROFILE: QUARTER - 900, DAILY_LOAD_PROFILE: NOW_S}
    kept = shared = 0
    for _ in range(100):
        try:
            found = read(wire, config(password), marks, memory)
        except AddressShared:
            shared += 1
            continue
        kept += 1
        serial = found.meter.serial
        for block in found.rows:
            for row in block.rows:
                if block.profile is None:
                    true = [
                        wires[int(serial[1:])].estate.meter(serial).register_at(each.obis, NOW)
                        for each in block.columns
                    ]
                    assert list(row[2:]) == true
                else:
                    assert set(row[2:]) <= set(truths[serial][block.profile][row[0] or 0])
    assert shared > 90
    assert kept < 10


def test_a_silence_at_a_registers_scaler_costs_the_register_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Silent(Fake):
        def get(self, obis: Obis, class_id: int, attribute: int) -> bytes:
            if (obis, attribute) == (ACTIVE_EXPORT_INTERVAL, 3):
                raise BusTimeout("nothing")
            return super().get(obis, class_id, attribute)

    reader = Silent(fake().attributes)
    reader.rows = {QUARTER: 1}
    reader.attributes[ACTIVE_IMPORT, 3, 2] = b"\x06" + (4711).to_bytes(4, "big")
    reader.attributes[ACTIVE_EXPORT_INTERVAL, 3, 2] = b"\x06" + (1).to_bytes(4, "big")
    kind = SIMPLE.model_copy(update={"registers": (ACTIVE_EXPORT_INTERVAL, ACTIVE_IMPORT)})
    found = visit(reader, monkeypatch, kind=kind)
    assert of_column(found, ACTIVE_IMPORT) == [4711]
    assert stamps(found, BLOCK_LOAD_PROFILE) == [QUARTER]
    assert any("nothing" in str(each) for each in found.findings)


@pytest.mark.parametrize("maker", ["", "\x7f", "x" * 65])
def test_a_meter_that_does_not_say_who_it_is(monkeypatch: pytest.MonkeyPatch, maker: str) -> None:
    with pytest.raises(WrongIdentity):
        visit(fake(maker=maker), monkeypatch)


def test_the_model_names_the_maker_of_meters_that_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fake()
    del reader.attributes[MANUFACTURER, 1, 2]
    with pytest.raises(WrongIdentity):
        visit(reader, monkeypatch)
    kind = SIMPLE.model_copy(update={"manufacturer": "MeterFacts"})
    assert visit(reader, monkeypatch, kind=kind).meter.manufacturer == "MeterFacts"


def test_a_meter_without_a_profile_gives_its_register(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fake()
    reader.attributes[ACTIVE_IMPORT, 3, 2] = b"\x06" + (4711).to_bytes(4, "big")
    kind = Model(title="a register", client=16, lists=False, registers=(ACTIVE_IMPORT,))
    found = visit(reader, monkeypatch, kind=kind)
    (block,) = found.rows
    assert (block.profile, block.period_s, block.rows) == (None, 0, ((NOW_S, None, 4711),))
    assert found.caught_up
