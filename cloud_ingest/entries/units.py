# SPDX-License-Identifier: MIT
"""The import of the list of units: dated assignments, as unit management has them.

Unit management is the record, and `core.unit_list` says what its list means. An import is one
transaction: nothing is taken unless all lines are good.

In: a CSV file, who says so and why. Out: meters and versions of assignments, or every bad line with
its number. Never: an assignment that is updated in place.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cloud_ingest.core.unit_list import Place, make_plan, parse
from cloud_ingest.errors import ImportRefused
from cloud_ingest.store.assignments import (
    Assignment,
    Word,
    add_assignment,
    change_assignment,
    lock_assignments,
)
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import ensure_society

DEFAULT_AUTHOR = "unit management"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    added: int
    changed: int
    unchanged: int


@translating
def import_units(
    conn: Connection,
    society: str,
    path: Path,
    *,
    now: datetime,
    by: str = DEFAULT_AUTHOR,
    reason: str | None = None,
) -> Imported:
    """Import a CSV file in one transaction.

    Args:
        conn: The store.
        society: The society's name; it is added where it is new.
        path: The file.
        now: The time.
        by: Who says so.
        reason: Why; None names the file.

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
    word = Word(by, reason or f"import of {path.name}", now)
    with conn.transaction():
        society_id = ensure_society(conn, society)
        known = {a.assignment_id: _place_of(a) for a in lock_assignments(conn, society_id)}
        plan = make_plan(known, lines)
        for assignment_id, place in plan.change:
            change_assignment(conn, society_id, assignment_id, place, word)
        for place in plan.add:
            add_assignment(conn, society_id, place, word)
    return Imported(len(plan.add), len(plan.change), plan.unchanged)


def _place_of(stored: Assignment) -> Place:
    return Place(
        tower=stored.tower,
        subject_type=stored.subject_type,
        subject=stored.subject,
        label=stored.label,
        service=stored.service,
        source=stored.source,
        meter=(stored.meter.manufacturer, stored.meter.serial),
        legacy=stored.legacy,
        valid_from=stored.valid_from,
        valid_to=stored.valid_to,
    )
