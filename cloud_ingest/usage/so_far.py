# SPDX-License-Identifier: MIT
"""What was used so far: in a month, on each day, by a tower.

A view shows what the registers say. A month opens with the last register at or before its start,
or with the first one of a meter that came later, and ends with its last one. Both times are told,
so that a reader sees a month that has not ended, or that was not read at its start. The days add
up to the month exactly; what was counted over a gap lands in the next day that has data. Readings
themselves are looked at only where a meter came or went within the month, or a person read it near
a border that nothing else met. What closing would withhold as known to be wrong is not shown as
used either.

In: a society and a month. Out: values, from rollups, epochs and breaks of registers.
Never: a closed month (`month.published` has it), an estimate, a write.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.consumption import Measured, Stretch, between, by_day, stretches_of
from cloud_ingest.core.month import Month
from cloud_ingest.core.plausible import usual_most_per_day
from cloud_ingest.core.register import Epochs, Register, in_time
from cloud_ingest.core.unit_identity import namesake_hint
from cloud_ingest.errors import NotFound
from cloud_ingest.store import readings_read
from cloud_ingest.store.assignments import namesakes
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.readings_read import Window
from cloud_ingest.store.rollups_read import RegisterMonth, day_registers, register_months
from cloud_ingest.usage.by_hand import ByHand, Ends, ends_by_hand, read_by_hand
from cloud_ingest.usage.evidence import (
    Evidence,
    exponent_of,
    exponents_of,
    read_evidence,
    unless_disproved,
)
from shared_schema.catalogue import Service
from shared_schema.quality import Origin


class MeterPlace(NamedTuple):
    """Whose meter it is."""

    tower: str | None
    subject_type: SubjectKind
    subject: str
    service: str
    source: str
    manufacturer: str
    serial: str
    parent: str | None = None
    """The subject of the bulk meter above it; None: the tower's own."""


Place = MeterPlace | RegisterMonth


class MeterUsage(NamedTuple):
    """What one meter counted for its subject; None where it is not known, or known to be wrong."""

    place: Place
    since: datetime | None
    opening: Decimal | None
    until: datetime | None
    closing: Decimal | None
    quantity: Decimal | None


class DayUsage(NamedTuple):
    """A meter's month with its days; a day without data is not there."""

    month: MeterUsage
    days: Mapping[date, Decimal]
    stretches: Sequence[Stretch] = ()
    """The same from register to register: what was counted over a gap is one of them."""

    @classmethod
    def of(cls, month: MeterUsage, stretches: Sequence[Stretch]) -> "DayUsage":
        """Return a month with what its stretches say of its days."""
        return cls(month, by_day(stretches), stretches)


def month_usage(
    conn: Connection,
    society_id: int,
    month: Month,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
    subjects: Collection[str] | None = None,
    self_read_window: timedelta = SELF_READ_WINDOW,
) -> list[MeterUsage]:
    """Return what each meter counted in a month, of all subjects, of one or of some.

    Raises:
        NotFound: the subject had no meter.
    """
    rows, epochs = _registers(conn, society_id, month, subject_type, subject, subjects=subjects)
    evidence = read_evidence(conn, rows, month)
    by_hand = read_by_hand(conn, rows, month, self_read_window)
    several = {
        here.assignment_id
        for here, there in pairwise(rows)
        if here.assignment_id == there.assignment_id
    }
    found: list[MeterUsage | None] = [
        None
        if row.assignment_id in several or row.channel_id in by_hand
        else usage_from_rollup(row)
        for row in rows
    ]
    asked: list[RegisterMonth] = []
    usages: list[MeterUsage] = []
    for row, usage in zip(rows, found, strict=True):
        if usage is not None and evidence.is_silent(row, usage.quantity):
            usages.append(usage)
        else:
            asked.append(row)
    counted = _count(conn, asked, _Known(epochs, evidence, by_hand), month)
    return usages + [_usage(own[0], measured) for own, measured in counted]


