# SPDX-License-Identifier: GPL-2.0-only
"""The visit of a tap test: all meters of a service are read three times, with waits between.

In: the meters of the settings, the named one, what waits. Out: what each moved, and who was silent.
Never: a stored value; a secret sent again that a meter refused; a meter left out without a word.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby, product
from typing import Final

from edge_agent.decode.values import register_number
from edge_agent.dlms.exchange import Traffic, Transport
from edge_agent.errors import AccessDenied, AgentError, BusError, MeterError, ProtocolViolation
from edge_agent.install.lockout import Lockout
from edge_agent.install.shown import unit_symbol
from edge_agent.install.tap_test import Look, Moved, Verdict, moved, verdict
from edge_agent.meters.model import load
from edge_agent.poll.memory import Memory
from edge_agent.poll.meter_link import MeterLink
from edge_agent.poll.scaler import HAS_NONE, scaler_of, value_of
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import BusConfig, MeterConfig
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.obis import Obis

_CLASSES: Final = (3, 4)
"""Of a register: plain, or extended."""
Place = tuple[BusConfig, MeterConfig]


@dataclass(frozen=True, slots=True)
class Visit:
    """What the test does with the world."""

    open_bus: Callable[[BusConfig], AbstractContextManager[Transport]]
    lockout: Callable[[BusConfig], Lockout]
    now_s: Callable[[], float]
    """A clock that only goes forward."""
    rest: Callable[[], None]
    """Waits while nothing is changed."""
    run: Callable[[Service, Look], None]
    """Has a person open the tap, or switch on the load; returns when it is over."""
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TapTest:
    """What a tap test found."""

    named: str
    service: Service
    meters: tuple[Moved, ...]
    silent: dict[str, AgentError] = field(default_factory=dict)
    """Meters that were not read each time, and why."""

    @property
    def verdict(self) -> Verdict:
        """What it showed."""
        return verdict(self.named, self.meters, all_read=not self.silent)


def tap_test(places: Sequence[Place], named: Place, visit: Visit) -> TapTest:
    """Read all meters of the named one's service, have something run, and read them again.

    Args:
        places: the meters of the settings.
        named: the flat's.
        visit: what waits, and what reads.

    Raises:
        BusError, MeterError: the named meter cannot be read.
        ConfigurationError: a model, a port or a secret cannot be used.
    """
    label = named[1].label
    code, look = _of_named(named, visit)
    service = next(each for each, billed in BILLED_REGISTER.items() if billed == code)
    fellows = [each for each in places if code in _codes(each[1])]
    visit.tell(
        f"{label} counts {service}; meters of the settings that may count it: {len(fellows)}"
    )
    silent: dict[str, AgentError] = {}
    before = _round(fellows, visit, code, silent)
    visit.rest()
    idle = _round(fellows, visit, code, silent)
    visit.run(service, look)
    after = _round(fellows, visit, code, silent)
    found: list[Moved] = []
    read_each_time = [each for each in before if each in idle and each in after]
    for each in read_each_time:
        try:
            found.append(moved(each, before[each], idle[each], after[each]))
        except ProtocolViolation as error:
            silent[each] = error
    if label in silent:
        raise silent[label]
    return TapTest(label, service, tuple(found), silent)


def _of_named(named: Place, visit: Visit) -> tuple[Obis, Look]:
    """Read the billed register of the named meter, and tell which one it is."""
    bus, meter = named
    with visit.open_bus(bus) as line, visit.lockout(bus).guard(meter):
        found = _read(line, meter, _codes(meter), visit.now_s)
    if found is None:
        raise ProtocolViolation(f"{meter.label} has no register that is billed")
    return found


def _codes(meter: MeterConfig) -> list[Obis]:
    """Return the billed registers that a meter of this model may have."""
    its_model = load(meter.model, meter.models_dir, meter.deviation_sign)
    return [code for code in BILLED_REGISTER.values() if code in its_model.registers]


def _round(
    places: Iterable[Place], visit: Visit, code: Obis, silent: dict[str, AgentError]
) -> dict[str, Look]:
    """Read meters once; a meter without the register is no meter of the service."""
    found: dict[str, Look] = {}
    for bus, meters in groupby(places, key=lambda place: place[0]):
        with visit.open_bus(bus) as line:
            for _bus, meter in meters:
                try:
                    with visit.lockout(bus).guard(meter):
                        read = _read(line, meter, [code], visit.now_s)
                except (MeterError, BusError) as error:
                    silent[meter.label] = error
                    visit.tell(f"{meter.label}: {error}")
                    continue
                if read is not None:
                    found[meter.label] = read[1]
    return found


def _read(
    line: Transport, meter: MeterConfig, codes: Sequence[Obis], now_s: Callable[[], float]
) -> tuple[Obis, Look] | None:
    """Read the first of some registers that a meter has; None where it has none of them."""
    its_model = load(meter.model, meter.models_dir, meter.deviation_sign)
    with MeterLink(sessions(line), meter, its_model, Memory(), Traffic()) as link:
        link.confirm()
        for code, class_id in product(codes, _CLASSES):
            answer = link.read_one(value_of(code, class_id))
            if not isinstance(answer, AccessDenied):
                at_s = now_s()
                found = _look(link, code, class_id, answer, at_s)
                link.look()
                return code, found
            if answer.result not in HAS_NONE:
                raise answer
    return None


def _look(link: MeterLink, code: Obis, class_id: int, answer: bytes, at_s: float) -> Look:
    count = register_number(code, answer)
    scale = scaler_of(link, code, class_id, {})
    if count is None or scale is None:
        raise ProtocolViolation(f"{link.label}: {code} holds no value, or has no scaler")
    step = Decimal(scale.weight).scaleb(scale.scaler)
    return Look(count * step, step, unit_symbol(scale.unit), at_s)
