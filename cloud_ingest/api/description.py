# SPDX-License-Identifier: MIT
"""What the API is: without a token."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi

from cloud_ingest.api.problems import Problem

router = APIRouter()


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
