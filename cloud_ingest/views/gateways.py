# SPDX-License-Identifier: MIT
"""How every gateway stands: heard or not, its backlog, disk, certificate and clock.

In: a society or none, the time. Out: frozen rows for a table, JSON or metrics. It writes nothing.
"""

from datetime import datetime

from pydantic import ValidationError

from cloud_ingest.core.gateway_standing import Standing, state_of
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.gateways import KnownStatus, known_statuses
from cloud_ingest.store.registry import find_society
from shared_schema.gateway import Status


def standings(conn: Connection, now: datetime, society: str | None = None) -> list[Standing]:
    """Return how each gateway stands, of a society or of all.

    Raises:
        NotFound: no such society.
    """
    if society is not None:
        find_society(conn, society)
    return [_standing(each, now) for each in known_statuses(conn, society)]


def _standing(known: KnownStatus, now: datetime) -> Standing:
    status = _status(known)
    state = "taken back" if known.taken_back else state_of(known.state, known.heard_at, now)
    own = None if status is None else status.certificate_ends_at
    offset_s = None
    if state == "online" and known.said_at is not None and known.heard_at is not None:
        offset_s = round((known.said_at - known.heard_at).total_seconds(), 1)
    return Standing(
        society_id=known.society_id,
        society=known.society,
        gateway=known.gateway,
        tower=known.tower,
        state=state,
        heard_at=known.heard_at,
        lost_at=known.lost_at,
        certificate_ends_at=own or known.issued_until,
        clock_offset_s=offset_s,
        status=status,
    )


def _status(known: KnownStatus) -> Status | None:
    try:
        return None if known.status is None else Status.model_validate(known.status)
    except ValidationError:  # of a version to come that was stored by a newer program
        return None
