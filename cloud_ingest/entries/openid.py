# SPDX-License-Identifier: MIT
"""An issuer of OpenID Connect vouches for who somebody is: the only door to Authlib.

The authorization code flow with PKCE: the browser goes to the issuer and comes back with a code,
which is exchanged for an ID token over TLS. Of the token its signature by a key of the issuer, the
issuer, whom it is for, its times and the nonce are verified; of what it says the subject is taken,
and nothing else.

In: the settings of an issuer. Out: an address to send a browser to; the subject. Never: a secret, a
code or a token in a text or a log.

Raises: IssuerUnavailable, SignInRefused, ConfigurationError.
"""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from cloud_ingest.errors import (
    ConfigurationError,
    IssuerUnavailable,
    QuotaReached,
    SignInRefused,
)
from cloud_ingest.settings import read_secret
from cloud_ingest.settings_pages import OidcSettings
from cloud_ingest.settings_receivers import safe_url

DISCOVERY: Final = "/.well-known/openid-configuration"
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
"""Signatures by keys that the issuer publishes; never one by our own secret, and never none."""
CLOCKS_DIFFER_S: Final = 60
PATIENCE_S: Final = 5.0
LONGEST_SUBJECT: Final = 255
_PLACES: Final = threading.BoundedSemaphore(4)
"""So many ask the issuer at a time: where it is slow the pages go on."""
_PLACE_WITHIN_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of the settings, and what it says of itself."""

    oidc: OidcSettings
    authorization_endpoint: str
    token_endpoint: str
    keys: Mapping[str, Any]
    """Its public keys, as a set of JWK."""
    algorithms: tuple[str, ...]
    client_auth: str
    """How we say who we are to it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a browser keeps while somebody is at the issuer."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@contextmanager
def place_to_ask() -> Iterator[None]:
    """Let somebody ask the issuer for the time of the block.

    Raises:
        QuotaReached: too many do at this moment.
    """
    if not _PLACES.acquire(timeout=_PLACE_WITHIN_S):
        raise QuotaReached("too many people sign in at this moment: try again in a few seconds")
    try:
        yield
    finally:
        _PLACES.release()


def learn(oidc: OidcSettings) -> Issuer:
    """Ask an issuer for its addresses and its keys.

    Raises:
        IssuerUnavailable: it does not answer, or not as an issuer does.
    """
    try:
        with httpx2.Client(verify=_trust(oidc), timeout=PATIENCE_S) as client:
            said = _document(client, oidc.issuer.rstrip("/") + DISCOVERY)
            if said.get("issuer") != oidc.issuer:
                raise IssuerUnavailable(
                    f"{oidc.issuer} calls itself {str(said.get('issuer'))[:200]}: set issuer so"
                )
            keys = _document(client, safe_url(str(said["jwks_uri"]), oidc.issuer))
        offered = said.get("id_token_signing_alg_values_supported", ("RS256",))
        ways = said.get("token_endpoint_auth_methods_supported", ("client_secret_basic",))
        return Issuer(
            oidc=oidc,
            authorization_endpoint=safe_url(str(said["authorization_endpoint"]), oidc.issuer),
            token_endpoint=safe_url(str(said["token_endpoint"]), oidc.issuer),
            keys=keys,
            algorithms=tuple(each for each in ALGORITHMS if each in offered),
            client_auth=(
                "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"
            ),
        )
    except (httpx2.HTTPError, httpx2.InvalidURL, KeyError, TypeError, ValueError) as error:
        raise IssuerUnavailable(f"{oidc.issuer} did not answer as an issuer: {error}") from None


def begin(issuer: Issuer, back: str) -> tuple[str, Attempt]:
    """Return where to send a browser, and what it is to bring back.

    Args:
        issuer: What the issuer said of itself.
        back: The address of ours to which the issuer sends the browser back.
    """
    attempt = Attempt(generate_token(32), generate_token(32), generate_token(64))
    with _client(issuer, back) as client:
        address, _ = client.create_authorization_url(
            issuer.authorization_endpoint,
            state=attempt.state,
            nonce=attempt.nonce,
            code_verifier=attempt.verifier,
        )
    return str(address), attempt


def finish(issuer: Issuer, back: str, attempt: Attempt, code: str, now: datetime) -> str:
    """Exchange a code; return the subject whom the issuer vouches for.

    Raises:
        SignInRefused: the code or the token is none of this attempt, of this issuer, or of now.
        IssuerUnavailable: it does not answer.
    """
    try:
        with _client(issuer, back) as client:
            token = client.fetch_token(
                issuer.token_endpoint, code=code, code_verifier=attempt.verifier
            )
    except httpx2.HTTPError as error:
        raise IssuerUnavailable(f"{issuer.oidc.issuer} did not answer: {error}") from None
    except (AuthlibBaseError, ValueError):
        raise SignInRefused("the issuer did not take the code") from None
    return _subject(issuer, attempt, token, now)


def _subject(issuer: Issuer, attempt: Attempt, token: Mapping[str, Any], now: datetime) -> str:
    oidc = issuer.oidc
    try:
        read = jwt.decode(
            str(token["id_token"]),
            key=KeySet.import_key_set(dict(issuer.keys)),  # type: ignore[arg-type]
            registry=JWSRegistry(algorithms=list(issuer.algorithms), strict_check_header=False),
        )
        claims = CodeIDToken(
            read.claims,
            read.header,
            {
                "iss": {"essential": True, "value": oidc.issuer},
                "aud": {"essential": True, "value": oidc.client_id},
                "nonce": {"essential": True, "value": attempt.nonce},
            },
            {
                "nonce": attempt.nonce,
                "client_id": oidc.client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(now=int(now.timestamp()), leeway=CLOCKS_DIFFER_S)
    except (JoseError, KeyError, TypeError, ValueError):
        raise SignInRefused("the ID token is not one of this sign-in") from None
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or "\0" in subject:
        raise SignInRefused("the ID token names nobody")
    return subject


def _client(issuer: Issuer, back: str) -> OAuth2Client:
    oidc = issuer.oidc
    secret = read_secret(oidc.client_secret_file, "the secret of [oidc]").decode().strip()
    return OAuth2Client(
        client_id=oidc.client_id,
        client_secret=secret,
        token_endpoint_auth_method=issuer.client_auth,
        scope="openid",
        redirect_uri=back,
        code_challenge_method="S256",
        verify=_trust(oidc),
        timeout=PATIENCE_S,
    )


def _trust(oidc: OidcSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=oidc.ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"setting oidc.ca_file: cannot be read: {error.strerror}"
        ) from None


def _document(client: httpx2.Client, address: str) -> dict[str, Any]:
    answer = client.get(address)
    answer.raise_for_status()
    said = answer.json()
    if not isinstance(said, dict):
        raise TypeError("that is no JSON object")
    return said
