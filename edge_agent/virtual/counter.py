# SPDX-License-Identifier: GPL-2.0-only
"""What a virtual meter is, and what it has counted.

In: a specification and a load. Out: the raw value of any register at any time. Owns the clock,
which may be set. Never invents a value: every number follows from the load and the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from edge_agent.virtual.clock import ClockJump, Deviation, Dial, midnight
from edge_agent.virtual.habits import Habits, check_serial
from edge_agent.virtual.hdlc import MAX_INFO
from edge_agent.virtual.loads import QUARTER_S, Load, quarters, used_until
from edge_agent.virtual.profile import RangeDeviation
from edge_agent.virtual.quartz import Quartz
from edge_agent.virtual.security import KeySet
from shared_schema.catalogue import WATER_VOLUME, Unit
from shared_schema.obis import Obis

_WRAP = 1 << 32


class Model(StrEnum):
    """The kinds of meters."""

    SINGLE_PHASE = "single_phase"
    """IS 16444 part 1: registers in Wh."""
    THREE_PHASE = "three_phase"
    """IS 13779: registers in units of 10 Wh."""
    WATER = "water"
    """A register module on a mechanical meter (IS 779): litres."""


@dataclass(frozen=True, slots=True)
class SecuritySpec:
    """The keys of a meter and how it uses them."""

    keys: KeySet
    title: bytes
    """System title, 8 bytes."""
    reader_ciphered: bool = True
    """The meter reader (client 32) has low level security with authenticated encryption."""
    reader_counter: int = 0
    """The last counter taken from client 32."""
    utility_counter: int = 0
    """The same of client 48."""
    general: bool = False
    """Answers come as general-glo-ciphering."""
    explains: bool = True
    """A counter that is too low is answered with the expected one."""


@dataclass(frozen=True, slots=True)
class MeterSpec:
    """What a meter is and how it behaves."""

    manufacturer: str
    """Of any length; the device name takes its first three letters."""
    serial: str
    address: int
    """HDLC physical address, 1 to 16381."""
    model: Model
    installed_at: datetime
    """Aware. Nothing is counted and no row is captured before."""
    seed: str
    password: bytes = b"12345678"
    initial: int = 0
    """What the register showed at installation: Wh or litres."""
    scaler: int | None = None
    """Water only: -3 (1 L, the default), -2 (10 L) or -1 (100 L)."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Kolkata"))
    capture_period_s: int = 900
    profile_days: int = 35
    daily_days: int = 45
    billing_cycles: int = 12
    clock_offset_s: int = 0
    """How far the meter's clock is ahead when it is installed, seconds."""
    clock_drift_s_per_day: float = 0.0
    """What it gains in a day."""
    clock_jumps: tuple[ClockJump, ...] = ()
    """In order of time, apart from each other; they come on top of `clock_offset_s`."""
    deviation: Deviation = Deviation.STANDARD
    range_deviation: RangeDeviation = RangeDeviation.ANY
    metering_fails_at: datetime | None = None
    """Aware. From then on nothing is counted or captured and registers are in fault."""
    cover_opened_at: datetime | None = None
    """Aware. Electricity only: the meter notes then that its cover was opened."""
    cable_cut_at: datetime | None = None
    """Aware. Water only: from then on no pulse arrives, and the status of each row says so."""
    pulse_litres: Decimal | None = None
    """Water only: the module counts pulses of so many litres, and says neither scaler nor unit."""
    litres: bool = False
    """Water only: the volume is in litres, not in cubic metres."""
    register_modulus: int | None = None
    """Raw value at which the registers start again from zero."""
    ranges: bool = True
    """False: its profiles refuse a range; rows are read by their place."""
    null_timestamps: bool = False
    """Rows after the first of an answer carry null-data for the clock."""
    max_info: int = MAX_INFO
    """Longest HDLC info field that the meter agrees to."""
    max_pdu: int = 1024
    """Longest APDU, bytes."""
    slow_s: float = 0.0
    """What the meter needs beyond the line's turnaround before it answers, seconds."""
    security: SecuritySpec | None = None
    """Keys and who needs them; None: no client is ciphered."""
    habits: Habits = field(default_factory=Habits)
    """What it does differently from the book."""

    def __post_init__(self) -> None:
        if self.installed_at.tzinfo is None or any(
            each is not None and each.tzinfo is None
            for each in (self.metering_fails_at, self.cover_opened_at, self.cable_cut_at)
        ):
            raise ValueError("times of a meter are aware")
        check_serial(self.habits.serial_form, self.serial)
        if self.installed_at.year <= 2000:
            raise ValueError("loads begin with the year 2000")
        if self.capture_period_s not in (900, 1800, 3600):
            raise ValueError("the capture period is 900, 1800 or 3600 s")
        if midnight(date(2024, 1, 1), self.zone) % self.capture_period_s:
            raise ValueError("midnight of this zone is not at the end of a capture period")
        if any(one.until > next_.since for one, next_ in pairwise(self.clock_jumps)):
            raise ValueError("clock jumps stand in order and apart from each other")
        if self.scaler is not None and not (self.model is Model.WATER and -3 <= self.scaler <= -1):
            raise ValueError("the scaler is of water meters only: -3, -2 or -1")
        if self.model is not Model.WATER and (
            self.litres or self.cable_cut_at or self.pulse_litres
        ):
            raise ValueError("litres, pulses and a cut cable are of water meters only")
        if self.cover_opened_at and self.model is Model.WATER:
            raise ValueError("a water meter has no log of its cover")


ENERGY_PER_MILLE: dict[int, int] = {1: 1000, 2: 0, 5: 340, 6: 0, 7: 0, 8: 30, 9: 1070, 10: 0}
"""Each energy (value group C) in thousandths of the active import."""


