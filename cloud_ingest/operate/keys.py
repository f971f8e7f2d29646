# SPDX-License-Identifier: MIT
"""The keys and passwords of the cloud side: made, and read from files that are their owner's alone.

In: options as a person gave them. Out: lines for that person. The command line itself, with
its help, is `cloud_ingest.cli.app`; every error leaves from here as one of ours.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.ingest.subscribe import Broker
from cloud_ingest.settings import CloudSettings
from shared_schema.errors import ContractError
from shared_schema.signing import (
    SigningKey,
    fingerprint,
    generate_key,
    private_key_from_pem,
    private_key_to_pem,
    public_key_to_pem,
)

Say = Callable[[str], None]


def parse_broker(text: str) -> tuple[str, int]:
    """Take ``HOST:PORT`` apart; without a port it is 1883.

    Raises:
        ConfigurationError: it is neither.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, "1883"
    host = host.removeprefix("[").removesuffix("]")
    if (
        not host
        or not port.isdigit()
        or not 0 < int(port) < 65536
        or (":" in host and not text.startswith("["))
    ):
        raise ConfigurationError(f"--broker wants HOST:PORT such as localhost:1883, not {text!r}")
    return host, int(port)


def broker_of(settings: CloudSettings, client_id: str) -> Broker:
    """Gather what a link to the broker needs, with the password read from its file.

    Raises:
        ConfigurationError: the file cannot be read, or is not its owner's alone.
    """
    password: str | None = None
    if settings.broker_password_file is not None:
        path = settings.broker_password_file
        password = _read_secret(path, "the broker's password").decode().rstrip("\r\n")
    return Broker(
        settings.broker_host,
        settings.broker_port,
        username=settings.broker_username,
        password=password,
        client_id=client_id,
        tls=settings.broker_tls,
        tls_ca=settings.broker_ca_file,
    )


def read_key(path: Path) -> SigningKey:
    """Read the cloud's private key.

    Raises:
        ConfigurationError: it cannot be read, others than its owner may read it, or it is no
            such key.
    """
    pem = _read_secret(path, "the key")
    try:
        return private_key_from_pem(pem)
    except ContractError as error:
        raise ConfigurationError(
            f"{path}: {error}: make one with cloud-ingest keygen {path}"
        ) from None


def _read_secret(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise ConfigurationError(f"others may read {what}: run chmod 600 {path}")
            return file.read(65536)
    except OSError as error:
        raise ConfigurationError(f"cannot read {what}: {error.strerror}: {path}") from None


def keygen(path: Path, say: Say) -> None:
    """Make the cloud's key pair: ``path`` for us, ``path``.pub for the gateways.

    Raises:
        ConfigurationError: the file is there already, or cannot be written.
    """
    key = generate_key()
    if path.name in {"", ".."}:
        raise ConfigurationError(f"{str(path)!r} is a folder: name the file of the key in it")
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
    say(f"Private key: {path} (keep it)")
    say(f"Public key:  {public} (each gateway needs it)")
    say(f"Fingerprint: {fingerprint(key.public_key())} (for the commissioning sheet)")


def read_public_key(path: Path) -> bytes:
    """Read a gateway's public key file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read the key: {error.strerror}: {path}") from None
