# SPDX-License-Identifier: GPL-2.0-only
"""A gateway's bus at work, and everything that it books held against what the meters counted."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge_agent.decode.rows import MeterRows
from edge_agent.health import Health
from edge_agent.poll.poll import poll
from edge_agent.settings.bus import BusConfig
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.sealer import Sealer
from edge_agent.spool.spool import Spool
from edge_agent.virtual.clock import Dial
from edge_agent.virtual.estate import Estate
from edge_agent.worker import worker as module
from edge_agent.worker.adapter import StoppableBus
from edge_agent.worker.schedule import cycle_of
from edge_agent.worker.shared import Shared
from edge_agent.worker.worker import BusWorker
from shared_schema.catalogue import EVENT_PROFILES, INSTANTANEOUS_PROFILE
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import REACHED_AT
from shared_schema.signing import SigningKey, generate_key
from tests.support.desk import idle_desk

CUMULATIVE = 8
"""Group D of a register that only counts up."""
Values = dict[tuple[Obis, int], object]


class Told(logging.Handler):
    """Counts what the worker says of its meters."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        found = vars(record)
        meter = found.get("meter", "")
        for text in (*found.get("problems", ()), *filter(None, [found.get("reason")])):
            self.counts[f"{found.get('action')} {meter}: {text}"] += 1


