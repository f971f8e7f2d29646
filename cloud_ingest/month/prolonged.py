# SPDX-License-Identifier: MIT
"""Which subjects have had no proved number for months in a row, told after each closing.

It begins with the newest closed month, whichever was closed, and looks back month by month as long
as somebody is left. A month that is not closed ends every run.

In: a closing, in its transaction. Out: the flags of prolonged estimation. Never: a number.
"""

from typing import Final

from cloud_ingest.core.month import Month, months_back, parse_month
from cloud_ingest.flags.lifecycle import Changes
from cloud_ingest.flags.prolonged import UnprovedRun, refresh_prolonged
from cloud_ingest.month.closing import Closing
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import newest_closed
from cloud_ingest.store.unproved import Unproved, unproved_of
from shared_schema.events import Subject

LONGEST_RUN: Final = 24
"""So many months a flag tells of."""


def flag_prolonged(conn: Connection, closing: Closing) -> Changes:
    """Raise and clear the flags of prolonged estimation of the society of a closing."""
    newest = newest_closed(conn, closing.society_id)
    runs = [] if newest is None else _runs(conn, closing, newest)
    return refresh_prolonged(conn, closing.society_id, closing.society, runs, closing.now)


def _runs(conn: Connection, closing: Closing, newest: str) -> list[UnprovedRun]:
    month = parse_month(newest, closing.zone)
    first = {each.key: each for each in unproved_of(conn, closing.society_id, newest)}
    runs = {key: [month] for key in first}
    left = set(first)
    for earlier in months_back(month, closing.zone, LONGEST_RUN - 1):
        if not left:
            break
        left &= {each.key for each in unproved_of(conn, closing.society_id, str(earlier))}
        for key in left:
            runs[key].insert(0, earlier)
    return [_run(first[key], own) for key, own in runs.items()]


def _run(unproved: Unproved, months: list[Month]) -> UnprovedRun:
    return UnprovedRun(
        subject=Subject(type=unproved.subject_type, id=unproved.subject),
        service=unproved.service,
        since=months[0].start,
        months=tuple(map(str, months)),
        reasons=unproved.reasons,
    )
