# SPDX-License-Identifier: MIT
"""A month is approved as somebody saw it, or opened again.

In: a month, what was seen, why. Out: pages. Never: an approval of what was not seen.
"""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.core.month import parse_month
from cloud_ingest.core.role import Right
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.http.resources import Now, Reading, Writing
from cloud_ingest.month.approve import approve_month, reopen_month
from cloud_ingest.views.month_standing import month_to_approve
from cloud_ingest.web.access import needs
from cloud_ingest.web.forms import CheckedForm
from cloud_ingest.web.month import society_of
from cloud_ingest.web.page import page, see_other

router = APIRouter()
Approving = Annotated[Visitor, needs(Right.MONTH_APPROVE)]


@router.get("/month/approve")
def approval(
    request: Request, visitor: Approving, store: Reading, now: Now, *, month: str
) -> Response:
    """Show what would be approved, or who approved it."""
    found = month_to_approve(store.conn, society_of(visitor, store), month, now)
    return page(request, "approve.html", found=found.standing, seen=found)


@router.post("/month/approve")
def approve(visitor: Approving, form: CheckedForm, store: Writing, now: Now) -> Response:
    """Approve a month as it was seen."""
    span = parse_month(form.text("month"), store.zone)
    approve_month(
        store.conn,
        visitor.society,
        span,
        now,
        by=visitor.name,
        seen=form.text("seen") or "-",
        despite=form.text("despite") or None,
    )
    return see_other("/month", month=str(span), said="approved")


@router.post("/month/reopen")
def reopen(visitor: Approving, form: CheckedForm, store: Writing, now: Now) -> Response:
    """Let an approved month change again."""
    span, why = parse_month(form.text("month"), store.zone), form.text("reason")
    reopen_month(store.conn, visitor.society, span, now, by=visitor.name, reason=why)
    return see_other("/month", month=str(span), said="reopened")
