# SPDX-License-Identifier: GPL-2.0-only
"""One bus at work: its meters are polled one after the other, as the schedule says.

In: the settings of a bus, and what the buses share. Out: rows in the spool, the health of each
meter, the log. Owns the bus, what the schedule knows of its meters, and their refusals.
It gets over whatever a meter, an adapter or a file of it does; only a spool that fails ends it.
Never: a decision about order, a protocol: those are `schedule` and `poll`.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from edge_agent.clock.keeper import ClockKeeper
from edge_agent.commands.backfill import read_window
from edge_agent.commands.desk import Job, Orders
from edge_agent.dlms.invocation_counter import Counters
from edge_agent.dlms.session import probe
from edge_agent.errors import (
    BusError,
    BusLost,
    BusTimeout,
    ConfigurationError,
    MeterError,
    PasswordRefused,
    SpoolError,
    SpoolFull,
)
from edge_agent.gateway_clock import kernel_synchronised
from edge_agent.health import Health
from edge_agent.meters.model import load
from edge_agent.poll.finding import words
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import peer, sessions
from edge_agent.settings import AgentSettings, BusConfig, MeterConfig
from edge_agent.spool.counters import SpoolCounters
from edge_agent.spool.gateway_events import Observer
from edge_agent.spool.read_failures import Reasons
from edge_agent.spool.refused_secrets import Refusals, secret_files
from edge_agent.spool.spool import Spool
from edge_agent.worker.adapter import Adapter, StoppableBus
from edge_agent.worker.book import Booking
from edge_agent.worker.schedule import (
    Failure,
    Kind,
    MeterState,
    Poll,
    Wait,
    all_silent,
    awakened,
    failed,
    next_action,
    released,
    succeeded,
)
from shared_schema.catalogue import EVENT_PROFILES
from shared_schema.gateway import CommandKind
from shared_schema.message import MeterId
from shared_schema.obis import Obis

TIME_CHECK_S: Final = 10.0
LONGEST_WAIT_S: Final = 1.0
"""A command is seen that soon."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all buses of a gateway use."""

    settings: AgentSettings
    spool: Spool
    health: Health
    is_synchronised: Callable[[], bool]
    """Whether the gateway's time may stamp readings."""
    orders: Orders
    is_kept: Callable[[], bool] = kernel_synchronised
    """Whether a time service keeps the gateway's time now, so that it may set other clocks."""


