# SPDX-License-Identifier: GPL-2.0-only
"""The event logs of an electricity meter: what it noted, with voltage and energy at the time.

In: a counter. Out: rows of the seven logs of IS 15959. Owns the events of the months counted
so far. Never a second of chance: what happens follows from the seed and the date, power cuts
from the neighbourhood's.
"""

from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from edge_agent.virtual.clock import midnight
from edge_agent.virtual.counter import Counter, Model
from edge_agent.virtual.history import Captured, History, Value, obis
from edge_agent.virtual.household import digest, outages
from edge_agent.virtual.loads import QUARTER_S
from edge_agent.virtual.profile import Column
from shared_schema.catalogue import ACTIVE_IMPORT, CLOCK, EVENT_CODES, EVENT_PROFILES, Unit
from shared_schema.obis import Obis

VOLTAGE, CURRENT, POWER, TRANSACTION, OTHER, NON_ROLLOVER, CONTROL = EVENT_PROFILES
LOW_VOLTAGE, OVER_CURRENT, POWER_FAILURE, CLOCK_SET, MAGNET, COVER_OPENED = (
    9,
    67,
    101,
    151,
    201,
    251,
)
_LAST_S = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
"""No event is later."""
_CAPACITY = 200

Event = tuple[int, int]
"""True time, seconds since 1970; code. The end of an event has the next code."""


class EventLog(History):
    """One log. A row's number is that of the event, from 0 at installation."""

    def __init__(self, counter: Counter, log: Obis) -> None:
        """Set up the log of a meter."""
        three = counter.spec.model is Model.THREE_PHASE
        self._volts_scale = 10 if three else 100
        code = EVENT_CODES[EVENT_PROFILES.index(log)]
        volts = Column(3, obis("1.0.32.7.0" if three else "1.0.12.7.0"), 2, -1 if three else -2)
        energy = Column(3, ACTIVE_IMPORT, 2, counter.scaler, Unit.WATT_HOUR)
        super().__init__(
            counter,
            [
                Captured(Column(8, CLOCK), "T"),
                Captured(Column(1, code), "H"),
                Captured(volts._replace(unit=Unit.VOLT), "H"),
                Captured(energy, "I"),
            ],
        )
        self._happens = _SOURCES.get(log)
        installed = counter.spec.installed_at.astimezone(counter.spec.zone)
        self._month = installed.date().replace(day=1)
        self._events: list[Event] = []
        self._stamps: list[int] = []
        """By the meter's clock; where that is set back, no event is before the last one."""
        self._changes = 0

    @property
    def period_s(self) -> int:
        """0: events have no period."""
        return 0

    @property
    def capacity(self) -> int:
        """How many rows the buffer holds."""
        return _CAPACITY

    def stamp(self, number: int) -> int:
        """Return the stamp of a row, seconds since 1970 on the meter's clock."""
        return self._stamps[number]

    def number(self, seconds: int) -> int:
        """Return the number of the first row that is stamped at or after a time."""
        self._count(self._counter.quartz.reached(min(seconds, _LAST_S)))
        return bisect_left(self._stamps, seconds)

    def values(self, start: int, end: int) -> list[tuple[Value, ...]]:
        """Return code, voltage and energy of the events in [start, end)."""
        counter = self._counter
        return [
            (code, 230 * self._volts_scale, counter.raw(ACTIVE_IMPORT, counter.used(at)))
            for at, code in self._events[start:end]
        ]

    def _count(self, until_s: float) -> None:
        """Let the months happen up to a true time; a clock that was set stamps what is to come."""
        counter = self._counter
        while self._happens and midnight(self._month, counter.spec.zone) <= until_s:
            found = sorted(self._happens(counter, self._month))
            self._events += [event for event in found if event[0] >= counter.installed_s]
            self._month = (self._month + timedelta(days=31)).replace(day=1)
        if self._changes != counter.quartz.changes:
            self._changes = counter.quartz.changes
            self._stamps.clear()
        for at, _ in self._events[len(self._stamps) :]:
            before = self._stamps[-1] if self._stamps else 0
            self._stamps.append(max(before, int(counter.quartz.shows(at))))


def event_logs(counter: Counter) -> dict[Obis, EventLog]:
    """Return the logs of an electricity meter."""
    return {log: EventLog(counter, log) for log in EVENT_PROFILES}


def _pairs(counter: Counter, what: str, month: date, code: int, most: int) -> list[Event]:
    """Let something begin and end up to so many times in a month."""
    chance = digest(counter.spec.seed, what, month, 1 + 3 * most)
    found: list[Event] = []
    for number in range(chance[0] % (most + 1)):
        day, hour, span = chance[1 + 3 * number : 4 + 3 * number]
        at = midnight(month + timedelta(days=day % 28), counter.spec.zone)
        at += (hour % 24) * 3600 + number * 307
        found += [(at, code), (at + 60 + span * 10, code + 1)]
    return found


def _voltage(counter: Counter, month: date) -> list[Event]:
    return _pairs(counter, "low voltage", month, LOW_VOLTAGE, 3)


def _current(counter: Counter, month: date) -> list[Event]:
    return _pairs(counter, "over-current", month, OVER_CURRENT, 1)


def _power(counter: Counter, month: date) -> list[Event]:
    found: list[Event] = []
    for day, cuts in outages(month).items():
        start = midnight(day, counter.spec.zone)
        dark = {slot for first, behind in cuts for slot in range(first, behind)}
        for slot in dark:
            if slot - 1 not in dark:
                found.append((start + slot * QUARTER_S, POWER_FAILURE))
            if slot + 1 not in dark:
                found.append((start + (slot + 1) * QUARTER_S, POWER_FAILURE + 1))
    return found


def _transaction(counter: Counter, month: date) -> list[Event]:
    """The clock was set when the meter was installed."""
    at = counter.installed_s + 300
    local = datetime.fromtimestamp(at, counter.spec.zone).date()
    return [(at, CLOCK_SET)] if local.replace(day=1) == month else []


def _other(counter: Counter, month: date) -> list[Event]:
    rare = digest(counter.spec.seed, "magnet", month, 1)[0] < 8
    return _pairs(counter, "magnet", month, MAGNET, 1) if rare else []


def _non_rollover(counter: Counter, month: date) -> list[Event]:
    opened_at = counter.spec.cover_opened_at
    if opened_at is None:
        return []
    local = opened_at.astimezone(counter.spec.zone).date()
    is_then = local.replace(day=1) == month
    return [(int(opened_at.timestamp()), COVER_OPENED)] if is_then else []


_SOURCES: dict[Obis, Callable[[Counter, date], list[Event]]] = {
    VOLTAGE: _voltage,
    CURRENT: _current,
    POWER: _power,
    TRANSACTION: _transaction,
    OTHER: _other,
    NON_ROLLOVER: _non_rollover,
}
"""What happens in a month. Nothing ever does in the log of control: no load is switched."""
