# SPDX-License-Identifier: MIT
"""The visitor's own data: a file with all of it, and its erasure.

In: a session, a password. Out: a file; pages. Never: another person's data; a password on a page.
"""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.errors import PersonRefused, SignInRefused
from cloud_ingest.exports.personal_file import person_file
from cloud_ingest.http.download import download
from cloud_ingest.http.resources import Now, Opened, Reading, Writing
from cloud_ingest.http.tries import require_try
from cloud_ingest.month.erasure import erase_own
from cloud_ingest.views.personal_data import last_manager_of, names_shared_in, personal_data
from cloud_ingest.web import cookies
from cloud_ingest.web.access import needs
from cloud_ingest.web.forms import CheckedForm
from cloud_ingest.web.page import page, see_other

router = APIRouter()
Anyone = Annotated[Visitor, needs()]


@router.get("/account/data")
def data(visitor: Anyone, store: Reading, now: Now) -> Response:
    """Return everything that is kept of the visitor as a file."""
    made = person_file(personal_data(store.conn, visitor.login, store.zone, now))
    return download(made.body, made.media_type, made.name)


@router.get("/account/erase")
def ask(request: Request, visitor: Anyone, store: Reading) -> Response:
    """Say what goes and what stays, and ask for the password."""
    return _page(request, visitor, store)


@router.post("/account/erase")
def erase(
    request: Request, visitor: Anyone, form: CheckedForm, store: Writing, now: Now
) -> Response:
    """Erase the visitor."""
    require_try(request, visitor.login)
    try:
        erase_own(store.conn, visitor, form.texts.get("password", ""), now)
    except SignInRefused:
        return _page(request, visitor, store, 422, is_wrong=True)
    except PersonRefused:
        return _page(request, visitor, store, 409)
    answer = see_other("/login", said="erased")
    cookies.forget(answer, cookies.SESSION, secure=request.state.secure)
    return answer


def _page(
    request: Request, visitor: Visitor, store: Opened, status: int = 200, *, is_wrong: bool = False
) -> Response:
    alone = last_manager_of(store.conn, visitor.account_id)
    shared = names_shared_in(store.conn, visitor.account_id)
    return page(request, "erase.html", status, alone=alone, shared=shared, is_wrong=is_wrong)
