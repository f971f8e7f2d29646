# SPDX-License-Identifier: GPL-2.0-only
"""The schedule of a bus: which meter is polled next, and what a poll changes about that.

The order:

1. Live: each meter that answers, once a cycle, shortly after the quarter hour.
2. Meters that failed, when their rest is over: two minutes, doubled with each failure, up to
   six hours, whatever the cycle is. A dead meter costs as much line time as nine that answer,
   so the bus probes it first, and after them.
3. Back-fill, the meter first that waited longest, in as many windows as the line time that is
   left before the next cycle holds.

An adapter that is lost says nothing of its meters: the bus rests, they do not.

A meter that refused its password is not tried again until a person has done something about
it (`released`): trying again may lock the meter.

In: what is known of each meter, and the time. Out: a `Poll` or a `Wait`; and, after a poll,
what is known then. Never: a clock, a port, a sleep.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

CYCLE_S: Final = 900.0
DELAY_S: Final = 30.0
"""How long after the quarter hour a cycle begins: meters need time to capture."""
FIRST_REST_S: Final = 120.0
MAX_REST_S: Final = 6 * 3600.0
WHOLE_EVERY: Final = 4
"""Each time after so many failures a whole poll is tried: a slow meter may miss a probe."""
MAX_BUS_REST_S: Final = 30.0
MAX_WINDOWS: Final = 8
"""Windows that one back-fill reads: a stop, or a live poll, waits no longer than for these."""
FIRST_WINDOW_S: Final = 5.0
"""Line time of a window, before one was measured: a day of quarter hours at 9600 baud."""
_LONGEST_WINDOW_PART: Final = 0.25
"""Of a cycle: a back-fill begins while that much is left, however slow the line is."""


class Failure(Enum):
    """How a poll failed, as far as it matters for trying again."""

    SILENT = "silent"
    """No answer, nonsense, or no association: try again after a rest."""
    REFUSED = "refused"
    """The password was refused: never try again on its own."""


class Kind(Enum):
    """What to do with a meter."""

    LIVE = "live"
    """Registers, and what the profiles added; one window at most."""
    PROBE = "probe"
    """See whether it is there at all, and poll it live if it is."""
    BACK_FILL = "back_fill"
    """Windows of its profiles, without the registers."""


@dataclass(frozen=True, slots=True)
class MeterState:
    """What the schedule knows of one meter. Times are in seconds since 1970."""

    label: str
    cycle: int | None = None
    """The last cycle in which it was polled with success."""
    tried_at: float | None = None
    behind: bool = False
    """More history waits."""
    window_s: float | None = None
    """How much line time a window of its back-fill took, in seconds."""
    failures: int = 0
    """Polls that failed since the last success."""
    awake: bool = False
    """Its rest is over before its time."""
    refused: bool = False

    @property
    def rest_s(self) -> float:
        """How long it rests after its last failure."""
        if self.failures == 0 or self.awake:
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
    kind: Kind
    windows: int = 1
    """How many windows of each profile may be read."""


@dataclass(frozen=True, slots=True)
class Wait:
    """There is nothing to do before this time (seconds since 1970)."""

    until: float


def cycle_of(now: float, cycle_s: float = CYCLE_S) -> int:
    """Return the number of the cycle that a time is in."""
    return int((now - _delay_s(cycle_s)) // cycle_s)


def begin_of(cycle: int, cycle_s: float = CYCLE_S) -> float:
    """Return when a cycle begins."""
    return cycle * cycle_s + _delay_s(cycle_s)


def next_action(states: Iterable[MeterState], now: float, cycle_s: float = CYCLE_S) -> Poll | Wait:
    """Decide what the bus does now.

    Args:
        states: the meters of the bus.
        now: seconds since 1970. Time that went back counts as a new cycle.
        cycle_s: how often each meter is polled, in seconds.
    """
    cycle = cycle_of(now, cycle_s)
    begins = begin_of(cycle + 1, cycle_s)
    meters = [state for state in states if not state.refused]
    live = [state for state in meters if not state.failures and state.cycle != cycle]
    if live:
        # A meter that is behind, or was never read, has its windows in the line time that is left.
        first = min(live, key=_waited)
        waits = first.behind or first.cycle is None
        return Poll(first.label, Kind.LIVE, windows=0 if waits else 1)
    rested = [state for state in meters if state.failures and _is_rested(state, now)]
    if rested:
        first = min(rested, key=_waited)
        whole = first.failures % WHOLE_EVERY == 0
        return Poll(first.label, Kind.LIVE if whole else Kind.PROBE)
    for state in sorted(meters, key=_waited):
        if state.behind and not state.failures:
            windows = _windows(state, begins - now, cycle_s)
            if windows:
                return Poll(state.label, Kind.BACK_FILL, windows)
    return Wait(min([begins, *(state.rests_until for state in meters if state.failures)]))


def succeeded(
    state: MeterState,
    now: float,
    *,
    live: bool,
    caught_up: bool,
    window_s: float | None = None,
    cycle_s: float = CYCLE_S,
) -> MeterState:
    """Return what is known after a poll that read the meter.

    Args:
        state: what was known before.
        now: seconds since 1970.
        live: the registers were read too.
        caught_up: no more history waits.
        window_s: how much line time a window took, where windows were read.
        cycle_s: how often each meter is polled, in seconds.
    """
    return replace(
        state,
        cycle=cycle_of(now, cycle_s) if live else state.cycle,
        tried_at=now,
        behind=not caught_up,
        window_s=state.window_s if window_s is None else window_s,
        failures=0,
        awake=False,
    )


def failed(state: MeterState, now: float, failure: Failure) -> MeterState:
    """Return what is known after a poll that did not read the meter."""
    return replace(
        state,
        tried_at=now,
        failures=state.failures + 1,
        awake=False,
        refused=state.refused or failure is Failure.REFUSED,
    )


def released(state: MeterState) -> MeterState:
    """Return the state of a meter that a person has looked after: it is tried at once."""
    return replace(state, refused=False, failures=0, cycle=None)


def awakened(state: MeterState, now: float) -> MeterState:
    """Return the state of a silent meter whose bus came back: it may be tried at once.

    One that was tried in the last two minutes rests on, so that many meters that come back
    one after the other do not have a dead one tried after each of them.
    """
    tried_at = state.tried_at
    recent = tried_at is not None and tried_at <= now < tried_at + FIRST_REST_S
    return replace(state, awake=True) if state.failures and not recent else state


def all_silent(states: Iterable[MeterState]) -> bool:
    """Tell whether there are meters to try, and each of them was tried in vain."""
    tried = [state for state in states if not state.refused]
    return bool(tried) and all(state.failures for state in tried)


def bus_rest_s(losses: int) -> float:
    """Return how long a bus rests whose adapter was lost so many times in a row, in seconds."""
    return min(MAX_BUS_REST_S, 2.0 ** min(losses - 1, 20))


def _delay_s(cycle_s: float) -> float:
    return min(DELAY_S, cycle_s / 30)


def _windows(state: MeterState, left_s: float, cycle_s: float) -> int:
    """Return how many windows of a back-fill fit into the line time that is left."""
    longest = cycle_s * _LONGEST_WINDOW_PART
    if state.window_s is None:  # one alone, to learn how long it takes
        return 1 if left_s >= min(FIRST_WINDOW_S, longest) else 0
    window_s = min(max(state.window_s, 1e-3), longest)
    return min(MAX_WINDOWS, max(0, int(left_s / window_s)))


def _is_rested(state: MeterState, now: float) -> bool:
    tried_at = state.tried_at
    return tried_at is None or not tried_at <= now < state.rests_until


def _waited(state: MeterState) -> tuple[float, str]:
    return (float("-inf") if state.tried_at is None else state.tried_at, state.label)
