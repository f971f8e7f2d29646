# SPDX-License-Identifier: MIT
"""The boundary rows of a month: what is known of each meter's register around its cuts.

A cut is one of the two borders of the month, or a moment at which an assignment of the meter begins
or ends within it. At each the last reading at or before it is read. Where that is not of the moment
itself, the first one behind it follows, at most a day away on either side; of a meter that was put
in its first one, however late, and the last one long before. Beside them stand the readings that
people made within the window for self-reads, the claims close to the cut that are not elected, and,
where a value has to be placed, the intervals across the gap, or what a check meter counted
meanwhile. A meter whose month before was closed has the reading that closed it.

In: the store, within one snapshot; the assignments of a month. Out: for each meter its cuts, and
what is known around them. Never: a choice (`core.border_choice` makes it).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from cloud_ingest.core.border import JITTER, PROMPT, Cut, Known, NotElected, Rules, cuts_of
from cloud_ingest.core.border_choice import choose_border
from cloud_ingest.core.month import MICROSECOND, Month
from cloud_ingest.core.placing import Interval
from cloud_ingest.core.rating import UNRATED, Rating, most_per_hour
from cloud_ingest.core.register import DayRegister, Epochs, Register, tolerance_of
from cloud_ingest.month.boundaries import (
    Closings,
    MeterRows,
    MeterService,
    MonthChannels,
    Opening,
    meter_key,
    serves_at,
)
from cloud_ingest.month.check_meter import checked_use
from cloud_ingest.store import readings_read
from cloud_ingest.store.assignments import Assignment, assignments_of_meters
from cloud_ingest.store.channels import Channel
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.ratings import ratings_of
from cloud_ingest.store.readings_read import HandWindow, Window
from shared_schema.billing import EstimateMethod

LONG_BEFORE: Final = timedelta(days=366)
"""So long before a meter came its last reading may lie, which bounds what it showed then."""

_T = TypeVar("_T")


def read_boundaries(
    conn: Connection,
    assigned: Sequence[Assignment],
    billed: MonthChannels,
    profile: MonthChannels,
    month: Month,
    *,
    before: Closings,
    stated: Mapping[MeterService, Opening] = {},
    self_read_window: timedelta,
    days: Mapping[int, Sequence[DayRegister]],
) -> dict[int, MeterRows]:
    """Return what is known of each meter around a month, by meter id.

    Args:
        conn: The store.
        assigned: The assignments of the month.
        billed: The billed channels of their meters.
        profile: Their channels of intervals.
        month: The month.
        before: Where the month before was closed.
        stated: What it stated last of each meter, where that may be for nobody.
        self_read_window: How far from a border a self-read may stand for it.
        days: The last register of each day around the month, by channel.
    """
    served = _served(conn, assigned, month)
    opens_at = {own: _opening(spans, month, before, stated) for own, spans in served.items()}
    meters = _meters(served, opens_at, billed, month)
    readings = _readings(conn, meters.values(), month, billed.exponents, self_read_window)
    against = readings_read.questioned_in(conn, _near_cuts(meters.values()), billed.exponents)
    beside = readings_read.not_elected_in(conn, _close_to_cuts(meters.values()), billed.exponents)
    epochs, ratings = epochs_of(conn, billed.exponents), ratings_of(conn, meters)
    found: dict[int, MeterRows] = {}
    for meter_id, meter in meters.items():
        first, rating = meter.served[0], ratings.get(meter_id, UNRATED)
        known = meter.known(readings, beside, epochs, meter.rules(self_read_window, rating))
        questioned = meter.own(against)
        found[meter_id] = MeterRows(
            meter=first.meter,
            service=first.service,
            channels=meter.channels,
            cuts=meter.cuts,
            known=replace(
                known,
                doubted=frozenset(each.register for each in questioned if not each.is_restored),
                overruled=frozenset(each.register for each in questioned if each.is_restored),
            ),
            opening=meter.opening,
            served=meter.served,
            days=meter.own(days),
            step=meter.step(billed.exponents),
            rating=rating,
            has_absurd_scaler=meter_id in billed.absurd,
        )
    return _with_checks(conn, _with_intervals(conn, found, profile))


@dataclass(frozen=True, slots=True)
class _Meter:
    """A meter whose rows are looked for."""

    served: Sequence[Assignment]
    channels: Sequence[Channel]
    cuts: Sequence[Cut]
    opening: Opening | None

    @property
    def tolerance(self) -> timedelta:
        """How far before a border its last register may lie."""
        periods = (tolerance_of(channel.period_s) for channel in self.channels)
        return max(periods, default=timedelta())

    def step(self, exponents: Mapping[int, int]) -> Decimal:
        """Return the coarsest step of its channels; 0: it has none."""
        steps = (Decimal(1).scaleb(exponents[channel.channel_id]) for channel in self.channels)
        return max(steps, default=Decimal(0))

    @property
    def period(self) -> timedelta:
        """How often its register is read."""
        periods = (timedelta(seconds=channel.period_s) for channel in self.channels)
        return min(periods, default=timedelta())

    def rules(self, self_read_window: timedelta, rating: Rating) -> Rules:
        """Return by what its borders are chosen."""
        only_units = all(each.subject_type == "unit" for each in self.served)
        most = most_per_hour(self.served[0].service, only_units=only_units, rating=rating)
        return Rules(self.tolerance, self_read_window, most, self.period)

    def known(
        self,
        readings: Mapping[int, Sequence[Register]],
        beside: Mapping[int, Sequence[NotElected]],
        epochs: Epochs,
        rules: Rules,
    ) -> Known:
        """Return what is known around its cuts; without intervals."""
        return Known(
            sound=self.own(readings),
            epochs=epochs,
            not_elected=self.own(beside),
            rules=rules,
        )

    def own(self, by_channel: Mapping[int, Sequence[_T]]) -> list[_T]:
        """Return what is of its channels."""
        return [
            each for channel in self.channels for each in by_channel.get(channel.channel_id, ())
        ]

    def windows(self, start: datetime, end: datetime) -> list[Window]:
        """Return a window of each of its channels."""
        return [Window(channel.channel_id, start, end) for channel in self.channels]


def _served(
    conn: Connection, assigned: Sequence[Assignment], month: Month
) -> dict[int, list[Assignment]]:
    """Return all that each meter served in a month and up to its borders, by meter id.

    One that serves nobody in it has whom it served last before it.
    """
    served: dict[int, list[Assignment]] = {each.meter_id: [] for each in assigned}
    for each in assignments_of_meters(conn, served, month.start, month.end):
        served[each.meter_id].append(each)
    for each in assigned:
        served[each.meter_id] = served[each.meter_id] or [each]
    return served


def _meters(
    served: Mapping[int, Sequence[Assignment]],
    opens_at: Mapping[int, Opening | None],
    billed: MonthChannels,
    month: Month,
) -> dict[int, _Meter]:
    """Return the meters of a month by their ids."""
    own: dict[int, list[Channel]] = {meter_id: [] for meter_id in served}
    for channel in billed.channels:
        own[channel.meter_id].append(channel)
    return {
        meter_id: _Meter(
            spans,
            own[meter_id],
            cuts_of(month.start, month.end, [(a.valid_from, a.valid_to) for a in spans]),
            opens_at[meter_id],
        )
        for meter_id, spans in served.items()
    }


def _opening(
    served: Sequence[Assignment],
    month: Month,
    before: Closings,
    stated: Mapping[MeterService, Opening],
) -> Opening | None:
    """Return where the month before was closed for whomever a meter served at its end.

    A month in which it serves nobody at first opens where the month before told of it last.
    """
    for each in served:
        key = meter_key(each)
        is_last = each.valid_to is None or each.valid_to >= month.start
        if each.valid_from < month.start and is_last and key in before:
            return Opening(key, before[key])
    if any(serves_at(each, month.start) for each in served):
        return None
    return stated.get(MeterService(served[0].meter, served[0].service))


def _readings(
    conn: Connection,
    meters: Collection[_Meter],
    month: Month,
    exponents: dict[int, int],
    self_read_window: timedelta,
) -> dict[int, list[Register]]:
    """Return the readings around the cuts of meters, by channel."""
    last_in: list[Window] = []
    handed_over: dict[datetime, list[int]] = {}
    for meter in meters:
        for cut in meter.cuts:
            last_in += meter.windows(cut.at - (LONG_BEFORE if cut.begins else PROMPT), cut.at)
            if not cut.is_month:
                ids = [channel.channel_id for channel in meter.channels]
                handed_over.setdefault(cut.at, []).extend(ids)
        if meter.opening is not None:
            at = meter.opening.reading.at
            last_in += meter.windows(at, at)
    by_hand = [(month.start, sorted(exponents)), (month.end, sorted(exponents))]
    found = readings_read.boundary_readings(
        conn,
        last_in=last_in,
        by_hand_in=[
            HandWindow(at - self_read_window, at + self_read_window, tuple(channels))
            for at, channels in (*by_hand, *handed_over.items())
        ],
        exponents=exponents,
    )
    first_in: list[Window] = []
    for meter in meters:
        own = meter.own(found)
        finest = min((each.exponent for each in own), default=0)
        read_at = {each.ts for each in own if each.exponent == finest}
        for cut in meter.cuts:
            if cut.at not in read_at:
                until = max(cut.at + PROMPT, month.end) if cut.begins else cut.at + PROMPT
                first_in += meter.windows(cut.at + MICROSECOND, until)
    later = readings_read.boundary_readings(conn, first_in=first_in, exponents=exponents)
    return {
        channel_id: [*found.get(channel_id, ()), *later.get(channel_id, ())]
        for channel_id in found.keys() | later.keys()
    }


def _close_to_cuts(meters: Iterable[_Meter]) -> list[Window]:
    """Return where the claims are looked for that might have met a cut."""
    found: list[Window] = []
    for meter in meters:
        reach = meter.tolerance + JITTER
        for cut in meter.cuts:
            found += meter.windows(cut.at - reach, cut.at + reach)
    return found


def _near_cuts(meters: Iterable[_Meter]) -> list[Window]:
    """Return where the readings lie that may meet a cut, or a value be placed between."""
    found: list[Window] = []
    for meter in meters:
        for cut in meter.cuts:
            found += meter.windows(cut.at - PROMPT, cut.at + PROMPT)
        if meter.opening is not None:
            at = meter.opening.reading.at
            found += meter.windows(at, at)
    return found


def _with_intervals(
    conn: Connection, meters: dict[int, MeterRows], profile: MonthChannels
) -> dict[int, MeterRows]:
    """Add the intervals across the gaps in which a value has to be placed."""
    own: dict[int, list[Channel]] = {}
    for channel in profile.channels:
        own.setdefault(channel.meter_id, []).append(channel)
    windows: list[Window] = []
    for meter_id, rows in meters.items():
        for cut in rows.cuts if meter_id in own else ():
            border = choose_border(rows.known, cut)
            if border.is_placed and border.before is not None and border.after is not None:
                windows += [
                    Window(
                        channel.channel_id,
                        border.before.ts + MICROSECOND,
                        border.after.ts + timedelta(seconds=channel.period_s),
                    )
                    for channel in own[meter_id]
                ]
    if not windows:
        return meters
    read = readings_read.intervals_in(conn, windows, profile.exponents)
    return {
        meter_id: rows
        if meter_id not in own
        else replace(rows, known=replace(rows.known, intervals=_intervals(own[meter_id], read)))
        for meter_id, rows in meters.items()
    }


def _with_checks(conn: Connection, meters: dict[int, MeterRows]) -> dict[int, MeterRows]:
    """Add what check meters counted where a value would be placed by time."""
    moments: dict[int, set[datetime]] = {}
    for meter_id, rows in meters.items():
        for cut in rows.cuts:
            border = choose_border(rows.known, cut)
            if border.placed_by is EstimateMethod.LINEAR and border.before and border.after:
                ends = {border.before.ts, cut.at, border.after.ts}
                moments.setdefault(meter_id, set()).update(ends)
    checked = checked_use(conn, moments)
    return meters | {
        meter_id: replace(rows, known=replace(rows.known, check=checked[meter_id]))
        for meter_id, rows in meters.items()
        if meter_id in checked
    }


def _intervals(
    channels: Iterable[Channel], read: Mapping[int, Sequence[tuple[datetime, Decimal]]]
) -> list[Interval]:
    return [
        Interval(end - timedelta(seconds=channel.period_s), end, used)
        for channel in channels
        for end, used in read.get(channel.channel_id, ())
        if channel.period_s > 0
    ]
