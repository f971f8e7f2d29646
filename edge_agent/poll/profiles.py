# SPDX-License-Identifier: GPL-2.0-only
"""Reading profiles: the rows after a watermark, in windows, oldest first.

In: a link to a meter, what its model has, watermarks. Out: blocks of rows, new watermarks.
Never: a stored state; a watermark beyond the meter's clock or the gateway's, or a row beyond
them; a row of a meter that was not seen again to be the same.

A meter may enter a row late, or another in its place, for an hour. So once an hour a profile is
read again from where its rows are settled: read when they were an hour old. Between, a window
begins with the newest row known: that it stands as it stood shows that the profile was not emptied.

A window that ends before now moves the watermark to its end, empty or not; the last one moves it
to its newest row. A window that failed moves nothing, so it is read again; where the meter's bytes
are what fails, it is halved down to the one capture period that cannot be read, which is left out
and said.

A profile that is read more rarely than its rows come (`rhythm`), or that has rows without a
period, is read whole from the watermark on; what it has none of costs one request. The mark of
an event log moves to the time of reading, so that a log in which nothing happens stays cheap.

A watermark goes back in two cases: it is later than both clocks by more than their dispute,
because one of them was set back; or the profile has a column that it did not have.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge_agent.decode import buffer
from edge_agent.decode.layout import Captured, Layout
from edge_agent.decode.rows import Decoded, MeterRows, Row
from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Zone
from edge_agent.errors import (
    AccessDenied,
    BusError,
    MeterError,
    PasswordRefused,
    ProtocolViolation,
    WrongIdentity,
)
from edge_agent.meters.model import Model, ProfileToRead
from edge_agent.poll.by_entry import entries, rows_since
from edge_agent.poll.capture_layout import LAYOUT_LIFE_S, Layouts
from edge_agent.poll.due import BEHIND_S, is_due
from edge_agent.poll.finding import (
    NOT_THERE,
    Finding,
    FindingKind,
    Value,
    finding,
    of_error,
)
from edge_agent.poll.memory import Held, Known
from edge_agent.poll.meter_link import MeterLink, Range
from edge_agent.poll.status_bits import events_of
from shared_schema.catalogue import PROFILE_STATUS
from shared_schema.obis import Obis

OVERLAP_S: Final = 3600
"""How old a row is before it counts as settled."""
REREAD_S: Final = 3000
"""How long older rows may stay unsettled: the first poll after it, each hour, reads them again."""
_MOST_AHEAD: Final = 3
"""Capture periods after which so many rows wait that they have a request of their own."""
FALLBACK_HISTORY_S: Final = 40 * 86400
"""Where reading begins in a meter whose oldest row cannot be told."""
MAX_ROWS: Final = 500
"""Rows in one block, at most."""
MAX_UNREADABLE: Final = 16
"""Capture periods that are left out in one poll, at most."""
_SHORTEST_PERIOD_S: Final = 900
_HALF_DAY_S: Final = 43200
_SPARSE: Final = frozenset(("hour", "month"))
_PASSING: Final = frozenset((1, 2))
"""Data-access-results that will pass: hardware-fault, temporary-failure."""


def newest_known(facts: Known, profile: Obis, mark: int, limit: float) -> int | None:
    """Return the time of the newest row, if reading may begin with it.

    Args:
        facts: what is known of the meter.
        profile: the profile.
        mark: its watermark.
        limit: the time that no row passes.

    Returns:
        Seconds since 1970; None if no such row is known, or rows are to be settled.
    """
    reached, rows = facts.sent.get(profile, (None, frozenset()))
    since = facts.settled.get(profile, mark + 1)
    is_due = limit >= since + OVERLAP_S + REREAD_S
    if reached != mark or not rows or since > mark or is_due:
        return None
    return max(row[0] or 0 for row in rows)


def everyday(
    model: Model, facts: Known, watermarks: Mapping[Obis, int], now_s: float
) -> Range | None:
    """Return the rows that can be asked for together with the registers.

    Args:
        model: the kind of the meter.
        facts: what is known of it.
        watermarks: for each profile up to when its rows are stored.
        now_s: the gateway's time, seconds since 1970.

    Returns:
        The newest row known and the one or two that followed, of the first profile that is read
        with each capture period; None if that is not what comes next.
    """
    for wanted in model.profiles:
        held, mark = facts.layouts.get(wanted.obis), watermarks.get(wanted.obis)
        if wanted.every != "period" or held is None or mark is None:
            continue
        newest, period_s = newest_known(facts, wanted.obis, mark, now_s), held.plan.period_s
        is_next = mark + period_s <= now_s < mark + _MOST_AHEAD * period_s
        if newest is None or held.look_at <= now_s or not is_next:
            return None
        return Range(wanted.obis, *span(model, newest, newest + wanted.window_h * 3600 - 1))
    return None


def span(model: Model, start: int, end: int) -> tuple[bytes, bytes]:
    """Return a range of times (seconds since 1970) as the model's meters want it."""
    first, last = (
        axdr.date_time(ts, model.zone, with_deviation=model.range_deviation) for ts in (start, end)
    )
    return first, last


