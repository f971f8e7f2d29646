# SPDX-License-Identifier: GPL-2.0-only
"""One bus at work: its meters are polled one after the other, as the schedule says.

Each step does one thing: a poll, a job of a command, a clock to be set, or nothing. Whatever a
meter, an adapter or a file of it does, the bus goes on; only a spool that fails ends it.

In: the settings of a bus, and what the buses share. Out: rows in the spool. Owns the bus.
Never: a decision about order (`schedule`), a protocol (`poll`), an answer (`jobs`), a log line.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from edge_agent.clock.keeper import ClockKeeper
from edge_agent.clock.set import ClockOutcome
from edge_agent.commands.backfill import read_window
from edge_agent.commands.desk import Job, WindowFilled
from edge_agent.dlms.invocation_counter import Counters
from edge_agent.dlms.session import probe
from edge_agent.errors import BusLost, BusTimeout
from edge_agent.gateway_clock import steady_s
from edge_agent.meters.model import load
from edge_agent.poll.finding import words
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import peer, sessions
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.spool.counters import SpoolCounters
from edge_agent.spool.gateway_events import Observer
from edge_agent.spool.read_failures import ReadFailures
from edge_agent.spool.refused_secrets import RefusedSecrets
from edge_agent.worker.adapter import Adapter, StoppableBus
from edge_agent.worker.attempt import Done, End, Ended, T, attempt
from edge_agent.worker.book import Booking
from edge_agent.worker.jobs import JobRunner, Polled
from edge_agent.worker.journal import Journal
from edge_agent.worker.schedule import Kind, Poll, Wait
from edge_agent.worker.shared import Shared
from edge_agent.worker.states import MeterStates
from shared_schema.gateway import PollFailure
from shared_schema.message import MeterId
from shared_schema.obis import Obis

TIME_CHECK_S: Final = 10.0
LONGEST_WAIT_S: Final = 1.0
"""A command is seen that soon."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A poll that read a meter."""

    result: PollResult
    known: MeterId | None
    """The meter that answered at this place before."""
    begun: float
    """When it was begun, seconds since 1970; a probe before it takes its time."""


