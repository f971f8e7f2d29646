# SPDX-License-Identifier: MIT
"""Two societies in one store, each with one of everything that pages and API show.

Every name of a society carries its mark, and those of its second unit another one: where a mark is
read by somebody for whom it is not, something has leaked.
"""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from cloud_ingest.core.flag import Finding
from cloud_ingest.core.role import Role
from cloud_ingest.core.unit_list import COLUMNS
from cloud_ingest.entries.invitations import invite
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read_look import Sent
from cloud_ingest.entries.self_read_submit import Sender, submit
from cloud_ingest.entries.unit_import import import_units
from cloud_ingest.flags.lifecycle import settle
from cloud_ingest.month.close import close_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import list_events
from cloud_ingest.store.invitations import open_invitations
from cloud_ingest.store.manifests import manifest_line
from cloud_ingest.store.registry import enrol_gateway, find_society
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity, Subject, SubjectType, Unit
from shared_schema.evidence import LeakEvidence
from shared_schema.signing import public_key_to_pem
from tests.support.flags import STARTED
from tests.support.gateway import MAKER, Sealer
from tests.support.store import IMPORTED_AT, Site, every, kwh, local

MONTH, DAY, LAST_MONTH = "2026-10", "2026-10-07", "2026-09"
START, UNTIL = local("2026-08-31 00:00"), local("2026-11-02 00:00")
HOURS = 31 * 24
CLOSED_AT: Final = {
    "2026-09": local("2026-10-05 09:00"),
    "2026-10": local("2026-11-05 09:00"),
}


@dataclass(frozen=True, slots=True)
class Furnished:
    """What a society has, for addresses."""

    mark: str
    """In each of its names."""
    neighbours_mark: str
    """In the names of what the resident's neighbour has."""
    society: str
    society_id: int
    tower: str
    unit: str
    neighbour: str
    legacy: str
    """A unit whose dial a resident reads."""
    serial: str
    gateway: str
    flag: UUID
    """Of the neighbour."""
    receipt: UUID
    invitation: int
    """Of somebody who has not joined yet."""
    sha256: str
    """Of the newest manifest."""
    number: str
    """What the unit used in the closed month, in kWh."""
    neighbours_number: str


def furnish(
    conn: Connection, folder: Path, mark: str, odd: str = "", begin: str = "", *, step: int = 11
) -> Furnished:
    """Put a society into a store.

    Args:
        conn: A migrated store.
        folder: For the list of its units.
        mark: Begins each of its names; letters and digits.
        odd: Ends each of its names.
        begin: Begins the names of its towers and units.
        step: Watt hours that the unit uses in an hour; its neighbour uses twice as much.
    """
    other = f"{mark}nb"
    society, tower = f"{mark} Lake{odd}", f"{begin}{mark} tower{odd}"
    unit, neighbour, legacy = (
        f"{begin}{mark}/12 04{odd}",
        f"{begin}{other}-1205{odd}",
        f"{begin}{mark}-0304{odd}",
    )
    gateway = f"gw-{mark}".lower()
    sealer = Sealer(gateway)
    enrol_gateway(conn, society, gateway, tower, public_key_to_pem(sealer.key.public_key()))
    site = _Told(conn, folder, society, sealer)
    rows = [
        (tower, "unit", unit, "electricity", "grid", MAKER, f"{mark}1", "no"),
        (tower, "unit", neighbour, "electricity", "grid", MAKER, f"{other}2", "no"),
        (tower, "common", f"{mark} lift{odd}", "electricity", "", MAKER, f"{mark}3", "no"),
        (tower, "bulk", f"{mark} bulk{odd}", "electricity", "", MAKER, f"{mark}4", "no"),
        (tower, "unit", legacy, "electricity", "grid", "", "", "yes"),
    ]
    _import(conn, folder, society, rows)
    steps = {f"{mark}1": step, f"{other}2": 2 * step, f"{mark}3": 5, f"{mark}4": 3 * step + 7}
    for serial, each in steps.items():
        site.deliver(serial, every(START, UNTIL, 1000, each, timedelta(hours=1)))
    refresh(conn, CLOSED_AT[MONTH])
    for month, at in CLOSED_AT.items():
        close_month(conn, society, month, at)
    society_id = find_society(conn, society)
    return Furnished(
        mark=mark,
        neighbours_mark=other,
        society=society,
        society_id=society_id,
        tower=tower,
        unit=unit,
        neighbour=neighbour,
        legacy=legacy,
        serial=f"{mark}1",
        gateway=gateway,
        flag=_flag(
            conn,
            society,
            Unit(type=SubjectType.UNIT, id=neighbour, tower=tower),
            f"{other}2",
        ),
        receipt=_submitted(conn, society_id, legacy, mark),
        invitation=invited(conn, society_id, mark, CLOSED_AT[MONTH]),
        sha256=_newest_manifest(conn, society_id),
        number=f"{kwh(step * HOURS):f}",
        neighbours_number=f"{kwh(2 * step * HOURS):f}",
    )


