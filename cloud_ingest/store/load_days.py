# SPDX-License-Identifier: MIT
"""What the electricity rules look at: whole days of registers, and voltages of phases.

Days come from the rollups, so that a look costs a row a day and register. A refresh of the rollups
notes whose past days have changed, so that those are judged again.

In: a time, meters. Out: rows as values. Owns: which day of a meter was judged. Never: a judgement:
`cloud_ingest.core.rules.electricity` makes it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cloud_ingest.core.accept import FUTURE_TOLERANCE
from cloud_ingest.core.month import DAY, midnight
from cloud_ingest.core.rules.electricity import IN_A_ROW, LIVE_V, PHASES, LoadDay, Volts
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.meter_states import ServingMeter
from cloud_ingest.store.rows import all_rows, scalars
from shared_schema.catalogue import ACTIVE_IMPORT, Unit
from shared_schema.events import EventKind
from shared_schema.obis import Obis

ACTIVE_EXPORT = Obis.parse("1.0.2.8.0.255")
REGISTERS = (ACTIVE_IMPORT, ACTIVE_EXPORT)
LAST_HOUR = timedelta(hours=1)
"""A day is known if its register was read so close to its end."""
LATELY = timedelta(hours=2)
VOLTAGES: Mapping[str, str] = {
    **{f"1.0.{group}.7.0.255": phase for group, phase in zip((32, 52, 72), PHASES, strict=True)},
    **{f"1.0.{group}.27.0.255": phase for group, phase in zip((32, 52, 72), PHASES, strict=True)},
}
"""Of one moment, and averaged over an interval."""


@dataclass(frozen=True, slots=True)
class LoadMeter(ServingMeter):
    """An electricity meter that serves a subject now."""

    meter_id: int
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class DueMeter(LoadMeter):
    """An electricity meter that is to be judged."""

    changes: int
    """How often its past days have changed since it was judged."""


@dataclass(frozen=True, slots=True)
class Loads:
    """The days of one meter, ascending, and one step of its registers in kWh."""

    days: tuple[LoadDay, ...]
    step_kwh: Decimal
    export_step_kwh: Decimal


@translating
def loads_due(
    conn: Connection, day: date, zone: ZoneInfo, now: datetime, limit: int
) -> list[DueMeter]:
    """Return the meters of which ``day`` is over, and was not judged or has changed since."""
    arguments = {
        "day": day,
        "read_after": midnight(day + DAY, zone) + LAST_HOUR,
        "now": now,
        "limit": limit,
    }
    return all_rows(conn, DueMeter, query("flag/loads_due"), arguments)


@translating
def serving_among(conn: Connection, serials: Sequence[str], now: datetime) -> list[LoadMeter]:
    """Return those of some meters that serve a subject now."""
    arguments = {"serials": list(serials), "now": now}
    return all_rows(conn, LoadMeter, query("flag/serving_among"), arguments)


@translating
def put_judged(conn: Connection, meters: Sequence[DueMeter], day: date) -> None:
    """Note that a day of meters was judged, as it was when they were looked up."""
    arguments = {
        "meters": [meter.meter_id for meter in meters],
        "changes": [meter.changes for meter in meters],
        "day": day,
    }
    conn.execute(query("flag/loads_judged"), arguments)


@translating
def put_changed(conn: Connection, channels: Collection[int]) -> None:
    """Note that past days of channels are others now: their meters are judged again."""
    if channels:
        arguments = {"channels": list(channels), "registers": [str(obis) for obis in REGISTERS]}
        conn.execute(query("flag/loads_changed"), arguments)


@translating
def load_days(
    conn: Connection, meters: Sequence[LoadMeter], first: date, last: date, zone: ZoneInfo
) -> dict[int, Loads]:
    """Return the days of meters, by meter; a meter without a register has none."""
    rows = conn.execute(
        query("flag/load_days"),
        {
            "meters": [meter.meter_id for meter in meters],
            "first": first - DAY,
            "last": last,
            "import": str(ACTIVE_IMPORT),
            "export": str(ACTIVE_EXPORT),
        },
        binary=True,
    )
    known_from = {day: midnight(day + DAY, zone) - LAST_HOUR for day in _days(first - DAY, last)}
    registers: dict[tuple[int, str], dict[int, _Register]] = defaultdict(dict)
    for meter_id, obis, channel_id, unit, scaler, day, max_ts, last_raw in rows:
        if unit == Unit.WATT_HOUR:
            step_kwh = Decimal(1).scaleb(scaler - 3)
            own = registers[meter_id, obis].setdefault(channel_id, _Register(step_kwh, {}))
            if max_ts > known_from[day]:
                own.at_end[day] = last_raw
    found: dict[int, Loads] = {}
    for meter in meters:
        taken = _newest(registers[meter.meter_id, str(ACTIVE_IMPORT)])
        if taken is not None:
            given = _newest(registers[meter.meter_id, str(ACTIVE_EXPORT)])
            given = given or _Register(taken.step_kwh, {})
            from_day = max(first, meter.valid_from.astimezone(zone).date() + DAY)
            found[meter.meter_id] = Loads(
                tuple(
                    LoadDay(day, taken.moved_on(day), given.moved_on(day))
                    for day in _days(from_day, last)
                ),
                taken.step_kwh,
                given.step_kwh,
            )
    return found


@translating
def idle_before(conn: Connection, meters: Sequence[LoadMeter], since: datetime) -> set[int]:
    """Return those of some meters that had a flag of no load which ended after ``since``."""
    return set(
        scalars(
            conn,
            """
            SELECT own.meter_id
            FROM unnest(%(meters)s::int[], %(societies)s::int[], %(names)s::text[])
              AS own (meter_id, society_id, subject)
            JOIN event USING (society_id, subject)
            WHERE kind = %(kind)s AND state = 'cleared' AND cleared_at > %(since)s
            """,
            {
                "meters": [meter.meter_id for meter in meters],
                "societies": [meter.society_id for meter in meters],
                "names": [meter.name for meter in meters],
                "kind": EventKind.NO_LOAD,
                "since": since,
            },
        )
    )


@translating
def newest_volts(conn: Connection, now: datetime) -> list[tuple[LoadMeter, list[Volts]]]:
    """Return the newest voltages of each meter with three phases that was read lately."""
    found: dict[int, tuple[LoadMeter, list[Volts]]] = {}
    for kind in ("7", "27"):
        phases = [obis for obis in VOLTAGES if obis.split(".")[3] == kind]
        arguments = {
            "since": now - LATELY,
            "until": now + FUTURE_TOLERANCE,
            "now": now,
            "newest": IN_A_ROW + 1,
            "volt": int(Unit.VOLT),
            "phases": phases,
            "third": phases[-1],
        }
        rows = all_rows(conn, _moment, query("flag/newest_volts"), arguments)
        own: dict[int, tuple[LoadMeter, list[Volts]]] = {}
        for meter, volts in rows:
            own.setdefault(meter.meter_id, (meter, []))[1].append(volts)
        found = own | found
    return list(found.values())


@translating
def lived_phases(
    conn: Connection, meters: Sequence[int], first: date, last: date
) -> dict[int, set[str]]:
    """Return which phases of meters had a voltage on a day before."""
    rows = conn.execute(
        query("flag/lived_phases"),
        {
            "meters": list(meters),
            "first": first,
            "last": last,
            "phases": list(VOLTAGES),
            "volt": int(Unit.VOLT),
            "live": LIVE_V,
        },
    )
    found: dict[int, set[str]] = defaultdict(set)
    for meter_id, obis in rows:
        found[meter_id].add(VOLTAGES[obis])
    return found


def _moment(*, ts: datetime, volts: list[Decimal], **columns: Any) -> tuple[LoadMeter, Volts]:
    return LoadMeter(**columns), Volts(ts, (volts[0], volts[1], volts[2]))


@dataclass(frozen=True, slots=True)
class _Register:
    """One channel of a register: what it said at the end of each day."""

    step_kwh: Decimal
    at_end: dict[date, int]

    def moved_on(self, day: date) -> Decimal | None:
        before, after = self.at_end.get(day - DAY), self.at_end.get(day)
        if before is None or after is None or after < before:
            return None
        return (after - before) * self.step_kwh


def _newest(channels: Mapping[int, _Register]) -> _Register | None:
    """Return the channel that was read last: a changed scaler begins a new one."""
    return max(channels.values(), key=lambda each: max(each.at_end, default=date.min), default=None)


def _days(first: date, last: date) -> list[date]:
    """Return each day, the last one included."""
    return [first + number * DAY for number in range((last - first).days + 1)]
