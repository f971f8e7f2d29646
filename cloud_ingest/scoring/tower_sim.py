# SPDX-License-Identifier: MIT
"""A simulated tower: flats with real curves behind a bulk meter that sees all of them.

Each flat uses water as a curve says, shifted by whole weeks. Its register is read some minutes
late, in whole steps, by a meter with a small error of its own; so is the bulk meter's, which has
what is used without a meter on top. Around it goes on what a rule must not be misled by: meters
that are not read for days, tenants who leave, tenants who use more or less than those before,
leaks behind a flat's own meter, and a week in which nearly all are away.

In: curves, a fault, a seeded generator. Out: the tower as the cloud sees it. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate, pairwise
from random import Random
from typing import Final, Literal

from cloud_ingest.core.rules.tower.steps import TowerDays
from cloud_ingest.core.rules.tower.within_day import TowerHours

FIRST: Final = date(2024, 1, 1)
DAY_H: Final = 24
WEEK_H: Final = 168
LIVED_IN_L_PER_DAY: Final = 100.0
"""The flat with the fault uses at least so much."""
OUTAGE_DAYS: Final = (1, 1, 1, 1, 1, 1, 1, 2, 3, 5)
"""Three outages in ten last longer than a day."""

Curve = Sequence[float]
"""Litres in each hour, of whole weeks."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a tower is like."""

    flats: int = 60
    days: int = 200
    bulk_step_l: int = 100
    flat_step_l: int = 10
    gain_sd: float = 0.02
    """Of each meter."""
    late_h: float = 0.25
    """A register is read so late at most."""
    unmetered_sd_l: float = 80.0
    """Of what is used without a meter, from day to day."""
    tank_l: float = 0.0
    """Water in a tank between bulk meter and flats: it is filled at any hour."""
    outage_a_day: float = 1 / 70
    """How often a flat's meter begins not to be read."""
    changes: int = 2
    """Flats that fall empty, that get other tenants, that leak behind their own meter: each."""
    leave_together: float = 0.0
    """Of the flats: they are away in the same week."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a tower, from one day on."""

    kind: Literal["none", "leak", "share"] = "none"
    amount: float = 0.0
    """Litres an hour of a leak in the common pipe; the share that a meter misses, 1: it stopped."""
    day: int = 130
    hour: int | None = None
    """Of the day on which it begins; None: any."""


@dataclass(frozen=True, slots=True)
class SimulatedTower:
    """A tower as the cloud sees it, and the truth."""

    days: TowerDays
    hours: TowerHours
    flat: str | None
    """Whose meter has the fault."""
    use_l_per_day: float

    def until(self, day: int, window: int) -> TowerDays:
        """Return what is known at the end of a day, and how it came about."""
        start = max(0, day + 1 - window)
        return replace(
            self.days,
            first=FIRST + timedelta(days=start),
            bulk=self.days.bulk[start : day + 1],
            meters={name: own[start : day + 1] for name, own in self.days.meters.items()},
        )

    def hours_between(self, first: date, last: date) -> TowerHours:
        """Return the hours of some days."""
        known = {d: own for d, own in self.hours.bulk.items() if first <= d <= last}
        return replace(self.hours, bulk=known)


def simulated(
    curves: Sequence[Curve], fault: Fault, rng: Random, setting: Setting | None = None
) -> SimulatedTower:
    """Simulate one tower."""
    setting = setting or Setting()
    flats = _flats(curves, setting, rng)
    names = [f"{number:03d}" for number in range(1, len(flats) + 1)]
    lived_in = [n for n, own in enumerate(flats) if sum(own) > LIVED_IN_L_PER_DAY * setting.days]
    faulty = rng.choice(lived_in) if fault.kind == "share" and lived_in else None
    _change_flats(flats, faulty, setting, rng)
    if setting.leave_together:
        _leave_together(flats, setting.leave_together, rng)
    hour = rng.randrange(DAY_H) if fault.hour is None else fault.hour
    begins_h = fault.day * DAY_H + hour
    total = [sum(hour) for hour in zip(*flats, strict=True)]
    for hour in range(len(total)):
        total[hour] += max(-total[hour], rng.gauss(0, setting.unmetered_sd_l / DAY_H**0.5))
        if fault.kind == "leak" and hour >= begins_h:
            total[hour] += fault.amount
    if setting.tank_l:
        total = _through_tank(total, setting.tank_l, rng)
    used = flats[faulty][:begins_h] if faulty is not None else []
    if faulty is not None:
        kept = 1 - fault.amount
        flats[faulty] = [*used, *(use * kept for use in flats[faulty][begins_h:])]
    meters = {
        name: _registers(own, setting.flat_step_l, setting, rng)
        for name, own in zip(names, flats, strict=True)
    }
    bulk = _registers(total, setting.bulk_step_l, replace(setting, late_h=0.0), rng)
    read = {name: _read_days(setting, rng) for name in names}
    return SimulatedTower(
        days=TowerDays(
            FIRST,
            _daily(bulk, [True] * (setting.days + 1)),
            {name: _daily(meters[name], read[name]) for name in names},
            float(setting.bulk_step_l),
        ),
        hours=TowerHours(
            _hourly(bulk, [True] * (setting.days + 1)),
            {name: _hourly(meters[name], read[name]) for name in names},
            float(setting.bulk_step_l),
        ),
        flat=None if faulty is None else names[faulty],
        use_l_per_day=sum(used) / begins_h * DAY_H,
    )


