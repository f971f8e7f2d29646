# SPDX-License-Identifier: MIT
"""The admission of the API: what each request passes before its route has it.

It gets an id, its caller is known, the caller's rate holds, and only then its body is read: at most
`MOST_BYTES`, within `PATIENCE_S`. Each request is one line of the log: who, what, which answer, how
long. What is outside of ``/v1`` (health, the description of the API) needs no token.

In: requests. Out: answers. Never: a body or a token in a log.
"""

import asyncio
import logging
import time
import uuid
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_ingest.api.access import Caller, caller_of
from cloud_ingest.api.problems import Refused, problem_of
from cloud_ingest.api.resources import Resources

MOST_HEAD_BYTES: Final = 16 * 1024
"""Of an address and its headers."""
MOST_BYTES: Final = 8 * 1024 * 1024
"""Of a body: a photo of a dial fits."""
PATIENCE_S: Final = 20.0
"""How long a body may take to come."""
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
            _bound_head(scope)
            if scope["path"] == BEHIND_TOKENS or scope["path"].startswith(f"{BEHIND_TOKENS}/"):
                scope["state"]["caller"] = await run_in_threadpool(self._enter, scope)
            await self._app(scope, _Body(scope, receive).receive, answer.send)
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


class _Body:
    """The body of a request, as it comes."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._left = MOST_BYTES
        self._ends_at = time.monotonic() + PATIENCE_S
        self._is_whole = False
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > MOST_BYTES:
            raise _too_large()

    async def receive(self) -> Message:
        """Return the next part."""
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, self._ends_at - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            raise Refused(
                408, "too slow", f"the body did not come within {PATIENCE_S:.0f} s: send it again"
            ) from None
        self._left -= len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._left < 0:
            raise _too_large()
        return message


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


def _bound_head(scope: Scope) -> None:
    head = sum(len(name) + len(value) for name, value in scope["headers"])
    if head + len(scope["path"]) + len(scope["query_string"]) > MOST_HEAD_BYTES:
        raise Refused(431, "too large", f"the head is larger than {MOST_HEAD_BYTES} bytes")


def _too_large() -> Refused:
    return Refused(413, "too large", f"the body is larger than {MOST_BYTES} bytes: send less")


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
