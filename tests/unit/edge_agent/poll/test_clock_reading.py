# SPDX-License-Identifier: GPL-2.0-only
"""The clock of a meter, from its bytes: in which way it writes its zone, and what is no time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Zone
from edge_agent.errors import ProtocolViolation
from edge_agent.install import advice
from edge_agent.poll import clock_reading
from edge_agent.poll.finding import FindingKind
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, BLOCK_LOAD_PROFILE, CLOCK
from tests.unit.edge_agent.fakes import QUARTER, SIMPLE, Fake, fake, kinds_of, stamps, visit
from tests.unit.edge_agent.wire import NOW

INDIA = Zone()
NOW_TS = int(NOW.timestamp())


def stamp(local: datetime, deviation: str, status: str = "00") -> bytes:
    """Write the 12 bytes of a local time by hand."""
    date = local.year.to_bytes(2, "big") + bytes((local.month, local.day, local.isoweekday()))
    time = bytes((local.hour, local.minute, local.second, 0))
    return date + time + bytes.fromhex(deviation + status)


def local_at(ts: int, offset_min: int) -> datetime:
    return datetime.fromtimestamp(ts, UTC) + timedelta(minutes=offset_min)


@pytest.mark.parametrize(
    ("offset_min", "deviation", "sign"),
    [
        (330, "FEB6", 1),  # -330, as the Blue Book has it
        (330, "014A", -1),  # +330
        (330, "0000", 0),  # local time, deviation 0
        (330, "8000", 1),  # not specified: each way is the same
        (330, "FFFF", 1),  # the same, said wrongly
        (330, "1388", 0),  # 5000 is no deviation
        (0, "0000", 1),  # true UTC in Kolkata
    ],
)
def test_the_gateways_clock_tells_the_way(offset_min: int, deviation: str, sign: int) -> None:
    found = stamp(local_at(NOW_TS, offset_min), deviation)
    assert clock_reading.fitting_sign(found, INDIA, NOW_TS, 300) == sign


@pytest.mark.parametrize("deviation", ["FEB6", "014A", "0000", "8000", "FFFF"])
def test_a_clock_that_is_off_fits_no_way(deviation: str) -> None:
    found = stamp(local_at(NOW_TS - 7200, 330), deviation)
    assert clock_reading.fitting_sign(found, INDIA, NOW_TS, 300) is None


@given(
    zone_min=st.integers(-48, 56).map(lambda quarters: quarters * 15),
    is_summer=st.booleans(),
    sign=st.sampled_from((1, -1)),
)
def test_a_deviation_with_summer_time_is_right(zone_min: int, is_summer: bool, sign: int) -> None:
    shift = zone_min + (60 if is_summer else 0)
    if not -840 <= shift <= 840:
        return
    deviation = (-sign * shift).to_bytes(2, "big", signed=True).hex()
    found = stamp(local_at(NOW_TS, shift), deviation, "80" if is_summer else "00")
    zone = Zone(zone_min, sign)
    assert axdr.epoch_s(found, zone) == NOW_TS
    assert clock_reading.offset_min(found, zone) == shift


def test_local_time_without_deviation_in_summer() -> None:
    found = stamp(local_at(NOW_TS, 120), "8000", "80")
    assert axdr.epoch_s(found, Zone(60, 1)) == NOW_TS


def test_of_several_ways_the_standards_is_taken() -> None:
    found = stamp(local_at(NOW_TS, 0), "0000")
    assert clock_reading.fitting_sign(found, Zone(0, -1), NOW_TS, 300) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "090C07EA030A020A0F000000000000FF",  # a byte is left
        "090407EA030A",  # too short
        "0600000001",  # a number
        "00",  # null
        "0A0568656C6C6F",  # a text
        "020100",
        "",
    ],
)
def test_what_is_no_time_is_named_with_its_bytes(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes.fromhex(answer)
    with pytest.raises(ProtocolViolation):
        clock_reading.stamp_of(data)
    reader = fake()
    reader.attributes[CLOCK, 8, 2] = data
    reader.rows = {QUARTER - 900 * n: n for n in range(8)}
    found = visit(reader, monkeypatch, {BLOCK_LOAD_PROFILE: QUARTER - 7200})
    (noticed,) = [each for each in found.findings if each.kind is FindingKind.CLOCK_UNREADABLE]
    assert data.hex(" ") in str(noticed)
    assert FindingKind.CLOCK_SHOWS_NO_TIME not in kinds_of(found)
    assert stamps(found, BLOCK_LOAD_PROFILE) != []


class _Local(Fake):
    """A meter that writes every time in its own zone with a deviation of its own."""

    zone_min = 330
    deviation = "0000"

    def stamped(self, ts: int) -> bytes:
        return b"\x09\x0c" + stamp(local_at(ts, self.zone_min), self.deviation)

    def get_range(self, profile: object, start: bytes, end: bytes) -> bytes:
        assert profile == BLOCK_LOAD_PROFILE
        first, last = (axdr.epoch_s(each, Zone(self.zone_min, 0)) for each in (start, end))
        assert first is not None
        assert last is not None
        return self.buffer([ts for ts in sorted(self.rows) if first <= ts <= last])

    def buffer(self, times: list[int]) -> bytes:
        rows = [b"\x02\x02" + self.stamped(ts) + b"\x11\x07" for ts in times]
        return b"\x01" + bytes([len(rows)]) + b"".join(rows)


def _local(zone_min: int, deviation: str) -> _Local:
    reader = _Local(fake().attributes)
    reader.zone_min, reader.deviation = zone_min, deviation
    reader.attributes[CLOCK, 8, 2] = reader.stamped(NOW_TS)
    reader.attributes[ACTIVE_IMPORT_INTERVAL, 3, 3] = bytes.fromhex("02020F00161E")
    reader.rows = {QUARTER - 900 * n: n for n in range(8)}
    return reader


@pytest.mark.parametrize(
    ("zone_min", "deviation", "sign"),
    [(330, "0000", 0), (330, "014A", -1), (330, "FFFF", 1), (330, "1388", 0), (0, "0000", 1)],
)
def test_rows_are_read_in_each_way(
    zone_min: int, deviation: str, sign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = _local(zone_min, deviation)
    marks = {BLOCK_LOAD_PROFILE: QUARTER - 7200}
    first = visit(reader, monkeypatch, marks)
    if sign != 1:
        assert FindingKind.CLOCK_OFF not in kinds_of(first)
        (noticed,) = [
            each for each in first.findings if each.kind is FindingKind.WRONG_DEVIATION_SIGN
        ]
        assert noticed.values["sign"] == sign
        assert stamps(first, BLOCK_LOAD_PROFILE) == []
    kind = SIMPLE.model_copy(update={"deviation_sign": sign})
    found = visit(reader, monkeypatch, marks, kind=kind)
    assert stamps(found, BLOCK_LOAD_PROFILE) == sorted(reader.rows)
    assert found.findings == ()


def test_a_clock_of_no_way_is_off_by_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = _local(330, "0000")
    reader.attributes[CLOCK, 8, 2] = reader.stamped(NOW_TS + 7000)
    found = visit(reader, monkeypatch, {})
    (noticed,) = [each for each in found.findings if each.kind is FindingKind.CLOCK_OFF]
    assert noticed.values["offset_s"] == 7000 + 19800


SUMMER = Zone(60)  # a meter in Berlin, and its model


@pytest.mark.parametrize("deviation", ["8000", "FFFF", "0000"])
@pytest.mark.parametrize("off_s", [-60, 0, 60])
def test_unstated_summer_time_is_told_from_a_clock_that_is_off(deviation: str, off_s: int) -> None:
    found = stamp(local_at(NOW_TS + off_s, 120), deviation)
    assert clock_reading.zone_of(found, SUMMER, NOW_TS) == "UTC+02:00"


@pytest.mark.parametrize(
    ("off_s", "deviation"), [(3600, "FFC4"), (3600, "003C"), (900, "8000"), (100 * 3600, "8000")]
)
def test_a_clock_that_states_its_zone_or_fits_none_is_off(off_s: int, deviation: str) -> None:
    found = stamp(local_at(NOW_TS + off_s, 60), deviation)
    assert clock_reading.zone_of(found, SUMMER, NOW_TS) is None


@pytest.mark.parametrize("deviation", ["8000", "FFFF"])
def test_a_clock_a_little_off_is_in_no_other_zone(deviation: str) -> None:
    found = stamp(local_at(NOW_TS + 45, 60), deviation)
    assert clock_reading.zone_of(found, SUMMER, NOW_TS) is None


@pytest.mark.parametrize(("status", "told"), [("80", "UTC+02:00"), ("00", None), ("FF", None)])
def test_summer_time_beside_the_deviation_of_winter(status: str, told: str | None) -> None:
    found = stamp(local_at(NOW_TS, 120), "FFC4", status)
    assert clock_reading.zone_of(found, SUMMER, NOW_TS) == told


@given(st.binary(min_size=12, max_size=12))
def test_any_time_has_a_zone_or_none(found: bytes) -> None:
    told = clock_reading.zone_of(found, INDIA, NOW_TS)
    assert told is None or told.startswith("UTC")


def test_summer_time_is_not_advised_to_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = _local(120, "8000")
    kind = SIMPLE.model_copy(update={"zone_offset_min": 60})
    found = visit(reader, monkeypatch, {BLOCK_LOAD_PROFILE: QUARTER - 7200}, kind=kind)
    (noticed,) = found.findings
    assert noticed.kind is FindingKind.CLOCK_IN_OTHER_ZONE
    assert noticed.values["offset_s"] == 3600
    assert advice.for_finding(noticed).startswith("look at its display")
    assert stamps(found, BLOCK_LOAD_PROFILE) == []


def test_a_month_13_is_told_with_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fake()
    came = stamp(local_at(NOW_TS, 330), "FEB6").replace(b"\x03\x0a", b"\x0d\x0a", 1)
    reader.attributes[CLOCK, 8, 2] = b"\x09\x0c" + came
    found = visit(reader, monkeypatch)
    (noticed,) = [each for each in found.findings if each.kind is FindingKind.CLOCK_SHOWS_NO_TIME]
    assert str(noticed).endswith(came.hex(" "))
    assert advice.for_finding(noticed).startswith("compare the bytes that came with its display")
