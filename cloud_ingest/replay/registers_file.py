# SPDX-License-Identifier: MIT
"""Registers of many meters in one file, as a meter reading system exports them.

Columns: ``meter`` (text), ``ts`` (naive local time), ``register_l`` (cumulative litres); others
are passed over. Parquet, or CSV with a head line. A row with an empty cell is no reading. Rows
may stand in any order; of one meter they keep the order of the file.

In: a path. Out: the rows of each meter, 16 bytes a row, in millilitres and seconds of the file's
own clock. Owns: pyarrow, which nothing else imports. Never: a value that is interpolated, sorted
or made up.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from cloud_ingest.errors import RegistersRefused
from cloud_ingest.replay.rows import ML, MeterRows, Registers

COLUMNS: Final = ("meter", "ts", "register_l")
MOST_ML: Final = 10**15
"""A register beyond a thousand million kilolitres is no meter's."""
FIRST_S: Final = 365 * 86400
LAST_S: Final = 2**32 - 1 - 86400
BATCH_ROWS: Final = 65536


def read_registers(path: Path) -> Registers:
    """Read a file of registers; ``.csv`` is CSV, any other name Parquet.

    Raises:
        RegistersRefused: the file is not there, is damaged, lacks a column, has one of a wrong
            type or holds no reading; the text says what to do.
    """
    meters: dict[str, MeterRows] = {}
    empty = 0
    with _refusals(path):
        for batch in _batches(path):
            whole = batch.filter(_is_whole(batch))
            empty += batch.num_rows - whole.num_rows
            _gather(meters, whole, path)
    if not meters:
        raise RegistersRefused(f"{path}: there is no reading in it")
    return Registers(tuple(meters.values()), empty)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise RegistersRefused(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise RegistersRefused(f"{path} is a folder: name the file") from None
    except pa.ArrowNotImplementedError as error:
        raise RegistersRefused(f"{path} holds what cannot be read: {_line(error)}") from None
    except (pa.ArrowException, OSError, UnicodeError, ValueError) as error:
        raise RegistersRefused(f"{path} cannot be read: {_line(error)}") from None


def _line(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split())[:200]


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with path.open("rb") as opened:  # before pyarrow: its words for a folder differ by version
        if not opened.read(1):
            raise RegistersRefused(f"{path} is empty")
    if path.suffix.lower() == ".csv":
        options = pa_csv.ConvertOptions(
            include_columns=list(COLUMNS),
            column_types={
                "meter": pa.string(),
                "ts": pa.timestamp("us"),
                "register_l": pa.float64(),
            },
        )
        try:
            reader = pa_csv.open_csv(path, convert_options=options)
        except KeyError as error:
            raise RegistersRefused(_lacks(path, str(error))) from None
        yield from reader
        return
    with pq.ParquetFile(path) as parquet:
        _check(path, parquet.schema_arrow)
        yield from parquet.iter_batches(BATCH_ROWS, columns=list(COLUMNS))


def _lacks(path: Path, what: str) -> str:
    return f"{path} lacks a column ({what}): it needs {', '.join(COLUMNS)}"


def _check(path: Path, schema: pa.Schema) -> None:
    if missing := [name for name in COLUMNS if schema.get_field_index(name) < 0]:
        raise RegistersRefused(_lacks(path, ", ".join(missing)))
    meter, ts, register = (schema.field(name).type for name in COLUMNS)
    if isinstance(meter, pa.DictionaryType):
        meter = meter.value_type
    if not (
        pa.types.is_string(meter) or pa.types.is_large_string(meter) or pa.types.is_integer(meter)
    ):
        raise RegistersRefused(f"{path}: column meter holds {meter}: it must hold text")
    if not pa.types.is_timestamp(ts):
        raise RegistersRefused(f"{path}: column ts holds {ts}: it must hold timestamps")
    if ts.tz is not None:
        raise RegistersRefused(
            f"{path}: column ts is in zone {ts.tz}: it must hold local times without a zone"
        )
    if not (
        pa.types.is_integer(register)
        or pa.types.is_floating(register)
        or pa.types.is_decimal(register)
    ):
        raise RegistersRefused(f"{path}: column register_l holds {register}: it must hold litres")


def _is_whole(batch: pa.RecordBatch) -> pa.Array:
    """Say of each row whether it has all that a reading needs."""
    meter, ts, register = (batch.column(name) for name in COLUMNS)
    whole = pc.and_(pc.and_(meter.is_valid(), ts.is_valid()), register.is_valid())
    if pa.types.is_floating(register.type):
        whole = pc.and_(whole, pc.fill_null(pc.is_finite(register), fill_value=False))
    return whole


def _gather(meters: dict[str, MeterRows], batch: pa.RecordBatch, path: Path) -> None:
    names = batch.column("meter").cast(pa.string()).to_pylist()
    clock_s = _whole_seconds(batch.column("ts"))
    register_ml = _millilitres(batch.column("register_l"))
    if not _all_within(clock_s, FIRST_S, LAST_S):
        raise RegistersRefused(f"{path}: column ts has a time outside the years 1971 to 2105")
    if not _all_within(register_ml, -MOST_ML, MOST_ML):
        raise RegistersRefused(f"{path}: column register_l has more than a register shows")
    start = 0
    for name, rows in groupby(names):
        end = start + sum(1 for _ in rows)
        of_meter = meters.setdefault(name, MeterRows(name))
        of_meter.clock_s.extend(clock_s[start:end])
        of_meter.register_ml.extend(register_ml[start:end])
        start = end


def _whole_seconds(column: pa.Array) -> list[int]:
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
    return [value // per_second for value in column.cast(pa.int64()).to_pylist()]


def _millilitres(column: pa.Array) -> list[int]:
    if pa.types.is_integer(column.type):
        return [value * ML for value in column.to_pylist()]
    return [round(value * ML) for value in column.cast(pa.float64()).to_pylist()]


def _all_within(values: list[int], least: int, most: int) -> bool:
    return not values or (least <= min(values) and max(values) <= most)
