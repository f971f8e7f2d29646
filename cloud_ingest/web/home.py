# SPDX-License-Identifier: MIT
"""The first page of each role, and how a browser likes the pages: language and theme."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from cloud_ingest.core.role import Role
from cloud_ingest.entries.own_account import choose_language
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.http.resources import Writing
from cloud_ingest.web import cookies
from cloud_ingest.web.access import needs
from cloud_ingest.web.languages import languages
from cloud_ingest.web.page import see_other
from cloud_ingest.web.sign_in import own_path

router = APIRouter()
FIRST: Final[Mapping[Role, str]] = {
    Role.MANAGER: "/month",
    Role.TREASURER: "/month",
    Role.HELPDESK: "/flags",
    Role.OPERATOR: "/health",
    Role.RESIDENT: "/unit",
}


@router.get("/")
def home(visitor: Annotated[Visitor, needs()]) -> Response:
    """Go to the first page of the visitor's role."""
    return see_other(FIRST[visitor.role])


@router.get("/choices")
def choices(request: Request, store: Writing) -> Response:
    """Remember the language and the theme that somebody chose."""
    asked, secure = request.query_params, request.state.secure
    answer = Response(status_code=303, headers={"Location": own_path(asked.get("next", "/"))})
    for name, field, allowed in (
        (cookies.LANGUAGE, "lang", languages()),
        (cookies.THEME, "theme", ("light", "dark")),
    ):
        if (value := asked.get(field)) in allowed:
            cookies.keep(answer, name, value or "", secure=secure, max_age=cookies.A_YEAR_S)
    visitor, language = request.state.visitor, asked.get("lang")
    if visitor is not None and language in languages():
        choose_language(store.conn, visitor, language)
    return answer
