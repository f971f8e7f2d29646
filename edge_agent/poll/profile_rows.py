# SPDX-License-Identifier: GPL-2.0-only
"""The rows of one profile after its watermark: by windows of time, by their places, or whole.

A window that ends before now moves the watermark to its end, empty or not; the last one moves it
to its newest row. A window that failed moves nothing, so the next poll reads it again. The mark of
an event log moves to the time of reading, so that a log in which nothing happens stays cheap.

In: a link to a meter, the terms of a poll, how the profile is read, its watermark.
Out: a `ProfileRead` at any time, also after a failure: what was read before it.
Never: a watermark beyond the terms' limit, or a row beyond it; a row of a meter that was not seen
again to be the same; which profile is read, or when: `profiles` decides that.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.decode import buffer
from edge_agent.decode.layout import Captured
from edge_agent.decode.rows import Decoded, MeterRows, Row
from edge_agent.errors import Breach, ProtocolViolation
from edge_agent.meters.model import Model, ProfileToRead
from edge_agent.poll.by_entry import rows_since
from edge_agent.poll.capture_layout import Layouts
from edge_agent.poll.clock_reading import EASTMOST_S
from edge_agent.poll.finding import FindingKind, Note, of_error
from edge_agent.poll.local_time import LocalTime, see_zone
from edge_agent.poll.memory import KnownLayout, MeterFacts
from edge_agent.poll.meter_link import MeterLink
from edge_agent.poll.overlap import OVERLAP_S, Overlap
from edge_agent.poll.status_bits import events_of
from edge_agent.poll.windows import Window, Windows
from shared_schema.catalogue import PROFILE_STATUS
from shared_schema.obis import Obis

MAX_ROWS: Final = 500
"""Rows in one block, at most."""


class LayoutChangedError(Exception):
    """The profile captures other objects than its rows were read by."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all profiles of a meter in one poll. Times are seconds since 1970."""

    model: Model
    local: LocalTime
    """The local time of its clock, in which rows are asked for."""
    facts: MeterFacts
    now: Callable[[], float]
    """The gateway's time."""
    limit: float
    """The time that no watermark and no row passes."""
    synchronised: bool
    """Whether the gateway's time may be believed; if not, no watermark moves."""
    captured: Mapping[Obis, Captured]
    """For each profile what it captured when its rows were last kept."""
    trusted: bool | None = True
    """Whether the meter's times are right; None: its clock says nothing, its rows are asked."""
    live: bool = True
    """The registers are read too, and so are profiles of what is now."""
    forced: Collection[Obis] = ()
    """Profiles that are read though they are not due."""


@dataclass(frozen=True, slots=True)
class ProfileRead:
    """What one profile added."""

    blocks: tuple[MeterRows, ...] = ()
    watermark: int | None = None
    """Everything up to it was read; None leaves the stored one as it is."""
    more_waits: bool = False
    """The windows that were allowed did not reach the present."""
    last: tuple[Row, ...] = ()
    """The newest row, for the bits of its status; empty if there was none."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the profiles of one poll are read with."""

    link: MeterLink
    windows: Windows
    layouts: Layouts
    note: Note


