# SPDX-License-Identifier: MIT
"""The API: its routers, behind the admission of each request.

Each noun is a module with an ``APIRouter``. It decides nothing: it asks ``entries``, ``month``,
``views`` and others, as a command does. The description of the API, ``/openapi.json``, is made from
the routers, and there is no page that would fetch a program from elsewhere.

In: the shared resources. Out: an ASGI application.
"""

from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from cloud_ingest.api import (
    approvals,
    billing,
    description,
    events,
    gateways,
    months,
    self_read_queue,
    self_reads,
    towers,
    units,
    usage,
)
from cloud_ingest.api.admission import BEHIND_TOKENS, Admission
from cloud_ingest.api.problems import MEDIA_TYPE, Problem, answer_problems
from cloud_ingest.http.health import router as healthz
from cloud_ingest.http.resources import Resources

ROUTERS: Final[tuple[APIRouter, ...]] = (
    months.router,
    approvals.router,
    usage.router,
    towers.router,
    events.router,
    gateways.router,
    self_reads.router,
    self_read_queue.router,
    units.router,
    billing.router,
)
VERSION: Final = "1"
"""Of the addresses below ``/v1``: none is taken away or changes its meaning."""

_PROBLEMS: Final = {
    401: "no token or link that lives was presented",
    403: "the token lacks the scope",
    404: "there is no such thing in the token's society",
    409: "it cannot be done as things are",
    413: "the body is too large",
    422: "what was sent cannot be taken",
    429: "the token or the link asks too often",
    503: "the server cannot do it now",
}


def make_app(resources: Resources) -> FastAPI:
    """Make the API that uses these resources."""
    app = FastAPI(
        title="Metering",
        version=VERSION,
        summary="Readings, months and flags of a housing society",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_name,
    )
    app.state.resources = resources
    app.include_router(healthz)
    app.include_router(description.router)
    app.include_router(self_reads.residents, responses=_answers())
    for router in ROUTERS:
        app.include_router(router, prefix=BEHIND_TOKENS, responses=_answers())
    answer_problems(app)
    app.add_middleware(Admission, resources=resources)
    return app


def _name(route: APIRoute) -> str:
    return route.name


def _answers() -> dict[int | str, dict[str, Any]]:
    content = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {
        status: {"description": about, "content": content} for status, about in _PROBLEMS.items()
    }
