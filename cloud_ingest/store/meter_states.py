# SPDX-License-Identifier: MIT
"""What the rules of meters look at: events that they noted, registers that fell or stand still.

In: a time. Out: rows as values, each with whom its meter serves now. Never: a judgement:
`cloud_ingest.core.rules` makes it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from cloud_ingest.core.flag import meter_label
from cloud_ingest.core.rules.meter_bits import LONGEST_BIT, UNENDED, Noted, codes
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows
from shared_schema.catalogue import PROFILE_STATUS, WATER_VOLUME, Service
from shared_schema.obis import Obis


@dataclass(frozen=True, slots=True)
class ServingMeter:
    """A meter that serves a subject now."""

    society_id: int
    society: str
    tower: str | None
    subject_type: str
    subject: str
    service: str
    source: str
    manufacturer: str
    serial: str

    @property
    def name(self) -> str:
        """What its flags call it."""
        return meter_label(self.manufacturer, self.serial)


@dataclass(frozen=True, slots=True)
class FallenRegister:
    """A water register that showed less than before, and the meter's overload flow."""

    meter: ServingMeter
    before_at: datetime
    after_at: datetime
    counts: int
    unit: int
    scaler: int
    weight: int
    q4_m3_h: Decimal | None


@dataclass(frozen=True, slots=True)
class DayRegister:
    """What a register of a unit showed last on a day."""

    channel_id: int
    service: str
    unit: int
    scaler: int
    day: date
    last_raw: int


@translating
def noted_events(conn: Connection, now: datetime) -> list[tuple[ServingMeter, Noted]]:
    """Return the events of meters that serve a subject now, as far as what they tell may stand."""
    of_status, of_logs = codes()
    arguments = {
        "since": now - UNENDED,
        "status_since": now - LONGEST_BIT,
        "now": now,
        "status_codes": of_status,
        "log_codes": of_logs,
    }
    return all_rows(conn, _noted, query("flag/noted_events"), arguments)


@translating
def noted_status(
    conn: Connection, channels: Collection[int], now: datetime
) -> list[tuple[ServingMeter, Noted]]:
    """Return what the status of registers' meters noted, as far as it may stand."""
    arguments = {
        "channels": list(channels),
        "since": now - LONGEST_BIT,
        "now": now,
        "status": str(PROFILE_STATUS),
        "codes": codes()[0],
    }
    return all_rows(conn, _noted, query("flag/noted_status"), arguments)


@translating
def fallen_registers(conn: Connection, since: datetime, now: datetime) -> list[FallenRegister]:
    """Return where validation found that a water register fell, since a time."""
    arguments = {"since": since, "now": now, "obis": str(WATER_VOLUME)}
    return all_rows(conn, _fallen, query("flag/fallen_registers"), arguments)


@translating
def still_registers(
    conn: Connection, first: date, last: date, now: datetime
) -> list[tuple[ServingMeter, datetime]]:
    """Return the water meters of units that were read on some days and never moved.

    Returns:
        Each with the start of its assignment.
    """
    arguments = {"first": first, "last": last, "obis": str(WATER_VOLUME), "now": now}
    return all_rows(conn, _still, query("flag/still_registers"), arguments)


@translating
def unit_days(
    conn: Connection, unit: ServingMeter, first: date, last: date, now: datetime
) -> list[DayRegister]:
    """Return what the registers of a unit's meters showed at the end of days, ascending."""
    arguments = {
        "society_id": unit.society_id,
        "subject": unit.subject,
        "first": first,
        "last": last,
        "now": now,
        "codes": [str(Obis.parse("1.0.1.8.0.255")), str(WATER_VOLUME)],
        "services": [Service.ELECTRICITY.value, Service.WATER.value],
    }
    return all_rows(conn, DayRegister, query("flag/unit_days"), arguments)


_METER = tuple(ServingMeter.__slots__)


def _meter(columns: dict[str, Any]) -> ServingMeter:
    return ServingMeter(**{name: columns.pop(name) for name in _METER})


def _noted(*, log: str, code: int, at: datetime, **columns: Any) -> tuple[ServingMeter, Noted]:
    return _meter(columns), Noted(Obis.parse(log), code, at)


def _fallen(**columns: Any) -> FallenRegister:
    return FallenRegister(_meter(columns), **columns)


def _still(*, valid_from: datetime, **columns: Any) -> tuple[ServingMeter, datetime]:
    return _meter(columns), valid_from
