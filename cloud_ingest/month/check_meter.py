# SPDX-License-Identifier: MIT
"""What check meters counted beside the meters that they check.

A check meter hangs in the same pipe or cable as a unit's meter: source ``check`` in the list of
units. What it counts is nobody's use. It tells how use was spread over a time in which its meter
was not read: at each moment that is asked for, its register lies between its readings on both
sides, each at most a day away.

In: the store, within one snapshot; meters, and moments of each. Out: what was counted from moment
to moment, by meter; nothing across a break or two pulse weights. Never: a number, a write.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from cloud_ingest.core.border import PROMPT
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import MICROSECOND
from cloud_ingest.core.placing import Interval
from cloud_ingest.core.quality import RegisterBreak
from cloud_ingest.core.register import Epochs, Register, normalised
from cloud_ingest.month.boundaries import MonthChannels, month_channels
from cloud_ingest.store.assignments import Assignment, checked_by
from cloud_ingest.store.channels import Channel
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.readings_read import Window, boundary_readings
from cloud_ingest.store.register_breaks import breaks_of
from shared_schema.catalogue import BILLED_REGISTER


@dataclass(frozen=True, slots=True)
class _Check:
    """A check meter, and when it hung beside its meter."""

    meter_id: int
    served: Sequence[Assignment]
    channels: Sequence[Channel]
    breaks: Sequence[RegisterBreak]

    def hangs_at(self, at: datetime) -> bool:
        """Say whether it hangs there at a moment, or comes or goes then."""
        return any(
            each.valid_from <= at and (each.valid_to is None or at <= each.valid_to)
            for each in self.served
        )

    @property
    def is_one_register(self) -> bool:
        """Say whether all that it counts is of one pulse weight."""
        return len({channel.weight for channel in self.channels}) == 1

    def is_broken(self, start: datetime, end: datetime) -> bool:
        """Say whether its register left its course in a stretch of time."""
        return any(each.before < end and start < each.after for each in self.breaks)


def checked_use(
    conn: Connection, moments: Mapping[int, Collection[datetime]]
) -> dict[int, list[Interval]]:
    """Return what the check meters of meters counted between moments, by the id of the meter.

    Args:
        conn: The store.
        moments: Of each meter, by its id.
    """
    times = [at for own in moments.values() for at in own]
    if not times:
        return {}
    beside = checked_by(conn, moments.keys(), min(times), max(times) + MICROSECOND)
    if not beside:
        return {}
    billed = month_channels(conn, [check for _, check in beside], BILLED_REGISTER)
    checks = _checks(conn, beside, billed)
    epochs = epochs_of(conn, billed.exponents)
    found: dict[int, list[Interval]] = {}
    for meter_id, own in checks.items():
        points = sorted(set(moments[meter_id]))
        for check in own:
            if check.is_one_register:
                step = Decimal(1).scaleb(
                    min(billed.exponents[channel.channel_id] for channel in check.channels)
                )
                counts = _counts(conn, check, points, billed, epochs)
                found.setdefault(meter_id, []).extend(_between(check, points, counts, step))
    return found


def _checks(
    conn: Connection, beside: Iterable[tuple[int, Assignment]], billed: MonthChannels
) -> dict[int, list[_Check]]:
    """Return the check meters of each meter, by its id."""
    served: dict[tuple[int, int], list[Assignment]] = {}
    for meter_id, assignment in beside:
        served.setdefault((meter_id, assignment.meter_id), []).append(assignment)
    breaks = breaks_of(conn, {own for _, own in served})
    found: dict[int, list[_Check]] = {}
    for (meter_id, own), assigned in served.items():
        channels = [each for each in billed.channels if each.meter_id == own]
        check = _Check(own, assigned, channels, breaks.get(own, ()))
        found.setdefault(meter_id, []).append(check)
    return found


def _counts(
    conn: Connection,
    check: _Check,
    points: Sequence[datetime],
    billed: MonthChannels,
    epochs: Epochs,
) -> dict[datetime, Fraction]:
    """Return where the register of a check meter stood at moments, as far as it was read there."""
    ids = [channel.channel_id for channel in check.channels]
    hung = [at for at in points if check.hangs_at(at)]
    read = boundary_readings(
        conn,
        last_in=[Window(own, at - PROMPT, at) for at in hung for own in ids],
        first_in=[Window(own, at + MICROSECOND, at + PROMPT) for at in hung for own in ids],
        exponents={own: billed.exponents[own] for own in ids},
    )
    registers = sorted((each for own in read.values() for each in own), key=lambda each: each.ts)
    found: dict[datetime, Fraction] = {}
    for at in hung:
        before = next((each for each in reversed(registers) if each.ts <= at), None)
        after = next((each for each in registers if each.ts >= at), None)
        if before is None or after is None or max(at - before.ts, after.ts - at) > PROMPT:
            continue
        if not check.is_broken(before.ts, after.ts):
            found[at] = _count_at(at, before, after, epochs)
    return found


def _count_at(at: datetime, before: Register, after: Register, epochs: Epochs) -> Fraction:
    """Return the register at a moment between two readings, by time."""
    counted = Fraction(normalised(before, epochs))
    if after.ts == before.ts:
        return counted
    share = Fraction((at - before.ts) // MICROSECOND, (after.ts - before.ts) // MICROSECOND)
    return counted + (Fraction(normalised(after, epochs)) - counted) * share


def _between(
    check: _Check,
    points: Sequence[datetime],
    counts: Mapping[datetime, Fraction],
    step: Decimal,
) -> Iterable[Interval]:
    """Yield what was counted from each moment to the next, in whole steps of the register."""
    for start, end in pairwise(points):
        if start in counts and end in counts and not check.is_broken(start, end):
            steps = round((counts[end] - counts[start]) / Fraction(step))
            with exactly():
                yield Interval(start, end, steps * step)
