# SPDX-License-Identifier: MIT
"""Ed25519 signatures over the bytes of a line as it was sent, or of a document as it was written.

In: bytes and a key. Out: the signature that follows them, or a verdict.
It owns the form of keys and fingerprints. It never reads a file and never serialises a
message again: a signature is over bytes, not over a model.
"""

import base64
import hashlib
import re

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from shared_schema.errors import ContractError, MalformedMessage, SignatureInvalid
from shared_schema.message import Part

SigningKey = Ed25519PrivateKey
VerifyKey = Ed25519PublicKey


class SignatureLine(Part):
    """The last line of a signed message."""

    signature: str


def generate_key() -> SigningKey:
    """Make a new private key."""
    return Ed25519PrivateKey.generate()


def private_key_from_pem(pem: bytes) -> SigningKey:
    """Read an unencrypted PKCS #8 key.

    Raises:
        ContractError: not an Ed25519 private key.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ContractError("not an unencrypted PEM private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ContractError("not an Ed25519 private key")
    return key


def private_key_to_pem(key: SigningKey) -> bytes:
    """Write the key as unencrypted PKCS #8; the caller keeps it in a file of mode 0600."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_key_from_pem(pem: bytes) -> VerifyKey:
    """Read a public key.

    Raises:
        ContractError: not an Ed25519 public key.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ContractError("not a PEM public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ContractError("not an Ed25519 public key")
    return key


def public_key_to_pem(key: VerifyKey) -> bytes:
    """Write the public key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def raw_public_key(key: VerifyKey) -> bytes:
    """Return the 32 bytes of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint(key: VerifyKey) -> str:
    """Return the SHA-256 of the raw public key, in hex: what the commissioning sheet shows."""
    return hashlib.sha256(raw_public_key(key)).hexdigest()


def key_id(key: VerifyKey) -> str:
    """Return the first 16 hex digits of the fingerprint: how a message names its key."""
    return fingerprint(key)[:16]


def sign_line(line: bytes, key: SigningKey) -> bytes:
    """Return the signature line for the bytes of ``line``."""
    signature = base64.b64encode(key.sign(line)).decode()
    return SignatureLine(signature=signature).to_line()


def verify_line(line: bytes, signature_line: bytes, key: VerifyKey) -> None:
    """Check that ``signature_line`` is the signature of ``line`` by ``key``.

    Raises:
        MalformedMessage: the signature line is none.
        SignatureInvalid: it is one, of other bytes or by another key.
    """
    try:
        signature = base64.b64decode(
            SignatureLine.from_line(signature_line).signature, validate=True
        )
    except ValueError:
        raise MalformedMessage("the signature is not base64") from None
    try:
        key.verify(signature, line)
    except InvalidSignature:
        raise SignatureInvalid(f"not signed by key {key_id(key)}") from None


def sign_message(line: bytes, key: SigningKey) -> bytes:
    """Return a signed one-line message: the line, a newline, the signature line."""
    return line + b"\n" + sign_line(line, key)


def open_message(payload: bytes, key: VerifyKey) -> bytes:
    """Return the line of a signed one-line message after checking its signature.

    Raises:
        MalformedMessage: not two lines.
        SignatureInvalid: the signature is not of these bytes and this key.
    """
    line, newline, signature_line = payload.partition(b"\n")
    if not newline:
        raise MalformedMessage("a signed message has a line and its signature")
    verify_line(line, signature_line, key)
    return line


_SIGNED_DOCUMENT = re.compile(r'(.*),\n  "signature": "([A-Za-z0-9+/]{86}==)"\n\}\n?', re.DOTALL)


def sign_document(document: str, key: SigningKey) -> str:
    """Return the text of a JSON object with a last field: the signature of all before it.

    Args:
        document: An object with a field at least.
        key: Who signs.
    """
    body = document.rstrip().removesuffix("}").rstrip()
    signature = base64.b64encode(key.sign(body.encode())).decode()
    return f'{body},\n  "signature": "{signature}"\n}}\n'


def verify_document(text: str, key: VerifyKey) -> None:
    """Check the signature with which the text of a JSON object ends.

    Raises:
        MalformedMessage: it ends with none.
        SignatureInvalid: it is of another text, or by another key.
    """
    found = _SIGNED_DOCUMENT.fullmatch(text)
    if found is None:
        raise MalformedMessage("the document has no signature at its end")
    signature = base64.b64decode(found[2])
    if base64.b64encode(signature).decode() != found[2]:
        raise MalformedMessage("the signature is not base64")
    try:
        key.verify(signature, found[1].encode())
    except (InvalidSignature, ValueError):
        raise SignatureInvalid(f"not signed by key {key_id(key)}") from None
