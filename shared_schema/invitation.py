# SPDX-License-Identifier: MIT
"""The invitation by which the office tells a new gateway who it will be, and whom to ask.

Two lines: what is said, and its signature by the cloud's key. It holds no secret: whoever has it
can only ask, by a request whose fingerprint a person compares. It saves typing on a riser: names,
the broker, the authority to believe, and the key that signs receipts and commands.

In: names, keys, times, bytes. Out: those bytes; what they say. Never: a private key in any text.
"""

import base64
from datetime import datetime
from typing import ClassVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from pydantic import Field

from shared_schema.errors import MalformedMessage
from shared_schema.message import GatewayName, Label, Message, Sha256, UtcDatetime
from shared_schema.signing import (
    SigningKey,
    VerifyKey,
    open_message,
    raw_public_key,
    sign_message,
)

LARGEST_INVITATION = 8 * 1024


class Invitation(Message):
    """Who a gateway will be, and where it delivers."""

    SCHEMA: ClassVar[str] = "metering.invitation/1"

    number: Sha256
    """Drawn by lot: the same invitation enrols one key."""
    gateway: GatewayName
    """The name that it will have."""
    society: Label
    """Whose meters it will read."""
    tower: Label | None = None
    """The tower that it will stand in."""
    broker_host: str = Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:_-]+$")
    """Where it reaches the broker."""
    broker_port: int = Field(ge=1, le=65535)
    """The broker's port, with TLS."""
    authority: str = Field(max_length=4096)
    """The certificate of the authority that signs the broker's and the gateway's, PEM."""
    key: str = Field(max_length=64)
    """The cloud's public key, 32 bytes in base64; it signs this invitation."""
    ends_at: UtcDatetime
    """Until when the office takes a request that was made by it."""

    def cloud_key(self) -> VerifyKey:
        """Return the cloud's public key.

        Raises:
            MalformedMessage: it is none.
        """
        try:
            return VerifyKey.from_public_bytes(base64.b64decode(self.key, validate=True))
        except (ValueError, UnsupportedAlgorithm):
            raise MalformedMessage("its key is no Ed25519 key in base64") from None


def make_invitation(invitation: Invitation, key: SigningKey) -> bytes:
    """Return the bytes of an invitation."""
    return sign_message(invitation.to_line(), key) + b"\n"


def encoded_key(key: SigningKey) -> str:
    """Return the public half of a key as an invitation carries it."""
    return base64.b64encode(raw_public_key(key.public_key())).decode()


def open_invitation(payload: bytes, key: VerifyKey | None = None) -> Invitation:
    """Verify an invitation.

    Args:
        payload: its bytes.
        key: who must have signed it; None takes the key that it names, as a new gateway has to.

    Raises:
        MalformedMessage: it is none, or its authority is no certificate.
        UnknownSchema: it is of another version.
        SignatureInvalid: it was changed, or signed by another key.
    """
    if len(payload) > LARGEST_INVITATION:
        raise MalformedMessage(f"an invitation of over {LARGEST_INVITATION} bytes")
    signed = payload.rstrip(b"\r\n")
    invitation = Invitation.from_line(signed.partition(b"\n")[0].rstrip(b"\r"))
    open_message(signed, invitation.cloud_key() if key is None else key)
    try:
        x509.load_pem_x509_certificate(invitation.authority.encode())
    except ValueError:
        raise MalformedMessage("its authority is no certificate (PEM)") from None
    return invitation


def has_ended(invitation: Invitation, now: datetime) -> bool:
    """Say whether requests by an invitation are taken no longer."""
    return invitation.ends_at <= now
