# SPDX-License-Identifier: GPL-2.0-only
"""The rows that a meter captures over time: block load, daily load, water.

In: a counter. Out: the columns of each profile and their values. Owns nothing.
Never moves a stamp: a row stamped 00:00 holds what the meter had counted at that midnight
and, in the block load, covers the period before it.
"""

from datetime import date, datetime
from itertools import pairwise

from edge_agent.virtual.clock import midnight
from edge_agent.virtual.counter import Counter, Model
from edge_agent.virtual.history import Captured, History, Periodic, Value, obis
from edge_agent.virtual.household import digest
from edge_agent.virtual.profile import Column
from shared_schema.catalogue import CLOCK, PROFILE_STATUS, WATER_VOLUME, Unit

CABLE_CUT_STATUS = 0x08
"""The bit of a water module's status that says that no pulse can arrive."""
_VOLTS: dict[Model, int] = {Model.SINGLE_PHASE: -2, Model.THREE_PHASE: -1}


class DailyLoad(History):
    """Cumulative registers at each midnight. A row's number is the day that it begins."""

    def __init__(self, counter: Counter) -> None:
        """Set up the daily load profile of a meter."""
        self._registers = [obis(f"1.0.{c}.8.0") for c in (1, 2, 9, 10)]
        unit = {9: Unit.VOLT_AMPERE_HOUR, 10: Unit.VOLT_AMPERE_HOUR}
        columns = [
            Captured(Column(3, name, 2, counter.scaler, unit.get(name.c, Unit.WATT_HOUR)), "I")
            for name in self._registers
        ]
        super().__init__(counter, [Captured(Column(8, CLOCK), "T"), *columns])
        self._zone = counter.spec.zone

    @property
    def period_s(self) -> int:
        """One day, seconds."""
        return 86400

    @property
    def capacity(self) -> int:
        """How many rows the buffer holds."""
        return self._counter.spec.daily_days

    def stamp(self, number: int) -> int:
        """Return the stamp of a row, seconds since 1970 on the meter's clock."""
        return midnight(date.fromordinal(number), self._zone)

    def number(self, seconds: int) -> int:
        """Return the number of the first row that is stamped at or after a time."""
        day = datetime.fromtimestamp(seconds, self._zone).date()
        return day.toordinal() + (midnight(day, self._zone) < seconds)

    def values(self, start: int, end: int) -> list[tuple[Value, ...]]:
        """Return the registers at the midnights in [start, end)."""
        used = [self._counter.used_at(self.stamp(number)) for number in range(start, end)]
        return list(zip(*(self._counter.raws(name, used) for name in self._registers), strict=True))


class WaterLoad(Periodic):
    """The cumulative volume at every capture period."""

    def __init__(self, counter: Counter) -> None:
        """Set up the load profile of a water meter."""
        volume = Column(3, WATER_VOLUME, 2, *counter.volume)
        super().__init__(
            counter,
            [
                Captured(Column(8, CLOCK), "T"),
                Captured(volume, "I"),
                Captured(Column(1, PROFILE_STATUS), "B"),
            ],
        )

    def day_values(self, day: date) -> list[tuple[Value, ...]]:
        """Return volume and status of one local day's rows."""
        step = self._period_s // 900
        counter = self._counter
        raws = counter.raws(WATER_VOLUME, counter.day_used(day)[step::step])
        first = midnight(day, counter.spec.zone) + self._period_s
        stamps = range(first, first + len(raws) * self._period_s, self._period_s)
        return [
            (raw, CABLE_CUT_STATUS * counter.is_cut(counter.quartz.reached(at)))
            for raw, at in zip(raws, stamps, strict=True)
        ]


class BlockLoad(Periodic):
    """Interval energies with average voltage and current."""

    def __init__(self, counter: Counter) -> None:
        """Set up the block load profile of an electricity meter."""
        self._three = counter.spec.model is Model.THREE_PHASE
        volts = _VOLTS[counter.spec.model]
        self._volts_scale = 10**-volts
        energy_codes = (1, 2, 5, 6, 7, 8, 9, 10) if self._three else (1, 9, 2, 10)
        self._registers = [obis(f"1.0.{c}.8.0") for c in energy_codes]
        self._apparent = energy_codes.index(9)
        units = dict.fromkeys((5, 6, 7, 8), Unit.VAR_HOUR)
        units |= dict.fromkeys((9, 10), Unit.VOLT_AMPERE_HOUR)
        energies = [
            Captured(
                Column(3, obis(f"1.0.{c}.29.0"), 2, counter.scaler, units.get(c, Unit.WATT_HOUR)),
                "I",
            )
            for c in energy_codes
        ]

        def average(c: int, scaler: int, unit: Unit) -> Captured:
            return Captured(Column(3, obis(f"1.0.{c}.27.0"), 2, scaler, unit), "H")

        clock = Captured(Column(8, CLOCK), "T")
        if self._three:
            phases = [average(c, -2, Unit.AMPERE) for c in (31, 51, 71)]
            phases += [average(c, volts, Unit.VOLT) for c in (32, 52, 72)]
            captured = [clock, *phases, *energies]
        else:
            captured = [
                clock,
                average(12, volts, Unit.VOLT),
                *energies,
                average(11, -2, Unit.AMPERE),
                Captured(Column(1, PROFILE_STATUS), "B"),
            ]
        super().__init__(counter, captured)

    def day_values(self, day: date) -> list[tuple[Value, ...]]:
        """Return the columns after the clock of one local day's rows."""
        counter, period_s = self._counter, self._period_s
        used = counter.day_used(day)[:: period_s // 900]
        modulus = counter.modulus
        energies = [
            [(after - before) % modulus for before, after in pairwise(counter.raws(name, used))]
            for name in self._registers
        ]
        count = len(used) - 1
        # I = S/U: VA = Wh x 1.07 x 3600/period; times 100 for hundredths of an ampere, times
        # the scale of U, which its raw value below carries as well.
        hourly = 3600 * 107 * self._volts_scale
        apparent = [(after - before) * hourly // period_s for before, after in pairwise(used)]
        phases = 3 if self._three else 1
        noise = digest(counter.spec.seed, "volts", day, count * phases)
        scale = self._volts_scale
        volts = [
            [(22400 + 6 * byte) * scale // 100 for byte in noise[phase * count :][:count]]
            for phase in range(phases)
        ]
        amperes = [
            [min(part // volt // phases, 65535) for part, volt in zip(apparent, each, strict=True)]
            for each in volts
        ]
        if self._three:
            return list(zip(*amperes, *volts, *energies, strict=True))
        return list(zip(*volts, *energies, *amperes, [0] * count, strict=True))
