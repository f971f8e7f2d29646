# SPDX-License-Identifier: MIT
"""An epoch: why a register fell. It rolled over, was reset, is weighed anew, or jumped.

A register that falls without an epoch is withheld: only a person can know whether it turned over,
was reset, or is broken. The person says when it fell and what it lost there. The entry is refused
if the register does not fall there, if it would still fall, or if more would have been used across
the fall than can be. If the register's pulse weight was changed, or if it jumped there for good, it
may rise as well, and what is added may be negative.

In: a subject's meter, when its register fell, and what it lost there. Out: a row of ``epoch`` for
each of the meter's billed channels, with who says so and why, and the closed months that want to
be closed again. Owns: the table ``epoch``. Never: a changed row; of the rows of one moment the
newest counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.month import MICROSECOND, month_of
from cloud_ingest.core.plausible import MAX_DIAL, Fall, FallFault, in_steps
from cloud_ingest.core.quality import RegisterBreak
from cloud_ingest.core.rating import UNRATED, most_per_day
from cloud_ingest.core.register import Epoch, Epochs
from cloud_ingest.core.typed_text import remark
from cloud_ingest.entries.advice import epoch_beside, local_text
from cloud_ingest.entries.meter import (
    NamedMeter,
    billed_channels,
    exponents_of,
    find_meter,
    judge_register,
)
from cloud_ingest.errors import EpochRefused
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.channels import Channel
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.epochs import epochs_of, store_epoch
from cloud_ingest.store.manifests import closed_months
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.ratings import ratings_of, register_digits
from cloud_ingest.store.readings_read import neighbours
from cloud_ingest.store.register_breaks import breaks_of
from cloud_ingest.store.registry import find_society
from shared_schema.billing import BILLING_UNITS
from shared_schema.quality import Reason


@dataclass(frozen=True, slots=True)
class EpochAdded:
    """What was recorded."""

    meter: str
    used: Decimal
    """Across the fall, in kWh or kL."""
    close_again: tuple[str, ...]
    """Closed months that it may change."""


@translating
def add_epoch(
    conn: Connection,
    society: str,
    named: NamedMeter,
    *,
    starts_at: datetime,
    adds: Decimal,
    reason: str,
    by: str,
    now: datetime,
    self_read_window: timedelta = SELF_READ_WINDOW,
) -> EpochAdded:
    """Record that a register fell, and by how much it counts on.

    Args:
        conn: The store.
        society: The society's name.
        named: Whose register it is.
        starts_at: The time of the first reading after the fall, aware.
        adds: What the register lost there, in kWh or kL: 1000000 for six digits that turned
            over. 0 takes back what was recorded for that moment. Negative where a changed
            pulse weight or a jump made it rise.
        reason: Why it fell.
        by: Who says so.
        now: The time.
        self_read_window: How far from a border a self-read may stand for it.

    Raises:
        EpochRefused: the register does not fall there, or this does not explain it.
        SelfReadRefused: no such meter.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    what = f"{named.subject} {named.service}"
    if not reason.strip() or not by.strip():
        raise EpochRefused(f"{what}: say why it fell and who says so: --reason, --by")
    by, reason = remark(by, "--by"), remark(reason, "--reason")
    starts_at = starts_at.astimezone(UTC)
    meter = find_meter(conn, society_id, named, at=starts_at, begins=True)
    with conn.transaction():
        judge_register(conn, meter, store, now)
        fall, rows = _explained(conn, meter, starts_at, adds, store.zone)
        _insert(conn, fall.epochs, rows, reason=reason, by=by, now=now)
        close_again = _closed_months(conn, society_id, starts_at, self_read_window, store.zone)
    return EpochAdded(str(meter.meter), fall.used(rows), close_again)


def _explained(
    conn: Connection, meter: Assignment, starts_at: datetime, adds: Decimal, zone: ZoneInfo
) -> tuple[Fall, dict[int, list[Epoch]]]:
    """Return the fall of a meter's register, and the epochs with which it counts on.

    Raises:
        EpochRefused: it does not fall there, or what it lost does not explain it.
    """
    service = meter.service
    what, unit = f"{meter.subject} {service}", BILLING_UNITS[service]
    channels = billed_channels(conn, meter.meter_id, service)
    exponents = exponents_of(channels, service)
    own = [meter.meter_id]
    known = breaks_of(conn, own), breaks_of(conn, own, vouched=True)
    breaks = [each for found in known for each in found.get(meter.meter_id, ())]
    fall = _read_fall(conn, channels, exponents, breaks, starts_at)
    rows = fall.corrected(
        {channel_id: _raw(adds, e, what, unit) for channel_id, e in exponents.items()}
    )
    rating = ratings_of(conn, [meter.meter_id]).get(meter.meter_id, UNRATED)
    if fault := fall.fault(rows, adds, most_per_day(service, meter.subject_type, rating)):
        told = _words(fault, fall, rows, adds, unit, zone)
        rollover = _rollover(conn, meter, starts_at, adds, unit)
        raise EpochRefused(f"{what}: {told}{rollover}{_other_epoch(fall, zone)}")
    return fall, rows


