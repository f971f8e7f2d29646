# SPDX-License-Identifier: MIT
"""A small society such as the demo's, put straight into a store: what its pages are looked at with.

Two towers; October is closed and one electricity number of it is withheld; a flat leaks; a dial
was read by its resident; a generator feeds one flat besides the grid.
"""

import csv
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from cloud_ingest.core.flag import Finding
from cloud_ingest.core.unit_list import COLUMNS
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read_look import Sent
from cloud_ingest.entries.self_read_submit import Sender, submit
from cloud_ingest.entries.unit_import import import_units
from cloud_ingest.flags.lifecycle import settle
from cloud_ingest.month.close import close_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import list_events
from cloud_ingest.store.manifests import manifest_line
from cloud_ingest.store.registry import find_society
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity, Subject, SubjectType, Unit
from shared_schema.evidence import LeakEvidence
from tests.support.gateway import ENERGY, MAKER, WATER
from tests.support.store import IMPORTED_AT, Site, local
from tests.support.two_societies import MONTH, Furnished, invited

NAME: Final = "Sunrise Heights"
HOUR: Final = timedelta(hours=1)
START, UNTIL = local("2026-08-31 00:00"), local("2026-11-20 00:00")
UNIT, NEIGHBOUR, LEGACY = "A-1204", "A-1203", "B-0304"
GAP: Final = (local("2026-10-27 18:00"), local("2026-11-03 09:00"))
LINES: Final = (
    ("Tower 1", "unit", "A-1201", "electricity", "grid", "2601", 410),
    ("Tower 1", "unit", "A-1202", "electricity", "grid", "2602", 530),
    ("Tower 1", "unit", NEIGHBOUR, "electricity", "grid", "2603", 295),
    ("Tower 1", "unit", UNIT, "electricity", "grid", "2604", 360),
    ("Tower 1", "unit", UNIT, "electricity", "generator", "2605", 12),
    ("Tower 2", "unit", "B-0302", "electricity", "grid", "2606", 475),
    ("Tower 1", "unit", NEIGHBOUR, "water", "", "2611", 31),
    ("Tower 1", "unit", UNIT, "water", "", "2612", 19),
    ("Tower 2", "unit", "B-0302", "water", "", "2613", 24),
    ("Tower 1", "common", "Lift 1", "electricity", "", "2621", 220),
    ("Tower 1", "bulk", "Tower 1 supply", "electricity", "", "2622", 1890),
    ("Tower 1", "bulk", "Tower 1 inlet", "water", "", "2623", 53),
)
SHARES: Final = (1, 1, 1, 1, 1, 2, 4, 5, 3, 2, 2, 2, 2, 2, 2, 2, 3, 5, 6, 7, 6, 4, 2, 1)
"""How the use of a day spreads over its hours."""


def build(conn: Connection, folder: Path) -> Furnished:
    """Put the society into a migrated store."""
    site = Site(conn, folder, NAME, "gateway-1")
    _import(conn, folder)
    for *_, service, _, serial, step in LINES:
        rows = [row for row in _hours(step) if serial != "2606" or not GAP[0] < row[0] < GAP[1]]
        column = ENERGY if service == "electricity" else WATER
        site.deliver(serial, rows, column=column, period_s=3600)
    refresh(conn, UNTIL + HOUR)
    for month, at in (("2026-09", "2026-10-05 09:00"), (MONTH, "2026-11-02 09:00")):
        close_month(conn, NAME, month, local(at))
    society_id = find_society(conn, NAME)
    return Furnished(
        mark="A",
        neighbours_mark=NEIGHBOUR,
        society=NAME,
        society_id=society_id,
        tower="Tower 1",
        unit=UNIT,
        neighbour=NEIGHBOUR,
        legacy=LEGACY,
        serial="2604",
        gateway="gateway-1",
        flag=_leak(conn, society_id),
        receipt=_self_read(conn, society_id),
        invitation=invited(conn, society_id, "A", UNTIL),
        sha256=_manifest(conn, society_id),
        number="",
        neighbours_number="",
    )


def _hours(step: int) -> Iterator[tuple[datetime, int]]:
    at, shown, number = START, 100_000 * step, 0
    while at <= UNTIL:
        yield at, shown
        day, hour = divmod(number, 24)
        shown += step * SHARES[hour] * (7 + day * 5 % 6) // 30
        at, number = at + HOUR, number + 1


def _import(conn: Connection, folder: Path) -> None:
    path = folder / "units.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(COLUMNS)
        written.writerows((*line[:5], MAKER, line[5], "no", "2026-01-01", "") for line in LINES)
        for service in ("electricity", "water"):
            written.writerow(
                ("Tower 2", "unit", LEGACY, service, "", "", "", "yes", "2026-01-01", "")
            )
    import_units(conn, NAME, path, now=IMPORTED_AT)


def _leak(conn: Connection, society_id: int) -> UUID:
    since = local("2026-11-17 01:00")
    found = Finding(
        kind=EventKind.LEAK,
        society_id=society_id,
        society=NAME,
        severity=Severity.WATCH,
        subject=Subject(type=SubjectType.UNIT, id=NEIGHBOUR),
        unit=Unit(type=SubjectType.UNIT, id=NEIGHBOUR, tower="Tower 1"),
        service=Service.WATER,
        since=since,
        message=f"Water of {NEIGHBOUR} has not stopped for 3 days.",
        evidence=LeakEvidence(manufacturer=MAKER, serial="2611", litres_so_far=Decimal(1240)),
    )
    settle(conn, [], [found], judged=set(), now=since + 72 * HOUR, ended="it ran dry")
    (flag,) = list_events(conn, society=NAME, kinds=[EventKind.LEAK])
    return flag.event.id


def _self_read(conn: Connection, society_id: int) -> UUID:
    at = local("2026-11-01 08:00")
    named = NamedMeter(LEGACY, Service.ELECTRICITY)
    sent = Sent(named, str(uuid4()), "4711.3", at, None)
    return submit(conn, society_id, sent, Sender("Meera Nair"), at).receipt


def _manifest(conn: Connection, society_id: int) -> str:
    line = manifest_line(conn, society_id, MONTH)
    assert line is not None
    return hashlib.sha256(line).hexdigest()
