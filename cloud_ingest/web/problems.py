# SPDX-License-Identifier: MIT
"""What a person sees where a page cannot be shown: what happened, and what to do next.

In: an error. Out: a page; a visitor who has to sign in first is sent there. Never: a fault of this
program in words that help nobody; its log has it under the request's id.
"""

import logging
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from cloud_ingest.errors import IngestError
from cloud_ingest.http.refused import Refused, status_of
from cloud_ingest.web.access import SignInFirst
from cloud_ingest.web.page import page, see_other

logger = logging.getLogger(__name__)
_SAID_ONLY_IN_LOG: Final = frozenset({500, 503})


def problem_page(scope: Scope, error: Exception) -> Response:
    """Write an error as the answer to a request."""
    request = Request(scope)
    if isinstance(error, SignInFirst):
        own = scope["path"] + (
            f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        )
        return see_other("/login", next=own if scope["method"] == "GET" else "/")
    status, said = _of(error)
    if status in _SAID_ONLY_IN_LOG:
        logger.error(
            "A page met an error",
            exc_info=error if status == 500 else None,
            extra={"action": "web_fault", "request": scope["state"]["request_id"]},
        )
    answer = page(request, "problem.html", status, code=status, said=said)
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _of(error: Exception) -> tuple[int, str]:
    if isinstance(error, Refused):
        return error.status_code, str(error.detail)
    if isinstance(error, HTTPException):
        return error.status_code, ""
    if isinstance(error, RequestValidationError | UnicodeError):
        return 422, ""
    if isinstance(error, IngestError):
        status, _ = status_of(error) or (500, "")
        return status, "" if status in _SAID_ONLY_IN_LOG else str(error)
    return 500, ""


def answer_problems(app: FastAPI) -> None:
    """Let an application answer errors as pages."""

    async def answer(request: Request, error: Exception) -> Response:
        return problem_page(request.scope, error)

    for kind in (SignInFirst, HTTPException, RequestValidationError, IngestError, UnicodeError):
        app.add_exception_handler(kind, answer)