class _LayoutChangedError(Exception):
    """The profile captures other objects than its rows were read by."""


@dataclass
class ProfileReader:
    """What reading the profiles of one meter needs, and what comes of it."""

    link: MeterLink
    model: Model
    facts: Known
    now: Callable[[], float]
    """The gateway's time, seconds since 1970."""
    limit: float
    """The time that no watermark and no row passes."""
    synchronised: bool
    trusted: bool | None
    """Whether the meter's times are right; None: its clock says nothing, its rows are asked."""
    captured: Mapping[Obis, Captured]
    """For each profile what it captured when its rows were last kept."""
    findings: list[Finding]
    live: bool = True
    """The registers are read too, and so are profiles of what is now."""
    forced: Collection[Obis] = ()
    """Profiles that are read though they are not due."""
    blocks: list[MeterRows] = field(default_factory=list)
    watermarks: dict[Obis, int] = field(default_factory=dict)
    rewound: set[Obis] = field(default_factory=set)
    """Profiles whose watermark goes back, on purpose."""
    captures: dict[Obis, Captured] = field(default_factory=dict)
    """What differs from ``captured``."""
    last: dict[Obis, tuple[Row]] = field(default_factory=dict)
    """For each profile the last row of the window before."""
    fetched: dict[Range, bytes] = field(default_factory=dict)
    """Ranges that came with another request."""
    caught_up: bool = True
    unread: set[Obis] = field(default_factory=set)
    """Profiles that were not read, though the meter has or had them."""
    unreadable: int = 0

    def read(self, watermarks: Mapping[Obis, int], windows: int) -> None:
        """Read what is due of each profile; a failure keeps what was read before it.

        Raises:
            WrongIdentity: another meter answered: nothing of this poll counts.
            PasswordRefused: a second session was refused: it must not be tried again.
        """
        layouts = Layouts(self.link, self.facts, self.captured, self.now, self._note)
        if windows and self.trusted:
            self._fetch_logs(watermarks)
        is_lost = False
        for wanted in self.model.profiles:
            if wanted.whole and not self.live:
                continue
            if self.facts.absent.get(wanted.obis, 0) > self.now():
                continue
            if is_lost or self.trusted is False:
                self.unread.add(wanted.obis)
                continue
            mark = watermarks.get(wanted.obis)
            try:
                self._read_profile(wanted, layouts, mark, windows)
            except (WrongIdentity, PasswordRefused):
                raise
            except AccessDenied as error:
                self.facts.tried[wanted.obis] = self.limit
                never_was = mark is None and error.result in NOT_THERE
                if not never_was:
                    self.unread.add(wanted.obis)
                is_new = is_news(wanted.obis, error, self.facts, self.now())
                if is_new and not (wanted.optional and never_was):
                    self.findings.append(of_error(FindingKind.DENIED, self.link.label, error))
            except (MeterError, BusError) as error:
                # What waits is read in line time left only if this poll got anywhere.
                self.caught_up = self.caught_up and wanted.obis not in self.watermarks
                self.findings.append(
                    of_error(FindingKind.UNREADABLE, self.link.label, error, obis=wanted.obis)
                )
                self.unread.add(wanted.obis)
                is_lost = isinstance(error, BusError)
                if not is_lost:
                    self.facts.tried[wanted.obis] = self.limit
            if wanted.obis in self.facts.skipped:
                self.findings.append(self.facts.skipped[wanted.obis])

    def _fetch_logs(self, watermarks: Mapping[Obis, int]) -> None:
        """Read the event logs that are due by one request, as far as nothing else is to be seen.

        Raises:
            WrongIdentity, PasswordRefused: as `read`.
        """
        logs: dict[tuple[int, int], list[Obis]] = {}
        for wanted in self.model.profiles:
            held = self.facts.layouts.get(wanted.obis)
            mark = watermarks.get(wanted.obis)
            if held is None or mark is None or not held.plan.is_log:
                continue
            is_plain = held.look_at > self.now() and self.limit >= mark - BEHIND_S
            if is_plain and self._is_due(wanted, held.plan, mark):
                logs.setdefault((mark, wanted.window_h), []).append(wanted.obis)
        for (mark, window_h), together in logs.items():
            first = mark - OVERLAP_S
            start, end = span(self.model, first, first + window_h * 3600 - 1)
            if len(together) > 1:
                try:
                    found = self.link.read_ranges(together, start, end)
                except (WrongIdentity, PasswordRefused):
                    raise
                except (BusError, MeterError):
                    return
                self.fetched |= {Range(log, start, end): data for log, data in found.items()}

    def _note(self, kind: FindingKind, **values: Value) -> None:
        self.findings.append(finding(kind, self.link.label, **values))

    def _read_profile(
        self, wanted: ProfileToRead, layouts: Layouts, mark: int | None, windows: int
    ) -> None:
        """Read one profile; by its new layout, if that changed while it was read."""
        known = self.facts.layouts.get(wanted.obis)
        plan = None if known is None else known.plan
        if not self._is_due(wanted, plan, mark):
            return
        if windows == 0 and wanted.every in _SPARSE:
            self.caught_up = self.caught_up and not self.synchronised
            return
        for _ in range(2):
            held = layouts.of(wanted)
            # What came before may have been captured by another layout.
            self.fetched = self.fetched if known is held else {}
            begin = self._begin(wanted.obis, held, mark)
            if not self._is_due(wanted, held.plan, begin):
                if begin is not None:
                    self._note_captured(held)
                return
            if self.trusted is None and wanted.every not in _SPARSE:
                self.trusted = self._newest_is_now(held.plan)
            if not self.trusted:
                self.unread.add(wanted.obis)
                return
            try:
                if wanted.whole:
                    self._read_whole(wanted, held, layouts)
                elif wanted.access == "entry":
                    self._read_entries(wanted, held, begin, layouts)
                else:
                    self._read_windows(wanted, held, begin, windows, layouts)
            except _LayoutChangedError:
                mark = self.watermarks.get(wanted.obis, mark)
            else:
                break
        self.facts.tried[wanted.obis] = self.limit

    def _begin(self, profile: Obis, held: Held, mark: int | None) -> int | None:
        """Return the watermark to read from: as it is stored, or set back for a reason."""
        if mark is None or not self.synchronised:
            return mark
        before = self.captured.get(profile)
        if before is not None and profile not in self.captures:
            gained = {column.obis for column in held.plan.columns} - set(before.columns)
            if gained:
                names = ", ".join(map(str, sorted(gained)))
                self._note(FindingKind.COLUMNS_GAINED, profile=profile, names=names)
                self.rewound.add(profile)
                self.facts.sent.pop(profile, None)
                return None
        if self.limit < mark - BEHIND_S:
            back = int(self.limit) - OVERLAP_S
            by_s = round(mark - self.limit)
            self._note(FindingKind.READ_BEYOND_CLOCKS, profile=profile, by_s=by_s)
            self.rewound.add(profile)
            self.facts.sent.pop(profile, None)
            self.watermarks[profile] = back
            return back
        return mark

    def _is_due(self, wanted: ProfileToRead, plan: Layout | None, mark: int | None) -> bool:
        """Tell whether a row after the watermark can be there, or is wanted all the same."""
        if wanted.obis in self.forced:
            return True
        if plan is None and wanted.every not in _SPARSE:
            return True
        return is_due(
            wanted,
            period_s=0 if plan is None else plan.period_s,
            mark=mark,
            tried_at=self.facts.tried.get(wanted.obis),
            limit=self.limit,
            shift_s=self.model.zone_offset_min * 60,
            label=self.link.label,
        )

    def _note_captured(self, held: Held) -> None:
        found = Captured(held.digest, tuple(column.obis for column in held.plan.columns))
        if self.captured.get(held.plan.profile) != found:
            self.captures[held.plan.profile] = found

    # --------------------------------------------------------------------- times

    def _newest_is_now(self, plan: Layout) -> bool:
        """Tell, for a meter without a clock to ask, whether its newest row is of just now.

        A row that is of just now only with the deviation's sign turned, or with either sign,
        proves nothing.
        """
        zone, most = self.model.zone, self.model.max_clock_offset_s
        earliest = int(self.limit) - max(plan.period_s, _SHORTEST_PERIOD_S) - most
        first, last = span(self.model, earliest, int(self.limit) + _HALF_DAY_S)
        data = self.link.read_range(plan.profile, first, last)
        newest, turned = (
            max((row[0] or 0 for row in buffer.rows_of(data, plan, each).rows), default=None)
            for each in (zone, Zone(zone.offset_min, -zone.deviation_sign))
        )

        def fits(ts: int | None) -> bool:
            return ts is not None and earliest <= ts <= self.limit + most

        if fits(newest) and (newest == turned or not fits(turned)):
            return True
        self._note(FindingKind.NEWEST_ROW_IS_OLD)
        return False

    def _oldest(self, wanted: ProfileToRead, plan: Layout) -> int | None:
        """Return the time of the oldest row, or None for a profile that has none yet."""
        fallback = int(self.limit) - max(FALLBACK_HISTORY_S, wanted.window_h * 3600)
        used = self.link.read_one((plan.profile, 7, 7))
        try:
            count = axdr.integer(used) if isinstance(used, bytes) else None
            if count is None and plan.descending:
                return fallback
            if count == 0 and plan.is_log:
                return None
            places = sorted({1, count or 1})
            found = [entries(self.link, plan, each, each, self.model.zone) for each in places]
        except AccessDenied as error:
            if error.result in _PASSING:
                raise
            return fallback
        except ProtocolViolation:
            return fallback
        if any(each.bad_time or each.misfit for each in found):
            return fallback
        return min(
            (row[0] for each in found for row in each.rows if row[0] is not None), default=None
        )

    # ------------------------------------------------------------------- windows

    def _read_windows(
        self,
        wanted: ProfileToRead,
        held: Held,
        mark: int | None,
        windows: int,
        layouts: Layouts,
    ) -> None:
        """Read the rows after the watermark, window by window, and move the watermark.

        Raises:
            _LayoutChangedError: what is captured has changed; the windows before are kept.
            BusError, MeterError: a window failed; those before it are kept.
        """
        plan = held.plan
        start = self._oldest(wanted, plan) if mark is None else self._from(wanted, mark)
        if start is None:
            if plan.is_log:
                self._keep(held, mark, int(self.limit), ())
            return
        reached = mark
        for _ in range(windows):
            end = start + wanted.window_h * 3600 - 1
            for first, last, found in self._parts(plan, start, end):
                if found.misfit or self._differs(plan.profile, mark, first, last, found):
                    self._look_again(wanted, held, layouts)
                rows = self._believed(plan.profile, first, found)
                if last < self.limit or plan.is_log:
                    end_s = min(last, int(self.limit))
                    reached = max(end_s, reached or end_s)
                elif rows:
                    reached = max(rows[-1][0] or 0, reached or 0)
                self._settle(plan.profile, first, reached)
                self._keep(held, mark, reached, rows)
            if end >= self.limit:
                return
            start = end + 1
        # With a watermark that must not move, the same windows would be read again at once.
        self.caught_up = self.caught_up and not self.synchronised

    def _read_entries(
        self, wanted: ProfileToRead, held: Held, mark: int | None, layouts: Layouts
    ) -> None:
        """Read the rows after the watermark by their places.

        Raises:
            _LayoutChangedError: what is captured has changed.
            BusError, MeterError: they cannot be read, and nothing is kept.
        """
        plan = held.plan
        start = None if mark is None else mark - OVERLAP_S
        found = rows_since(self.link, plan, start, self.model.zone)
        first, last = start or 0, int(self.limit)
        if found.misfit or self._differs(plan.profile, mark, first, last, found):
            self._look_again(wanted, held, layouts)
        rows = self._believed(plan.profile, first, found)
        newest = last if plan.is_log else max((row[0] or 0 for row in rows), default=None)
        reached = mark if newest is None else max(newest, mark or newest)
        self._keep(held, mark, reached, rows)

    def _from(self, wanted: ProfileToRead, mark: int) -> int:
        """Return where the first window of a profile begins."""
        if wanted.every != "period":
            return mark - OVERLAP_S
        newest = newest_known(self.facts, wanted.obis, mark, self.limit)
        if newest is not None:
            return newest
        longest = mark - OVERLAP_S - REREAD_S
        settled = self.facts.settled.get(wanted.obis, longest)
        if not longest <= settled <= mark:  # it goes with another watermark
            del self.facts.settled[wanted.obis]
            return longest
        return min(settled, mark - OVERLAP_S)

    def _settle(self, profile: Obis, start: int, reached: int | None) -> None:
        """Note up to where rows are settled, after a window that begins where they were."""
        follows = start <= self.facts.settled.get(profile, start) + 1
        if self.synchronised and reached is not None and follows:
            self.facts.settled[profile] = min(reached, int(self.limit) - OVERLAP_S)

    def _read_whole(self, wanted: ProfileToRead, held: Held, layouts: Layouts) -> None:
        """Read a profile of one row, which has the time of its reading.

        Raises:
            _LayoutChangedError: what is captured has changed.
            BusError, MeterError: it cannot be read.
        """
        plan = held.plan
        data = self.link.read_whole(plan.profile)
        found = buffer.rows_of(data, plan, self.model.zone)
        if found.misfit and layouts.again(wanted) is not held:
            raise _LayoutChangedError
        self.link.confirm()
        now = int(self.now())
        self._tell_lost(plan.profile, now, found)
        most = self.model.max_clock_offset_s
        fits = [row for row in found.rows if row[0] and abs(row[0] - now) <= most]
        rows = tuple(fits if self.synchronised else found.rows)
        if len(rows) < len(found.rows):
            self._note(FindingKind.ROW_NOT_OF_NOW, profile=plan.profile)
        if rows:
            self.blocks.append(MeterRows(plan.profile, plan.period_s, plan.columns, rows))
        if rows and self.synchronised:
            self.watermarks[plan.profile] = min(rows[-1][0] or now, int(self.limit))
            self._note_captured(held)

    def _parts(self, plan: Layout, start: int, end: int) -> Iterator[tuple[int, int, Decoded]]:
        """Yield the rows from start to end, both included: at once, or in halves.

        Raises:
            ProtocolViolation: too much of it cannot be read.
        """
        try:
            rows = Range(plan.profile, *span(self.model, start, end))
            data = self.fetched.pop(rows, b"") or self.link.read_range(*rows)
            found = buffer.rows_of(data, plan, self.model.zone)
        except ProtocolViolation as error:
            step = plan.period_s or _SHORTEST_PERIOD_S
            steps = (end - start + 1) // step
            if self.unreadable >= MAX_UNREADABLE:
                raise
            if steps > 1:
                middle = start + steps // 2 * step
                yield from self._parts(plan, start, middle - 1)
                yield from self._parts(plan, middle, end)
                return
            self.link.look()  # it is these bytes that fail, and nothing else
            self.unreadable += 1
            self.facts.skipped[plan.profile] = of_error(
                FindingKind.ROWS_UNREADABLE,
                self.link.label,
                error,
                profile=plan.profile,
                first=start,
                last=end,
            )
            found = Decoded(())
        yield start, end, found

    def _differs(
        self, profile: Obis, mark: int | None, start: int, end: int, found: Decoded
    ) -> bool:
        """Tell whether a row that an earlier poll returned is gone, or is another one now."""
        held = self.facts.sent.get(profile)
        if held is None or held[0] != mark:
            return False
        now = frozenset(found.rows)
        return any(row not in now for row in held[1] if start <= (row[0] or 0) <= end)

    def _look_again(self, wanted: ProfileToRead, held: Held, layouts: Layouts) -> None:
        """See after a surprise that the meter still captures the same, and who it is.

        Raises:
            _LayoutChangedError: it does not.
            BusError, MeterError: it cannot be read.
        """
        if layouts.again(wanted) is not held:
            raise _LayoutChangedError
        self.link.look_closely()

    def _believed(self, profile: Obis, start: int, found: Decoded) -> Sequence[Row]:
        """Return the rows that can be booked, once the meter has said again who it is."""
        self.link.confirm()
        self._tell_lost(profile, start, found)
        return self._in_time(profile, start, found.rows)

    def _in_time(self, profile: Obis, start: int, rows: Sequence[Row]) -> Sequence[Row]:
        """Leave out rows of the future, and those that may be of another time."""
        past = [row for row in rows if row[0] is not None and row[0] <= self.limit]
        if not self.facts.doubted:
            return past
        kept = [row for row in past if not self.facts.is_doubted(row[0] or 0)]
        if len(kept) < len(past):
            count = len(past) - len(kept)
            self._note(FindingKind.ROWS_IN_DOUBT, profile=profile, count=count, first=start)
        return kept

    def _tell_lost(self, profile: Obis, start: int, found: Decoded) -> None:
        for kind, count in (
            (FindingKind.ROWS_WITHOUT_TIME, found.bad_time),
            (FindingKind.ROWS_MISFIT, found.misfit),
            (FindingKind.ROWS_WITHOUT_CODE, found.no_code),
        ):
            if count:
                self._note(kind, profile=profile, count=count, first=start)

    def _keep(self, held: Held, mark: int | None, reached: int | None, rows: Sequence[Row]) -> None:
        """Hand out the rows that are new, and move the watermark."""
        plan = held.plan
        profile = plan.profile
        fresh = self._unsent(profile, mark, rows)
        if self.model.status_bits and rows and not plan.is_log:
            before = self.last.get(profile, ())
            noted = events_of(
                (*before, *rows),
                fresh,
                self.model.status_bits,
                from_the_first=mark is None and not before,
            )
            self.last[profile] = (rows[-1],)
            if noted:
                self.blocks.append(MeterRows(PROFILE_STATUS, 0, (), noted))
        for first in range(0, len(fresh), MAX_ROWS):
            part = tuple(fresh[first : first + MAX_ROWS])
            self.blocks.append(MeterRows(profile, plan.period_s, plan.columns, part))
        if self.synchronised and reached is not None:
            self.watermarks[profile] = reached
            self._note_captured(held)
            if mark is None or reached > mark:
                self._remember(profile, reached, rows)

    def _unsent(self, profile: Obis, mark: int | None, rows: Sequence[Row]) -> Sequence[Row]:
        """Leave out the rows of the overlap that an earlier poll returned just the same.

        They are known to be stored only if the caller came back with the watermark that the
        earlier poll had moved: it moves in the same transaction as the rows.
        """
        held = self.facts.sent.get(profile)
        if held is None or mark is None or held[0] != mark:
            return rows
        return [row for row in rows if row not in held[1]]

    def _remember(self, profile: Obis, reached: int, rows: Sequence[Row]) -> None:
        """Keep the rows that the next poll's overlap will bring again."""
        held = self.facts.sent.get(profile)
        read = {row[0] for row in rows}
        recent = [*rows, *(row for row in (held[1] if held else ()) if row[0] not in read)]
        first = min(reached - OVERLAP_S, self.facts.settled.get(profile, reached))
        kept = frozenset(row for row in recent if first <= (row[0] or 0) <= reached)
        self.facts.sent[profile] = (reached, kept)


def is_news(obis: Obis, error: AccessDenied, facts: Known, now_s: float) -> bool:
    """Remember an object that is not there; tell whether its refusal is to be told, once a day."""
    if error.result not in NOT_THERE:
        return True
    if facts.absent.get(obis, 0) > now_s:
        return False
    facts.absent[obis] = now_s + LAYOUT_LIFE_S
    return True
