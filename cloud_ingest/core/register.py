# SPDX-License-Identifier: MIT
"""What a billed register says, in the unit of billing, and what it would say had it never fallen.

A register is an integer; its channel's unit and scaler give the exponent e of
value = raw * 10^e in kWh or kL. A register that rolled over, was reset or is weighed anew has an
epoch: an offset that is added from a moment on. What is compared is N = raw + offset.

In: readings as the store has them, units and scalers, epochs. Out: values in Decimal.
Never: a float, or a rounded value. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from shared_schema.billing import BILLING_EXPONENTS, MAX_SCALER
from shared_schema.catalogue import Service
from shared_schema.quality import Origin

CAPTURE_PERIOD = timedelta(seconds=900)
"""Where a channel does not say, or says more than an hour: a midnight row of a daily profile
is exact, and a day is no tolerance for the end of a month."""
LONGEST_TOLERANCE = timedelta(hours=1)
LITRES_IN: Mapping[int, Decimal] = {
    unit: Decimal(1).scaleb(exponent + 3)
    for (service, unit), exponent in BILLING_EXPONENTS.items()
    if service is Service.WATER
}
"""Of a unit that water registers count, its litres."""


@dataclass(frozen=True, slots=True)
class Register:
    """One reading of a billed register; its value is raw * 10^exponent kWh or kL."""

    channel_id: int
    ts: datetime
    raw: int
    origin: Origin
    exponent: int

    @property
    def value(self) -> Decimal:
        """What the dial says, in the unit of billing."""
        return Decimal(self.raw).scaleb(self.exponent)


class DayRegister(NamedTuple):
    """The last reading of a local day, as the rollup has it: half a million of them a closing."""

    channel_id: int
    day: date
    last_ts: datetime
    last_raw: int
    exponent: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """What is added to a channel's raw register from a time on."""

    starts_at: datetime
    offset_raw: int


Epochs = Mapping[int, Sequence[Epoch]]
"""By channel id, ascending."""


def in_time(reading: Register) -> tuple[datetime, int]:
    """Return the key that sorts readings by time, and at one time by channel."""
    return (reading.ts, reading.channel_id)


def has_absurd_scaler(service: Service, unit: int, scaler: int) -> bool:
    """Say whether it is only the scaler for which a register cannot be billed."""
    return (service, unit) in BILLING_EXPONENTS and abs(scaler) > MAX_SCALER


def tolerance_of(period_s: int) -> timedelta:
    """Return how far before a border the last register may lie."""
    period = timedelta(seconds=period_s)
    return period if timedelta() < period <= LONGEST_TOLERANCE else CAPTURE_PERIOD


def offset_at(epochs: Sequence[Epoch], at: datetime) -> int:
    """Return what is added to a channel's raw register at a time."""
    offset = 0
    for epoch in epochs:
        if epoch.starts_at <= at:
            offset = epoch.offset_raw
    return offset


def normalised(reading: Register | DayRegister, epochs: Epochs) -> Decimal:
    """Return N: what the register would say had it never rolled over or been reset."""
    ts, raw = (
        (reading.ts, reading.raw)
        if isinstance(reading, Register)
        else (reading.last_ts, reading.last_raw)
    )
    offset = offset_at(epochs.get(reading.channel_id, ()), ts)
    return Decimal(raw + offset).scaleb(reading.exponent)


def with_epoch(known: Sequence[Epoch], starts_at: datetime, adds_raw: int) -> list[Epoch]:
    """Return a channel's epochs with one more, or with one corrected.

    An epoch's offset is all that the register has lost until then, so that those after it
    move by what this one changes.
    """
    earlier = [epoch for epoch in known if epoch.starts_at < starts_at]
    offset = (earlier[-1].offset_raw if earlier else 0) + adds_raw
    moved = offset - offset_at(known, starts_at)
    later = [
        Epoch(epoch.starts_at, epoch.offset_raw + moved)
        for epoch in known
        if epoch.starts_at > starts_at
    ]
    return [*earlier, Epoch(starts_at, offset), *later]
