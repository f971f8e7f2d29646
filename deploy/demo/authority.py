# SPDX-License-Identifier: MIT
"""A small authority of certificates, for a broker and its clients on this machine.

It lives as long as the folder that it is made in. Its certificates are good for a day at most.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from shared_schema.certificates import PEM, Issuer, TlsKey, new_tls_key, revoked, tls_key_to_pem

LIFE = timedelta(days=1)
OWN_LIFE = 2 * LIFE


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


@dataclass(slots=True)
class Authority:
    """An authority; `folder` has what it issued, and is one for `cloud-ingest enrol` too."""

    folder: Path
    name: str = "demo authority"
    _issuer: Issuer = field(init=False, repr=False)
    _revoked: list[x509.RevokedCertificate] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._issuer = Issuer.make(self.name, datetime.now(UTC), OWN_LIFE)
        _write_key(self.folder / "authority.key", self._issuer.key)
        self.certificate.write_bytes(self._issuer.certificate.public_bytes(PEM))
        self._write_revoked()

    @property
    def certificate(self) -> Path:
        """What a client or a broker believes."""
        return self.folder / "authority.pem"

    @property
    def revoked(self) -> Path:
        """The list of what is not believed any more."""
        return self.folder / "revoked.pem"

    def issue(
        self,
        name: str,
        *,
        hosts: Sequence[str] = (),
        begins: datetime | None = None,
        life: timedelta = LIFE,
    ) -> Identity:
        """Make a key and a certificate with the common name; `hosts` are where a server is."""
        found = Identity(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        key = new_tls_key()
        begins = begins or datetime.now(UTC)
        made = self._issuer.issue(name, key.public_key(), begins, life, hosts=hosts)
        _write_key(found.key, key)
        copies = self.folder / "issued"
        copies.mkdir(exist_ok=True)
        (copies / f"{made.serial_number:X}.pem").write_bytes(made.public_bytes(PEM))
        found.certificate.write_bytes(made.public_bytes(PEM))
        return found

    def client(self, name: str) -> ssl.SSLContext:
        """Issue a certificate and return the TLS of a client that has it."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        own = self.issue(name)
        context.load_cert_chain(own.certificate, own.key)
        return context

    def revoke(self, identity: Identity) -> None:
        """Put a certificate on the list."""
        found = x509.load_pem_x509_certificate(identity.certificate.read_bytes())
        self._revoked.append(revoked(found, datetime.now(UTC)))
        self._write_revoked()

    def _write_revoked(self) -> None:
        number, now = len(self._revoked) + 1, datetime.now(UTC)
        self.revoked.write_bytes(self._issuer.list_revoked(self._revoked, number, now, LIFE))


def _write_key(path: Path, key: TlsKey) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(tls_key_to_pem(key))
