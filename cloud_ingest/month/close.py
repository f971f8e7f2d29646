# SPDX-License-Identifier: MIT
"""Close a month: one verified number per unit, or the reason why there is none.

In: a society, a month, the time. Out: numbers, reconciliations and a manifest, kept in the
store and put into the outbox in the same transaction. It owns the tables of closed months.

A number that was published stays; a correction is the next version, and only where it
differs. Closing again with nothing new changes nothing. In a store that was restored from a
backup every number leaves once more, with a version above all that were given before. Where a
month now ends elsewhere, the closed month after it is closed again with it, in the same
transaction: it opens where this one ends, and no kWh is in nobody's month or in two. Where a
rollup is not what its readings say, nothing is closed. What cannot be proved is withheld: it is
not estimated.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import Drawn, SubjectKind, balance, taken_by_tower
from cloud_ingest.core.consumption import SELF_READ_WINDOW
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import Month, month_of, next_month, parse_month
from cloud_ingest.core.quality import combined_quality, quality_of
from cloud_ingest.core.register import Register
from cloud_ingest.errors import CloseRefused
from cloud_ingest.month.boundaries import Counted, Progress, Stale, closings, count_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection, alone, query, translating
from cloud_ingest.store.locks import Lock
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.months import KeptNumber
from cloud_ingest.store.outbox import billing_ack_key, enqueue
from cloud_ingest.store.registry import find_society
from shared_schema.billing import (
    BILLING_UNITS,
    BillingManifest,
    BoundaryReading,
    ManifestEntry,
    MeterMonth,
    MonthlyConsumption,
    Reconciliation,
    Withheld,
)
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.events import Subject, SubjectType
from shared_schema.message import Message
from shared_schema.quality import Reason
from shared_schema.topics import billing_manifest_topic, billing_topic, reconciliation_topic

CLOSE_GRACE = timedelta(hours=1)
ATTEMPTS = 5
"""How often readings may arrive between the refresh and the closing before it gives up."""

SubjectKey = tuple[SubjectKind, str, Service]


@dataclass(frozen=True, slots=True)
class _Closing:
    """What a closing is of."""

    society_id: int
    society: str
    span: Month
    zone: ZoneInfo
    now: datetime
    self_read_window: timedelta
    progress: Progress

    @property
    def month(self) -> str:
        """``YYYY-MM``."""
        return str(self.span)

    def following(self) -> "_Closing":
        """Return the closing of the month after."""
        first = next_month(self.span.first)
        return replace(self, span=month_of(first.year, first.month, self.zone))


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing a month did."""

    society: str
    month: str
    numbers: tuple[MonthlyConsumption, ...]
    """The newest version of each."""
    published: int
    """How many of them are new or corrected."""
    withheld: tuple[Withheld, ...]
    reconciliations: tuple[Reconciliation, ...]
    later: tuple["Closed", ...] = ()
    """The months after it that were closed again, because the one before now ends elsewhere."""


def _quiet(_text: str) -> None:
    """Say nothing."""


