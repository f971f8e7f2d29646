# SPDX-License-Identifier: MIT
"""A store with two months of data, and what it says: written by one version, held by the next.

Run as a program it prints the rows of a store on plain PostgreSQL that this version filled, and
the days, months and closed numbers that this version makes of them. ``tests/vectors/store.json`` is
what version 0.1.0 printed before its code was put into folders: no later version renews it.
"""

import json
import sys
import tempfile
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.history import import_history
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.migration import migrations
from deploy.demo.postgres import local_postgres
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, WATER_VOLUME, Service, Unit
from shared_schema.readings import Column
from tests.support.gateway import MAKER, block_line
from tests.support.store import SOCIETY, Site, every, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
CLOSED_AT = local("2026-08-05 09:00")
CLOSED_AGAIN_AT = local("2026-09-05 09:00")
HOUR = timedelta(hours=1)
STEP = 12 * HOUR
MONTHS = ("2026-07", "2026-08")
INTERVAL_WH = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR)
LITRES = Column(obis=WATER_VOLUME, scaler=0, unit=Unit.LITRE)
TABLES = (
    "society", "gateway", "gateway_key", "meter", "assignment", "channel", "epoch", "reading",
    "claim", "election", "dirty", "batch", "quarantine", "self_read", "month_close",
    "month_number", "month_reconciliation", "outbox", "history_import",
)  # fmt: skip
"""In the order in which their rows can be stored; the rollups are made of them."""

ORDERS = {
    "epoch": ("entry_order", "recorded_at"),
    "election": ("entry_order", "at"),
    "self_read": ("entry_order", "entered_at"),
    "month_close": ("heard_order", "last_closed_at"),
    "month_number": ("heard_order", "closed_at"),
}
"""Columns that a former store does not have, and the times of which 0028 makes them."""

Rows = dict[str, list[list[Any]]]
"""By table: the names of the columns, and then each row."""


def fill(site: Site) -> None:
    """Let a society have July, closed, and August, of which nothing is rolled up yet."""
    change = "2026-07-10 14:30"
    site.units(
        unit_line("A-1204", "1"),
        unit_line("A-1205", "2", until=change),
        unit_line("A-1205", "3", since=change),
        unit_line("Lift", "4", kind="common"),
        unit_line("Bulk", "5", kind="bulk"),
        unit_line("A-1204", "W", service="water", source="main"),
        unit_line("Old", "6"),
    )
    begin, turn = START - 3 * STEP, START + 20 * STEP
    for serial, first, step in (("1", 1000, 600), ("4", 70, 90), ("5", 9_000_000, 2000)):
        site.deliver(serial, every(begin, CLOSED_AT, first, step, STEP))
    site.deliver("2", every(begin, local("2026-07-10 12:00"), 5, 700, STEP))
    site.deliver("3", every(local("2026-07-10 15:00"), CLOSED_AT, 3, 800, STEP))
    site.deliver("W", every(begin, turn, 900_000, 250, STEP), column=LITRES)
    site.deliver("W", every(turn + STEP, CLOSED_AT, 250, 250, STEP), column=LITRES)
    intervals = every(START + STEP, END, 600, 0, STEP)
    del intervals[9:12]
    site.deliver("1", intervals, column=INTERVAL_WH, period_s=3600)
    site.deliver("1", [(START + 5 * STEP, 4711)])  # another claim for a moment that is stored
    unknown = site.gateway.seal(block_line("9", every(START, START + HOUR, 0, 1)))
    commit(site.conn, [site.verdict(unknown, START + 2 * HOUR)])
    path = site.folder / "history.csv"
    path.write_text(
        "manufacturer,serial,obis,unit,scaler,ts,value\n"
        + "".join(
            f"{MAKER},6,1.0.1.8.0.255,Wh,0,{at:%Y-%m-%dT%H:%M:%SZ},{raw}\n"
            for at, raw in every(begin, END, 100, 50, STEP)
        ),
        encoding="utf-8",
    )
    import_history(site.conn, SOCIETY, path, CLOSED_AT)
    refresh(site.conn, CLOSED_AT)
    add_epoch(
        site.conn, SOCIETY, NamedMeter("A-1204", Service.WATER), starts_at=turn + STEP,
        adds=Decimal("905.75"), reason="reset", by="caretaker", now=CLOSED_AT,
    )  # fmt: skip
    self_read(
        site.conn, SOCIETY, NamedMeter("A-1204", Service.ELECTRICITY), value=Decimal("39.5"),
        at=END + HOUR, by="caretaker", now=CLOSED_AT, force_because="the meter was changed",
    )  # fmt: skip
    refresh(site.conn, CLOSED_AT)
    close_month(site.conn, SOCIETY, "2026-07", CLOSED_AT)
    for serial, first, step in (("1", 60_000, 610), ("3", 60_000, 810), ("5", 9_200_000, 2100)):
        site.deliver(
            serial, every(local("2026-08-05 12:00"), local("2026-09-01 12:00"), first, step, STEP)
        )


