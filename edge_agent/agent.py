# SPDX-License-Identifier: GPL-2.0-only
"""The agent: one gateway's threads and their end.

A thread for each bus polls its meters into the spool (`worker`), and one thread publishes
(`publish`). The thread that called `Agent.run` seals, prunes and logs the status when they are due.
Only a spool that fails ends the service.

In: the settings. Out: a spool that fills and empties, until a stop is asked for. Owns the threads.
Never: a protocol, a message format, a decision about order.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from edge_agent.bus import Bus
from edge_agent.commands.desk import CommandDesk
from edge_agent.commands.log import CommandLog
from edge_agent.errors import SpoolError, SpoolFull
from edge_agent.gateway_clock import Timekeeper
from edge_agent.health import Health
from edge_agent.logs import kept_lines
from edge_agent.meters import model
from edge_agent.operate.own_status import OwnStatus, package_version
from edge_agent.operate.readiness import require_ready
from edge_agent.operate.service_manager import LONGEST_STOP_S, START_S, Reports, ServiceManager
from edge_agent.poll.local_time import winter_offset_min
from edge_agent.publish.check import check_broker
from edge_agent.publish.publisher import Publisher
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool import file, own_clock
from edge_agent.spool.sealer import Sealer
from edge_agent.spool.spool import Spool
from edge_agent.spool.succession import Succession, keys_in_turn
from edge_agent.spool.volatile import VolatileReadings
from edge_agent.watchdog import Watchdog
from edge_agent.worker.shared import Shared
from edge_agent.worker.worker import BusWorker
from shared_schema.message import MeterId
from shared_schema.signing import SigningKey

STOP_S = 5.0
"""How long a thread may take to end: a meter is still told that the session is over."""
LOOK_S = 0.2
STATUS_LOG_S = 900.0
PRUNE_S = 3600.0
_log = logging.getLogger(__name__)


class Agent:
    """One gateway. Make it, then `run` it once."""

    def __init__(self, settings: AgentSettings, manager: ServiceManager | None = None) -> None:
        """Read every file that the settings name and open the spool.

        Args:
            settings: the gateway's.
            manager: hears how the agent is; None: nobody.

        Raises:
            ConfigurationError: a file, a model or a password cannot be used.
            SpoolError: the spool cannot be opened.
        """
        self.settings = settings
        self._manager = ServiceManager() if manager is None else manager
        self._manager.tell(status="opening the spool", more_s=START_S)
        self._watchdog = Watchdog()
        require_ready(settings)
        cloud_key = settings.cloud_key()
        _tell_zones(settings)
        key, next_key = keys_in_turn(settings)
        self.health = Health(meter.label for bus in settings.buses for meter in bus.meters)
        self._failure: BaseException | None = None
        self._workers: list[BusWorker] = []
        self.spool = Spool.open(settings.spool, max_bytes=settings.spool_max_bytes)
        self.sealer = Sealer(
            self.spool, gateway=settings.gateway, key=key, gather_s=settings.gather_s
        )
        self._volatile = VolatileReadings(settings.gateway, key)
        self._succession = (
            None
            if next_key is None
            else Succession(
                self.spool, gateway=settings.gateway, keys=(key, next_key), take=self._sign_with
            )
        )
        with self.spool.reading() as database:
            believed = own_clock.believed(database)
        self._clock = Timekeeper(
            assume_synchronised=settings.assume_synchronised_clock,
            before=believed,
            keep=partial(own_clock.keep, self.spool),
        )
        try:
            self.desk = CommandDesk(
                settings,
                cloud_key,
                CommandLog(self.spool),
                known=self._meter_at,
                is_synchronised=self._clock.is_synchronised,
                seal=self.sealer.seal,
                diagnose=self._diagnosis,
            )
            self.publisher = Publisher(
                self.spool,
                settings.broker,
                gateway=settings.gateway,
                cloud_key=cloud_key,
                status=OwnStatus(settings, self.spool, self.health, self._clock).make,
                on_command=self.desk.take,
                volatile=self._volatile.take,
                part=self._watchdog.part("publisher"),
            )
        except BaseException:
            self.spool.close()
            raise

    def run(self, stop: threading.Event) -> None:
        """Poll and publish until ``stop`` is set, then end within seconds.

        Raises:
            SpoolError: the spool failed; what is in it stays.
        """
        self.sealer.seal()  # what the run before left
        self._tell_start()
        self.desk.recover()
        ended = threading.Event()
        shared = Shared(
            self.settings,
            self.spool,
            self.health,
            self._clock.is_synchronised,
            self.desk,
            is_kept=self._clock.is_kept,
            is_vouched=self._clock.is_vouched,
            jump=lambda: self._clock.jump,
            volatile=self._volatile,
            watchdog=self._watchdog,
        )
        self._workers = [BusWorker(shared, bus) for bus in self.settings.buses]
        threads = [
            self._thread(f"bus-{bus.name}", worker.run, stop, ended)
            for bus, worker in zip(self.settings.buses, self._workers, strict=True)
        ]
        threads.append(self._thread("publish", self.publisher.run, stop, ended))
        for thread in threads:
            thread.start()
        try:
            self._watch(stop, ended)
        finally:
            stop.set()
            self._manager.tell(STOPPING=1, status="stopping", more_s=LONGEST_STOP_S)
            deadline = time.monotonic() + STOP_S
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(SpoolError):  # the next start seals it
                self.sealer.seal()
            self.spool.close()
            _log.info("stopped", extra={"action": "stopped"})
        if self._failure is not None:
            raise self._failure

    def _diagnosis(self) -> str:
        """Make the gateway's diagnosis for the cloud."""
        from edge_agent.operate.diagnosis import Asked, diagnose, to_send  # noqa: PLC0415 - rare

        meters = self.health.meters().items()
        running = {
            "workers": list(map(repr, self._workers)),
            "publisher": repr(self.publisher),
            "desk": repr(self.desk),
            "clock": repr(self._clock),
            "meters": [{"label": label, **asdict(each)} for label, each in meters],
        }
        return to_send(diagnose(self.settings, Asked(datetime.now(UTC), kept_lines(), running)))

    def _sign_with(self, key: SigningKey) -> None:
        self.sealer.sign_with(key)
        self._volatile.sign_with(key)

    def _meter_at(self, bus: BusConfig, meter: MeterConfig) -> MeterId | None:
        return self.spool.known_meter(bus.name, meter.address, meter.logical_address)

    def _thread(
        self,
        name: str,
        work: Callable[[threading.Event], None],
        stop: threading.Event,
        ended: threading.Event,
    ) -> threading.Thread:
        def run() -> None:
            try:
                work(stop)
            except BaseException as error:
                if not stop.is_set():
                    self._failure = error
            finally:
                ended.set()

        return threading.Thread(target=run, name=name, daemon=True)

    def _watch(self, stop: threading.Event, ended: threading.Event) -> None:
        status_at = time.monotonic() + STATUS_LOG_S
        prune_at = time.monotonic()
        reports = Reports(self._manager, self._watchdog, time.monotonic())
        while not stop.wait(LOOK_S):
            if ended.is_set():
                return
            now = time.monotonic()
            self.sealer.seal_due(now)
            reports.look(now, self._state)
            if self._succession is not None and self._clock.is_synchronised():
                self._succession.look(datetime.now(UTC))
            if now >= status_at:
                status_at = now + STATUS_LOG_S
                self._tell_status()
            if now >= prune_at and self._clock.is_synchronised():
                prune_at = now + PRUNE_S
                with contextlib.suppress(SpoolFull):  # `append` tells it
                    self.spool.prune(datetime.now(UTC), self.settings.keep)
                    CommandLog(self.spool).prune(datetime.now(UTC))

    def _state(self) -> str:
        """Return the agent's state in one line."""
        summary = self.health.summary()
        link = "connected" if self.publisher.connected.is_set() else "not connected"
        waits = (
            "" if self._clock.is_synchronised() else "; no meter is read before the clock is set"
        )
        return (
            f"{summary.answering} of {summary.meters} meters answer, "
            f"{self.spool.pending().total} batches wait, {link} to the broker{waits}"
        )

    def _tell_start(self) -> None:
        if self.spool.set_aside is not None:
            _log.error(
                "the spool could not be used and was set aside; a new stream begins, without the "
                "readings that the cloud did not have yet",
                extra={
                    "action": "spool_set_aside",
                    "file": str(self.spool.set_aside),
                    "reason": self.spool.set_aside_because,
                },
            )
        pending = self.spool.pending()
        _log.info(
            "started",
            extra={
                "action": "started",
                "gateway": self.settings.gateway,
                "version": package_version(),
                "buses": len(self.settings.buses),
                "meters": self.health.summary().meters,
                "stream": str(self.spool.stream),
                "waiting": pending.total,
            },
        )

    def _tell_status(self) -> None:
        summary = self.health.summary()
        pending = self.spool.pending()
        _log.info(
            "status",
            extra={
                "action": "status",
                "connected": self.publisher.connected.is_set(),
                "meters": summary.meters,
                "answering": summary.answering,
                "behind": summary.behind,
                "silent": list(summary.failing)[:20],
                "clocks": list(summary.clocks[:20]),
                "polls": summary.polls,
                "failed_polls": summary.failed_polls,
                "waiting_live": pending.live,
                "waiting_backlog": pending.backlog,
                "not_receipted": self.publisher.flight.aside,
                "sent": self.publisher.sent,
                "receipts": self.publisher.receipts,
            },
        )