class ProfileRows:
    """Reads one profile by one layout."""

    def __init__(
        self,
        tools: Tools,
        terms: Terms,
        wanted: ProfileToRead,
        held: KnownLayout,
        last: tuple[Row, ...],
    ) -> None:
        """Begin with nothing read.

        Args:
            tools: what all profiles of the poll share.
            terms: what holds for all of them.
            wanted: the profile.
            held: how it is read.
            last: its newest row by an earlier layout in this poll.
        """
        self._tools = tools
        self._terms = terms
        self._wanted = wanted
        self._held = held
        self._overlap = Overlap(terms.facts, wanted.obis, terms.limit)
        self._blocks: list[MeterRows] = []
        self._watermark: int | None = None
        self._more_waits = False
        self._last = last

    def __repr__(self) -> str:
        return (
            f"<ProfileRows {self._wanted.obis}: {len(self._blocks)} blocks, "
            f"watermark {self._watermark}>"
        )

    def result(self) -> ProfileRead:
        """Return what was read up to now."""
        return ProfileRead(tuple(self._blocks), self._watermark, self._more_waits, self._last)

    def read(self, mark: int | None, windows: int) -> None:
        """Read the rows after a watermark, in the way that the model names.

        Args:
            mark: the watermark; None reads from the oldest row.
            windows: how many windows may be read.

        Raises:
            LayoutChangedError: what is captured has changed; the windows before are kept.
            BusError, MeterError: a window failed; those before it are kept.
        """
        if self._wanted.whole:
            self._read_whole()
        elif self._wanted.access == "entry":
            self._read_entries(mark)
        else:
            self._read_windows(mark, windows)

    def _read_windows(self, mark: int | None, windows: int) -> None:
        """Read window by window, and move the watermark with each."""
        plan, limit = self._held.plan, self._terms.limit
        start = self._start(mark)
        if start is None:
            if plan.is_log:
                self._keep(mark, int(limit), ())
            return
        reached = mark
        for _ in range(windows):
            end = start + self._wanted.window_h * 3600 - 1
            for window in self._tools.windows.read(plan, start, end):
                rows = self._rows_of(window, mark)
                if window.last < limit or plan.is_log:
                    end_s = min(window.last, int(limit))
                    reached = max(end_s, reached or end_s)
                elif rows:
                    reached = max(rows[-1][0] or 0, reached or 0)
                if self._terms.synchronised and reached is not None:
                    self._overlap.settle(window.first, reached)
                self._keep(mark, reached, rows)
            if end >= limit:
                return
            start = end + 1
        self._more_waits = True

    def _start(self, mark: int | None) -> int | None:
        """Return where the first window begins; None for a profile that has no row yet."""
        if mark is None:
            return self._tools.windows.oldest(self._wanted, self._held.plan)
        return self._overlap.start(self._wanted, mark)

    def _rows_of(self, window: Window, mark: int | None) -> Sequence[Row]:
        """Return the rows of a window that can be booked."""
        if window.error is not None:
            self._note_unreadable(window.error, window.first, window.last)
        return self._believed(mark, window.first, window.last, window.found)

    def _read_entries(self, mark: int | None) -> None:
        """Read the rows after the watermark by their places."""
        plan, zone = self._held.plan, self._terms.model.zone
        start = None if mark is None else mark - OVERLAP_S
        found, left_out = rows_since(self._tools.link, plan, start, zone)
        for each in left_out:
            place = f"entry {each.place}"
            self._note_unreadable(each.error, place, place)
        first, last = start or 0, int(self._terms.limit)
        rows = self._believed(mark, first, last, found)
        newest = last if plan.is_log else max((row[0] or 0 for row in rows), default=None)
        reached = mark if newest is None else max(newest, mark or newest)
        self._keep(mark, reached, rows)

    def _read_whole(self) -> None:
        """Read a profile of one row, which has the time of its reading."""
        plan, terms = self._held.plan, self._terms
        try:
            data = self._tools.link.read_whole(plan.profile)
            found = buffer.rows_of(data, plan, terms.model.zone)
        except ProtocolViolation as error:
            if error.of is not Breach.SIZE:
                raise
            raise ProtocolViolation(
                f"the profile is read whole and cannot be asked for in parts: {error}",
                of=Breach.SIZE,
            ) from None
        if found.misfit:
            self._see_layout()
        self._see_floats(found)
        self._tools.link.confirm()
        now = int(terms.now())
        self._note_lost(now, found)
        most = terms.model.max_clock_offset_s
        fits = [row for row in found.rows if row[0] and abs(row[0] - now) <= most]
        rows = tuple(fits if terms.synchronised else found.rows)
        if len(rows) < len(found.rows):
            self._tools.note(FindingKind.ROW_NOT_OF_NOW, profile=plan.profile)
        if rows:
            self._blocks.append(MeterRows(plan.profile, plan.period_s, plan.columns, rows))
        if rows and terms.synchronised:
            self._watermark = min(rows[-1][0] or now, int(terms.limit))

    def _believed(self, mark: int | None, first: int, last: int, found: Decoded) -> Sequence[Row]:
        """Return the rows that can be booked, once the meter has said again who it is.

        Raises:
            LayoutChangedError: what is captured has changed.
            BusError, MeterError: the meter cannot be asked, or states another zone than its clock.
        """
        if found.misfit or self._overlap.differs(mark, first, last, found.rows):
            self._see_layout()
            self._tools.link.look_closely()
        self._see_floats(found)
        self._tools.link.confirm()
        facts = self._terms.facts
        if self._wanted.every == "period":  # its newest row was of now: what it states is true
            facts.deviations |= found.deviations
        see_zone(facts.deviations, found.deviations)
        self._note_lost(first, found)
        return self._in_time(first, found.rows)

    def _note_unreadable(self, error: ProtocolViolation, first: int | str, last: int | str) -> None:
        """Keep that some of the profile was left out: each poll tells it again."""
        profile = self._held.plan.profile
        self._terms.facts.skipped[profile] = of_error(
            FindingKind.ROWS_UNREADABLE,
            self._tools.link.label,
            error,
            profile=profile,
            first=first,
            last=last,
        )

    def _see_layout(self) -> None:
        """See after a surprise that the meter still captures the same.

        Raises:
            LayoutChangedError: it does not.
            BusError, MeterError: it cannot be read.
        """
        if self._tools.layouts.look_again(self._wanted) is not self._held:
            raise LayoutChangedError

    def _see_floats(self, found: Decoded) -> None:
        """Have the rows read again by a layout that knows which columns hold floats.

        Raises:
            LayoutChangedError: some do, and the layout did not know it.
        """
        if found.floats:
            self._tools.layouts.see_floats(self._wanted, found.floats)
            raise LayoutChangedError

    def _in_time(self, start: int, rows: Sequence[Row]) -> Sequence[Row]:
        """Leave out rows of the future, and those that may be of another time.

        More than one row of the future is stamped in another way than the clock: so are the others.
        """
        facts, limit = self._terms.facts, self._terms.limit
        past = [row for row in rows if row[0] is not None and row[0] <= limit]
        least = limit + self._terms.model.max_clock_offset_s
        ahead = [row[0] for row in rows if row[0] and least < row[0] <= limit + EASTMOST_S]
        if len(ahead) > 1:
            profile, by_s = self._held.plan.profile, round(max(ahead) - limit)
            self._tools.note(FindingKind.ROWS_NOT_BY_CLOCK, profile=profile, by_s=by_s)
            return []
        if not facts.doubted:
            return past
        kept = [row for row in past if not facts.is_doubted(row[0] or 0)]
        if len(kept) < len(past):
            self._tools.note(
                FindingKind.ROWS_IN_DOUBT,
                profile=self._held.plan.profile,
                count=len(past) - len(kept),
                first=start,
            )
        return kept

    def _note_lost(self, start: int, found: Decoded) -> None:
        for kind, count in (
            (FindingKind.ROWS_WITHOUT_TIME, found.bad_time),
            (FindingKind.ROWS_MISFIT, found.misfit),
            (FindingKind.ROWS_WITHOUT_CODE, found.no_code),
            (FindingKind.ROWS_TIME_TAKEN, found.taken),
            (FindingKind.ROWS_CONTRADICT, found.rivals),
        ):
            if count:
                self._tools.note(kind, profile=self._held.plan.profile, count=count, first=start)
        if found.refused:
            kind = FindingKind.FLOATS_BILLED if found.no_floats else FindingKind.VALUES_REFUSED
            self._tools.note(
                kind,
                profile=self._held.plan.profile,
                count=found.refused,
                first=start,
                came=found.refused_as,
            )

    def _keep(self, mark: int | None, reached: int | None, rows: Sequence[Row]) -> None:
        """Hand out the rows that are new, and move the watermark."""
        plan = self._held.plan
        fresh = self._overlap.unsent(mark, rows)
        self._keep_status(mark, rows, fresh)
        for first in range(0, len(fresh), MAX_ROWS):
            part = tuple(fresh[first : first + MAX_ROWS])
            self._blocks.append(MeterRows(plan.profile, plan.period_s, plan.columns, part))
        if self._terms.synchronised and reached is not None:
            self._watermark = reached
            if mark is None or reached > mark:
                self._overlap.remember(reached, rows)

    def _keep_status(self, mark: int | None, rows: Sequence[Row], fresh: Sequence[Row]) -> None:
        """Hand out the events that bits of the rows' status mean."""
        bits = self._terms.model.status_bits
        if not bits or not rows or self._held.plan.is_log:
            return
        from_the_first = mark is None and not self._last
        noted = events_of((*self._last, *rows), fresh, bits, from_the_first=from_the_first)
        self._last = (rows[-1],)
        if noted:
            self._blocks.append(MeterRows(PROFILE_STATUS, 0, (), noted))
