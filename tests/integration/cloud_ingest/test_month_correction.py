# SPDX-License-Identifier: MIT
"""What a correction of a reading is said to change is what closing its months again then changes.

By hand: 1 kWh an hour since 1 January; July, August and October have 744 kWh each, September 720.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.month.close import close_month
from cloud_ingest.month.correction import Correction, correct_reading
from cloud_ingest.month.decision import SaidOfNumber, decide
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.number_words import NumberKey
from cloud_ingest.store.published import published_month
from shared_schema.billing import MonthlyConsumption, Withheld
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, Service, Unit
from shared_schema.readings import Column
from tests.support.store import SOCIETY, Site, every, local, unit_line

HOUR = timedelta(hours=1)
NOW = local("2026-12-05 09:00")
MONTHS = ("2026-07", "2026-08", "2026-09", "2026-10")
INTERVAL_WH = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR)

Told = tuple[str, str, str, int | None]
"""A month, a subject, what it says, and the version that is sent."""


def read(site: Site, start: str, end: str, serial: str = "1") -> None:
    """Let a meter tell each hour from one time to another."""
    begin = local(start)
    rows = every(
        begin, local(end), (begin - local("2026-01-01 00:00")) // HOUR * 1_000, 1_000, HOUR
    )
    for number in range(0, len(rows), 2_000):
        site.deliver(serial, rows[number : number + 2_000])


def close(site: Site, *some: str, now: datetime = NOW) -> None:
    for month in some:
        close_month(site.conn, SOCIETY, month, now)


def enter(site: Site, at: str, kwh: int, *, apply: bool, now: datetime = NOW) -> Correction:
    named = NamedReading(NamedMeter("A-1", Service.ELECTRICITY), local(at), value=Decimal(kwh))
    word = Word("enter", "manager", "photo of the dial")
    return correct_reading(site.conn, SOCIETY, named, word, now, apply=apply)


def text(number: MonthlyConsumption | Withheld | None) -> str:
    if isinstance(number, MonthlyConsumption):
        return f"{number.quantity:f} since {number.since or number.month}"
    return "nothing" if number is None else f"withheld {' '.join(number.reasons)}"


def standing(site: Site) -> dict[tuple[str, str], tuple[str, int | None]]:
    """Return what is published of each month and subject, with its version."""
    society = site.one("SELECT society_id FROM society")
    found: dict[tuple[str, str], tuple[str, int | None]] = {}
    for month in MONTHS:
        published = published_month(site.conn, society, month)
        assert published is not None
        for number in published.numbers:
            found[month, number.subject.id] = (text(number), number.version)
        for withheld in published.withheld:
            found[month, withheld.subject.id] = (text(withheld), None)
    return found


def told(found: Correction) -> Iterator[Told]:
    for each in (month for month in found.months if month.is_closed):
        version = None if each.is_taken_back else each.version
        if version is not None or text(each.before) != text(each.after):
            yield each.month, each.subject, text(each.after), version


def changed(site: Site, found: Correction) -> Iterator[Told]:
    """Close again what a correction names; yield what stands then and did not before."""
    before = standing(site)
    close(site, *found.close_again, now=NOW + 2 * HOUR)
    for (month, subject), (what, version) in sorted(standing(site).items()):
        if before.get((month, subject)) != (what, version):
            yield month, subject, what, version


@pytest.fixture
def caught_up(site: Site) -> Site:
    """The borders of August, September and October were missed: October covers all since July."""
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    read(site, "2026-06-01 00:00", "2026-07-20 00:00")
    read(site, "2026-10-10 00:00", "2026-11-02 00:00")
    read(site, "2026-06-01 00:00", "2026-11-02 00:00", serial="2")
    close(site, *MONTHS)
    return site


def test_a_catch_up_far_behind_the_reading_is_named(caught_up: Site) -> None:
    found = enter(caught_up, "2026-08-01 00:00", 5_088, apply=False)
    assert list(told(found)) == [
        ("2026-07", "A-1", "744.000 since 2026-07", 1),
        ("2026-08", "A-1", "withheld no_closing_reading", None),
        ("2026-10", "A-1", "2208.000 since 2026-08", 2),
    ]


@pytest.mark.parametrize(
    ("at", "kwh"),
    [("2026-08-01 00:00", 5_088), ("2026-09-01 00:00", 5_832), ("2026-09-20 09:00", 6_297)],
)
def test_what_is_shown_of_a_catch_up_is_what_is_done(caught_up: Site, at: str, kwh: int) -> None:
    shown = enter(caught_up, at, kwh, apply=False)
    applied = enter(caught_up, at, kwh, apply=True)
    assert list(told(shown)) == list(told(applied)) == list(changed(caught_up, applied))


@pytest.fixture
def held(site: Site) -> Site:
    """1 August is read after all; August's intervals disprove it, so that its catch-up is held."""
    site.units(unit_line("A-1", "1"))
    read(site, "2026-06-01 00:00", "2026-07-20 00:00")
    read(site, "2026-08-10 00:00", "2026-11-02 00:00")
    close(site, *MONTHS)
    read(site, "2026-07-20 01:00", "2026-08-09 23:00")
    begin, end = local("2026-08-01 01:00"), local("2026-09-01 00:00")
    site.deliver("1", every(begin, end, 1_500, 0, HOUR), column=INTERVAL_WH)
    refresh(site.conn, NOW)
    site.conn.execute("UPDATE channel SET period_s = 3600 WHERE kind = 'interval'")
    close(site, "2026-08")
    assert standing(site)["2026-07", "A-1"] == ("withheld late_change", None)
    return site


def keep(site: Site) -> None:
    said = SaidOfNumber(
        "2026-08", NumberKey("unit", "A-1", Service.ELECTRICITY), "keep", "manager", "as it was"
    )
    decide(site.conn, SOCIETY, said, NOW, apply=True)


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize(
    ("at", "kwh"),
    [("2026-07-01 00:00", 4_345), ("2026-08-01 00:00", 5_089), ("2026-09-01 00:00", 5_833)],
)
def test_what_is_shown_beside_a_held_catch_up_is_what_is_done(
    held: Site, at: str, kwh: int, *, is_kept: bool
) -> None:
    if is_kept:
        keep(held)
    shown = enter(held, at, kwh, apply=False, now=NOW + HOUR)
    applied = enter(held, at, kwh, apply=True, now=NOW + HOUR)
    assert list(told(shown)) == list(told(applied)) == list(changed(held, applied))
