# SPDX-License-Identifier: GPL-2.0-only
"""The gateway's own time: whether it can be trusted, and how far a meter's clock is off.

In: what the kernel and systemd say. Out: a yes or no, and differences in seconds.
Never: setting a clock; a time that stands in for a missing one.
"""

import ctypes
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

TIMESYNC_MARKER = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd makes this file when it first set the clock after a start."""
_CLOCK_STATES = range(5)  # TIME_OK … TIME_WAIT; 5 is TIME_ERROR: not synchronised
STEP_S = 5.0
"""A clock that moved this much against the steady one was set, or went wrong."""
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


class Timekeeper:
    """Tells whether the gateway's time may stamp readings: once it may, until it jumps.

    A clock that was set drifts by seconds in days, whatever the kernel says of a long loss of
    the uplink. A clock that jumped was set anew, by a time service or by hand: then only what the
    kernel says now counts. Any thread may ask.
    """

    def __init__(
        self,
        *,
        assume_synchronised: bool = False,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = steady_s,
        ask: Callable[[], bool] = is_synchronised,
        ask_kernel: Callable[[], bool] = kernel_synchronised,
    ) -> None:
        """Begin without knowing.

        Args:
            assume_synchronised: somebody else keeps the time; jumps are only logged.
            wall: the time that may be set, seconds since 1970.
            steady: a time that is never set, in seconds.
            ask: whether the clock was set since the start.
            ask_kernel: whether a time service keeps it now.
        """
        self._assume = assume_synchronised
        self._wall = wall
        self._steady = steady
        self._ask = ask
        self._ask_kernel = ask_kernel
        self._lock = threading.Lock()
        self._ahead: float | None = None
        self._synchronised = False
        self._jumped = False

    def __repr__(self) -> str:
        state = "synchronised" if self._synchronised else "not synchronised"
        return f"<Timekeeper {state}{', jumped' if self._jumped else ''}>"

    def is_synchronised(self) -> bool:
        """Tell whether the time may be believed now."""
        with self._lock:
            self._see_jump()
            if not self._synchronised:
                ask = self._ask_kernel if self._jumped else self._ask
                self._synchronised = self._assume or ask()
            return self._synchronised

    def is_kept(self) -> bool:
        """Tell whether a time service keeps the time now, so that it may set other clocks.

        Readings may be stamped through a long loss of the uplink; a meter's clock is then better
        than the gateway's.
        """
        return self.is_synchronised() and (self._assume or self._ask_kernel())

    def _see_jump(self) -> None:
        ahead = self._wall() - self._steady()
        jump_s = 0.0 if self._ahead is None else ahead - self._ahead
        self._ahead = ahead
        if abs(jump_s) <= STEP_S:
            return
        _log.warning(
            "the gateway's clock jumped",
            extra={"action": "clock_jumped", "jump_s": round(jump_s, 1)},
        )
        # Before the first synchronisation the jump is what was waited for.
        self._jumped = self._jumped or self._synchronised
        self._synchronised = False


def offset_s(meter_ts: int, gateway_ts: float) -> float:
    """Return how far a meter's clock is ahead, in seconds; it tells whole seconds only."""
    return round(meter_ts - gateway_ts, 1)
