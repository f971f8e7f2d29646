# SPDX-License-Identifier: MIT
"""The API and the pages at one address: what a program asks goes to the API, the rest to pages.

A program presents a token or a link as ``Authorization: Bearer``, which no browser sends by itself;
what it may ask without one has an address of its own.

In: two applications. Out: one.
"""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

OF_PROGRAMS: Final = frozenset({"/v1", "/openapi.json", "/healthz"})
BELOW: Final = "/v1/"


def at_one_address(api: ASGIApp, pages: ASGIApp) -> ASGIApp:
    """Return an application that hands each request to whom it is for."""

    async def hand(scope: Scope, receive: Receive, send: Send) -> None:
        await (api if is_for_programs(scope) else pages)(scope, receive, send)

    return hand


def is_for_programs(scope: Scope) -> bool:
    """Say whether the API answers a request."""
    path: str = scope["path"]
    kind = Headers(scope=scope).get("authorization", "").partition(" ")[0]
    return path in OF_PROGRAMS or path.startswith(BELOW) or kind.lower() == "bearer"
