# SPDX-License-Identifier: MIT
"""Programs that use the API: their tokens.

In: a name, scopes. Out: pages; a token once. Never: a token in a log.
"""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.role import Right
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.errors import TokenRefused
from cloud_ingest.http.resources import Now, Reading, Writing
from cloud_ingest.operate.api_tokens import issue_token, revoke_token
from cloud_ingest.views.people_page import tokens_shown
from cloud_ingest.web import words_people
from cloud_ingest.web.access import needs
from cloud_ingest.web.forms import CheckedForm
from cloud_ingest.web.page import page, see_other

router = APIRouter()
Managing = Annotated[Visitor, needs(Right.PEOPLE_MANAGE)]
MOST_DAYS: Final = 1830


@router.get("/tokens")
def tokens(request: Request, visitor: Managing, store: Reading, now: Now) -> Response:
    """Show which programs may do what."""
    found = tokens_shown(store.conn, visitor.society, now)
    return page(request, "tokens.html", found=found, words=words_people, scopes=Scope, made=None)


@router.post("/tokens/make")
def make(
    request: Request, visitor: Managing, form: CheckedForm, store: Writing, now: Now
) -> Response:
    """Make a token, and show it once."""
    days = form.text("days")
    if not (days.isascii() and days.isdecimal() and 1 <= int(days[:5]) <= MOST_DAYS):
        raise TokenRefused(f"a token lives 1 to {MOST_DAYS} days: give a number of days")
    text = issue_token(
        store.conn,
        visitor.society,
        form.text("name"),
        [each for each in Scope if form.text(each.value)],
        by=visitor.name,
        now=now,
        good_for=timedelta(days=int(days[:5])),
    )
    found = tokens_shown(store.conn, visitor.society, now)
    return page(request, "tokens.html", found=found, words=words_people, scopes=Scope, made=text)


@router.post("/tokens/end")
def end(visitor: Managing, form: CheckedForm, store: Writing, now: Now) -> Response:
    """End a token."""
    revoke_token(store.conn, visitor.society, form.text("name"), by=visitor.name, now=now)
    return see_other("/tokens", said="token-ended")
