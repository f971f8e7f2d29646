# SPDX-License-Identifier: MIT
"""Take registers of an earlier system from a CSV file, as claims of origin ``imported``.

In: a file of any length, read line by line. Out: readings, or every bad line with its number
and why. The file is read twice: nothing is stored unless all lines are good; then the rows are
stored in parts, each of them its own transaction. An import that was interrupted goes on when
it is run again, and the same file again changes nothing.

A row is stored by the election that every claim goes through: what a gateway signed, what was
edited and what was read from a dial stays elected; the imported claim is kept beside it.

Never: a meter that unit management does not know, a time at which it was not installed or of
which the store keeps no readings, a rounded value; in a file in the order of time, a second value
for the same moment.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from cloud_ingest.core.accept import FUTURE_TOLERANCE, KnownMeter
from cloud_ingest.core.exact import exactly
from cloud_ingest.errors import ImportRefused
from cloud_ingest.store.channels import ChannelKey, ensure_channels
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.readings_write import NewReading, store_readings
from cloud_ingest.store.registry import find_society, load_registry
from shared_schema.catalogue import UNIT_SYMBOLS, Unit, quantity
from shared_schema.errors import ContractError
from shared_schema.obis import Obis
from shared_schema.quality import Origin
from shared_schema.readings import EARLIEST_TS, LATEST_TS

COLUMNS = ("manufacturer", "serial", "obis", "unit", "scaler", "ts")
FORMS = ("raw", "value")
"""One of them: the register's integer, or what it means in ``unit``."""
LINES_SHOWN = 50
ROWS_AT_ONCE = 20_000
TELL_EVERY = 100_000
MOST_SCALER = 12
MOST_DIGITS = 40
_LARGEST = 2**63
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")

UNITS: dict[str, tuple[Unit, int]] = {
    **{symbol: (unit, 0) for unit, symbol in UNIT_SYMBOLS.items() if symbol},
    **{
        f"k{UNIT_SYMBOLS[unit]}": (unit, 3)
        for unit in (
            Unit.WATT,
            Unit.VOLT_AMPERE,
            Unit.VAR,
            Unit.WATT_HOUR,
            Unit.VOLT_AMPERE_HOUR,
            Unit.VAR_HOUR,
        )
    },
    "m3": (Unit.CUBIC_METRE, 0),
    "m3/h": (Unit.CUBIC_METRE_PER_HOUR, 0),
    "kL": (Unit.CUBIC_METRE, 0),
}
"""How a unit may be written: the COSEM unit, and the power of ten that the prefix stands for."""
_STEPS: dict[Unit, int] = {Unit.CUBIC_METRE: -3}
"""Scaler of a value whose line gives none: litres of water, and whole units of all else."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class History:
    """What a file holds, and what became of it."""

    file: str
    rows: int
    channels: int
    first: datetime
    last: datetime
    stored: bool
    """False: it was only looked at."""
    new: int = 0
    duplicates: int = 0
    """Rows that the store has already, imported before."""
    conflicts: int = 0
    """Rows beside which another reading of the same moment is elected."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the rows of one meter, code, unit and scaler go."""

    channel: ChannelKey
    installed: tuple[tuple[float, float], ...]
    """Seconds since 1970."""
    exponent: int
    """A value is raw * 10^exponent, in the unit as it was written."""


Row = tuple[Target, int, int]
"""Where to, seconds since 1970, raw."""


