# SPDX-License-Identifier: MIT
"""The pages: their routers, behind what each visit passes.

Each page is a module with an ``APIRouter``. It decides nothing: it shows a value of `views`, and
hands what a person said to `entries`.

In: the shared resources. Out: an ASGI application.
"""

from collections.abc import Iterator
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import GZipMiddleware

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.http.health import router as healthz
from cloud_ingest.http.resources import Resources
from cloud_ingest.web import (
    account,
    approval,
    files,
    flags,
    health,
    home,
    join,
    month,
    month_changes,
    month_sent,
    origin,
    people,
    personal_data,
    self_read,
    self_read_queue,
    sign_in,
    static_files,
    tokens,
    towers,
    unit,
    unit_curve,
    witness,
)
from cloud_ingest.web.problems import answer_problems
from cloud_ingest.web.visit import Visit

ROUTERS: Final[tuple[APIRouter, ...]] = (
    static_files.router,
    healthz,
    sign_in.router,
    home.router,
    month.router,
    month_changes.router,
    month_sent.router,
    approval.router,
    files.router,
    unit.router,
    origin.router,
    witness.router,
    unit_curve.router,
    flags.router,
    towers.router,
    health.router,
    self_read.router,
    self_read_queue.router,
    account.router,
    people.router,
    join.router,
    tokens.router,
    personal_data.router,
)


def make_web(resources: Resources) -> FastAPI:
    """Make the pages that use these resources."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.resources = resources
    for router in (*ROUTERS, *_by_issuer(resources)):
        app.include_router(router)
    answer_problems(app)
    app.add_middleware(Visit, resources=resources)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    return app


def _by_issuer(resources: Resources) -> Iterator[APIRouter]:
    """Give the routes of another service that signs people in, where the settings name one.

    Raises:
        ConfigurationError: what they need is not installed.
    """
    if resources.settings.oidc is not None:
        try:
            from cloud_ingest.web import openid  # noqa: PLC0415 - of an extra, not always there
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"setting oidc needs {error.name}: install iot-utility[cloud,oidc]"
            ) from None
        yield openid.router
