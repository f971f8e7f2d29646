# SPDX-License-Identifier: GPL-2.0-only
"""Which meter of a bus is polled next.

In: what is known of each meter, and the time. Out: a `Poll` or a `Wait`; and, after a poll,
what is known then. Never: a clock, a port, a sleep.

The order:

1. Live: each meter that answers, once a cycle, shortly after the quarter hour.
2. Meters that failed, when their rest is over: two minutes, doubled with each failure, up to
   six hours. A dead meter costs as much line time as nine that answer, so it comes after them.
3. Back-fill in the time that is left, the meter first that waited longest.

A meter that refused its password is not tried again until a person has done something about
it (`released`): trying again may lock the meter.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

CYCLE_S: Final = 900
DELAY_S: Final = 30
"""How long after the quarter hour a cycle begins: meters need time to capture."""
FIRST_REST_S: Final = 120
MAX_REST_S: Final = 6 * 3600


class Failure(Enum):
    """How a poll failed, as far as it matters for trying again."""

    SILENT = "silent"
    """No answer, nonsense, or no association: try again after a rest."""
    REFUSED = "refused"
    """The password was refused: never try again on its own."""


@dataclass(frozen=True, slots=True)
class MeterState:
    """What the schedule knows of one meter. Times are in seconds since 1970."""

    label: str
    cycle: int | None = None
    """The last cycle in which it was polled with success."""
    tried_at: float | None = None
    behind: bool = False
    """More history waits."""
    failures: int = 0
    """Polls that failed since the last success."""
    refused: bool = False

    @property
    def rest_s(self) -> float:
        """How long it rests after its last failure."""
        if self.failures == 0:
            return 0.0
        return min(MAX_REST_S, FIRST_REST_S * 2.0 ** min(self.failures - 1, 20))

    @property
    def rests_until(self) -> float:
        """When it may be tried again."""
        return 0.0 if self.tried_at is None else self.tried_at + self.rest_s


@dataclass(frozen=True, slots=True)
class Poll:
    """Poll this meter now."""

    label: str
    live: bool
    """False: a back-fill, without the registers."""


@dataclass(frozen=True, slots=True)
class Wait:
    """There is nothing to do before this time (seconds since 1970)."""

    until: float


def cycle_of(now: float) -> int:
    """Return the number of the cycle that a time is in."""
    return int((now - DELAY_S) // CYCLE_S)


def next_action(states: Iterable[MeterState], now: float) -> Poll | Wait:
    """Decide what the bus does now.

    Args:
        states: the meters of the bus.
        now: seconds since 1970. Time that went back counts as a new cycle.
    """
    cycle = cycle_of(now)
    meters = [state for state in states if not state.refused]
    live = [state for state in meters if not state.failures and state.cycle != cycle]
    if live:
        return Poll(min(live, key=_waited).label, live=True)
    rested = [state for state in meters if state.failures and _is_rested(state, now)]
    if rested:
        return Poll(min(rested, key=_waited).label, live=True)
    behind = [state for state in meters if state.behind and not state.failures]
    if behind:
        return Poll(min(behind, key=_waited).label, live=False)
    ends = [state.rests_until for state in meters if state.failures]
    return Wait(min([(cycle + 1) * CYCLE_S + DELAY_S, *ends]))


def succeeded(state: MeterState, now: float, *, live: bool, caught_up: bool) -> MeterState:
    """Return what is known after a poll that read the meter."""
    return replace(
        state,
        cycle=cycle_of(now) if live else state.cycle,
        tried_at=now,
        behind=not caught_up,
        failures=0,
    )


def failed(state: MeterState, now: float, failure: Failure) -> MeterState:
    """Return what is known after a poll that did not read the meter."""
    return replace(
        state,
        tried_at=now,
        failures=state.failures + 1,
        refused=state.refused or failure is Failure.REFUSED,
    )


def released(state: MeterState) -> MeterState:
    """Return the state of a meter that a person has looked after: it is tried at once."""
    return replace(state, refused=False, failures=0, cycle=None)


def _is_rested(state: MeterState, now: float) -> bool:
    tried_at = state.tried_at
    return tried_at is None or not tried_at <= now < state.rests_until


def _waited(state: MeterState) -> tuple[float, str]:
    return (float("-inf") if state.tried_at is None else state.tried_at, state.label)
