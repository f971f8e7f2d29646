# SPDX-License-Identifier: GPL-2.0-only
"""One reading of one meter by hand: who it is, its clock, and registers with value and unit.

In: a bus, how the meter answers, the codes wanted. Out: a `Readout`; of a profile its newest rows.
Never: a stored state; a float.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from edge_agent.decode import layout
from edge_agent.decode.values import register_number
from edge_agent.dlms import axdr
from edge_agent.dlms.exchange import Traffic, Transport
from edge_agent.dlms.hex_text import as_hex
from edge_agent.errors import (
    AccessDenied,
    MeterError,
    ProtocolViolation,
    SerialUnreadable,
    ValueRefused,
)
from edge_agent.install.examine import BACK_S
from edge_agent.install.shown import ShownProfile, grouped, plain, profile_of, unit_symbol
from edge_agent.meters.model import Model, ProfileToRead, load
from edge_agent.poll import clock_reading
from edge_agent.poll.finding import FindingKind, finding, words
from edge_agent.poll.local_time import LocalTime
from edge_agent.poll.memory import Memory, MeterFacts
from edge_agent.poll.meter_link import MeterLink
from edge_agent.poll.profile_rows import Terms
from edge_agent.poll.profiles import read_profiles
from edge_agent.poll.scaler import HAS_NONE, OTHER_CLASSES, scaler_of, value_of
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import (
    CLOCK,
    INSTANTANEOUS_PROFILE,
    MANUFACTURER,
    OBJECTS,
    Kind,
    quantity,
)
from shared_schema.obis import Obis

OTHERS_BACK_S: Final = 26 * 3600
"""How far back a profile is read that the model does not know: a day and its midnight."""
_WINDOWS: Final = 2
_DATA, _REGISTER, _EXTENDED_REGISTER, _PROFILE, _CLOCK = 1, 3, 4, 7, 8
_PROFILE_GROUPS: Final = frozenset((98, 99))
"""Value group C of profiles: billing; loads and logs."""
_MAXIMUM = 6
"""Value group D of a maximum demand: an extended register."""


@dataclass(frozen=True, slots=True)
class Value:
    """One object: what it holds, or why it could not be read."""

    obis: Obis
    name: str | None
    value: Decimal | str | None
    unit: str
    problem: str = ""

    @property
    def text(self) -> str:
        """The value as a person reads it; nothing for none."""
        return grouped(self.value) if isinstance(self.value, Decimal) else self.value or ""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "obis": str(self.obis),
            "name": self.name,
            "value": plain(self.value) if isinstance(self.value, Decimal) else self.value,
            "unit": self.unit,
            **({"problem": self.problem} if self.problem else {}),
        }


@dataclass(frozen=True, slots=True)
class Readout:
    """What a meter said."""

    manufacturer: str | None
    serial: str | None
    clock: datetime | None
    """In the meter's own zone."""
    values: tuple[Value, ...]
    """Registers and other objects, and profiles without a row to show."""
    profiles: tuple[ShownProfile, ...] = ()

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "manufacturer": self.manufacturer,
            "serial": self.serial,
            "clock": None if self.clock is None else self.clock.isoformat(),
            "values": [each.document() for each in self.values],
            "profiles": [each.document() for each in self.profiles],
        }


def read_meter(bus: Transport, meter: MeterConfig, codes: Sequence[Obis] = ()) -> Readout:
    """Read one meter in one association.

    Args:
        bus: the line.
        meter: where it answers, and its model.
        codes: what to read; without any, the registers of its model that it has.

    Raises:
        BusError: the line failed.
        MeterError: the meter refused, or its answer is no DLMS.
        ConfigurationError: its model, password or port cannot be used.
    """
    its_model = load(meter.model, meter.models_dir, meter.deviation_sign)
    with MeterLink(sessions(bus), meter, its_model, Memory(), Traffic()) as link:
        serial = _serial(link)
        if isinstance(serial, str):
            link.look()  # a second session must be with the same meter
        profiles = [obis for obis in codes if _is_profile(obis)]
        objects = [obis for obis in codes or its_model.registers if obis not in profiles]
        among = its_model.profiles if codes else ()
        values = [_read(link, obis, its_model, among) for obis in objects]
        manufacturer = _text(link, MANUFACTURER) or its_model.manufacturer
        clock = _clock(link, its_model)
        shown: list[ShownProfile] = []
        for profile in profiles:
            found = _newest_rows(link, profile, its_model, clock)
            if isinstance(found, Value):
                values.append(found)
            else:
                shown.append(found)
        if isinstance(serial, str):
            link.confirm()
        return Readout(
            manufacturer=manufacturer,
            serial=serial if isinstance(serial, str) else None,
            clock=clock,
            values=(
                *([] if serial is None or isinstance(serial, str) else [serial]),
                *(value for value in values if codes or not value.problem),
            ),
            profiles=tuple(shown),
        )


def _is_profile(obis: Obis) -> bool:
    return obis == INSTANTANEOUS_PROFILE or obis.c in _PROFILE_GROUPS


