# SPDX-License-Identifier: GPL-2.0-only
"""The booking of what polls read: rows and watermarks into the spool, losses into the log.

In: the result of a poll. Out: lines gathered in the spool, and with a changed capture list the
event that tells it, in one transaction.
Never: a watermark that moves without its rows; a refusal or a schedule: `states` has them.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from edge_agent.decode.layout import Captured
from edge_agent.decode.rows import MeterRows
from edge_agent.errors import MeterError, SpoolFull
from edge_agent.poll.poll import PollResult
from edge_agent.settings.bus import MeterConfig
from edge_agent.spool.gateway_events import Observer
from edge_agent.spool.losses import log_losses
from edge_agent.spool.spool import Spool
from edge_agent.spool.volatile import VolatileReadings
from edge_agent.spool.watermarks import Noted
from shared_schema.catalogue import GatewayEvent
from shared_schema.obis import Obis
from shared_schema.readings import CaptureChange, Observation

_log = logging.getLogger(__name__)


class Booking:
    """Puts what the meters of one bus say into the spool."""

    def __init__(
        self, spool: Spool, observer: Observer, bus: str, volatile: VolatileReadings | None = None
    ) -> None:
        """Take where it goes.

        Args:
            spool: what keeps it.
            observer: what notes events.
            bus: which bus.
            volatile: takes the registers that a full disk cannot keep.
        """
        self._volatile = volatile
        self._spool = spool
        self._observer = observer
        self._bus = bus

    def keep(self, meter: MeterConfig, result: PollResult, now: float) -> bool:
        """Spool what was read; False where it cannot be kept and is read again next cycle.

        The registers of a full disk go out marked as volatile.

        Raises:
            SpoolError: the spool fails.
        """
        try:
            self._append(
                result, now, watermarks=result.watermarks, backlog=result.backlog, live=result.live
            )
            self._spool.remember_meter(
                result.meter, self._bus, meter.address, meter.logical_address
            )
        except (SpoolFull, MeterError) as error:
            if self._volatile is not None and isinstance(error, SpoolFull):
                self._volatile.put(result.meter, result.live, now)
            self._log(
                logging.ERROR,
                "could not keep what was read; the meter is read again in the next cycle",
                "not_kept",
                meter=meter.label,
                reason=str(error),
            )
            return False
        return True

    def fill(self, result: PollResult, now: float) -> None:
        """Spool a window that the cloud asked for: all of it is history, no watermark moves.

        Raises:
            SpoolFull: the disk is full; nothing of it is kept.
            SpoolError: the spool fails.
            MeterError: the rows are none that can be sent.
        """
        self._append(result, now, watermarks={}, backlog=result.rows, live=())

    def _append(
        self,
        result: PollResult,
        now: float,
        *,
        watermarks: Mapping[Obis, int],
        backlog: Sequence[MeterRows],
        live: Sequence[MeterRows],
    ) -> None:
        append = partial(self._spool.append, result.meter, at=datetime.fromtimestamp(now, UTC))
        noted = self._changed_captures(result, now)
        if backlog and live:
            log_losses(append(live, watermarks={}, historical=False), bus=self._bus)
        # The watermarks and what is captured speak of both, so they move with the last.
        losses = append(
            backlog or live,
            watermarks=watermarks,
            historical=bool(backlog),
            rewound=result.rewound if watermarks else (),
            captures=result.captures,
            noted=noted,
        )
        log_losses(losses, bus=self._bus)

    def _changed_captures(self, result: PollResult, now: float) -> Noted | None:
        """Return the event of profiles that capture other objects than when last kept."""
        known = self._spool.captures(result.meter) if result.captures else {}
        changes = tuple(
            _change(profile, before, after)
            for profile, after in sorted(result.captures.items())
            if (before := known.get(profile)) is not None and before.digest != after.digest
        )
        if not changes:
            return None
        seen = Observation(ts=int(now), code=GatewayEvent.CAPTURES_CHANGED, captures=changes)
        return self._observer.sift(result.meter, [seen])

    def _log(self, level: int, message: str, action: str, **extra: object) -> None:
        _log.log(level, message, extra={"action": action, "bus": self._bus, **extra})


def _change(profile: Obis, before: Captured, after: Captured) -> CaptureChange:
    return CaptureChange(
        profile=profile,
        before=before.digest,
        after=after.digest,
        lost=tuple(each for each in before.columns if each not in after.columns),
        gained=tuple(each for each in after.columns if each not in before.columns),
    )
