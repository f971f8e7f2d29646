# SPDX-License-Identifier: GPL-2.0-only
"""The gateway's part in its enrolment: the request that it signs, the certificate that it gets.

The key of the certificate is made here and never leaves. A renewal takes the same key, or a new
one, which waits beside the old one until its certificate is there.

In: paths, names, the time. Out: a request; files in their places. Never: a key or a certificate
that is in use overwritten before the one after it is whole.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from edge_agent.errors import ConfigurationError, Setup
from edge_agent.install.written_files import write_certificate
from edge_agent.secret_files import read_secret, write_new
from shared_schema.certificates import (
    PEM,
    UNREADABLE,
    TlsKey,
    certificates_from_pem,
    is_of_key,
    login_of,
    new_tls_key,
    require_issued_by,
    tls_key_from_pem,
    tls_key_to_pem,
    valid_until,
)
from shared_schema.enrolment import make_request
from shared_schema.errors import ContractError
from shared_schema.invitation import Invitation, open_invitation
from shared_schema.message import format_utc
from shared_schema.signing import (
    SigningKey,
    fingerprint,
    private_key_from_pem,
    public_key_to_pem,
)


@dataclass(frozen=True, slots=True)
class MadeRequest:
    """A request for the office."""

    text: str
    fingerprint: str
    """Of the key that signed it: it stands on the commissioning sheet."""
    new_key: Path | None
    """The key of the certificate, where it was made now."""


def request(
    gateway: str,
    society: str,
    key_file: Path,
    tls_key_file: Path,
    now: datetime,
    *,
    new_key: bool = False,
    invitation: bytes | None = None,
) -> MadeRequest:
    """Make a request, and the key of the certificate where there is none yet.

    Args:
        gateway: The gateway's name.
        society: Whose meters it reads.
        key_file: The key that signs its batches.
        tls_key_file: The key of the certificate.
        now: This moment, aware.
        new_key: Ask for a certificate of a new key, which waits beside the one in use.
        invitation: What the office wrote; it goes back to it in the request.

    Raises:
        ConfigurationError: a key cannot be read or written; a name that cannot be one.
    """
    key = _signing_key(key_file)
    wanted = _waiting(tls_key_file) if new_key and tls_key_file.exists() else tls_key_file
    made = None if wanted.exists() else new_tls_key()
    tls_key = _tls_key(wanted) if made is None else made
    try:
        text = make_request(gateway, society, key, tls_key, now, invitation=invitation).decode()
    except ValueError:
        raise ConfigurationError(
            "a gateway's name has 1 to 63 letters, digits, '_', '.' and '-', a society's 1 to 64 "
            f"characters: not {gateway[:80]!r} and {society[:80]!r}"
        ) from None
    if made is not None:
        write_new((wanted, tls_key_to_pem(made), 0o600))
    return MadeRequest(text, fingerprint(key.public_key()), None if made is None else wanted)


def accept_invitation(path: Path, ca_file: Path, cloud_key_file: Path) -> tuple[Invitation, bytes]:
    """Read an invitation, and put the authority and the cloud's key that it brings in their places.

    Raises:
        ConfigurationError: it is none; another authority or another cloud's key is there already.
    """
    invitation, payload = read_invitation(path)
    cloud_key = public_key_to_pem(invitation.cloud_key())
    brought = ((ca_file, invitation.authority.encode()), (cloud_key_file, cloud_key))
    for file, pem in brought:
        if file.exists() and file.read_bytes() != pem:
            raise ConfigurationError(
                f"{file} holds another key than {path} brings: compare them with the office, then "
                "move it away"
            )
    for file, pem in brought:
        write_certificate(file, pem)
    return invitation, payload


def read_invitation(path: Path) -> tuple[Invitation, bytes]:
    """Read an invitation, and make sure that nobody changed it.

    Raises:
        ConfigurationError: it cannot be read, or is none.
    """
    try:
        payload = path.read_bytes()
        return open_invitation(payload), payload
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the invitation: {error.strerror}: {path}", of=Setup.FILE
        ) from None
    except ContractError as error:
        raise ConfigurationError(
            f"{path} is no invitation: {error}: copy the whole file that cloud-ingest invite wrote"
        ) from None


@dataclass(frozen=True, slots=True)
class Installed:
    """A certificate that is in its place."""

    gateway: str
    expires_at: datetime
    files: tuple[Path, ...]


def install_certificate(
    path: Path, tls_key_file: Path, cert_file: Path, ca_file: Path, now: datetime
) -> Installed:
    """Put a certificate and its authority in their places, and a waiting key into the old one's.

    Args:
        path: What the office sent: the certificate, then its authority's.
        tls_key_file: The key of the certificate.
        cert_file: Where the certificate goes.
        ca_file: Where the authority goes; another one that is there is not replaced.
        now: This moment, aware.

    Raises:
        ConfigurationError: it is of another key, not signed by its authority, or expired.
    """
    own, authority = _certificates(path)
    if valid_until(own) <= now:
        ended = format_utc(valid_until(own))
        raise ConfigurationError(f"{path} expired at {ended}: ask for a new one")
    waiting = _waiting(tls_key_file)
    key_file = next(
        (
            each
            for each in (tls_key_file, waiting)
            if each.exists() and is_of_key(own, _tls_key(each).public_key())
        ),
        None,
    )
    if key_file is None:
        raise ConfigurationError(
            f"{path} is for another key than {tls_key_file}: it is of another gateway, or of a "
            "request before that key was made; ask for one by a new request"
        )
    pem = authority.public_bytes(PEM)
    if ca_file.exists() and _first(ca_file) != authority:
        raise ConfigurationError(
            f"{ca_file} holds another authority than the one that signed {path}: compare them "
            "with the office, then move it away"
        )
    write_certificate(ca_file, pem)
    if key_file == waiting:
        waiting.replace(tls_key_file)  # a link that begins between the two waits for the next try
    write_certificate(cert_file, own.public_bytes(PEM))
    return Installed(login_of(own), valid_until(own), (cert_file, ca_file))


def _waiting(key_file: Path) -> Path:
    return key_file.with_name(f"{key_file.name}.next")


def _signing_key(path: Path) -> SigningKey:
    pem = read_secret(path, "the gateway's key (--key-file)", missing=Setup.GATEWAY_KEY)
    try:
        return private_key_from_pem(pem)
    except ContractError as error:
        raise ConfigurationError(f"{path}: {error}", of=Setup.GATEWAY_KEY) from None


def _tls_key(path: Path) -> TlsKey:
    pem = read_secret(path, "the certificate's key (--tls-key)")
    try:
        return tls_key_from_pem(pem)
    except ContractError as error:
        raise ConfigurationError(
            f"{path} holds {error}: move it away, and a new one is made"
        ) from None


def _certificates(path: Path) -> tuple[x509.Certificate, x509.Certificate]:
    """Return a certificate and the authority that signed it."""
    try:
        own, authority = certificates_from_pem(path.read_bytes())
        require_issued_by(own, authority)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    except (*UNREADABLE, TypeError, InvalidSignature):
        raise ConfigurationError(
            f"{path} is no certificate with the authority that signed it: copy the whole file that "
            "cloud-ingest enrol wrote"
        ) from None
    return own, authority


def _first(path: Path) -> x509.Certificate | None:
    try:
        return certificates_from_pem(path.read_bytes())[0]
    except (OSError, *UNREADABLE):
        return None
