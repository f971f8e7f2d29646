# SPDX-License-Identifier: GPL-2.0-only
"""The overlap of two polls of one profile: which rows are read again, and which of them are new.

A meter may enter a row late, or another in its place, for an hour. So a poll reads a profile again
once an hour from where its rows are settled: read when they were an hour old. Between, a window
begins with the newest row known. If that row stands as it stood, nobody emptied the profile.

In: what polls remember of a meter, a watermark, rows. Out: where a window begins; the new rows.
Never: a row that is left out, unless the caller came back with the watermark that an earlier poll
had moved: it moves in the same transaction as the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.decode.rows import Row
from edge_agent.meters.model import ProfileToRead
from edge_agent.poll.memory import MeterFacts
from shared_schema.obis import Obis

OVERLAP_S: Final = 3600
"""How old a row is before it counts as settled."""
REREAD_S: Final = 3000
"""How long older rows may stay unsettled: the first poll after it, each hour, reads them again."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What earlier polls read of one profile. Times are seconds since 1970."""

    facts: MeterFacts
    profile: Obis
    limit: float
    """The time that no row passes."""

    def newest_known(self, mark: int) -> int | None:
        """Return the time of the newest row, if reading may begin with it.

        Returns:
            None if no such row is known, or rows are to be settled.
        """
        reached, rows = self.facts.sent.get(self.profile, (None, frozenset()))
        since = self.facts.settled.get(self.profile, mark + 1)
        is_due = self.limit >= since + OVERLAP_S + REREAD_S
        if reached != mark or not rows or since > mark or is_due:
            return None
        return max(row[0] or 0 for row in rows)

    def start(self, wanted: ProfileToRead, mark: int) -> int:
        """Return where the first window after a watermark begins."""
        if wanted.every != "period":
            return mark - OVERLAP_S
        newest = self.newest_known(mark)
        if newest is not None:
            return newest
        longest = mark - OVERLAP_S - REREAD_S
        settled = self.facts.settled.get(self.profile, longest)
        if not longest <= settled <= mark:  # it goes with another watermark
            del self.facts.settled[self.profile]
            return longest
        return min(settled, mark - OVERLAP_S)

    def settle(self, start: int, reached: int) -> None:
        """Note up to where rows are settled, if a window begins where they were."""
        if start <= self.facts.settled.get(self.profile, start) + 1:
            self.facts.settled[self.profile] = min(reached, int(self.limit) - OVERLAP_S)

    def differs(self, mark: int | None, first: int, last: int, rows: Sequence[Row]) -> bool:
        """Tell whether a row that an earlier poll returned is gone, or is another one now."""
        held = self.facts.sent.get(self.profile)
        if held is None or held[0] != mark:
            return False
        now = frozenset(rows)
        return any(row not in now for row in held[1] if first <= (row[0] or 0) <= last)

    def unsent(self, mark: int | None, rows: Sequence[Row]) -> Sequence[Row]:
        """Leave out the rows that an earlier poll returned just the same."""
        held = self.facts.sent.get(self.profile)
        if held is None or mark is None or held[0] != mark:
            return rows
        return [row for row in rows if row not in held[1]]

    def remember(self, reached: int, rows: Sequence[Row]) -> None:
        """Keep the rows that the next poll's overlap will bring again."""
        held = self.facts.sent.get(self.profile)
        read = {row[0] for row in rows}
        recent = [*rows, *(row for row in (held[1] if held else ()) if row[0] not in read)]
        first = min(reached - OVERLAP_S, self.facts.settled.get(self.profile, reached))
        kept = frozenset(row for row in recent if first <= (row[0] or 0) <= reached)
        self.facts.sent[self.profile] = (reached, kept)

    def forget(self) -> None:
        """Forget which rows were returned: all of them are wanted again."""
        self.facts.sent.pop(self.profile, None)
