# SPDX-License-Identifier: GPL-2.0-only
"""What is read at once: who the meter is, its clock, its registers."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dlms import axdr
from edge_agent.errors import (
    BusTimeout,
    WrongIdentity,
)
from edge_agent.install.read_once import read_meter
from edge_agent.meters import model
from edge_agent.meters.model import Model
from edge_agent.poll.finding import FindingKind
from edge_agent.poll.memory import AGREES_S, Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.registers import ClockSeen
from edge_agent.settings.bus import MeterConfig
from edge_agent.virtual.cosem import AccessResult
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BLOCK_LOAD_PROFILE,
    CLOCK,
    MANUFACTURER,
)
from shared_schema.obis import Obis
from tests.unit.edge_agent.fakes import (
    ACTIVE_EXPORT_INTERVAL,
    HOUR_S,
    NOW_S,
    QUARTER,
    SIMPLE,
    Fake,
    config,
    fake,
    kinds_of,
    of_column,
    read,
    stamps,
    truth,
    visit,
)
from tests.unit.edge_agent.wire import NOW, Wire, meter

limits = st.integers(30, 1800)


def registers_at(found: PollResult) -> list[int | None]:
    """Return the times of the registers that were kept."""
    return [row[0] for block in found.rows if block.profile is None for row in block.rows]


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


@pytest.mark.parametrize("offset_s", [-299, -60, 0, 30, 90, 300])
@pytest.mark.parametrize("vouched", [False, True])
def test_registers_carry_the_sound_clock_of_their_meter(
    password: Path, offset_s: int, vouched: bool
) -> None:
    wire = Wire(meters=[meter(1, 17, clock_offset_s=offset_s)])
    found = read(wire, config(password), vouched=vouched)
    carried = offset_s if abs(offset_s) <= AGREES_S or not vouched else 0
    assert registers_at(found) == [int(wire.now.timestamp()) + carried]


@pytest.mark.parametrize("jump_s", [-86400, -301, 301, 86400])
def test_clocks_that_disagree_stamp_nothing_unless_one_is_vouched_for(
    password: Path, jump_s: int
) -> None:
    wire = Wire(meters=[meter(1, 17)])
    now = wire.now + timedelta(seconds=jump_s)  # the gateway's own is wrong
    found = read(wire, config(password), now=now, vouched=False)
    assert (found.rows, found.watermarks) == ((), {})
    assert FindingKind.CLOCKS_DISAGREE in kinds_of(found)
    assert registers_at(read(wire, config(password), now=now)) == [int(now.timestamp())]


@pytest.mark.parametrize("jump_s", [-86400, -90, 90, 86400])
def test_a_time_service_that_lies_stamps_no_meter_that_agreed(password: Path, jump_s: int) -> None:
    wire, memory = Wire(meters=[meter(1, 17)]), Memory()
    lie = timedelta(seconds=jump_s)
    told: list[list[int | None]] = []
    for number, off in enumerate((timedelta(0), lie, 2 * lie, timedelta(0))):
        memory.note_jumps(number)
        found = read(wire, config(password), memory=memory, now=wire.now + off)
        told.append([at - int(wire.now.timestamp()) for at in registers_at(found) if at])
        assert (FindingKind.CLOCKS_DISAGREE in kinds_of(found)) == (not told[-1])
        wire.now += timedelta(minutes=15)
    still = [0] if abs(jump_s) == 90 else []
    assert told == [[0], still, still, [0]]


def test_a_clock_that_was_slow_to_answer_stamps_nothing() -> None:
    seen = ClockSeen(2_050, offset_s=55.0, is_sound=True, unsure_s=10.0, ended=2_000.0)
    assert seen.stamp(2_000.0, vouched=True) == 2_050
    assert seen.stamp(2_003.5, vouched=True) == 2_053
    assert replace(seen, unsure_s=10.5).stamp(2_000.0, vouched=True) == 2_000


@dataclass
class Hesitant(Fake):
    """A meter that answers after a while, and whose answers take a while to come."""

    before_s: float = 0.0
    after_s: float = 0.0
    ahead_s: float = 0.0
    passed_s: float = 0.0
    shown: int = 0

    def get(self, obis: Obis, class_id: int, attribute: int) -> bytes:
        self.passed_s += self.before_s
        if obis == CLOCK:
            self.shown = int(NOW_S + self.passed_s + self.ahead_s)
            time = axdr.date_time(self.shown, axdr.Zone(), with_deviation=True)
            self.attributes[CLOCK, 8, 2] = b"\x09\x0c" + time
        found = super().get(obis, class_id, attribute)
        self.passed_s += self.after_s
        return found


def read_hesitant(reader: Hesitant, *, vouched: bool) -> PollResult:
    """Read one register of a meter that hesitates."""
    reader.attributes[ACTIVE_IMPORT, 3, 2] = b"\x06" + (4711).to_bytes(4, "big")
    kind = Model(title="a register", client=16, lists=False, registers=(ACTIVE_IMPORT,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge_agent.poll.poll.load", lambda *_name: kind)
        return poll(
            lambda _meter, _model, _traffic: nullcontext(reader),
            MeterConfig(label="A-1", address=1),
            lambda _meter: {},
            NOW,
            vouched=vouched,
            monotonic=lambda: reader.passed_s,
        )


@given(
    before_s=st.floats(0, 4.9),
    after_s=st.floats(0, 4.9),
    ahead_s=st.floats(-50, 50),
    vouched=st.booleans(),
)
def test_registers_stand_between_their_clock_and_their_answer(
    before_s: float, after_s: float, ahead_s: float, vouched: bool
) -> None:
    reader = Hesitant(fake().attributes, before_s=before_s, after_s=after_s, ahead_s=ahead_s)
    (at,) = registers_at(read_hesitant(reader, vouched=vouched))
    assert at is not None
    answered = NOW_S + 4 * (before_s + after_s) + ahead_s  # serial number, maker, clock, register
    assert reader.shown <= at <= answered


@pytest.mark.parametrize("vouched", [True, False])
@pytest.mark.parametrize(("before_s", "after_s"), [(0, 59), (59, 0), (0, 61), (61, 0), (31, 30)])
def test_registers_that_came_too_late_are_not_stamped(
    before_s: float, after_s: float, vouched: bool
) -> None:
    reader = Hesitant(fake().attributes, before_s=before_s, after_s=after_s)
    found = read_hesitant(reader, vouched=vouched)
    is_late = before_s + after_s > AGREES_S
    assert len(registers_at(found)) == (not is_late)
    assert (FindingKind.REGISTERS_LATE in kinds_of(found)) == is_late


def test_a_meter_without_a_clock_takes_the_time_that_the_gateway_assumes() -> None:
    assert ClockSeen().stamp(2_000.9, vouched=False) == 2_000


@given(
    at=st.floats(1e9, 2e9), offset_s=st.integers(-86400, 86400), vouched=st.booleans(), sound=limits
)
def test_no_stamp_is_further_from_the_meter_than_its_limit_unless_vouched_for(
    at: float, offset_s: int, vouched: bool, sound: int
) -> None:
    shown = int(at) + offset_s
    seen = ClockSeen(shown, offset_s, is_sound=abs(offset_s) <= sound, ended=at)
    stamp = seen.stamp(at, vouched=vouched)
    if stamp is None:
        assert not vouched
        assert abs(offset_s) > sound
    else:
        most = min(sound, AGREES_S) if vouched else sound
        assert stamp == (shown if abs(offset_s) <= most else int(at))


def test_registers_do_not_go_back_with_the_clock_of_their_meter(password: Path) -> None:
    memory, wire = Memory(), Wire(meters=[meter(1, 17, clock_offset_s=60)])
    first = registers_at(read(wire, config(password), memory=memory))
    later = Wire(meters=[meter(1, 17)])  # the same meter, whose clock was set
    later.now = wire.now + timedelta(seconds=30)
    found = read(later, config(password), memory=memory)
    assert registers_at(found) == []
    assert FindingKind.REGISTERS_EARLIER in kinds_of(found)
    later.now = wire.now + timedelta(seconds=60)
    assert registers_at(read(later, config(password), memory=memory)) == first


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
