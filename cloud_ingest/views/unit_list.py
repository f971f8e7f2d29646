# SPDX-License-Identifier: MIT
"""The list of units as it is known: the document that would change nothing if it were imported.

In: a society. Out: a `UnitList`: each line that holds, with the newest version of its meter.
"""

from datetime import datetime

from cloud_ingest.core.meter_status import bits_of
from cloud_ingest.core.unit_meter import RatingVersion
from cloud_ingest.store.assignment_versions import assignment_versions
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.ratings import holding, meter_versions
from cloud_ingest.store.registry import find_society
from shared_schema.message import format_utc
from shared_schema.units import ListedMeter, UnitList


@translating
def known_list(conn: Connection, society: str, now: datetime) -> UnitList:
    """Return what holds of a society's list.

    Raises:
        NotFound: there is no such society.
    """
    society_id = find_society(conn, society)
    versions = holding(meter_versions(conn, society_id))
    lines = [
        each.assignment
        for each in assignment_versions(conn, society_id)
        if each.superseded_at is None
    ]
    meters = tuple(
        _listed(line, versions.get((line.meter.manufacturer, line.meter.serial), ()))
        for line in lines
    )
    return UnitList(society=society, at=now, meters=meters)


def _listed(line: Assignment, versions: tuple[RatingVersion, ...]) -> ListedMeter:
    told: dict[str, object] = {}
    if versions:
        since, rating = versions[-1]
        told = rating._asdict() | {
            "meter_from": None if since is None else format_utc(since),
            "invalid_bits": None if rating.invalid_bits is None else bits_of(rating.invalid_bits),
            "clock_bits": None if rating.clock_bits is None else bits_of(rating.clock_bits),
            "calibrated_on": rating.calibrated_on and rating.calibrated_on.isoformat(),
        }
    return ListedMeter.model_validate(
        {
            "tower": line.tower,
            "subject_type": line.subject_type,
            "subject": line.label,
            "service": line.service,
            "source": line.source,
            "manufacturer": line.meter.manufacturer,
            "serial": line.meter.serial,
            "legacy": line.legacy,
            "valid_from": format_utc(line.valid_from),
            "valid_to": None if line.valid_to is None else format_utc(line.valid_to),
            "parent": line.parent,
            **told,
        }
    )
