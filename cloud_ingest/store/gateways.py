# SPDX-License-Identifier: MIT
"""How every gateway stands: heard or not, its backlog, disk, certificate and clock.

In: a connection, the time, a society or none. Out: frozen values for a table, JSON or a flag.
Never: a change.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from cloud_ingest.core.gateway_standing import Standing, state_of
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.rows import all_rows
from shared_schema.gateway import Status


@dataclass(frozen=True, slots=True)
class _Row:
    """A gateway and its status. Times are of the store's clock, but ``said_at``."""

    society_id: int
    society: str
    gateway: str
    tower: str | None
    state: str | None
    """None: it was never heard."""
    said_at: datetime | None
    heard_at: datetime | None
    lost_at: datetime | None
    status: dict[str, Any] | None
    taken_back: bool
    """It has keys, and each was taken back."""
    issued_until: datetime | None
    """When the certificate ends that was issued last."""


@translating
def standings(conn: Connection, now: datetime, society: str | None = None) -> list[Standing]:
    """Return how each gateway stands, of a society or of all.

    Raises:
        NotFound: no such society.
    """
    if society is not None:
        find_society(conn, society)
    rows = all_rows(conn, _Row, query("registry/gateways"), {"society": society})
    return [_standing(each, now) for each in rows]


def _standing(row: _Row, now: datetime) -> Standing:
    status = _status(row)
    state = "taken back" if row.taken_back else state_of(row.state, row.heard_at, now)
    own = None if status is None else status.certificate_ends_at
    offset_s = None
    if state == "online" and row.said_at is not None and row.heard_at is not None:
        offset_s = round((row.said_at - row.heard_at).total_seconds(), 1)
    return Standing(
        society_id=row.society_id,
        society=row.society,
        gateway=row.gateway,
        tower=row.tower,
        state=state,
        heard_at=row.heard_at,
        lost_at=row.lost_at,
        certificate_ends_at=own or row.issued_until,
        clock_offset_s=offset_s,
        status=status,
    )


def _status(row: _Row) -> Status | None:
    try:
        return None if row.status is None else Status.model_validate(row.status)
    except ValidationError:  # of a version to come that was stored by a newer program
        return None
