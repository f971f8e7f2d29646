# SPDX-License-Identifier: MIT
"""The past months of a treasurer's notebook, taken as registers of an earlier system.

Each reading finds the meter that served its flat on its day; a label may have blanks, dashes and
capitals otherwise than the list of units. What a dial shows beyond its register is taken off. Then
it goes the way of `entries.history`: a claim of origin ``imported``, below the meter's own.

In: a file, the society, the service. Out: readings, or every cell that is not right. Never: a part
of a file that has a bad cell, a second row for the same moment.

Raises: ImportRefused, NotFound.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.accept import FUTURE_TOLERANCE
from cloud_ingest.core.history_row import Row, RowParser
from cloud_ingest.core.month import DAY, midnight
from cloud_ingest.core.nearest import nearest_labels
from cloud_ingest.core.notebook_heading import column_name, other_service, told_columns
from cloud_ingest.core.notebook_table import Months, Notebook, Reading, Where, Who, understand
from cloud_ingest.core.plausible import beside_dial
from cloud_ingest.entries.history import LINES_SHOWN, History, meters_of, store_rows
from cloud_ingest.entries.notebook_file import read_sheets
from cloud_ingest.errors import ImportRefused
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.dials import Dials, dials
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import find_society
from shared_schema.catalogue import BILLED_REGISTER, Service

UNITS_WRITTEN: Final = {Service.ELECTRICITY: "kWh", Service.WATER: "kL"}
FINEST: Final = -3
"""Of an imported register: whole Wh and litres."""
MAIN_SOURCES: Final = ("grid", "main")
"""Whose dial is meant where a unit has other sources, too."""
EVER: Final = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_LEFT_OUT: Final = str.maketrans("", "", " -/._,")
_TOWER: Final = re.compile("tower|wing|block|building|bldg")
_WORDS: Final = ("flat", "no", "unit")


@dataclass(frozen=True, slots=True)
class Way:
    """How a notebook is to be understood."""

    service: Service
    columns: str | None = None
    """What a person says that the columns hold."""
    months: Months | None = None
    """Where in its month a reading was taken whose heading names no day."""
    source: str | None = None
    """Which meter, where a unit has several."""
    at: time = time()
    """The hour of each reading."""


class Placed(NamedTuple):
    """A reading and the meter that it is of."""

    reading: Reading
    served: Assignment


def read_notebook(path: Path, columns: str | None = None, months: Months | None = None) -> Notebook:
    """Return what a file holds, as far as it is understood.

    Raises:
        ImportRefused: it is no spreadsheet, or ``columns`` cannot be understood.
    """
    try:
        told = None if columns is None else told_columns(columns)
    except ValueError as error:
        raise ImportRefused(f"--columns: {error}", ()) from None
    return understand(read_sheets(path), told, months)


@translating
def import_notebook(
    conn: Connection, society: str, path: Path, way: Way, now: datetime, *, apply: bool
) -> History:
    """Check a notebook, and store its readings if ``apply``.

    Raises:
        ImportRefused: cells are not right; nothing was stored.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    notebook = read_notebook(path, way.columns, way.months)
    placed, faults = place(conn, society_id, notebook, way, store.zone)
    latest = int((now + FUTURE_TOLERANCE).timestamp())
    parser = RowParser(meters_of(conn, society_id), store.zone, latest, store.kept_from)
    known = dials(conn, society_id)
    rows: list[Row] = []
    for each in placed:
        try:
            rows.append(parser.parse(_fields(each, way, known, store.zone)))
        except ValueError as error:
            faults.append(f"{each.reading.where}: {each.served.subject}: {error}")
    _refuse(faults, len(rows))
    times = [row.ts for row in rows]
    first, last = (datetime.fromtimestamp(ts, UTC) for ts in (min(times), max(times)))
    found = History(path.name, len(rows), parser.channels, first, last, stored=False)
    return store_rows(conn, society_id, path, [rows], found=found, now=now) if apply else found


def _refuse(faults: Sequence[str], good: int) -> None:
    if faults:
        more = [f"… and {len(faults) - LINES_SHOWN} more"] if len(faults) > LINES_SHOWN else []
        raise ImportRefused(
            f"nothing was imported: {len(faults)} bad cell{'s' if len(faults) > 1 else ''} beside "
            f"{good} good readings; correct the file and import it again",
            [*faults[:LINES_SHOWN], *more],
        )
    if not good:
        raise ImportRefused(
            "no readings are understood: see cloud-ingest notebook read, and name the columns "
            "with --columns",
            (),
        )


def _fields(each: Placed, way: Way, known: Dials, zone: ZoneInfo) -> dict[str, str]:
    """Return a reading as a line of an earlier system's registers."""
    day, value = each.reading.day, each.reading.value
    meter = each.served.meter
    adds = known.adds(str(meter), _moment(day, way.at, zone))
    if adds is not None:
        value = beside_dial(value, adds, FINEST)
    return {
        "manufacturer": meter.manufacturer,
        "serial": meter.serial,
        "obis": str(BILLED_REGISTER[way.service]),
        "unit": UNITS_WRITTEN[way.service],
        "ts": f"{day:%Y-%m-%d}T{way.at:%H:%M}",
        "value": f"{value:f}",
    }


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def strange_columns(notebook: Notebook, service: Service) -> list[str]:
    """Say which columns are of another service than the notebook is said to be."""
    return [
        f"column {column_name(each.sheet, each.at)}: {each.heading[:40]!r} is of {other.value}, "
        f"not {service.value}: give --service, or name the columns with --columns"
        for each in notebook.columns
        if (other := other_service(each.heading, service)) is not None
    ]