def _rollover(conn: Connection, meter: Assignment, at: datetime, adds: Decimal, unit: str) -> str:
    """Say what a rollover adds, where the list of units says how many digits there are."""
    digits = register_digits(conn, meter.meter_id, at)
    if digits is None or adds == 10**digits:
        return ""
    said = f"by the list of units it has {digits} digits"
    return f"; {said}, so that a rollover adds {10**digits} {unit}"


def _read_fall(
    conn: Connection,
    channels: Sequence[Channel],
    exponents: dict[int, int],
    breaks: Sequence[RegisterBreak],
    starts_at: datetime,
) -> Fall:
    """Return the readings on both sides of a moment, and the epochs that are known."""
    before, after = neighbours(conn, exponents, starts_at - MICROSECOND)
    weights = {channel.channel_id: channel.weight for channel in channels}
    epochs = epochs_of(conn, exponents.keys())
    return Fall(
        starts_at=starts_at,
        before=before,
        after=after,
        epochs=epochs,
        may_rise=(
            (
                before is not None
                and after is not None
                and weights[before.channel_id] != weights[after.channel_id]
            )
            or any(
                each.reason is Reason.IMPLAUSIBLE and each.before < starts_at <= each.after
                for each in breaks
            )
            or any(_was_gain(own, starts_at) for own in epochs.values())
        ),
    )


def _was_gain(epochs: Sequence[Epoch], starts_at: datetime) -> bool:
    """Say whether a gain is recorded for a moment: it can be corrected after it was judged."""
    offsets = [0, *(epoch.offset_raw for epoch in epochs if epoch.starts_at <= starts_at)]
    recorded = any(epoch.starts_at == starts_at for epoch in epochs)
    return recorded and offsets[-1] < offsets[-2]


def _raw(adds: Decimal, exponent: int, what: str, unit: str) -> int:
    """Return what a register lost as its channel counts.

    Raises:
        EpochRefused: it is no such amount, or finer than the channel counts.
    """
    if not adds.is_finite() or not abs(adds) <= MAX_DIAL:
        raise EpochRefused(f"{what}: {adds} is not what a register loses: give it in {unit}")
    raw = in_steps(adds, exponent)
    if raw is None:
        step = Decimal(1).scaleb(exponent)
        raise EpochRefused(
            f"{what}: the register counts in steps of {step:f} {unit}, {adds:f} is finer"
        )
    return raw


def _words(  # noqa: PLR0917  # the values of a fault
    fault: FallFault, fall: Fall, rows: Epochs, adds: Decimal, unit: str, zone: ZoneInfo
) -> str:
    """Say a fault to the person who entered the fall."""
    when = f"{fall.starts_at.astimezone(zone):%Y-%m-%d %H:%M}"
    apart = {
        FallFault.NOT_A_LOSS: (
            f"{adds:f} is not what a register loses: only a changed pulse weight, or a jump that "
            "is known to be one, makes it rise"
        ),
        FallFault.NO_READING_BEFORE: f"its meter has no sound reading before {when}",
        FallFault.NO_READING_AFTER: (
            f"its meter has no sound reading after {when}: if 'cloud-ingest reading list' shows it "
            "as set aside, and it is right, vouch for it first with 'cloud-ingest reading restore'"
        ),
        FallFault.NOTHING_RECORDED: f"nothing is recorded for {when} that could be taken back",
    }
    if fault in apart or fall.before is None or fall.after is None:
        return apart[fault]
    goes = f"its register goes from {fall.before.value:f} to {fall.after.value:f} {unit} at {when}"
    if fault is FallFault.DOES_NOT_FALL:
        return f"{goes} and does not fall: give the time of the first reading after the fall"
    if fault is FallFault.STILL_FALLS:
        return f"{goes}: with {adds:f} {unit} more it would still fall"
    used = fall.used(rows)
    return f"{goes}: with {adds:f} {unit} more {used:f} were used, more than it can use"


def _other_epoch(fall: Fall, zone: ZoneInfo) -> str:
    """Say how an epoch that is recorded nearby is corrected; nothing where there is none."""
    beside = epoch_beside(fall.epochs, fall.starts_at)
    if beside is None:
        return ""
    return (
        f"; an epoch is recorded for {local_text(beside, zone)}: to correct it, give that time "
        "with the right amount, or --adds 0 to take it back"
    )


def _insert(
    conn: Connection,
    known: Epochs,
    rows: Mapping[int, Sequence[Epoch]],
    *,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    """Record the epochs that are new or corrected."""
    for channel_id, epochs in rows.items():
        for epoch in epochs:
            if epoch in known.get(channel_id, ()):
                continue
            store_epoch(conn, channel_id, epoch, reason=reason, by=by, now=now)


def _closed_months(
    conn: Connection, society_id: int, at: datetime, self_read_window: timedelta, zone: ZoneInfo
) -> tuple[str, ...]:
    """Return the closed months that a fall at a time may change."""
    around = (at - self_read_window, at, at + self_read_window)
    days = (each.astimezone(zone) for each in around)
    touched = {str(month_of(day.year, day.month, zone)) for day in days}
    return tuple(closed_months(conn, society_id, touched))
