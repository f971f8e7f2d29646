# SPDX-License-Identifier: MIT
"""How long the work around a month of 10,000 units takes: its status, its changes, its files.

The goals are 1 s for a status and 5 s for a file, on a machine that does nothing else. What passes
or fails is the CPU time as a ratio to something measured in the same run: of the status and the
changes, the list of who had which meter; of a file, reading the numbers from their messages and
writing them again. Half of the month is away.
"""

import tracemalloc
from collections.abc import Callable
from datetime import date, timedelta

from cloud_ingest.cli.month_status_text import status_text
from cloud_ingest.core.month import month_of
from cloud_ingest.exports.formats import Format, month_file
from cloud_ingest.month.changes_after import month_changes
from cloud_ingest.month.close import close_month
from cloud_ingest.month.exported import month_export
from cloud_ingest.month.status import month_status
from cloud_ingest.store import months
from cloud_ingest.store.assignments import assignments_between
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate, open_store
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.rollups_write import forget_days
from tests.bench.bench_close import Took, since, spent
from tests.support.fill import fill, roll_up
from tests.support.store import SOCIETY, ZONE

UNITS = 10_000
JULY = month_of(2026, 7, ZONE)
NOW = JULY.end + timedelta(days=2)
WINDOW = timedelta(days=3)
MOST_STATUS, MOST_FILE = 12, 8
MOST_MB = 150
"""Of memory for a file beside the month itself."""


def test_month_work(edition: str, empty_dsn: str) -> None:
    with connect(empty_dsn) as conn:
        migrate(conn)
        fill(conn, SOCIETY, UNITS, date(2026, 6, 28), days=37, dense=2)
        measure(edition, conn)


def measure(edition: str, conn: Connection) -> None:
    """Print the figures of one edition and hold the ratios."""
    own = find_society(conn, SOCIETY)

    def status() -> object:
        return status_text(month_status(conn, SOCIETY, JULY, NOW, window=WINDOW), ZONE, NOW)

    listed = best(conn, lambda: assignments_between(conn, own, JULY.start, JULY.end))
    ended = best(conn, status)
    lose_half(conn)
    half = best(conn, status)
    close_month(conn, SOCIETY, str(JULY), NOW)
    closed = best(conn, status)
    changed = best(conn, lambda: month_changes(conn, SOCIETY, JULY))
    told = {
        "status, ended": ended,
        "status, half of it away": half,
        "status, closed, half withheld": closed,
        "changes": changed,
    }
    print(
        f"\nthe month's work, {edition}: {UNITS:,} units\n  who had which meter            {listed}"
    )
    for what, took in told.items():
        print(f"  {what:31}{took}, {took.cpu_s / listed.cpu_s:.1f} x (limit {MOST_STATUS})")
    assert max(took.cpu_s for took in told.values()) < MOST_STATUS * listed.cpu_s
    files(conn, own)


def lose_half(conn: Connection) -> None:
    """Let every second meter be away since nine days before the end of the month."""
    lost_at = JULY.end - 3 * WINDOW
    conn.execute("DELETE FROM reading WHERE channel_id %% 2 = 0 AND ts > %s", (lost_at,))
    conn.execute("UPDATE meter SET last_reading_at = %s WHERE meter_id %% 2 = 0", (lost_at,))
    even = [
        row[0] for row in conn.execute("SELECT channel_id FROM channel WHERE channel_id % 2 = 0")
    ]
    first, last = date(2026, 7, 20), date(2026, 8, 4)
    if open_store(conn).rollups != "continuous":
        forget_days(conn, even, first, last, ZONE)
    roll_up(conn, even, first, last)


def files(conn: Connection, own: int) -> None:
    """Print and hold what each file of the month takes."""

    def again() -> object:
        kept = months.numbers(conn, own, str(JULY))
        return [each.number.to_line() for each in kept]

    alone = best(conn, again)
    print(f"  numbers read and written again {alone}")
    for form in Format:

        def written(form: Format = form) -> int:
            return sum(map(len, month_file(month_export(conn, SOCIETY, JULY), form)))

        took = best(conn, written, 1)
        print(f"  {form.value:31}{took}, {took.cpu_s / alone.cpu_s:.1f} x (limit {MOST_FILE})")
        assert took.cpu_s < MOST_FILE * alone.cpu_s
        assert grown_mb(conn, form) < MOST_MB


def best(conn: Connection, work: Callable[[], object], times: int = 3) -> Took:
    """Return the least that some work took."""

    def once() -> Took:
        began = spent(conn)
        work()
        return since(conn, began)

    return min((once() for _ in range(times)), key=lambda took: took.cpu_s)


def grown_mb(conn: Connection, form: Format) -> float:
    """Return how much memory writing a file took at most, beside the month as a value."""
    found = month_export(conn, SOCIETY, JULY)
    tracemalloc.start()
    try:
        for _ in month_file(found, form):
            pass
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
