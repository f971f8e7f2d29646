# SPDX-License-Identifier: MIT
"""The quarter hours of a unit, and who looked at them.

A resident sees the own ones. Who else looks says why first, and the resident sees that. In: a
unit, a day, a reason. Out: pages. Never: a curve before its reason is kept.
"""

import json
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.core.month import DAY, day_of
from cloud_ingest.core.role import Right
from cloud_ingest.core.typed_text import typed_day
from cloud_ingest.entries.curve_looks import MOST_DAYS, look, may_look, require_kept
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.errors import NotFound, TextRefused
from cloud_ingest.http.resources import Now, Opened, Reading, Writing
from cloud_ingest.views.unit_curve import day_curve, plotted, who_looked
from cloud_ingest.web.access import needs
from cloud_ingest.web.forms import CheckedForm
from cloud_ingest.web.page import page, see_other
from cloud_ingest.web.unit import whose
from shared_schema.catalogue import Service

router = APIRouter()
Looking = Annotated[Visitor, needs(Right.CURVE_OPEN, Right.OWN_UNIT)]


@router.get("/unit/curve")
def curve(
    request: Request,
    visitor: Looking,
    store: Reading,
    now: Now,
    *,
    unit: str | None = None,
    service: Service = Service.ELECTRICITY,
    day: str = "",
) -> Response:
    """Show the quarter hours of a day, or ask why somebody looks."""
    label, on = _label(visitor, store, unit), _day(day, store, now)
    today = day_of(now, store.zone)
    require_kept(on, today, store.settings.curves_kept_months(visitor.society))
    if not may_look(store.conn, visitor, label, on, now):
        return page(
            request, "curve_reason.html", unit=label, service=service, day=on, span=MOST_DAYS
        )
    found = day_curve(store.conn, visitor.society_id, label, service, day=on, zone=store.zone)
    drawn = json.dumps(plotted(found, store.zone))
    around = (on - DAY, on + DAY if on < today else None)
    return page(request, "curve.html", found=found, drawn=drawn, around=around, services=Service)


@router.post("/unit/curve")
def say_why(visitor: Looking, form: CheckedForm, store: Writing, now: Now) -> Response:
    """Keep why somebody looks, then show it: a month around the day is open for an hour."""
    label, on = _label(visitor, store, form.text("unit")), _day(form.text("day"), store, now)
    days = on - (MOST_DAYS // 2) * DAY, on + (MOST_DAYS // 2) * DAY
    service = Service(form.text("service")) if form.text("service") in set(Service) else None
    if visitor.unit != label:
        kind = service or Service.ELECTRICITY
        day_curve(store.conn, visitor.society_id, label, kind, day=on, zone=store.zone)  # it exists
        look(store.conn, visitor, label, days, reason=form.text("reason"), now=now)
    return see_other("/unit/curve", unit=label, service=service, day=str(on))


@router.get("/unit/looked")
def looked(
    request: Request,
    visitor: Annotated[Visitor, needs(Right.PEOPLE_MANAGE, Right.OWN_UNIT)],
    store: Reading,
    *,
    unit: str | None = None,
) -> Response:
    """Show who looked at a unit's quarter hours, and why."""
    label = _label(visitor, store, unit)
    found = who_looked(store.conn, visitor.society_id, label)
    return page(request, "looked.html", found=found, unit=label)


def _label(visitor: Visitor, store: Opened, unit: str | None) -> str:
    asked = whose(visitor, store, unit, "unit")
    if asked is None:
        raise NotFound("name a unit: ?unit=A-1204")
    return asked.subject


def _day(text: str, store: Opened, now: datetime) -> date:
    """Return the day that somebody chose; without one yesterday."""
    if not text:
        return day_of(now, store.zone) - DAY
    try:
        found = typed_day(text)
    except (ValueError, OverflowError):
        raise TextRefused(f"{text[:40]!r} is no day: give one such as 2026-11-03") from None
    if not date(2000, 1, 1) <= found <= day_of(now, store.zone):
        raise TextRefused(f"{text[:40]!r} is no day that has begun: choose another")
    return found