class BusWorker:
    """Polls the meters of one bus."""

    def __init__(
        self,
        shared: Shared,
        config: BusConfig,
        *,
        bus: StoppableBus | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = steady_s,
    ) -> None:
        """Look up what earlier runs kept of the meters; open nothing.

        Args:
            shared: what the buses of the gateway share.
            config: the bus.
            bus: another line, in tests.
            wall: the time, seconds since 1970.
            monotonic: a clock that nobody sets and that counts on while the machine sleeps.

        Raises:
            SpoolError: the spool fails.
        """
        self._shared = shared
        self._config = config
        self._bus = StoppableBus(config) if bus is None else bus
        self._bus.part = shared.watchdog.part(f"bus {config.name}", config.baudrate)
        self._wall = wall
        self._monotonic = monotonic
        self._meters = {meter.label: meter for meter in config.meters}
        self._memory = Memory()
        self._adapter = Adapter(monotonic)
        self._told_clock = False
        self._journal = Journal(config.name, shared.health, ReadFailures(shared.spool, config.name))
        self._jobs = JobRunner(config.name, shared.desk, self)
        self._states = MeterStates(
            config.meters,
            RefusedSecrets(shared.spool, config.name),
            self._journal,
            wall=wall,
            cycle_s=float(shared.settings.poll_period_s),
        )
        self._counters = Counters(SpoolCounters(shared.spool), shared.settings.gateway, config.name)
        observer = Observer(shared.spool)
        self._booking = Booking(shared.spool, observer, config.name, shared.volatile)
        self._clocks = ClockKeeper(
            shared.spool,
            config,
            shared.settings.clocks,
            shared.health,
            observer,
            is_kept=shared.is_kept,
            jump=shared.jump,
        )

    def __repr__(self) -> str:
        return (
            f"<BusWorker {self._config.name}: {self._states!r}, {self._adapter!r}, {self._bus!r}>"
        )

    def run(self, stop: threading.Event) -> None:
        """Poll until ``stop`` is set.

        Raises:
            SpoolError: the spool fails.
        """
        self._bus.stop = stop
        try:
            while not stop.is_set():
                self._bus.part.note_step()
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
                self._journal.clock_awaited()
            return TIME_CHECK_S
        self._told_clock = False
        self._memory.note_jumps(self._shared.jump().number)
        self._states.release_changed()
        self._reopen_silent()
        action = self._states.next_action(now)
        live = isinstance(action, Poll) and action.kind is Kind.LIVE
        job = self._shared.desk.next(self._config.name, only_urgent=live)
        if job is not None:
            return self._jobs.run(job, now)
        clock_of = None if live else self._clocks.due(now)
        if clock_of is not None:
            outcome = self.set_clock(clock_of, now)
            is_lost = isinstance(outcome, Ended) and outcome.end is End.LOST
            return self.rest_lost(outcome.reason) if is_lost else 0.0
        if isinstance(action, Wait):
            return min(LONGEST_WAIT_S, max(0.05, action.until - now))
        return self._poll(self._meters[action.label], action, now).rest_s

    # ------------------------------------------------------------- what a job may ask for

    @property
    def is_stopping(self) -> bool:
        """Whether the agent stops, and broke off what was being done."""
        return self._bus.broken_off

    def is_refused(self, label: str) -> bool:
        """Tell whether a meter refused its password."""
        return self._states[label].refused

    def poll_now(self, meter: MeterConfig, now: float, forced: Collection[Obis]) -> Polled:
        """Poll a meter out of turn.

        Raises:
            SpoolError: the spool fails.
        """
        return self._poll(meter, Poll(meter.label, Kind.LIVE), now, forced)

    def set_clock(self, meter: MeterConfig, now: float) -> ClockOutcome | Ended:
        """Set the clock of a meter, if it may be set.

        Raises:
            SpoolError: the spool fails.
        """
        try:
            outcome = self._clocks.set(
                meter, sessions(self._bus, self._counters), now, self._known(meter)
            )
        except BusLost as error:
            return Ended(End.STOPPED if self.is_stopping else End.LOST, str(error))
        self._note_standing()
        return outcome

    def fill(self, job: Job, now: float) -> Done[WindowFilled] | Ended:
        """Read the next window of a back-fill.

        Raises:
            SpoolError: the spool fails.
        """
        open_session, spool = sessions(self._bus, self._counters), self._shared.spool
        keep = partial(self._booking.fill, now=now)
        tried = self._attempt(
            lambda: read_window(job, open_session, spool, now, keep, zone=self._shared.zone),
            job.meter,
            "a back-fill broke off by a mistake in this program",
            "fill_broken",
        )
        if isinstance(tried, Ended) and tried.end is End.REFUSED:
            self._states.note_refused(job.meter, tried.reason)
        return tried

    def rest_lost(self, reason: str) -> float:
        """Let the bus rest, not its meters: they did nothing wrong.

        Raises:
            SpoolError: the spool fails.
        """
        self._journal.lost(reason, repeated=reason == self._adapter.reason)
        rest_s = self._adapter.note_loss(reason)
        if self._adapter.losses > 1:
            self._journal.unreachable(self._meters, reason)
        return rest_s

    # ----------------------------------------------------------------------- polling

    def _poll(
        self, meter: MeterConfig, action: Poll, now: float, forced: Collection[Obis] = ()
    ) -> Polled:
        """Poll a meter, and note what that means for it, for the adapter and for the schedule."""
        begun = self._monotonic()
        tried = self._attempt(
            lambda: self._read(meter, action, now, forced),
            meter,
            "a poll broke off by a mistake in this program",
            "poll_broken",
        )
        if isinstance(tried, Done):
            self._note_standing()
            return self._note_read(meter, action, tried.value, self._monotonic() - begun)
        rest_s = 0.0
        if tried.end is End.LOST:
            rest_s = self.rest_lost(tried.reason)
        elif tried.end is End.REFUSED:
            self._note_standing()
            self._states.note_refused(meter, tried.reason)
        elif tried.end in {End.FAILED, End.MISTAKE}:
            if tried.end is End.FAILED:
                self._note_standing()
            self._states.note_failed(meter, tried.reason, tried.why)
        return Polled(problems=(tried.reason or "it was not read",), rest_s=rest_s)

    def _read(
        self, meter: MeterConfig, action: Poll, now: float, forced: Collection[Obis]
    ) -> _Read:
        """Read a meter.

        Raises:
            BusError, MeterError, ConfigurationError: it cannot be read.
            SpoolError: the spool fails.
        """
        begun = self._monotonic()
        if action.kind is Kind.PROBE:
            if not probe(self._bus, peer(meter, load(meter.model, meter.models_dir))):
                raise BusTimeout(f"{meter.label} does not answer")
            now += self._monotonic() - begun
        spool, known = self._shared.spool, self._known(meter)
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
            zone=self._shared.zone,
            vouched=self._shared.is_vouched(),
            monotonic=self._monotonic,
        )
        return _Read(result, known, now)

    def _attempt(
        self, act: Callable[[], T], meter: MeterConfig, message: str, action: str
    ) -> Done[T] | Ended:
        """Do something at a meter; ``message`` reports a mistake in this program."""
        return attempt(
            act,
            is_stopping=lambda: self.is_stopping,
            mistake=lambda: self._journal.mistake(message, action, meter),
        )

    def _known(self, meter: MeterConfig) -> MeterId | None:
        """Return the meter that answered last at the place of this one."""
        spool = self._shared.spool
        return spool.known_meter(self._config.name, meter.address, meter.logical_address)

    def _note_read(self, meter: MeterConfig, action: Poll, read: _Read, took_s: float) -> Polled:
        """Keep what was read, and note that the meter answers."""
        result, now = read.result, read.begun
        if result.meter != read.known:
            self._journal.found(meter, result.meter, changed=read.known is not None)
        kept = self._booking.keep(meter, result, now)
        filled = action.kind is Kind.BACK_FILL and not result.caught_up
        before = self._states.note_read(
            meter.label,
            live=action.kind is not Kind.BACK_FILL,
            caught_up=result.caught_up or not kept,
            window_s=took_s / action.windows if filled else None,
        )
        self._adapter.note_answer()
        if before.failures:
            self._states.awaken()  # what hid this one may have hidden others
        if result.confirmed:
            self._clocks.note_poll(meter, result.meter, now, result.clock_offset_s)
        self._journal.read(meter, result, self._wall())
        if not result.confirmed:  # its registers are still to be read in this cycle
            reason = f"{meter.label} fell silent within a poll"
            self._states.note_failed(meter, reason, PollFailure.NO_ANSWER)
            return Polled(problems=(reason,))
        problems = tuple(map(words, result.findings))
        return Polled(is_read=True, problems=problems, unread=result.unread)

    def _note_standing(self) -> None:
        """Note that the adapter is there; after it was away every meter is tried at once."""
        if self._adapter.note_traffic(self._bus.reopened):
            self._journal.back()
            self._states.awaken()

    def _reopen_silent(self) -> None:
        """Close the port of a bus on which nobody answers: some adapters hang after weeks."""
        if not (self._adapter.is_silent() and self._states.all_silent):
            return
        self._journal.reopened(repeated=self._adapter.hung)
        self._bus.close()
        self._adapter.note_reopened()
        self._states.awaken()
