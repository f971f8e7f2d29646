# SPDX-License-Identifier: MIT
"""One line of an earlier system's registers: which channel it is of, when it was read, and its raw.

A line gives the register's integer and its scaler, or a value in a unit that people write (kWh,
kL). A time without an offset is the society's; where the clocks leave it out or repeat it, the
line must give the offset. Nothing is rounded: a value finer than a step of its register is a fault.

In: the words of a line, by column. Out: a row, or a `ValueError` whose text says why there is none.
Never: a meter that unit management does not know, a time at which it was not installed or of which
the store keeps no readings, a time to come. Pure.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.known import KnownMeter
from cloud_ingest.core.month import is_one_moment
from cloud_ingest.core.typed_text import same_name, typed_time
from shared_schema.catalogue import UNIT_SYMBOLS, Unit, quantity
from shared_schema.errors import ContractError
from shared_schema.obis import Obis
from shared_schema.readings import EARLIEST_TS, LATEST_TS

COLUMNS = ("manufacturer", "serial", "obis", "unit", "scaler", "ts")
FORMS = ("raw", "value")
"""One of them: the register's integer, or what it means in ``unit``."""
MOST_SCALER = 12
MOST_DIGITS = 40
_LARGEST = 2**63
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")

UNITS: dict[str, tuple[Unit, int]] = {
    **{symbol: (unit, 0) for unit, symbol in UNIT_SYMBOLS.items() if symbol},
    **{
        f"k{UNIT_SYMBOLS[unit]}": (unit, 3)
        for unit in (
            Unit.WATT,
            Unit.VOLT_AMPERE,
            Unit.VAR,
            Unit.WATT_HOUR,
            Unit.VOLT_AMPERE_HOUR,
            Unit.VAR_HOUR,
        )
    },
    "m3": (Unit.CUBIC_METRE, 0),
    "m3/h": (Unit.CUBIC_METRE_PER_HOUR, 0),
    "kL": (Unit.CUBIC_METRE, 0),
}
"""How a unit may be written: the COSEM unit, and the power of ten that the prefix stands for."""
_SCALERS: dict[Unit, int] = {Unit.CUBIC_METRE: -3}
"""Scaler of a value whose line gives none: litres of water, and whole units of all else."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the rows of one meter, code, unit and scaler go."""

    channel: tuple[int, Obis, int, int, int]
    """Meter id, code, unit, scaler, pulse weight."""
    installed: tuple[tuple[float, float], ...]
    """Seconds since 1970."""
    exponent: int
    """A value is raw * 10^exponent, in the unit as it was written."""


class Row(NamedTuple):
    """A register of an earlier system."""

    target: Target
    ts: int
    """Seconds since 1970."""
    raw: int


