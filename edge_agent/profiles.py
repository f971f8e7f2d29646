# SPDX-License-Identifier: GPL-2.0-only
"""Reading profiles: the rows after a watermark, in windows, oldest first.

In: a link to a meter, what its model has, watermarks. Out: blocks of rows, new watermarks.
Never: a stored state; a watermark beyond the meter's clock or the gateway's.

A window begins one hour before the watermark. One that ends before now moves the watermark to
its end, empty or not; the last one moves it to its newest row. A window that failed moves
nothing, so it is read again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge_agent import decode
from edge_agent.decode import Layout, MeterRows, Row
from edge_agent.errors import AccessDenied, BusError, MeterError, ProtocolViolation
from edge_agent.link import Known, Link, asking
from edge_agent.model import Model, ProfileToRead
from shared_schema.catalogue import CAPTURE_PERIOD, SCALER_PROFILES
from shared_schema.obis import Obis

OVERLAP_S: Final = 3600
LAYOUT_LIFE_S: Final = 86400
"""How long a layout, or that an object is absent, is taken as known."""
FALLBACK_HISTORY_S: Final = 40 * 86400
"""Where reading begins in a meter whose oldest row cannot be told."""
BEHIND_S: Final = 600
"""How far a meter's clock may stand behind its watermark before it is said."""
MAX_ROWS: Final = 500
"""Rows in one block, at most."""
_MAX_PERIOD_S: Final = 366 * 86400
_ABSENT: Final = frozenset((4, 9, 11))
"""Data-access-results for: undefined, of another class, unavailable."""


