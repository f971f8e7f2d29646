# SPDX-License-Identifier: MIT
"""Estimates of borders that nobody read, from what the store knows of their meters.

For each such border the sound registers on its two sides make a gap; every cut of the meter in it
is placed together with it, so that what is said of one month never contradicts the next.

In: the store, within one snapshot; the borders. Out: where the register probably stood, by meter
and border; nothing where a break or two pulse weights lie in the gap. Never: a reading, a write.
`month.known_use` reads what is known besides, `core.estimate` places.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.estimate import PlacedRegister, place
from cloud_ingest.core.gap import Gap, KnownRegister
from cloud_ingest.core.month import MICROSECOND, day_of, midnight, next_month
from cloud_ingest.core.quality import RegisterBreak
from cloud_ingest.core.rating import UNRATED, most_per_hour
from cloud_ingest.core.register import Epochs, Register, normalised
from cloud_ingest.month.known_use import Hole, Meters, others_days, own_evidence
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.channels import Channel
from cloud_ingest.store.ratings import ratings_of
from cloud_ingest.store.readings_read import Window, boundary_readings
from cloud_ingest.store.register_breaks import breaks_of
from shared_schema.billing import EstimateMethod

NEAR: Final = timedelta(days=62)
"""So far a gap usually reaches; only where it is longer is more looked for."""
FAR: Final = timedelta(days=750)
"""Two years: no gap is longer."""


class Unread(NamedTuple):
    """A border that nobody read, of a meter while it served somebody."""

    meter: Assignment
    at: datetime


Placed = Mapping[tuple[int, datetime], PlacedRegister]
"""By meter id and border."""


@dataclass(frozen=True, slots=True)
class _Edge:
    """A register on one side of a gap, and the pulse weight of its channel."""

    register: KnownRegister
    channel: Channel


def place_borders(meters: Meters, unread: Collection[Unread]) -> Placed:
    """Return where the registers of meters probably stood at borders that nobody read."""
    if not unread:
        return {}
    holes = _with_cuts(meters, _holes(meters, unread))
    evidence = own_evidence(meters, holes)
    found: dict[tuple[int, datetime], PlacedRegister] = {}
    for hole, known in zip(holes, evidence, strict=True):
        placed = place(hole.gap, hole.borders, known)
        if len(placed) < len(hole.borders) or _is_linear(placed):
            others = others_days(meters, hole)
            placed = place(hole.gap, hole.borders, replace(known, others_days=others))
        found |= {(hole.meter.meter_id, each.at): each for each in placed}
    return found


def _is_linear(placed: Iterable[PlacedRegister]) -> bool:
    return any(each.method is EstimateMethod.LINEAR and each.lower < each.upper for each in placed)


def _holes(meters: Meters, unread: Collection[Unread]) -> list[Hole]:
    """Return the gaps in which borders lie, each once."""
    breaks = breaks_of(meters.conn, {each.meter.meter_id for each in unread})
    ratings = ratings_of(meters.conn, {each.meter.meter_id for each in unread})
    edges = _edges(meters, unread)
    found: dict[tuple[int, Gap], tuple[Assignment, set[datetime]]] = {}
    for each in unread:
        own = meters.own(each.meter.meter_id)
        before, after = edges[each]
        if not own or _is_broken(meters, before, after, breaks.get(each.meter.meter_id, ())):
            continue
        exponent = min(meters.exponents[channel.channel_id] for channel in own)
        gap = Gap(
            None if before is None else before.register,
            None if after is None else after.register,
            most_per_hour(
                each.meter.service,
                only_units=each.meter.subject_type == "unit",
                rating=ratings.get(each.meter.meter_id, UNRATED),
            ),
            Decimal(1).scaleb(exponent),
        )
        if before is not None or after is not None:
            found.setdefault((each.meter.meter_id, gap), (each.meter, set()))[1].add(each.at)
    return [
        Hole(meter, gap, tuple(sorted(borders))) for (_, gap), (meter, borders) in found.items()
    ]


def _edges(
    meters: Meters, unread: Collection[Unread]
) -> dict[Unread, tuple[_Edge | None, _Edge | None]]:
    """Return the nearest sound registers before and after each border."""
    found: dict[Unread, tuple[_Edge | None, _Edge | None]] = dict.fromkeys(unread, (None, None))
    for reach in (NEAR, FAR):
        open_ones = [each for each, sides in found.items() if None in sides]
        last_in = [
            Window(channel.channel_id, each.at - reach, each.at)
            for each in open_ones
            for channel in meters.own(each.meter.meter_id)
        ]
        first_in = [
            Window(channel.channel_id, each.at + MICROSECOND, min(each.at + reach, meters.until))
            for each in open_ones
            for channel in meters.own(each.meter.meter_id)
            if each.at < meters.until
        ]
        readings = boundary_readings(
            meters.conn,
            last_in=last_in,
            first_in=first_in,
            by_hand_in=(),
            exponents=dict(meters.exponents),
        )
        for each in open_ones:
            own = [
                _Edge(_known(reading, meters.epochs), channel)
                for channel in meters.own(each.meter.meter_id)
                for reading in readings.get(channel.channel_id, ())
            ]
            before = [edge for edge in own if edge.register.at <= each.at]
            after = [edge for edge in own if edge.register.at > each.at]
            found[each] = (
                max(before, key=lambda edge: edge.register.at, default=None),
                min(after, key=lambda edge: edge.register.at, default=None),
            )
    return found


def _known(reading: Register, epochs: Epochs) -> KnownRegister:
    return KnownRegister(reading.ts, normalised(reading, epochs))


def _is_broken(
    meters: Meters, before: _Edge | None, after: _Edge | None, breaks: Sequence[RegisterBreak]
) -> bool:
    """Say whether what was counted across a gap cannot be told from its two sides."""
    if before is None or after is None:
        return False
    start, end = before.register.at, after.register.at
    epochs = [
        epoch.starts_at
        for epoch in meters.epochs.get(after.channel.channel_id, ())
        if start < epoch.starts_at <= end
    ]
    if before.channel.weight != after.channel.weight and not epochs:
        return True
    return any(
        start <= each.before
        and each.after <= end
        and not any(each.before < starts_at <= each.after for starts_at in epochs)
        for each in breaks
    )


def _with_cuts(meters: Meters, holes: Sequence[Hole]) -> list[Hole]:
    """Add to each gap every month's border in it, and every end of an assignment of its meter."""
    if not holes:
        return []
    first, last = min(hole.start for hole in holes), max(hole.end for hole in holes)
    ends: dict[int, set[datetime]] = {}
    for each in assignments_between(meters.conn, meters.society_id, first, last):
        own = {each.valid_from} | ({each.valid_to} if each.valid_to is not None else set())
        ends.setdefault(each.meter_id, set()).update(own)
    return [
        replace(
            hole,
            borders=tuple(
                sorted(
                    {
                        cut
                        for cut in (
                            *hole.borders,
                            *_month_starts(hole.start, hole.end, meters.zone),
                            *ends.get(hole.meter.meter_id, ()),
                        )
                        if hole.start <= cut <= hole.end
                    }
                )
            ),
        )
        for hole in holes
    ]


def _month_starts(start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    first = next_month(day_of(start, zone))
    found: list[datetime] = []
    while midnight(first, zone) <= end:
        found.append(midnight(first, zone))
        first = next_month(first)
    return found
