# SPDX-License-Identifier: MIT
"""Towers: what came in, and where it went.

In: a month, a tower. Out: pictures and tables. Never: a decision.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.core.balance_words import rounded_up
from cloud_ingest.core.month import Month
from cloud_ingest.core.month_name import named_month
from cloud_ingest.core.role import Right
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.errors import NotFound
from cloud_ingest.http.resources import Now, Opened, Reading, resources_of
from cloud_ingest.month.to_show import month_to_show
from cloud_ingest.views.tower_picture import Verdict, depends_on, tower_days, towers_of
from cloud_ingest.web.access import needs
from cloud_ingest.web.page import page
from cloud_ingest.web.tower_drawing import ROW, WIDTH, bars

router = APIRouter()
MOST_PICTURES = 6
"""On one page; the table has all, each with its own page."""
Seeing = Annotated[Visitor, needs(Right.TOWERS_SEE)]


def _span(visitor: Visitor, store: Opened, month: str | None, now: datetime) -> Month:
    name = month or str(named_month(None, store.zone, now))
    return month_to_show(store.conn, visitor.society_id, name, store.zone, now)


@router.get("/towers")
def towers(
    request: Request,
    visitor: Seeing,
    store: Reading,
    now: Now,
    *,
    month: str | None = None,
    tower: str | None = None,
) -> Response:
    """Show where the month's electricity and water went, of each tower or of one."""
    window = store.settings.self_read_window(visitor.society)
    span = _span(visitor, store, month, now)
    found = resources_of(request).kept_for_a_minute(
        ("towers", depends_on(store.conn, visitor.society_id, span, store.zone)),
        lambda: towers_of(
            store.conn, visitor.society_id, str(span), store.zone, now, window=window
        ),
    )
    pictures = found.pictures()
    own = [each for each in pictures if tower is None or (each.tower or "") == tower]
    if tower is not None and not own:
        raise NotFound(f"there is no balance of {tower[:60]!r} in {found.month}")
    return page(
        request,
        "towers.html",
        found=found,
        pictures=own if tower is not None else own[:MOST_PICTURES],
        every=pictures,
        tower=tower,
        worst=next((each for each in own if each.verdict is Verdict.UNACCOUNTED), None),
        cannot=sum(each.verdict is Verdict.CANNOT_SAY for each in own),
        odd=[each for each in own if each.verdict is Verdict.MORE_BELOW and not each.excuse],
        total=len(own),
        bars=bars,
        size=(WIDTH, ROW),
        rounded_up=rounded_up,
    )


@router.get("/towers/days")
def days(
    request: Request,
    visitor: Seeing,
    store: Reading,
    now: Now,
    *,
    month: str | None = None,
    tower: str = "",
) -> Response:
    """Show the balances of a tower on each day of a month."""
    window = store.settings.self_read_window(visitor.society)
    span = _span(visitor, store, month, now)
    found = resources_of(request).kept_for_a_minute(
        ("days", tower, depends_on(store.conn, visitor.society_id, span, store.zone)),
        lambda: tower_days(
            store.conn,
            visitor.society_id,
            str(span),
            store.zone,
            now,
            window=window,
            tower=tower or None,
        ),
    )
    own = found.balances
    services = sorted({each.service for each in own})
    known = sum(each.balance.loss is not None for each in own)
    return page(
        request,
        "tower_days.html",
        found=found,
        own=own,
        services=services,
        known=known,
        tower=tower,
        rounded_up=rounded_up,
    )
