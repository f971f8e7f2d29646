# SPDX-License-Identifier: MIT
"""Six flats whose treasurer keeps a notebook beside ours: what howto/notebook.md works on."""

from datetime import timedelta
from pathlib import Path

from cloud_ingest.month.close import close_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.connection import Connection
from tests.support.store import Site, every, local, unit_line

FLATS = range(1, 7)
HOUR = timedelta(hours=1)
CLOSED = local("2026-11-26 09:00")


def kept_by_hand(conn: Connection, folder: Path) -> None:
    """Let each flat use more than the one before it, from 25 August to 25 November."""
    site = Site(conn, folder, "Sunrise Heights", "gw-a1")
    site.units(*(unit_line(f"A-10{flat}", f"2610000{flat}") for flat in FLATS))
    start, end = local("2026-08-25 00:00"), local("2026-11-25 00:00")
    for flat in FLATS:
        rows = every(start, end, 1_000_000 * flat, 100 + 50 * flat, HOUR)
        site.deliver(f"2610000{flat}", rows, period_s=3600)
    refresh(conn, CLOSED)
    for month in ("2026-09", "2026-10"):
        close_month(conn, site.society, month, CLOSED)
