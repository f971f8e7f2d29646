# SPDX-License-Identifier: MIT
"""Joining: whoever has an invitation's link takes its role, with a new login or the own one.

In: a link's text, a login, a name, a password. Out: a session's cookie. Never: the text in a log.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from cloud_ingest.entries.invitations import invitation_of, join_anew, join_as
from cloud_ingest.entries.sign_in import SHORTEST_PASSWORD
from cloud_ingest.errors import PersonRefused, TextRefused
from cloud_ingest.http.resources import Now, Reading, Writing
from cloud_ingest.web import words_people
from cloud_ingest.web.forms import CheckedForm
from cloud_ingest.web.page import page, see_other
from cloud_ingest.web.sign_in import with_session

router = APIRouter()


@router.get("/join")
def join(
    request: Request,
    store: Reading,
    now: Now,
    *,
    i: Annotated[str, Query(max_length=128)] = "",
) -> Response:
    """Show what a link invites to, and ask for a login."""
    return _page(request, invitation_of(store.conn, i, now), i)


@router.post("/join")
def take(request: Request, form: CheckedForm, store: Writing, now: Now) -> Response:
    """Take an invitation with a new login."""
    text = form.text("i")
    found, password = invitation_of(store.conn, text, now), form.texts.get("password", "")
    if password != form.texts.get("again", ""):
        return _page(request, found, text, form.texts, "again")
    try:
        cookie = join_anew(
            store.conn,
            text,
            login=form.text("login"),
            name=form.text("name"),
            password=password,
            now=now,
        )
    except (PersonRefused, TextRefused) as error:
        return _page(request, found, text, form.texts, str(error))
    return with_session(request, see_other("/account", said="joined"), cookie)


@router.post("/join/own")
def take_as(request: Request, form: CheckedForm, store: Writing, now: Now) -> Response:
    """Take an invitation as who is signed in."""
    text, visitor = form.text("i"), request.state.visitor
    if visitor is None:
        return _page(request, invitation_of(store.conn, text, now), text)
    return with_session(
        request, see_other("/account", said="joined"), join_as(store.conn, text, visitor, now)
    )


def _page(
    request: Request,
    found: object,
    text: str,
    typed: Mapping[str, str] = MappingProxyType({}),
    wrong: str = "",
) -> Response:
    return page(
        request,
        "join.html",
        422 if wrong else 200,
        found=found,
        text=text,
        typed=typed,
        wrong=wrong,
        shortest=SHORTEST_PASSWORD,
        words=words_people,
    )
