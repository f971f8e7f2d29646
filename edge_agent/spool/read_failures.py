# SPDX-License-Identifier: GPL-2.0-only
"""Read failures: why a meter is not read, where ``edge-agent status`` sees it.

In: what the worker of a bus found. Out: rows of the spool's table ``reason``, which it owns.
Never: a write for what is kept already; an error on a full disk: the log has it too.
"""

import contextlib
from collections.abc import Iterable

from edge_agent.errors import SpoolFull
from edge_agent.settings.bus import MeterConfig
from edge_agent.spool.spool import Spool


class ReadFailures:
    """Why the meters of one bus are not read."""

    def __init__(self, spool: Spool, bus: str) -> None:
        self._spool = spool
        self._bus = bus
        self._kept: dict[str, str | None] = {}
        """By label; None: no reason is kept. What an earlier run kept is not here."""

    def note(self, meters: Iterable[MeterConfig], reason: str | None) -> None:
        """Keep why meters were not read, or that they were (None).

        Raises:
            SpoolError: the spool fails.
        """
        changed = [each for each in meters if self._kept.get(each.label, "") != reason]
        if not changed:
            return
        with contextlib.suppress(SpoolFull):
            with self._spool.transaction() as database:
                for meter in changed:
                    place = (self._bus, meter.logical_address, meter.address)
                    if reason is None:
                        database.execute(
                            "DELETE FROM reason"
                            " WHERE bus = ? AND logical_address = ? AND address = ?",
                            place,
                        )
                    else:
                        database.execute(
                            "INSERT OR REPLACE INTO reason VALUES (?, ?, ?, ?)", (*place, reason)
                        )
            self._kept |= dict.fromkeys((each.label for each in changed), reason)
