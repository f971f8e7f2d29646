# SPDX-License-Identifier: GPL-2.0-only
"""Health: how the gateway's meters are, as counts and as what the last poll of each said.

In: the outcome of each poll. Out: a `Summary` for the status message and the log.
Never: a clock, a message, a decision.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from shared_schema.gateway import PollFailure
from shared_schema.obis import Obis


@dataclass(frozen=True, slots=True)
class MeterHealth:
    """What is known of one meter since the agent started. Times are seconds since 1970."""

    polls: int = 0
    failed_polls: int = 0
    failures: int = 0
    """Polls that failed since the last good one; at least one while its bus is lost."""
    why: PollFailure | None = None
    """Why it is not read; None: it is, or was never tried."""
    last_ok: float | None = None
    behind: bool = False
    problems: tuple[str, ...] = ()
    """What the last poll complained of."""
    unread: frozenset[Obis] = frozenset()
    """The profiles that the last poll did not read, though the meter has or had them."""
    clock_offset_s: float | None = None
    clock_drift_s_per_day: float | None = None
    clock_remark: str = ""
    """What is wrong with its clock."""

    @property
    def answers(self) -> bool:
        """Whether the last poll read it."""
        return self.last_ok is not None and self.failures == 0


@dataclass(frozen=True, slots=True)
class Summary:
    """All meters together."""

    meters: int
    answering: int
    behind: int
    """Meters with more history to read; one that was never tried counts, a silent one not."""
    polls: int
    failed_polls: int
    failing: dict[str, PollFailure]
    """The meters that were tried and not read, by label."""
    clocks: tuple[str, ...]
    """Labels of the meters whose clock drifts too fast or is too far off, and how."""


class Health:
    """The meters' health; buses write it, the publisher reads it, each in its thread."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._meters = {label: MeterHealth() for label in labels}
        self._lock = threading.Lock()

    def __getitem__(self, label: str) -> MeterHealth:
        with self._lock:
            return self._meters[label]

    def meters(self) -> dict[str, MeterHealth]:
        """Return what is known of each meter, by its label."""
        with self._lock:
            return dict(self._meters)

    def read(
        self,
        label: str,
        at: float,
        *,
        caught_up: bool,
        problems: tuple[str, ...] = (),
        unread: frozenset[Obis] = frozenset(),
        clock_offset_s: float | None = None,
    ) -> MeterHealth:
        """Note a poll that read the meter; return what was known before it."""
        with self._lock:
            before = self._meters[label]
            self._meters[label] = replace(
                before,
                polls=before.polls + 1,
                failures=0,
                why=None,
                last_ok=at,
                behind=not caught_up,
                problems=problems,
                unread=unread,
                clock_offset_s=clock_offset_s,
            )
            return before

    def clock(self, label: str, drift_s_per_day: float | None, remark: str) -> str:
        """Note how a meter's clock goes; return the remark before."""
        with self._lock:
            before = self._meters[label]
            self._meters[label] = replace(
                before, clock_drift_s_per_day=drift_s_per_day, clock_remark=remark
            )
            return before.clock_remark

    def failed(self, label: str, problem: str, why: PollFailure) -> MeterHealth:
        """Note a poll that did not; return what was known before it."""
        with self._lock:
            before = self._meters[label]
            self._meters[label] = replace(
                before,
                polls=before.polls + 1,
                failed_polls=before.failed_polls + 1,
                failures=before.failures + 1,
                why=why,
                problems=(problem,),
            )
            return before

    def lost(self, labels: Iterable[str], problem: str) -> None:
        """Note that meters cannot be reached, without a poll of theirs."""
        with self._lock:
            for label in labels:
                before = self._meters[label]
                refused = before.why is PollFailure.PASSWORD_REFUSED
                self._meters[label] = replace(
                    before,
                    failures=max(1, before.failures),
                    why=before.why if refused else PollFailure.ADAPTER_AWAY,
                    problems=(problem,),
                )

    def summary(self) -> Summary:
        """Count."""
        meters = self.meters()
        return Summary(
            meters=len(meters),
            answering=sum(meter.answers for meter in meters.values()),
            behind=sum(meter.behind or not meter.polls for meter in meters.values()),
            polls=sum(meter.polls for meter in meters.values()),
            failed_polls=sum(meter.failed_polls for meter in meters.values()),
            failing={label: meter.why for label, meter in meters.items() if meter.why},
            clocks=tuple(
                f"{label} {meter.clock_remark}"
                for label, meter in meters.items()
                if meter.clock_remark
            ),
        )