class Counter:
    """The counting part of a meter."""

    def __init__(self, spec: MeterSpec, load: Load) -> None:
        """Set up a counter.

        Args:
            spec: What it is.
            load: What flows through it, Wh or litres.

        Raises:
            ValueError: the load follows the days of another zone.
        """
        if load.zone != spec.zone:
            raise ValueError("a meter and its load are in one zone")
        self.spec = spec
        self.dial = Dial(spec.zone, spec.deviation)
        self._load = load
        self._installed_s = int(spec.installed_at.timestamp())
        fails_at = spec.metering_fails_at
        self._fails_s = None if fails_at is None else int(fails_at.timestamp())
        cut_at = spec.cable_cut_at
        self._cut_s = None if cut_at is None else int(cut_at.timestamp())
        ends = [each for each in (self._fails_s, self._cut_s) if each is not None]
        self._ends_s = min(ends, default=None)
        self.quartz = Quartz(self._installed_s, spec.clock_offset_s, spec.clock_drift_s_per_day)
        """The clock without its jumps."""
        water = spec.model is Model.WATER
        kilo = 3 if spec.habits.kilo else int(spec.model is Model.THREE_PHASE)
        self.scaler = (spec.scaler or -3) if water else kilo
        """Of the cumulative registers: a power of ten of m³ or Wh."""
        self._divisor, self._times = 10 ** (self.scaler + 3 if water else self.scaler), 1
        if spec.pulse_litres is not None:
            self._divisor, self._times = spec.pulse_litres.as_integer_ratio()

    @property
    def modulus(self) -> int:
        """The raw value at which registers start again from zero."""
        return self.spec.register_modulus or _WRAP

    @property
    def installed_s(self) -> int:
        """Installation, seconds since 1970, true time."""
        return self._installed_s

    @property
    def fails_s(self) -> int | None:
        """When the metering fails, seconds since 1970, true time."""
        return self._fails_s

    @property
    def volume(self) -> tuple[int, Unit]:
        """Scaler and unit of the volume of a water meter."""
        if self.spec.pulse_litres is not None:
            return 0, Unit.COUNT
        return (
            (self.scaler + 3, Unit.LITRE) if self.spec.litres else (self.scaler, Unit.CUBIC_METRE)
        )

    def is_cut(self, seconds: float) -> bool:
        """Tell whether the cable of the pulses is cut at a true time."""
        return self._cut_s is not None and seconds > self._cut_s

    @cached_property
    def _base(self) -> int:
        return self.spec.initial - used_until(self._load, self._installed_s)

    def raw(self, obis: Obis, used: int) -> int:
        """Return a register's raw value where so many Wh or litres have been counted.

        Raises:
            KeyError: the meter has no such register.
        """
        return self.raws(obis, (used,))[0]

    def raws(self, obis: Obis, used: Sequence[int]) -> list[int]:
        """Return `raw` of many values at once.

        Raises:
            KeyError: the meter has no such register.
        """
        water = self.spec.model is Model.WATER
        if (obis != WATER_VOLUME) if water else (obis[:2] != (1, 0) or obis[3:] != (8, 0, 255)):
            raise KeyError(obis)
        mille = 1000 if water else ENERGY_PER_MILLE[obis.c]
        if self.spec.model is Model.SINGLE_PHASE and obis.c in (5, 6, 7, 8):
            raise KeyError(obis)
        divisor, modulus = self._divisor, self.modulus
        if mille == 1000:
            return [each * self._times // divisor % modulus for each in used]
        if mille == 0:
            return [0] * len(used)
        divisor *= 1000
        return [each * mille // divisor % modulus for each in used]

    def used(self, seconds: int) -> int:
        """Return what is counted at a true time, with the initial value: Wh or litres."""
        if self._ends_s is not None:
            seconds = min(seconds, self._ends_s)
        if seconds <= self._installed_s:
            return self.spec.initial
        return self._base + used_until(self._load, seconds)

    def used_at(self, shown: int) -> int:
        """Return `used` when the meter's clock first showed a time, seconds since 1970."""
        return self.used(int(self.quartz.reached(shown)))

    def day_used(self, day: date) -> list[int]:
        """Return `used` at each quarter hour of a day of the meter's clock, 00:00 to 00:00."""
        start = midnight(day, self.spec.zone)
        end = midnight(day + timedelta(days=1), self.spec.zone)
        whole = self._installed_s <= start and (self._ends_s is None or end <= self._ends_s)
        if whole and self.quartz.is_true:
            base = self._base
            return [base + used for used in self._load.day(day)]
        count = quarters(day, self.spec.zone)
        return [self.used_at(start + slot * QUARTER_S) for slot in range(count + 1)]

    def steady(self, now: datetime) -> datetime:
        """Return the meter's own time at a true time, without its jumps, both aware."""
        return now + timedelta(seconds=self.quartz.ahead_s(now.timestamp()))

    def clock(self, now: datetime) -> datetime:
        """Return the meter's own time at a true time, both aware."""
        return self.steady(now) + self._jumped(now)

    def set_clock(self, now: datetime, shown: float) -> None:
        """Set the clock at a true time: it shows so many seconds since 1970 from then on.

        A jump that is going on stays: what it adds is taken off, and is missing after it.
        """
        self.quartz.set(now.timestamp(), shown - self._jumped(now).total_seconds())

    def _jumped(self, now: datetime) -> timedelta:
        jumps = (jump for jump in self.spec.clock_jumps if jump.since <= now < jump.until)
        return timedelta(days=sum(jump.days for jump in jumps))

    def failed(self, now: datetime) -> bool:
        """Return whether the metering is in fault at a true time."""
        return self._fails_s is not None and now.timestamp() >= self._fails_s