class Gateway:
    """The worker of one bus with a spool and what seals it, as the service runs them."""

    def __init__(
        self,
        worker: BusWorker,
        spool: Spool,
        sealer: Sealer,
        seconds: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self.seconds = seconds
        self.polls = 0
        self.exchanges = 0
        """Of the polls that succeeded, as their bytes."""
        self.line_bytes = 0
        self.cycles: dict[str, set[int]] = {}
        """For each serial number the cycles in which its registers were read."""
        self.on_append: Callable[[MeterId, Sequence[MeterRows], float], None] = lambda *_: None
        self.told = Told()
        self.spool = spool
        self._worker = worker
        self._sealer = sealer
        self._monotonic = monotonic
        self._begun = 0.0
        self._poll = poll
        self._append = spool.append

    def step(self) -> float:
        """Do one thing, and seal what is due; return how long to wait."""
        wait_s = self._worker.step()
        self._sealer.seal_due(self._monotonic())
        return wait_s

    def poll(self, *args: Any, **more: Any) -> Any:
        """Count a poll, and go on with it."""
        self.polls += 1
        self._begun = self.seconds()
        found = self._poll(*args, **more)
        self.exchanges += found.exchanges
        self.line_bytes += found.bytes_sent + found.bytes_received
        return found

    def append(self, meter: MeterId, rows: Sequence[MeterRows], **more: Any) -> Any:
        """Note what is booked, and book it."""
        if any(block.profile is None for block in rows):
            # A poll over the boundary of two cycles reads the meter in both.
            cycles = {cycle_of(self._begun), cycle_of(self.seconds())}
            self.cycles.setdefault(meter.serial, set()).update(cycles)
        self.on_append(meter, rows, self._begun)
        return self._append(meter, rows, **more)


@contextmanager
def gateway(
    folder: Path,
    config: BusConfig,
    bus: StoppableBus,
    wall: Callable[[], float],
    monotonic: Callable[[], float],
    *,
    kept: bool = False,
    name: str = "gw-1",
    key: SigningKey | None = None,
) -> Iterator[Gateway]:
    """Run a worker's code on a bus; the caller takes the steps.

    Args:
        folder: where the spool is.
        config: the bus and its meters.
        bus: the line.
        wall: the gateway's time, seconds since 1970.
        monotonic: a clock that nobody sets.
        kept: whether a time service keeps the gateway's time.
        name: the gateway's.
        key: what it signs with; otherwise a new one.
    """
    settings = AgentSettings.model_validate(
        {
            "gateway": name,
            "spool": folder / "spool.db",
            "key_file": "k",
            "cloud_key_file": "k",
            "broker": {"host": "b"},
            "bus": [config],
        }
    )
    spool = Spool.open(folder / "spool.db")
    sealer = Sealer(spool, gateway=name, key=key or generate_key(), gather_s=settings.gather_s)
    logger = logging.getLogger("edge_agent.worker")
    level = logger.level
    try:
        with pytest.MonkeyPatch.context() as patch:
            health = Health(meter.label for meter in config.meters)
            shared = Shared(
                settings,
                spool,
                health,
                lambda: True,
                idle_desk(settings, spool),
                is_kept=lambda: kept,
            )
            worker = BusWorker(shared, config, bus=bus, wall=wall, monotonic=monotonic)
            found = Gateway(worker, spool, sealer, wall, monotonic)
            patch.setattr(module, "poll", found.poll)
            patch.setattr(spool, "append", found.append)
            logger.addHandler(found.told)
            logger.setLevel(logging.DEBUG)
            try:
                yield found
            finally:
                sealer.seal()
                logger.setLevel(level)
                logger.removeHandler(found.told)
    finally:
        spool.close()


class Truth:
    """What the meters of an estate counted, by true time."""

    def __init__(self, estate: Estate) -> None:
        """Take an estate whose meters have no wrong clocks."""
        self._estate = estate
        self._days: dict[tuple[str, Obis, int], dict[int, list[Values]]] = {}
        self.wrong: list[str] = []
        self.rows = 0
        self.registers = 0
        self.booked: dict[tuple[str, Obis], set[int]] = {}

    def hold(self, meter: MeterId, blocks: Sequence[MeterRows], begun: float, ended: float) -> None:
        """Compare everything that a poll booked; note what is wrong."""
        serial = meter.serial
        for block in blocks:
            for row in block.rows:
                ts = row[0] or 0
                names = [(each.obis, each.attribute) for each in block.columns]
                values: Values = dict(zip(names, row[2:], strict=True))
                if block.profile in {None, INSTANTANEOUS_PROFILE}:
                    self._hold_registers(serial, ts, values, begun, ended)
                elif block.profile is not None:
                    if block.profile in EVENT_PROFILES:
                        values[self._names(serial, block.profile)[0]] = row[1]
                    self._hold_row(serial, block.profile, ts, values, ended)

    def _hold_registers(
        self, serial: str, ts: int, values: Values, begun: float, ended: float
    ) -> None:
        meter = self._estate.meter(serial)
        self.registers += 1
        first, last = (datetime.fromtimestamp(each, UTC) for each in (begun, ended + 1))
        right = int(begun) <= ts <= ended + 1
        for (obis, _), raw in values.items():
            if obis.d != CUMULATIVE:
                continue  # a voltage or a current of this moment
            low, high = (meter.register_at(obis, each) for each in (first, last))
            right = right and isinstance(raw, int) and low <= raw <= high
        if not right:
            asked = f"asked from {begun:.1f} to {ended:.1f}"
            self.wrong.append(f"{serial}: registers at {ts}, {asked}: {values}")

    def _hold_row(self, serial: str, profile: Obis, ts: int, values: Values, ended: float) -> None:
        self.rows += 1
        self.booked.setdefault((serial, profile), set()).add(ts)
        true = self._day(serial, profile, ts // 86400).get(ts, [])
        if ts > ended or not any(values.items() <= row.items() for row in true):
            self.wrong.append(f"{serial}: {profile} at {ts}: {values}, truly {true}")

    def _names(self, serial: str, profile: Obis) -> list[tuple[Obis, int]]:
        captured = self._estate.meter(serial).columns(profile)[1:]
        return [
            (obis, REACHED_AT if attribute == REACHED_AT else 2) for _, obis, attribute in captured
        ]

    def _day(self, serial: str, profile: Obis, day: int) -> dict[int, list[Values]]:
        key = (serial, profile, day)
        if key not in self._days:
            start = datetime.fromtimestamp(day * 86400, UTC)
            names = self._names(serial, profile)
            found: dict[int, list[Values]] = {}
            meter = self._estate.meter(serial)
            booked = partial(_as_booked, meter.dial)
            rows = meter.rows(profile, start, start + timedelta(seconds=86399))
            for row in rows:
                values = dict(zip(names, map(booked, row.values), strict=True))
                found.setdefault(int(row.ts.timestamp()), []).append(values)
            self._days[key] = found
        return self._days[key]

    def gaps(self, serial: str, profile: Obis) -> list[int]:
        """Return the steps between the booked rows of a profile that are no capture period."""
        stamps = sorted(self.booked.get((serial, profile), ()))
        period = self._estate.meter(serial).spec.capture_period_s
        return [b - a for a, b in pairwise(stamps) if b - a != period]


def _as_booked(dial: Dial, value: object) -> object:
    """Return a captured value as it is booked: a time, as the meter writes it, in seconds."""
    return dial.seconds(value[2:], upper=False) if isinstance(value, bytes) else value


def whole_cycles(begun: float, ended: float) -> set[int]:
    """Return the cycles that lie wholly within a time."""
    return set(range(cycle_of(begun) + 1, cycle_of(ended)))
