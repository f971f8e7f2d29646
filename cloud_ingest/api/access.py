# SPDX-License-Identifier: MIT
"""Who asks, and what they may: the token of a request.

`admission` looks the token up before anything else of a request is read. A route names the scope
that it wants: ``caller: Annotated[Caller, needs(Scope.MONTHS_READ)]``. A caller is of one society,
and a route asks the store for nothing but that society's: what belongs to another is not found.

In: the request's headers. Out: a `Caller`. Never: a token in a text.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import HTTPBearer

from cloud_ingest.core.api_token import Scope
from cloud_ingest.http.refused import Refused
from cloud_ingest.operate.api_tokens import recognise
from cloud_ingest.store.connection import Connection

_TOKEN = HTTPBearer(
    scheme_name="token",
    bearerFormat="metering_…",
    description="A token of cloud-ingest token add, as Authorization: Bearer metering_…",
    auto_error=False,
)
_WANTED = 'Bearer realm="metering"'


@dataclass(frozen=True, slots=True)
class Caller:
    """The program that asks: its token."""

    token_id: int
    name: str
    """Kept beside what it writes, as who said so."""
    society: str
    society_id: int
    scopes: frozenset[str]


def bearer(authorization: str | None) -> str:
    """Return what an Authorization header presents; empty: nothing of a bearer."""
    kind, _, text = (authorization or "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else ""


def caller_of(conn: Connection, authorization: str | None, now: datetime) -> Caller:
    """Return who presents a token.

    Raises:
        Refused: nobody, or a token that is none, over or revoked: which of them is not said.
    """
    token = recognise(conn, bearer(authorization), now)
    if token is None:
        raise Refused(
            401,
            "no token",
            "this asks for a token that lives: send Authorization: Bearer metering_…, as "
            "cloud-ingest token add showed it",
            {"WWW-Authenticate": _WANTED},
        )
    return Caller(
        token.api_token_id, token.name, token.society, token.society_id, frozenset(token.scopes)
    )


def needs(scope: Scope) -> Any:
    """Return what a route's parameter asks for: a caller whose token has the scope."""

    def check(request: Request, _: Annotated[Any, Security(_TOKEN, scopes=[scope])]) -> Caller:
        caller: Caller = request.state.caller
        if scope not in caller.scopes:
            raise Refused(
                403,
                "scope missing",
                f"the token {caller.name} may not do this: it wants one with the scope {scope}",
                {"WWW-Authenticate": f'{_WANTED}, error="insufficient_scope", scope="{scope}"'},
            )
        return caller

    return Security(check)
