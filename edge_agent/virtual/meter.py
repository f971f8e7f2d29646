# SPDX-License-Identifier: GPL-2.0-only
"""One virtual meter: its objects behind a station, and the truth about it for tests.

In: a specification and a load. Out: a station for the bus; raw values of registers, intervals
and rows at any time. Owns the faults that a test puts on it.
Never shows a value that the truth below does not have.
"""

from datetime import datetime

from edge_agent.virtual.acse import Mechanism
from edge_agent.virtual.clock import Dial
from edge_agent.virtual.cosem import AccessResult, Attribute
from edge_agent.virtual.counter import Counter, MeterSpec
from edge_agent.virtual.device import PUBLIC_CLIENT, READER_CLIENT, UTILITY_CLIENT, Access
from edge_agent.virtual.history import Row
from edge_agent.virtual.loads import Load
from edge_agent.virtual.models import histories, objects
from edge_agent.virtual.objects import LogicalDevice, counter_objects
from edge_agent.virtual.security import Vault
from edge_agent.virtual.server import Server
from edge_agent.virtual.station import Station
from shared_schema.obis import Obis


class VirtualMeter:
    """A meter that counts a load."""

    def __init__(self, spec: MeterSpec, load: Load) -> None:
        """Set up a meter.

        Args:
            spec: What it is.
            load: What flows through it, Wh or litres.

        Raises:
            ValueError: the load follows the days of another zone.
        """
        self.spec = spec
        self.faults: dict[Obis, AccessResult] = {}
        """Attributes of these objects, but the logical name, fail so; for tests."""
        self._counter = Counter(spec, load)
        self._histories = histories(self._counter)
        self.vault = _vault(spec)
        """The meter's keys and how far its clients have counted, where it has keys."""
        self._device = LogicalDevice(
            [
                *objects(self._counter, self._histories),
                *(counter_objects(self.vault) if self.vault else ()),
            ],
            title=f"{spec.manufacturer[:3].upper()}{spec.serial}",
            password=spec.password,
            max_pdu=spec.max_pdu,
            clients=_clients(spec),
            vault=self.vault,
            faults=self._fault,
            habits=spec.habits,
        )

    def station(self, *, alone: bool = False) -> Station:
        """Return a station of this meter for a bus, with a server of its own.

        Args:
            alone: The only meter of its bus: it is also heard under the one-byte address.
        """
        spec = self.spec
        return Station(
            Server(self._device),
            physical=spec.address,
            alone=alone,
            max_info=spec.max_info,
            slow_s=spec.slow_s,
            habits=spec.habits,
        )

    @property
    def dial(self) -> Dial:
        """How the meter writes local time."""
        return self._counter.dial

    def clock_at(self, now: datetime) -> datetime:
        """Return what the meter's clock shows at a true time, both aware."""
        return self._counter.clock(now)

    def register_at(self, obis: Obis, ts: datetime) -> int:
        """Return the raw value of a cumulative register at a true time.

        Args:
            obis: 1.0.C.8.0.255, or the volume of a water meter.
            ts: Any aware time; before installation the register stands at its initial value.

        Raises:
            KeyError: the meter has no such register.
        """
        return self._counter.raw(obis, self._counter.used(int(ts.timestamp())))

    def interval(self, obis: Obis, ts: datetime) -> int:
        """Return the raw value of an interval that ends at a stamp of the meter's clock.

        Args:
            obis: 1.0.C.29.0.255.
            ts: Aware; the end of a capture period.

        Raises:
            KeyError: the meter has no such interval.
        """
        if obis.d != 29:
            raise KeyError(obis)
        counter, register = self._counter, obis._replace(d=8)
        end = int(ts.timestamp())
        used = (counter.used_at(end - self.spec.capture_period_s), counter.used_at(end))
        before, after = counter.raws(register, used)
        return (after - before) % counter.modulus

    def columns(self, profile: Obis) -> tuple[tuple[int, Obis, int], ...]:
        """Return what a profile over time captures: class, logical name, attribute of each.

        Raises:
            KeyError: the meter has no such profile.
        """
        found = self._histories[profile].columns
        return tuple((each.class_id, each.name, each.attribute) for each in found)

    def rows(self, profile: Obis, start: datetime, end: datetime) -> list[Row]:
        """Return every row ever captured that is stamped in [start, end], oldest first.

        The buffer of the meter holds the newest of them only; this is the whole truth, of
        the time to come as well.

        Raises:
            KeyError: the meter has no such profile over time.
        """
        history = self._histories[profile]
        return [
            row
            for first, last in history.between(int(start.timestamp()), int(end.timestamp()))
            for row in history.truth(max(first, history.first), min(last, history.behind_last))
        ]

    def buffered(self, profile: Obis, now: datetime) -> list[Row]:
        """Return the rows that the meter's buffer holds at a true time, oldest first.

        Raises:
            KeyError: the meter has no such profile over time.
        """
        history = self._histories[profile]
        return history.truth(*history.span(now))

    def _fault(self, attribute: Attribute, now: datetime) -> AccessResult | None:
        if attribute.attribute == 1:
            return None
        if self.faults:
            found = self.faults.get(Obis.from_bytes(attribute.name))
            if found is not None:
                return found
        measured = attribute.class_id in (3, 4) and attribute.attribute == 2
        return AccessResult.HARDWARE_FAULT if measured and self._counter.failed(now) else None


def _clients(spec: MeterSpec) -> dict[int, Access]:
    """Return who may associate with a meter, and how."""
    found = {
        PUBLIC_CLIENT: Access(Mechanism.NONE, ciphered=False),
        READER_CLIENT: Access(
            Mechanism.LOW, ciphered=spec.security is not None and spec.security.reader_ciphered
        ),
    }
    if spec.security is not None:
        found[UTILITY_CLIENT] = Access(Mechanism.GMAC, ciphered=True)
    return found


def _vault(spec: MeterSpec) -> Vault | None:
    security = spec.security
    if security is None:
        return None
    counters = {READER_CLIENT: security.reader_counter, UTILITY_CLIENT: security.utility_counter}
    return Vault(
        security.keys,
        security.title,
        counters=counters,
        general=security.general,
        explains=security.explains,
        dedicated=spec.habits.dedicated,
    )
