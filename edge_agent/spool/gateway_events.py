# SPDX-License-Identifier: GPL-2.0-only
"""Gateway events: what the gateway itself sees of a meter enters the stream once, without a flood.

Of one kind a meter has at most `MOST_A_DAY` in a day that begins with the first. The gateway counts
what happens more often, and the next that it notes says so; it notes a state that came and went
meanwhile as it is then. It always notes that it set a clock.

In: observations, and the change of state that they report. Out: `Noted`, which the spool keeps
with that state in one transaction. Owns the table ``observed`` of the spool's file: how many of
each kind a meter had in a day, how many were left out, which states last.
Never: an observation of a time that is not synchronised: its caller's `ts` is of such a time.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from edge_agent.spool.losses import log_losses
from edge_agent.spool.spool import Spool
from edge_agent.spool.watermarks import Move, Noted
from shared_schema.catalogue import GatewayEvent
from shared_schema.message import MeterId
from shared_schema.readings import Observation

MOST_A_DAY: Final = 6
DAY_S: Final = 86400
OVER: Final = {
    GatewayEvent.CLOCK_DRIFTS: GatewayEvent.CLOCK_DRIFTS_OVER,
    GatewayEvent.CLOCK_FAR_OFF: GatewayEvent.CLOCK_FAR_OFF_OVER,
}
"""States that last, and what says that they are over."""
_BEGINS: Final = {over: begin for begin, over in OVER.items()}


@dataclass(frozen=True, slots=True)
class _Tally:
    """Of one kind, a state's end included."""

    since: int = 0
    noted: int = 0
    left_out: int = 0
    stands: bool = False

    def at(self, ts: int) -> "_Tally":
        """Return it as it is at a time: each day begins anew, also when the time went back."""
        return self if self.since <= ts < self.since + DAY_S else replace(self, since=ts, noted=0)

    def with_one(self, code: int) -> tuple["_Tally", bool]:
        """Return it after one more, and whether that is noted."""
        lasts = code in OVER or code in _BEGINS
        if self.noted < MOST_A_DAY or code == GatewayEvent.CLOCK_SET:
            after = replace(self, noted=self.noted + 1, left_out=0, stands=code in OVER)
            return after, True
        return self if lasts else replace(self, left_out=self.left_out + 1), False


class Observer:
    """Notes what is seen of the meters of one bus."""

    def __init__(self, spool: Spool) -> None:
        """Take what keeps it."""
        self._spool = spool

    def lasting(self, meter: MeterId) -> frozenset[int]:
        """Return the states of a meter that were noted and not noted as over.

        Raises:
            SpoolError: the spool fails.
        """
        return frozenset(code for code, tally in self._tallies(meter).items() if tally.stands)

    def sift(self, meter: MeterId, seen: Sequence[Observation], move: Move | None = None) -> Noted:
        """Choose what is noted of what was seen.

        Args:
            meter: of which.
            seen: what, ascending by time.
            move: writes the state that it reports.

        Raises:
            SpoolError: the spool fails.
        """
        tallies = self._tallies(meter)
        noted: list[Observation] = []
        for each in seen:
            kind = _BEGINS.get(GatewayEvent(each.code), GatewayEvent(each.code))
            before = tallies.get(kind, _Tally()).at(each.ts)
            tallies[kind], is_noted = before.with_one(each.code)
            if is_noted:
                noted.append(each.model_copy(update={"left_out": before.left_out}))

        def write(database: sqlite3.Connection) -> None:
            if move is not None:
                move(database)
            database.executemany(
                "INSERT OR REPLACE INTO observed VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (meter.manufacturer, meter.serial, kind, *_columns(tally))
                    for kind, tally in tallies.items()
                ],
            )

        return Noted(tuple(noted), write)

    def note(self, meter: MeterId, seen: Sequence[Observation], move: Move | None = None) -> None:
        """Keep what was seen, at least one thing, with the state that it reports.

        Raises:
            SpoolFull: neither is kept; it will be seen again.
            SpoolError: the spool fails.
        """
        losses = self._spool.append(
            meter,
            (),
            watermarks={},
            at=datetime.fromtimestamp(seen[-1].ts, UTC),
            historical=False,
            noted=self.sift(meter, seen, move),
        )
        log_losses(losses)

    def _tallies(self, meter: MeterId) -> dict[int, _Tally]:
        with self._spool.reading() as database:
            found = database.execute(
                "SELECT code, since, noted, left_out, stands FROM observed"
                " WHERE manufacturer = ? AND serial = ?",
                (meter.manufacturer, meter.serial),
            ).fetchall()
        return {
            code: _Tally(since, noted, left_out, bool(stands))
            for code, since, noted, left_out, stands in found
        }


def _columns(tally: _Tally) -> tuple[int, ...]:
    return tally.since, tally.noted, tally.left_out, int(tally.stands)
