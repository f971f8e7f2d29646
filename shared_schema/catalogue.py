# SPDX-License-Identifier: MIT
"""The catalogue: what each OBIS code of the Indian companion specification and of water means.

It is a table, and the one place of each code and name: for that it is longer than other modules.

In: an `Obis`. Out: its `Quantity`, or None for a code that is not in the catalogue.
Source: IS 15959 parts 1 to 3 (electricity), IEC 62056-6-1 medium 8 (cold water).
The unit here is the one that the standard gives; what counts for a stored value is the
unit that the meter itself states.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from shared_schema.obis import Obis


class Kind(StrEnum):
    """How a value behaves in time."""

    REGISTER = "register"
    """Cumulative: consumption is a difference of two readings."""
    INTERVAL = "interval"
    """A delta over the capture period that ends at the timestamp."""
    INSTANTANEOUS = "instantaneous"
    """A momentary or averaged value: it is never summed."""
    STATUS = "status"
    """Bits, texts, times: no physical quantity."""


class Service(StrEnum):
    """What is metered."""

    ELECTRICITY = "electricity"
    WATER = "water"


class Unit(IntEnum):
    """COSEM physical units (IEC 62056-6-2, table of `unit`), as meters number them."""

    MONTH = 2
    DAY = 4
    HOUR = 5
    MINUTE = 6
    SECOND = 7
    CUBIC_METRE = 13
    CUBIC_METRE_PER_HOUR = 15
    LITRE = 19
    WATT = 27
    VOLT_AMPERE = 28
    VAR = 29
    WATT_HOUR = 30
    VOLT_AMPERE_HOUR = 31
    VAR_HOUR = 32
    AMPERE = 33
    VOLT = 35
    HERTZ = 44
    COUNT = 255


UNIT_SYMBOLS: dict[Unit, str] = {
    Unit.MONTH: "month",
    Unit.DAY: "d",
    Unit.HOUR: "h",
    Unit.MINUTE: "min",
    Unit.SECOND: "s",
    Unit.CUBIC_METRE: "m³",
    Unit.CUBIC_METRE_PER_HOUR: "m³/h",
    Unit.LITRE: "L",
    Unit.WATT: "W",
    Unit.VOLT_AMPERE: "VA",
    Unit.VAR: "var",
    Unit.WATT_HOUR: "Wh",
    Unit.VOLT_AMPERE_HOUR: "VAh",
    Unit.VAR_HOUR: "varh",
    Unit.AMPERE: "A",
    Unit.VOLT: "V",
    Unit.HERTZ: "Hz",
    Unit.COUNT: "",
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """One catalogue entry."""

    obis: Obis
    name: str
    kind: Kind
    unit: Unit
    service: Service | None


def _obis(text: str) -> Obis:
    return Obis.parse(f"{text}.255")


# Objects that structure the meter rather than measure.
CLOCK = _obis("0.0.1.0.0")
ASSOCIATION = _obis("0.0.40.0.0")
SAP_ASSIGNMENT = _obis("0.0.41.0.0")
DEVICE_NAME = _obis("0.0.42.0.0")
CAPTURE_PERIOD = _obis("1.0.0.8.4")
SERIAL_NUMBER = _obis("0.0.96.1.0")
MANUFACTURER = _obis("0.0.96.1.1")
DEVICE_ID = _obis("0.0.96.1.2")
YEAR_OF_MANUFACTURE = _obis("0.0.96.1.4")
FIRMWARE = _obis("1.0.0.2.0")
METER_TYPE = _obis("0.0.94.91.9")
CATEGORY = _obis("0.0.94.91.11")
CURRENT_RATING = _obis("0.0.94.91.12")
PROFILE_STATUS = _obis("0.0.96.10.1")
BILLING_DATE = _obis("0.0.0.1.2")
POWER_ON_DURATION = _obis("0.0.94.91.13")

# Profiles (class 7) and, beside each, its scaler profile.
INSTANTANEOUS_PROFILE = _obis("1.0.94.91.0")
BLOCK_LOAD_PROFILE = _obis("1.0.99.1.0")
DAILY_LOAD_PROFILE = _obis("1.0.99.2.0")
BILLING_PROFILE = _obis("1.0.98.1.0")
WATER_LOAD_PROFILE = _obis("8.0.99.1.0")
NAME_PLATE = _obis("0.0.94.91.10")
EVENT_PROFILES = tuple(_obis(f"0.0.99.98.{group}") for group in range(7))
"""Voltage, current, power, transaction, other, non-rollover, control."""
EVENT_CODES = tuple(_obis(f"0.0.96.11.{group}") for group in range(7))
"""What each of them captures as the code of an event."""
SCALER_PROFILES: dict[Obis, Obis] = {
    INSTANTANEOUS_PROFILE: _obis("1.0.94.91.3"),
    BLOCK_LOAD_PROFILE: _obis("1.0.94.91.4"),
    DAILY_LOAD_PROFILE: _obis("1.0.94.91.5"),
    BILLING_PROFILE: _obis("1.0.94.91.6"),
    **{profile: _obis("1.0.94.91.7") for profile in EVENT_PROFILES},
}

# The registers that a month is made of.
ACTIVE_IMPORT = _obis("1.0.1.8.0")
ACTIVE_IMPORT_INTERVAL = _obis("1.0.1.29.0")
WATER_VOLUME = _obis("8.0.1.0.0")
WATER_FLOW = _obis("8.0.2.0.0")

_ENERGIES: tuple[tuple[int, str, Unit], ...] = (
    (1, "active energy import", Unit.WATT_HOUR),
    (2, "active energy export", Unit.WATT_HOUR),
    (5, "reactive energy, quadrant 1", Unit.VAR_HOUR),
    (6, "reactive energy, quadrant 2", Unit.VAR_HOUR),
    (7, "reactive energy, quadrant 3", Unit.VAR_HOUR),
    (8, "reactive energy, quadrant 4", Unit.VAR_HOUR),
    (9, "apparent energy import", Unit.VOLT_AMPERE_HOUR),
    (10, "apparent energy export", Unit.VOLT_AMPERE_HOUR),
)
_PHASES: tuple[tuple[int, str, Unit], ...] = (
    (11, "current", Unit.AMPERE),
    (12, "voltage", Unit.VOLT),
    (31, "current L1", Unit.AMPERE),
    (32, "voltage L1", Unit.VOLT),
    (51, "current L2", Unit.AMPERE),
    (52, "voltage L2", Unit.VOLT),
    (71, "current L3", Unit.AMPERE),
    (72, "voltage L3", Unit.VOLT),
    (91, "neutral current", Unit.AMPERE),
)
_POWERS: tuple[tuple[int, str, Unit], ...] = (
    (1, "active power", Unit.WATT),
    (3, "reactive power", Unit.VAR),
    (9, "apparent power", Unit.VOLT_AMPERE),
    (14, "frequency", Unit.HERTZ),
    (13, "power factor", Unit.COUNT),
    (33, "power factor L1", Unit.COUNT),
    (53, "power factor L2", Unit.COUNT),
    (73, "power factor L3", Unit.COUNT),
)
TOU_ZONES = range(1, 9)


def _electricity() -> list[Quantity]:
    kwh = Service.ELECTRICITY
    found: list[Quantity] = []
    for c, name, unit in _ENERGIES:
        found.append(Quantity(_obis(f"1.0.{c}.8.0"), name, Kind.REGISTER, unit, kwh))
        found.extend(
            Quantity(_obis(f"1.0.{c}.8.{zone}"), f"{name}, zone {zone}", Kind.REGISTER, unit, kwh)
            for zone in TOU_ZONES
        )
        found.append(
            Quantity(_obis(f"1.0.{c}.29.0"), f"{name}, interval", Kind.INTERVAL, unit, kwh)
        )
    for c, name, unit in _PHASES:
        found.append(Quantity(_obis(f"1.0.{c}.7.0"), name, Kind.INSTANTANEOUS, unit, kwh))
        found.append(
            Quantity(_obis(f"1.0.{c}.27.0"), f"{name}, average", Kind.INSTANTANEOUS, unit, kwh)
        )
    found.extend(
        Quantity(_obis(f"1.0.{c}.7.0"), name, Kind.INSTANTANEOUS, unit, kwh)
        for c, name, unit in _POWERS
    )
    found.append(
        Quantity(_obis("1.0.13.0.0"), "average power factor", Kind.INSTANTANEOUS, Unit.COUNT, kwh)
    )
    found.append(
        Quantity(POWER_ON_DURATION, "power-on duration", Kind.INSTANTANEOUS, Unit.MINUTE, kwh)
    )
    for c, name, unit in (
        (1, "maximum demand, active", Unit.WATT),
        (9, "maximum demand, apparent", Unit.VOLT_AMPERE),
    ):
        found.append(Quantity(_obis(f"1.0.{c}.6.0"), name, Kind.INSTANTANEOUS, unit, kwh))
        found.extend(
            Quantity(
                _obis(f"1.0.{c}.6.{zone}"), f"{name}, zone {zone}", Kind.INSTANTANEOUS, unit, kwh
            )
            for zone in TOU_ZONES
        )
    return found


def _water() -> list[Quantity]:
    return [
        Quantity(WATER_VOLUME, "water volume", Kind.REGISTER, Unit.CUBIC_METRE, Service.WATER),
        Quantity(
            WATER_FLOW,
            "water flow",
            Kind.INSTANTANEOUS,
            Unit.CUBIC_METRE_PER_HOUR,
            Service.WATER,
        ),
    ]


def _status() -> list[Quantity]:
    names = {
        CLOCK: "clock",
        BILLING_DATE: "billing date",
        PROFILE_STATUS: "profile status",
        SERIAL_NUMBER: "serial number",
        MANUFACTURER: "manufacturer",
        DEVICE_ID: "device id",
        YEAR_OF_MANUFACTURE: "year of manufacture",
        FIRMWARE: "firmware",
        METER_TYPE: "meter type",
        CATEGORY: "category",
        CURRENT_RATING: "current rating",
    }
    found = [Quantity(obis, name, Kind.STATUS, Unit.COUNT, None) for obis, name in names.items()]
    found.append(Quantity(CAPTURE_PERIOD, "capture period", Kind.STATUS, Unit.SECOND, None))
    return found


CATALOGUE: dict[Obis, Quantity] = {
    quantity.obis: quantity for quantity in (*_electricity(), *_water(), *_status())
}

BILLED_REGISTER: dict[Service, Obis] = {
    Service.ELECTRICITY: ACTIVE_IMPORT,
    Service.WATER: WATER_VOLUME,
}
"""The one register of each service whose difference is the month."""


def quantity(obis: Obis) -> Quantity | None:
    """Return what a code means, or None when the catalogue does not know it."""
    return CATALOGUE.get(obis)


_IN_PAIRS: dict[int, str] = {
    1: "voltage missing, L1",
    3: "voltage missing, L2",
    5: "voltage missing, L3",
    7: "over-voltage",
    9: "low voltage",
    11: "voltage unbalance",
    51: "current reversed, L1",
    53: "current reversed, L2",
    55: "current reversed, L3",
    57: "current transformer open, L1",
    59: "current transformer open, L2",
    61: "current transformer open, L3",
    63: "current unbalance",
    65: "current bypass",
    67: "over-current",
    69: "earth loading",
    101: "power failure",
    201: "magnet",
    203: "neutral disturbance",
    205: "very low power factor",
    207: "neutral missing",
}
METER_EVENTS: dict[int, str] = {
    **_IN_PAIRS,
    **{code + 1: f"{name}: over" for code, name in _IN_PAIRS.items()},
    151: "clock set",
    152: "demand integration period set",
    153: "capture period set",
    154: "billing dates set",
    155: "tariff zones set",
    251: "meter cover opened",
    301: "load disconnected",
    302: "load connected",
}
"""Codes of the event logs (IS 15959 parts 1 and 2, Indian event reference tables). A code that
is not here keeps its number."""


class StatusEvent(IntEnum):
    """Codes of this project for bits of the profile status.

    Which bit it is says the meter's model. That a state is over has the number after the state's.
    """

    CABLE_CUT = 1
    LEAK = 3
    BURST = 5
    DRY_PIPE = 7
    REVERSE_FLOW = 9
    TAMPER = 11


_STATES = {int(event): event.name.lower().replace("_", " ") for event in StatusEvent}
STATUS_EVENTS: dict[int, str] = {
    **_STATES,
    **{event + 1: f"{name}: over" for event, name in _STATES.items()},
}

LOGS = ("voltage", "current", "power", "transaction", "other", "non-rollover", "control")
"""What the `EVENT_PROFILES` are about, in their order."""
OBJECTS: dict[Obis, str] = {
    NAME_PLATE: "name plate",
    INSTANTANEOUS_PROFILE: "instantaneous profile",
    BLOCK_LOAD_PROFILE: "block load profile",
    DAILY_LOAD_PROFILE: "daily load profile",
    BILLING_PROFILE: "billing profile",
    WATER_LOAD_PROFILE: "water load profile",
    **{log: f"event log, {name}" for log, name in zip(EVENT_PROFILES, LOGS, strict=True)},
    SCALER_PROFILES[INSTANTANEOUS_PROFILE]: "scalers of the instantaneous profile",
    SCALER_PROFILES[BLOCK_LOAD_PROFILE]: "scalers of the block load profile",
    SCALER_PROFILES[DAILY_LOAD_PROFILE]: "scalers of the daily load profile",
    SCALER_PROFILES[BILLING_PROFILE]: "scalers of the billing profile",
    SCALER_PROFILES[EVENT_PROFILES[0]]: "scalers of the event logs",
    ASSOCIATION: "association: the proof of both sides in high-level security",
    **{
        _obis(f"0.0.43.1.{client // 16}"): f"invocation counter of client {client}"
        for client in (32, 48)
    },
}
"""What is read of a meter besides the `CATALOGUE`, to know what its values are and how to ask."""


GATEWAY_LOG = _obis("0.65.99.98.0")
"""The log of what a gateway itself saw of a meter, or did to it: no object of the meter. Group B
from 65 to 127 is for the utility (IEC 62056-6-1)."""


class GatewayEvent(IntEnum):
    """Codes of `GATEWAY_LOG`: this project's, and none of `METER_EVENTS`.

    That a state is over has the number after the state's.
    """

    CAPTURES_CHANGED = 1001
    CLOCK_JUMPED = 1002
    CLOCK_SET = 1003
    GATEWAY_CLOCK_JUMPED = 1004
    CLOCK_DRIFTS = 1011
    CLOCK_DRIFTS_OVER = 1012
    CLOCK_FAR_OFF = 1013
    CLOCK_FAR_OFF_OVER = 1014


GATEWAY_EVENTS: dict[int, str] = {
    GatewayEvent.CAPTURES_CHANGED: "capture list changed",
    GatewayEvent.CLOCK_JUMPED: "clock jumped",
    GatewayEvent.CLOCK_SET: "clock set by the gateway",
    GatewayEvent.GATEWAY_CLOCK_JUMPED: "the gateway's own clock jumped",
    GatewayEvent.CLOCK_DRIFTS: "clock drifts too fast",
    GatewayEvent.CLOCK_DRIFTS_OVER: "clock drifts too fast: over",
    GatewayEvent.CLOCK_FAR_OFF: "clock too far off",
    GatewayEvent.CLOCK_FAR_OFF_OVER: "clock too far off: over",
}

_NAMES = {PROFILE_STATUS: STATUS_EVENTS, GATEWAY_LOG: GATEWAY_EVENTS}


def event_name(log: Obis, code: int) -> str | None:
    """Return what an event of a log is, or None for a code that is not in the catalogue."""
    return _NAMES.get(log, METER_EVENTS).get(code)
