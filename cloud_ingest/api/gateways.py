# SPDX-License-Identifier: MIT
"""How the gateways of the caller's society stand."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.gateway_standing import State, remarks
from cloud_ingest.http.resources import Now, Reading
from cloud_ingest.store.gateways import standings
from shared_schema.gateway import Status

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class ShownGateway:
    """A gateway as it is known."""

    gateway: str
    tower: str | None
    state: State
    heard_at: datetime | None
    lost_at: datetime | None
    """When its last outage began."""
    certificate_ends_at: datetime | None
    clock_offset_s: float | None
    """How far its clock is ahead of the store's; None: it is not online."""
    status: Status | None
    """What it said last."""
    remarks: tuple[str, ...]
    """What needs a person, the most urgent first."""


@router.get("/gateways")
def gateways(
    caller: Annotated[Caller, needs(Scope.HEALTH_READ)], store: Reading, now: Now
) -> list[ShownGateway]:
    """Return how each gateway stands, by what it said last.

    The same list as `cloud-ingest gateway list --json`.
    """
    return [
        ShownGateway(
            gateway=each.gateway,
            tower=each.tower,
            state=each.state,
            heard_at=each.heard_at,
            lost_at=each.lost_at,
            certificate_ends_at=each.certificate_ends_at,
            clock_offset_s=each.clock_offset_s,
            status=each.status,
            remarks=tuple(remarks(each, now)),
        )
        for each in standings(store.conn, now, caller.society)
    ]
