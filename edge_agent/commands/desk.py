# SPDX-License-Identifier: GPL-2.0-only
"""The desk of commands: it takes each once, hands it to the buses, and answers when all is done.

A command becomes one `Job` for each of its meters. The job stays with its bus until the bus says
that it is done; the last job of a command writes the result.

In: signed commands from the publisher's thread; outcomes from the buses' threads. Out: jobs for
a bus; a result in the spool's database, which the publisher sends. Owns the commands under way.
Never: a command without the cloud's signature; one that runs before its id is on disk, or begins
after it expired.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from edge_agent.commands.log import CommandLog
from edge_agent.commands.verdict import diagnosed, expiry, judge, refusal, result
from edge_agent.errors import SpoolError
from edge_agent.poll.finding import Finding, words
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.settings.gateway import AgentSettings
from shared_schema.errors import ContractError
from shared_schema.gateway import Command, CommandKind, MeterOutcome, Outcome, Result
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.signing import VerifyKey, open_message

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WindowFilled:
    """What one window of a back-fill brought."""

    rows: int
    marks: dict[Obis, int]
    """Up to when each profile is read again now (s since 1970)."""
    findings: tuple[Finding, ...]
    unread: frozenset[Obis]
    """The profiles of which it brought nothing, for a problem."""
    is_last: bool


@dataclass(slots=True, eq=False)
class Job:
    """One command at one meter."""

    command: Command
    meter: MeterConfig
    identity: MeterId | None
    """The meter that answered at this place last; None before the first time."""
    marks: dict[Obis, int] = field(default_factory=dict)
    """Of a back-fill: up to when each profile was read again (s since 1970)."""
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)
    """Of a back-fill: what was found about its meter, each once."""
    unread: frozenset[Obis] = frozenset()
    """Of a back-fill: the profiles of which its last window brought nothing, for a problem."""
    until: float = 0.0
    """It waits until then (s since 1970): a clock is not set while a capture period ends."""

    def take(self, window: WindowFilled) -> None:
        """Add what a window of a back-fill brought."""
        self.rows += window.rows
        self.marks = window.marks
        self.findings += [each for each in window.findings if each not in self.findings]
        self.unread = window.unread

    @property
    def is_begun(self) -> bool:
        """Whether a part of it was done: a back-fill goes on, window by window."""
        return bool(self.marks)

    @property
    def worked(self) -> bool:
        """Whether a back-fill that has ended read every profile, be it empty."""
        return not self.unread

    @property
    def detail(self) -> str:
        """What the answer says of a back-fill that has ended."""
        return "; ".join([f"{self.rows} rows", *map(words, self.findings)])

    @property
    def urgent(self) -> bool:
        """Whether it goes before the polls of the cycle: only a long back-fill waits."""
        return self.command.kind is not CommandKind.BACKFILL


@dataclass(slots=True)
class _Running:
    """A command under way."""

    command: Command
    missing: int
    begun: bool = False
    """At one meter, at least, before it expired."""
    outcomes: list[MeterOutcome] = field(default_factory=list)


class CommandDesk:
    """Takes commands, hands out jobs, writes results; every method from any thread."""

    def __init__(
        self,
        settings: AgentSettings,
        cloud_key: VerifyKey,
        log: CommandLog,
        *,
        known: Callable[[BusConfig, MeterConfig], MeterId | None],
        is_synchronised: Callable[[], bool],
        seal: Callable[[], None],
        diagnose: Callable[[], str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin with nothing under way; `recover` answers what an earlier run left.

        Args:
            settings: which meters there are, and what is allowed.
            cloud_key: whose commands are believed.
            log: what was taken already.
            known: which meter answered last at a place.
            is_synchronised: whether the gateway's time may be believed.
            seal: seals what was read, so that it does not wait longer than the answer.
            diagnose: makes the gateway's diagnosis, packed; it may take seconds.
            now: the time.
        """
        self._diagnose = diagnose
        self._settings = settings
        self._cloud_key = cloud_key
        self._known = known
        self._is_synchronised = is_synchronised
        self._seal = seal
        self._now = now
        self._command_log = log
        self._lock = threading.Lock()
        self._jobs: dict[str, list[Job]] = defaultdict(list)
        self._running: dict[UUID, _Running] = {}

    def __repr__(self) -> str:
        waiting = sum(map(len, self._jobs.values()))
        return f"<CommandDesk: {len(self._running)} commands under way, {waiting} jobs>"

    def recover(self) -> None:
        """Answer what was begun before this start: it was cut off, and is never run again.

        Raises:
            SpoolError: the spool fails.
        """
        for command in self._command_log.unanswered():
            self._finish(
                Result(
                    gateway=self._settings.gateway,
                    command=command,
                    outcome=Outcome.FAILED,
                    reason="the agent was restarted while it was run; it is not run again",
                    at=self._now(),
                )
            )

    def take(self, payload: bytes) -> None:
        """Take a command as it came; one that is not the cloud's is logged and forgotten.

        Raises:
            SpoolError: the spool fails.
        """
        try:
            command = Command.from_line(open_message(payload, self._cloud_key))
        except ContractError as error:
            self._say(
                logging.WARNING,
                "a command is ignored: it is not the cloud's, or cannot be read",
                reason=str(error),
            )
            return
        if not self._command_log.begin(command.id, command.expires_at):
            self._say(
                logging.INFO,
                "a command came again; it is not run a second time",
                command=str(command.id),
            )
            return
        now = self._now()
        verdict = judge(
            command,
            gateway=self._settings.gateway,
            allowed=self._settings.commands.allow,
            now=now if self._is_synchronised() else None,
        )
        if verdict is not None:
            self._finish(refusal(command, verdict, now))
            return
        self._say(logging.INFO, "a command is run", command=str(command.id), kind=command.kind)
        if command.kind is CommandKind.DIAGNOSE:
            self._run_diagnosis(command)
            return
        jobs = {bus.name: self._jobs_of(command, bus) for bus in self._settings.buses}
        missing = sum(map(len, jobs.values()))
        if not missing:
            self._finish(result(command, (), now))
            return
        with self._lock:
            self._running[command.id] = _Running(command, missing)
            for bus, of_bus in jobs.items():
                self._jobs[bus] += of_bus

    def next(self, bus: str, *, only_urgent: bool) -> Job | None:
        """Return what the bus should do before its schedule; it stays until it is `done`.

        A job that was not begun before its command expired is answered here.

        Raises:
            SpoolError: the spool fails.
        """
        now = self._now()
        with self._lock:
            late = [job for job in self._jobs[bus] if not job.is_begun and job.command.expired(now)]
        for job in late:
            self._ended(bus, job, worked=False, detail=expiry(job.command).reason, begun=False)
        with self._lock:
            jobs = [job for job in self._jobs[bus] if job.until <= now.timestamp()]
            urgent = next((job for job in jobs if job.urgent), None)
            return urgent if urgent is not None or only_urgent else next(iter(jobs), None)

    def done(self, bus: str, job: Job, *, worked: bool, detail: str) -> None:
        """Note how a job ended; the last of its command writes the result.

        Raises:
            SpoolError: the spool fails.
        """
        self._ended(bus, job, worked=worked, detail=detail, begun=True)

    def _ended(self, bus: str, job: Job, *, worked: bool, detail: str, begun: bool) -> None:
        outcome = MeterOutcome(
            meter=job.identity, label=job.meter.label, done=worked, detail=detail[:300]
        )
        with self._lock:
            self._jobs[bus].remove(job)
            running = self._running[job.command.id]
            running.outcomes.append(outcome)
            running.begun = running.begun or begun
            running.missing -= 1
            if running.missing:
                return
            del self._running[job.command.id]
        self._seal()
        if running.begun:
            self._finish(result(running.command, running.outcomes, self._now()))
        else:
            self._finish(refusal(running.command, expiry(running.command), self._now()))

    def _run_diagnosis(self, command: Command) -> None:
        """Answer with a diagnosis, beside the thread that brought the command."""

        def answer() -> None:
            self._finish(diagnosed(command, self._diagnose, self._now))

        threading.Thread(target=answer, name="diagnosis", daemon=True).start()

    def _jobs_of(self, command: Command, bus: BusConfig) -> list[Job]:
        wanted = set(command.arguments.meters)
        jobs = [Job(command, meter, self._known(bus, meter)) for meter in bus.meters]
        return [job for job in jobs if not wanted or job.identity in wanted]

    def _finish(self, answer: Result) -> None:
        self._say(
            logging.INFO,
            "a command is answered",
            command=str(answer.command),
            outcome=answer.outcome,
            reason=answer.reason,
        )
        try:
            self._command_log.finish(answer.command, answer.to_line())
        except SpoolError as error:
            self._say(
                logging.ERROR,
                "could not keep the answer to a command; after a restart it counts as cut off",
                reason=str(error),
            )

    @staticmethod
    def _say(level: int, message: str, **extra: object) -> None:
        _log.log(level, message, extra={"action": "command", **extra})
