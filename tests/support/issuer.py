# SPDX-License-Identifier: MIT
"""An issuer of OpenID Connect at a port of this machine: real keys, real HTTP, PKCE held.

Whoever comes is `subject`; the browser is sent back at once. Spoil what it says by `claims`, `key`
or `algorithm`.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import Key, RSAKey

CLIENT, SECRET = "metering", "a-secret-of-the-tests"


def settings_of(address: str, folder: Path) -> dict[str, object]:
    """Return the table ``[oidc]`` of an issuer."""
    secret = folder / "oidc.secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    named = {"issuer": address, "client_id": CLIENT, "name": "Lake <Login>"}
    return {**named, "client_secret_file": secret}


def nobody_at(folder: Path) -> dict[str, object]:
    """Return the table of an issuer that answers nobody."""
    return settings_of("http://127.0.0.1:1", folder)


class LocalIssuer:
    """What the issuer says, and to whom."""

    def __init__(self, address: str, now: datetime) -> None:
        self.address = address
        self.now = now
        self.published = RSAKey.generate_key(2048, {"kid": "one"})
        self.reset()

    def reset(self) -> None:
        """Say what is right again."""
        self.subject = "subject-of-asha"
        self.claims: dict[str, Any] = {}
        """Said otherwise in the next tokens; None: not said."""
        self.key: Key = self.published
        self.algorithm = "RS256"
        self.calls_itself = self.address
        self._codes: dict[str, dict[str, str]] = {}

    def document(self) -> dict[str, Any]:
        """What it says of itself."""
        return {
            "issuer": self.calls_itself,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [self.published.as_dict(private=False)]}

    def send_back(self, asked: dict[str, str]) -> str:
        """Return where a browser goes with its code."""
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert (asked["scope"], asked["code_challenge_method"]) == ("openid", "S256")
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked | {"sub": self.subject}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, authorization: str, said: dict[str, str]) -> dict[str, Any] | None:
        """Return a token for a code; None: it is none of this client and verifier."""
        kept = self._codes.pop(said.get("code", ""), None)
        digest = hashlib.sha256(said.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        own = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if (
            kept is None
            or authorization != own
            or challenge != kept["code_challenge"]
            or said.get("redirect_uri") != kept["redirect_uri"]
        ):
            return None
        at = int(self.now.timestamp())
        claims = {
            "iss": self.address,
            "sub": kept["sub"],
            "aud": CLIENT,
            "iat": at,
            "exp": at + 300,
            "nonce": kept["nonce"],
            "email": "asha@example.org",
            "email_verified": True,
        } | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": "one"}
        if self.algorithm == "none":
            written = f"{_encoded(header)}.{_encoded(claims)}."
        else:
            written = jwt.encode(header, claims, self.key, algorithms=[self.algorithm])
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": written}


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


class _Handler(BaseHTTPRequestHandler):
    issuer: LocalIssuer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/authorize":
            self.send_response(303)
            self.send_header("Location", self.issuer.send_back(dict(parse_qsl(parts.query))))
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._answer(self.issuer.keys() if parts.path == "/keys" else self.issuer.document())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = {name: values[0] for name, values in parse_qs(body).items()}
        token = self.issuer.token(self.headers.get("Authorization", ""), said)
        if token is None:
            self._answer({"error": "invalid_grant"}, 400)
        else:
            self._answer(token)

    def _answer(self, document: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def local_issuer(now: datetime) -> Iterator[LocalIssuer]:
    """Run an issuer for the time of the block."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        issuer = _Handler.issuer = LocalIssuer(f"http://127.0.0.1:{server.server_port}", now)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
