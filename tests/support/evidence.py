# SPDX-License-Identifier: MIT
"""Evidence whose time has come, in a store whose clock has not moved."""

from datetime import date, datetime

from cloud_ingest.operate.evidence import tend_evidence
from cloud_ingest.store.connection import Connection


def line_at(conn: Connection, month: date) -> None:
    """Let this be the first month whose evidence stays whole."""
    conn.execute(
        "CREATE OR REPLACE FUNCTION metering.evidence_line() RETURNS date LANGUAGE sql STABLE"
        f" AS $$ SELECT '{month}'::date $$"
    )


def let_go(conn: Connection, now: datetime, line: date = date(2026, 10, 1)) -> None:
    """Shorten all months before a line, piece by piece."""
    line_at(conn, line)
    for _ in range(20):
        if tend_evidence(conn, now) == 0:
            return
    raise AssertionError("it does not end")
