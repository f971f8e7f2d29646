# SPDX-License-Identifier: MIT
"""Two societies as the how-to guides tell of them, in a store: what the office works on.

"Lake View" has a border of February that nobody read well (contest.md, readings.md). "Sunrise
Heights" has a register that turned over in October (month.md), and a resident who reads a dial.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from cloud_ingest.core.unit_list import COLUMNS
from cloud_ingest.entries.commission import commission
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.flags.lifecycle import settle
from cloud_ingest.month.close import close_month
from cloud_ingest.store.connection import Connection
from shared_schema.catalogue import WATER_VOLUME, Service, Unit
from shared_schema.readings import Column
from shared_schema.signing import (
    fingerprint,
    generate_key,
    private_key_from_pem,
    private_key_to_pem,
    sign_document,
)
from tests.support.flags import FlaggedSociety
from tests.support.gateway import MAKER, Sealer
from tests.support.store import Site, every, local, unit_line

LAKE_VIEW, SUNRISE = "Lake View", "Sunrise Heights"
DIAL = {"at": "2026-08-22T05:00:00+00:00", "dial_m3": "231.000", "register_m3": "131.000"}
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WATER_L = Column(obis=WATER_VOLUME, scaler=-3, unit=Unit.CUBIC_METRE)
TOWER = "Tower 1"
PRESENT = datetime(2026, 12, 1, 6, tzinfo=UTC)
"""When the office works."""


def furnish(conn: Connection, folder: Path) -> None:
    """Fill an empty store, and write the files that the pages name into a folder."""
    lake_view(conn, folder)
    sunrise_heights(conn, folder)


def lake_view(conn: Connection, folder: Path) -> None:
    """One flat and its tower's meter, from the summer of 2025 on."""
    site = Site(conn, folder, LAKE_VIEW, "gw-l")
    since = "2025-07-01"
    site.units(
        unit_line("A-1204", "26100001", since=since),
        unit_line("Tower 1 bulk", "26100034", since=since, kind="bulk"),
        now=local("2025-07-01 09:00"),
    )
    start, border, end = map(local, ("2025-07-02 00:00", "2026-02-01 00:00", "2026-11-20 00:00"))
    january = local("2026-01-01 00:00")

    def shows(at: datetime) -> int:
        return 12345000 + 10 * ((at - january) // timedelta(minutes=15))

    days = [at for at, _ in every(start, end, 0, 0, DAY) if at != border]
    quarter = timedelta(minutes=15)
    near = [(border - quarter, 12374750), (border, 0), (border + quarter, 12374770)]
    for serial, factor in (("26100001", 1), ("26100034", 2)):
        rows = [(at, factor * shows(at)) for at in days]
        for part in range(0, len(rows), 28):
            site.deliver(serial, rows[part : part + 28], period_s=86400)
    site.deliver("26100001", near)
    close_month(conn, LAKE_VIEW, "2026-07", local("2026-08-02 09:00"))
    told = fingerprint(site.gateway.key.public_key())
    (folder / "fingerprint").write_text(told)


def sunrise_heights(conn: Connection, folder: Path) -> None:
    """Some flats of two towers, two gateways; September to November 2026."""
    site = Site(conn, folder, SUNRISE, "gw-a1")
    site.enrol(Sealer("gw-a2"), TOWER)
    lines = [
        unit_line("A-1204", "26100001", since="2026-08-22"),
        unit_line("A-1204", "26100002", since="2026-08-22", service="water", source="main"),
        unit_line("A-1203", "26100003", since="2026-08-22"),
        unit_line("Tower 1 bulk", "26100034", since="2026-08-22", kind="bulk"),
        "Tower 2,unit,C-0304,electricity,grid,,,yes,2026-08-22,",
        unit_line("101", "26100101", since="2026-08-22", tower="T1"),
        unit_line("101", "26100102", since="2026-08-22", tower="T2"),
    ]
    site.units(*lines, now=local("2026-08-22 10:12"))
    sheet = write_sheet(site.gateway, folder / "commissioning-gw-a1-riser-1.json")
    commission(conn, SUNRISE, sheet, by=None, now=local("2026-08-22 11:00"), moves=False)
    start, turn, end = map(local, ("2026-08-23 00:00", "2026-10-10 05:00", "2026-12-01 00:00"))
    before = every(start, turn - HOUR, 999_990_000, 8, HOUR)
    after = every(turn, end, 500, 8, HOUR)
    site.deliver("26100001", before[:1000], period_s=3600)
    site.deliver("26100001", before[1000:] + after[:500], period_s=3600)
    site.deliver("26100001", after[500:], period_s=3600)
    checked = every(end, end + 9 * HOUR, 132_200, 1, HOUR)
    water = [*every(start, end - DAY, 131_000, 12, DAY), *checked]
    site.deliver("26100002", water, column=WATER_L, period_s=3600)
    for serial, step in (("26100003", 9000), ("26100034", 30000), ("26100101", 4000)):
        site.deliver(serial, every(start, end, 100_000, step, DAY), period_s=86400)
    secret(folder / "cloud.key", private_key_to_pem(generate_key()))


def flagged(conn: Connection, folder: Path) -> None:
    """Lake View's tower A, whose flat A-1204 has a leak (flags.md)."""
    society = FlaggedSociety(conn, LAKE_VIEW)
    site = Site(conn, folder, LAKE_VIEW, "gw-l")
    site.units(unit_line("A-1204", "A-1204-7", service="water", source="main", tower="A"))
    settle(conn, [], [society.finding("A-1204")], judged=(), now=PRESENT - DAY, ended="")


def replaced(conn: Connection, folder: Path) -> None:
    """A flat whose meter was replaced in October, before its list of units says so (units.md)."""
    site = Site(conn, folder, SUNRISE, "gw-a1")
    flats = [unit_line("101", f"2610010{n}", since="2026-08-22", tower=f"T{n}") for n in (1, 2)]
    first = unit_line("A-1204", "26100001", since="2026-08-22")
    site.units(first, *flats, now=local("2026-08-22 10:12"))
    start, taken = local("2026-08-23 00:00"), local("2026-10-10 14:00")
    site.deliver("26100001", every(start, taken, 12_000_000, 320, HOUR), period_s=3600)
    for month in ("2026-09", "2026-10"):
        close_month(conn, SUNRISE, month, local("2026-11-02 09:00"))
    changed = f"{first}2026-10-10T14:30"
    second = unit_line("A-1204", "26100077", since="2026-10-10T14:30")
    lines = [",".join(COLUMNS), changed, second, *flats]
    (folder / "units.csv").write_text("\n".join(lines) + "\n")


def held(conn: Connection, folder: Path) -> None:
    """Two numbers that wait for a person (month.md): a dial was misread, a bakery moved in."""
    site = Site(conn, folder, SUNRISE, "gw-a1")
    site.units(
        unit_line("A-1204", "26100001", since="2026-08-22"),
        unit_line("B-0301", "26100003", since="2026-08-22", tower="Tower 2"),
        unit_line("Tower 1 bulk", "26100034", since="2026-08-22", kind="bulk"),
        now=local("2026-08-22 10:12"),
    )
    start, silent, end = map(local, ("2026-09-30 00:00", "2026-10-20 00:00", "2026-11-10 00:00"))
    flat = every(start, end, 12_345_000, 1332, DAY)
    site.deliver("26100001", [row for row in flat if row[0] < silent], period_s=86400)
    for serial, step in (("26100003", 500_016), ("26100034", 1428)):
        site.deliver(serial, every(start, end, 100_000, step, DAY), period_s=86400)
    self_read(
        conn,
        SUNRISE,
        NamedMeter("A-1204", Service.ELECTRICITY),
        value=Decimal("12376.000"),
        at=local("2026-10-31 20:00"),
        by="caretaker",
        now=local("2026-11-01 09:00"),
    )
    close_month(conn, SUNRISE, "2026-10", local("2026-11-02 09:00"))
    site.deliver("26100001", [row for row in flat if row[0] >= silent], period_s=86400)


def secret(path: Path, text: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(text)


def write_sheet(sealer: Sealer, path: Path, most: int = 2) -> str:
    """Write what ``edge-agent commission`` writes for the flat's two meters, or the first."""
    meters = [
        {
            "label": f"A-1204 {service}",
            "verdict": "green",
            "seals": [f"S-471{number}"],
            "dial": dial,
            "examination": {"manufacturer": MAKER, "serial": f"2610000{number}"},
        }
        for number, service, dial in ((1, "electricity", None), (2, "water", DIAL))[:most]
    ]
    document = {
        "gateway": sealer.name,
        "key_fingerprint": fingerprint(sealer.key.public_key()),
        "at": datetime(2026, 8, 22, 5, tzinfo=UTC).isoformat(timespec="seconds"),
        "by": "R. Rao",
        "clock_synchronised": True,
        "meters": meters,
    }
    text = sign_document(json.dumps(document, indent=2), sealer.key)
    path.write_text(text)
    return text


if __name__ == "__main__":
    key = Path(sys.argv[1])
    sealer = Sealer(key.stem, private_key_from_pem(key.read_bytes()))
    write_sheet(sealer, Path(f"commissioning-{key.stem}-riser-1.json"), most=1)
