# SPDX-License-Identifier: GPL-2.0-only
"""Which objects each model of meter has (IS 15959 parts 1 and 2; COSEM medium 8 for water).

In: a counter and its histories. Out: COSEM objects. Owns nothing.
Never decides who may read them, except for what a meter shows to everyone.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from edge_agent.virtual import axdr
from edge_agent.virtual.billing import Billing
from edge_agent.virtual.clock_object import clock_object
from edge_agent.virtual.cosem import AccessError, AccessResult
from edge_agent.virtual.counter import ENERGY_PER_MILLE, Counter, MeterSpec, Model
from edge_agent.virtual.eventlog import event_logs
from edge_agent.virtual.habits import SerialForm, SerialPlace, serial_octets
from edge_agent.virtual.history import History, obis
from edge_agent.virtual.loads import utc
from edge_agent.virtual.measured import Measured, momentary, registers, water
from edge_agent.virtual.objects import (
    Asking,
    CosemObject,
    Reader,
    constant,
    data_object,
    extended_register,
    register_object,
    scaler_unit,
)
from edge_agent.virtual.profile import Column, ProfileGeneric, Rows
from edge_agent.virtual.rows import BlockLoad, DailyLoad, WaterLoad
from shared_schema.catalogue import (
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    CAPTURE_PERIOD,
    CATEGORY,
    CLOCK,
    CURRENT_RATING,
    DAILY_LOAD_PROFILE,
    DEVICE_ID,
    FIRMWARE,
    INSTANTANEOUS_PROFILE,
    MANUFACTURER,
    METER_TYPE,
    NAME_PLATE,
    SCALER_PROFILES,
    WATER_LOAD_PROFILE,
    YEAR_OF_MANUFACTURE,
    Unit,
)
from shared_schema.obis import Obis

_TYPES: dict[Model, tuple[int, str, str]] = {
    Model.SINGLE_PHASE: (6, "D1", "5-30A"),
    Model.THREE_PHASE: (7, "D2", "10-60A"),
    Model.WATER: (0, "W", "Q3 2.5"),
}
"""Meter type, category and rating as the name plate gives them (numbers from memory)."""


class Snapshot:
    """Rows of a profile that has one row, made when it is read: a `Rows`."""

    def __init__(
        self, columns: Sequence[Column], values: Callable[[datetime], Sequence[bytes]]
    ) -> None:
        """Set up a profile of one row.

        Args:
            columns: What is captured.
            values: Gives the encoded columns at a true time.
        """
        self.columns = tuple(columns)
        self.period_s = 0
        self.capacity = 1
        self._values = values

    def span(self, now: datetime) -> tuple[int, int]:  # noqa: ARG002  # there is always one
        """Return the one row."""
        return 0, 1

    def between(self, first_s: int, last_s: int) -> list[tuple[int, int]]:  # noqa: ARG002  # same
        """Return the one row: it has the time of its reading."""
        return [(0, 1)]

    def encode(self, start: int, end: int, picked: Sequence[int] | None, now: datetime) -> bytes:
        """Return the row."""
        if end <= start:
            return b""
        values = self._values(now)
        return axdr.structure(*(values if picked is None else [values[each] for each in picked]))


def histories(counter: Counter) -> dict[Obis, History]:
    """Return the profiles over time of a meter's model."""
    if counter.spec.model is Model.WATER:
        return {WATER_LOAD_PROFILE: WaterLoad(counter)}
    return {
        BLOCK_LOAD_PROFILE: BlockLoad(counter),
        DAILY_LOAD_PROFILE: DailyLoad(counter),
        BILLING_PROFILE: Billing(counter),
        **event_logs(counter),
    }


def objects(counter: Counter, kept: Mapping[Obis, History]) -> list[CosemObject]:
    """Return all objects of a meter but those that describe the association.

    Args:
        counter: The counting part of the meter.
        kept: Its profiles over time.
    """

    def profile(name: Obis, rows: Rows, *, public: bool = False) -> ProfileGeneric:
        return ProfileGeneric(
            name,
            rows,
            counter.dial,
            public=public,
            deviation=counter.spec.range_deviation,
            ranges=counter.spec.ranges,
            clock_last=counter.spec.habits.clock_last,
        )

    found: list[CosemObject] = [clock_object(counter)]
    plate = _name_plate(counter)
    found.extend(data_object(name, constant(value), public=True) for name, value in plate)
    plate_rows = Snapshot(
        [Column(1, name) for name, _ in plate], lambda _now: [value for _, value in plate]
    )
    found.append(profile(NAME_PLATE, plate_rows, public=True))
    found.extend(profile(name, history) for name, history in kept.items())
    beside = {
        SCALER_PROFILES[name]: history for name, history in kept.items() if name in SCALER_PROFILES
    }
    found.extend(profile(name, _scalers(history.columns)) for name, history in beside.items())
    measured = water(counter) if counter.spec.model is Model.WATER else momentary(counter)
    found.extend(
        register_object(each.name, _at(each.value), each.scaler, each.unit)
        for each in (*registers(counter), *measured)
    )
    if counter.spec.model is not Model.WATER:
        found.extend(_electricity(counter, kept, measured, profile))
    return found


