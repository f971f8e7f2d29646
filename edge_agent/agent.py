# SPDX-License-Identifier: GPL-2.0-only
"""The service: a thread for each bus polls its meters into the spool; one thread publishes.

In: the settings. Out: a spool that fills and empties, until it is told to stop.
It owns the threads and their end. A meter, a bus or a broker that fails is logged and tried
again; only a spool that fails ends the service.
Never: a protocol, a message format, a decision about order: those are `poll`, `shared_schema`
and `schedule`.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from edge_agent import clock, model
from edge_agent.bus import Bus
from edge_agent.errors import (
    BusError,
    BusLost,
    ConfigurationError,
    MeterError,
    PasswordRefused,
)
from edge_agent.health import Health
from edge_agent.link import Memory, peer, sessions
from edge_agent.poll import PollResult, poll
from edge_agent.publish import Publisher, check_broker
from edge_agent.schedule import (
    CYCLE_S,
    Failure,
    MeterState,
    Poll,
    failed,
    next_action,
    succeeded,
)
from edge_agent.settings import AgentSettings, BusConfig, MeterConfig
from edge_agent.spool import Spool, SpoolFull
from shared_schema.gateway import Status

STOP_S = 5.0
"""How long a thread may take to end: a meter is still told that the session is over."""
STATUS_LOG_S = 900.0
PRUNE_S = 3600.0
TIME_CHECK_S = 10.0
LONGEST_WAIT_S = 60.0
_log = logging.getLogger(__name__)


class Agent:
    """One gateway. Make it, then `run` it once."""

    def __init__(self, settings: AgentSettings) -> None:
        """Read every file that the settings name and open the spool.

        Raises:
            ConfigurationError: a file, a model or a password cannot be used.
            SpoolError: the spool cannot be opened.
        """
        self.settings = settings
        self.key = settings.signing_key()
        cloud_key = settings.cloud_key()
        check_meters(settings)
        self.health = Health(meter.label for bus in settings.buses for meter in bus.meters)
        self._synchronised = False
        self._failure: BaseException | None = None
        self.spool = Spool.open(settings.spool, max_bytes=settings.spool_max_mb * 1024 * 1024)
        try:
            self.publisher = Publisher(
                self.spool,
                settings.broker,
                gateway=settings.gateway,
                cloud_key=cloud_key,
                status=self.status,
            )
        except BaseException:
            self.spool.close()
            raise

    def run(self, stop: threading.Event) -> None:
        """Poll and publish until ``stop`` is set, then end within seconds.

        Raises:
            SpoolError: the spool failed; what is in it stays.
        """
        self._tell_start()
        ended = threading.Event()
        threads = [
            self._thread(f"bus-{bus.name}", BusWorker(self, bus).run, stop, ended)
            for bus in self.settings.buses
        ]
        threads.append(self._thread("publish", self.publisher.run, stop, ended))
        for thread in threads:
            thread.start()
        try:
            self._watch(stop, ended)
        finally:
            stop.set()
            deadline = time.monotonic() + STOP_S
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            self.spool.close()
            _log.info("stopped", extra={"action": "stopped"})
        if self._failure is not None:
            raise self._failure

    def is_synchronised(self) -> bool:
        """Tell whether the gateway's time may stamp readings; once it may, it stays so.

        A clock that was set drifts by seconds in days, whatever the kernel says of a long
        loss of the uplink.
        """
        self._synchronised = self._synchronised or clock.is_synchronised(
            assume_synchronised=self.settings.assume_synchronised_clock
        )
        return self._synchronised

    def status(self, session: UUID, state: Literal["online", "offline"]) -> Status:
        """Make the status of this moment."""
        summary = self.health.summary()
        return Status(
            gateway=self.settings.gateway,
            session=session,
            state=state,
            at=datetime.now(UTC),
            version=_version(),
            clock_synchronised=self.is_synchronised(),
            meters=summary.meters,
            meters_answering=summary.answering if summary.polls else None,
            meters_behind=summary.behind,
            spooled=self.spool.pending().total,
        )

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
        while not stop.wait(0.2):
            if ended.is_set():
                return
            now = time.monotonic()
            if now >= status_at:
                status_at = now + STATUS_LOG_S
                self._tell_status()
            if now >= prune_at and self.is_synchronised():
                prune_at = now + PRUNE_S
                with contextlib.suppress(SpoolFull):  # `append` tells it
                    self.spool.prune(datetime.now(UTC), self.settings.keep)

    def _tell_start(self) -> None:
        if self.spool.set_aside is not None:
            _log.error(
                "the spool could not be used and was set aside; a new stream begins",
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
                "version": _version(),
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
                "silent": list(summary.silent[:20]),
                "polls": summary.polls,
                "failed_polls": summary.failed_polls,
                "waiting_live": pending.live,
                "waiting_backlog": pending.backlog,
                "not_receipted": self.publisher.flight.aside,
                "sent": self.publisher.sent,
                "receipts": self.publisher.receipts,
            },
        )


class BusWorker:
    """Polls the meters of one bus, one after the other, as the schedule says."""

    def __init__(self, agent: Agent, config: BusConfig) -> None:
        self._agent = agent
        self._config = config
        self._meters = {meter.label: meter for meter in config.meters}
        self._states = {label: MeterState(label) for label in self._meters}
        self._memory = Memory()
        # The schedule counts in quarter hours; another period is another pace of its clock.
        self._pace = CYCLE_S / agent.settings.poll_period_s

    def run(self, stop: threading.Event) -> None:
        """Poll until ``stop`` is set.

        Raises:
            SpoolError: the spool fails.
        """
        told = False
        with _StoppableBus(self._config, stop) as bus:
            while not stop.is_set():
                if not self._agent.is_synchronised():
                    if not told:
                        told = True
                        self._log(
                            logging.WARNING,
                            "waiting for the clock to be synchronised before meters are read",
                            "clock_awaited",
                        )
                    stop.wait(TIME_CHECK_S)
                    continue
                now = time.time()
                action = next_action(self._states.values(), now * self._pace)
                if isinstance(action, Poll):
                    self._poll(bus, self._meters[action.label], live=action.live)
                else:
                    rest = action.until / self._pace - now
                    stop.wait(min(LONGEST_WAIT_S, max(0.05, rest)))

    def _poll(self, bus: "_StoppableBus", meter: MeterConfig, *, live: bool) -> None:
        spool = self._agent.spool
        known = spool.known_meter(self._config.name, meter.address, meter.logical_address)
        marks = spool.watermarks(known) if known else {}
        now = datetime.now(UTC)
        try:
            result = poll(
                sessions(bus),
                meter,
                marks,
                now,
                memory=self._memory,
                known=known,
                registers=live,
            )
        except (BusError, MeterError, ConfigurationError) as error:
            if not bus.broken_off:
                refused = isinstance(error, PasswordRefused)
                self._failed(meter, str(error), Failure.REFUSED if refused else Failure.SILENT)
            return
        except Exception as error:
            _log.exception(
                "a poll broke off by a mistake in this program",
                extra={"action": "poll_broken", "bus": self._config.name, "meter": meter.label},
            )
            self._failed(meter, f"{type(error).__name__} in edge-agent", Failure.SILENT)
            return
        if result.meter != known:
            self._note_identity(meter, result.meter, known is not None)
        kept = self._keep(meter, result, now)
        self._states[meter.label] = succeeded(
            self._states[meter.label],
            time.time() * self._pace,
            live=live,
            caught_up=result.caught_up or not kept,
        )
        self._tell_read(meter, result)

    def _note_identity(self, meter: MeterConfig, found: object, changed: bool) -> None:  # noqa: FBT001
        self._log(
            logging.WARNING if changed else logging.INFO,
            "another meter answers at this address" if changed else "a meter answers",
            "meter_changed" if changed else "meter_found",
            meter=meter.label,
            address=meter.address,
            identity=str(found),
        )

    def _keep(self, meter: MeterConfig, result: PollResult, now: datetime) -> bool:
        """Spool what was read; False where it cannot be kept and is read again next cycle."""
        spool = self._agent.spool
        try:
            spool.append(
                result.meter,
                result.rows,
                watermarks=result.watermarks,
                created_at=now,
                historical=result.historical,
                gateway=self._agent.settings.gateway,
                key=self._agent.key,
            )
            spool.remember_meter(
                result.meter, self._config.name, meter.address, meter.logical_address
            )
        except (SpoolFull, MeterError) as error:
            self._log(
                logging.ERROR,
                "what was read is not kept",
                "not_kept",
                meter=meter.label,
                reason=str(error),
            )
            return False
        return True

    def _tell_read(self, meter: MeterConfig, result: PollResult) -> None:
        before = self._agent.health.read(
            meter.label,
            time.time(),
            caught_up=result.caught_up,
            problems=result.problems,
            clock_offset_s=result.clock_offset_s,
        )
        if before.failures:
            self._log(
                logging.INFO,
                "a meter answers again",
                "meter_back",
                meter=meter.label,
                failures=before.failures,
            )
        if result.problems and result.problems != before.problems:
            self._log(
                logging.WARNING,
                "a meter was read with problems",
                "meter_problems",
                meter=meter.label,
                problems=list(result.problems),
            )
        self._log(
            logging.DEBUG,
            "a meter was read",
            "meter_read",
            meter=meter.label,
            rows=sum(len(part.rows) for part in result.rows),
            caught_up=result.caught_up,
            exchanges=result.exchanges,
            bytes=result.bytes_sent + result.bytes_received,
        )

    def _failed(self, meter: MeterConfig, reason: str, failure: Failure) -> None:
        self._states[meter.label] = failed(
            self._states[meter.label], time.time() * self._pace, failure
        )
        before = self._agent.health.failed(meter.label, reason)
        repeated = before.failures > 0 and before.problems == (reason,)
        self._log(
            logging.DEBUG if repeated else logging.WARNING,
            "a meter was not read",
            "meter_refused" if failure is Failure.REFUSED else "meter_failed",
            meter=meter.label,
            reason=reason,
        )

    def _log(self, level: int, message: str, action: str, **extra: object) -> None:
        _log.log(level, message, extra={"action": action, "bus": self._config.name, **extra})


class _StoppableBus(Bus):
    """A bus whose poll breaks off when the agent stops; the session may still say goodbye."""

    def __init__(self, config: BusConfig, stop: threading.Event) -> None:
        super().__init__(config)
        self._stop = stop
        self.broken_off = False

    def __enter__(self) -> "_StoppableBus":
        """Open nothing yet: an adapter that is not there is waited for, poll by poll."""
        return self

    def send(self, data: bytes) -> None:
        """Write bytes, or break off once.

        Raises:
            BusLost: the adapter is not there, or the agent stops.
        """
        if self._stop.is_set() and not self.broken_off:
            self.broken_off = True
            raise BusLost(f"bus {self.config.name}: the agent stops")
        super().send(data)


def check_meters(settings: AgentSettings) -> None:
    """Make sure that every meter's model and password can be used.

    Raises:
        ConfigurationError: one cannot.
    """
    zone = datetime.now(ZoneInfo(settings.zone)).utcoffset()
    for bus in settings.buses:
        for meter in bus.meters:
            its_model = model.load(meter.model, meter.models_dir)
            peer(meter, its_model)
            if zone is not None and zone.total_seconds() != its_model.zone_offset_min * 60:
                _log.warning(
                    "a meter's model has another time zone than the society",
                    extra={
                        "action": "zone_differs",
                        "meter": meter.label,
                        "model": meter.model,
                        "zone": settings.zone,
                        "model_offset_min": its_model.zone_offset_min,
                    },
                )


def check(settings: AgentSettings) -> list[str]:
    """Try everything that `Agent` will use, once: files, the broker, each port.

    Returns:
        What works, a line each.

    Raises:
        ConfigurationError: the first thing that does not, and what to do.
        SpoolError: the spool cannot be opened.
    """
    agent = Agent(settings)
    agent.spool.close()
    done = [f"keys, models and the spool {settings.spool} can be used"]
    check_broker(settings.broker, settings.gateway)
    host, port = settings.broker.address
    done.append(f"broker {host}:{port} takes the login")
    for config in settings.buses:
        with Bus(config):
            done.append(f"bus {config.name}: {config.port} opens, {len(config.meters)} meters set")
    return done


def _version() -> str:
    try:
        return version("iot-utility")
    except PackageNotFoundError:
        return ""
