# SPDX-License-Identifier: GPL-2.0-only
"""The windows of a profile: ranges of time that are read one after the other, oldest first.

`Windows` reads one range of rows. If its bytes cannot be decoded, it halves the range down to the
one capture period that cannot be read, and yields that one as a window with an error. A meter that
cuts its answers short is asked again for the rest. Some ranges come with another request: with the
registers (`range_ahead`), or several event logs by one list.

In: a link to a meter, how a profile is read, times in seconds since 1970.
Out: `Window`s of decoded rows, ascending. Owns: buffers that came ahead of their turn.
Never: a watermark, a row judged; more of one poll left out than `unreadable` lets.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.decode import buffer
from edge_agent.decode.layout import Layout
from edge_agent.decode.rows import Decoded, joined
from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Zone
from edge_agent.errors import AccessDenied, ProtocolViolation
from edge_agent.meters.model import Model, ProfileToRead
from edge_agent.poll.by_entry import entries
from edge_agent.poll.local_time import LocalTime
from edge_agent.poll.memory import MeterFacts
from edge_agent.poll.meter_link import MeterLink, Range
from edge_agent.poll.overlap import Overlap
from edge_agent.poll.unreadable import Unreadable
from shared_schema.obis import Obis

FALLBACK_HISTORY_S: Final = 40 * 86400
"""Where reading begins in a meter whose oldest row cannot be told."""
SHORTEST_PERIOD_S: Final = 900
_MOST_AHEAD: Final = 3
"""Capture periods after which so many rows wait that they have a request of their own."""
_FEWEST_CUT: Final = 8
"""Rows of an answer that may have been cut short: no meter gives fewer of more."""
_MOST_CUT: Final = 16
"""How often what a cut answer lacks is asked for, at each end of a range."""
_HALF_DAY_S: Final = 43200
_PASSING: Final = frozenset((1, 2))
"""Data-access-results that will pass: hardware-fault, temporary-failure."""


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of one range, both ends included."""

    first: int
    last: int
    found: Decoded
    error: ProtocolViolation | None = None
    """Why the rows of this capture period cannot be read."""


