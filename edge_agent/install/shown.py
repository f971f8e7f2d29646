# SPDX-License-Identifier: GPL-2.0-only
"""Values of a meter as a person reads them: with name, unit and the meter's own time.

In: rows of a poll, a time zone. Out: `ShownValue`, `ShownRow`, `ShownProfile`.
Pure. Never: a float.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Final

from edge_agent.decode.rows import MeterRows
from shared_schema.catalogue import (
    EVENT_PROFILES,
    OBJECTS,
    UNIT_SYMBOLS,
    Unit,
    event_name,
    quantity,
)
from shared_schema.obis import Obis
from shared_schema.readings import REACHED_AT, Column

_PLACES: Final = 6
NEWEST_ROWS: Final = 8
"""A profile is shown with this many rows at most."""


@dataclass(frozen=True, slots=True)
class ShownValue:
    """One value with what it means."""

    obis: Obis
    name: str
    value: Decimal | datetime | None
    """A time is in the meter's own zone."""
    unit: str

    @property
    def text(self) -> str:
        """The value as a person reads it."""
        if isinstance(self.value, datetime):
            return f"{self.value:%Y-%m-%d %H:%M}"
        return "-" if self.value is None else grouped(self.value)

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return {
            "obis": str(self.obis),
            "name": self.name,
            "value": plain(value) if isinstance(value, Decimal) else value,
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A profile's row."""

    at: datetime
    values: tuple[ShownValue, ...]


@dataclass(frozen=True, slots=True)
class ShownProfile:
    """What was read of a profile."""

    obis: Obis
    title: str
    period_s: int
    oldest: datetime | None
    rows: tuple[ShownRow, ...]
    """The newest ones, ascending."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "obis": str(self.obis),
            "name": self.title,
            "period_s": self.period_s,
            "oldest": self.oldest.isoformat() if self.oldest else None,
            "rows": [
                {
                    "at": row.at.isoformat(),
                    "values": [value.document() for value in row.values],
                }
                for row in self.rows
            ],
        }


def plain(value: Decimal) -> str:
    """Write a number as a machine reads it: all its digits, no power of ten.

    Zeros behind the sixth place say nothing of a meter: a column of floats has nine places.
    """
    text = f"{value:f}"
    if "." not in text:
        return text
    whole, places = text.split(".")
    kept = places[:_PLACES] + places[_PLACES:].rstrip("0")
    return (
        f"{whole}.{kept}" if len(places) <= _PLACES else f"{whole}.{kept.rstrip('0')}".rstrip(".")
    )


def grouped(value: Decimal) -> str:
    """Write a number as a person reads it: the same with a comma after each thousand."""
    return f"{Decimal(plain(value)):,f}"


def name_of(obis: Obis) -> str:
    """Return what a code means."""
    known = quantity(obis)
    return known.name if known else OBJECTS.get(obis, "not in the catalogue")


def values_of(
    block: MeterRows, row: tuple[int | None, ...], zone: timezone
) -> tuple[ShownValue, ...]:
    """Return a row's values; of an event log first the event."""
    log, code = block.profile, row[1]
    event: tuple[ShownValue, ...] = ()
    if log in EVENT_PROFILES and log is not None and code is not None:
        name = event_name(log, code) or "event not in the catalogue"
        event = (ShownValue(log, name, Decimal(code), ""),)
    return event + tuple(
        _shown(column, raw, zone) for column, raw in zip(block.columns, row[2:], strict=True)
    )


def _shown(column: Column, raw: int | None, zone: timezone) -> ShownValue:
    name = name_of(column.obis)
    if column.attribute == REACHED_AT:
        at = None if raw is None else datetime.fromtimestamp(raw, zone)
        return ShownValue(column.obis, f"{name}, reached", at, "")
    return ShownValue(
        column.obis,
        name,
        None if raw is None else Decimal(raw).scaleb(column.scaler),
        unit_symbol(column.unit),
    )


def unit_symbol(unit: int) -> str:
    """Return a COSEM unit as a person reads it."""
    return UNIT_SYMBOLS[Unit(unit)] if unit in set(Unit) else f"unit {unit}"


def registers_of(blocks: Sequence[MeterRows], zone: timezone) -> tuple[ShownValue, ...]:
    """Return the registers among the rows of a poll."""
    return tuple(
        value
        for block in blocks
        if block.profile is None
        for value in values_of(block, block.rows[-1], zone)
    )


def profile_of(profile: Obis, blocks: Sequence[MeterRows], zone: timezone) -> ShownProfile | None:
    """Return a profile with its newest rows; None: the blocks have no row of it."""
    of_it = [block for block in blocks if block.profile == profile]
    rows = {row[0]: (block, row) for block in of_it for row in block.rows if row[0]}
    if not rows:
        return None
    shown = [
        ShownRow(datetime.fromtimestamp(ts, zone), values_of(*rows[ts], zone))
        for ts in sorted(rows)
    ]
    title = OBJECTS.get(profile, "profile")
    newest = tuple(shown[-NEWEST_ROWS:])
    return ShownProfile(profile, title, of_it[-1].period_s, shown[0].at, newest)
