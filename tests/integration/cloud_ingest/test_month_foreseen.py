# SPDX-License-Identifier: MIT
"""What a correction shows of an estimate is what closing again sends, before days are rolled up."""

from datetime import timedelta
from decimal import Decimal

from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.month.close import close_month
from cloud_ingest.month.correction import correct_reading
from shared_schema.billing import MonthlyConsumption
from shared_schema.catalogue import Service
from tests.support.store import SOCIETY, Site, every, local, unit_line

HOUR = timedelta(hours=1)


def test_an_estimate_is_shown_as_it_is_sent(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    start, gap, back = (
        local("2026-01-01 00:00"),
        local("2026-01-27 00:00"),
        local("2026-02-09 00:00"),
    )
    site.deliver("1", every(start, gap, 12_345_000, 40, HOUR), period_s=3600)
    site.deliver("1", every(back, back + 6 * HOUR, 12_390_000, 40, HOUR), period_s=3600)
    close_month(site.conn, SOCIETY, "2026-01", local("2026-02-10 00:00"), estimates="sent")
    raw, day = 12_390_240, back + 6 * HOUR
    for n in range(18):
        use = 20 + 70 * (n % 7 in {5, 6})
        rows = every(day + HOUR, day + 24 * HOUR, raw + use, use, HOUR)
        site.deliver("1", rows, period_s=3600)
        raw, day = rows[-1][1], rows[-1][0]
    named = NamedReading(
        "A-1", Service.ELECTRICITY, local("2026-02-05 12:00"), value=Decimal("12382.000")
    )
    word = Word("enter", "treasurer", "seen at the meter")
    now = local("2026-03-02 00:00")
    told = correct_reading(site.conn, SOCIETY, named, word, now, apply=True, estimates="sent")
    closed = close_month(site.conn, SOCIETY, "2026-01", now + HOUR, estimates="sent")
    (shown,) = [each.after for each in told.months if each.month == "2026-01"]
    (sent,) = closed.numbers
    assert isinstance(shown, MonthlyConsumption)
    assert (shown.quantity, shown.bounds) == (sent.quantity, sent.bounds)
