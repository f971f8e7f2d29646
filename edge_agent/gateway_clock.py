# SPDX-License-Identifier: GPL-2.0-only
"""The gateway's own time: whether it can be trusted, and how far a meter's clock is off.

The time that may be set is held against the time since the start, which nobody sets: between the
two nothing changes but by a step. A clock that stepped is believed again when a time service keeps
it, or when it is back where it was; a setting that assumes the clock right does not outvote that.

In: what the kernel and systemd say; how the clock stood when it was believed last. Out: a yes or
no, and differences in seconds.
Never: setting a clock; a time that stands in for a missing one.
"""

import ctypes
import functools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from shared_schema.readings import EARLIEST_TS, LATEST_TS

TIMESYNC_MARKER = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd makes this file when it first set the clock after a start."""
_CLOCK_STATES = range(5)  # TIME_OK … TIME_WAIT; 5 is TIME_ERROR: not synchronised
STEP_S = 5.0
"""A clock that moved this much against the steady one was set, or went wrong."""
_NOTICED_S: Final = 0.5
"""A step of a time service from which on the new stand is kept."""
_AT_ONCE_S: Final = 0.1
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_log = logging.getLogger(__name__)
_TIMEX_BYTES = 512  # struct timex has 208 on 64-bit Linux; modes = 0 only reads


def kernel_synchronised() -> bool:
    """Ask the kernel whether a time service keeps its clock (``adjtimex``, read only).

    chrony, ntpd and systemd-timesyncd all say so there. False where it cannot be asked.
    """
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return False
    state: int = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return state in _CLOCK_STATES


def is_synchronised(*, assume_synchronised: bool = False, marker: Path = TIMESYNC_MARKER) -> bool:
    """Tell whether the gateway's time may stamp readings.

    A clock that was set once since the start stays good through a long loss of the
    uplink: it drifts by seconds in days. One that was never set since may be years off.

    Args:
        assume_synchronised: for a laptop or a demo, where somebody else keeps the time.
        marker: the file that says that the clock was set since the start.
    """
    return assume_synchronised or marker.exists() or kernel_synchronised()


def steady_s() -> float:
    """Return the seconds since the machine started, asleep or not: nobody sets this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@functools.cache
def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


class Stand(NamedTuple):
    """How the clock stood when it was believed."""

    boot: str
    """The start of the machine from which the steady clock counts; empty: nobody says."""
    ahead_s: float
    """The clock less the steady one."""

    @classmethod
    def of_now(cls) -> "Stand":
        """Return how this machine's clock stands; a pause between the two reads counts for none."""
        while True:
            begun, now, ended = steady_s(), time.time(), steady_s()
            if ended - begun < _AT_ONCE_S:
                return cls(_boot(), now - begun)

    def since(self, before: "Stand | None") -> float | None:
        """Return how far the clock has jumped; None: the machine was started in between."""
        if before is None or not self.boot or before.boot != self.boot:
            return None
        return self.ahead_s - before.ahead_s


def unkept_stand() -> Stand | None:
    """Return how the clock stands; None: a time service keeps it, whatever it was before."""
    return None if kernel_synchronised() else Stand.of_now()


@dataclass(frozen=True, slots=True)
class Believed:
    """What a gateway keeps of its clock over a restart."""

    stand: Stand | None = None
    newest: float = 0.0
    """The time of its newest reading, seconds since 1970: it was no later than now."""

    def jump_s(self, stand: Stand, now: float) -> float:
        """Return how far the clock is from where it must be, or 0 where nothing is wrong.

        After a start of the machine only this is known: the newest reading is not of the future,
        and no reading is of a time before the contract's.
        """
        jump_s = stand.since(self.stand)
        if jump_s is None:
            jump_s = min(0.0, now - max(self.newest, EARLIEST_TS))
        return jump_s if abs(jump_s) > STEP_S else 0.0


class Jump(NamedTuple):
    """The last time that the clock jumped and was believed again."""

    number: int = 0
    """Counts from 1; 0: it never did."""
    by_s: float = 0.0


def _forget(_stand: Stand) -> None:
    """Keep nothing."""


