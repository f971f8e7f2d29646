# SPDX-License-Identifier: MIT
"""Enrolling a gateway by the request that it signed, and taking its keys back.

A request is approved by comparing its fingerprint with the commissioning sheet. The same request
again, or a later one by the same key, renews the certificate. A request by another key is only
taken after the former key was taken back: two gateways would speak under one name.

In: the file of a request, an authority, who says so. Out: what was enrolled and issued. Never: a
gateway enrolled without a certificate that was asked for, or the other way round.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cloud_ingest.core.typed_text import remark
from cloud_ingest.errors import ConfigurationError, UserError
from cloud_ingest.operate.authority import Authority, serial
from cloud_ingest.operate.keys import read_public_key
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.gateway_keys import (
    Certificate,
    add_certificate,
    gateway_keys,
    issued_requests,
    revoke_keys,
)
from cloud_ingest.store.registry import enrol_gateway
from shared_schema.access import Consumer
from shared_schema.certificates import PEM, valid_until
from shared_schema.enrolment import LARGEST_REQUEST, Asked, open_request
from shared_schema.errors import ContractError
from shared_schema.message import format_utc
from shared_schema.proof.verdict import normal_fingerprint
from shared_schema.signing import fingerprint, key_id, public_key_from_pem, public_key_to_pem

DEFAULT_DAYS: Final = 825
_NO_GATEWAYS: Final = frozenset({"broker", "ingest", "keeper", "monitor", *Consumer})


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was read from a file and verified."""

    path: Path
    payload: bytes
    asked: Asked

    @property
    def fingerprint(self) -> str:
        """Of the key that signed it: it stands on the commissioning sheet."""
        return fingerprint(self.asked.key)

    def is_signed_by(self, typed: str) -> bool:
        """Say whether a fingerprint, as a person typed it from the sheet, is of its key."""
        return normal_fingerprint(typed) == self.fingerprint


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person says to a request."""

    tower: str | None
    life: timedelta
    """Of the certificate."""
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate for a gateway, and the authority that it has to believe."""

    pem: bytes
    expires_at: datetime


def read_request(path: Path) -> Request:
    """Read and verify a request.

    Raises:
        ConfigurationError: it cannot be read, is none, or was changed after it was signed.
    """
    try:
        with path.open("rb") as file:
            payload = file.read(LARGEST_REQUEST + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot read the request: {error.strerror}: {path}") from None
    try:
        return Request(path, payload, open_request(payload))
    except ContractError as error:
        raise ConfigurationError(
            f"{path} is no request of a gateway: {error}: make it anew on the gateway with "
            "edge-agent request, and copy the file whole"
        ) from None


def refuse_login(gateway: str, logins: Collection[str]) -> None:
    """Refuse a gateway the name of another login: its certificate would be that login's.

    Raises:
        UserError: it is one of these, or the name of a role.
    """
    if gateway in logins or gateway in _NO_GATEWAYS:
        raise UserError(
            f"{gateway} is the name of a login of the broker, and a certificate of that name has "
            "its rights: give the gateway another name (edge-agent request --gateway)"
        )


def is_renewal(conn: Connection, request: Request) -> bool:
    """Say whether a request is of a key that is enrolled already.

    Raises:
        UserError: its key was taken back, or another key of the gateway signs.
    """
    asked = request.asked
    return _is_known(conn, asked.request.gateway, key_id(asked.key), request.path)


def _is_known(conn: Connection, gateway: str, own: str, path: Path) -> bool:
    """Say whether a gateway has the key of a file, and refuse one that may not sign for it."""
    known = gateway_keys(conn, gateway)
    for each in known:
        if each.key_id == own and each.revoked_at is not None:
            raise UserError(
                f"the key of {path} was taken back at {format_utc(each.revoked_at)}: make a new "
                "one on the gateway (edge-agent keygen), and a new request"
            )
        if each.key_id == own and each.successor is not None:
            raise UserError(
                f"gateway {gateway} has named the next key, {each.successor}, in place of that of "
                f"{path}: make a new request with that one"
            )
        if each.key_id != own and each.signs:
            raise UserError(
                f"gateway {gateway} signs with another key, {each.fingerprint}: where that one is "
                "lost or stolen, take it back first (cloud-ingest revoke); two gateways cannot "
                "have one name"
            )
    return any(each.key_id == own for each in known)


def _refuse_former_tls_key(conn: Connection, request: Request) -> None:
    """Refuse a certificate for a key that has another after it, or was taken back."""
    issued = issued_requests(conn, request.asked.request.gateway)
    keys = [open_request(each.request).tls_key for each in issued]
    own = request.asked.tls_key
    if own in keys and (issued[-1].taken_back or keys[-1] != own):
        raise UserError(
            f"{request.path} asks for a certificate of a key that was taken back, or has a newer "
            "one: somebody may have an old request or a copy of that key; make a new one on the "
            "gateway (edge-agent request --new-key)"
        )


def enrol_key(conn: Connection, gateway: str, society: str, tower: str | None, path: Path) -> str:
    """Let a gateway speak by its public key alone; return the fingerprint.

    Raises:
        UserError: as `enrol`.
    """
    pem = read_public_key(path)
    with conn.transaction():
        found = enrol_gateway(conn, society, gateway, tower, pem)
        _is_known(conn, gateway, key_id(public_key_from_pem(pem)), path)
    return found


def enrol(
    conn: Connection, request: Request, authority: Authority | None, said: Approval
) -> Issued | None:
    """Let the gateway of a request speak, and issue its certificate where there is an authority.

    Raises:
        UserError: as `is_renewal`; a name that cannot be one; an authority that does not sign; a
            certificate for a former key.
    """
    asked = request.asked
    gateway, society = asked.request.gateway, asked.request.society
    word = Word(remark(said.by, "--by"), "enrolled", said.at)
    with conn.transaction():
        enrol_gateway(conn, society, gateway, said.tower, public_key_to_pem(asked.key))
        is_renewal(conn, request)  # now that nobody else can enrol a key of this gateway
        if authority is None:
            return None
        _refuse_former_tls_key(conn, request)
        made = authority.issue(gateway, asked.tls_key, said.at, said.life)
        expires_at = valid_until(made)
        issued = Certificate(serial(made), expires_at, request.payload)
        add_certificate(conn, gateway, issued, word)
    return Issued(made.public_bytes(PEM) + authority.pem, expires_at)


@dataclass(frozen=True, slots=True)
class Revoked:
    """What was taken back of a gateway."""

    keys: int
    certificates: int


def revoke(
    conn: Connection,
    gateway: str,
    authority: Authority | None,
    *,
    by: str,
    reason: str,
    now: datetime,
) -> Revoked:
    """Take the keys of a gateway back, and its certificates where there is an authority.

    Raises:
        NotFound: no gateway has that name.
        UserError: who or why cannot be kept; the list of the revoked cannot be written.
    """
    keys = revoke_keys(conn, gateway, Word(remark(by, "--by"), remark(reason, "--reason"), now))
    certificates = [] if authority is None else authority.revoke(gateway, now)
    return Revoked(keys, len(certificates))