@translating
def close_month(
    conn: Connection,
    society: str,
    month: str,
    now: datetime,
    *,
    self_read_window: timedelta = SELF_READ_WINDOW,
    grace: timedelta = CLOSE_GRACE,
    progress: Progress = _quiet,
) -> Closed:
    """Close a month of a society, or close it again, and what follows from it.

    Args:
        conn: The store, outside of a transaction.
        society: Its name.
        month: ``YYYY-MM``, in the society's zone.
        now: The time.
        self_read_window: How far from a border a self-read may stand for it.
        grace: How long after its end the month may be closed.
        progress: Is told what is being done, in a few words.

    Raises:
        CloseRefused: the month has not ended, or nothing is metered in it.
        RollupDisagrees: a rollup is not what its readings say; nothing was written.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    span = parse_month(month, store.zone)
    if now < span.end + grace:
        opens = (span.end + grace).astimezone(store.zone)
        raise CloseRefused(f"{month} can be closed from {opens:%Y-%m-%d %H:%M} on, not before")
    if store.kept_from is not None and span.start <= store.kept_from:
        since = store.kept_from.astimezone(store.zone)
        raise CloseRefused(
            f"{month} cannot be closed: readings are kept from {since:%Y-%m-%d} on, and the one "
            "that opens it is gone"
        )
    closing = _Closing(society_id, society, span, store.zone, now, self_read_window, progress)
    with alone(conn, Lock.CLOSING):
        for _ in range(ATTEMPTS):
            progress(f"{month}: rolling up what came in")
            refresh(conn, now)
            with contextlib.suppress(Stale), conn.transaction():
                conn.execute(query("month/snapshot"))
                return _close_in_turn(conn, closing)
    raise CloseRefused(f"readings of {month} keep arriving: close it again in a minute")


def _close_in_turn(conn: Connection, closing: _Closing) -> Closed:
    """Close a month, and each closed one after it while the one before ends elsewhere."""
    done, moved = _close(conn, closing)
    if not done.numbers and not done.withheld and not done.reconciliations:
        raise CloseRefused(
            f"no meter of {closing.society} was assigned in {closing.month}: "
            "run cloud-ingest units import"
        )
    later: list[Closed] = []
    while moved:
        closing = closing.following()
        if months.manifest(conn, closing.society_id, closing.month) is None:
            break
        again, moved = _close(conn, closing)
        later.append(again)
    return replace(done, later=tuple(later))


def _close(conn: Connection, closing: _Closing) -> tuple[Closed, bool]:
    """Close one month; return also whether it now ends elsewhere than it did."""
    counted = count_month(
        conn,
        closing.society_id,
        closing.span,
        closing.zone,
        self_read_window=closing.self_read_window,
        progress=closing.progress,
    )
    closing.progress(f"{closing.month}: writing the numbers")
    before = _ends(conn, closing)
    return _write(conn, closing, counted), _ends(conn, closing) != before


def _ends(conn: Connection, closing: _Closing) -> object:
    """Return what the month after hangs on: closing readings, and what bulk meters gave."""
    numbers = months.current(conn, closing.society_id, closing.month)
    balances = months.reconciliations(conn, closing.society_id, closing.month)
    return closings(numbers), {(one.tower, one.service): one.bulk for one in balances}


def _write(conn: Connection, closing: _Closing, counted: Sequence[Counted]) -> Closed:
    subjects = _by_subject(counted)
    former_numbers = months.numbers(conn, closing.society_id, closing.month)
    before = {_key_of(kept.number): kept for kept in former_numbers}
    floor = months.version_floor(conn)
    numbers: list[KeptNumber] = []
    withheld: list[Withheld] = []
    published = 0
    for key, parts in subjects.items():
        if key[0] == "bulk":
            continue
        number = _number(closing, key, parts)
        if isinstance(number, Withheld):
            withheld.append(number)
            continue
        former = before.get(key)
        last = 0 if former is None else former.number.version
        if former is not None and last >= floor and _same(former.number, number):
            numbers.append(former)
            continue
        number = number.model_copy(update={"version": max(last + 1, floor)})
        made = months.add_number(conn, closing.society_id, number)
        topic = billing_topic(closing.society, closing.month, number.subject, number.service)
        enqueue(conn, topic, made.line, ack_key=billing_ack_key(number))
        numbers.append(made)
        published += 1
    balances = _reconcile(conn, closing, subjects)
    _write_manifest(conn, closing, numbers, withheld)
    return Closed(
        society=closing.society,
        month=closing.month,
        numbers=tuple(kept.number for kept in numbers),
        published=published,
        withheld=tuple(withheld),
        reconciliations=tuple(balances),
    )


def _by_subject(counted: Sequence[Counted]) -> dict[SubjectKey, list[Counted]]:
    found: dict[SubjectKey, list[Counted]] = {}
    for one in counted:
        a = one.assignment
        found.setdefault((a.subject_type, a.subject, a.service), []).append(one)
    return dict(sorted(found.items()))


def _key_of(number: MonthlyConsumption) -> SubjectKey:
    kind: SubjectKind = "unit" if number.subject.type is SubjectType.UNIT else "common"
    return (kind, number.subject.id, number.service)


def _same(former: Message, made: Message) -> bool:
    """Say whether two messages differ in nothing but their version and time."""
    apart = {"version", "closed_at"}
    return former.model_dump(exclude=apart) == made.model_dump(exclude=apart)


def _number(
    closing: _Closing, key: SubjectKey, parts: Sequence[Counted]
) -> MonthlyConsumption | Withheld:
    """Add up a subject's parts, or say why there is no number; pure."""
    kind, name, service = key
    subject = Subject(type=SubjectType(kind), id=name)
    reasons = _ordered(part.measured.reasons for part in parts)
    made = [_part(part) for part in parts]
    proved = [part for part in made if part is not None]
    if len(proved) < len(made):
        return Withheld(subject=subject, service=service, reasons=reasons)
    with exactly():
        quantity = sum((part.quantity for part in proved), Decimal(0))
    return MonthlyConsumption(
        society=closing.society,
        month=closing.month,
        subject=subject,
        tower=parts[-1].assignment.tower,
        service=service,
        version=1,
        quantity=quantity,
        unit=BILLING_UNITS[service],
        quality=combined_quality(quality_of(part.measured) for part in parts),
        reasons=reasons,
        parts=tuple(proved),
        closed_at=closing.now,
    )


