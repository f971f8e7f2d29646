# SPDX-License-Identifier: MIT
"""Who looks at a page, and what the visitor may: ``visitor: Annotated[Visitor, needs(Right.X)]``.

A visitor is of one society, which no address names: what belongs to another is not found. A route
that names no right is for everybody, and says so by `open_to_all`.

In: the request's session. Out: a `Visitor`.
"""

from typing import Any, Final

from fastapi import Request, Security
from starlette.routing import BaseRoute

from cloud_ingest.core.role import Right
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.http.refused import Refused

OPEN: Final = "open"
"""The tag of a route that needs no session."""


class SignInFirst(Exception):
    """The page is for those who are signed in."""


def needs(*rights: Right) -> Any:
    """Return what a route's parameter asks for: a visitor with one of the rights; any: none."""

    def check(request: Request) -> Visitor:
        visitor: Visitor | None = request.state.visitor
        if visitor is None:
            raise SignInFirst
        if rights and not any(map(visitor.may, rights)):
            raise Refused(403, "not for this role", "your role does not open this page")
        return visitor

    check.rights = rights  # type: ignore[attr-defined]
    return Security(check)


def rights_of(route: BaseRoute) -> tuple[Right, ...] | None:
    """Return the rights of which a route asks for one; None: it asks for no session."""
    for each in getattr(route, "dependant", None).dependencies:  # type: ignore[union-attr]
        if hasattr(each.call, "rights"):
            found: tuple[Right, ...] = each.call.rights
            return found
    return None