def place(
    conn: Connection, society_id: int, notebook: Notebook, way: Way, zone: ZoneInfo
) -> tuple[list[Placed], list[str]]:
    """Return each reading with its meter, and every cell that is not right."""
    faults = [*notebook.faults, *strange_columns(notebook, way.service)]
    if not notebook.readings:
        return [], faults
    days = [reading.day for reading in notebook.readings]
    serving = assignments_between(
        conn,
        society_id,
        midnight(min(days), zone),
        midnight(max(days), zone) + 2 * DAY,
        subject_type="unit",
    )
    flats = Flats(conn, society_id, way.service)
    placed: dict[tuple[int, date], Placed] = {}
    for reading in notebook.readings:
        subject = flats.subject_of(reading.who)
        if subject is None:
            faults.append(f"{reading.where}: {flats.unknown(reading.who)}")
            continue
        served = _serving(serving, subject, reading, way, _moment(reading.day, way.at, zone))
        if isinstance(served, str):
            faults.append(f"{reading.where}: {served}")
            continue
        before = placed.setdefault((served.meter_id, reading.day), Placed(reading, served))
        if before.reading.value != reading.value:
            faults.append(
                f"{reading.where}: {subject} shows {reading.value:f} on {reading.day:%Y-%m-%d}, "
                f"but {before.reading.value:f} in {before.reading.where}"
            )
    return list(placed.values()), list(dict.fromkeys(faults))


def _serving(
    serving: Sequence[Assignment], subject: str, reading: Reading, way: Way, at: datetime
) -> Assignment | str:
    """Return the meter that served a flat at a time, or why there is not one."""
    own = [each for each in serving if (each.subject, each.service) == (subject, way.service)]
    own = [each for each in own if way.source in {None, each.source}]
    then = [
        each
        for each in own
        if each.valid_from <= at and (each.valid_to is None or at < each.valid_to)
    ]
    serial = reading.who.meter
    if any(each.meter.serial == serial for each in serving):
        told = [each for each in then if each.meter.serial == serial]
        if then and not told:
            return f"meter {serial} did not serve {subject} on {reading.day:%Y-%m-%d}"
        then = told
    if not then:
        return (
            f"no {way.service.value} meter served {subject} on {reading.day:%Y-%m-%d}: see its "
            "dates in the list of units"
        )
    sources = sorted({each.source for each in then})
    if len(then) > 1:
        then = [each for each in then if each.source in MAIN_SOURCES] or then
    if len(then) > 1:
        return f"{subject} has several meters: give --source, one of {', '.join(sources)}"
    return then[0]


class Flats:
    """The units of a society, by how people write them."""

    def __init__(self, conn: Connection, society_id: int, service: Service) -> None:
        self._labels = labels_of(conn, society_id, service)
        self.service = service
        self._by: dict[str, set[str]] = {}
        self._within: dict[str, set[str]] = {}
        """By tower and label."""
        for subject, towers in self._labels.items():
            self._by.setdefault(plain(subject), set()).add(subject)
            for tower in towers:
                whole = _whole(tower, subject)
                self._within.setdefault(whole, set()).add(subject)

    def subject_of(self, who: Who) -> str | None:
        """Return the unit that a row is of; None: there is none, or several."""
        if not who.tower and who.flat in self._labels:
            return who.flat
        whole = _whole(who.tower, who.flat)
        within, long = self._within.get(whole, set()), self._by.get(whole, set())
        if not who.tower:
            ways = [within | long]
        else:
            short = self._by.get(plain(who.flat), set())
            ways = [within, self._of_tower(short | long, who.tower), short, long]
        return next((next(iter(found)) for found in ways if len(found) == 1), None)

    def _of_tower(self, subjects: Iterable[str], tower: str) -> set[str]:
        told = _whole(tower, "")
        return {
            each
            for each in subjects
            if any(_whole(known, "") == told for known in self._labels[each])
        }

    def unknown(self, who: Who) -> str:
        """Say that there is no such unit, and which ones are like it."""
        return (
            f"no unit {who.flat[:40]!r} has {self.service.value}: "
            f"{nearest_labels(who.flat, sorted(self._labels))}"
        )

    def unknown_in(self, notebook: Notebook) -> list[str]:
        """Say which flats of a notebook there are not."""
        told: dict[Who, Where] = {}
        for reading in notebook.readings:
            told.setdefault(reading.who, reading.where)
        for use in notebook.uses:
            told.setdefault(use.who, use.where)
        return [
            f"{where}: {self.unknown(who)}"
            for who, where in told.items()
            if self.subject_of(who) is None
        ]


def labels_of(conn: Connection, society_id: int, service: Service) -> Mapping[str, set[str]]:
    """Return the units of a society that ever had a service, with their towers."""
    found: dict[str, set[str]] = {}
    for each in assignments_between(conn, society_id, *EVER, subject_type="unit"):
        if each.service is service:
            own = found.setdefault(each.subject, set())
            if each.tower is not None:
                own.add(each.tower)
    return found


def _whole(tower: str, flat: str) -> str:
    """Return a tower and a label as `plain` does, without what people call a tower."""
    return plain(_TOWER.sub("", tower.casefold())) + plain(flat)


def plain(text: str) -> str:
    """Return a label without what people write otherwise: blanks, dashes, capitals."""
    folded = text.casefold()
    for word in _WORDS:
        folded = folded.removeprefix(word).lstrip(" .:")
    return folded.translate(_LEFT_OUT)


def used_of(notebook: Notebook, month: date, flats: Flats) -> Iterator[tuple[str, Decimal]]:
    """Yield what units are said to have used in a month."""
    for use in notebook.uses:
        subject = flats.subject_of(use.who)
        if subject is not None and use.when.is_month and use.when.first == month:
            yield subject, use.value
