# SPDX-License-Identifier: GPL-2.0-only
"""The registers and momentary values of a meter.

In: a counter. Out: names, scalers, units, and functions that give encoded values at a time.
Owns nothing. Never fails: `meter` decides what is in fault.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from edge_agent.virtual import axdr
from edge_agent.virtual.billing import POWER_FACTOR
from edge_agent.virtual.counter import ENERGY_PER_MILLE, Counter, Model
from edge_agent.virtual.history import obis
from edge_agent.virtual.household import digest
from shared_schema.catalogue import WATER_FLOW, WATER_VOLUME, Unit
from shared_schema.obis import Obis


class Measured(NamedTuple):
    """One momentary value."""

    name: Obis
    scaler: int
    unit: Unit
    value: Callable[[datetime], bytes]


def registers(counter: Counter) -> list[Measured]:
    """Return the cumulative registers."""
    scaler = counter.scaler
    if counter.spec.model is Model.WATER:
        scaler, unit = counter.volume
        units = {WATER_VOLUME: unit}
    else:
        reactive = (5, 6, 7, 8) if counter.spec.model is Model.THREE_PHASE else ()
        units = {obis(f"1.0.{c}.8.0"): Unit.WATT_HOUR for c in (1, 2)}
        units |= {obis(f"1.0.{c}.8.0"): Unit.VAR_HOUR for c in reactive}
        units |= {obis(f"1.0.{c}.8.0"): Unit.VOLT_AMPERE_HOUR for c in (9, 10)}

    def register(name: Obis) -> Callable[[datetime], bytes]:
        return lambda now: axdr.double_long_unsigned(
            counter.raw(name, counter.used(int(now.timestamp())))
        )

    return [Measured(name, scaler, unit, register(name)) for name, unit in units.items()]


def _power(counter: Counter, now: datetime) -> int:
    """Return what the present quarter hour uses in an hour: W, or litres per hour."""
    seconds = int(now.timestamp()) // 900 * 900
    return (counter.used(seconds + 900) - counter.used(seconds)) * 4


def water(counter: Counter) -> list[Measured]:
    """Return the flow of a water meter."""

    def flow(now: datetime) -> bytes:
        return axdr.double_long_unsigned(_power(counter, now))

    return [Measured(WATER_FLOW, -3, Unit.CUBIC_METRE_PER_HOUR, flow)]


def momentary(counter: Counter) -> list[Measured]:
    """Return voltages, currents, powers and power factors at a time."""
    three = counter.spec.model is Model.THREE_PHASE
    phases = 3 if three else 1

    def volts(phase: int) -> Callable[[datetime], int]:
        def value(now: datetime) -> int:
            local = now.astimezone(counter.spec.zone)
            slot = local.hour * 4 + local.minute // 15
            noise = digest(counter.spec.seed, "now", local.date(), 96 * phases)
            return 22400 + 6 * noise[slot * phases + phase]

        return value

    def voltage(phase: int) -> Callable[[datetime], bytes]:
        scale = 10 if three else 1
        return lambda now: axdr.long_unsigned(volts(phase)(now) // scale)

    def current(phase: int) -> Callable[[datetime], bytes]:
        def value(now: datetime) -> bytes:
            apparent = _power(counter, now) * ENERGY_PER_MILLE[9] * 10
            return axdr.long_unsigned(min(apparent // volts(phase)(now) // phases, 65535))

        return value

    def power(mille: int) -> Callable[[datetime], bytes]:
        return lambda now: axdr.double_long_unsigned(_power(counter, now) * mille // 1000)

    def fixed(value: int) -> Callable[[datetime], bytes]:
        return lambda _now: axdr.long_unsigned(value)

    codes = ((32, 31, 33), (52, 51, 53), (72, 71, 73)) if three else ((12, 11, 0),)
    found: list[Measured] = []
    for phase, (v, i, factor) in enumerate(codes):
        found.append(Measured(obis(f"1.0.{v}.7.0"), -1 if three else -2, Unit.VOLT, voltage(phase)))
        found.append(Measured(obis(f"1.0.{i}.7.0"), -2, Unit.AMPERE, current(phase)))
        if factor:
            found.append(Measured(obis(f"1.0.{factor}.7.0"), -3, Unit.COUNT, fixed(POWER_FACTOR)))
    if three:
        found.append(Measured(obis("1.0.3.7.0"), 0, Unit.VAR, power(ENERGY_PER_MILLE[5])))
    else:
        found.append(Measured(obis("1.0.91.7.0"), -2, Unit.AMPERE, current(0)))
    found.append(Measured(obis("1.0.1.7.0"), 0, Unit.WATT, power(1000)))
    found.append(Measured(obis("1.0.9.7.0"), 0, Unit.VOLT_AMPERE, power(ENERGY_PER_MILLE[9])))
    found.append(Measured(obis("1.0.13.7.0"), -3, Unit.COUNT, fixed(POWER_FACTOR)))
    found.append(Measured(obis("1.0.14.7.0"), -2, Unit.HERTZ, fixed(5000)))
    return found
