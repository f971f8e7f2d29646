# SPDX-License-Identifier: GPL-2.0-only
"""The jobs of one bus: what a command of the cloud asks for at one meter, done and answered.

In: a `Job` from the desk of commands. Out: the same job, answered when nothing of it is left.
Never: a job tried at a meter that refused its password; an answer while the agent stops: the next
start answers it, and never runs it again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from edge_agent.clock.set import ClockOutcome
from edge_agent.commands.desk import CommandDesk, Job, WindowFilled
from edge_agent.meters.model import load
from edge_agent.settings.bus import MeterConfig
from edge_agent.worker.attempt import Done, End, Ended
from shared_schema.catalogue import EVENT_PROFILES
from shared_schema.gateway import CommandKind
from shared_schema.obis import Obis


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll means for whoever asked for it."""

    problems: tuple[str, ...]
    """What there is to say of it."""
    is_read: bool = False
    """The meter was read, and nothing of it is in doubt."""
    unread: frozenset[Obis] = frozenset()
    """The profiles that were not read, though the meter has them."""
    rest_s: float = 0.0
    """How long the bus rests then."""


class Hands(Protocol):
    """What a job asks of the bus; `worker.BusWorker` does it."""

    @property
    def is_stopping(self) -> bool:
        """Whether the agent stops, and broke off what was being done."""
        ...

    def is_refused(self, label: str) -> bool:
        """Tell whether a meter refused its password."""
        ...

    def poll_now(self, meter: MeterConfig, now: float, forced: Collection[Obis]) -> Polled:
        """Poll a meter out of turn."""
        ...

    def fill(self, job: Job, now: float) -> Done[WindowFilled] | Ended:
        """Read the next window of a back-fill."""
        ...

    def set_clock(self, meter: MeterConfig, now: float) -> ClockOutcome | Ended:
        """Set a meter's clock."""
        ...

    def rest_lost(self, reason: str) -> float:
        """Let a bus rest whose adapter is away; return how long, in seconds."""
        ...


class JobRunner:
    """Does what is next of a job, and answers it when nothing is left."""

    def __init__(self, bus: str, desk: CommandDesk, hands: Hands) -> None:
        """Take the desk and the bus that does the work."""
        self._bus = bus
        self._desk = desk
        self._hands = hands

    def run(self, job: Job, now: float) -> float:
        """Do what is next of a job; return how long the bus rests then, in seconds.

        Raises:
            SpoolError: the spool fails.
        """
        kind = job.command.kind
        if self._hands.is_refused(job.meter.label):
            self._done(job, "it refused its password; it is not tried with the same again")
        elif kind is CommandKind.READ_NOW:
            return self._read_now(job, now)
        elif kind is CommandKind.BACKFILL:
            return self._fill(job, now)
        elif kind is CommandKind.SET_CLOCK:
            return self._set_clock(job, now)
        elif _has_logs(job.meter):
            return self._read_now(job, now, EVENT_PROFILES)
        else:
            self._done(job, f"meters of model {job.meter.model} have no event logs")
        return 0.0

    def _read_now(self, job: Job, now: float, forced: Collection[Obis] = ()) -> float:
        polled = self._hands.poll_now(job.meter, now, forced)
        if not self._hands.is_stopping:
            worked = polled.is_read and polled.unread.isdisjoint(forced)
            self._done(job, "; ".join(polled.problems), worked=worked)
        return polled.rest_s

    def _fill(self, job: Job, now: float) -> float:
        tried = self._hands.fill(job, now)
        if isinstance(tried, Done):
            job.take(tried.value)
            if tried.value.is_last:
                self._done(job, job.detail, worked=job.worked)
            return 0.0
        if tried.end is End.STOPPED:
            return 0.0
        refused = tried.end is End.REFUSED
        self._done(job, tried.reason if refused else f"after {job.rows} rows: {tried.reason}")
        return self._hands.rest_lost(tried.reason) if tried.end is End.LOST else 0.0

    def _set_clock(self, job: Job, now: float) -> float:
        outcome = self._hands.set_clock(job.meter, now)
        if isinstance(outcome, Ended):
            if outcome.end is End.STOPPED:
                return 0.0
            self._done(job, outcome.reason)
            return self._hands.rest_lost(outcome.reason)
        if outcome.until is not None:
            job.until = outcome.until
        else:
            self._done(job, str(outcome), worked=outcome.worked)
        return 0.0

    def _done(self, job: Job, detail: str, *, worked: bool = False) -> None:
        self._desk.done(self._bus, job, worked=worked, detail=detail)


def _has_logs(meter: MeterConfig) -> bool:
    profiles = load(meter.model, meter.models_dir).profiles
    return any(each.obis in EVENT_PROFILES for each in profiles)