def _newest_rows(
    link: MeterLink, profile: Obis, its_model: Model, clock: datetime | None
) -> ShownProfile | Value:
    """Read the newest rows of a profile, by the meter's own clock."""
    wanted = next((each for each in its_model.profiles if each.obis == profile), None)
    back_s = OTHERS_BACK_S if wanted is None else BACK_S[wanted.every]
    wanted = wanted or ProfileToRead(obis=profile)
    meter_ts = (clock or datetime.now(UTC)).timestamp()
    stated = None if clock is None else clock.utcoffset()
    offset_min = its_model.zone_offset_min if stated is None else stated // timedelta(minutes=1)
    read = read_profiles(
        link,
        Terms(
            model=its_model.model_copy(update={"profiles": (wanted,)}),
            local=LocalTime(offset_min),
            facts=MeterFacts(),
            now=lambda: meter_ts,
            limit=meter_ts,
            synchronised=True,
            captured={},
            forced=(profile,),
        ),
        {profile: int(meter_ts - back_s)},
        _WINDOWS,
    )
    zone = timezone(timedelta(minutes=its_model.zone_offset_min))
    shown = profile_of(profile, read.blocks, zone)
    if shown is not None:
        return shown
    since = _local(int(meter_ts - back_s), its_model)
    nothing = "" if read.findings else f"no row since {since:%Y-%m-%d %H:%M}"
    problem = "; ".join(map(words, read.findings))
    return Value(profile, OBJECTS.get(profile), nothing or None, "", problem)


def _serial(link: MeterLink) -> str | Value | None:
    """Return the serial number; None where the meter has none, or why it cannot be read."""
    identity = link.model.identity
    answer = link.read_one(identity.wanted)
    if isinstance(answer, AccessDenied):
        return None
    try:
        return identity.serial(answer)
    except SerialUnreadable as error:
        problem = f"{link.label}: {error}"
        return Value(identity.code, OBJECTS.get(identity.code), None, "", problem)


def _text(link: MeterLink, obis: Obis) -> str | None:
    answer = link.read_one((obis, _DATA, 2))
    if isinstance(answer, AccessDenied):
        return None
    try:
        return axdr.text(answer)
    except MeterError:
        return None


def _clock(link: MeterLink, its_model: Model) -> datetime | None:
    """Return what the clock shows; None where it is no time, which `_read` explains."""
    answer = link.read_one((CLOCK, _CLOCK, 2))
    if isinstance(answer, AccessDenied):
        return None
    try:
        stamp = clock_reading.stamp_of(answer)
    except ProtocolViolation:
        return None
    found = axdr.epoch_s(stamp, its_model.zone)
    if found is None:
        return None
    zone = timezone(timedelta(minutes=clock_reading.offset_min(stamp, its_model.zone)))
    return datetime.fromtimestamp(found, zone)


def _local(ts: int, its_model: Model) -> datetime:
    return datetime.fromtimestamp(ts, timezone(timedelta(minutes=its_model.zone_offset_min)))


def _classes(obis: Obis) -> tuple[int, ...]:
    """Return the classes that an object may be of, the likeliest first."""
    if obis == CLOCK:
        return (_CLOCK,)
    known = quantity(obis)
    if known is not None and known.kind is Kind.STATUS:
        return (_DATA, _REGISTER)
    if obis.d == _MAXIMUM:
        return (_EXTENDED_REGISTER, _REGISTER)
    if known is not None:
        return (_REGISTER, _EXTENDED_REGISTER)
    return (_REGISTER, _DATA, *OTHER_CLASSES)


def _read(link: MeterLink, obis: Obis, its_model: Model, among: Sequence[ProfileToRead]) -> Value:
    """Read an object; of one that the meter does not have say which profile captures it."""
    known = quantity(obis)
    name = known.name if known else OBJECTS.get(obis)
    problem, is_absent = "", True
    for class_id in _classes(obis):
        answer = link.read_one(value_of(obis, class_id))
        if isinstance(answer, AccessDenied):
            problem = problem or str(answer)
            is_absent = is_absent and answer.result in HAS_NONE
            continue
        try:
            return _value(link, obis, class_id, answer, its_model)
        except MeterError as error:
            return Value(obis, name, None, "", str(error))
    captor = _captor(link, obis, among) if is_absent else None
    if captor is not None:
        problem += f"; it is a column of the {OBJECTS.get(captor, 'profile')} {captor}"
    return Value(obis, name, None, "", problem)


def _captor(link: MeterLink, obis: Obis, among: Sequence[ProfileToRead]) -> Obis | None:
    """Return which of some profiles captures a code."""
    for profile in among:
        objects = link.read_one((profile.obis, _PROFILE, 3))
        try:
            captured = [] if isinstance(objects, AccessDenied) else layout.capture_objects(objects)
        except ProtocolViolation:
            continue
        if any(each.obis == obis for each in captured):
            return profile.obis
    return None


def _value(link: MeterLink, obis: Obis, class_id: int, answer: bytes, its_model: Model) -> Value:
    known = quantity(obis)
    name = known.name if known else None
    if class_id in {_DATA, _CLOCK}:
        return Value(obis, name, _plain(answer, class_id, its_model), "")
    raw = register_number(obis, answer)
    if raw is None:
        problem = str(finding(FindingKind.NO_VALUE, link.label, obis=obis))
        return Value(obis, name, None, "", problem)
    scaling = scaler_of(link, obis, class_id, {})
    if scaling is None:
        return Value(obis, name, Decimal(raw), "", f"{link.label}: {obis} has no scaler")
    scaler, unit, weight = scaling
    value = (Decimal(raw) * weight).scaleb(scaler)
    return Value(obis, name, value, unit_symbol(unit))


def _plain(answer: bytes, class_id: int, its_model: Model) -> str | None:
    """Return what an object holds that counts nothing: a time, a text, an identifier."""
    if class_id == _CLOCK:
        stamp = clock_reading.stamp_of(answer)
        shown = axdr.epoch_s(stamp, its_model.zone)
        if shown is None:
            raise ValueRefused(f"the clock shows no valid time: {as_hex(stamp)}")
        return _local(shown, its_model).isoformat()
    found = axdr.value(answer)
    if isinstance(found, Decimal):
        return plain(found)
    if isinstance(found, bytes):
        try:
            return axdr.text(answer)
        except MeterError:
            return as_hex(found)
    return None if found is None else str(found)
