# SPDX-License-Identifier: MIT
"""The import of the list of units: dated assignments, as unit management has them.

Unit management is the record, and `core.unit_list` says what its list means. An import is one
transaction: nothing is taken unless all lines are good.

In: a CSV file. Out: meters and assignments, or every bad line with its number. Never: an assignment
that a person edited here.
"""

from dataclasses import dataclass
from pathlib import Path

from cloud_ingest.core.unit_list import Place, make_plan, parse
from cloud_ingest.errors import ImportRefused
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import ensure_society
from shared_schema.catalogue import Service


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    added: int
    changed: int
    unchanged: int


@translating
def import_units(conn: Connection, society: str, path: Path) -> Imported:
    """Import a CSV file in one transaction.

    Raises:
        ImportRefused: the file cannot be read, or has bad lines; nothing was taken.
    """
    store = open_store(conn)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ImportRefused(f"cannot read the units: {error.strerror}: {path}", ()) from None
    except UnicodeDecodeError:
        raise ImportRefused(f"{path} is not UTF-8: save it as CSV UTF-8", ()) from None
    lines = parse(text, store.zone)
    with conn.transaction():
        society_id = ensure_society(conn, society)
        known = {
            row[0]: Place(
                row[1], row[2], row[3], Service(row[4]), row[5], (row[6], row[7]), *row[8:11]
            )
            for row in conn.execute(query("registry/assignments_for_update"), (society_id,))
        }
        plan = make_plan(known, lines)
        for assignment_id, place in plan.change:
            values = {**_values(place), "assignment_id": assignment_id}
            conn.execute(query("registry/assignment_change"), values)
        for place in plan.add:
            made = conn.execute(query("registry/meter_add"), (society_id, *place.meter)).fetchone()
            values = {**_values(place), "society_id": society_id, "meter_id": made and made[0]}
            conn.execute(query("registry/assignment_add"), values)
    return Imported(len(plan.add), len(plan.change), plan.unchanged)


def _values(place: Place) -> dict[str, object]:
    return {
        "tower": place.tower,
        "subject_type": place.subject_type,
        "subject": place.subject,
        "service": place.service.value,
        "source": place.source,
        "legacy": place.legacy,
        "valid_from": place.valid_from,
        "valid_to": place.valid_to,
    }
