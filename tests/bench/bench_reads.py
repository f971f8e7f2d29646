# SPDX-License-Identifier: MIT
"""How long it takes to read the months of 10,000 units, one unit, a curve; and to hold rollups.

The limit that passes or fails is a ratio to something measured in the same run: the look-up of as
many rows by one index. The goals in milliseconds are printed beside the figures: they are for a
machine that does nothing else.
"""

import time
from collections.abc import Callable
from datetime import date, timedelta

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import month_of
from cloud_ingest.month.close import close_month
from cloud_ingest.month.published import shown_month, shown_states
from cloud_ingest.month.published_balances import shown_balances
from cloud_ingest.store import readings_read
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.rollups_held import disagreement
from cloud_ingest.store.rollups_read import register_months
from cloud_ingest.usage.so_far import day_usage, month_usage
from cloud_ingest.views.completeness import completeness
from cloud_ingest.views.load_curve import load_curve
from shared_schema.catalogue import Service
from tests.support.fill import fill
from tests.support.store import SOCIETY, ZONE

UNITS = 10_000
JULY = month_of(2026, 7, ZONE)
LOOK_UP = "SELECT r.* FROM unnest(%s::int[]) AS c JOIN reading AS r ON channel_id = c AND ts = %s"


def best_ms(work: Callable[[], object], times: int = 5) -> float:
    """Return the shortest of some runs."""
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took) * 1000


def test_reads(edition: str, empty_dsn: str) -> None:
    with connect(empty_dsn) as conn:
        migrate(conn)
        fill(conn, SOCIETY, UNITS, date(2026, 6, 28), days=37, dense=2)
        measure(edition, conn)


def measure(edition: str, conn: Connection) -> None:
    """Print the figures of one edition and hold the ratios."""
    own = find_society(conn, SOCIETY)
    channels = [row.channel_id or 0 for row in register_months(conn, own, JULY)]
    end = JULY.end + timedelta(days=2)

    def look_up(some: list[int]) -> Callable[[], object]:
        return lambda: conn.execute(LOOK_UP, (some, JULY.end)).fetchall()

    def curve() -> object:
        start, step = end - timedelta(days=1), timedelta(minutes=15)
        return load_curve(conn, own, "U-7", Service.ELECTRICITY, start=start, end=end, step=step)

    all_rows, one_row = best_ms(look_up(channels)), best_ms(look_up(channels[:1]))
    rows = best_ms(lambda: register_months(conn, own, JULY))
    totals = best_ms(lambda: month_usage(conn, own, JULY))
    unit = best_ms(lambda: month_usage(conn, own, JULY, subject_type="unit", subject="U-7"))
    days = best_ms(lambda: day_usage(conn, own, JULY, ZONE, subject_type="unit", subject="U-7"))
    quarters = best_ms(curve)
    latest = best_ms(lambda: readings_read.latest(conn, own, end), 2)
    whole = best_ms(lambda: completeness(conn, own, JULY, ZONE, JULY.end), 2)
    held = best_ms(lambda: disagreement(conn, channels, JULY, ZONE), 2)
    assert disagreement(conn, channels, JULY, ZONE) is None
    print(
        f"\nreads, {edition}: {UNITS:,} units, 37 days, the last 2 in quarters of an hour"
        f"\n  look-up of {UNITS:,} readings     {all_rows:9.1f} ms"
        f"\n  look-up of one               {one_row:9.1f} ms"
        f"\n  rows of the month            {rows:9.1f} ms"
        f"\n  month of all units           {totals:9.1f} ms (goal 100, {totals / all_rows:.0f} x)"
        f"\n  month of one unit            {unit:9.1f} ms (goal 5, {unit / one_row:.0f} x)"
        f"\n  days of one unit             {days:9.1f} ms (goal 5)"
        f"\n  a day's curve, 96 points     {quarters:9.1f} ms"
        f"\n  latest of all                {latest:9.1f} ms"
        f"\n  completeness of all          {whole:9.1f} ms (goal 2000, {whole / all_rows:.0f} x)"
        f"\n  rollups held to readings     {held:9.1f} ms"
    )
    assert totals < 10 * all_rows
    assert unit < 100 * one_row
    assert whole < 150 * all_rows
    closed(edition, conn, one_row)


def closed(edition: str, conn: Connection, one_row: float) -> None:
    """Close the month, and print and hold what the views of a closed one take."""
    own = find_society(conn, SOCIETY)
    close_month(conn, SOCIETY, "2026-07", JULY.end + timedelta(days=4))

    def shown(subject: str | None) -> object:
        kind: SubjectKind | None = None if subject is None else "unit"
        return shown_month(conn, own, JULY, ZONE, subject_type=kind, subject=subject)

    unit = best_ms(lambda: shown("U-7"))
    towers = best_ms(lambda: shown_balances(conn, own, JULY))
    states = best_ms(lambda: shown_states(conn, own, JULY))
    whole = best_ms(lambda: shown(None), 1)
    print(
        f"closed, {edition}: the same month as it was published"
        f"\n  days of one unit             {unit:9.1f} ms ({unit / one_row:.0f} x)"
        f"\n  towers                       {towers:9.1f} ms"
        f"\n  numbers that stand           {states:9.1f} ms"
        f"\n  days of all units            {whole:9.1f} ms"
    )
    assert unit < 100 * one_row
