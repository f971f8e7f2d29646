# SPDX-License-Identifier: MIT
"""The request by which a gateway asks to be enrolled, or for a new certificate.

Two lines: what is asked, and its signature by the key that signs the gateway's batches. So the
fingerprint on the commissioning sheet vouches for the certificate too. The key of the certificate
signs the certificate request, and never leaves the gateway either.

In: keys, names, the bytes of a request. Out: those bytes; what they ask. Never: a private key in
any text.
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from pydantic import Field

from shared_schema.certificates import TlsKey, TlsPublicKey, certificate_request, login_of
from shared_schema.errors import MalformedMessage, SignatureInvalid
from shared_schema.invitation import LARGEST_INVITATION
from shared_schema.message import GatewayName, Label, Message, UtcDatetime
from shared_schema.signing import SigningKey, VerifyKey, open_message, raw_public_key, sign_message

LARGEST_REQUEST = 24 * 1024
LEAST_KEY_BITS = 256


class EnrolmentRequest(Message):
    """What a gateway asks for: to speak for a society, and a certificate for the broker."""

    SCHEMA: ClassVar[str] = "metering.enrolment/1"

    gateway: GatewayName
    society: Label
    key: str = Field(max_length=64)
    """The public key of its batches, 32 bytes in base64; it signs this request."""
    certificate_request: str = Field(max_length=8192)
    """PKCS #10, PEM."""
    made_at: UtcDatetime
    invitation: str | None = Field(default=None, max_length=LARGEST_INVITATION)
    """The invitation that it was made by, as the office signed it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose signatures were verified."""

    request: EnrolmentRequest
    key: VerifyKey
    tls_key: TlsPublicKey


def make_request(
    gateway: str,
    society: str,
    key: SigningKey,
    tls_key: TlsKey,
    now: datetime,
    *,
    invitation: bytes | None = None,
) -> bytes:
    """Return the bytes of a request.

    Raises:
        ValueError: a gateway or a society cannot have such a name.
    """
    asked = EnrolmentRequest(
        gateway=gateway,
        society=society,
        key=base64.b64encode(raw_public_key(key.public_key())).decode(),
        certificate_request=certificate_request(gateway, tls_key).decode(),
        made_at=now,
        invitation=None if invitation is None else invitation.decode(),
    )
    return sign_message(asked.to_line(), key) + b"\n"


def open_request(payload: bytes) -> Asked:
    """Verify a request: both signatures, and that the certificate is for the same gateway.

    Raises:
        MalformedMessage: it is no request, or asks for the certificate of another.
        UnknownSchema: it is of another version.
        SignatureInvalid: it was changed, or signed by another key than it names.
    """
    if len(payload) > LARGEST_REQUEST:
        raise MalformedMessage(f"a request of {len(payload)} bytes is over {LARGEST_REQUEST}")
    signed = payload.rstrip(b"\r\n")
    request = EnrolmentRequest.from_line(signed.partition(b"\n")[0].rstrip(b"\r"))
    try:
        key = VerifyKey.from_public_bytes(base64.b64decode(request.key, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        raise MalformedMessage("the key of the request is no Ed25519 key in base64") from None
    open_message(signed, key)
    tls_key = open_certificate_request(request.certificate_request.encode(), request.gateway)
    return Asked(request, key, tls_key)


def open_certificate_request(pem: bytes, name: str) -> TlsPublicKey:
    """Return the key that a certificate request asks a certificate for.

    Raises:
        MalformedMessage: it is no request, for another login, or its key is none that we take.
        SignatureInvalid: its own key did not sign it.
    """
    try:
        found = x509.load_pem_x509_csr(pem)
        asked, key, holds = login_of(found), found.public_key(), found.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        raise MalformedMessage("it holds no certificate request (PKCS #10, PEM)") from None
    if not holds:
        raise SignatureInvalid("the certificate request is not signed by its own key")
    if asked != name:
        raise MalformedMessage(f"it asks for the certificate of {asked[:64]!r}, not of {name!r}")
    if not isinstance(key, TlsPublicKey) or key.key_size < LEAST_KEY_BITS:
        raise MalformedMessage("the key of a certificate is an elliptic one, of P-256 at least")
    return key