class Timekeeper:
    """Tells whether the gateway's time may stamp readings: once it may, until it jumps.

    A clock that was set drifts by seconds in days, whatever the kernel says of a long loss of
    the uplink. A clock that jumped was set anew, by a time service or by hand: only what the
    kernel says then counts, or that it came back. Any thread may ask.
    """

    def __init__(
        self,
        *,
        assume_synchronised: bool = False,
        before: Believed = Believed(),
        keep: Callable[[Stand], None] = _forget,
        wall: Callable[[], float] = time.time,
        stand: Callable[[], Stand] = Stand.of_now,
        ask: Callable[[], bool] = is_synchronised,
        ask_kernel: Callable[[], bool] = kernel_synchronised,
    ) -> None:
        """Begin with what was kept.

        Args:
            assume_synchronised: somebody else keeps the time, as long as it does not jump.
            before: what was believed before this start.
            keep: keeps a new stand.
            wall: the time that may be set, seconds since 1970.
            stand: how it stands against the steady one.
            ask: whether the clock was set since the start.
            ask_kernel: whether a time service keeps it now.
        """
        self.jump = Jump()
        self._assume = assume_synchronised
        self._before = before
        self._keep = keep
        self._wall = wall
        self._stand = stand
        self._ask = ask
        self._ask_kernel = ask_kernel
        self._lock = threading.Lock()
        self._begun = False
        self._doubt_s = 0.0

    def __repr__(self) -> str:
        if self._doubt_s:
            return f"<Timekeeper jumped by {self._doubt_s:.1f} s>"
        return f"<Timekeeper {'synchronised' if self._begun else 'not synchronised'}>"

    @property
    def doubt_s(self) -> float | None:
        """How far the clock was from where it must be when it was asked last; None: nowhere."""
        return self._doubt_s or None

    def is_synchronised(self) -> bool:
        """Tell whether the time may be believed now."""
        with self._lock:
            stand, is_kept, now = self._stand(), self._ask_kernel(), self._wall()
            jump_s = self._before.jump_s(stand, now)
            if jump_s and not is_kept:
                self._doubt(jump_s)
                return False
            if not EARLIEST_TS <= now < LATEST_TS:  # no reading can carry it, whoever vouches
                return False
            if not self._begun and not (is_kept or self._assume or self._ask()):
                return False
            self._believe(stand, jump_s, is_kept=is_kept)
            return True

    def is_kept(self) -> bool:
        """Tell whether a time service keeps the time now, so that it may set other clocks.

        Readings may be stamped through a long loss of the uplink; a meter's clock is then better
        than the gateway's.
        """
        return self.is_synchronised() and (self._assume or self._ask_kernel())

    def is_vouched(self) -> bool:
        """Tell whether a time service set the time since the start: it is not only assumed."""
        return self.is_synchronised() and (not self._assume or self._ask())

    def _doubt(self, jump_s: float) -> None:
        if abs(jump_s - self._doubt_s) > STEP_S:
            _log.warning(
                "the gateway's clock jumped, or is behind its newest reading: no meter is read "
                "before a time service keeps it or it is back",
                extra={"action": "clock_jumped", "jump_s": round(jump_s, 1)},
            )
            self._doubt_s = jump_s

    def _believe(self, stand: Stand, jump_s: float, *, is_kept: bool) -> None:
        moved_s = stand.since(self._before.stand)
        by_s = jump_s or self._doubt_s
        if by_s and moved_s is not None:  # before it was first believed, a jump is waited for
            self.jump = Jump(self.jump.number + 1, round(by_s, 1))
            _log.warning(
                "the gateway's clock jumped, and is believed again",
                extra={"action": "clock_believed", "jump_s": self.jump.by_s},
            )
        self._begun, self._doubt_s = True, 0.0
        if moved_s is None or (is_kept and abs(moved_s) > _NOTICED_S):
            self._before = Believed(stand)
            self._keep(stand)


def offset_s(meter_ts: int, gateway_ts: float) -> float:
    """Return how far a meter's clock is ahead, in seconds; it tells whole seconds only."""
    return round(meter_ts - gateway_ts, 1)
