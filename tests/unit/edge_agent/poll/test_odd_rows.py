# SPDX-License-Identifier: GPL-2.0-only
"""Rows as ordinary meters write them a little differently: through a poll to its rows."""

import struct
from dataclasses import dataclass, field

import pytest

from edge_agent.dlms import axdr
from edge_agent.errors import AccessDenied
from edge_agent.install import advice
from edge_agent.meters.model import Model, ProfileToRead
from edge_agent.poll.capture_layout import can_be_period
from edge_agent.poll.finding import FindingKind
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BLOCK_LOAD_PROFILE,
    DAILY_LOAD_PROFILE,
    SERIAL_NUMBER,
)
from shared_schema.obis import Obis
from shared_schema.readings import Column
from tests.support.buffers import NULL, u16
from tests.unit.edge_agent.fakes import QUARTER, SIMPLE, Fake, Wide, fake, kinds_of, text, visit

VOLTAGE = Obis.parse("1.0.12.27.0.255")
CURRENT = Obis.parse("1.0.11.27.0.255")
SCALER = bytes.fromhex("02020F00161E")


@dataclass
class Odd(Wide):
    """A fake whose rows a test writes as bytes, by their time; None as time is a null."""

    sent: list[tuple[int, bytes]] = field(default_factory=list)
    nulls: frozenset[int] = frozenset()

    def buffer(self, times: list[int]) -> bytes:
        self.rows = {ts: 0 for ts, _ in self.sent}
        rows = [
            b"\x02\x03" + (NULL if ts in self.nulls and number else moment(ts)) + values
            for number, (ts, values) in enumerate(each for each in self.sent if each[0] in times)
        ]
        return b"\x01" + bytes([len(rows)]) + b"".join(rows)


def moment(ts: int) -> bytes:
    return b"\x09\x0c" + axdr.date_time(ts, axdr.Zone(), with_deviation=True)


def odd(sent: dict[int, bytes], **more: object) -> Odd:
    found = Odd(fake().attributes, **more)  # type: ignore[arg-type]
    found.sent = sorted(sent.items())
    found.rows = dict.fromkeys(sent, 0)
    return found


def model(**more: object) -> Model:
    wanted = ProfileToRead.model_validate({"obis": BLOCK_LOAD_PROFILE, **more})
    return SIMPLE.model_copy(update={"profiles": (wanted,)})


def rows_of(reader: Odd, monkeypatch: pytest.MonkeyPatch, kind: Model = SIMPLE) -> list[object]:
    found = visit(reader, monkeypatch, {BLOCK_LOAD_PROFILE: QUARTER - 7200}, kind=kind)
    assert not found.findings
    return [row for block in found.rows for row in block.rows]


COMPRESSED = {QUARTER - 1800: u16(50) + u16(2304), QUARTER - 900: NULL + NULL}


def test_a_row_of_nulls_is_published_with_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = odd(COMPRESSED, nulls=frozenset({QUARTER - 900}))
    assert rows_of(reader, monkeypatch) == [
        (QUARTER - 1800, None, 50, 2304),
        (QUARTER - 900, None, 50, 2304),
    ]


def test_a_model_says_that_its_nulls_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = odd(COMPRESSED, nulls=frozenset({QUARTER - 900}))
    found = rows_of(reader, monkeypatch, model(nulls="missing"))
    assert found[1] == (QUARTER - 900, None, None, None)


def test_a_bcd_digit_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = odd({QUARTER - 900: b"\x0d\x42" + b"\x0d\xa1"})
    found = visit(reader, monkeypatch)
    assert [row for block in found.rows for row in block.rows] == [(QUARTER - 900, None, 42, None)]
    (said,) = found.findings
    assert said.kind is FindingKind.VALUES_REFUSED
    assert str(said).endswith("1.0.2.29.0.255 is 0d a1")


def test_a_billed_column_of_floats_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = odd({QUARTER - 900: b"\x17" + struct.pack(">f", 1.5) + u16(1)})
    found = visit(reader, monkeypatch)
    assert kinds_of(found) == {FindingKind.FLOATS_BILLED}
    assert found.rows[0].rows == ((QUARTER - 900, None, None, 1),)


def test_a_voltage_of_floats_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    def volts(number: float) -> bytes:
        return b"\x17" + struct.pack(">f", number) + u16(3)

    reader = odd({QUARTER - 900: volts(230.45)}, columns=(VOLTAGE, CURRENT))
    memory = Memory()
    found = visit(reader, monkeypatch, memory=memory)
    assert not found.findings
    (block,) = found.rows
    assert (block.columns[0].scaler, block.columns[1].scaler) == (-9, 0)
    assert block.rows == ((QUARTER - 900, None, 230_450_000_000, 3),)


