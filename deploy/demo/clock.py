# SPDX-License-Identifier: MIT
"""Whether a time service keeps this machine's clock: if not, the demo's gateways assume it right.

In: the kernel's word. Out: a yes or no. Never: a clock set.
"""

import ctypes
from typing import Final

_NOT_SYNCHRONISED: Final = (-1, 5)
_TIMEX_BYTES: Final = 512


def is_clock_kept() -> bool:
    """Ask the kernel (``adjtimex``, read only); False where it cannot be asked, as on a Mac."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return False
    return adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) not in _NOT_SYNCHRONISED
