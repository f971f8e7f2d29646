# SPDX-License-Identifier: MIT
"""Registers that a closing holds against their intervals, before it writes what they counted.

Intervals are not held against each reading when they come. A month whose intervals and register
differ tells of the meters that are worth it, and so does a register against which they spoke
before: more of them may have come. Where a judgement would change what is elected, the closing is
taken back, the registers are judged, and the month is counted again. Each register is asked for
once in a closing. Of a month it is `MOST_METERS` of them: where more differ, it is the intervals.

In: what the meters of a month counted. Out: the registers that must be judged first. Pure but for
what it asks the store. Never: a write.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from cloud_ingest.core.month import previous_month
from cloud_ingest.month.closing import Closing
from cloud_ingest.month.count import Counted
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.interval_profiles import SUMMED_REGISTER, spoken_against
from cloud_ingest.store.migrate import Store
from cloud_ingest.store.suspects import Suspect
from cloud_ingest.validation.judge import not_judged
from shared_schema.quality import Reason

MOST_METERS: Final = 50
"""Meters of a month that are judged with their intervals."""

Look = Callable[[Closing, Sequence[Counted]], None]
"""Looks at what the meters of a month counted, before it is written."""


def doubt_nothing(_closing: Closing, _counted: Sequence[Counted]) -> None:
    """Let a month stand as it was counted: what is only shown judges nothing."""


class FalseRegisters(Exception):
    """Registers that must be judged before their month is counted."""

    def __init__(self, suspects: Sequence[Suspect]) -> None:
        super().__init__(f"{len(suspects)} registers differ from their intervals")
        self.suspects = suspects


class SumDoubts:
    """Which registers a closing has held against their intervals so far."""

    def __init__(self, conn: Connection, store: Store) -> None:
        self._conn = conn
        self._store = store
        self._asked: set[Suspect] = set()

    def __repr__(self) -> str:
        return f"<SumDoubts: {len(self._asked)} registers and months>"

    def look(self, closing: Closing, counted: Sequence[Counted]) -> None:
        """Hold registers against their intervals, where the month's sum of these is another.

        The reading that opens a month belongs to the month before it.

        Raises:
            FalseRegisters: some must be judged first; another look does not ask for them.
        """
        first = closing.span.first
        suspects = [
            suspect
            for meter_id in self._doubted(closing, counted)[:MOST_METERS]
            for month in (previous_month(first), first)
            if (suspect := Suspect(meter_id, SUMMED_REGISTER, month)) not in self._asked
        ]
        self._asked.update(suspects)
        if suspects and (found := not_judged(self._conn, suspects, self._store, closing.now)):
            raise FalseRegisters(found)

    def _doubted(self, closing: Closing, counted: Iterable[Counted]) -> list[int]:
        """Return the meters whose intervals differ, or spoke against their register before."""
        reasons = {each.assignment.meter_id: each.measured.reasons for each in counted}
        differing = {meter for meter, own in reasons.items() if Reason.SUM_CHECK in own}
        span = closing.span
        before = spoken_against(self._conn, reasons.keys(), span.start, span.end)
        return [*sorted(before), *sorted(differing - before)]
