# SPDX-License-Identifier: GPL-2.0-only
"""The name plate of a meter: who it says it is, and which model that makes likely.

In: a transport and where the meter answers. Out: a `Plate`.
Never: a password: the public client reads it; a guess without its reason.
"""

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from edge_agent.decode import layout
from edge_agent.dlms import axdr
from edge_agent.dlms.exchange import Traffic, Transport
from edge_agent.dlms.security import PUBLIC_CLIENT
from edge_agent.errors import AccessDenied, ProtocolViolation, SerialUnreadable
from edge_agent.meters.identity import Identity
from edge_agent.meters.model import Model, load, usable
from edge_agent.poll.memory import Memory
from edge_agent.poll.meter_link import MeterLink
from edge_agent.poll.sessions import Answer, Wanted, sessions
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    CATEGORY,
    CURRENT_RATING,
    DEVICE_ID,
    FIRMWARE,
    MANUFACTURER,
    METER_TYPE,
    NAME_PLATE,
    SERIAL_NUMBER,
    WATER_VOLUME,
    YEAR_OF_MANUFACTURE,
)
from shared_schema.obis import Obis

ENTRIES: Final = (
    SERIAL_NUMBER,
    MANUFACTURER,
    DEVICE_ID,
    FIRMWARE,
    METER_TYPE,
    CATEGORY,
    CURRENT_RATING,
    YEAR_OF_MANUFACTURE,
)
VOLTAGE_L2: Final = Obis(1, 0, 52, 7, 0, 255)
_TELLING: Final = (ACTIVE_IMPORT, VOLTAGE_L2, WATER_VOLUME)
_MOST_PLACES: Final = 5
"""Objects that are read in search of a serial number: that of most meters, and those of models."""
_DENIED: Final = frozenset((3, 13))
"""Refusals of an object that is there: read-write-denied, scope-of-access-violated."""
_CATEGORIES: Final = {"D1": "is16444", "D2": "is13779", "D3": "is13779"}


@dataclass(frozen=True, slots=True)
class Guess:
    """The model that a meter probably is, and why."""

    model: str
    because: str


@dataclass(frozen=True, slots=True)
class OddSerial:
    """A serial number that is no text where most meters have it."""

    serial: str | None = None
    """As the models that read it have it; None: none does, or they differ."""
    model: str | None = None
    """The one model that reads it."""
    remark: str = ""
    """How it was read; or what came instead, with the keys that would read it."""
    came: bytes = b""
    """What the entry holds; empty where the meter gives none."""


@dataclass(frozen=True, slots=True)
class Plate:
    """What a meter tells every client, even the public one."""

    entries: dict[Obis, str]
    guess: Guess
    odd: OddSerial = OddSerial()
    """Its serial number, where it is no text at 0.0.96.1.0."""

    @property
    def manufacturer(self) -> str | None:
        """The maker, as the meter writes it."""
        return self.entries.get(MANUFACTURER)

    @property
    def owner(self) -> str | None:
        """Maker and serial number: which meter this is; None without a serial number."""
        return f"{self.manufacturer or ''} {self.serial}".strip() if self.serial else None

    @property
    def serial(self) -> str | None:
        """The serial number: as the meter writes it, or as a model's `[identity]` reads it."""
        return self.entries.get(SERIAL_NUMBER) or self.odd.serial


def read_plate(transport: Transport, meter: MeterConfig, traffic: Traffic | None = None) -> Plate:
    """Read a name plate as the public client: its profile, then the objects that this lacks.

    Args:
        transport: the line.
        meter: where it answers.
        traffic: counts what it costs, and what was damaged.

    Raises:
        BusError, MeterError: the meter does not answer, or refuses the public client.
    """
    public = meter.model_copy(
        update={"client": PUBLIC_CLIENT, "model": "generic", "security": None}
    )
    with MeterLink(
        sessions(transport), public, load("generic"), Memory(), traffic or Traffic()
    ) as link:
        entries = _of_profile(link)
        for obis in ENTRIES:
            if obis not in entries and (text := _object(link, obis)):
                entries[obis] = text
        there = {obis for obis in _TELLING if _is_there(link, obis)}
        known = SERIAL_NUMBER in entries
        odd = OddSerial() if known else odd_serial(link, usable(meter.models_dir))
    guess = guess_model(entries.get(CATEGORY), there)
    if odd.model is not None:
        guess = Guess(odd.model, f"its [identity] reads the serial number as {odd.serial}")
    return Plate(entries, guess, odd)


