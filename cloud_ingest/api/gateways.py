# SPDX-License-Identifier: MIT
"""How gateways and meters of the caller's society do: how they stand, and the last 30 days."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.gateway_standing import State
from cloud_ingest.http.resources import Now, Opened, Reading
from cloud_ingest.views.health import (
    GatewayHealth,
    MeterHealth,
    Place,
    Strip,
    gateway_shown,
    health,
)
from shared_schema.gateway import BusStatus, FailingMeter, Status

router = APIRouter(tags=["health"])

MayRead = Annotated[Caller, needs(Scope.HEALTH_READ)]
Page = Annotated[int, Query(ge=1, le=10_000, description="Of 100 each, the worst first.")]
Name = Annotated[str, Path(max_length=64)]


@dataclass(frozen=True, slots=True)
class ShownDay:
    """How many intervals of a day should be there, and how many are."""

    day: date
    expected: int
    """0: nothing was due."""
    present: int


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
    days: tuple[ShownDay, ...]
    """The last 30 that are over: what was due of its meters, and what is there."""


@dataclass(frozen=True, slots=True)
class ShownMeter:
    """A meter behind a gateway."""

    manufacturer: str
    serial: str
    subject: str
    last_reading_at: datetime | None
    failing: FailingMeter | None
    """What its gateway says of it; None: nothing, or it is read."""
    days: tuple[ShownDay, ...]


@dataclass(frozen=True, slots=True)
class GatewayWithMeters:
    """A gateway, its buses and a page of its meters."""

    gateway: ShownGateway
    buses: tuple[BusStatus, ...]
    meters: tuple[ShownMeter, ...]
    total: int


@router.get("/gateways")
def gateways(caller: MayRead, store: Reading, now: Now, *, page: Page = 1) -> list[ShownGateway]:
    """Return how gateways stand, by what each said last, and what their meters brought."""
    found = health(store.conn, _place(caller, store, now), page)
    return [_shown(each) for each in found.gateways]


@router.get("/gateways/{gateway}")
def gateway(
    gateway: Name, caller: MayRead, store: Reading, now: Now, *, page: Page = 1
) -> GatewayWithMeters:
    """Return a gateway with its buses and its meters, the worst first."""
    found = gateway_shown(store.conn, _place(caller, store, now), gateway, page)
    meters = tuple(map(_meter, found.meters))
    return GatewayWithMeters(_shown(found.gateway), found.buses, meters, found.total)


def _place(caller: Caller, store: Opened, now: datetime) -> Place:
    return Place(caller.society, caller.society_id, now, store.zone)


def _shown(found: GatewayHealth) -> ShownGateway:
    standing = found.standing
    return ShownGateway(
        gateway=standing.gateway,
        tower=standing.tower,
        state=standing.state,
        heard_at=standing.heard_at,
        lost_at=standing.lost_at,
        certificate_ends_at=standing.certificate_ends_at,
        clock_offset_s=standing.clock_offset_s,
        status=standing.status,
        remarks=found.remarks,
        days=_days(found.strip),
    )


def _meter(found: MeterHealth) -> ShownMeter:
    meter = found.meter
    return ShownMeter(
        manufacturer=meter.manufacturer,
        serial=meter.serial,
        subject=meter.subject,
        last_reading_at=meter.last_reading_at,
        failing=found.failing,
        days=_days(found.strip),
    )


def _days(strip: Strip) -> tuple[ShownDay, ...]:
    return tuple(ShownDay(each.day, each.expected, each.present) for each in strip.days)