def _electricity(
    counter: Counter,
    kept: Mapping[Obis, History],
    measured: Sequence[Measured],
    profile: Callable[[Obis, Rows], ProfileGeneric],
) -> list[CosemObject]:
    """Return what only electricity meters have."""
    period = axdr.long_unsigned(counter.spec.capture_period_s)
    found: list[CosemObject] = [data_object(CAPTURE_PERIOD, constant(period))]
    shown = (*registers(counter), *measured)
    columns = [
        Column(8, CLOCK),
        *(Column(3, each.name, 2, each.scaler, each.unit) for each in shown),
    ]

    def row(now: datetime) -> list[bytes]:
        if counter.failed(now):
            raise AccessError(AccessResult.HARDWARE_FAULT)
        clock = axdr.octet_string(counter.dial.octets(counter.clock(now)))
        return [clock, *(each.value(now) for each in shown)]

    found.append(profile(INSTANTANEOUS_PROFILE, Snapshot(columns, row)))
    found.append(profile(SCALER_PROFILES[INSTANTANEOUS_PROFILE], _scalers(columns)))
    billing = kept[BILLING_PROFILE]
    if isinstance(billing, Billing):
        found.extend(_demands(counter, billing))
    return found


def _demands(counter: Counter, billing: Billing) -> list[CosemObject]:
    """Return the maximum demand of the running month, active and apparent."""
    found: list[CosemObject] = []
    for c, unit in ((1, Unit.WATT), (9, Unit.VOLT_AMPERE)):

        def value(asking: Asking, mille: int = ENERGY_PER_MILLE[c]) -> bytes:
            return axdr.double_long_unsigned(billing.demand(asking.now)[0] * mille // 1000)

        def captured(asking: Asking) -> bytes:
            return axdr.octet_string(counter.dial.octets(utc(billing.demand(asking.now)[1])))

        found.append(extended_register(obis(f"1.0.{c}.6.0"), value, 0, unit, captured))
    return found


def _at(value: Callable[[datetime], bytes]) -> Reader:
    return lambda asking: value(asking.now)


def _scalers(columns: Sequence[Column]) -> Snapshot:
    """Return the scaler profile of some columns: the scaler_unit of each that has one."""
    scaled = [
        (Column(each.class_id, each.name, 3), scaler_unit(each.scaler, each.unit))
        for each in columns
        if each.scaler is not None and each.unit is not None
    ]
    return Snapshot([column for column, _ in scaled], lambda _now: [value for _, value in scaled])


def _name_plate(counter: Counter) -> list[tuple[Obis, bytes]]:
    """Return what the meter is: code and encoded value, in the order of the name plate."""
    spec = counter.spec
    kind, category, rating = _TYPES[spec.model]
    device = f"{spec.manufacturer[:3].upper()}{spec.serial}"
    return [
        *_serial(spec),
        (DEVICE_ID, axdr.octet_string(device.encode("ascii"))),
        *_maker(spec),
        (FIRMWARE, axdr.octet_string(b"V1.00")),
        (METER_TYPE, axdr.unsigned(kind)),
        (CATEGORY, axdr.visible_string(category)),
        (CURRENT_RATING, axdr.visible_string(rating)),
        (YEAR_OF_MANUFACTURE, axdr.long_unsigned(spec.installed_at.year)),
    ]


def _serial(spec: MeterSpec) -> list[tuple[Obis, bytes]]:
    """Return the object that has the serial number, where it is no logical device name."""
    habits = spec.habits
    if habits.serial_place is SerialPlace.DEVICE_NAME:
        return []
    if habits.serial_form is SerialForm.UNSIGNED:
        value = axdr.double_long_unsigned(int(spec.serial))
    else:
        value = axdr.octet_string(serial_octets(habits.serial_form, spec.serial))
    return [(Obis.parse(habits.serial_place), value)]


def _maker(spec: MeterSpec) -> list[tuple[Obis, bytes]]:
    """Return the object that names the maker, where the serial number is not in its place."""
    if spec.habits.serial_place is SerialPlace.MAKER:
        return []
    return [(MANUFACTURER, axdr.octet_string(spec.manufacturer.encode("ascii")))]
