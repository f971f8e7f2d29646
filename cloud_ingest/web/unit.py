# SPDX-License-Identifier: MIT
"""A unit: its number and its days; and a search for one.

In: a label, a month. Out: pages. Never: another unit to a resident.
"""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month_name import named_month
from cloud_ingest.core.role import Right
from cloud_ingest.core.typed_text import same_name
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.errors import NotFound
from cloud_ingest.http.resources import Now, Opened, Reading
from cloud_ingest.views.unit_page import Asked, unit_page
from cloud_ingest.views.unit_search import MOST, find_subjects
from cloud_ingest.web import day_bars, words_flags
from cloud_ingest.web.access import needs
from cloud_ingest.web.page import page

router = APIRouter()
Looking = Annotated[Visitor, needs(Right.UNIT_SEE, Right.OWN_UNIT)]


def whose(visitor: Visitor, store: Opened, unit: str | None, kind: SubjectKind) -> Asked | None:
    """Return whose month a visitor may ask for; None: no unit is named.

    Raises:
        NotFound: it is not the resident's own.
    """
    named = None if unit is None or not unit.strip() else same_name(unit)
    if not visitor.may(Right.UNIT_SEE):
        if (named or visitor.unit, kind) != (visitor.unit, "unit"):
            raise NotFound("there is no such unit, or it is not yours to see")
        named = visitor.unit
    if named is None:
        return None
    window = store.settings.self_read_window(visitor.society)
    return Asked(visitor.society, visitor.society_id, kind, named, window)


@router.get("/unit")
def unit(
    request: Request,
    visitor: Looking,
    store: Reading,
    now: Now,
    *,
    unit: str | None = None,
    month: str | None = None,
    kind: SubjectKind = "unit",
) -> Response:
    """Show a unit's month, or ask for a unit."""
    asked = whose(visitor, store, unit, kind)
    if asked is None:
        return page(request, "unit_search.html", q="", found=(), most=MOST)
    name = month or str(named_month(None, store.zone, now))
    shown = unit_page(store.conn, asked, name, store.zone, now)
    return page(request, "unit.html", shown=shown, bars=day_bars, words=words_flags)


@router.get("/unit/search")
def search(
    request: Request,
    visitor: Annotated[Visitor, needs(Right.UNIT_SEE)],
    store: Reading,
    *,
    q: str = "",
) -> Response:
    """List the units whose label holds a text."""
    found = find_subjects(store.conn, visitor.society_id, q)
    return page(request, "unit_search.html", q=q, found=found, most=MOST)
