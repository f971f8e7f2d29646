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
from cloud_ingest.store.assignments import (
    Assignment,
    add_assignment,
    change_assignment,
    lock_assignments,
)
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import ensure_society


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
        known = {a.assignment_id: _place_of(a) for a in lock_assignments(conn, society_id)}
        plan = make_plan(known, lines)
        for assignment_id, place in plan.change:
            change_assignment(conn, assignment_id, place)
        for place in plan.add:
            add_assignment(conn, society_id, place)
    return Imported(len(plan.add), len(plan.change), plan.unchanged)


def _place_of(stored: Assignment) -> Place:
    return Place(
        tower=stored.tower,
        subject_type=stored.subject_type,
        subject=stored.subject,
        service=stored.service,
        source=stored.source,
        meter=(stored.meter.manufacturer, stored.meter.serial),
        legacy=stored.legacy,
        valid_from=stored.valid_from,
        valid_to=stored.valid_to,
    )
