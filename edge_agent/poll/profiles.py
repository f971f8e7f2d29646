# SPDX-License-Identifier: GPL-2.0-only
"""The profiles of one meter in one poll: which are due, from where each is read, what they added.

All rows after the watermark are read of a profile that is read more rarely than its rows come
(`due`), or whose rows have no period. One that has nothing new costs one request.

A watermark goes back in two cases. It is later than both clocks by more than their dispute,
because one of them was set back; or the profile has a column that it did not have.

In: a link to a meter, the terms of the poll, watermarks. Out: a `ProfilesRead`.
Never: a stored state; a profile tried after the line was lost; how rows are read: `profile_rows`.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge_agent.decode.layout import Captured, Layout
from edge_agent.decode.rows import MeterRows, Row
from edge_agent.errors import (
    AccessDenied,
    BusError,
    MeterError,
    PasswordRefused,
    ProtocolViolation,
    WrongIdentity,
)
from edge_agent.meters.model import ProfileToRead
from edge_agent.poll.capture_layout import Layouts
from edge_agent.poll.due import BEHIND_S, is_due
from edge_agent.poll.finding import NOT_THERE, Finding, FindingKind, Value, finding, of_error
from edge_agent.poll.memory import KnownLayout
from edge_agent.poll.meter_link import MeterLink, Range
from edge_agent.poll.overlap import OVERLAP_S, Overlap
from edge_agent.poll.profile_rows import LayoutChangedError, ProfileRead, ProfileRows, Terms, Tools
from edge_agent.poll.windows import Windows
from shared_schema.obis import Obis

_SPARSE: Final = frozenset(("hour", "month"))


@dataclass(frozen=True, slots=True)
class ProfilesRead:
    """What the profiles of one meter added."""

    blocks: tuple[MeterRows, ...]
    watermarks: dict[Obis, int]
    """For each profile read: everything up to this time (s since 1970, UTC) was read."""
    rewound: frozenset[Obis]
    """Profiles whose watermark goes back, on purpose."""
    captures: dict[Obis, Captured]
    """What differs from the captured objects that the terms name."""
    caught_up: bool
    """False: more history waits."""
    unread: frozenset[Obis]
    """Profiles that were not read, though the meter has or had them."""
    findings: tuple[Finding, ...]


def read_profiles(
    link: MeterLink,
    terms: Terms,
    watermarks: Mapping[Obis, int],
    windows: int,
    fetched: Mapping[Range, bytes] | None = None,
) -> ProfilesRead:
    """Read what is due of each profile; a failure keeps what was read before it.

    Args:
        link: the meter.
        terms: what holds for all its profiles.
        watermarks: for each profile up to when its rows are stored.
        windows: how many windows of each may be read.
        fetched: ranges that came with another request.

    Raises:
        WrongIdentity: another meter answered: nothing of this poll counts.
        PasswordRefused: a second session was refused: it must not be tried again.
    """
    ranges = Windows(link, terms.model, terms.local, terms.limit, fetched or {})
    reader = _ProfileReader(link, terms, watermarks, ranges)
    reader.read(windows)
    return reader.result()


class _ProfileReader:
    """Reads the profiles one after the other, and gathers what they added."""

    def __init__(
        self,
        link: MeterLink,
        terms: Terms,
        watermarks: Mapping[Obis, int],
        windows: Windows,
    ) -> None:
        layouts = Layouts(link, terms.facts, terms.captured, terms.now, self._note)
        self._tools = Tools(link, windows, layouts, self._note)
        self._label = link.label
        self._terms = terms
        self._marks = watermarks
        self._trusted = terms.trusted
        self._blocks: list[MeterRows] = []
        self._watermarks: dict[Obis, int] = {}
        self._rewound: set[Obis] = set()
        self._captures: dict[Obis, Captured] = {}
        self._last: dict[Obis, tuple[Row, ...]] = {}
        self._more_waits = False
        self._unread: set[Obis] = set()
        self._findings: list[Finding] = []

    def result(self) -> ProfilesRead:
        """Return what was read."""
        return ProfilesRead(
            blocks=tuple(self._blocks),
            watermarks=self._watermarks,
            rewound=frozenset(self._rewound),
            captures=self._captures,
            caught_up=not self._more_waits,
            unread=frozenset(self._unread),
            findings=tuple(self._findings),
        )

    def _note(self, kind: FindingKind, **values: Value) -> None:
        """Keep what a person should know."""
        self._findings.append(finding(kind, self._label, **values))

    def read(self, windows: int) -> None:
        """Read what is due of each profile.

        Raises:
            WrongIdentity, PasswordRefused: as `read_profiles`.
        """
        facts = self._terms.facts
        if windows and self._trusted:
            self._fetch_logs()
        is_lost = False
        for wanted in self._terms.model.profiles:
            if wanted.whole and not self._terms.live:
                continue
            if facts.absent.get(wanted.obis, 0) > self._terms.now():
                continue
            if is_lost or self._trusted is False:
                self._unread.add(wanted.obis)
                continue
            is_lost = self._try_profile(wanted, windows)
            if wanted.obis in facts.skipped:
                self._findings.append(facts.skipped[wanted.obis])

    def _try_profile(self, wanted: ProfileToRead, windows: int) -> bool:
        """Read one profile, or note why not; tell whether the line is lost.

        Raises:
            WrongIdentity, PasswordRefused: as `read_profiles`.
        """
        facts, label = self._terms.facts, self._label
        try:
            self._read_profile(wanted, windows)
        except (WrongIdentity, PasswordRefused):
            raise
        except AccessDenied as error:
            facts.tried[wanted.obis] = self._terms.limit
            never_was = self._marks.get(wanted.obis) is None and error.result in NOT_THERE
            if not never_was:
                self._unread.add(wanted.obis)
            is_new = facts.is_news(wanted.obis, error, self._terms.now())
            if is_new and not (wanted.optional and never_was):
                self._findings.append(of_error(FindingKind.DENIED, label, error))
        except (MeterError, BusError) as error:
            # What waits is read in line time left only if this poll got anywhere.
            self._more_waits = self._more_waits or wanted.obis in self._watermarks
            self._findings.append(of_error(FindingKind.UNREADABLE, label, error, obis=wanted.obis))
            self._unread.add(wanted.obis)
            if isinstance(error, BusError):
                return True
            facts.tried[wanted.obis] = self._terms.limit
        return False

    def _fetch_logs(self) -> None:
        """Read the event logs that are due by one request, as far as nothing else is to be seen.

        Raises:
            WrongIdentity, PasswordRefused: as `read_profiles`.
        """
        terms = self._terms
        logs: dict[tuple[int, int], list[Obis]] = {}
        for wanted in terms.model.profiles:
            held, mark = terms.facts.layouts.get(wanted.obis), self._marks.get(wanted.obis)
            if held is None or mark is None or not held.plan.is_log:
                continue
            is_plain = held.look_at > terms.now() and terms.limit >= mark - BEHIND_S
            if is_plain and self._is_due(wanted, held.plan, mark):
                logs.setdefault((mark, wanted.window_h), []).append(wanted.obis)
        for (mark, window_h), together in logs.items():
            first = mark - OVERLAP_S
            if len(together) > 1:
                try:
                    self._tools.windows.fetch_together(together, first, first + window_h * 3600 - 1)
                except (WrongIdentity, PasswordRefused):
                    raise
                except (BusError, MeterError):
                    return

    def _read_profile(self, wanted: ProfileToRead, windows: int) -> None:
        """Read one profile; by its new layout, if that changed while it was read."""
        known = self._terms.facts.layouts.get(wanted.obis)
        mark = self._marks.get(wanted.obis)
        if not self._is_due(wanted, None if known is None else known.plan, mark):
            return
        if windows == 0 and wanted.every in _SPARSE:
            self._wait()
            return
        for _ in range(2):
            held = self._tools.layouts.layout_of(wanted)
            if known is not held:
                self._tools.windows.drop_fetched()
            begin = self._begin(wanted.obis, held, mark)
            if not self._is_due(wanted, held.plan, begin):
                if begin is not None:
                    self._note_captured(held)
                return
            if not self._trusts(wanted, held.plan):
                self._unread.add(wanted.obis)
                return
            if self._read_rows(wanted, held, begin, windows):
                break
            mark = self._watermarks.get(wanted.obis, mark)
        self._terms.facts.tried[wanted.obis] = self._terms.limit

    def _read_rows(
        self, wanted: ProfileToRead, held: KnownLayout, begin: int | None, windows: int
    ) -> bool:
        """Read the rows of a profile; tell whether its layout stayed the same meanwhile."""
        rows = ProfileRows(self._tools, self._terms, wanted, held, self._last.get(wanted.obis, ()))
        try:
            rows.read(begin, windows)
        except LayoutChangedError:
            return False
        finally:
            self._gather(held, rows.result())
        return True

    def _gather(self, held: KnownLayout, found: ProfileRead) -> None:
        """Take what a profile added, also when it failed after that."""
        profile = held.plan.profile
        self._blocks += found.blocks
        self._last[profile] = found.last
        if found.watermark is not None:
            self._watermarks[profile] = found.watermark
            self._note_captured(held)
        if found.more_waits:
            self._wait()

    def _wait(self) -> None:
        """Note that more history waits.

        With a watermark that must not move, the same windows would be read again at once.
        """
        self._more_waits = self._more_waits or self._terms.synchronised

    def _begin(self, profile: Obis, held: KnownLayout, mark: int | None) -> int | None:
        """Return the watermark to read from: as it is stored, or set back for a reason."""
        terms = self._terms
        if mark is None or not terms.synchronised:
            return mark
        before = terms.captured.get(profile)
        if before is not None and profile not in self._captures:
            gained = {column.obis for column in held.plan.columns} - set(before.columns)
            if gained:
                names = ", ".join(map(str, sorted(gained)))
                self._note(FindingKind.COLUMNS_GAINED, profile=profile, names=names)
                self._rewind(profile)
                return None
        if terms.limit < mark - BEHIND_S:
            by_s = round(mark - terms.limit)
            self._note(FindingKind.READ_BEYOND_CLOCKS, profile=profile, by_s=by_s)
            self._rewind(profile)
            self._watermarks[profile] = int(terms.limit) - OVERLAP_S
            return self._watermarks[profile]
        return mark

    def _rewind(self, profile: Obis) -> None:
        """Set a watermark back: all rows after it are wanted again."""
        self._rewound.add(profile)
        Overlap(self._terms.facts, profile, self._terms.limit).forget()

    def _is_due(self, wanted: ProfileToRead, plan: Layout | None, mark: int | None) -> bool:
        """Tell whether a row after the watermark can be there, or is wanted all the same."""
        if wanted.obis in self._terms.forced:
            return True
        if plan is None and wanted.every not in _SPARSE:
            return True
        return is_due(
            wanted,
            period_s=0 if plan is None else plan.period_s,
            mark=mark,
            tried_at=self._terms.facts.tried.get(wanted.obis),
            limit=self._terms.limit,
            shift_s=self._terms.local.offset_min * 60,
            label=self._label,
        )

    def _trusts(self, wanted: ProfileToRead, plan: Layout) -> bool:
        """Tell whether the meter's times are right; without a clock, its newest row tells.

        The first time, the newest row must be of the time that a right clock shows.
        """
        seen = self._terms.facts.by_clock
        if self._trusted and wanted.every == "period" and wanted.obis not in seen:
            with contextlib.suppress(ProtocolViolation):  # what is damaged is told by its window
                self._see_newest(wanted.obis, plan)
        elif self._trusted is None and wanted.every not in _SPARSE:
            self._trusted = self._tools.windows.newest_is_now(plan)
            if not self._trusted:
                self._note(FindingKind.NEWEST_ROW_IS_OLD)
        return bool(self._trusted)

    def _see_newest(self, profile: Obis, plan: Layout) -> None:
        stray = self._tools.windows.stray_row(plan)
        if stray is None:
            self._terms.facts.by_clock.add(profile)
            return
        self._trusted = False
        by_s = round(stray - self._terms.limit)
        self._note(FindingKind.ROWS_NOT_BY_CLOCK, profile=profile, by_s=by_s)

    def _note_captured(self, held: KnownLayout) -> None:
        found = Captured(held.digest, tuple(column.obis for column in held.plan.columns))
        if self._terms.captured.get(held.plan.profile) != found:
            self._captures[held.plan.profile] = found
