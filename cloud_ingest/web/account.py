# SPDX-License-Identifier: MIT
"""The visitor's own account: roles, password, sessions.

In: what was typed. Out: pages. Never: a password on a page.
"""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.entries.own_account import change_password, change_role, end_all
from cloud_ingest.entries.sign_in import SHORTEST_PASSWORD, Visitor
from cloud_ingest.errors import NotFound, PersonRefused, SignInRefused
from cloud_ingest.http.resources import Now, Opened, Reading, Writing
from cloud_ingest.http.tries import require_try
from cloud_ingest.views.own_identities import linked_with
from cloud_ingest.views.own_roles import own_roles
from cloud_ingest.web import cookies
from cloud_ingest.web.access import needs
from cloud_ingest.web.forms import CheckedForm
from cloud_ingest.web.page import page, see_other
from cloud_ingest.web.sign_in import with_session

router = APIRouter()
Anyone = Annotated[Visitor, needs()]


@router.get("/account")
def account(request: Request, visitor: Anyone, store: Reading) -> Response:
    """Show what the visitor is, and the forms of the account."""
    return _page(request, visitor, store)


def _page(
    request: Request, visitor: Visitor, store: Opened, status: int = 200, wrong: str = ""
) -> Response:
    issuer = store.settings.oidc
    linked = issuer and linked_with(store.conn, visitor.account_id, issuer.issuer)
    return page(
        request,
        "account.html",
        status,
        roles=own_roles(store.conn, visitor.account_id),
        wrong=wrong,
        shortest=SHORTEST_PASSWORD,
        issuer=issuer,
        linked=linked,
    )


@router.post("/account/role")
def role(
    request: Request, visitor: Anyone, form: CheckedForm, store: Writing, now: Now
) -> Response:
    """Go on in another of the visitor's roles."""
    number = form.text("role")
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise NotFound("that is none of your roles")
    return with_session(request, see_other("/"), change_role(store.conn, visitor, int(number), now))


@router.post("/account/password")
def password(
    request: Request, visitor: Anyone, form: CheckedForm, store: Writing, now: Now
) -> Response:
    """Give the visitor another password."""
    require_try(request, visitor.login)
    former, wanted = form.texts.get("former", ""), form.texts.get("wanted", "")
    if wanted != form.texts.get("again", ""):
        return _page(request, visitor, store, 422, "again")
    try:
        cookie = change_password(store.conn, visitor, former, wanted, now)
    except SignInRefused:
        return _page(request, visitor, store, 422, "former")
    except PersonRefused:
        return _page(request, visitor, store, 422, "wanted")
    return with_session(request, see_other("/account", said="password-changed"), cookie)


@router.post("/account/sessions")
def sessions(
    request: Request,
    visitor: Anyone,
    form: CheckedForm,  # noqa: ARG001 - its token is compared
    store: Writing,
    now: Now,
) -> Response:
    """Sign the visitor out on every device."""
    end_all(store.conn, visitor, now)
    answer = see_other("/login", said="signed-out")
    cookies.forget(answer, cookies.SESSION, secure=request.state.secure)
    return answer
