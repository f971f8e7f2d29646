# SPDX-License-Identifier: MIT
"""Closed months whose list of units has changed since they were closed.

A month opens where the one before it was closed for the subject that had the meter then. If the
list says since that another one had it, the two would not share their border: the month before is
closed again first.

In: a closing, within its snapshot. Out: the months right before it whose assignments differ from
those that were closed. Never: a write.
"""

from collections.abc import Iterable, Iterator

from cloud_ingest.core.month import Month, months_back
from cloud_ingest.month.boundaries import MONTHS_LOOKED_BACK
from cloud_ingest.month.closing import Closing
from cloud_ingest.store.assignment_versions import (
    AssignmentVersion,
    assignment_versions,
    last_listed,
)
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import heard_by_manifest
from cloud_ingest.store.number_words import heard_order
from cloud_ingest.store.retention import retention


def relisted_before(conn: Connection, closing: Closing) -> Iterator[Month]:
    """Yield the closed months right before one whose assignments are others now."""
    listed = last_listed(conn, closing.society_id)
    kept_from = retention(conn).kept_from
    versions: list[AssignmentVersion] | None = None
    for month in months_back(closing.span, closing.zone, MONTHS_LOOKED_BACK):
        told = heard_by_manifest(conn, closing.society_id, str(month))
        if told is None or (kept_from is not None and month.start <= kept_from):
            return
        heard = max(told, heard_order(conn, closing.society_id, str(month)))
        if listed <= heard:
            continue
        if versions is None:
            versions = assignment_versions(conn, closing.society_id)
        if _served(versions, month, heard) != _served(versions, month, None):
            yield month


def _served(
    versions: Iterable[AssignmentVersion], month: Month, heard: int | None
) -> set[tuple[object, ...]]:
    """Return whom meters served in a month as was said up to an entry; None: as is said now."""
    found: set[tuple[object, ...]] = set()
    for version in versions:
        said, until = version.assignment, version.superseded_order
        holds = until is None
        if heard is not None:
            holds = version.entry_order <= heard and (until is None or until > heard)
        start = max(said.valid_from, month.start)
        end = month.end if said.valid_to is None else min(said.valid_to, month.end)
        if holds and not version.taken_back and start < end:
            whose = (said.subject_type, said.subject, said.service, said.source, said.tower)
            found.add((said.meter_id, *whose, start, end))
    return found
