# SPDX-License-Identifier: MIT
"""Our authority of certificates: one folder, which signs who may connect to the broker.

``authority.key`` signs, ``authority.pem`` is what the broker and its clients believe,
``revoked.pem`` is the broker's list of certificates that were taken back, and ``issued`` has a copy
of each certificate. The database is not needed: a folder that was kept is the whole authority.

In: a folder, public keys, the time. Out: certificates, the list. Never: a key in any text.
"""

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.settings import read_secret
from shared_schema.access import is_login_name
from shared_schema.certificates import (
    PEM,
    Issuer,
    TlsKey,
    TlsPublicKey,
    login_of,
    revoked,
    tls_key_from_pem,
    tls_key_to_pem,
    valid_until,
)
from shared_schema.errors import ContractError
from shared_schema.text import label_fault, visible
from shared_schema.tls import TlsFault, read_certificate

OWN_LIFE: Final = timedelta(days=20 * 365)
LIST_LIFE: Final = timedelta(days=10 * 365)
"""A broker lets nobody in by a list that has ended."""
_HOST: Final = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
LONGEST_NAME_BYTES: Final = 64
"""Of a name in a certificate, by X.509; Devanagari takes three bytes a letter."""
_KEY, _CERTIFICATE, _REVOKED, _ISSUED = "authority.key", "authority.pem", "revoked.pem", "issued"


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority of a folder."""

    folder: Path
    issuer: Issuer

    @classmethod
    def make(cls, folder: Path, name: str, now: datetime) -> Self:
        """Make a new authority, and its empty list of the revoked.

        Raises:
            ConfigurationError: there is one already, the folder cannot be written, or no
                certificate can have the name.
        """
        if (fault := _name_fault(name)) is not None:
            raise ConfigurationError(f"an authority cannot be called {visible(name)!r}: {fault}")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"cannot write {folder}: {error.strerror}") from None
        if (folder / _CERTIFICATE).exists() and not (folder / _KEY).exists():
            raise ConfigurationError(
                f"{folder / _CERTIFICATE} is there without {_KEY}: put its copy back; a new "
                "authority, which nobody believes yet, takes another folder"
            )
        made = cls(folder, Issuer.make(name, now, OWN_LIFE))
        write_tls_key(folder / _KEY, made.issuer.key)
        write_pem(folder / _CERTIFICATE, made.pem)
        write_pem(made.revoked, made.issuer.list_revoked((), 1, now, LIST_LIFE))
        return made

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the authority of a folder.

        Raises:
            ConfigurationError: there is none, others may read its key, or a file is spoiled.
        """
        if not (folder / _KEY).exists():
            raise ConfigurationError(
                f"{folder} holds no authority: name its folder with --authority, or make one: "
                f"cloud-ingest ca init {folder}"
            )
        pem = read_secret(folder / _KEY, "the authority's key")
        try:
            certificate = read_certificate(folder / _CERTIFICATE, "the authority's certificate")
            key = tls_key_from_pem(pem)
        except TlsFault as fault:
            raise ConfigurationError(str(fault)) from None
        except ContractError as error:
            raise ConfigurationError(f"{folder / _KEY} holds {error}") from None
        if key.public_key() != certificate.public_key():
            raise ConfigurationError(f"{folder / _KEY} is not the key of {folder / _CERTIFICATE}")
        return cls(folder, Issuer(certificate, key))

    @property
    def pem(self) -> bytes:
        """What a broker and its clients believe."""
        return self.issuer.certificate.public_bytes(PEM)

    @property
    def revoked(self) -> Path:
        """The list of the revoked."""
        return self.folder / _REVOKED

    def issue(
        self,
        login: str,
        key: TlsPublicKey,
        now: datetime,
        life: timedelta,
        *,
        hosts: Sequence[str] = (),
    ) -> x509.Certificate:
        """Sign the certificate of a login, and keep a copy; `hosts` are where a server is.

        Raises:
            ConfigurationError: a name that cannot be one; it would end after the authority's own;
                the copy is not kept.
        """
        refuse_names(login, hosts)
        ends = valid_until(self.issuer.certificate)
        if now + life > ends:
            raise ConfigurationError(
                f"the authority's own certificate ends on {ends:%Y-%m-%d}: issue for fewer days, "
                "or make a new authority"
            )
        made = self.issuer.issue(login, key, now, life, hosts=hosts)
        try:
            (self.folder / _ISSUED).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"cannot write {self.folder}: {error.strerror}") from None
        write_pem(self.folder / _ISSUED / f"{serial(made)}.pem", made.public_bytes(PEM))
        return made

    def revoke(self, login: str, now: datetime) -> list[x509.Certificate]:
        """Put every certificate of a login on the list; return those that are new there.

        A copy that cannot be read stops no other: `spoiled` names it.

        Raises:
            ConfigurationError: the list cannot be read or written.
        """
        with self._alone():
            former = self._read_list()
            taken = [
                each
                for each in self._issued(login)
                if valid_until(each) > now
                and former.get_revoked_certificate_by_serial_number(each.serial_number) is None
            ]
            if taken:
                entries = (*former, *(revoked(each, now) for each in taken))
                number = former.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
                made = self.issuer.list_revoked(entries, number + 1, now, LIST_LIFE)
                write_pem(self.revoked, made)
        return taken

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else write the list between our look at it and the new one."""
        with (self.folder / _KEY).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def spoiled(self) -> list[Path]:
        """Return the copies of certificates of which nobody knows for which login they were."""
        return [path for path in self._copies() if _certificate(path) is None]

    def _issued(self, login: str) -> Iterator[x509.Certificate]:
        found = filter(None, map(_certificate, self._copies()))
        return (each for each in found if login_of(each) == login)

    def _copies(self) -> list[Path]:
        return sorted((self.folder / _ISSUED).glob("*.pem"))

    def _read_list(self) -> x509.CertificateRevocationList:
        try:
            return x509.load_pem_x509_crl(self.revoked.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"cannot read {self.revoked}: {error.strerror}") from None
        except ValueError:
            raise ConfigurationError(f"{self.revoked} is no list of revoked certificates") from None


def _name_fault(name: str) -> str | None:
    """Return why no certificate can have a name; None: one can."""
    if len(name.encode()) > LONGEST_NAME_BYTES:
        return f"it has {len(name.encode())} bytes: give {LONGEST_NAME_BYTES} at most"
    return label_fault(name)


def _certificate(copy: Path) -> x509.Certificate | None:
    try:
        return read_certificate(copy, "the copy")
    except TlsFault:
        return None


def refuse_names(login: str, hosts: Sequence[str]) -> None:
    """Refuse what no certificate of ours is for.

    Raises:
        ConfigurationError: the login, or a host, cannot be called so.
    """
    if not is_login_name(login):
        raise ConfigurationError(
            f"'{visible(login[:80])}' is no login: it has 1 to 63 letters, digits, '_', '.' and '-'"
        )
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ConfigurationError(
                f"'{visible(host[:80])}' is no host: an address, or a name in ASCII as DNS has it"
            )


def serial(certificate: x509.Certificate) -> str:
    """Return a certificate's serial number as openssl writes it."""
    return f"{certificate.serial_number:X}"


def write_tls_key(path: Path, key: TlsKey) -> None:
    """Write a new private key, for its owner alone.

    Raises:
        ConfigurationError: there is one already, or it cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(tls_key_to_pem(key))
    except FileExistsError:
        raise ConfigurationError(f"{path} is there already and is not overwritten") from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None


def write_pem(path: Path, pem: bytes) -> None:
    """Write a file whole: whoever reads it sees the old one or the new one.

    Raises:
        ConfigurationError: it cannot be written.
    """
    if path.name in {"", ".."}:
        raise ConfigurationError(f"{str(path)!r} is a folder: name the file in it")
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())  # or a power cut leaves the name with nothing behind it
        beside.replace(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
