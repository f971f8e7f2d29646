# SPDX-License-Identifier: GPL-2.0-only
"""The gateway's own time: whether it can be trusted, and how far a meter's clock is off.

In: what the kernel and systemd say. Out: a yes or no, and differences in seconds.
Never: setting a clock; a time that stands in for a missing one.
"""

import ctypes
from pathlib import Path

TIMESYNC_MARKER = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd makes this file when it first set the clock after a start."""
_CLOCK_STATES = range(5)  # TIME_OK … TIME_WAIT; 5 is TIME_ERROR: not synchronised
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


def offset_s(meter_ts: int, gateway_ts: float) -> float:
    """Return how far a meter's clock is ahead, in seconds; it tells whole seconds only."""
    return round(meter_ts - gateway_ts, 1)
