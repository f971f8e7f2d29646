# SPDX-License-Identifier: GPL-2.0-only
"""The billing rows of an electricity meter, one at each first of a month, 00:00.

In: a counter. Out: registers, energy by time-of-use zone, maximum demand with its time. Owns
what each month came to. Never spreads a total over zones: each quarter hour counts in its own.

Zone z of eight covers the hours 3(z-1) to 3z. The zone registers add up to the total: what
truncation and the initial value leave over is in zone 1.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from edge_agent.virtual.clock import midnight
from edge_agent.virtual.counter import ENERGY_PER_MILLE, Counter
from edge_agent.virtual.history import Captured, History, Value, obis
from edge_agent.virtual.loads import QUARTER_S, utc
from edge_agent.virtual.profile import Column
from shared_schema.catalogue import BILLING_DATE, POWER_ON_DURATION, Unit

_ZONES = 8
_DEMAND_SLOTS = 2
"""Demand is integrated over half an hour."""
POWER_FACTOR = 1_000_000 // ENERGY_PER_MILLE[9]
"""Active by apparent energy, thousandths."""


class _Month(NamedTuple):
    zones: tuple[int, ...]
    """Wh in each zone."""
    demand_w: int
    demand_at: int
    """End of the half hour, seconds since 1970 on the meter's clock."""


class Billing(History):
    """A row's number is that of its month: years times twelve, plus the month from 0."""

    def __init__(self, counter: Counter) -> None:
        """Set up the billing profile of a meter."""
        registers = []
        for c, unit in ((1, Unit.WATT_HOUR), (9, Unit.VOLT_AMPERE_HOUR)):
            for e in range(_ZONES + 1):
                column = Column(3, obis(f"1.0.{c}.8.{e}"), 2, counter.scaler, unit)
                registers.append(Captured(column, "I"))
        demands = []
        for c, unit in ((1, Unit.WATT), (9, Unit.VOLT_AMPERE)):
            name = obis(f"1.0.{c}.6.0")
            demands.append(Captured(Column(4, name, 2, 0, unit), "I"))
            demands.append(Captured(Column(4, name, 5), "T"))
        captured = [
            Captured(Column(3, BILLING_DATE), "T"),
            Captured(Column(3, obis("1.0.13.0.0"), 2, -3, Unit.COUNT), "H"),
            *registers,
            *demands,
            Captured(Column(3, POWER_ON_DURATION, 2, 0, Unit.MINUTE), "I"),
        ]
        super().__init__(counter, captured)
        self._zone = counter.spec.zone
        self._months: dict[tuple[int, int], _Month] = {}

    @property
    def period_s(self) -> int:
        """0: months differ."""
        return 0

    @property
    def capacity(self) -> int:
        """How many rows the buffer holds."""
        return self._counter.spec.billing_cycles

    def stamp(self, number: int) -> int:
        """Return the stamp of a row, seconds since 1970 on the meter's clock."""
        return midnight(_first(number), self._zone)

    def number(self, seconds: int) -> int:
        """Return the number of the first row that is stamped at or after a time."""
        day = datetime.fromtimestamp(seconds, self._zone).date()
        number = day.year * 12 + day.month - 1
        return number + (self.stamp(number) < seconds)

    def values(self, start: int, end: int) -> list[tuple[Value, ...]]:
        """Return the columns after the date of the rows in [start, end)."""
        return [self._row(number) for number in range(start, end)]

    def demand(self, now: datetime) -> tuple[int, int]:
        """Return the maximum demand of the running month: W, and the end of its half hour."""
        clock = int(self._counter.steady(now).timestamp())
        day = datetime.fromtimestamp(clock, self._zone).date()
        found = self._count(day.replace(day=1), day, clock)
        return found.demand_w, found.demand_at

    def _row(self, number: int) -> tuple[Value, ...]:
        counter = self._counter
        stamp = self.stamp(number)
        captured_s = int(counter.quartz.reached(stamp))
        used = counter.used(captured_s)
        month = self._month(number - 1)
        zones = self._zones(number)
        at = b"\x09\x0c" + counter.dial.octets(utc(month.demand_at))
        apparent_w = month.demand_w * ENERGY_PER_MILLE[9] // 1000
        minutes = max(0, captured_s - counter.installed_s) // 60
        return (
            POWER_FACTOR,
            *self._registers(1, used, zones),
            *self._registers(9, used, zones),
            month.demand_w,
            at,
            apparent_w,
            at,
            minutes,
        )

    def _registers(self, c: int, used: int, zones: Sequence[int]) -> list[int]:
        counter = self._counter
        register = obis(f"1.0.{c}.8.0")
        total = counter.raw(register, used)
        others = [counter.raw(register, wh) for wh in zones[1:]]
        return [total, (total - sum(others)) % counter.modulus, *others]

    def _zones(self, number: int) -> list[int]:
        """Return what was counted in each zone from installation to a stamp, Wh."""
        spec = self._counter.spec
        installed = spec.installed_at.astimezone(self._zone)
        first = installed.year * 12 + installed.month - 1
        totals = [0] * _ZONES
        for each in range(first, number):
            for zone, wh in enumerate(self._month(each).zones):
                totals[zone] += wh
        return totals

    def _month(self, number: int) -> _Month:
        key = (number, self._counter.quartz.changes)
        found = self._months.get(key)
        if found is None:
            last = _first(number + 1) - timedelta(days=1)
            found = self._count(_first(number), last, self.stamp(number + 1))
            self._months[key] = found
        return found

    def _count(self, first: date, last: date, until_s: int) -> _Month:
        """Count the quarter hours of some days, as far as they have ended."""
        zones = [0] * _ZONES
        demand, demand_at = 0, midnight(first, self._zone)
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            day = date.fromordinal(ordinal)
            start = midnight(day, self._zone)
            used = self._counter.day_used(day)
            used = used[: (until_s - start) // QUARTER_S + 1]
            slots = len(used) - 1
            if slots < 1:
                break
            edges = [min(zone * 12, slots) for zone in range(_ZONES)] + [slots]
            for zone in range(_ZONES):
                zones[zone] += used[edges[zone + 1]] - used[edges[zone]]
            for slot in range(0, slots - _DEMAND_SLOTS + 1, _DEMAND_SLOTS):
                power = (used[slot + _DEMAND_SLOTS] - used[slot]) * 2
                if power > demand:
                    demand = power
                    demand_at = start + (slot + _DEMAND_SLOTS) * QUARTER_S
        return _Month(tuple(zones), demand, demand_at)


def _first(number: int) -> date:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).date()