class BusWorker:
    """Polls the meters of one bus."""

    def __init__(
        self,
        shared: Shared,
        config: BusConfig,
        *,
        bus: StoppableBus | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look up what earlier runs kept of the meters; open nothing.

        Args:
            shared: what the buses of the gateway share.
            config: the bus.
            bus: another line, in tests.
            wall: the time, seconds since 1970.
            monotonic: a clock that nobody sets, in seconds.

        Raises:
            SpoolError: the spool fails.
        """
        self._shared = shared
        self._config = config
        self._bus = StoppableBus(config) if bus is None else bus
        self._wall = wall
        self._monotonic = monotonic
        self._cycle_s = float(shared.settings.poll_period_s)
        self._meters = {meter.label: meter for meter in config.meters}
        self._states = {label: MeterState(label) for label in self._meters}
        self._memory = Memory()
        self._adapter = Adapter(monotonic)
        self._told_clock = False
        self._reasons = Reasons(shared.spool, config.name)
        self._refusals = Refusals(shared.spool, config.name)
        self._counters = Counters(SpoolCounters(shared.spool), shared.settings.gateway, config.name)
        observer = Observer(shared.spool)
        self._booking = Booking(shared.spool, observer, config.name)
        self._clocks = ClockKeeper(
            shared.spool,
            config,
            shared.settings.clocks,
            shared.health,
            observer,
            is_kept=shared.is_kept,
        )
        for meter in config.meters:
            if self._refusals.recall(meter):
                self._failed(meter, f"{meter.label} refused this password before", Failure.REFUSED)

    def run(self, stop: threading.Event) -> None:
        """Poll until ``stop`` is set.

        Raises:
            SpoolError: the spool fails.
        """
        self._bus.stop = stop
        try:
            while not stop.is_set():
                stop.wait(self.step())
        finally:
            self._bus.close()

    def step(self) -> float:
        """Do one thing; return how long to wait before the next, in seconds.

        Raises:
            SpoolError: the spool fails.
        """
        now = self._wall()
        # Asked after the time was taken: a clock that jumps in between is seen.
        if not self._shared.is_synchronised():
            if not self._told_clock:
                self._told_clock = True
                self._log(
                    logging.WARNING,
                    "waiting for the clock to be synchronised before meters are read",
                    "clock_awaited",
                )
            return TIME_CHECK_S
        self._told_clock = False
        self._release_changed()
        self._reopen_silent()
        action = next_action(self._states.values(), now, self._cycle_s)
        live = isinstance(action, Poll) and action.kind is Kind.LIVE
        job = self._shared.orders.next(self._config.name, only_urgent=live)
        if job is not None:
            return self._serve(job, now)
        clock_of = None if live else self._clocks.due(now)
        if clock_of is not None:
            return self._set_clock(clock_of, now)
        if isinstance(action, Wait):
            return min(LONGEST_WAIT_S, max(0.05, action.until - now))
        return self._poll(self._meters[action.label], action, now)

    # ---------------------------------------------------------- what the cloud asked for

    def _serve(self, job: Job, now: float) -> float:
        """Do what is next of a command at one meter; it is answered when nothing is left."""
        kind = job.command.kind
        if self._states[job.meter.label].refused:
            self._done(job, "it refused its password; it is not tried with the same again")
        elif kind is CommandKind.READ_NOW:
            return self._read_now(job, now)
        elif kind is CommandKind.BACKFILL:
            return self._fill(job, now)
        elif kind is CommandKind.SET_CLOCK:
            return self._set_clock(job.meter, now, job)
        elif _has_logs(job.meter):
            return self._read_now(job, now, EVENT_PROFILES)
        else:
            self._done(job, f"meters of model {job.meter.model} have no event logs")
        return 0.0

    def _set_clock(self, meter: MeterConfig, now: float, job: Job | None = None) -> float:
        """Set a clock that is due, or that the cloud asks for."""
        spool = self._shared.spool
        known = spool.known_meter(self._config.name, meter.address, meter.logical_address)
        try:
            outcome = self._clocks.set(meter, sessions(self._bus, self._counters), now, known)
        except BusLost as error:
            if self._bus.broken_off:
                return 0.0
            if job is not None:
                self._done(job, str(error))
            return self._lost(str(error))
        self._stands()
        if job is not None and outcome.until is not None:
            job.until = outcome.until
        elif job is not None:
            self._done(job, str(outcome), worked=outcome.worked)
        return 0.0

    def _read_now(self, job: Job, now: float, forced: Collection[Obis] = ()) -> float:
        label = job.meter.label
        before = self._shared.health[label]
        rest_s = self._poll(job.meter, Poll(label, Kind.LIVE), now, forced)
        after = self._shared.health[label]
        if not self._bus.broken_off:
            polled = after.polls > before.polls
            problems = after.problems if polled else (self._adapter.reason or "it was not read",)
            worked = polled and after.failures == 0 and after.unread.isdisjoint(forced)
            self._done(job, "; ".join(problems), worked=worked)
        return rest_s

    def _fill(self, job: Job, now: float) -> float:
        try:
            last = read_window(
                job,
                sessions(self._bus, self._counters),
                self._shared.spool,
                now,
                lambda result: self._booking.fill(result, now),
            )
        except PasswordRefused as error:
            self._refused(job.meter, str(error))
            self._done(job, str(error))
        except (BusError, MeterError, ConfigurationError, SpoolFull) as error:
            if self._bus.broken_off:
                return 0.0
            self._done(job, f"after {job.rows} rows: {error}")
            return self._lost(str(error)) if isinstance(error, BusLost) else 0.0
        except SpoolError:
            raise
        except Exception as error:
            _log.exception(
                "a back-fill broke off by a mistake in this program",
                extra={"action": "fill_broken", "bus": self._config.name, "meter": job.meter.label},
            )
            self._done(job, f"after {job.rows} rows: {type(error).__name__} in edge-agent")
        else:
            if last:
                self._done(job, job.detail, worked=job.worked)
        return 0.0

    def _done(self, job: Job, detail: str, *, worked: bool = False) -> None:
        self._shared.orders.done(self._config.name, job, worked=worked, detail=detail)

    def _poll(
        self, meter: MeterConfig, action: Poll, now: float, forced: Collection[Obis] = ()
    ) -> float:
        begun = self._monotonic()
        try:
            if action.kind is Kind.PROBE and not probe(
                self._bus, peer(meter, load(meter.model, meter.models_dir))
            ):
                raise BusTimeout(f"{meter.label} does not answer")  # noqa: TRY301
            now += self._monotonic() - begun  # a probe takes its time
            result = self._read(meter, action, now, forced)
        except SpoolError:
            raise
        except BusLost as error:
            return 0.0 if self._bus.broken_off else self._lost(str(error))
        except PasswordRefused as error:
            self._stands()
            self._refused(meter, str(error))
        except (BusError, MeterError, ConfigurationError) as error:
            if not self._bus.broken_off:
                self._stands()
                self._failed(meter, str(error), Failure.SILENT)
        except Exception as error:
            _log.exception(
                "a poll broke off by a mistake in this program",
                extra={"action": "poll_broken", "bus": self._config.name, "meter": meter.label},
            )
            self._failed(meter, f"{type(error).__name__} in edge-agent", Failure.SILENT)
        else:
            self._stands()
            self._succeeded(meter, action, result, now, self._monotonic() - begun)
        return 0.0

    def _read(
        self, meter: MeterConfig, action: Poll, now: float, forced: Collection[Obis]
    ) -> PollResult:
        spool = self._shared.spool
        known = spool.known_meter(self._config.name, meter.address, meter.logical_address)
        result = poll(
            sessions(self._bus, self._counters),
            meter,
            spool.watermarks,
            datetime.fromtimestamp(now, UTC),
            captures_of=spool.captures,
            memory=self._memory,
            known=known,
            windows=action.windows,
            registers=action.kind is not Kind.BACK_FILL,
            forced=forced,
            monotonic=self._monotonic,
        )
        if result.meter != known:
            self._note_identity(meter, result.meter, changed=known is not None)
        return result

    def _succeeded(
        self, meter: MeterConfig, action: Poll, result: PollResult, now: float, took_s: float
    ) -> None:
        kept = self._booking.keep(meter, result, now)
        before = self._states[meter.label]
        filled = action.kind is Kind.BACK_FILL and not result.caught_up
        self._states[meter.label] = succeeded(
            before,
            self._wall(),
            live=action.kind is not Kind.BACK_FILL,
            caught_up=result.caught_up or not kept,
            window_s=took_s / action.windows if filled else None,
            cycle_s=self._cycle_s,
        )
        self._adapter.heard()
        if before.failures:
            self._awaken()  # what hid this one may have hidden others
        self._tell_read(meter, result, now)
        if not result.confirmed:  # its registers are still to be read in this cycle
            self._failed(meter, f"{meter.label} fell silent within a poll", Failure.SILENT)

    # --------------------------------------------------- the adapter, and passwords

    def _lost(self, reason: str) -> float:
        """Let the bus rest, not its meters: they did nothing wrong."""
        self._log(
            logging.DEBUG if reason == self._adapter.reason else logging.WARNING,
            "the adapter is away; it is tried again",
            "bus_lost",
            reason=reason,
        )
        rest_s = self._adapter.lost(reason)
        if self._adapter.losses > 1:
            self._shared.health.lost(self._meters, reason)
            self._reasons.note(self._meters.values(), reason)
        return rest_s

    def _stands(self) -> None:
        """Note that the adapter is there; after it was away every meter is tried at once."""
        if self._adapter.stands(self._bus.reopened):
            self._log(logging.INFO, "the adapter is back", "bus_back")
            self._awaken()

    def _awaken(self) -> None:
        now = self._wall()
        self._states = {label: awakened(state, now) for label, state in self._states.items()}

    def _reopen_silent(self) -> None:
        """Close the port of a bus on which nobody answers: some adapters hang after weeks."""
        if not (self._adapter.is_silent() and all_silent(self._states.values())):
            return
        self._log(
            logging.DEBUG if self._adapter.hung else logging.WARNING,
            "no meter of the bus answers; its port is closed and opened again",
            "bus_reopened",
        )
        self._bus.close()
        self._adapter.opened_anew()
        self._awaken()

    def _refused(self, meter: MeterConfig, reason: str) -> None:
        self._failed(meter, reason, Failure.REFUSED)
        try:
            self._refusals.note(meter)
        except (SpoolFull, ConfigurationError) as error:
            self._log(
                logging.ERROR,
                "that a password was refused is not kept: do not restart before it is right",
                "refusal_not_kept",
                meter=meter.label,
                reason=str(error),
            )

    def _release_changed(self) -> None:
        """Try the meters again whose password was changed."""
        for label in self._refusals.changed():
            self._states[label] = released(self._states[label])
            self._log(
                logging.INFO,
                "a meter has another password and is tried again",
                "meter_released",
                meter=label,
            )

    # ------------------------------------------------------------------- what was read

    def _note_identity(self, meter: MeterConfig, found: MeterId, *, changed: bool) -> None:
        self._log(
            logging.WARNING if changed else logging.INFO,
            "another meter answers at this address" if changed else "a meter answers",
            "meter_changed" if changed else "meter_found",
            meter=meter.label,
            address=meter.address,
            identity=str(found),
        )

    def _tell_read(self, meter: MeterConfig, result: PollResult, now: float) -> None:
        if result.clock_offset_s is not None and result.confirmed:
            self._clocks.compared(meter, result.meter, now, result.clock_offset_s)
        problems = tuple(map(words, result.findings))
        before = self._shared.health.read(
            meter.label,
            self._wall(),
            caught_up=result.caught_up,
            problems=problems,
            unread=result.unread,
            clock_offset_s=result.clock_offset_s,
        )
        self._reasons.note([meter], None)
        if before.failures:
            self._log(
                logging.INFO,
                "a meter answers again",
                "meter_back",
                meter=meter.label,
                failures=before.failures,
            )
        if problems and problems != before.problems:
            self._log(
                logging.WARNING,
                "a meter was read with problems",
                "meter_problems",
                meter=meter.label,
                problems=list(problems),
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
        self._states[meter.label] = failed(self._states[meter.label], self._wall(), failure)
        before = self._shared.health.failed(meter.label, reason)
        self._reasons.note([meter], reason)
        if failure is Failure.REFUSED:
            files = ", ".join(map(str, secret_files(meter))) or "no password file is set"
            self._log(
                logging.ERROR,
                "a meter refused its password; so that it does not lock, it is not tried again "
                "before the file holds another one",
                "meter_refused",
                meter=meter.label,
                file=files,
                reason=reason,
            )
            return
        repeated = before.failures > 0 and before.problems == (reason,)
        self._log(
            logging.DEBUG if repeated else logging.WARNING,
            "a meter was not read",
            "meter_failed",
            meter=meter.label,
            reason=reason,
        )

    def _log(self, level: int, message: str, action: str, **extra: object) -> None:
        _log.log(level, message, extra={"action": action, "bus": self._config.name, **extra})


def _has_logs(meter: MeterConfig) -> bool:
    profiles = load(meter.model, meter.models_dir).profiles
    return any(each.obis in EVENT_PROFILES for each in profiles)