def usage_from_rollup(row: RegisterMonth) -> MeterUsage | None:
    """Return what one register counted where two rows of a rollup tell all of it; pure.

    Returns:
        What `ends_of` and `measured_of` say; None where only these can tell: an epoch, a meter
        that came or went, a register that fell, was not read, or counted much.
    """
    exponent = exponent_of(row.service, row.unit, row.scaler)
    if exponent is None or row.has_epochs or row.last_ts is None or row.last_raw is None:
        return None
    if row.before_ts is not None and row.before_ts >= row.valid_from:
        since, opening = row.before_ts, row.before_raw
    elif row.first_ts is not None and row.first_ts >= row.valid_from:
        since, opening = row.first_ts, row.first_raw
    else:
        return None
    if opening is None or row.last_ts <= since or row.last_raw < opening:
        return None
    if row.valid_to is not None and row.valid_to < row.last_ts:
        return None
    quantity = Decimal(row.last_raw - opening).scaleb(exponent)
    if quantity > usual_most_per_day(Service(row.service), row.subject_type):
        return None
    return MeterUsage(
        row,
        since,
        Decimal(opening).scaleb(exponent),
        row.last_ts,
        Decimal(row.last_raw).scaleb(exponent),
        quantity,
    )


def day_usage(
    conn: Connection,
    society_id: int,
    month: Month,
    zone: ZoneInfo,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
    tower: str | None = None,
    self_read_window: timedelta = SELF_READ_WINDOW,
) -> list[DayUsage]:
    """Return what each meter counted in a month and on each of its days.

    Args:
        conn: The store.
        society_id: Whose meters.
        month: The month.
        zone: The society's.
        subject_type: Of one kind; None: of all.
        subject: Of one subject; None: of all.
        tower: Of what may be in the balance of one tower; None: of all.
        self_read_window: How far from the border a dial ends the month.
    """
    rows, epochs = _registers(conn, society_id, month, subject_type, subject)
    if tower is not None:
        rows = [row for row in rows if may_balance(tower, row, row.parent)]
    known = _Known(
        epochs,
        read_evidence(conn, rows, month),
        read_by_hand(conn, rows, month, self_read_window),
    )
    exponents = exponents_of(rows)
    last = (month.end - timedelta(microseconds=1)).astimezone(zone).date()
    days = day_registers(conn, exponents, month.first, last)
    return [
        DayUsage.of(
            _usage(own[0], measured),
            stretches_of(
                measured,
                [day for row in own for day in days.get(row.channel_id or 0, ())],
                epochs,
                zone,
            ),
        )
        for own, measured in _count(conn, rows, known, month)
    ]


def may_balance(tower: str, place: Place, parent: str | None) -> bool:
    """Say whether what hangs at a place may be in the balance of a tower."""
    return place.tower == tower or place.subject_type != "unit" or parent is not None


