# SPDX-License-Identifier: MIT
"""Whether what is served answers, and its store: without a token or a session."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from cloud_ingest.http.resources import resources_of
from cloud_ingest.store.connection import ping

router = APIRouter()


class Health(BaseModel):
    """The server and its store answer."""

    status: str = "ok"


@router.get("/healthz")
def health(request: Request) -> Health:
    """Say whether the server and its store answer: 200, or 503."""
    with resources_of(request).pool.lend(read_only=True) as conn:
        ping(conn)
    return Health()