@translating
def import_history(
    conn: Connection,
    society: str,
    path: Path,
    now: datetime,
    *,
    dry_run: bool = False,
    progress: Progress = lambda _text: None,
) -> History:
    """Check a file and store it.

    Args:
        conn: The store, outside of a transaction.
        society: Whose meters they are.
        path: The CSV file; it is not held in memory.
        now: The time; nothing is believed that is more than 10 minutes later.
        dry_run: Only check it.
        progress: Is told what is being done, in a few words.

    Raises:
        ImportRefused: the file cannot be read or has bad lines; nothing was stored.
        NotFound: no such society.
        StoreUnavailable: what was stored until then stays; import the file again.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    meters = {
        (maker, serial): meter
        for (owner, maker, serial), meter in load_registry(conn).meters.items()
        if owner == society_id
    }
    latest = int((now + FUTURE_TOLERANCE).timestamp())
    found = _check(path, Judge(meters, store.zone, latest, store.kept_from), progress)
    if dry_run:
        return found
    ids: dict[ChannelKey, int] = {}
    new = duplicates = conflicts = done = 0
    for part in _parts(path, Judge(meters, store.zone, latest, store.kept_from)):
        with conn.transaction():
            unknown = {row[0].channel: 0 for row in part if row[0].channel not in ids}
            if unknown:
                ids.update(ensure_channels(conn, unknown))
            stored = store_readings(
                conn,
                [
                    NewReading(ids[target.channel], ts, raw, None, Origin.IMPORTED)
                    for target, ts, raw in part
                ],
                source=f"imported from {path.name}"[:200],
                at=now,
            )
        new += stored.new
        duplicates += stored.duplicates
        conflicts += stored.conflicts
        done += len(part)
        progress(f"stored {done:,} of {found.rows:,} rows")
    conn.execute(
        query("entry/history_import_add"),
        {
            "society_id": society_id,
            "sha256": _digest(path),
            "file": path.name,
            "rows": found.rows,
            "first": found.first,
            "last": found.last,
            "at": now,
        },
    )
    return History(
        file=found.file,
        rows=found.rows,
        channels=found.channels,
        first=found.first,
        last=found.last,
        stored=True,
        new=new,
        duplicates=duplicates,
        conflicts=conflicts,
    )


class Judge:
    """Reads lines, one by one; remembers the targets that it has met. Pure."""

    def __init__(
        self,
        meters: Mapping[tuple[str, str], KnownMeter],
        zone: ZoneInfo,
        latest: int,
        kept_from: datetime | None,
    ) -> None:
        """Know what may be stored.

        Args:
            meters: By manufacturer and serial.
            zone: Of times without an offset.
            latest: What is later has not come; in seconds since 1970.
            kept_from: Readings after it are kept; None: all are.
        """
        self._meters = meters
        self._zone = zone
        self._latest = latest
        self._kept_from = kept_from
        self._targets: dict[tuple[str, ...], Target] = {}

    def row(self, field: Mapping[str, str]) -> Row:
        """Return what a line says.

        Args:
            field: `COLUMNS` and one of `FORMS`, by name.

        Raises:
            ValueError: it cannot be stored; the text says why.
        """
        words = tuple(field.get(name, "") for name in COLUMNS[:-1])
        target = self._targets.get(words)
        if target is None:
            target = self._targets[words] = self._target(words, by_value="value" in field)
        ts = self._seconds(field["ts"])
        if not any(start <= ts <= end for start, end in target.installed):
            raise ValueError(f"{field['ts']}: the meter was not installed at that time")
        if self._kept_from is not None and ts <= self._kept_from.timestamp():
            since = self._kept_from.astimezone(self._zone)
            raise ValueError(
                f"{field['ts']}: older than what the store keeps (after {since:%Y-%m-%d %H:%M})"
            )
        if "raw" in field:
            return target, ts, _integer(field["raw"])
        return target, ts, _exact(field["value"], target.exponent, field["unit"])

    @property
    def channels(self) -> int:
        """How many channels the lines were of."""
        return len({target.channel for target in self._targets.values()})

    def _target(self, words: Sequence[str], *, by_value: bool) -> Target:
        maker, serial, code, symbol, scaler = words
        meter = self._meters.get((maker, serial))
        if meter is None:
            named = f"{maker} {serial}"[:80]
            raise ValueError(f"no meter {named!r} is known in this society")
        try:
            obis = Obis.parse(code)
        except ContractError as error:
            raise ValueError(str(error)) from None
        if symbol not in UNITS:
            raise ValueError(f"unit {symbol[:20]!r} is not known: write kWh, Wh, m3, L …")
        unit, prefix = UNITS[symbol]
        known = quantity(obis)
        volumes = {Unit.CUBIC_METRE, Unit.LITRE}
        if known is not None and unit != known.unit and not {unit, known.unit} <= volumes:
            raise ValueError(f"{code} ({known.name}) is not counted in {symbol}")
        if scaler:
            exponent = _small(scaler)
        elif by_value:
            exponent = _STEPS.get(unit, 0) - prefix
        else:
            raise ValueError("scaler is missing: value = raw * 10^scaler in unit")
        return Target(
            (meter.meter_id, obis, int(unit), exponent + prefix, 1),
            tuple(
                (start.timestamp(), float("inf") if end is None else end.timestamp())
                for start, end in meter.installed
            ),
            exponent,
        )

    def _seconds(self, text: str) -> int:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"ts {text[:40]!r} is no time: write it as 2025-07-01T00:15") from None
        if found.tzinfo is None:
            found = self._local(found, text)
        if found.microsecond:
            raise ValueError(f"ts {text[:40]!r} is finer than a second")
        try:
            ts = int(found.timestamp())
        except (ValueError, OverflowError):
            ts = 0
        if not EARLIEST_TS <= ts < LATEST_TS:
            raise ValueError(f"ts {text[:40]!r} is not within 2000 to 2099")
        if ts > self._latest:
            raise ValueError(f"ts {text[:40]!r} is in the future")
        return ts

    def _local(self, found: datetime, text: str) -> datetime:
        here = found.replace(tzinfo=self._zone)
        if here.utcoffset() != here.replace(fold=1).utcoffset():
            raise ValueError(
                f"ts {text[:40]!r} is none or two times in {self._zone.key}: give its offset"
            )
        return here


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise ValueError(f"raw {text[:40]!r} is no integer")
    return _storable(int(text), text)


def _small(text: str) -> int:
    if _INTEGER.fullmatch(text) is None or abs(int(text)) > MOST_SCALER:
        raise ValueError(f"scaler {text[:20]!r} is no integer from -{MOST_SCALER} to {MOST_SCALER}")
    return int(text)


def _exact(text: str, exponent: int, unit: str) -> int:
    if _NUMBER.fullmatch(text) is None or len(text) > MOST_DIGITS:
        raise ValueError(f"value {text[:40]!r} is no number such as 4711.3")
    with exactly():
        raw = Decimal(text).scaleb(-exponent)
        if raw != raw.to_integral_value():
            step = Decimal(1).scaleb(exponent)
            raise ValueError(f"value {text[:40]!r} is finer than {step:f} {unit}: give a scaler")
    return _storable(int(raw), text)


def _storable(raw: int, text: str) -> int:
    if not -_LARGEST <= raw < _LARGEST:
        raise ValueError(f"{text[:40]!r} is beyond a 64-bit register")
    return raw


def _check(path: Path, judge: Judge, progress: Progress) -> History:
    """Read all lines and store nothing."""
    bad: list[str] = []
    wrong = rows = 0
    first, last = LATEST_TS, EARLIEST_TS
    for number, row in lines(path, judge):
        if isinstance(row, str):
            wrong += 1
            if len(bad) < LINES_SHOWN:
                bad.append(f"line {number}: {row}")
        else:
            rows += 1
            first, last = min(first, row[1]), max(last, row[1])
        if (rows + wrong) % TELL_EVERY == 0:
            progress(f"checked {rows + wrong:,} lines")
    if wrong > len(bad):
        bad.append(f"… and {wrong - len(bad)} more")
    if wrong:
        raise ImportRefused(
            f"nothing was imported: {wrong} bad line{'s' if wrong > 1 else ''} beside "
            f"{rows} good ones; correct the file and import it again",
            bad,
        )
    if not rows:
        raise ImportRefused("the file holds no readings", ())
    start, end = (datetime.fromtimestamp(ts, UTC) for ts in (first, last))
    return History(path.name, rows, judge.channels, start, end, stored=False)


def _parts(path: Path, judge: Judge) -> Iterator[list[Row]]:
    part: list[Row] = []
    for number, row in lines(path, judge):
        if isinstance(row, str):
            raise ImportRefused("the file changed while it was imported", [f"line {number}: {row}"])
        part.append(row)
        if len(part) == ROWS_AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def lines(path: Path, judge: Judge) -> Iterator[tuple[int, Row | str]]:
    """Give each line's number and its row, or why it is none.

    Raises:
        ImportRefused: the file cannot be read, or its first line does not name the columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _require_columns(header)
            before: dict[ChannelKey, tuple[int, Row]] = {}
            for words in reader:
                if len(words) != len(header):
                    yield reader.line_num, f"it has {len(words)} fields, not {len(header)}"
                    continue
                try:
                    field = {name: word.strip() for name, word in zip(header, words, strict=True)}
                    row = judge.row(field)
                    _require_one_value(before.get(row[0].channel), row, field["ts"])
                except ValueError as error:
                    yield reader.line_num, str(error)
                else:
                    before[row[0].channel] = reader.line_num, row
                    yield reader.line_num, row
    except csv.Error as error:
        raise ImportRefused(f"nothing is imported: {path} is not CSV: {error}", ()) from None
    except OSError as error:
        raise ImportRefused(f"cannot read the file: {error.strerror}: {path}", ()) from None
    except UnicodeDecodeError:
        raise ImportRefused(f"{path} is not UTF-8: save it as CSV UTF-8", ()) from None


def _require_one_value(before: tuple[int, Row] | None, row: Row, ts: str) -> None:
    """Hold a row against the one before it of the same channel, with its line's number."""
    if before is not None and before[1][1] == row[1] and before[1][2] != row[2]:
        raise ValueError(f"{ts}: line {before[0]} gives another value of this register")


def _require_columns(header: Sequence[str]) -> None:
    forms = [name for name in FORMS if name in header]
    wanted = {*COLUMNS, *forms} - ({"scaler"} - set(header) if forms == ["value"] else set())
    if len(forms) == 1 and sorted(header) == sorted(wanted):
        return
    raise ImportRefused(
        "the first line must name manufacturer,serial,obis,unit,ts and either scaler,raw or value "
        f"(with scaler, if you like), not {','.join(header)[:200]!r}",
        (),
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