def _flats(curves: Sequence[Curve], setting: Setting, rng: Random) -> list[list[float]]:
    """Draw a curve and a shift for each flat, none twice while there are enough."""
    every = [(n, week) for n, curve in enumerate(curves) for week in range(len(curve) // WEEK_H)]
    drawn = rng.sample(every, setting.flats)
    hours = setting.days * DAY_H
    found = []
    for number, week in drawn:
        curve = curves[number]
        own = [*curve[week * WEEK_H :], *curve[: week * WEEK_H]]
        found.append((own * (hours // len(own) + 1))[:hours])
    return found


def _change_flats(
    flats: list[list[float]], faulty: int | None, setting: Setting, rng: Random
) -> None:
    """Let some flats fall empty, change their tenants, or leak behind their own meter."""
    others = [number for number in range(len(flats)) if number != faulty]
    chosen = rng.sample(others, 3 * setting.changes)
    for place, number in enumerate(chosen):
        begin = rng.randrange(len(flats[number]))
        own = flats[number]
        if place % 3 == 0:
            own[begin:] = [0.0] * (len(own) - begin)
        elif place % 3 == 1:
            factor = rng.uniform(0.4, 2.0)
            own[begin:] = [use * factor for use in own[begin:]]
        else:
            litres, end = rng.uniform(5, 20), begin + rng.randrange(100, 500)
            own[begin:end] = [use + litres for use in own[begin:end]]


def _leave_together(flats: list[list[float]], part: float, rng: Random) -> None:
    """Let a part of the flats be away for a week that is a holiday of all, each some hours off."""
    holiday = rng.randrange(len(flats[0]) // 2, len(flats[0]) - 2 * WEEK_H)
    for own in flats:
        if rng.random() < part:
            begin, end = holiday + rng.randrange(DAY_H), holiday + WEEK_H + rng.randrange(DAY_H)
            own[begin:end] = [0.0] * (end - begin)


def _through_tank(total: Sequence[float], tank_l: float, rng: Random) -> list[float]:
    """Return what flows into a tank: it is filled up at a level that nobody keeps to."""
    inflow, level, refill_at = [], tank_l, tank_l / 2
    for use in total:
        level -= use
        filled = 0.0
        if level < refill_at:
            filled = tank_l - level
            refill_at = tank_l * rng.uniform(0.3, 0.8)
        level += filled
        inflow.append(filled)
    return inflow


def _registers(uses: Sequence[float], step: int, setting: Setting, rng: Random) -> list[int]:
    """Return what a register shows at the start of each hour, and at the end of the last."""
    gain = 1 + rng.gauss(0, setting.gain_sd)
    moved = accumulate(uses, initial=rng.uniform(0, 1000))
    late = setting.late_h
    return [
        int((register + late * rng.random() * coming) * gain / step) * step
        for register, coming in zip(moved, [*uses, uses[-1]], strict=True)
    ]


def _read_days(setting: Setting, rng: Random) -> list[bool]:
    """Return at which midnights a meter was read."""
    read: list[bool] = []
    while len(read) <= setting.days:
        out = rng.choice(OUTAGE_DAYS) if read and rng.random() < setting.outage_a_day else 0
        read += [False] * out + [True]
    return read[: setting.days + 1]


def _daily(registers: Sequence[int], read: Iterable[bool]) -> list[float | None]:
    found: list[float | None] = []
    last = registers[0]
    for register, is_read in list(zip(registers[::DAY_H], read, strict=True))[1:]:
        found.append(float(register - last) if is_read else None)
        last = register if is_read else last
    return found


def _hourly(registers: Sequence[int], read: Sequence[bool]) -> dict[date, list[float]]:
    return {
        FIRST + timedelta(days=day): [
            float(after - before)
            for before, after in pairwise(registers[day * DAY_H : (day + 1) * DAY_H + 1])
        ]
        for day in range(len(read) - 1)
        if read[day] and read[day + 1]
    }