def _part(part: Counted) -> MeterMonth | None:
    measured = part.measured
    if measured.opening is None or measured.closing is None or measured.quantity is None:
        return None
    return MeterMonth(
        meter=part.assignment.meter,
        source=part.assignment.source,
        obis=BILLED_REGISTER[part.assignment.service],
        opening=_boundary(measured.opening),
        closing=_boundary(measured.closing),
        quantity=measured.quantity,
    )


def _boundary(reading: Register) -> BoundaryReading:
    return BoundaryReading(at=reading.ts, register_value=reading.value, origin=reading.origin)


def _ordered(sets: Iterator[frozenset[Reason]]) -> tuple[Reason, ...]:
    found = frozenset[Reason]().union(*sets)
    return tuple(reason for reason in Reason if reason in found)


def _reconcile(
    conn: Connection, closing: _Closing, subjects: dict[SubjectKey, list[Counted]]
) -> list[Reconciliation]:
    former_results = months.reconciliations(conn, closing.society_id, closing.month)
    before = {(former.tower, former.service): former for former in former_results}
    found: list[Reconciliation] = []
    drawn = (_drawn(key, parts) for key, parts in subjects.items())
    for (tower, service), taken in sorted(taken_by_tower(drawn).items()):
        result = balance(taken)
        made = Reconciliation(
            society=closing.society,
            month=closing.month,
            tower=tower,
            service=service,
            unit=BILLING_UNITS[service],
            bulk=result.bulk,
            units=result.units,
            common=result.common,
            loss=result.loss,
            loss_percent=result.loss_percent,
            units_known=result.units_known,
            units_total=result.units_total,
            quality=result.quality,
            reasons=result.reasons,
            closed_at=closing.now,
        )
        former = before.get((tower, service))
        if former is not None and _same(former, made):
            found.append(former)
            continue
        line = months.put_reconciliation(conn, closing.society_id, made)
        topic = reconciliation_topic(closing.society, closing.month, tower, service)
        enqueue(conn, topic, line, retain=True)
        found.append(made)
    return found


def _drawn(key: SubjectKey, parts: Sequence[Counted]) -> Drawn:
    return Drawn(
        kind=key[0],
        tower=parts[-1].assignment.tower,
        service=key[2],
        parts=tuple((part.assignment.source, part.measured.quantity) for part in parts),
        self_read=any(Reason.SELF_READ in part.measured.reasons for part in parts),
    )


def _write_manifest(
    conn: Connection,
    closing: _Closing,
    numbers: Sequence[KeptNumber],
    withheld: Sequence[Withheld],
) -> None:
    made = BillingManifest(
        society=closing.society,
        month=closing.month,
        entries=tuple(
            ManifestEntry(
                subject=kept.number.subject,
                service=kept.number.service,
                version=kept.number.version,
                sha256=kept.sha256,
            )
            for kept in numbers
        ),
        withheld=tuple(withheld),
        closed_at=closing.now,
    )
    former = months.manifest(conn, closing.society_id, closing.month)
    if former is not None and _same(former, made):
        return
    line = months.put_manifest(conn, closing.society_id, made)
    enqueue(conn, billing_manifest_topic(closing.society, closing.month), line, retain=True)
