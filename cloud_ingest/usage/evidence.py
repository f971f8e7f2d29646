# SPDX-License-Identifier: MIT
"""What may disprove a month so far, so that a view shows no number that closing would withhold.

A register's breaks, its intervals where the month was read at its end, its pulse weights, and what
its unit can use. `cloud_ingest.core.quality` has the rules; a closed month is held to the same.

In: the billed registers of a month. Out: what was counted, without what is known to be wrong.
Never: a write.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from cloud_ingest.core.consumption import Measured, has_two_weights
from cloud_ingest.core.dial_check import DialPoint
from cloud_ingest.core.disproof import Witnesses, disproofs
from cloud_ingest.core.month import Month
from cloud_ingest.core.quality import (
    Intervals,
    RegisterBreak,
    is_rescaled,
    with_findings,
)
from cloud_ingest.core.rating import UNRATED, Rating, most_per_day
from cloud_ingest.core.register import Epochs
from cloud_ingest.store.channels import channels_of_meters
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.dial_points import DialKey, dial_points
from cloud_ingest.store.ratings import ratings_of
from cloud_ingest.store.register_breaks import breaks_of
from cloud_ingest.store.rollups_read import RegisterMonth, intervals_of_month
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, Service


@dataclass(frozen=True, slots=True)
class Evidence:
    """What may disprove a month, by meter id."""

    breaks: Mapping[int, Sequence[RegisterBreak]]
    intervals: Mapping[int, Intervals]
    ratings: Mapping[int, Rating]
    points: Mapping[DialKey, Sequence[DialPoint]]
    """By meter id and service: what persons read of it."""

    def is_silent(self, row: RegisterMonth, quantity: Decimal | None) -> bool:
        """Say whether there is nothing that could disprove a quantity."""
        intervals = self.intervals.get(row.meter_id)
        agrees = intervals is None or intervals.total == quantity
        is_read = (row.meter_id, Service(row.service)) in self.points
        is_behind = bool(self.ratings.get(row.meter_id, UNRATED).transformers)
        return agrees and row.meter_id not in self.breaks and not is_read and not is_behind


def read_evidence(conn: Connection, rows: Iterable[RegisterMonth], month: Month) -> Evidence:
    """Read what may disprove a month: breaks, and the intervals of meters read at its end."""
    rows = list(rows)
    meters = {row.meter_id for row in rows}
    breaks, ratings = breaks_of(conn, meters), ratings_of(conn, meters)
    points = dial_points(conn, meters)
    ended = {
        row.meter_id
        for row in rows
        if row.last_ts == month.end and row.service == Service.ELECTRICITY
    }
    if not ended:
        return Evidence(breaks, {}, ratings, points)
    profile = channels_of_meters(conn, ended, {str(ACTIVE_IMPORT_INTERVAL)})
    exponents = {
        channel.channel_id: exponent
        for channel in profile
        if (exponent := billing_exponent(Service.ELECTRICITY, channel.unit, channel.scaler))
        is not None
    }
    known = [channel for channel in profile if channel.channel_id in exponents]
    intervals = intervals_of_month(conn, known, exponents, month)
    return Evidence(breaks, intervals, ratings, points)


def unless_disproved(
    rows: Sequence[RegisterMonth],
    measured: Measured,
    epochs: Epochs,
    evidence: Evidence,
    month: Month,
) -> Measured:
    """Count nothing that closing would withhold: no two pulse weights, no disproved quantity."""
    weights = {row.channel_id: row.weight for row in rows if row.channel_id is not None}
    place = rows[0]
    breaks = evidence.breaks.get(place.meter_id, ())
    if has_two_weights(measured, weights, epochs) or is_rescaled(measured, breaks, epochs):
        return replace(measured, quantity=None)
    if measured.quantity is None:
        return measured
    service = Service(place.service)
    rating = evidence.ratings.get(place.meter_id, UNRATED)
    witnesses = Witnesses(
        service=service,
        weights=weights,
        epochs=epochs,
        breaks=breaks,
        points=evidence.points.get((place.meter_id, service), ()),
        intervals=evidence.intervals.get(place.meter_id),
        step=max(Decimal(1).scaleb(exponent) for exponent in exponents_of(rows).values()),
        most_per_day=most_per_day(service, place.subject_type, rating),
        rating=rating,
    )
    return with_findings(measured, disproofs(measured, witnesses, month))


@functools.cache
def exponent_of(service: str, unit: int | None, scaler: int | None) -> int | None:
    """Return the exponent of a billed register; None where it is not billed."""
    if unit is None or scaler is None:
        return None
    return billing_exponent(Service(service), unit, scaler)


def exponents_of(rows: Iterable[RegisterMonth]) -> dict[int, int]:
    """Return the exponents of billed registers by channel id."""
    return {
        row.channel_id: exponent
        for row in rows
        if row.channel_id is not None
        and (exponent := exponent_of(row.service, row.unit, row.scaler)) is not None
    }