@pytest.mark.parametrize(("scaler", "raw"), [(-119, 230_500_000_000), (-120, None)])
def test_floats_below_the_least_scaler_are_told(
    monkeypatch: pytest.MonkeyPatch, scaler: int, raw: int | None
) -> None:
    volts = b"\x17" + struct.pack(">f", 230.5) + u16(3)
    reader = odd({QUARTER - 900: volts}, columns=(VOLTAGE, CURRENT))
    reader.attributes[VOLTAGE, 3, 3] = (
        bytes.fromhex("02020F") + struct.pack("b", scaler) + b"\x16\x23"
    )
    found = visit(reader, monkeypatch)
    assert [row[2] for block in found.rows for row in block.rows] == [raw]
    assert all(each.scaler >= -128 for block in found.rows for each in block.columns)
    assert kinds_of(found) == (set() if raw is not None else {FindingKind.VALUES_REFUSED})


@pytest.mark.parametrize("period_s", [15, 7, 0, 1000, 7000, 32 * 86400])
def test_a_period_that_cannot_be_is_told(monkeypatch: pytest.MonkeyPatch, period_s: int) -> None:
    reader = odd(COMPRESSED, nulls=frozenset({QUARTER - 900}))
    reader.attributes[BLOCK_LOAD_PROFILE, 7, 4] = b"\x06" + period_s.to_bytes(4, "big")
    found = visit(reader, monkeypatch)
    assert FindingKind.PERIOD_IMPOSSIBLE in kinds_of(found)
    assert [row[0] for block in found.rows for row in block.rows] == [QUARTER - 1800]
    assert found.rows[0].period_s == 0


def test_a_negative_period_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = odd(COMPRESSED)
    reader.attributes[BLOCK_LOAD_PROFILE, 7, 4] = b"\x05\xff\xff\xff\xff"
    assert kinds_of(visit(reader, monkeypatch)) == {FindingKind.PERIOD_IMPOSSIBLE}


def test_a_period_that_the_model_states_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = odd(COMPRESSED, nulls=frozenset({QUARTER - 900}))
    reader.attributes[BLOCK_LOAD_PROFILE, 7, 4] = b"\x06\x00\x00\x00\x0f"
    assert len(rows_of(reader, monkeypatch, model(period_s=900))) == 2


@pytest.mark.parametrize("period_s", [60, 300, 900, 1800, 3600, 86400, 7 * 86400, 30 * 86400])
def test_periods_that_meters_have(period_s: int) -> None:
    assert can_be_period(period_s, ProfileToRead(obis=BLOCK_LOAD_PROFILE))


def test_a_daily_profile_needs_no_period() -> None:
    assert can_be_period(0, ProfileToRead(obis=DAILY_LOAD_PROFILE, every="day"))


def test_rows_by_their_place_repeat_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = odd(COMPRESSED, nulls=frozenset({QUARTER - 900}))
    reader.attributes[BLOCK_LOAD_PROFILE, 7, 7] = b"\x06\x00\x00\x00\x02"
    found = rows_of(reader, monkeypatch, model(access="entry", every="hour"))
    assert found[1] == (QUARTER - 900, None, 50, 2304)


REGISTERS = SIMPLE.model_copy(update={"registers": (ACTIVE_IMPORT,)})


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"\x0d\x4a", FindingKind.OBJECT_REFUSED),
        (b"\x06\x00\x00\x00\x01\xaa", FindingKind.OBJECT_REFUSED),
        (b"\x17" + struct.pack(">f", 1.5), FindingKind.REGISTER_OF_FLOATS),
        (b"\x1f\x05", FindingKind.OBJECT_REFUSED),
        (b"\x15" + b"\xff" * 8, FindingKind.OBJECT_REFUSED),
        (NULL, FindingKind.NO_VALUE),
        (AccessDenied("as another class", result=9), FindingKind.DENIED),
    ],
)
def test_a_register_that_is_refused_costs_itself_alone(
    monkeypatch: pytest.MonkeyPatch, sent: bytes | AccessDenied, kind: FindingKind
) -> None:
    reader = odd(COMPRESSED)
    reader.attributes[ACTIVE_IMPORT, 3, 2] = sent
    found = visit(reader, monkeypatch, kind=REGISTERS)
    (said,) = found.findings
    assert said.kind is kind
    assert advice.for_finding(said)
    assert [block.profile for block in found.rows] == [BLOCK_LOAD_PROFILE]