@dataclass
class ProfileReader:
    """What reading the profiles of one meter needs, and what comes of it."""

    link: Link
    model: Model
    facts: Known
    now: Callable[[], float]
    """The gateway's time, seconds since 1970."""
    limit: float
    """The time that no watermark passes."""
    synchronised: bool
    problems: list[str]
    blocks: list[MeterRows] = field(default_factory=list)
    watermarks: dict[Obis, int] = field(default_factory=dict)
    caught_up: bool = True

    def read(self, watermarks: Mapping[Obis, int], windows: int) -> None:
        """Read what is due of each profile; a failure keeps what was read before it."""
        for wanted in self.model.profiles:
            if self.facts.absent.get(wanted.obis, 0) > self.now():
                continue
            mark = watermarks.get(wanted.obis)
            try:
                plan = self._layout(wanted)
                if self._is_due(wanted, plan, mark):
                    self._read_windows(wanted, plan, mark, windows)
            except AccessDenied as error:
                report_denied(wanted.obis, error, self.facts, self.now(), self.problems)
            except (MeterError, BusError) as error:
                # What waits is read in line time left only if this poll got anywhere.
                self.caught_up = self.caught_up and wanted.obis not in self.watermarks
                self._problem(f"{wanted.obis}: {error}")
                if isinstance(error, BusError):
                    return

    def _problem(self, text: str) -> None:
        self.problems.append(f"{self.link.label}: {text}")

    def _is_due(self, wanted: ProfileToRead, plan: Layout, mark: int | None) -> bool:
        """Tell whether a row after the watermark can be there."""
        if mark is None:
            return True
        if self.limit < mark - BEHIND_S:
            self._problem(f"{wanted.obis} was read beyond the meter's clock: rewind its watermark")
        if wanted.every == "day":
            shift = self.model.zone_offset_min * 60
            return (self.limit + shift) // 86400 * 86400 - shift > mark
        return self.limit >= mark + plan.period_s

    # ------------------------------------------------------------------- layout

    def _layout(self, wanted: ProfileToRead) -> Layout:
        """Return how to read a profile: remembered for a day, or read from the meter.

        Raises:
            AccessDenied: the meter does not have it.
            BusError, MeterError: it cannot be read.
        """
        held = self.facts.layouts.get(wanted.obis)
        if held is not None and held[0] > self.now():
            return held[1]
        plan = self._read_layout(wanted)
        if held is not None and held[1].objects != plan.objects:
            self._problem(f"{wanted.obis} captures other objects than before")
        self.facts.layouts[wanted.obis] = (self.now() + LAYOUT_LIFE_S, plan)
        return plan

    def _read_layout(self, wanted: ProfileToRead) -> Layout:
        """Read capture objects, capture period and scalers."""
        profile = wanted.obis
        objects = decode.capture_objects(self.link.read(asking(profile, 7, 3)))
        period_s = wanted.period_s if wanted.period_s is not None else self._period_s(profile)
        scalers = self._scaler_profile(profile)
        for captured in decode.value_objects(objects).values():
            if captured.obis not in scalers:
                found = self.link.scaler_of(captured.obis, captured.class_id, scalers)
                if found is None:
                    self._problem(f"{captured.obis} has no scaler: it is left out of {profile}")
                else:
                    scalers[captured.obis] = found
        return decode.layout(profile, period_s, objects, scalers)

    def _period_s(self, profile: Obis) -> int:
        """Read the capture period: from the profile, else from 1.0.0.8.4; 0 when unknown."""
        for wanted in ((profile, 7, 4), (CAPTURE_PERIOD, 1, 2)):
            answer = self.link.read_one(wanted)
            if isinstance(answer, bytes):
                found = decode.integer(answer)
                if found is not None and 0 <= found <= _MAX_PERIOD_S:
                    return found
        return 0

    def _scaler_profile(self, profile: Obis) -> dict[Obis, tuple[int, int]]:
        """Read the scaler profile that stands beside a profile, if there is one."""
        beside = SCALER_PROFILES.get(profile)
        if beside is None:
            return {}
        try:
            objects = decode.capture_objects(self.link.read(asking(beside, 7, 3)))
            return decode.scaler_profile(self.link.read(asking(beside, 7, 2)), objects)
        except (AccessDenied, ProtocolViolation):
            return {}

    # ------------------------------------------------------------------ windows

    def _oldest(self, plan: Layout) -> int | None:
        """Return the time of the oldest row, or None for a profile that has none yet."""
        try:
            data = self.link.read(lambda reader: reader.get_entries(plan.profile, 1, 1))
            found = decode.rows(data, plan, self.model.zone)
        except (AccessDenied, ProtocolViolation):
            return int(self.limit) - FALLBACK_HISTORY_S
        if found.rows:
            return found.rows[0][0]
        if found.bad_time or found.misfit:
            return int(self.limit) - FALLBACK_HISTORY_S
        return None

    def _read_windows(
        self, wanted: ProfileToRead, plan: Layout, mark: int | None, windows: int
    ) -> None:
        """Read the rows after the watermark, window by window, and move the watermark.

        Raises:
            BusError, MeterError: a window failed; those before it are kept.
        """
        start = self._oldest(plan) if mark is None else mark - OVERLAP_S
        if start is None:
            return
        reached = mark
        for _ in range(windows):
            end = start + wanted.window_h * 3600 - 1
            rows = self._read_window(plan, start, end)
            if end < self.limit:
                reached = max(end, reached or end)
            else:
                times = [row[0] for row in rows if row[0] is not None and row[0] <= self.limit]
                if times:
                    reached = max(times[-1], reached or 0)
            self._keep(plan, mark, reached, rows)
            if end >= self.limit:
                return
            start = end + 1
        # With a watermark that must not move, the same windows would be read again at once.
        self.caught_up = self.caught_up and not self.synchronised

    def _read_window(self, plan: Layout, start: int, end: int) -> Sequence[Row]:
        """Read the rows from start to end, both included, and say what was lost of them."""
        zone = self.model.zone
        first, last = (
            decode.date_time(ts, zone, with_deviation=self.model.range_deviation)
            for ts in (start, end)
        )
        data = self.link.read(lambda reader: reader.get_range(plan.profile, first, last))
        found = decode.rows(data, plan, zone)
        if found.bad_time:
            self._problem(f"{plan.profile}: {found.bad_time} rows from {start} on have no time")
        if found.misfit:
            self.facts.layouts.pop(plan.profile, None)  # read it again next time
            self._problem(f"{plan.profile}: {found.misfit} rows from {start} on do not fit")
        return found.rows

    def _keep(
        self, plan: Layout, mark: int | None, reached: int | None, rows: Sequence[Row]
    ) -> None:
        """Hand out the rows that are new, and move the watermark."""
        profile = plan.profile
        fresh = self._unsent(profile, mark, rows)
        for first in range(0, len(fresh), MAX_ROWS):
            part = tuple(fresh[first : first + MAX_ROWS])
            self.blocks.append(MeterRows(profile, plan.period_s, plan.columns, part))
        if self.synchronised and reached is not None:
            self.watermarks[profile] = reached
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
        before = held[1]
        return [row for row in rows if row[0] is None or before.get(row[0]) != row]

    def _remember(self, profile: Obis, reached: int, rows: Iterable[Row]) -> None:
        """Keep the rows that the next poll's overlap will bring again."""
        held = self.facts.sent.get(profile)
        recent = {} if held is None else dict(held[1])
        recent.update((row[0], row) for row in rows if row[0] is not None)
        kept = {ts: row for ts, row in recent.items() if reached - OVERLAP_S <= ts <= reached}
        self.facts.sent[profile] = (reached, kept)


def report_denied(
    obis: Obis, error: AccessDenied, facts: Known, now_s: float, problems: list[str]
) -> None:
    """Note a refusal; that an object is not there is said, and asked, once a day."""
    if error.result in _ABSENT:
        if facts.absent.get(obis, 0) > now_s:
            return
        facts.absent[obis] = now_s + LAYOUT_LIFE_S
    problems.append(str(error))
