# SPDX-License-Identifier: MIT
"""The admission of the API: what each request passes before its route has it.

It gets an id, its caller is known, the caller's rate holds, and only then its body is read, with
the bounds of `http.body`. Each request is one line of the log: who, what, which answer, how
long. What is outside of ``/v1`` (health, the description of the API) needs no token.

In: requests. Out: answers. Never: a body or a token in a log.
"""

import logging
import time
import uuid
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_ingest.api.access import Caller, caller_of
from cloud_ingest.api.problems import problem_of
from cloud_ingest.http.body import Body, bound_head
from cloud_ingest.http.resources import Resources

BEHIND_TOKENS: Final = "/v1"

logger = logging.getLogger(__name__)


class Admission:
    """What each request passes."""

    def __init__(self, app: ASGIApp, resources: Resources) -> None:
        self._app = app
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        scope.setdefault("state", {})["request_id"] = str(uuid.uuid4())
        answer = _Answer(send, scope["state"]["request_id"])
        try:
            bound_head(scope)
            if scope["path"] == BEHIND_TOKENS or scope["path"].startswith(f"{BEHIND_TOKENS}/"):
                scope["state"]["caller"] = await run_in_threadpool(self._enter, scope)
            await self._app(scope, Body(scope, receive).receive, answer.send)
        except Exception as error:
            if answer.status:
                raise  # half of an answer is gone: let the connection end
            await problem_of(scope, error)(scope, receive, answer.send)
        finally:
            _log(scope, answer.status, time.monotonic() - began)

    def _enter(self, scope: Scope) -> Caller:
        with self._resources.pool.lend(read_only=False) as conn:
            token = Headers(scope=scope).get("authorization")
            caller = caller_of(conn, token, self._resources.clock())
        self._resources.require_rate(("token", caller.token_id), f"the token {caller.name}")
        return caller


class _Answer:
    """The answer, as it goes."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0
        """0: it has not begun."""

    async def send(self, message: Message) -> None:
        """Send the next part."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Cache-Control"] = "no-store"
        await self._send(message)


def _log(scope: Scope, status: int, took_s: float) -> None:
    caller: Caller | None = scope["state"].get("caller")
    logger.info(
        "A request was answered",
        extra={
            "action": "api_request",
            "request": scope["state"]["request_id"],
            "method": scope["method"][:20],
            "path": scope["path"][:200],
            "status": status,
            "ms": round(took_s * 1000),
            "token": caller.name if caller else "",
            "society": caller.society if caller else "",
        },
    )
