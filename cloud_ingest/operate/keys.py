# SPDX-License-Identifier: MIT
"""The keys of the cloud side: made once, read from files that their owner alone may read.

In: paths. Out: keys; what a person has to know of a new pair. Never: a private key in any text.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.settings import read_secret
from shared_schema.errors import ContractError
from shared_schema.signing import (
    SigningKey,
    fingerprint,
    generate_key,
    private_key_from_pem,
    private_key_to_pem,
    public_key_to_pem,
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key pair on the disk."""

    private: Path
    public: Path
    fingerprint: str


def make_key_pair(path: Path) -> KeyPair:
    """Make the cloud's key pair: ``path`` for us, ``path``.pub for the gateways.

    Raises:
        ConfigurationError: the file is there already, or cannot be written.
    """
    if path.name in {"", ".."}:
        raise ConfigurationError(f"{str(path)!r} is a folder: name the file of the key in it")
    key = generate_key()
    public = path.with_name(f"{path.name}.pub")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(private_key_to_pem(key))
        public.write_bytes(public_key_to_pem(key.public_key()))
    except FileExistsError:
        raise ConfigurationError(
            f"{path} is there already: gateways trust it; choose another name for a new key"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    return KeyPair(path, public, fingerprint(key.public_key()))


def read_key(path: Path) -> SigningKey:
    """Read the cloud's private key.

    Raises:
        ConfigurationError: the file cannot be read, others than its owner may read it, or it holds
            no such key.
    """
    pem = read_secret(path, "the key")
    try:
        return private_key_from_pem(pem)
    except ContractError as error:
        raise ConfigurationError(
            f"{path}: {error}: make one with cloud-ingest keygen {path}"
        ) from None


def read_public_key(path: Path) -> bytes:
    """Read a gateway's public key.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read the key: {error.strerror}: {path}") from None
