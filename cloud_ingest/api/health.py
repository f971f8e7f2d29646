# SPDX-License-Identifier: MIT
"""Whether the API answers, and what it is: without a token."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from cloud_ingest.api.problems import Problem
from cloud_ingest.http.resources import resources_of
from cloud_ingest.store.connection import ping

router = APIRouter()


class Health(BaseModel):
    """The API and its store answer."""

    status: str = "ok"


@router.get("/healthz")
def health(request: Request) -> Health:
    """Say whether the API and its store answer: 200, or 503."""
    with resources_of(request).pool.lend(read_only=True) as conn:
        ping(conn)
    return Health()


@router.get("/openapi.json", include_in_schema=False)
def description(request: Request) -> dict[str, Any]:
    """Return the description of the API."""
    return described(request.app)


def described(app: Any) -> dict[str, Any]:
    """Describe an application as OpenAPI has it, with the problems that it answers."""
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= {**schema.pop("$defs", {}), Problem.__name__: schema}
    return document
