# SPDX-License-Identifier: MIT
"""A witness read: manager and resident look at a dial, and it is held against what the store has.

The answer is one sentence, kept for ever. It changes no number: where the dial is right and the
register wrong, `entries.dial` or `entries.self_read` say so.

In: a dial's digits, when, who looked and who stood beside. Out: a row of ``witness_read``. Never: a
reading, an epoch, an offset.
"""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.dial_text import DialText, dial_text
from cloud_ingest.core.exact import exactly, widely
from cloud_ingest.core.local_time import short_day
from cloud_ingest.core.rating import UNRATED, most_per_hour
from cloud_ingest.core.register import Epochs, Register, normalised, offset_at
from cloud_ingest.core.typed_text import remark
from cloud_ingest.core.witness import Held, verdict_of
from cloud_ingest.entries.meter import (
    NamedMeter,
    billed_channels,
    exponents_of,
    find_meter,
    judge_register,
)
from cloud_ingest.entries.self_read import moment_of_dial
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.dials import dials
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.number_words import NumberKey
from cloud_ingest.store.ratings import ratings_of
from cloud_ingest.store.readings_read import neighbours
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.witness_reads import WitnessRead, add_witness_read, witness_reads
from shared_schema.billing import BILLING_UNITS

_VERDICTS = {
    "agrees": "They agree.",
    "differs": "They do not agree.",
    "cannot_say": "That is too wide to say more.",
}


@translating
def witness(
    conn: Connection,
    society: str,
    named: NamedMeter,
    *,
    shown: str,
    at: datetime,
    by: str,
    beside: str | None,
    now: datetime,
) -> WitnessRead:
    """Compare what a dial shows with what is held, and keep the answer.

    Args:
        conn: The store.
        society: The society's name.
        named: Whose dial it is.
        shown: Its digits as they stand there.
        at: When they were read, aware.
        by: Who read them.
        beside: Who stood beside; None: nobody.
        now: The time.

    Raises:
        SelfReadRefused: no such meter, no digits, or a time to come.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    read = dial_text(shown)
    at = moment_of_dial(at, by, now, store.zone)
    meter = find_meter(conn, society_id, named, at=at)
    with conn.transaction():
        judge_register(conn, meter, store, now)
        held = _held(conn, society_id, meter, at)
        verdict = verdict_of(read, at, held)
        found = WitnessRead(
            subject_type=meter.subject_type,
            subject=meter.subject,
            service=meter.service,
            meter=str(meter.meter),
            read_at=at,
            shown=str(read),
            value=read.value,
            step=read.step,
            low=held.low,
            high=held.high,
            before_at=held.before_at,
            after_at=held.after_at,
            verdict=verdict,
            sentence=_sentence(meter, read, at, held, store.zone) + f" {_VERDICTS[verdict]}",
            author=remark(by, "--by"),
            witness=None if beside is None else remark(beside, "--with"),
            recorded_at=now.astimezone(UTC),
        )
        add_witness_read(conn, society_id, meter.assignment_id, meter.meter_id, found)
    return found


@translating
def witnessed(conn: Connection, society: str, named: NamedMeter) -> list[WitnessRead]:
    """Return what was read of a subject before witnesses, in the order of time.

    Raises:
        NotFound: no such society.
    """
    society_id = find_society(conn, society)
    return witness_reads(
        conn, society_id, NumberKey(named.subject_type, named.subject, named.service)
    )


def _held(conn: Connection, society_id: int, meter: Assignment, at: datetime) -> Held:
    """Return what the dial had to show at a moment."""
    exponents = exponents_of(billed_channels(conn, meter.meter_id, meter.service), meter.service)
    if not exponents:
        return Held()
    before, after = neighbours(conn, exponents, at)
    if before is not None and before.ts == at:
        after = before
    epochs = epochs_of(conn, exponents.keys())
    adds = dials(conn, society_id).adds(str(meter.meter), at) or Decimal(0)
    low = None if before is None else _as_dial(before, epochs, at, adds)
    high = _most(conn, meter, before, low, at)
    if after is not None:
        with exactly():
            high = _as_dial(after, epochs, at, adds) + Decimal(1).scaleb(after.exponent)
    return Held(
        low, high, None if before is None else before.ts, None if after is None else after.ts
    )


def _as_dial(reading: Register, epochs: Epochs, at: datetime, adds: Decimal) -> Decimal:
    """Return what a dial shows at a moment, had it stood still since a reading."""
    lost = offset_at(epochs.get(reading.channel_id, ()), at)
    with exactly():
        return normalised(reading, epochs) - Decimal(lost).scaleb(reading.exponent) + adds


def _most(
    conn: Connection, meter: Assignment, before: Register | None, low: Decimal | None, at: datetime
) -> Decimal | None:
    """Return what the dial shows at most, by what its meter can count since the last reading."""
    if before is None or low is None:
        return None
    rating = ratings_of(conn, [meter.meter_id]).get(meter.meter_id, UNRATED)
    only_units = meter.subject_type == "unit"
    most = most_per_hour(meter.service, only_units=only_units, rating=rating)
    with widely():
        hours = Decimal(int((at - before.ts).total_seconds())) / 3600
        counted = (most * hours).quantize(Decimal("0.001"))
        return low + counted + Decimal(1).scaleb(before.exponent)


def _sentence(meter: Assignment, read: DialText, at: datetime, held: Held, zone: ZoneInfo) -> str:
    unit = BILLING_UNITS[meter.service]
    shown = f"The dial of {meter.subject} {meter.service} showed {read} {unit} on "
    shown += f"{_time(at, zone)}"
    if held.before_at is None and held.after_at is None:
        return f"{shown}. No reading of it is held."
    if held.before_at is None or held.low is None:
        return f"{shown}. The first reading that is held is of a later time."
    since = f"By the reading of {_time(held.before_at, zone)}"
    if held.after_at == held.before_at:
        since = "By the reading of that moment"
    elif held.after_at is not None:
        since += f" and that of {_time(held.after_at, zone)}"
    else:
        since += " and what its meter can count since"
    return f"{shown}. {since} it had to show {held.low:f} to {held.high:f} {unit}."


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{short_day(at, zone)} {at.astimezone(zone):%H:%M}"
