# SPDX-License-Identifier: GPL-2.0-only
"""When the gateway says how it is: at once, at each change that matters, and now and then.

In: the status of the moment, the time. Out: the status to send, or none.
Never: a clock, a socket.
"""

import math
from collections.abc import Callable
from typing import Final

from shared_schema.gateway import Status

STATUS_EVERY_S: Final = 60.0
STATUS_CHECK_S: Final = 2.0
"""How soon a status follows a change of what it says of the meters and the spool."""


class StatusDue:
    """The statuses of one session. Times are of one monotonic clock, in seconds."""

    def __init__(self, make: Callable[[], Status]) -> None:
        self._make = make
        self._checked_at = -math.inf
        self._sent_at = -math.inf
        self._told: object = None

    def next(self, now: float) -> Status | None:
        """Return the status that is to be sent now."""
        if now < self._checked_at + STATUS_CHECK_S:
            return None
        self._checked_at = now
        status = self._make()
        tells = (
            status.meters,
            status.meters_answering,
            status.meters_behind,
            status.clock_synchronised,
            status.spooled == 0,
            status.buses,
        )
        if tells == self._told and now < self._sent_at + STATUS_EVERY_S:
            return None
        self._told = tells
        self._sent_at = now
        return status