def _registers(
    conn: Connection,
    society_id: int,
    month: Month,
    subject_type: SubjectKind | None,
    subject: str | None,
    *,
    subjects: Collection[str] | None = None,
) -> tuple[list[RegisterMonth], Epochs]:
    asked = subjects if subject is None else [subject]
    rows = register_months(conn, society_id, month, subject_type=subject_type, subjects=asked)
    if subject is not None and not rows:
        hint = namesake_hint(subject, namesakes(conn, society_id, subject))
        raise NotFound(
            f"{subject!r} had no meter in {month}{hint or ': see cloud-ingest units import'}"
        )
    rows.sort(key=attrgetter("assignment_id"))
    epochs = epochs_of(
        conn, {row.channel_id for row in rows if row.has_epochs and row.channel_id is not None}
    )
    return rows, epochs


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a month beside its rollups."""

    epochs: Epochs
    evidence: Evidence
    by_hand: ByHand


def _count(
    conn: Connection, rows: Iterable[RegisterMonth], known: _Known, month: Month
) -> list[tuple[list[RegisterMonth], Measured]]:
    """Count each assignment, from rollups and, where these cannot tell, from its readings."""
    by_assignment = [list(some) for _, some in groupby(rows, key=attrgetter("assignment_id"))]
    ends = _with_readings(conn, by_assignment, [ends_of(own, month) for own in by_assignment])
    return [
        (
            own,
            unless_disproved(
                own,
                measured_of(ends_by_hand(each, own, known.by_hand, month), known.epochs),
                known.epochs,
                known.evidence,
                month,
            ),
        )
        for own, each in zip(by_assignment, ends, strict=True)
    ]


def _with_readings(
    conn: Connection, by_assignment: Sequence[Sequence[RegisterMonth]], ends: Sequence[Ends]
) -> Sequence[Ends]:
    """Look at the readings where the rollups cannot tell an end."""
    asked = [each for each in ends if each.first_in or each.last_in]
    if not asked:
        return ends
    readings = readings_read.boundary_readings(
        conn,
        first_in=[window for each in asked for window in each.first_in],
        last_in=[window for each in asked for window in each.last_in],
        by_hand_in=(),
        exponents=exponents_of(
            row
            for own, each in zip(by_assignment, ends, strict=True)
            if each.first_in or each.last_in
            for row in own
        ),
    )

    def within(windows: Iterable[Window]) -> tuple[Register, ...]:
        return tuple(
            reading
            for window in windows
            for reading in readings.get(window.channel_id, ())
            if window.start <= reading.ts <= window.end
        )

    return [
        replace(
            each, first=each.first + within(each.first_in), last=each.last + within(each.last_in)
        )
        for each in ends
    ]


def ends_of(rows: Iterable[RegisterMonth], month: Month) -> Ends:
    """Say what the rollups know of the ends of one assignment's month; pure."""
    before: list[Register] = []
    first: list[Register] = []
    last: list[Register] = []
    first_in: list[Window] = []
    last_in: list[Window] = []
    for row in rows:
        exponent = exponent_of(row.service, row.unit, row.scaler)
        if row.channel_id is None or exponent is None:
            continue
        until = month.end if row.valid_to is None else min(month.end, row.valid_to)
        if row.before_ts is not None and row.before_ts >= row.valid_from:
            before.append(_register(row.channel_id, row.before_ts, row.before_raw, exponent))
        if row.first_ts is None or row.last_ts is None:
            continue
        if row.first_ts >= row.valid_from:
            first.append(_register(row.channel_id, row.first_ts, row.first_raw, exponent))
        else:
            first_in.append(Window(row.channel_id, row.valid_from, until))
        if row.last_ts <= until:
            last.append(_register(row.channel_id, row.last_ts, row.last_raw, exponent))
        else:
            last_in.append(Window(row.channel_id, max(month.start, row.valid_from), until))
    return Ends(tuple(before), tuple(first), tuple(last), tuple(first_in), tuple(last_in))


def measured_of(ends: Ends, epochs: Epochs) -> Measured:
    """Return what was counted between the ends of a month; pure."""
    opening = (
        max(ends.before, key=in_time) if ends.before else min(ends.first, key=in_time, default=None)
    )
    closing = max(ends.last, key=in_time, default=None)
    if opening is None or closing is None or closing.ts <= opening.ts:
        return Measured(opening, None, None)
    return between(opening, closing, epochs)


def _register(channel_id: int, ts: datetime, raw: int | None, exponent: int) -> Register:
    assert raw is not None  # noqa: S101 - it stands beside its time
    # A rollup does not say who gave a register, and nothing here asks.
    return Register(channel_id, ts, raw, Origin.METER, exponent)


def _usage(row: RegisterMonth, measured: Measured) -> MeterUsage:
    opening, closing = measured.opening, measured.closing
    return MeterUsage(
        row,
        None if opening is None else opening.ts,
        None if opening is None else opening.value,
        None if closing is None else closing.ts,
        None if closing is None else closing.value,
        measured.quantity,
    )
