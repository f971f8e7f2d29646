# SPDX-License-Identifier: MIT
"""Whether what a person enters can be true beside the readings around it.

A person enters two things. A dial value stands between the reading before it and the one after
it, and no unit uses more than so much a day. A fall of a register (it rolled over, was reset, is
weighed anew, or jumped) must show in the readings on its two sides, and what is added must explain
it.

In: what was entered, the readings on both sides, the epochs. Out: a fault as a kind with its
values, or None; the surface words it. Never: a refusal, for a person may know better. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Context, Decimal, Inexact
from enum import StrEnum

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.exact import DIGITS, exactly
from cloud_ingest.core.register import Epoch, Epochs, Register, normalised, with_epoch
from shared_schema.catalogue import Service

MOST_PER_DAY: dict[Service, Decimal] = {
    Service.ELECTRICITY: Decimal(500),
    Service.WATER: Decimal(50),
}
"""kWh or kL that no unit uses in a day: beyond, a digit is wrong."""
UNITS_OF_A_TOWER = 200
"""A common area or a bulk meter may count for as many units."""
MAX_DIAL = Decimal(10) ** 9
"""kWh or kL that no dial shows."""
FINEST_DIAL = Decimal("1E-9")
"""kWh or kL: no dial shows less."""


class DialFault(StrEnum):
    """Why a dial value cannot be true."""

    KNOWN_OTHERWISE = "another value is known for the same moment"
    BELOW = "it is below an earlier reading"
    ABOVE = "it is above a later reading"
    TOO_MUCH = "more would have been used than can be"
    TOO_LITTLE = "more would be left until a later reading than can be used"


class FallFault(StrEnum):
    """Why a fall cannot be what it is said to be."""

    NOT_A_LOSS = "a register loses nothing negative, unless it is weighed anew or jumped"
    NO_READING_BEFORE = "there is no reading before it"
    NO_READING_AFTER = "there is no reading after it"
    NOTHING_RECORDED = "nothing is recorded that could be taken back"
    DOES_NOT_FALL = "the register does not fall there"
    STILL_FALLS = "with what is added it would still fall"
    TOO_MUCH = "more would have been used across it than can be"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A fault of a dial value, and the reading beside which it shows."""

    fault: DialFault
    beside: Register
    used: Decimal | None = None
    """What would have been used since ``beside``, or until it, where that is too much."""


@dataclass(frozen=True, slots=True)
class Fall:
    """Where a register fell: the readings on its two sides, and the epochs of its channels."""

    starts_at: datetime
    """The time of the first reading after the fall."""
    before: Register | None
    after: Register | None
    epochs: Epochs
    may_rise: bool
    """Its pulse weight was changed there, or it jumped for good: it may have gained instead."""

    def corrected(self, adds_raw: Mapping[int, int]) -> dict[int, list[Epoch]]:
        """Return the epochs with the fall explained, by channel id.

        Args:
            adds_raw: What each channel lost, as it counts.
        """
        return {
            channel_id: with_epoch(self.epochs.get(channel_id, ()), self.starts_at, raw)
            for channel_id, raw in adds_raw.items()
        }

    def used(self, epochs: Epochs) -> Decimal:
        """Return what was used across the fall.

        Raises:
            ValueError: a side of the fall was not read.
        """
        if self.before is None or self.after is None:
            raise ValueError("a side of the fall was not read")
        with exactly():
            return normalised(self.after, epochs) - normalised(self.before, epochs)

    def fault(self, epochs: Epochs, adds: Decimal, most_per_day: Decimal) -> FallFault | None:
        """Say why the fall cannot be what it is said to be, or None.

        Args:
            epochs: As `corrected` returns them.
            adds: What the register is said to have lost, in kWh or kL.
            most_per_day: What cannot be exceeded in a day.
        """
        if adds.is_finite() and adds < 0 and not self.may_rise:
            return FallFault.NOT_A_LOSS
        if self.before is None or self.after is None:
            unread = FallFault.NO_READING_BEFORE, FallFault.NO_READING_AFTER
            return unread[self.before is not None]
        if adds == 0 and not self.may_rise:
            recorded = (each.starts_at for own in self.epochs.values() for each in own)
            return None if self.starts_at in recorded else FallFault.NOTHING_RECORDED
        used = self.used(epochs)
        faults = {
            FallFault.DOES_NOT_FALL: used >= adds and not self.may_rise,
            FallFault.STILL_FALLS: used < 0,
            FallFault.TOO_MUCH: used > most_per_day * _days(self.before, self.after),
        }
        return next((fault for fault, holds in faults.items() if holds), None)


def usual_most_per_day(service: Service, subject_type: SubjectKind) -> Decimal:
    """Return the kWh or kL beyond which a day's use is a mistake."""
    return MOST_PER_DAY[service] * (1 if subject_type == "unit" else UNITS_OF_A_TOWER)


def is_dial_value(value: Decimal) -> bool:
    """Say whether a dial can show a value at all."""
    return value.is_finite() and 0 <= value < MAX_DIAL and value % FINEST_DIAL == 0


def typed_step(value: Decimal) -> Decimal:
    """Return the worth of the last digit that somebody typed; 1 at most."""
    exponent = value.as_tuple().exponent
    return Decimal(1).scaleb(min(exponent, 0) if isinstance(exponent, int) else 0)


def in_steps(value: Decimal, exponent: int) -> int | None:
    """Return how many steps of 10^exponent a value is; None: it is finer than one."""
    try:
        with exactly():
            raw = value.scaleb(-exponent)
            return int(raw) if raw == raw.to_integral_value() else None
    except Inexact:  # of more digits than any register has
        return None


def beside_dial(value: Decimal, adds: Decimal, exponent: int) -> Decimal:
    """Return the register of a module beside its dial, in whole steps of the register.

    Args:
        value: What the dial shows.
        adds: What the dial shows beyond the register.
        exponent: A step of the register is 10^exponent.
    """
    step = Decimal(1).scaleb(exponent)
    wide = Context(prec=DIGITS)
    return wide.subtract(value, adds).quantize(step, ROUND_FLOOR, wide)


def doubt_of(
    claimed: Register,
    neighbours: Sequence[Register | None],
    epochs: Epochs,
    most_per_day: Decimal,
) -> Doubt | None:
    """Say why a dial value cannot be true, or None.

    Args:
        claimed: The value as a register.
        neighbours: The last reading at or before its time, and the first one after it.
        epochs: Of its meter's channels.
        most_per_day: What cannot be exceeded in a day.
    """
    before, after = neighbours
    if before is not None and before.ts == claimed.ts:
        if before.value == claimed.value:
            return None
        return Doubt(DialFault.KNOWN_OTHERWISE, before)
    here = normalised(claimed, epochs)
    if before is not None and here < normalised(before, epochs):
        return Doubt(DialFault.BELOW, before)
    if after is not None and here > normalised(after, epochs):
        return Doubt(DialFault.ABOVE, after)
    for fault, other, sign in ((DialFault.TOO_MUCH, before, 1), (DialFault.TOO_LITTLE, after, -1)):
        if other is None:
            continue
        used = sign * (here - normalised(other, epochs))
        first, then = (other, claimed) if sign > 0 else (claimed, other)
        if used > most_per_day * _days(first, then):
            return Doubt(fault, other, used)
    return None


def _days(earlier: Register, later: Register) -> Decimal:
    """Return the days between two readings in whole hours, at least one."""
    return max(Decimal((later.ts - earlier.ts) // timedelta(hours=1)) / 24, Decimal(1))