def test_a_register_in_bcd_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = odd(COMPRESSED)
    reader.attributes[ACTIVE_IMPORT, 3, 2] = b"\x0d\x42"
    found = visit(reader, monkeypatch, kind=REGISTERS)
    (row,) = next(block.rows for block in found.rows if block.profile is None)
    assert row[2] == 42


DEMAND = Obis.parse("1.0.1.4.0.255")
OTHER = AccessDenied("object-class-inconsistent", result=9)


def of_other_class(obis: Obis, **attributes: bytes) -> tuple[Odd, Model]:
    """Return a meter that has a register as another class: attributes by class and number."""
    reader = odd(COMPRESSED)
    reader.attributes[obis, 3, 2] = OTHER
    for name, data in attributes.items():
        _, class_id, attribute = name.split("_")
        reader.attributes[obis, int(class_id), int(attribute)] = data
    return reader, SIMPLE.model_copy(update={"registers": (obis,)})


def registers_of(found: PollResult) -> tuple[Column, int | None]:
    (block,) = [block for block in found.rows if block.profile is None]
    return block.columns[0], block.rows[0][2]


def test_an_extended_register_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, kind = of_other_class(ACTIVE_IMPORT, at_4_2=u16(7), at_4_3=SCALER)
    found = visit(reader, monkeypatch, kind=kind)
    assert registers_of(found)[1] == 7
    assert not found.findings


def test_an_extended_register_of_null_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, kind = of_other_class(ACTIVE_IMPORT, at_4_2=NULL, at_4_3=SCALER)
    assert kinds_of(visit(reader, monkeypatch, kind=kind)) == {FindingKind.NO_VALUE}


def test_the_class_of_a_register_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, kind = of_other_class(ACTIVE_IMPORT, at_4_2=u16(7), at_4_3=SCALER)
    memory = Memory()
    known = visit(reader, monkeypatch, kind=kind, memory=memory).meter
    reader.asked.clear()
    found = visit(reader, monkeypatch, kind=kind, memory=memory, known=known)
    assert registers_of(found)[1] == 7
    assert [each for each in reader.asked if each[0] == ACTIVE_IMPORT] == [(ACTIVE_IMPORT, 4, 2)]


def test_a_meter_in_anothers_place_has_classes_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, kind = of_other_class(ACTIVE_IMPORT, at_4_2=u16(7), at_4_3=SCALER)
    memory = Memory()
    known = visit(reader, monkeypatch, kind=kind, memory=memory).meter
    other, _ = of_other_class(ACTIVE_IMPORT)
    other.attributes |= {
        (SERIAL_NUMBER, 1, 2): text("F2"),
        (ACTIVE_IMPORT, 3, 2): u16(9),
        (ACTIVE_IMPORT, 3, 3): SCALER,
        (ACTIVE_IMPORT, 4, 2): OTHER,
    }
    found = visit(other, monkeypatch, kind=kind, memory=memory, known=known)
    assert registers_of(found)[1] == 9


@pytest.mark.parametrize(("code", "raw"), [("1.0.1.4.0.255", 5), ("1.0.1.5.0.255", 6)])
def test_a_demand_register_gives_the_average_of_its_code(
    monkeypatch: pytest.MonkeyPatch, code: str, raw: int
) -> None:
    averages = {"at_5_2": u16(5), "at_5_3": u16(6), "at_5_4": SCALER}
    reader, kind = of_other_class(Obis.parse(code), **averages)
    found = visit(reader, monkeypatch, kind=kind)
    assert registers_of(found)[1] == raw
    assert not found.findings


def test_a_profile_of_last_averages_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = odd(COMPRESSED, columns=(DEMAND, CURRENT))
    objects = reader.attributes[BLOCK_LOAD_PROFILE, 7, 3]
    assert isinstance(objects, bytes)
    name = bytes(DEMAND)
    in_class_3, in_class_5 = b"\x12\x00\x03\x09\x06", b"\x12\x00\x05\x09\x06"
    last = objects.replace(in_class_3 + name + b"\x0f\x02", in_class_5 + name + b"\x0f\x03")
    reader.attributes[BLOCK_LOAD_PROFILE, 7, 3] = last
    reader.attributes[DEMAND, 5, 4] = SCALER
    found = visit(reader, monkeypatch)
    assert found.rows[0].columns[0].obis == DEMAND
    assert [row[2] for row in found.rows[0].rows] == [50, 50]


