# SPDX-License-Identifier: MIT
"""All gateways of a store, each with what it said last of itself.

In: a connection, a society or none. Out: rows as values. Never: a judgement; a change.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows


@dataclass(frozen=True, slots=True)
class KnownStatus:
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
    back_at: datetime | None
    status: dict[str, Any] | None
    taken_back: bool
    """It has keys, and each was taken back."""
    issued_until: datetime | None
    """When the certificate ends that was issued last."""


@translating
def known_statuses(conn: Connection, society: str | None = None) -> list[KnownStatus]:
    """Return each gateway, of a society or of all."""
    return all_rows(conn, KnownStatus, query("registry/gateways"), {"society": society})
