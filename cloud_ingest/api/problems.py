# SPDX-License-Identifier: MIT
"""What went wrong, as RFC 9457 has it: ``application/problem+json``.

``detail`` says what happened, to what, and what to do. What is wrong with the server itself is told
to its log, under the request's id, and not to whoever asked.

In: an error. Out: an answer. Never: a value that was sent, of which nobody knows what it holds.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from cloud_ingest.errors import ImportRefused, IngestError
from cloud_ingest.http.refused import Refused, status_of

MEDIA_TYPE: Final = "application/problem+json"
COME_AGAIN: Final = {"Retry-After": "5"}

logger = logging.getLogger(__name__)


class Fault(BaseModel):
    """One part of a request that cannot be taken."""

    model_config = ConfigDict(frozen=True)

    where: str
    """Such as ``query.severity`` or ``body.units.3.label``."""
    what: str


class Problem(BaseModel):
    """An answer that is none (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: str
    """``urn:metering:problem:`` and what kind it is: programs tell problems apart by it."""
    title: str
    status: int
    detail: str
    """What happened, to what, and what to do."""
    instance: str
    """``urn:uuid:`` and the id of this request, as the server's log has it."""
    faults: tuple[Fault, ...] = ()
    lines: tuple[str, ...] = ()
    """Of a list: one text for each bad line, with its number."""


def problem(
    scope: Scope,
    status: int,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Write a problem as the answer to a request."""
    body = Problem(
        type=f"urn:metering:problem:{title.replace(' ', '-')}",
        title=title,
        status=status,
        detail=detail,
        instance=f"urn:uuid:{scope['state']['request_id']}",
        **more,
    )
    written = body.model_dump(mode="json", exclude_defaults=True)
    return JSONResponse(written, status, headers, MEDIA_TYPE)


def problem_of(scope: Scope, error: Exception) -> Response:
    """Write an error as the answer to a request."""
    if isinstance(error, Refused):
        return problem(scope, error.status_code, error.title, error.detail, error.headers)
    if isinstance(error, HTTPException):
        return _of_http(scope, error)
    if isinstance(error, RequestValidationError):
        return problem(
            scope, 422, "refused", "the request is not of its form", faults=faults(error)
        )
    if isinstance(error, UnicodeError):
        return problem(scope, 422, "refused", "a text of the request is no Unicode text")
    if isinstance(error, IngestError):
        return _of_ours(scope, error)
    return _fault_of_ours(scope, error)


def _of_http(scope: Scope, error: HTTPException) -> Response:
    details = {
        400: "the body cannot be read: send JSON, as /openapi.json says",
        404: "there is nothing at this address: /openapi.json names what there is",
        405: f"{scope['method'][:20]} is nothing that this address does: see /openapi.json",
    }
    title = {404: "not found", 405: "method"}.get(error.status_code, "refused")
    detail = details.get(error.status_code, str(error.detail))
    return problem(scope, error.status_code, title, detail, error.headers)


def _of_ours(scope: Scope, error: IngestError) -> Response:
    found = status_of(error)
    if found is None:
        return _fault_of_ours(scope, error)
    status, title = found
    if status == 503:
        _told(scope, error)
        said = "the server cannot do this now: try again in a moment"
        return problem(scope, status, title, said, COME_AGAIN)
    lines = error.lines if isinstance(error, ImportRefused) else ()
    return problem(scope, status, title, str(error), lines=lines)


def _fault_of_ours(scope: Scope, error: Exception) -> Response:
    logger.error(
        "A request met a fault of this program",
        exc_info=error,
        extra={"action": "api_fault", "request": scope["state"]["request_id"]},
    )
    said = "the server has a fault: give its operator the id of this request (instance)"
    return problem(scope, 500, "fault", said)


def _told(scope: Scope, error: IngestError) -> None:
    logger.warning(
        "A request was put off: %s",
        " ".join(str(error).split()),
        extra={"action": "api_put_off", "request": scope["state"]["request_id"]},
    )


def faults(error: RequestValidationError) -> tuple[Fault, ...]:
    """Return what is wrong with a request, without what was sent."""
    return tuple(
        Fault(where=".".join(map(str, each["loc"]))[:200], what=str(each["msg"])[:500])
        for each in error.errors()[:100]
    )


def answer_problems(app: FastAPI) -> None:
    """Let an application answer our errors, and its own, as problems."""

    async def answer(request: Request, error: Exception) -> Response:
        return problem_of(request.scope, error)

    for kind in (IngestError, HTTPException, RequestValidationError, UnicodeError):
        app.add_exception_handler(kind, answer)