def _tell_zones(settings: AgentSettings) -> None:
    """Log which meters' models have another zone than the society."""
    offset_min = winter_offset_min(ZoneInfo(settings.zone), datetime.now(UTC).year)
    for bus in settings.buses:
        for meter in bus.meters:
            its_model = model.load(meter.model, meter.models_dir)
            if offset_min != its_model.zone_offset_min:
                _log.warning(
                    "a meter's model has another zone than the society: check zone_offset_min, "
                    "or the times of its rows are shifted",
                    extra={
                        "action": "zone_differs",
                        "meter": meter.label,
                        "model": meter.model,
                        "zone": settings.zone,
                        "model_offset_min": its_model.zone_offset_min,
                    },
                )


def check(settings: AgentSettings) -> list[str]:
    """Try everything that `Agent` will use, once, and change nothing.

    The ports of an agent that runs are left to it.

    Returns:
        What works, a line each.

    Raises:
        ConfigurationError: the first thing that does not, and what to do.
        SpoolError: the spool is damaged, or cannot be read.
    """
    require_ready(settings)
    _tell_zones(settings)
    done = ["keys, models and passwords can be used"]
    state = file.inspect(settings.spool)
    done.append(f"spool {settings.spool}: {state.value}")
    is_running = state is file.State.IN_USE
    check_broker(settings.broker, settings.gateway, datetime.now(UTC), is_running=is_running)
    host, port = settings.broker.address
    done.append(f"broker {host}:{port} takes the login")
    for config in settings.buses:
        meters = f"{len(config.meters)} meters set"
        if is_running:
            done.append(f"bus {config.name}: left to the agent that runs, {meters}")
            continue
        with Bus(config):
            done.append(f"bus {config.name}: {config.port} opens, {meters}")
    return done
