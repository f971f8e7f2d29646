# SPDX-License-Identifier: MIT
"""Files of registers: what is read of them, and what is said of those that cannot be."""

import contextlib
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_ingest.errors import RegistersRefused
from cloud_ingest.replay.registers_file import read_registers
from tests.support.registers import write_parquet

NOON = datetime(2016, 3, 1, 12, 0, 31)  # noqa: DTZ001  a file's clock has no zone
NOON_S = int(NOON.replace(tzinfo=UTC).timestamp())
TIMES = [NOON, NOON + timedelta(hours=1), NOON]


def columns(**changed: Sequence[object]) -> dict[str, Sequence[object]]:
    found: dict[str, Sequence[object]] = {"meter": ["A", "A", "B"], "ts": TIMES}
    return found | {"register_l": [10, 12, 7]} | changed


def read(path: Path) -> Mapping[str, Sequence[tuple[int, int]]]:
    return {
        rows.meter: list(zip(rows.clock_s, rows.register_ml, strict=True))
        for rows in read_registers(path).meters
    }


AS_WRITTEN = {"A": [(NOON_S, 10_000), (NOON_S + 3600, 12_000)], "B": [(NOON_S, 7000)]}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("type_", [pa.int32(), pa.uint64(), pa.float64(), pa.decimal128(12, 3)])
def test_registers_are_read_of_any_number(tmp_path: Path, unit: str, type_: pa.DataType) -> None:
    numbers = [Decimal(litres) for litres in (10, 12, 7)]
    register = pa.array(numbers).cast(type_)
    times = pa.array(TIMES, pa.timestamp(unit))
    path = write_parquet(tmp_path / "r.parquet", columns(ts=times, register_l=register))
    assert read(path) == AS_WRITTEN


@pytest.mark.parametrize(
    "meter",
    [pa.array(["A", "A", "B"]).dictionary_encode(), pa.array(["A", "A", "B"], pa.large_string())],
)
def test_names_are_read_of_any_text(tmp_path: Path, meter: pa.Array) -> None:
    assert read(write_parquet(tmp_path / "r.parquet", columns(meter=meter))) == AS_WRITTEN


def test_csv_is_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "r.CSV"
    path.write_text(
        "register_l,meter,more,ts\n"
        "10,A,x,2016-03-01 12:00:31\n12.0,A,x,2016-03-01T13:00:31\n7,B,,2016-03-01 12:00:31\n"
    )
    assert read(path) == AS_WRITTEN


def test_meters_may_stand_in_turn(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "r.parquet", columns(meter=["A", "B", "A"], ts=[NOON] * 3))
    assert read(path) == {"A": [(NOON_S, 10_000), (NOON_S, 7000)], "B": [(NOON_S, 12_000)]}


def test_a_finer_register_keeps_its_millilitres(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "r.parquet", columns(register_l=[0.3, 1.001, 0.177]))
    assert [ml for rows in read(path).values() for _, ml in rows] == [300, 1001, 177]


def test_a_row_with_an_empty_cell_is_no_reading(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "r.parquet", columns(ts=[None, *TIMES[1:]], register_l=[1.0, float("nan"), 7.0])
    )
    found = read_registers(path)
    assert (found.empty_rows, [rows.meter for rows in found.meters]) == (2, ["B"])


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ts": ["2016", "2017", "x"]}, "column ts holds string: it must hold timestamps"),
        ({"ts": pa.array(TIMES, pa.timestamp("us", "UTC"))}, "column ts is in zone UTC"),
        ({"ts": pa.array([1, 2, 3], pa.timestamp("s"))}, "a time outside the years 1971 to 2105"),
        ({"meter": [1.5, 2.5, 3.5]}, "column meter holds double: it must hold text"),
        ({"register_l": ["1", "2", "3"]}, "column register_l holds string: it must hold litres"),
        ({"register_l": [True, False, True]}, "column register_l holds bool"),
        ({"register_l": [1, 2, 2**60]}, "column register_l has more than a register shows"),
        ({"register_l": [float("nan")] * 3}, "there is no reading in it"),
        ({"meter": [], "ts": [], "register_l": []}, "column meter holds null"),
    ],
)
def test_a_column_that_cannot_be_right_is_named(
    tmp_path: Path, changed: dict[str, Sequence[object]], says: str
) -> None:
    path = write_parquet(tmp_path / "r.parquet", columns(**changed))
    with pytest.raises(RegistersRefused, match=says):
        read_registers(path)


@pytest.mark.parametrize("name", ["r.parquet", "r.csv"])
def test_a_missing_column_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".csv":
        path.write_text("meter,register_l\nA,1\n")
    else:
        write_parquet(path, {"meter": ["A"], "register_l": [1]})
    with pytest.raises(RegistersRefused, match=r"lacks .*ts.*: it needs meter, ts, register_l"):
        read_registers(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"meter,ts,register_l\n", "there is no reading in it"),
        (b"meter,ts,register_l\nA,yesterday,1\n", "cannot be read: .*yesterday"),
        (b"meter,ts,register_l\nA,2016-01-01,1,2\n", "cannot be read: .*Expected 3 columns"),
        (b"meter,ts,register_l\n\xff\xfe,2016-01-01,1\n", "cannot be read: .*UTF8"),
    ],
)
def test_a_csv_file_of_nothing_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    with pytest.raises(RegistersRefused, match=says):
        read_registers(path)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RegistersRefused, match="there is no such file"):
        read_registers(tmp_path / "none" / "r.parquet")
    with pytest.raises(RegistersRefused, match="is a folder: name the file"):
        read_registers(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_spoiled_file_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = write_parquet(tmp_path / "r.parquet", columns())
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(RegistersRefused):
        assert read_registers(path).meters


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("noise") / "r.parquet"
    path.write_bytes(b"PAR1" + noise + struct.pack("<i", len(noise)) + b"PAR1")
    with pytest.raises(RegistersRefused):
        read_registers(path)
