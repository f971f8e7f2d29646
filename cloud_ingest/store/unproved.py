# SPDX-License-Identifier: MIT
"""Which numbers of closed months were not proved: withheld, or sent as an estimate.

In: a society and a month. Out: subjects with their reasons. Never: a write.
"""

from typing import NamedTuple

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalar
from shared_schema.catalogue import Service
from shared_schema.events import SubjectType


class Unproved(NamedTuple):
    """A subject and service without a proved number in a month."""

    subject_type: SubjectType
    subject: str
    service: Service
    reasons: tuple[str, ...]

    @property
    def key(self) -> tuple[SubjectType, str, Service]:
        """What makes it the same thing in another month."""
        return (self.subject_type, self.subject, self.service)


@translating
def newest_closed(conn: Connection, society_id: int) -> str | None:
    """Return the newest closed month as ``YYYY-MM``; None: none is closed."""
    found: str | None = scalar(
        conn, "SELECT max(month) FROM month_close WHERE society_id = %s", (society_id,)
    )
    return found


@translating
def unproved_of(conn: Connection, society_id: int, month: str) -> list[Unproved]:
    """Return what a closed month withholds or sent as an estimate; nothing of an open one."""
    arguments = {"society_id": society_id, "month": month}
    return all_rows(conn, _unproved, query("month/unproved"), arguments)


def _unproved(subject_type: str, subject: str, service: str, reasons: list[str]) -> Unproved:
    return Unproved(SubjectType(subject_type), subject, Service(service), tuple(reasons))
