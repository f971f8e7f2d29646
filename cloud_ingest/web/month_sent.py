# SPDX-License-Identifier: MIT
"""What went to billing of a month, and what billing has acknowledged.

In: a month, perhaps a unit. Out: a page. Never: a decision.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from cloud_ingest.core.month import parse_month
from cloud_ingest.core.role import Right
from cloud_ingest.core.typed_text import same_name
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.http.resources import Reading
from cloud_ingest.views.month_sent import month_sent
from cloud_ingest.web.access import needs
from cloud_ingest.web.page import page

router = APIRouter()
MOST_PAGES = 10_000


@router.get("/month/sent")
def sent(
    request: Request,
    visitor: Annotated[Visitor, needs(Right.MONTH_SEE)],
    store: Reading,
    *,
    month: str,
    unit: Annotated[str, Query(max_length=128)] = "",
    number: Annotated[int, Query(alias="page", ge=1, le=MOST_PAGES)] = 1,
) -> Response:
    """Show each message of a month, the newest first."""
    label = same_name(unit) or None
    society = visitor.society_id, visitor.society
    span = parse_month(month, store.zone)
    found = month_sent(store.conn, society, span, label, page=number)
    return page(request, "month_sent.html", found=found, unit=label)
