# SPDX-License-Identifier: MIT
"""What is still being entered while a month is closed is heard, though a later entry is there."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.month.close import close_month
from cloud_ingest.store import months
from cloud_ingest.store.connection import connect
from cloud_ingest.store.number_words import NumberKey, NumberWord, add_word
from cloud_ingest.store.registry import find_society
from shared_schema.catalogue import Service
from tests.support.store import SOCIETY, Site, every, local, unit_line

FIRST, LAST = local("2026-01-01 00:00"), local("2026-03-01 00:00")
NOW = local("2026-03-05 09:00")
JANUARY, FEBRUARY = "2026-01", "2026-02"
LOCK_WAITS = """
SELECT count(*) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


def numbers(site: Site, month: str) -> dict[str, Decimal]:
    sent = months.current(site.conn, find_society(site.conn, SOCIETY), month)
    return {number.subject.id: number.quantity for number in sent}


def enter_another(site: Site) -> None:
    """Let a person say something of another number, and commit it."""
    key = NumberKey("unit", "C-1", Service.ELECTRICITY)
    word = NumberWord(JANUARY, key, "keep", Decimal(1), "treasurer", "it is so", NOW)
    add_word(site.conn, find_society(site.conn, SOCIETY), word)


def test_a_list_that_is_being_imported_is_heard(site: Site, store_dsn: str, tmp_path: Path) -> None:
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    site.deliver("1", every(FIRST, LAST, 12_345_000, 40, timedelta(hours=1)))

    def close_january() -> None:
        with connect(store_dsn) as own:
            close_month(own, SOCIETY, JANUARY, NOW)

    with connect(store_dsn) as other, ThreadPoolExecutor(1) as pool:
        with other.transaction():
            named = Named("A-1", Service.ELECTRICITY)
            take_back(other, SOCIETY, named, by="manager", reason="of B-1", now=NOW, apply=True)
            Site(other, tmp_path).units(unit_line("B-1", "1", since="2025-12-01"), now=NOW)
            enter_another(site)
            closing = pool.submit(close_january)
            while not closing.done() and not site.one(LOCK_WAITS):
                time.sleep(0.05)
        closing.result()
    close_month(site.conn, SOCIETY, FEBRUARY, NOW + timedelta(days=1))
    assert numbers(site, JANUARY) == {"B-1": Decimal("29.760")}
    assert numbers(site, FEBRUARY) == {"B-1": Decimal("26.880")}
