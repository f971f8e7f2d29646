# SPDX-License-Identifier: MIT
"""Gateways, buses and meters: what they brought in the last days, and how they stand.

In: a gateway, a meter. Out: pages. Never: a decision.
"""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from cloud_ingest.core.role import Right
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.http.resources import Now, Opened, Reading
from cloud_ingest.views.health import Place, gateway_shown, meter_shown
from cloud_ingest.views.health import health as health_of
from cloud_ingest.web import words_health
from cloud_ingest.web.access import needs
from cloud_ingest.web.health_drawing import BAR, HEIGHT, STEP, marks
from cloud_ingest.web.page import page

router = APIRouter()
MOST_PAGES = 10_000
Seeing = Annotated[Visitor, needs(Right.HEALTH_SEE)]
Number = Annotated[int, Query(alias="page", ge=1, le=MOST_PAGES)]
Text = Annotated[str, Query(max_length=256)]
DRAWING: Final[dict[str, Any]] = {
    "marks": marks,
    "bar": BAR,
    "height": HEIGHT,
    "step": STEP,
    "words": words_health,
}


@router.get("/health")
def health(
    request: Request, visitor: Seeing, store: Reading, now: Now, number: Number = 1
) -> Response:
    """Show the gateways of the society, the worst first."""
    found = health_of(store.conn, _place(visitor, store, now), number)
    return page(request, "health.html", found=found, number=number, **DRAWING)


@router.get("/health/gateway")
def gateway(
    request: Request,
    visitor: Seeing,
    store: Reading,
    now: Now,
    *,
    gateway: Text = "",
    number: Number = 1,
) -> Response:
    """Show a gateway with its buses and meters."""
    found = gateway_shown(store.conn, _place(visitor, store, now), gateway, number)
    return page(request, "health_gateway.html", found=found, number=number, **DRAWING)


@router.get("/health/meter")
def meter(
    request: Request,
    visitor: Seeing,
    store: Reading,
    now: Now,
    *,
    manufacturer: Text = "",
    serial: Text = "",
) -> Response:
    """Show a meter with its days."""
    found = meter_shown(store.conn, _place(visitor, store, now), manufacturer, serial)
    return page(request, "health_meter.html", found=found, **DRAWING)


def _place(visitor: Visitor, store: Opened, now: datetime) -> Place:
    return Place(visitor.society, visitor.society_id, now, store.zone)
