# SPDX-License-Identifier: MIT
"""A society whose gateways, buses and meters come and go, by a clock that the test turns."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from cloud_ingest.flags.silence import reclassify, refresh_silence
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import list_events
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.registry import enrol_gateway
from cloud_ingest.store.rows import scalar
from cloud_ingest.store.status import put_status
from shared_schema.catalogue import ACTIVE_IMPORT, GATEWAY_LOG, GatewayEvent, Unit
from shared_schema.events import Event
from shared_schema.gateway import BusStatus, FailingMeter, PollFailure, Status
from shared_schema.message import MeterId
from shared_schema.signing import generate_key, public_key_to_pem

ZONE = ZoneInfo("Asia/Kolkata")
TURN = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)
CYCLE = 3
"""Turns between two polls."""


@dataclass
class RiserMeter:
    """An electricity meter on a bus, and why it is not read."""

    meter_id: int
    channel_id: int
    serial: str
    bus: str
    raw: int = 1000
    why: PollFailure | None = None
    newest: datetime | None = None
    """The newest reading that the store has."""
    late_by: timedelta = timedelta()
    """Its reading is so much older than the turn that stores it."""
    is_clock_off: bool = False
    """It answers, and its rows are not believed."""


@dataclass
class Riser:
    """A gateway with its meters, and whether its link stands."""

    name: str
    meters: list[RiserMeter] = field(default_factory=list)
    session: UUID = field(default_factory=uuid4)
    is_linked: bool = True
    clock_off: timedelta = timedelta()
    phase: int = 0
    """It polls so many turns later than others."""


class RiserSociety:
    """Turns the clock: gateways poll and speak, and the rule looks."""

    def __init__(self, conn: Connection, now: datetime, step: timedelta = TURN) -> None:
        self.conn, self.now, self.began, self.step = conn, now, now - timedelta(days=100), step
        self.id = int(scalar(conn, "INSERT INTO society (name) VALUES ('S') RETURNING society_id"))
        self.risers: dict[str, Riser] = {}
        self.turns = 0
        self.look: Callable[[], object] = lambda: refresh_silence(conn, ZONE, self.now)

    def gateway(self, name: str, *buses: int, is_heard: bool = True) -> Riser:
        """Add a gateway with so many meters on each bus, all read just now if it is heard."""
        enrol_gateway(self.conn, "S", name, name, public_key_to_pem(generate_key().public_key()))
        self.conn.execute("UPDATE gateway SET enrolled_at = %s", (self.began,))
        riser = self.risers[name] = Riser(name)
        for bus, count in enumerate(buses, start=1):
            riser.meters += [self._meter(name, f"b{bus}", number) for number in range(count)]
        make_partitions(
            self.conn,
            StoreCache(),
            {int((self.now + timedelta(days=number)).timestamp()) for number in range(-3, 8)},
        )
        riser.is_linked = is_heard
        if is_heard:
            self._speak(riser)
            self._read(riser)
        return riser

    def turn(self, times: int = 1) -> None:
        """Let time pass, and the rule look after each turn."""
        for _ in range(times):
            self.now += self.step
            self.turns += 1
            with self.conn.transaction():
                for riser in self.risers.values():
                    if riser.is_linked:
                        if self.turns % CYCLE == riser.phase:
                            self._read(riser)
                        self._speak(riser)
            self.look()

    def pass_by(self, span: timedelta) -> None:
        """Let time pass in turns."""
        self.turn(int(span / self.step))

    def unlink(self, riser: Riser) -> None:
        """Let a gateway's link be lost; its last will is heard."""
        riser.is_linked = False
        self._put(self._status(riser, "offline"))

    def link(self, riser: Riser) -> None:
        """Let a gateway come back with a new session; no meter is polled yet."""
        riser.is_linked, riser.session = True, uuid4()
        self._put(self._status(riser, "online"))

    def fill(
        self,
        meters: Iterable[RiserMeter],
        since: datetime,
        until: datetime | None = None,
        *,
        step: int = 1,
    ) -> None:
        """Store the quarter hours that the meters remember, between two times; None: until now."""
        for meter in meters:
            number = int(((until or self.now) - since - timedelta(seconds=1)) / QUARTER)
            self._store(
                [(meter, meter.raw + step * n, since + (n + 1) * QUARTER) for n in range(number)]
            )

    def set_clock(self, meter: RiserMeter, *, off: bool) -> None:
        """Let a meter's clock go wrong, or be set; its gateway notes it."""
        meter.is_clock_off = off
        code = GatewayEvent.CLOCK_FAR_OFF if off else GatewayEvent.CLOCK_FAR_OFF_OVER
        self.conn.execute(
            "INSERT INTO meter_event (meter_id, log, ts, code, received_at)"
            " VALUES (%s, %s, %s, %s, %s)",
            (meter.meter_id, str(GATEWAY_LOG), self.now, int(code), self.now),
        )

    def reclassify(self) -> int:
        """Look again at what is over."""
        return reclassify(self.conn, self.now)

    def open(self) -> list[Event]:
        """Return the open flags, oldest first."""
        return [flag.event for flag in list_events(self.conn)][::-1]

    def ever(self) -> list[Event]:
        """Return every flag there was."""
        return [flag.event for flag in list_events(self.conn, state=None)]

    def _meter(self, gateway: str, bus: str, number: int) -> RiserMeter:
        serial = f"{gateway}-{bus}-{number:02}"
        meter_id = int(
            scalar(
                self.conn,
                "INSERT INTO meter (society_id, manufacturer, serial) VALUES (%s, 'M', %s)"
                " RETURNING meter_id",
                (self.id, serial),
            )
        )
        self.conn.execute(
            "INSERT INTO assignment (society_id, tower, subject_type, subject, label, service,"
            " source, meter_id, valid_from, author, reason, recorded_at)"
            " VALUES (%s, %s, 'unit', %s, %s, 'electricity', 'grid', %s, %s, 'me', 'test', now())",
            (self.id, gateway, f"U-{serial}", f"U-{serial}", meter_id, self.began),
        )
        channel_id = int(
            scalar(
                self.conn,
                "INSERT INTO channel (meter_id, obis, unit, scaler, kind, period_s)"
                " VALUES (%s, %s, %s, 0, 'register', 900) RETURNING channel_id",
                (meter_id, str(ACTIVE_IMPORT), int(Unit.WATT_HOUR)),
            )
        )
        return RiserMeter(meter_id, channel_id, serial, bus)

    def _read(self, riser: Riser) -> None:
        read = [each for each in riser.meters if each.why is None and not each.is_clock_off]
        self._store([(meter, meter.raw, self.now - meter.late_by) for meter in read])
        self.conn.execute(
            "UPDATE meter SET gateway_id = (SELECT gateway_id FROM gateway WHERE name = %s)"
            " WHERE meter_id = ANY(%s) AND gateway_id IS NULL",
            (riser.name, [meter.meter_id for meter in read]),
        )

    def _store(self, rows: Sequence[tuple[RiserMeter, int, datetime]]) -> None:
        """Store readings: meter, raw value, its time."""
        if not rows:
            return
        times = [at for _, _, at in rows]
        self.conn.execute(
            "INSERT INTO reading SELECT channel_id, ts, raw, NULL, 1"
            " FROM unnest(%s::int[], %s::timestamptz[], %s::bigint[]) AS new (channel_id, ts, raw)"
            " ON CONFLICT DO NOTHING",
            ([meter.channel_id for meter, _, _ in rows], times, [raw for _, raw, _ in rows]),
        )
        for meter, _, at in rows:
            meter.newest = max(at, meter.newest or at)
        own = {meter.meter_id: meter for meter, _, _ in rows}
        self.conn.execute(
            "UPDATE meter AS m SET last_reading_at = newest"
            " FROM unnest(%s::int[], %s::timestamptz[]) AS own (meter_id, newest)"
            " WHERE m.meter_id = own.meter_id",
            (list(own), [meter.newest for meter in own.values()]),
        )

    def _speak(self, riser: Riser) -> None:
        self._put(self._status(riser, "online"))

    def _put(self, status: Status) -> None:
        put_status(self.conn, status, self.now, self.now)

    def _status(self, riser: Riser, state: str) -> Status:
        failing = [
            FailingMeter(
                bus=meter.bus,
                label=meter.serial,
                meter=MeterId(manufacturer="M", serial=meter.serial),
                why=meter.why,
            )
            for meter in riser.meters
            if meter.why is not None
        ]
        return Status.model_validate(
            {
                "gateway": riser.name,
                "session": riser.session,
                "state": state,
                "at": self.now + riser.clock_off,
                "clock_synchronised": True,
                "meters": len(riser.meters),
                "poll_period_s": int(CYCLE * self.step.total_seconds()),
                "buses": [_bus(name, riser.meters) for name in _buses(riser.meters)],
                "failing": failing,
            }
        )


def _buses(meters: Collection[RiserMeter]) -> list[str]:
    return sorted({meter.bus for meter in meters})


def _bus(name: str, meters: Collection[RiserMeter]) -> BusStatus:
    own = [meter for meter in meters if meter.bus == name]
    failures: dict[PollFailure, int] = {}
    for meter in own:
        if meter.why is not None:
            failures[meter.why] = failures.get(meter.why, 0) + 1
    return BusStatus(name=name, meters=len(own), failures=failures)
