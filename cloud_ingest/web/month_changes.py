# SPDX-License-Identifier: MIT
"""What changed of a month after it was sent: from what to what, by whom and why.

In: a month. Out: a page. Never: a decision.
"""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.core.month import parse_month
from cloud_ingest.core.role import Right
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.http.resources import Reading
from cloud_ingest.month.changes_after import month_changes, settles_at
from cloud_ingest.web.access import needs
from cloud_ingest.web.page import page

router = APIRouter()


@router.get("/month/changes")
def changes(
    request: Request,
    visitor: Annotated[Visitor, needs(Right.MONTH_SEE)],
    store: Reading,
    *,
    month: str,
) -> Response:
    """Show each number that changed after it was sent."""
    span = parse_month(month, store.zone)
    settled = settles_at(store.settings.run_rules(visitor.society), span, store.zone)
    found = month_changes(store.conn, visitor.society, span, settled_at=settled)
    return page(request, "month_changes.html", found=found)
