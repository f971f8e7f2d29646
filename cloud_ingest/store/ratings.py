# SPDX-License-Identifier: MIT
"""What the list of units says of meters: in versions, as it was said each time.

The columns of ``meter`` have what the judges of readings need of it: the widest ceilings of all
times, and the newest bits of the status.

In: meters, or a society. Out: the ratings of those that have one. Owns: the table
``meter_version``. Never: an update of a version, but of when it was superseded.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_ingest.core.balance import MeterLimits
from cloud_ingest.core.rating import UNRATED, Rating, Transformers
from cloud_ingest.core.unit_meter import ACCURACY_CLASSES, Meter, RatingVersion, in_order
from cloud_ingest.core.unit_meter import Rating as ListedRating
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalar

ListedRatings = Mapping[Meter, tuple[RatingVersion, ...]]
"""By meter what holds, the oldest first."""


@dataclass(frozen=True, slots=True)
class MeterVersion:
    """What was said of a meter once, and until when that held."""

    meter_id: int
    meter: Meter
    since: datetime | None
    """From when on it is so; None: from when the meter was there."""
    rating: ListedRating
    author: str
    reason: str
    recorded_at: datetime
    superseded_at: datetime | None
    """None: it holds."""
    entry_order: int
    superseded_order: int | None


@translating
def ratings_of(conn: Connection, meters: Collection[int]) -> dict[int, Rating]:
    """Return the ratings of meters, by meter id; of the others nothing is known."""
    own = sorted(meters)
    rows = conn.execute(
        """
        SELECT meter_id, phases, max_current_a, q4_m3_h FROM meter
        WHERE meter_id = ANY(%s::int[]) AND num_nonnulls(phases, max_current_a, q4_m3_h) > 0
        """,
        (own,),
    )
    found = {meter_id: Rating(*rated) for meter_id, *rated in rows}
    for meter_id, hanging in _transformers(conn, own).items():
        found[meter_id] = found.get(meter_id, UNRATED)._replace(transformers=tuple(hanging))
    return found


def _transformers(conn: Connection, meters: list[int]) -> dict[int, list[Transformers]]:
    found: dict[int, list[Transformers]] = {}
    for meter_id, since, *said in conn.execute(query("assignment/transformers"), (meters,)):
        rating = ListedRating(**dict(zip(("ct_ratio", "pt_ratio", "counts"), said, strict=True)))
        hanging = Transformers(since, rating.factor, rating.is_secondary)
        found.setdefault(meter_id, []).append(hanging)
    return found


@translating
def limits_of(conn: Connection, society_id: int) -> dict[Meter, MeterLimits]:
    """Return how fine meters count and by how much they may err, where a list says it."""
    rows = conn.execute(
        """
        SELECT DISTINCT ON (meter_id) manufacturer, serial, resolution, accuracy_class
        FROM meter_version JOIN meter USING (meter_id)
        WHERE meter_version.society_id = %s AND superseded_at IS NULL
        ORDER BY meter_id, since DESC NULLS LAST
        """,
        (society_id,),
    )
    return {
        (manufacturer, serial): MeterLimits(resolution, ACCURACY_CLASSES.get(accuracy_class or ""))
        for manufacturer, serial, resolution, accuracy_class in rows
    }


@translating
def register_digits(conn: Connection, meter_id: int, at: datetime) -> int | None:
    """Return how many digits a meter's register has before the point; None: nobody said so."""
    digits: int | None = scalar(
        conn,
        """
        SELECT register_digits FROM meter_version
        WHERE meter_id = %s AND superseded_at IS NULL AND (since IS NULL OR since <= %s)
        ORDER BY since DESC NULLS LAST LIMIT 1
        """,
        (meter_id, at),
    )
    return digits


@translating
def meter_versions(conn: Connection, society_id: int) -> list[MeterVersion]:
    """Return every version of what a society's list says of meters, in the order of recording."""
    return all_rows(conn, _version, query("assignment/meters"), {"society_id": society_id})


def _version(
    *,
    meter_id: int,
    manufacturer: str,
    serial: str,
    since: datetime | None,
    author: str,
    reason: str,
    recorded_at: datetime,
    superseded_at: datetime | None,
    entry_order: int,
    superseded_order: int | None,
    **columns: Any,
) -> MeterVersion:
    return MeterVersion(
        meter_id,
        (manufacturer, serial),
        since,
        ListedRating(**columns),
        author,
        reason,
        recorded_at,
        superseded_at,
        entry_order,
        superseded_order,
    )


def holding(versions: Collection[MeterVersion]) -> ListedRatings:
    """Return what holds, by meter; pure."""
    found: dict[Meter, list[RatingVersion]] = {}
    for each in versions:
        if each.superseded_at is None:
            found.setdefault(each.meter, []).append(RatingVersion(each.since, each.rating))
    return {meter: in_order(own) for meter, own in found.items()}


@translating
def rate_meters(
    conn: Connection, society_id: int, said: Collection[tuple[Meter, RatingVersion]], word: Word
) -> None:
    """Let versions of what meters are take the place of those from the same time on, if any."""
    if not said:
        return
    rows = [
        {
            **version.rating._asdict(),
            "society_id": society_id,
            "manufacturer": meter[0],
            "serial": meter[1],
            "since": version.since,
            "author": word.by,
            "reason": word.reason,
            "now": word.at,
        }
        for meter, version in said
    ]
    with conn.cursor() as cursor:
        cursor.executemany(query("assignment/unrate"), rows)
        cursor.executemany(query("assignment/rate"), rows)
    conn.execute(query("assignment/widest"), {"society_id": society_id})
