# SPDX-License-Identifier: MIT
"""The month: how many numbers are final, what is missing, the table of all units.

In: a month, a choice. Out: a page. Never: a decision.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from cloud_ingest.core.month_name import named_month
from cloud_ingest.core.role import Right
from cloud_ingest.core.typed_text import same_name
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.http.resources import Now, Opened, Reading
from cloud_ingest.views.month_page import Chosen, Show, Sort, month_page
from cloud_ingest.views.month_standing import Society
from cloud_ingest.web import words_flags
from cloud_ingest.web.access import needs
from cloud_ingest.web.page import page

router = APIRouter()
Seeing = Annotated[Visitor, needs(Right.MONTH_SEE)]
MOST_PAGES = 10_000


def society_of(visitor: Visitor, store: Opened) -> Society:
    """Return the visitor's society, with its rules."""
    return Society(
        name=visitor.society,
        society_id=visitor.society_id,
        zone=store.zone,
        window=store.settings.self_read_window(visitor.society),
        grace=store.settings.close_grace,
    )


@router.get("/month")
def month(
    request: Request,
    visitor: Seeing,
    store: Reading,
    now: Now,
    *,
    month: str | None = None,
    show: Show = "all",
    tower: str = "",
    q: str = "",
    sort: Sort = "missing",
    at: Annotated[int, Query(alias="page", ge=1, le=MOST_PAGES)] = 1,
) -> Response:
    """Show where a month stands, and a page of its units."""
    part = same_name(q.strip()) or None
    chosen = Chosen(show, same_name(tower) or None, part, sort, at)
    name = month or str(named_month(None, store.zone, now))
    found = month_page(store.conn, society_of(visitor, store), name, chosen, now)
    return page(request, "month.html", found=found, words=words_flags)