def test_a_momentary_register_of_floats_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    volts = Obis.parse("1.0.12.7.0.255")
    reader = odd(COMPRESSED)
    reader.attributes[volts, 3, 2] = b"\x17" + struct.pack(">f", 230.45)
    reader.attributes[volts, 3, 3] = bytes.fromhex("02020F001623")
    kind = SIMPLE.model_copy(update={"registers": (volts,)})
    found = visit(reader, monkeypatch, kind=kind)
    column, raw = registers_of(found)
    assert not found.findings
    assert (column.scaler, raw) == (-9, 230_450_000_000)


def test_a_float_register_below_the_least_scaler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    volts = Obis.parse("1.0.12.7.0.255")
    reader = odd(COMPRESSED)
    reader.attributes[volts, 3, 2] = b"\x17" + struct.pack(">f", 230.5)
    reader.attributes[volts, 3, 3] = bytes.fromhex("02020F801623")
    found = visit(reader, monkeypatch, kind=SIMPLE.model_copy(update={"registers": (volts,)}))
    assert kinds_of(found) == {FindingKind.OBJECT_REFUSED}
    assert all(block.profile is not None for block in found.rows)


def test_a_filled_time_that_is_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = {QUARTER - 2700 + n: u16(n) + u16(n) for n in (0, 1, 2)}
    sent[QUARTER - 900] = u16(9) + u16(9)
    reader = odd(sent, nulls=frozenset({QUARTER - 2699, QUARTER - 2698}))
    found = visit(reader, monkeypatch, {BLOCK_LOAD_PROFILE: QUARTER - 7200})
    assert FindingKind.ROWS_TIME_TAKEN in kinds_of(found)
    assert [row[:3] for block in found.rows for row in block.rows] == [
        (QUARTER - 2700, None, 0),
        (QUARTER - 1800, None, 1),
        (QUARTER - 900, None, 9),
    ]


class NewestFirst(Fake):
    """A meter that sends the newest row first and the times of the others as nulls."""

    def buffer(self, times: list[int]) -> bytes:
        rows = [
            b"\x02\x02" + (NULL if number else moment(ts)) + u16(self.rows[ts])
            for number, ts in enumerate(reversed(times))
        ]
        return b"\x01" + bytes([len(rows)]) + b"".join(rows)


@pytest.mark.parametrize("order", [b"\x16\x01", b"\x00"])
def test_an_order_that_is_not_the_stated_one_gives_no_wrong_time(
    monkeypatch: pytest.MonkeyPatch, order: bytes
) -> None:
    times = [QUARTER - 900 * back for back in range(300, -1, -1)]
    reader = NewestFirst(fake().attributes, {ts: number for number, ts in enumerate(times)})
    reader.attributes[BLOCK_LOAD_PROFILE, 7, 5] = order
    found = visit(reader, monkeypatch, {BLOCK_LOAD_PROFILE: times[0]})
    assert FindingKind.ROWS_TIME_TAKEN in kinds_of(found)
    kept = [row for block in found.rows for row in block.rows]
    assert kept
    assert all(row[2] == reader.rows[row[0] or 0] for row in kept)


class Stuck(Odd):
    """A meter that stamps each row with the time of the first."""

    def buffer(self, times: list[int]) -> bytes:
        sent = super().buffer(times)
        for ts in times:
            sent = sent.replace(moment(ts), moment(times[0]))
        return sent


@pytest.mark.parametrize(
    ("values", "is_told"), [((50, 51, 52), True), ((50, 50, 51), True), ((50, 50, 50), False)]
)
def test_rows_that_differ_and_have_one_time_are_told(
    monkeypatch: pytest.MonkeyPatch, values: tuple[int, ...], is_told: bool
) -> None:
    times = [QUARTER - 2700, QUARTER - 1800, QUARTER - 900]
    sent = {ts: u16(each) + u16(1) for ts, each in zip(times, values, strict=True)}
    reader = Stuck(odd(sent).attributes)
    reader.sent, reader.rows = sorted(sent.items()), dict.fromkeys(sent, 0)
    found = visit(reader, monkeypatch, {BLOCK_LOAD_PROFILE: QUARTER - 7200})
    assert (FindingKind.ROWS_CONTRADICT in kinds_of(found)) is is_told