class _Told(Site):
    """A gateway that speaks for a society which is enrolled."""

    def __init__(self, conn: Connection, folder: Path, society: str, sealer: Sealer) -> None:
        self.conn, self.folder, self.society, self.gateway = conn, folder, society, sealer


def _import(conn: Connection, folder: Path, society: str, rows: Sequence[tuple[str, ...]]) -> None:
    path = folder / "units.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(COLUMNS)
        written.writerows((*row, "2026-01-01", "") for row in rows)
    import_units(conn, society, path, now=IMPORTED_AT)


def _flag(conn: Connection, society: str, unit: Unit, serial: str) -> UUID:
    found = Finding(
        kind=EventKind.LEAK,
        society_id=find_society(conn, society),
        society=society,
        severity=Severity.WATCH,
        subject=Subject(type=SubjectType.UNIT, id=unit.id),
        unit=unit,
        service=Service.WATER,
        since=STARTED - timedelta(days=1),
        message=f"Water of {unit.id} has not stopped.",
        evidence=LeakEvidence(manufacturer=MAKER, serial=serial, litres_so_far=Decimal(100)),
    )
    settle(conn, [], [found], judged=set(), now=STARTED, ended="it ran dry")
    (flag,) = list_events(conn, society=society, kinds=[EventKind.LEAK])
    return flag.event.id


def _submitted(conn: Connection, society_id: int, unit: str, mark: str) -> UUID:
    at: datetime = local("2026-11-01 08:00")
    named = NamedMeter(unit, Service.ELECTRICITY)
    sent = Sent(named, str(uuid4()), "4711.3", at, None)
    return submit(conn, society_id, sent, Sender(f"{mark} resident"), at).receipt


def invited(conn: Connection, society_id: int, mark: str, at: datetime) -> int:
    """Invite somebody; return the invitation's number."""
    names = f"{mark} guest", f"{mark} secretary"
    invite(conn, society_id, names[0], Role.TREASURER, unit=None, by=names[1], now=at)
    return open_invitations(conn, society_id, at)[0].invitation_id


def _newest_manifest(conn: Connection, society_id: int) -> str:
    line = manifest_line(conn, society_id, MONTH)
    assert line is not None
    return hashlib.sha256(line).hexdigest()


def kept_of(conn: Connection, own: Furnished) -> dict[str, tuple[Any, ...]]:
    """Return a digest of everything that the store has of a society, by table."""
    tables = conn.execute(
        """
        SELECT table_name FROM information_schema.columns JOIN information_schema.tables
        USING (table_schema, table_name)
        WHERE column_name = 'society_id' AND table_schema = current_schema()
              AND table_type = 'BASE TABLE'
              AND table_name NOT IN ('membership', 'api_token', 'access_act')
        """
    ).fetchall()
    rows = "SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {} AS t WHERE society_id = %s"
    return {
        table: conn.execute(rows.format(table).encode(), (own.society_id,)).fetchall()[0]
        for (table,) in tables
    }
