# SPDX-License-Identifier: GPL-2.0-only
"""Samples of each meter's clock: a few a day, kept over a restart, from which its drift follows.

After a jump, and after a clock was set, its history begins anew: with `restart`, in the transaction
of the event that reports it.

In: a comparison at each poll. Out: how fast the clock drifts, and whether it jumped. Owns the
table ``clock_sample`` of the spool's file.
Never: a decision about a clock.
"""

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import Final

from edge_agent.clock_policy import Sample, drift_s_per_day, jumped
from edge_agent.errors import SpoolFull
from edge_agent.spool.spool import Spool
from edge_agent.spool.watermarks import Move
from shared_schema.message import MeterId

EVERY_S: Final = 6 * 3600
KEPT: Final = 28
"""Samples of a meter: a week."""


@dataclass(frozen=True, slots=True)
class ClockView:
    """What is known of a meter's clock after a comparison."""

    latest: Sample
    drift_s_per_day: float | None
    """None: it was watched for less than a day."""
    before: Sample | None = None
    """Set after a jump: the comparison before it."""


@dataclass(slots=True)
class _Open:
    latest: Sample
    kept_at: float
    drift_s_per_day: float | None


class ClockSamples:
    """The samples of the meters of one gateway, for the thread of one bus."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._open: dict[MeterId, _Open] = {}

    def note(self, meter: MeterId, sample: Sample) -> ClockView:
        """Take the comparison of a poll.

        Raises:
            SpoolError: the spool fails; a full disk loses the sample alone. A jump changes
                nothing here, before its history begins anew.
        """
        found = self._open.get(meter) or self._opened(meter)
        if found is None:
            self._keep(meter, sample)
            return ClockView(sample, None)
        before = found.latest
        if jumped(before, sample):
            return ClockView(sample, None, before)
        found.latest = sample
        if abs(sample.at - found.kept_at) >= EVERY_S:
            self._keep(meter, sample)
            found.kept_at = sample.at
            found.drift_s_per_day = drift_s_per_day(self._samples(meter))
        return ClockView(sample, found.drift_s_per_day)

    def restart(self, meter: MeterId, sample: Sample) -> Move:
        """Return a step of a transaction that deletes the samples before this comparison."""

        def move(database: sqlite3.Connection) -> None:
            self._open.pop(meter, None)
            who = (meter.manufacturer, meter.serial)
            database.execute("DELETE FROM clock_sample WHERE manufacturer = ? AND serial = ?", who)
            _put(database, meter, sample)

        return move

    def _opened(self, meter: MeterId) -> _Open | None:
        samples = self._samples(meter)
        if not samples:
            return None
        found = _Open(samples[-1], samples[-1].at, drift_s_per_day(samples))
        self._open[meter] = found
        return found

    def _samples(self, meter: MeterId) -> list[Sample]:
        with self._spool.reading() as database:
            return samples_of(database, meter)

    def _keep(self, meter: MeterId, sample: Sample) -> None:
        who = (meter.manufacturer, meter.serial)
        with contextlib.suppress(SpoolFull), self._spool.transaction() as database:
            _put(database, meter, sample)
            database.execute(
                "DELETE FROM clock_sample WHERE manufacturer = ? AND serial = ? AND at <= ("
                "SELECT at FROM clock_sample WHERE manufacturer = ? AND serial = ?"
                " ORDER BY at DESC LIMIT 1 OFFSET ?)",
                (*who, *who, KEPT),
            )


def _put(database: sqlite3.Connection, meter: MeterId, sample: Sample) -> None:
    database.execute(
        "INSERT OR REPLACE INTO clock_sample VALUES (?, ?, ?, ?)",
        (meter.manufacturer, meter.serial, int(sample.at), sample.offset_s),
    )


def samples_of(database: sqlite3.Connection, meter: MeterId) -> list[Sample]:
    """Return the samples of a meter that are kept, the oldest first."""
    found = database.execute(
        "SELECT at, offset_s FROM clock_sample WHERE manufacturer = ? AND serial = ? ORDER BY at",
        (meter.manufacturer, meter.serial),
    )
    return [Sample(float(at), offset) for at, offset in found]
