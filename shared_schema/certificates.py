# SPDX-License-Identifier: MIT
"""Certificates of the broker and of whoever connects to it: what ours look like.

An authority signs a certificate for each login, whose common name is the login, and a list of those
that were taken back.

In: keys, names, times. Out: certificates. Pure but for a serial number: no clock, no file.
"""

import ipaddress
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared_schema.errors import ContractError

if TYPE_CHECKING:  # the name is younger than Debian 12's cryptography
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

TlsKey = ec.EllipticCurvePrivateKey
TlsPublicKey = ec.EllipticCurvePublicKey
CLOCKS_DIFFER: Final = timedelta(minutes=5)
PEM: Final = Encoding.PEM
UNREADABLE: Final = (ValueError, KeyError, x509.InvalidVersion, UnsupportedAlgorithm)
"""What reading a damaged certificate raises; before its release 40 cryptography raises KeyError."""
_CERTIFICATE = re.compile(
    rb"^-----BEGIN CERTIFICATE-----\s*?\n.*?^-----END CERTIFICATE-----", re.DOTALL | re.MULTILINE
)
"""As OpenSSL takes it: each mark begins a line."""


def new_tls_key() -> TlsKey:
    """Make the key of a certificate."""
    return ec.generate_private_key(ec.SECP256R1())


def tls_key_to_pem(key: TlsKey) -> bytes:
    """Write the key as unencrypted PKCS #8; the caller keeps it in a file of mode 0600."""
    return key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption())


def tls_key_from_pem(pem: bytes) -> TlsKey:
    """Read an unencrypted PKCS #8 key.

    Raises:
        ContractError: it is none, or not an elliptic one.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, TlsKey):
        raise ContractError("no elliptic private key (PEM) without a passphrase")
    return key


def certificate_request(name: str, key: TlsKey) -> bytes:
    """Return a certificate request (PEM) of a login."""
    made = x509.CertificateSigningRequestBuilder().subject_name(_subject(name))
    return made.sign(key, hashes.SHA256()).public_bytes(PEM)


def login_of(certificate: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """Return the common name, which is the login; empty where there is not exactly one."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authority: its own certificate and its key."""

    certificate: x509.Certificate
    key: TlsKey = field(repr=False)

    @classmethod
    def make(cls, name: str, now: datetime, life: timedelta) -> Self:
        """Make a new authority."""
        key = new_tls_key()
        subject = _subject(name)
        own = _certificate(subject, key.public_key())
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        own = own.add_extension(_usage(signs=True), critical=True)
        return cls(_signed(own, subject, key, now, life), key)

    def issue(
        self,
        login: str,
        key: TlsPublicKey,
        now: datetime,
        life: timedelta,
        *,
        hosts: Sequence[str] = (),
    ) -> x509.Certificate:
        """Sign the certificate of a client; of a server, where `hosts` say how it is reached."""
        made = _certificate(_subject(login), key)
        made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        made = made.add_extension(_usage(signs=False), critical=True)
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        made = made.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if hosts:
            names = x509.SubjectAlternativeName([_host(each) for each in hosts])
            made = made.add_extension(names, critical=False)
        return _signed(made, self.certificate.subject, self.key, now, life)

    def list_revoked(
        self,
        entries: Iterable[x509.RevokedCertificate],
        number: int,
        now: datetime,
        life: timedelta,
    ) -> bytes:
        """Sign the list (PEM) of the certificates that were taken back.

        Args:
            entries: All of them: `revoked` makes one.
            number: Higher than that of the list before.
            now: This moment, aware.
            life: How long a broker goes by the list: by one that ended it lets nobody in.
        """
        made = x509.CertificateRevocationListBuilder(
            self.certificate.subject,
            now - CLOCKS_DIFFER,
            now + life,
            revoked_certificates=list(entries),
        )
        made = made.add_extension(x509.CRLNumber(number), critical=False)
        return made.sign(self.key, hashes.SHA256()).public_bytes(PEM)


def revoked(certificate: x509.Certificate, now: datetime) -> x509.RevokedCertificate:
    """Return the entry of a certificate that is taken back."""
    return x509.RevokedCertificateBuilder(certificate.serial_number, now).build()


def certificates_from_pem(pem: bytes) -> list[x509.Certificate]:
    """Read the certificates of a file, one after the other.

    Raises:
        ValueError: there is none, or one of them is damaged.
    """
    found = [
        x509.load_pem_x509_certificate(each)
        for each in _CERTIFICATE.findall(pem.removeprefix(BOM_UTF8))
    ]
    if not found:
        raise ValueError("no certificate (PEM)")
    return found


def valid_from(certificate: x509.Certificate) -> datetime:
    """Return when a certificate begins, aware."""
    return _utc(certificate, "not_valid_before")


def valid_until(certificate: x509.Certificate) -> datetime:
    """Return when a certificate ends, aware."""
    return _utc(certificate, "not_valid_after")


def is_of_key(certificate: x509.Certificate, key: "PublicKeyTypes") -> bool:
    """Tell whether a certificate is for this key."""
    return _key_bytes(certificate.public_key()) == _key_bytes(key)


def require_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> None:
    """Make sure that an authority of ours signed a certificate.

    Raises:
        ValueError: the certificate names another issuer.
        TypeError: the authority's key is no elliptic one.
        InvalidSignature: the authority's key did not sign it.
    """
    if certificate.issuer != authority.subject:
        raise ValueError("the certificate names another issuer")
    key, hashed = authority.public_key(), certificate.signature_hash_algorithm
    if not isinstance(key, TlsPublicKey) or hashed is None:
        raise TypeError("the authority's key is no elliptic one")
    key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashed))


def _utc(certificate: x509.Certificate, name: str) -> datetime:
    """Return a date; before its release 42 cryptography gives it in UTC without saying so."""
    aware: datetime | None = getattr(certificate, f"{name}_utc", None)
    return aware or getattr(certificate, name).replace(tzinfo=UTC)


def _key_bytes(key: "PublicKeyTypes") -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate(subject: x509.Name, key: TlsPublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _signed(
    made: x509.CertificateBuilder, issuer: x509.Name, key: TlsKey, now: datetime, life: timedelta
) -> x509.Certificate:
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return (
        made.issuer_name(issuer)
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + life)
        .add_extension(authority, critical=False)
        .sign(key, hashes.SHA256())
    )


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