def rows_of(conn: Connection) -> Rows:
    """Return every row of a store, as JSON has it."""
    found: Rows = {}
    for table in TABLES:
        statement = f"SELECT coalesce(json_agg(to_json(t) ORDER BY t), '[]') FROM {table} AS t"  # noqa: S608
        row = conn.execute(statement.encode()).fetchone()
        assert row is not None
        names = list(row[0][0]) if row[0] else []
        found[table] = [names, *(list(each.values()) for each in row[0])]
    return found


def what_it_says(conn: Connection) -> dict[str, Any]:
    """Roll up a store and close both months again; return the days, the months and the numbers."""
    refresh(conn, CLOSED_AGAIN_AT)
    closed = {month: close_month(conn, SOCIETY, month, CLOSED_AGAIN_AT) for month in MONTHS}
    said: dict[str, Any] = {"closed": {month: _counts(done) for month, done in closed.items()}}
    for table, bucket in (("reading_day", "day"), ("reading_month", "month")):
        statement = (
            f"SELECT channel_id, {bucket}::text, first_raw, last_raw,"  # noqa: S608
            " extract(epoch FROM min_ts)::int, extract(epoch FROM max_ts)::int,"
            " count, sum_raw::text, min_raw, max_raw"
            f" FROM {table} ORDER BY 1, 2"
        )
        said[table] = [list(row) for row in conn.execute(statement.encode())]
    numbers = conn.execute(
        "SELECT convert_from(message, 'UTF8') FROM month_number"
        " ORDER BY month, subject_type, subject, service, version"
    )
    said["numbers"] = [line for (line,) in numbers]
    manifests = conn.execute(
        "SELECT convert_from(manifest, 'UTF8') FROM month_close ORDER BY month"
    )
    said["manifests"] = [line for (line,) in manifests]
    balances = conn.execute(
        "SELECT convert_from(message, 'UTF8') FROM month_reconciliation"
        " ORDER BY month, tower, service"
    )
    said["reconciliations"] = [line for (line,) in balances]
    return said


def _counts(done: Closed) -> list[int]:
    return [len(done.numbers), len(done.withheld), done.published]


def restore(conn: Connection, rows: Rows) -> None:
    """Put the rows of a former store into the tables of a new one, with their numbers."""
    has = "SELECT to_regproc('metering.make_reading_partition') IS NOT NULL"
    if conn.execute(has).fetchone() == (True,):
        for month in ("2026-06-01", "2026-07-01", "2026-08-01", "2026-09-01"):
            conn.execute("SELECT make_reading_partition(%s)", (month,))
    for table in TABLES:
        names, *values = rows[table]
        named = [dict(zip(names, each, strict=True)) for each in values]
        if table == "assignment":  # the versions that hold: what 0022 makes of the table
            named = [
                {**row, "label": row["subject"], "author": "me", "reason": "r"} for row in named
            ]
            named = [{**row, "recorded_at": row["valid_from"]} for row in named]
        if table in ORDERS:
            order, at = ORDERS[table]
            named = [{order: _microseconds(row[at]), **row} for row in named]
        if not named:
            continue
        columns = ", ".join(named[0])  # what is new since has its default
        statement = (
            f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"  # noqa: S608
            f" SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s::json)"
        )
        conn.execute(statement.encode(), (json.dumps(named),))
    sequences = conn.execute(
        "SELECT format('SELECT setval(%L, (SELECT max(%I) FROM %I))',"
        " pg_get_serial_sequence(table_name, column_name), column_name, table_name)"
        " FROM information_schema.columns"
        " WHERE table_schema = 'metering' AND is_identity = 'YES'"
    ).fetchall()
    for (statement,) in sequences:
        conn.execute(statement.encode())


def _microseconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp()) * 1_000_000


def main() -> None:
    """Print the rows of a store that this version fills, and what this version says of them."""
    with (
        local_postgres(durable=False) as server,
        connect(server.dsn_of("postgres")) as conn,
        tempfile.TemporaryDirectory() as folder,
    ):
        migrate(conn)
        fill(Site(conn, Path(folder)))
        kept = {
            "migrations": {each.name: each.checksum for each in migrations()},
            "rows": rows_of(conn),
        }
        kept["says"] = what_it_says(conn)
        json.dump(kept, sys.stdout, ensure_ascii=False, separators=(",", ":"))
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
