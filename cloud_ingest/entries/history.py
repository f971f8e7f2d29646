# SPDX-License-Identifier: MIT
"""Registers of an earlier system: a CSV file, taken as claims of origin ``imported``.

The file is read twice. First every line is checked: nothing is stored unless all are good. Then
the rows are stored in parts, each of them its own transaction. An import that was interrupted goes
on when it is run again, and the same file again changes nothing. A row goes through the election
of every claim: what a gateway signed, what was edited and what was read from a dial stays elected,
and the imported claim is kept beside it. `core.history_row` says what a line means.

In: a file of any length, read line by line. Out: readings, or every bad line with its number and
why. Never: in a file in the order of time, a second value for the same moment.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cloud_ingest.core.accept import FUTURE_TOLERANCE
from cloud_ingest.core.history_row import COLUMNS, FORMS, Row, RowParser
from cloud_ingest.core.known import ChannelKey, KnownMeter
from cloud_ingest.errors import ImportRefused
from cloud_ingest.store.channels import ensure_channels
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.history_imports import store_history_import
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.readings_write import NewReading, store_readings
from cloud_ingest.store.registry import find_society, load_registry
from shared_schema.quality import Origin
from shared_schema.readings import EARLIEST_TS, LATEST_TS

LINES_SHOWN = 50
ROWS_AT_ONCE = 20_000
TELL_EVERY = 100_000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class History:
    """What a file holds, and what the store took of it."""

    file: str
    rows: int
    channels: int
    first: datetime
    last: datetime
    stored: bool
    """False: it was only checked."""
    new: int = 0
    duplicates: int = 0
    """Rows that the store has already, imported before."""
    conflicts: int = 0
    """Rows beside which another reading of the same moment is elected."""


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
    meters = meters_of(conn, society_id)
    latest = int((now + FUTURE_TOLERANCE).timestamp())
    found = _check(path, RowParser(meters, store.zone, latest, store.kept_from), progress)
    if dry_run:
        return found
    parts = _parts(path, RowParser(meters, store.zone, latest, store.kept_from))
    return store_rows(conn, society_id, path, parts, found=found, now=now, progress=progress)


def meters_of(conn: Connection, society_id: int) -> dict[tuple[str, str], KnownMeter]:
    """Return the meters of a society by manufacturer and serial number."""
    return {
        (maker, serial): meter
        for (owner, maker, serial), meter in load_registry(conn).meters.items()
        if owner == society_id
    }


def store_rows(
    conn: Connection,
    society_id: int,
    path: Path,
    parts: Iterable[Sequence[Row]],
    *,
    found: History,
    now: datetime,
    progress: Progress = lambda _text: None,
) -> History:
    """Store the rows of a file that was checked, each part in its own transaction, and note it."""
    ids: dict[ChannelKey, int] = {}
    new = duplicates = conflicts = done = 0
    for part in parts:
        with conn.transaction():
            unknown = {row.target.channel: 0 for row in part if row.target.channel not in ids}
            if unknown:
                ids.update(ensure_channels(conn, unknown))
            stored = store_readings(
                conn,
                [
                    NewReading(ids[row.target.channel], row.ts, row.raw, None, Origin.IMPORTED)
                    for row in part
                ],
                source=f"imported from {found.file}"[:200],
                at=now,
            )
        new += stored.new
        duplicates += stored.duplicates
        conflicts += stored.conflicts
        done += len(part)
        progress(f"stored {done:,} of {found.rows:,} rows")
    store_history_import(
        conn,
        society_id,
        sha256=_digest(path),
        file=path.name,
        rows=found.rows,
        first=found.first,
        last=found.last,
        now=now,
    )
    return replace(found, stored=True, new=new, duplicates=duplicates, conflicts=conflicts)


def _check(path: Path, parser: RowParser, progress: Progress) -> History:
    """Read all lines and store nothing."""
    bad: list[str] = []
    wrong = rows = 0
    first, last = LATEST_TS, EARLIEST_TS
    for number, row in lines(path, parser):
        if isinstance(row, str):
            wrong += 1
            if len(bad) < LINES_SHOWN:
                bad.append(f"line {number}: {row}")
        else:
            rows += 1
            first, last = min(first, row.ts), max(last, row.ts)
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
    return History(path.name, rows, parser.channels, start, end, stored=False)


def _parts(path: Path, parser: RowParser) -> Iterator[list[Row]]:
    part: list[Row] = []
    for number, row in lines(path, parser):
        if isinstance(row, str):
            raise ImportRefused("the file changed while it was imported", [f"line {number}: {row}"])
        part.append(row)
        if len(part) == ROWS_AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def lines(path: Path, parser: RowParser) -> Iterator[tuple[int, Row | str]]:
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
                    row = parser.parse(field)
                    _require_one_value(before.get(row.target.channel), row, field["ts"])
                except ValueError as error:
                    yield reader.line_num, str(error)
                else:
                    before[row.target.channel] = reader.line_num, row
                    yield reader.line_num, row
    except csv.Error as error:
        raise ImportRefused(f"nothing is imported: {path} is not CSV: {error}", ()) from None
    except OSError as error:
        raise ImportRefused(f"cannot read the file: {error.strerror}: {path}", ()) from None
    except UnicodeDecodeError:
        raise ImportRefused(f"{path} is not UTF-8: save it as CSV UTF-8", ()) from None


def _require_one_value(before: tuple[int, Row] | None, row: Row, ts: str) -> None:
    """Hold a row against the one before it of the same channel, with its line's number."""
    if before is None:
        return
    number, earlier = before
    if earlier.ts == row.ts and earlier.raw != row.raw:
        raise ValueError(f"{ts}: line {number} gives another value of this register")


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