class RowParser:
    """Reads lines, one by one, and remembers the targets that it has met."""

    def __init__(
        self,
        meters: Mapping[tuple[str, str], KnownMeter],
        zone: ZoneInfo,
        latest: int,
        kept_from: datetime | None,
    ) -> None:
        """Know what may be stored.

        Args:
            meters: By manufacturer and serial.
            zone: Of times without an offset.
            latest: What is later has not come; in seconds since 1970.
            kept_from: Readings after it are kept; None: all are.
        """
        self._meters = meters
        self._zone = zone
        self._latest = latest
        self._kept_from = kept_from
        self._targets: dict[tuple[str, ...], Target] = {}

    def parse(self, field: Mapping[str, str]) -> Row:
        """Return what a line says.

        Args:
            field: `COLUMNS` and one of `FORMS`, by name.

        Raises:
            ValueError: it cannot be stored; the text says why.
        """
        words = tuple(field.get(name, "") for name in COLUMNS[:-1])
        target = self._targets.get(words)
        if target is None:
            target = self._targets[words] = self._target(words, by_value="value" in field)
        ts = self._seconds(field["ts"])
        if not any(start <= ts <= end for start, end in target.installed):
            raise ValueError(f"{field['ts']}: the meter was not installed at that time")
        if self._kept_from is not None and ts <= self._kept_from.timestamp():
            since = self._kept_from.astimezone(self._zone)
            raise ValueError(
                f"{field['ts']}: older than what the store keeps (after {since:%Y-%m-%d %H:%M})"
            )
        if "raw" in field:
            return Row(target, ts, _integer(field["raw"]))
        return Row(target, ts, _exact(field["value"], target.exponent, field["unit"]))

    @property
    def channels(self) -> int:
        """How many channels the lines were of."""
        return len({target.channel for target in self._targets.values()})

    def _target(self, words: Sequence[str], *, by_value: bool) -> Target:
        maker, serial, code, symbol, scaler = words
        meter = self._meters.get((maker, serial)) or self._meters.get(
            (same_name(maker), same_name(serial))
        )
        if meter is None:
            named = f"{maker} {serial}"[:80]
            raise ValueError(f"no meter {named!r} is known in this society")
        obis, unit, prefix = _quantity(code, symbol)
        if scaler:
            exponent = _scaler(scaler)
        elif by_value:
            exponent = _SCALERS.get(unit, 0) - prefix
        else:
            raise ValueError("scaler is missing: value = raw * 10^scaler in unit")
        return Target(
            (meter.meter_id, obis, int(unit), exponent + prefix, 1),
            tuple(
                (start.timestamp(), float("inf") if end is None else end.timestamp())
                for start, end in meter.installed
            ),
            exponent,
        )

    def _seconds(self, text: str) -> int:
        try:
            found = typed_time(text)
        except ValueError:
            raise ValueError(f"ts {text[:40]!r} is no time: write it as 2025-07-01T00:15") from None
        if found.tzinfo is None:
            found = self._local(found, text)
        if found.microsecond:
            raise ValueError(f"ts {text[:40]!r} is finer than a second")
        try:
            ts = int(found.timestamp())
        except (ValueError, OverflowError):
            ts = 0
        if not EARLIEST_TS <= ts < LATEST_TS:
            raise ValueError(f"ts {text[:40]!r} is not within 2000 to 2099")
        if ts > self._latest:
            raise ValueError(f"ts {text[:40]!r} is in the future")
        return ts

    def _local(self, found: datetime, text: str) -> datetime:
        if not is_one_moment(found, self._zone):
            raise ValueError(
                f"ts {text[:40]!r} is none or two times in {self._zone.key}: give its offset"
            )
        return found.replace(tzinfo=self._zone)


def _quantity(code: str, symbol: str) -> tuple[Obis, Unit, int]:
    """Return what is counted: the code, its unit, and the power of ten of the unit's prefix."""
    try:
        obis = Obis.parse(code)
    except ContractError as error:
        raise ValueError(str(error)) from None
    if symbol not in UNITS:
        raise ValueError(f"unit {symbol[:20]!r} is not known: write kWh, Wh, m3, L …")
    unit, prefix = UNITS[symbol]
    known = quantity(obis)
    volumes = {Unit.CUBIC_METRE, Unit.LITRE}
    if known is not None and unit != known.unit and not {unit, known.unit} <= volumes:
        raise ValueError(f"{code} ({known.name}) is not counted in {symbol}")
    return obis, unit, prefix


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise ValueError(f"raw {text[:40]!r} is no integer")
    return _storable(int(text), text)


def _scaler(text: str) -> int:
    if _INTEGER.fullmatch(text) is None or abs(int(text)) > MOST_SCALER:
        raise ValueError(f"scaler {text[:20]!r} is no integer from -{MOST_SCALER} to {MOST_SCALER}")
    return int(text)


def _exact(text: str, exponent: int, unit: str) -> int:
    if _NUMBER.fullmatch(text) is None or len(text) > MOST_DIGITS:
        raise ValueError(f"value {text[:40]!r} is no number such as 4711.3")
    with exactly():
        raw = Decimal(text).scaleb(-exponent)
        if raw != raw.to_integral_value():
            step = Decimal(1).scaleb(exponent)
            raise ValueError(f"value {text[:40]!r} is finer than {step:f} {unit}: give a scaler")
    return _storable(int(raw), text)


def _storable(raw: int, text: str) -> int:
    if not -_LARGEST <= raw < _LARGEST:
        raise ValueError(f"{text[:40]!r} is beyond a 64-bit register")
    return raw