def _of_profile(link: MeterLink) -> dict[Obis, str]:
    """Return the entries of the name plate's profile, which has one row; none without it."""
    columns = link.read_one((NAME_PLATE, 7, 3))
    if isinstance(columns, AccessDenied):
        return {}
    rows = link.read_one((NAME_PLATE, 7, 2))
    if isinstance(rows, AccessDenied):
        return {}
    found: dict[Obis, str] = {}
    with contextlib.suppress(ProtocolViolation):
        captured, held = layout.capture_objects(columns), axdr.value(rows)
        match held:
            case [[*entries]] if len(entries) == len(captured):
                for each, entry in zip(captured, entries, strict=True):
                    with contextlib.suppress(ProtocolViolation):
                        found[each.obis] = axdr.printable(entry)
    return {obis: found[obis] for obis in ENTRIES if found.get(obis)}


def _object(link: MeterLink, obis: Obis) -> str | None:
    answer = link.read_one((obis, 1, 2))
    if isinstance(answer, AccessDenied):
        return None
    try:
        return axdr.text(answer)
    except ProtocolViolation:
        return None


def _is_there(link: MeterLink, obis: Obis) -> bool:
    """Tell whether a register is there; a refusal to read it tells that too."""
    answer = link.read_one((obis, 3, 3))
    return answer.result in _DENIED if isinstance(answer, AccessDenied) else True


def odd_serial(link: MeterLink, models: Mapping[str, Model]) -> OddSerial:
    """Read a serial number by the `[identity]` of each model that has one of its own.

    Args:
        link: the meter.
        models: by name.
    """
    usual = Identity()
    answers: dict[Wanted, Answer] = {}
    came = b""
    read: dict[str, list[str]] = {}
    remarks: list[str] = []
    own = {name: each.identity for name, each in models.items() if each.identity != usual}
    for name, identity in (("", usual), *own.items()):
        answer = answers.get(identity.wanted)
        if answer is None:
            if len(answers) >= _MOST_PLACES:
                continue
            answer = answers[identity.wanted] = link.read_one(identity.wanted)
        if isinstance(answer, AccessDenied):
            remarks.append(f"no serial number: {answer}")
            continue
        came = came or answer
        try:
            serial = identity.serial(answer)
        except SerialUnreadable as error:
            remarks.append(str(error))
            continue
        if identity is usual:  # it had been refused for a moment
            return OddSerial(serial)
        read.setdefault(serial, []).append(name)
    if len(read) != 1:
        ways = [f"{' and '.join(names)} as {serial}" for serial, names in read.items()]
        differ = f"the models read the serial number in several ways, {', '.join(ways)}"
        return OddSerial(remark=differ if ways else remarks[0], came=came)
    ((serial, names),) = read.items()
    one = names[0] if len(names) == 1 else None
    remark = f"serial number {serial} by [identity] of {' and '.join(names)}"
    return OddSerial(serial, one, remark, came)


def guess_model(category: str | None, there: Collection[Obis]) -> Guess:
    """Tell which packaged model fits.

    Args:
        category: 0.0.94.91.11 of the name plate: D1 single phase, D2 and D3 three phase.
        there: which of active energy, voltage of the second phase and water volume it has.
    """
    water, energy = WATER_VOLUME in there, ACTIVE_IMPORT in there
    if water and not energy:
        return Guess("water", f"it has the water volume {WATER_VOLUME}")
    if category in _CATEGORIES and not water:
        return Guess(_CATEGORIES[category], f"its category is {category}")
    if energy and not water:
        if VOLTAGE_L2 in there:
            return Guess("is13779", f"it has a second phase, {VOLTAGE_L2}")
        return Guess("is16444", "it has active energy and no second phase")
    return Guess("generic", "its name plate does not tell: choose the model by hand")