def range_ahead(
    model: Model,
    local: LocalTime,
    facts: MeterFacts,
    watermarks: Mapping[Obis, int],
    now_s: float,
) -> Range | None:
    """Return the rows that can be asked for together with the registers.

    Args:
        model: the kind of the meter.
        local: the local time of its clock.
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
        newest = Overlap(facts, wanted.obis, now_s).newest_known(mark)
        period_s = held.plan.period_s
        is_next = mark + period_s <= now_s < mark + _MOST_AHEAD * period_s
        if newest is None or held.look_at <= now_s or not is_next:
            return None
        return Range(wanted.obis, *local.span(model, newest, newest + wanted.window_h * 3600 - 1))
    return None


class Windows:
    """Reads ranges of rows of one meter's profiles."""

    def __init__(
        self,
        link: MeterLink,
        model: Model,
        local: LocalTime,
        limit: float,
        fetched: Mapping[Range, bytes],
    ) -> None:
        """Take what came ahead.

        Args:
            link: the meter.
            model: its kind.
            local: the local time of its clock.
            limit: the time that no row passes.
            fetched: ranges that came with another request.
        """
        self._link = link
        self._model = model
        self._local = local
        self._limit = limit
        self._fetched = dict(fetched)
        self._unreadable = Unreadable()

    def __repr__(self) -> str:
        return (
            f"<Windows {self._link.label}: {len(self._fetched)} ahead, "
            f"{self._unreadable.left_out} unreadable>"
        )

    def fetch_together(self, logs: Sequence[Obis], start: int, end: int) -> None:
        """Read one range of several event logs by one request, where the meter does that.

        Raises:
            WrongIdentity: another meter answers.
            BusError, MeterError: there is no session any more.
        """
        first, last = self._local.span(self._model, start, end)
        found = self._link.read_ranges(logs, first, last)
        self._fetched |= {Range(log, first, last): data for log, data in found.items()}

    def drop_fetched(self) -> None:
        """Forget what came ahead: it may have been captured by another layout."""
        self._fetched.clear()

    def read(self, plan: Layout, start: int, end: int) -> Iterator[Window]:
        """Yield the rows from start to end, both included: at once, or in halves.

        Raises:
            ProtocolViolation: too much of it cannot be read.
            BusError, MeterError: there is no answer.
        """
        error = None
        try:
            found = self._read_all(plan, start, end)
        except ProtocolViolation as violation:
            step = plan.period_s or SHORTEST_PERIOD_S
            steps = (end - start + 1) // step
            self._unreadable.see(violation)
            if steps > 1:
                middle = start + steps // 2 * step
                yield from self.read(plan, start, middle - 1)
                yield from self.read(plan, middle, end)
                return
            self._link.look()  # it is these bytes that fail, and nothing else
            self._unreadable.leave_out()
            found, error = Decoded(()), violation
        yield Window(start, end, found, error)

    def _read_all(self, plan: Layout, start: int, end: int) -> Decoded:
        """Return the rows of a range, and ask again for what an answer that was cut short lacks.

        Raises:
            ProtocolViolation, BusError, MeterError: as `read`.
        """
        found = self._ask(plan, start, end)
        if plan.is_log or plan.period_s == 0 or len(found.rows) < _FEWEST_CUT:
            return found
        gap_s, until = 2 * plan.period_s, min(end, int(self._limit))
        parts, rows = [found], set(found.rows)
        for is_tail in (True, False):
            for _ in range(_MOST_CUT):
                first, last = (pick(row[0] or 0 for row in rows) for pick in (min, max))
                if not (last + gap_s < until if is_tail else start < first - gap_s):
                    break
                lacking = (last + 1, end) if is_tail else (start, first - 1)
                parts.append(self._ask(plan, *lacking))
                if rows.issuperset(parts[-1].rows):
                    break
                rows.update(parts[-1].rows)
        return joined(rows, parts)

    def _ask(self, plan: Layout, start: int, end: int) -> Decoded:
        rows = Range(plan.profile, *self._local.span(self._model, start, end))
        data = self._fetched.pop(rows, b"") or self._link.read_range(*rows)
        return buffer.rows_of(data, plan, self._model.zone, self._local.asked(start, end))

    def oldest(self, wanted: ProfileToRead, plan: Layout) -> int | None:
        """Return the time of the oldest row, or None for a profile that has none yet.

        Raises:
            AccessDenied: the meter does not tell it now.
            BusError, MeterError: there is no answer.
        """
        fallback = int(self._limit) - max(FALLBACK_HISTORY_S, wanted.window_h * 3600)
        used = self._link.read_one((plan.profile, 7, 7))
        try:
            count = axdr.integer(used) if isinstance(used, bytes) else None
            if count is None and plan.descending:
                return fallback
            if count == 0 and plan.is_log:
                return None
            places = sorted({1, count or 1})
            found = [entries(self._link, plan, each, each, self._model.zone) for each in places]
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

    def newest_is_now(self, plan: Layout) -> bool:
        """Tell, for a meter without a clock to ask, whether its newest row is of just now.

        A row that is of just now only with the deviation's sign turned, or with either sign,
        proves nothing.

        Raises:
            BusError, MeterError: there is no answer.
        """
        zone = self._model.zone
        newest, turned = self._newest(plan, zone, Zone(zone.offset_min, -zone.deviation_sign))
        return self._is_now(plan, newest) and (newest == turned or not self._is_now(plan, turned))

    def stray_row(self, plan: Layout) -> int | None:
        """Return the time of the newest row, if the meter gives it as of just now and it is not.

        Its rows are stamped in another way than its clock shows the time: in UTC, or with another
        deviation.

        Raises:
            BusError, MeterError: there is no answer.
        """
        (newest,) = self._newest(plan, self._model.zone)
        is_stray = newest is not None and not self._is_now(plan, newest)
        return newest if is_stray else None

    def _newest(self, plan: Layout, *zones: Zone) -> list[int | None]:
        """Ask for the rows of just now; return the time of the newest as each zone reads it."""
        until = int(self._limit) + _HALF_DAY_S
        first, last = self._local.span(self._model, self._earliest(plan), until)
        data = self._link.read_range(plan.profile, first, last)
        return [
            max((row[0] or 0 for row in buffer.rows_of(data, plan, each).rows), default=None)
            for each in zones
        ]

    def _earliest(self, plan: Layout) -> int:
        most = self._model.max_clock_offset_s
        return int(self._limit) - max(plan.period_s, SHORTEST_PERIOD_S) - most

    def _is_now(self, plan: Layout, ts: int | None) -> bool:
        first, _ = self._local.asked(self._earliest(plan), int(self._limit))
        return ts is not None and first <= ts <= self._limit + self._model.max_clock_offset_s
