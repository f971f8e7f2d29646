# SPDX-License-Identifier: GPL-2.0-only
"""The states of one bus's meters: who answers, who is silent, who refused its password.

In: how each poll ended. Out: what the bus does next, by `schedule`. Owns the state of each meter
and the refusals of the bus, which outlive a restart.
Never: a meter tried again with a secret that it refused.
"""

from collections.abc import Callable, Sequence

from edge_agent.errors import ConfigurationError, SpoolFull
from edge_agent.settings.bus import MeterConfig
from edge_agent.spool.refused_secrets import RefusedSecrets
from edge_agent.worker import schedule
from edge_agent.worker.journal import Journal
from edge_agent.worker.schedule import Failure, MeterState, Poll, Wait
from shared_schema.gateway import PollFailure


class MeterStates:
    """What the schedule knows of the meters of one bus."""

    def __init__(
        self,
        meters: Sequence[MeterConfig],
        refusals: RefusedSecrets,
        journal: Journal,
        *,
        wall: Callable[[], float],
        cycle_s: float,
    ) -> None:
        """Look up which meters refused their password in an earlier run.

        Args:
            meters: the meters of the bus.
            refusals: what they refused.
            journal: reports what becomes of them.
            wall: the time, seconds since 1970.
            cycle_s: how often each meter is polled, in seconds.

        Raises:
            SpoolError: the spool fails.
        """
        self._refusals = refusals
        self._journal = journal
        self._wall = wall
        self._cycle_s = cycle_s
        self._states = {meter.label: MeterState(meter.label) for meter in meters}
        for meter in meters:
            if refusals.recall(meter):
                self._note(meter.label, Failure.REFUSED)
                journal.refused(meter, f"{meter.label} refused this password before")

    def __repr__(self) -> str:
        silent = sum(bool(state.failures) for state in self._states.values())
        return f"<MeterStates: {len(self._states)} meters, {silent} silent>"

    def __getitem__(self, label: str) -> MeterState:
        return self._states[label]

    @property
    def all_silent(self) -> bool:
        """Whether there are meters to try, and each of them was tried in vain."""
        return schedule.all_silent(self._states.values())

    def next_action(self, now: float) -> Poll | Wait:
        """Return what the bus does now."""
        return schedule.next_action(self._states.values(), now, self._cycle_s)

    def note_read(
        self, label: str, *, live: bool, caught_up: bool, window_s: float | None
    ) -> MeterState:
        """Note a poll that read a meter; return what was known before.

        Args:
            label: of the meter.
            live: the registers were read too.
            caught_up: no more history waits.
            window_s: how much line time a window took, where windows were read.
        """
        before = self._states[label]
        self._states[label] = schedule.succeeded(
            before,
            self._wall(),
            live=live,
            caught_up=caught_up,
            window_s=window_s,
            cycle_s=self._cycle_s,
        )
        return before

    def note_failed(self, meter: MeterConfig, reason: str, why: PollFailure) -> None:
        """Note a poll that did not read a meter.

        Raises:
            SpoolError: the spool fails.
        """
        self._note(meter.label, Failure.SILENT)
        self._journal.failed(meter, reason, why)

    def note_refused(self, meter: MeterConfig, reason: str) -> None:
        """Note that a meter refused its password, for the next run too.

        Raises:
            SpoolError: the spool fails; a full disk is reported alone.
        """
        self._note(meter.label, Failure.REFUSED)
        self._journal.refused(meter, reason)
        try:
            self._refusals.note(meter)
        except (SpoolFull, ConfigurationError) as error:
            self._journal.refusal_not_kept(meter, str(error))

    def release_changed(self) -> None:
        """Let the meters be tried again whose password was changed.

        Raises:
            SpoolError: the spool fails.
        """
        for label in self._refusals.changed():
            self._states[label] = schedule.released(self._states[label])
            self._journal.released(label)

    def awaken(self) -> None:
        """Let the silent meters be tried before their rest is over."""
        now = self._wall()
        self._states = {
            label: schedule.awakened(state, now) for label, state in self._states.items()
        }

    def _note(self, label: str, failure: Failure) -> None:
        self._states[label] = schedule.failed(self._states[label], self._wall(), failure)
