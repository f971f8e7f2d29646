# SPDX-License-Identifier: MIT
"""Keys of gateways that are taken back, and the certificates that were issued for gateways.

In: a connection, a gateway's name, who says so. Out: what is known of its keys; what ends soon.
Owns: the tables ``revocation`` and ``gateway_certificate``.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloud_ingest.errors import NotFound
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalar, scalars
from cloud_ingest.store.status import end_status
from shared_schema.signing import fingerprint


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """A key of a gateway, and whether it still signs."""

    key_id: str
    public_key: bytes
    revoked_at: datetime | None
    successor: str | None

    @property
    def signs(self) -> bool:
        """Whether it was not taken back, and has no successor."""
        return self.revoked_at is None and self.successor is None

    @property
    def fingerprint(self) -> str:
        """As it stands on the commissioning sheet."""
        return fingerprint(Ed25519PublicKey.from_public_bytes(self.public_key))


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was issued for a gateway."""

    serial: str
    expires_at: datetime
    request: bytes
    """As the gateway signed it."""


@dataclass(frozen=True, slots=True)
class IssuedRequest:
    """A request for which a certificate was issued."""

    request: bytes
    taken_back: bool
    """The gateway's keys were taken back since."""


@dataclass(frozen=True, slots=True)
class LastCertificate:
    """When the last certificate of a gateway that is in service ends."""

    society_id: int
    society: str
    gateway: str
    expires_at: datetime


@translating
def gateway_keys(conn: Connection, gateway: str) -> list[GatewayKey]:
    """Return the keys of a gateway, oldest first; none: it was never enrolled."""
    return all_rows(
        conn,
        GatewayKey,
        """
        SELECT key_id, public_key, revocation.at AS revoked_at, successor
        FROM gateway JOIN gateway_key USING (gateway_id)
        LEFT JOIN key_succession USING (gateway_id, key_id)
        LEFT JOIN revocation ON revocation.revocation_id = gateway_key.revocation_id
        WHERE name = %s ORDER BY gateway_key.enrolled_at
        """,
        (gateway,),
    )


@translating
def revoke_keys(conn: Connection, gateway: str, word: Word) -> int:
    """Take every key of a gateway back that was not before; return how many those are.

    Raises:
        NotFound: no gateway has that name.
    """
    with conn.transaction():
        gateway_id = scalar(  # no batch that names a next key is under way after this
            conn, "SELECT gateway_id FROM gateway WHERE name = %s FOR UPDATE", (gateway,)
        )
        if gateway_id is None:
            named = scalars(conn, "SELECT name FROM gateway ORDER BY name LIMIT 20")
            known = ", ".join(named) or "none yet"
            raise NotFound(f"no gateway {gateway[:80]!r} is enrolled: there is {known}")
        end_status(conn, gateway_id)
        return len(
            scalars(
                conn,
                query("registry/keys_revoke"),
                {"gateway": gateway_id, "at": word.at, "by": word.by, "reason": word.reason},
            )
        )


@translating
def add_certificate(conn: Connection, gateway: str, issued: Certificate, word: Word) -> None:
    """Note a certificate of a gateway that is enrolled."""
    conn.execute(
        """
        INSERT INTO gateway_certificate
          (gateway_id, serial, expires_at, issued_at, author, request)
        SELECT gateway_id, %s, %s, least(%s, now()), %s, %s FROM gateway WHERE name = %s
        """,
        (issued.serial, issued.expires_at, word.at, word.by, issued.request, gateway),
    )


@translating
def issued_requests(conn: Connection, gateway: str) -> list[IssuedRequest]:
    """Return the requests of a gateway for which certificates were issued, oldest first."""
    return all_rows(
        conn,
        IssuedRequest,
        """
        SELECT request, EXISTS (
          SELECT FROM revocation
          WHERE revocation.gateway_id = gateway.gateway_id AND at >= issued_at) AS taken_back
        FROM gateway_certificate JOIN gateway USING (gateway_id)
        WHERE name = %s ORDER BY issued_at
        """,
        (gateway,),
    )


@translating
def last_certificates(conn: Connection, before: datetime) -> list[LastCertificate]:
    """Return the gateways in service whose last certificate ends before a time."""
    return all_rows(conn, LastCertificate, query("registry/last_certificates"), {"before": before})
