# SPDX-License-Identifier: GPL-2.0-only
"""What virtual meters truly captured and showed, in the form of `books`.

The rows of profiles are known to the last count. So is a row of the instantaneous profile: it
carries the meter's own second. A register that is read live carries the time that the meter told in
the same poll.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from edge_agent.virtual.history import Row
from edge_agent.virtual.measured import Measured, momentary, registers
from edge_agent.virtual.meter import VirtualMeter
from shared_schema.catalogue import (
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    DAILY_LOAD_PROFILE,
    EVENT_PROFILES,
    INSTANTANEOUS_PROFILE,
    WATER_LOAD_PROFILE,
    Unit,
)
from shared_schema.obis import Obis
from tests.chaos.books import Channel, Claims, Event

PROFILES = (BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE, BILLING_PROFILE, WATER_LOAD_PROFILE)
LINE_PROFILES = (str(BLOCK_LOAD_PROFILE), str(WATER_LOAD_PROFILE))
"""Those that are read each period."""
INSTANTANEOUS = str(INSTANTANEOUS_PROFILE)
_REACHED_AT = 5


class Truth:
    """What one meter would say, if it were asked for everything."""

    def __init__(self, meter: VirtualMeter, until: datetime) -> None:
        self._meter = meter
        self._since = meter.spec.installed_at
        self._until = until
        own = {each.name: each for each in registers(meter._counter)}
        shown = {each.name: each for each in momentary(meter._counter)}
        self._shown: dict[str, Measured] = {str(name): each for name, each in (own | shown).items()}

    @property
    def profiles(self) -> list[Obis]:
        """The profiles over time that it has."""
        return [each for each in PROFILES if self._has(each)]

    def _has(self, profile: Obis) -> bool:
        try:
            self._meter.columns(profile)
        except KeyError:
            return False
        return True

    def captured(self, profile: Obis) -> Claims:
        """Return all that a profile ever captured."""
        columns = self._meter._histories[profile].columns[1:]
        found: Claims = set()
        for row in self._rows(profile, None):
            ts = int(row.ts.timestamp())
            for column, value in zip(columns, row.values, strict=True):
                if isinstance(value, bytes):
                    if column.attribute == _REACHED_AT:
                        at = self._meter.dial.seconds(value[2:], upper=False)
                        found.add(((str(column.name), Unit.SECOND, 0), ts, at))
                elif column.scaler is not None and column.unit is not None:
                    found.add(((str(column.name), column.unit, column.scaler), ts, value))
        return found

    def events(self, marks: Mapping[str, int]) -> set[Event]:
        """Return the events of its logs, each log up to a time."""
        return set(self._events(marks))

    def _events(self, marks: Mapping[str, int]) -> Iterator[Event]:
        for log in EVENT_PROFILES:
            if str(log) in marks and self._has(log):
                for row in self._rows(log, marks[str(log)]):
                    code = row.values[0]
                    assert isinstance(code, int)
                    yield str(log), int(row.ts.timestamp()), code

    def _rows(self, profile: Obis, until_s: int | None) -> list[Row]:
        until = self._until if until_s is None else datetime.fromtimestamp(until_s, UTC)
        return self._meter.rows(profile, self._since, until)

    def shows(self, channel: Channel, ts: int) -> int | None:
        """Return what a register or a momentary value was at a time; None: it has no such."""
        found = self._shown.get(channel[0])
        if found is None or (found.unit, found.scaler) != channel[1:]:
            return None
        encoded = found.value(datetime.fromtimestamp(ts, UTC))
        return int.from_bytes(encoded[1:], "big")
