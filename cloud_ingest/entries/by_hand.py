# SPDX-License-Identifier: MIT
"""What came in without a meter, as a person enters it: water by kL, a generator by its hours.

It is dated, and counts in the balance of its tower on its day. A later word corrects it or takes it
back by its number; every word is kept. A month that is closed takes it when it is closed again.

In: a tower or the whole society, a source, an amount, a time, who says so and why. Out: a row of
``hand_entry``, and whether its month is closed. Never: a changed row.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import GENERATOR, DatedEntry, Entered
from cloud_ingest.core.month import MICROSECOND, Month, day_of
from cloud_ingest.core.typed_text import remark
from cloud_ingest.errors import HandEntryRefused, NotFound
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.hand_entries import (
    HandEntry,
    add_hand_entry,
    hand_entries,
    last_number,
    towers_of,
    words_of,
)
from cloud_ingest.store.locks import Lock, lock_in_transaction
from cloud_ingest.store.manifests import closed_months
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import find_society
from shared_schema.catalogue import Service

WATER_SOURCES: Final = ("tanker", "borewell", "main")
MOST: Final = {GENERATOR: Decimal(744), "water": Decimal(10_000)}
"""Hours of a month; kL that a well of a tower gives in one."""
DIGITS: Final = 3
AGO: Final = timedelta(days=366 * 3)


@dataclass(frozen=True, slots=True)
class Said:
    """What was recorded."""

    entry: HandEntry
    former: HandEntry | None
    """What it corrects or takes back."""
    closed: tuple[str, ...]
    """Closed months in which it counts only when they are closed again."""


@translating
def enter_by_hand(
    conn: Connection,
    society: str,
    tower: str | None,
    source: str,
    amount: Decimal,
    *,
    at: datetime,
    by: str,
    reason: str,
    now: datetime,
) -> Said:
    """Record what came in, or how long a generator ran.

    Args:
        conn: The store.
        society: The society's name.
        tower: Where it came in; None: for the whole society.
        source: One of `WATER_SOURCES`, or ``generator``.
        amount: kL; of a generator, hours.
        at: When; it counts on that day.
        by: Who says so.
        reason: What shows it, such as the number of a bill.
        now: The time.

    Raises:
        HandEntryRefused: the amount or the time cannot be, or the same was said already.
        NotFound: no such society, or no such tower.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    if source != GENERATOR and source not in WATER_SOURCES:
        raise HandEntryRefused(f"{source[:40]!r} is no source: {', '.join(WATER_SOURCES)}")
    if tower is not None and tower not in (known := towers_of(conn, society_id)):
        names = ", ".join(map(repr, known)) or "none"
        raise NotFound(f"{society} has no tower {tower!r}: it has {names}")
    if not now - AGO <= at <= now:
        raise HandEntryRefused(f"--at {at:%Y-%m-%d %H:%M} is in the future, or years ago")
    entry = HandEntry(
        0,
        tower,
        source,
        at,
        _bounded(source, amount),
        remark(by, "--by"),
        remark(reason, "--reason"),
        now,
    )
    with conn.transaction():
        lock_in_transaction(conn, Lock.HAND_ENTRY)
        for each in hand_entries(conn, society_id, at - MICROSECOND, at):
            if (each.tower, each.source, each.amount) == (tower, source, entry.amount):
                raise HandEntryRefused(
                    f"entry {each.number} of {each.author} says the same already: was it another "
                    "one, give its own time"
                )
        entry = replace(entry, number=last_number(conn, society_id) + 1)
        add_hand_entry(conn, society_id, entry)
    return Said(entry, None, _closed(conn, society_id, at, store.zone))


@translating
def say_again(
    conn: Connection,
    society: str,
    number: int,
    amount: Decimal | None,
    *,
    is_generator: bool,
    by: str,
    reason: str,
    now: datetime,
) -> Said:
    """Correct an entry, or take it back.

    Args:
        conn: The store.
        society: The society's name.
        number: Of the entry.
        amount: What it is; None: it is taken back.
        is_generator: It is one of a generator's hours.
        by: Who says so.
        reason: Why.
        now: The time.

    Raises:
        HandEntryRefused: the amount cannot be, or the entry was taken back, or says so already.
        NotFound: no such society or entry.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    with conn.transaction():
        lock_in_transaction(conn, Lock.HAND_ENTRY)
        words = words_of(conn, society_id, number)
        if not words or (words[-1].source == GENERATOR) != is_generator:
            raise NotFound(f"{society} has no such entry {number}: look at the list")
        former = words[-1]
        if former.amount is None:
            raise HandEntryRefused(
                f"entry {number} was taken back by {former.author}: enter it anew"
            )
        said = None if amount is None else _bounded(former.source, amount)
        if said == former.amount:
            raise HandEntryRefused(f"entry {number} says {former.amount:f} already")
        entry = replace(
            former,
            amount=said,
            author=remark(by, "--by"),
            reason=remark(reason, "--reason"),
            recorded_at=now,
        )
        add_hand_entry(conn, society_id, entry)
    return Said(entry, former, _closed(conn, society_id, former.at, store.zone))


def _bounded(source: str, amount: Decimal) -> Decimal:
    most = MOST[GENERATOR if source == GENERATOR else "water"]
    unit = "hours" if source == GENERATOR else "kL"
    exponent = amount.as_tuple().exponent
    digits = -exponent if isinstance(exponent, int) else DIGITS + 1
    if not 0 < amount <= most or digits > DIGITS:
        raise HandEntryRefused(
            f"{amount:f} is not above 0 and at most {most} {unit}, with {DIGITS} digits behind the "
            "point"
        )
    return amount


def _closed(conn: Connection, society_id: int, at: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    return tuple(closed_months(conn, society_id, {f"{day_of(at, zone):%Y-%m}"}))


def entered_in(conn: Connection, society_id: int, month: Month, zone: ZoneInfo) -> list[DatedEntry]:
    """Return what holds of a month, with the days in which it counts."""
    return [
        DatedEntry(
            day_of(each.at, zone),
            Entered(
                each.tower,
                Service.ELECTRICITY if each.source == GENERATOR else Service.WATER,
                each.source,
                each.amount,
                each.author,
            ),
        )
        for each in hand_entries(conn, society_id, month.start, month.end)
        if each.amount is not None
    ]
