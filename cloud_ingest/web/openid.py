# SPDX-License-Identifier: MIT
"""Signing in by another service, and linking the own account with it.

The browser keeps what it is to bring back in a cookie of its own. It goes to the issuer by a link,
since a form may lead to this site alone. What went wrong is told where somebody began.

In: what the issuer sends a browser back with. Out: a session's cookie, or a linked account.
Never: an account that is found by a mail address; a connection to the store during a question to
the issuer.
"""

import base64
import contextlib
import hmac
import json
import logging
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from cloud_ingest.entries import openid
from cloud_ingest.entries.issuer_identity import link_account, sign_in_as, unlink_account
from cloud_ingest.entries.sign_in import Visitor, open_session, sign_in
from cloud_ingest.errors import IssuerUnavailable, PersonRefused, QuotaReached, SignInRefused
from cloud_ingest.http.refused import Refused
from cloud_ingest.http.resources import Now, Opened, Resources, Writing, resources_of
from cloud_ingest.http.tries import require_address, require_try
from cloud_ingest.settings_pages import OidcSettings
from cloud_ingest.web import cookies
from cloud_ingest.web.access import needs
from cloud_ingest.web.forms import CheckedForm
from cloud_ingest.web.page import page, see_other
from cloud_ingest.web.sign_in import HOME, own_path, with_session

router = APIRouter()
BACK: Final = "/login/openid/back"
COOKIE: Final = "openid"
"""Of a browser in which somebody is at the issuer."""
FOR_S: Final = 600
LONGEST_CODE: Final = 4096
Anyone = Annotated[Visitor, needs()]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _AtIssuer:
    """What a browser brings back."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    following: str
    """The page to go on to."""
    session_id: int
    """Of whoever links the own account; 0: somebody signs in."""

    @property
    def began_at(self) -> str:
        return "/account" if self.session_id else "/login"


@router.get("/login/openid")
def begin(request: Request) -> Response:
    """Send somebody to the issuer, to sign in."""
    require_address(request)
    following = own_path(request.query_params.get("next", HOME))
    try:
        address, attempt = _begin(request)
    except (IssuerUnavailable, QuotaReached) as error:
        return _away("/login", error)
    answer = RedirectResponse(address, 303)
    _keep(request, answer, _AtIssuer(**asdict(attempt), following=following, session_id=0))
    return answer


@router.get(BACK)
def back(request: Request, now: Now) -> Response:
    """Take somebody back from the issuer, who signs in or links the own account."""
    require_address(request)
    kept = _kept(request)
    try:
        subject = _finish(request, kept, now)
        with _store(resources_of(request)) as store:
            if kept.session_id:
                answer = _linked(request, store, kept, subject, now)
            else:
                answer = _signed_in(request, store, kept, subject, now)
    except (IssuerUnavailable, QuotaReached) as error:
        answer = _away(kept.began_at, error)
    except SignInRefused:
        answer = see_other(kept.began_at, said="issuer-refused")
    cookies.forget(answer, COOKIE, secure=request.state.secure)
    return answer


@router.post("/account/openid")
def link(request: Request, visitor: Anyone, form: CheckedForm, now: Now) -> Response:
    """Show the visitor, who gave the password once more, the way to the issuer."""
    require_try(request, visitor.login)
    try:
        with _store(resources_of(request)) as store:
            sign_in(store.conn, visitor.login, form.texts.get("password", ""), now)
    except SignInRefused:
        return see_other("/account", said="issuer-password")
    try:
        address, attempt = _begin(request)
    except (IssuerUnavailable, QuotaReached) as error:
        return _away("/account", error)
    answer = page(request, "account_openid.html", address=address, issuer=_settings(request).name)
    kept = _AtIssuer(**asdict(attempt), following="/account", session_id=visitor.session_id)
    _keep(request, answer, kept)
    return answer


@router.post("/account/openid/end")
def unlink(
    request: Request,
    visitor: Anyone,
    form: CheckedForm,  # noqa: ARG001 - its token is compared
    store: Writing,
    now: Now,
) -> Response:
    """Link the visitor's account with the issuer no longer."""
    unlink_account(store.conn, visitor, _settings(request).issuer, now)
    return see_other("/account", said="issuer-unlinked")


