# SPDX-License-Identifier: MIT
"""A small authority of certificates, for a broker and its clients on this machine.

It lives as long as the folder that it is made in. Its certificates are good for a day at most.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=1)
CLOCKS_DIFFER = timedelta(minutes=5)
PEM = Encoding.PEM


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


@dataclass(slots=True)
class Authority:
    """An authority; `folder` has what it issued and its `authority.pem` and `revoked.pem`."""

    folder: Path
    name: str = "demo authority"
    _key: ec.EllipticCurvePrivateKey = field(init=False, repr=False)
    _revoked: list[x509.RevokedCertificate] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = self._builder(self.name, self._key.public_key(), datetime.now(UTC), LIFE)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        own = own.add_extension(_usage(signs=True), critical=True)
        self.certificate.write_bytes(self._signed(own))
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
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._builder(name, key.public_key(), begins or datetime.now(UTC), life)
        made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        made = made.add_extension(_usage(signs=False), critical=True)
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        made = made.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if hosts:
            names = x509.SubjectAlternativeName([_host(each) for each in hosts])
            made = made.add_extension(names, critical=False)
        pem = key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption())
        found.key.unlink(missing_ok=True)
        with os.fdopen(os.open(found.key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(pem)
        found.certificate.write_bytes(self._signed(made))
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
        revoked = x509.RevokedCertificateBuilder(found.serial_number, datetime.now(UTC)).build()
        self._revoked.append(revoked)
        self._write_revoked()

    def _builder(
        self, name: str, key: ec.EllipticCurvePublicKey, begins: datetime, life: timedelta
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(_name(self.name), _name(name), key, x509.random_serial_number())
            .not_valid_before(begins - CLOCKS_DIFFER)
            .not_valid_after(begins + life)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self._key, hashes.SHA256()).public_bytes(PEM)

    def _write_revoked(self) -> None:
        now = datetime.now(UTC)
        made = x509.CertificateRevocationListBuilder(
            _name(self.name), now - CLOCKS_DIFFER, now + LIFE, revoked_certificates=self._revoked
        )
        number = x509.CRLNumber(len(self._revoked) + 1)
        made = made.add_extension(number, critical=False)
        self.revoked.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(PEM))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
