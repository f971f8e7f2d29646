# SPDX-License-Identifier: MIT
"""Signing in and out.

In: a login and a password. Out: a session's cookie. Never: a page of another site as the next one.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.entries.sign_in import LONGEST, Visitor, open_session, sign_in, sign_out
from cloud_ingest.errors import SignInRefused
from cloud_ingest.http.resources import Now, Writing, resources_of
from cloud_ingest.http.tries import require_try
from cloud_ingest.web import cookies
from cloud_ingest.web.access import needs
from cloud_ingest.web.forms import CheckedForm
from cloud_ingest.web.page import page, see_other

router = APIRouter()
HOME: Final = "/"


def own_path(text: str) -> str:
    """Return an address of this site; of another one the home."""
    is_own = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_own else HOME


@router.get("/login")
def login(request: Request) -> Response:
    """Ask for a login and a password."""
    following = own_path(request.query_params.get("next", HOME))
    return _page(request, following=following, login="", is_wrong=False)


def _page(request: Request, status: int = 200, **values: object) -> Response:
    issuer = resources_of(request).settings.oidc
    return page(request, "login.html", status, issuer=issuer, **values)


@router.post("/login")
def take_login(request: Request, form: CheckedForm, store: Writing, now: Now) -> Response:
    """Sign somebody in."""
    following, login = own_path(form.text("next") or HOME), form.text("login")
    require_try(request, login)
    try:
        memberships = sign_in(store.conn, login, form.texts.get("password", ""), now)
    except SignInRefused:
        return _page(request, 401, following=following, login=login, is_wrong=True)
    cookie = open_session(store.conn, memberships[0].membership_id, now)
    return with_session(request, Response(status_code=303, headers={"Location": following}), cookie)


def with_session(request: Request, answer: Response, cookie: str) -> Response:
    """Return an answer that signs somebody in."""
    secure: bool = request.state.secure
    age = int(LONGEST.total_seconds())
    cookies.keep(answer, cookies.SESSION, cookie, secure=secure, max_age=age)
    return answer


@router.post("/logout")
def logout(
    request: Request,
    form: CheckedForm,  # noqa: ARG001 - its token is compared
    visitor: Annotated[Visitor, needs()],
    store: Writing,
    now: Now,
) -> Response:
    """Sign the visitor out."""
    sign_out(store.conn, visitor, now)
    answer = see_other("/login", said="signed-out")
    cookies.forget(answer, cookies.SESSION, secure=request.state.secure)
    return answer