def _begin(request: Request) -> tuple[str, openid.Attempt]:
    oidc = _settings(request)
    with openid.place_to_ask():
        return openid.begin(_issuer(request, oidc), _address_of_ours(request))


def _finish(request: Request, kept: _AtIssuer, now: Now) -> str:
    oidc, said = _settings(request), request.query_params
    code = said.get("code", "")
    if said.get("iss", oidc.issuer) != oidc.issuer or not 0 < len(code) <= LONGEST_CODE:
        raise SignInRefused("the issuer sent no code")
    attempt = openid.Attempt(kept.state, kept.nonce, kept.verifier)
    with openid.place_to_ask():
        issuer = _issuer(request, oidc)
        return openid.finish(issuer, _address_of_ours(request), attempt, code, now)


def _signed_in(
    request: Request, store: Opened, kept: _AtIssuer, subject: str, now: Now
) -> Response:
    try:
        memberships = sign_in_as(store.conn, _settings(request).issuer, subject, now)
    except SignInRefused:
        return see_other("/login", said="issuer-unknown")
    cookie = open_session(store.conn, memberships[0].membership_id, now)
    following = own_path(kept.following)
    return with_session(request, Response(status_code=303, headers={"Location": following}), cookie)


def _linked(request: Request, store: Opened, kept: _AtIssuer, subject: str, now: Now) -> Response:
    visitor: Visitor | None = request.state.visitor
    if visitor is None or visitor.session_id != kept.session_id:
        raise SignInRefused("another session began to link")
    try:
        link_account(store.conn, visitor, _settings(request).issuer, subject, now)
    except PersonRefused:
        return see_other("/account", said="issuer-taken")
    return see_other("/account", said="issuer-linked")


def _away(path: str, error: Exception) -> Response:
    logger.warning("Nobody is signed in by the issuer: %s", error, extra={"action": "web_issuer"})
    return see_other(path, said="issuer-away")


def _settings(request: Request) -> OidcSettings:
    found = resources_of(request).settings.oidc
    assert found is not None  # noqa: S101 - no route of here is there without it
    return found


def _issuer(request: Request, oidc: OidcSettings) -> openid.Issuer:
    resources = resources_of(request)
    return resources.kept_for_a_minute(("issuer", oidc.issuer), lambda: openid.learn(oidc))


def _address_of_ours(request: Request) -> str:
    return (resources_of(request).settings.public_url or "").rstrip("/") + BACK


def _store(resources: Resources) -> contextlib.AbstractContextManager[Opened]:
    return contextlib.contextmanager(resources.opened)(read_only=False)


def _keep(request: Request, answer: Response, kept: _AtIssuer) -> None:
    value = base64.urlsafe_b64encode(json.dumps(asdict(kept)).encode()).decode().rstrip("=")
    cookies.keep(answer, COOKIE, value, secure=request.state.secure, max_age=FOR_S)


def _kept(request: Request) -> _AtIssuer:
    """Return what a browser brings back, where the issuer answers to it.

    Raises:
        Refused: it is nothing of this browser.
    """
    value = request.cookies.get(cookies.named(COOKIE, secure=request.state.secure), "")
    state = request.query_params.get("state", "")
    try:
        found: dict[str, Any] = json.loads(
            base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        )
        kept = _AtIssuer(**found)
        is_ours = hmac.compare_digest(kept.state.encode(), state.encode("utf-8", "replace"))
    except (ValueError, TypeError, AttributeError, RecursionError):
        is_ours = False
    if not is_ours:
        raise Refused(
            403, "sign-in outdated", "this sign-in is too old or not from here: begin it again"
        )
    return kept
