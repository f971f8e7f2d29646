# SPDX-License-Identifier: MIT
"""What each request for a page passes: bounds, its visitor, its language, and the headers.

What another site had a browser send is refused by what the browser says of its origin, before the
form is read; `forms` compares the token besides. Each request is one line of the log.

In: requests. Out: answers. Never: a cookie, a body or a query in a log.
"""

import contextlib
import logging
import secrets
import time
import uuid
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_ingest.entries.sign_in import Visitor, visitor_of
from cloud_ingest.http.body import Body, bound_head
from cloud_ingest.http.refused import Refused
from cloud_ingest.http.resources import Resources
from cloud_ingest.web import cookies
from cloud_ingest.web.languages import language_for
from cloud_ingest.web.problems import problem_page

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), interest-cohort=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Of each answer; what a route says itself stands."""

logger = logging.getLogger(__name__)


class Visit:
    """What each request for a page passes."""

    def __init__(self, app: ASGIApp, resources: Resources) -> None:
        self._app = app
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        state = scope.setdefault("state", {})
        state |= {"request_id": str(uuid.uuid4()), "visitor": None, "zone": None, "csrf": ""}
        state |= {"language": "en", "theme": None, "secure": self._resources.is_behind_tls}
        answer = _Answer(scope, send)
        try:
            bound_head(scope)
            _refuse_other_site(scope)
            given = _cookies(scope)
            state["theme"] = given.get(cookies.named(cookies.THEME, secure=state["secure"]))
            if not (scope["path"] == "/healthz" or scope["path"].startswith("/static/")):
                await run_in_threadpool(self._enter, scope, given)
            await self._app(scope, Body(scope, receive).receive, answer.send)
        except Exception as error:
            if answer.status:
                raise  # half of an answer is gone: let the connection end
            await problem_page(scope, error)(scope, receive, answer.send)
        finally:
            _log(scope, answer.status, time.monotonic() - began)

    def _enter(self, scope: Scope, given: dict[str, str]) -> None:
        state, secure = scope["state"], self._resources.is_behind_tls
        cookie = given.get(cookies.named(cookies.SESSION, secure=secure), "")
        kept = given.get(cookies.named(cookies.FORM, secure=secure), "")
        accepted = Headers(scope=scope).get("accept-language", "")
        chosen = given.get(cookies.named(cookies.LANGUAGE, secure=secure))
        state["language"] = language_for(chosen, accepted)
        lend = contextlib.contextmanager(self._resources.opened)
        with lend(read_only=False) as store:
            state["zone"] = store.zone
            visitor = visitor_of(store.conn, cookie, self._resources.clock()) if cookie else None
        if visitor is None:
            state["csrf"] = kept or secrets.token_urlsafe(24)
            state["new_form_cookie"] = None if kept else state["csrf"]
            return
        self._resources.require_rate(("session", visitor.session_id), "this browser")
        state |= {"visitor": visitor, "csrf": visitor.csrf}
        state["language"] = language_for(chosen or visitor.language, accepted)


class _Answer:
    """The answer, as it goes."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self.status = 0
        """0: it has not begun."""

    async def send(self, message: Message) -> None:
        """Send the next part."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            state, headers = self._scope["state"], MutableHeaders(scope=message)
            headers["X-Request-Id"] = state["request_id"]
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
            if state["secure"]:
                headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            if (value := state.get("new_form_cookie")) is not None:
                _add_form_cookie(headers, value, secure=state["secure"])
        await self._send(message)


def _add_form_cookie(headers: MutableHeaders, value: str, *, secure: bool) -> None:
    made = Response()
    cookies.keep(made, cookies.FORM, value, secure=secure)
    headers.append("Set-Cookie", made.headers["set-cookie"])


def _cookies(scope: Scope) -> dict[str, str]:
    try:
        found = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in found.items()}


def _refuse_other_site(scope: Scope) -> None:
    if scope["method"] in SAFE:
        return
    headers = Headers(scope=scope)
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    is_own = site in {None, "same-origin", "none"} and (
        origin is None or urlsplit(origin).netloc == headers.get("host", "")
    )
    if not is_own:
        raise Refused(403, "other site", "this was sent by another site: open the page here")


def _log(scope: Scope, status: int, took_s: float) -> None:
    visitor: Visitor | None = scope["state"]["visitor"]
    logger.info(
        "A page was answered",
        extra={
            "action": "web_request",
            "request": scope["state"]["request_id"],
            "method": scope["method"][:20],
            "path": scope["path"][:200],
            "status": status,
            "ms": round(took_s * 1000),
            "session": visitor.session_id if visitor else "",
            "society": visitor.society if visitor else "",
        },
    )
