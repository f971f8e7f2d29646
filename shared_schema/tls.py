# SPDX-License-Identifier: MIT
"""TLS to the broker, the same on both sides: what a client needs, and what is wrong with it.

TLS 1.3 is the least. Each fault names its file, its side and its date, so that a person need not
open a certificate to see it.

In: paths of PEM files; an error of a connection that did not come about. Out: a context; a text.
Never: a connection that is used; a private key in any text.
"""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from shared_schema.certificates import (
    UNREADABLE,
    certificates_from_pem,
    is_of_key,
    valid_from,
    valid_until,
)

LOOK_TIMEOUT_S = 5.0
REFUSAL_COMES_WITHIN_S = 1.0
Level = Literal["ok", "warn", "fail"]
EXPIRES_SOON = timedelta(days=30)
_EXPIRED, _NOT_BEGUN = 10, 9
_WRONG_NAME = frozenset({62, 64})
_NOT_BELIEVED = frozenset({2, 7, 18, 19, 20, 21})
"""Nobody whom we believe signed it."""
_UNFIT = {26: "it is one for a client; issue it with the broker's host names"}
# A CONNECT of a version that MQTT does not have: a broker answers it, and opens no session for it.
_KNOCK = bytes((0x10, 12, 0, 4)) + b"MQTT" + bytes((0x7F, 2, 0, 30, 0, 0))


class TlsFault(Exception):
    """A file cannot be used; the text names it."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of a client, and what its settings call them."""

    ca: Path | None
    """Who may have signed the broker's certificate; None: whom the system believes."""
    cert: Path | None
    key: Path | None
    called: tuple[str, str, str]
    """The names of the three settings."""


class TlsContext(ssl.SSLContext):
    """The TLS of one connection."""

    alert: ssl.SSLError | None = None
    """Why the broker ended the connection: with TLS 1.3 it says so after the handshake."""


class _NotingSocket(ssl.SSLSocket):
    """Notes why the broker ended it; closes itself when the handshake fails."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002  as its base
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            if isinstance(self.context, TlsContext):
                self.context.alert = error
            raise


def client_context(files: TlsFiles) -> TlsContext:
    """Return the TLS of a connection.

    Raises:
        TlsFault: a file cannot be read, or is not what it should be.
    """
    ca, cert, key = files.called
    context = TlsContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.sslsocket_class = _NotingSocket
    if files.ca is None:
        context.load_default_certs()
    else:
        read_certificate(files.ca, ca)
        try:
            context.load_verify_locations(files.ca)
        except ssl.SSLError:
            raise TlsFault(f"{ca} {files.ca} holds no certificate (PEM)") from None
    if files.cert is not None and files.key is not None:
        _require_pair(files.cert, files.key, cert, key)
        try:
            context.load_cert_chain(files.cert, files.key)
        except ssl.SSLError as error:
            raise TlsFault(
                f"{cert} {files.cert} and {key} {files.key} cannot be used: "
                f"{error.reason or 'a line of PEM is damaged'}"
            ) from None
    return context


def _require_pair(cert: Path, key: Path, cert_called: str, key_called: str) -> None:
    """Make sure that a key is of a certificate, and that no passphrase is asked for."""
    found = read_certificate(cert, cert_called)
    try:
        own = load_pem_private_key(key.read_bytes(), password=None)
    except OSError as error:
        raise TlsFault(f"{key_called} {key} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TlsFault(f"{key_called} {key} holds no private key without a passphrase") from None
    if not is_of_key(found, own.public_key()):
        raise TlsFault(f"{key_called} {key} is not the key of {cert_called} {cert}")


def read_certificate(path: Path, called: str) -> x509.Certificate:
    """Return the first certificate of a file.

    Raises:
        TlsFault: it cannot be read, or holds none.
    """
    try:
        return _decoded(certificates_from_pem(path.read_bytes())[0])
    except OSError as error:
        raise TlsFault(f"{called} {path} cannot be read: {error.strerror}") from None
    except UNREADABLE:
        raise TlsFault(f"{called} {path} holds no certificate (PEM)") from None


def _decoded(found: x509.Certificate) -> x509.Certificate:
    """Decode now what is otherwise decoded when it is asked for: a spoiled one fails here."""
    _ = found.public_key(), valid_from(found), valid_until(found), found.subject, found.issuer
    return found


@dataclass(frozen=True, slots=True)
class Examined:
    """What is to be said of a file of certificates."""

    name: Literal["ca", "certificate"]
    level: Level
    """``warn``: it ends soon; ``fail``: nobody believes it."""
    said: str


def examine(files: TlsFiles, name: str | None, now: datetime) -> Iterator[Examined]:
    """Look at each certificate: whether it can be read, its dates, and our name in our own.

    Args:
        files: What the settings name.
        name: What our common name has to be; None: anything.
        now: This moment, aware.
    """
    ca, cert, _ = files.called
    if files.ca is not None:
        yield Examined("ca", *_examined(ca, files.ca, None, now))
    if files.cert is not None:
        yield Examined("certificate", *_examined(cert, files.cert, name, now))


def _examined(called: str, path: Path, name: str | None, now: datetime) -> tuple[Level, str]:
    file = f"{called} {path}"
    try:
        found = read_certificate(path, called)
    except TlsFault as fault:
        return "fail", str(fault)
    if (dated := _by_its_dates(found, now)) is not None:
        return "fail", f"{file} {dated}"
    if name is not None and (other := _common(found.subject)) != name:
        return "fail", f"{file} is for {other or 'nobody'}, and we are {name}"
    ends = valid_until(found)
    return "warn" if ends - now < EXPIRES_SOON else "ok", f"{file} is valid until {ends:%Y-%m-%d}"


def _common(name: x509.Name) -> str:
    names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _by_its_dates(certificate: x509.Certificate, now: datetime) -> str | None:
    if valid_until(certificate) <= now:
        return f"expired on {valid_until(certificate):%Y-%m-%d}"
    if valid_from(certificate) > now:
        begins = valid_from(certificate)
        return (
            f"is valid from {begins:%Y-%m-%d} on, and it is {now:%Y-%m-%d} here: look at the clock"
        )
    return None


def knock(host: str, port: int, context: TlsContext) -> None:
    """Connect so far that the broker has to take our certificate or refuse it, and leave.

    It opens no session and ends nobody's.

    Raises:
        OSError: the connection failed, or the broker refused us; see `trouble`.
    """
    with (
        socket.create_connection((host, port), LOOK_TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        # A refusal comes by itself, and is lost where we write to the closed connection.
        secured.settimeout(REFUSAL_COMES_WITHIN_S)
        try:
            secured.recv(1)
        except TimeoutError:
            secured.settimeout(LOOK_TIMEOUT_S)
            secured.sendall(_KNOCK)
            secured.recv(1)


def speaks_tls(host: str, port: int) -> bool:
    """Say whether a server speaks TLS there."""
    return _shown(host, port) is not None


def trouble(
    error: BaseException | None, host: str, port: int, files: TlsFiles, now: datetime
) -> str | None:
    """Say why a connection with TLS did not come about; None: not for its TLS.

    Args:
        error: What the connection ended with; None: it just ended.
        host: Where the broker is.
        port: Where it listens.
        files: What the client had.
        now: This moment, aware.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_the_broker(error, host, files, _look(host, port), now)
    if _alert(error) is None:  # lost on the way: it comes again
        error = _knocked(host, port, files) or error
    if (alert := _alert(error)) is not None:
        return _of_ours(alert, files, now)
    if isinstance(error, ssl.SSLError | ConnectionResetError) and not speaks_tls(host, port):
        return "it speaks no TLS on this port: name its TLS port, mostly 8883"
    return f"TLS failed: {error.reason or error}" if isinstance(error, ssl.SSLError) else None


def _alert(error: BaseException | None) -> str | None:
    """The alert that a broker ended a connection with."""
    _, word, alert = (getattr(error, "reason", None) or "").partition("ALERT_")
    return alert if word else None


def _knocked(host: str, port: int, files: TlsFiles) -> OSError | None:
    try:
        knock(host, port, client_context(files))
    except (OSError, TlsFault) as error:
        return error if isinstance(error, OSError) else None
    return None


def _of_the_broker(
    error: ssl.SSLCertVerificationError,
    host: str,
    files: TlsFiles,
    found: x509.Certificate | None,
    now: datetime,
) -> str:
    """What is wrong with the broker's certificate."""
    ca = files.called[0]
    if found is None:
        return f"the broker's certificate is not trusted: {error.verify_message}"
    dated = _by_its_dates(found, now)
    if error.verify_code in {_EXPIRED, _NOT_BEGUN} and dated is not None:
        return f"the broker's certificate {dated}"
    if error.verify_code in {_EXPIRED, _NOT_BEGUN}:
        return f"an authority of the broker's certificate is out of its dates: look at {ca}"
    if error.verify_code in _WRONG_NAME:
        return f"the broker's certificate is for {_hosts(found)}, and not for {host}"
    if error.verify_code not in _NOT_BELIEVED:
        why = _UNFIT.get(error.verify_code, error.verify_message)
        return f"the broker's certificate cannot be used: {why}"
    who = f"{_common(found.issuer) or 'an unnamed one'}, the authority of the broker's certificate"
    unknown = f"this system does not know {who}: name its file in {ca}"
    return unknown if files.ca is None else f"{ca} {files.ca} does not hold {who}"


def _of_ours(alert: str, files: TlsFiles, now: datetime) -> str:
    """Why the broker does not take our certificate."""
    _, cert, key = files.called
    if files.cert is None or alert == "CERTIFICATE_REQUIRED":
        return f"the broker wants a certificate of ours: set {cert} and {key}"
    try:
        found = read_certificate(files.cert, cert)
    except TlsFault as fault:
        return str(fault)
    issuer = _common(found.issuer) or "an unnamed one"
    said = {
        "CERTIFICATE_REVOKED": "it is on the list of the revoked",
        "UNKNOWN_CA": f"it does not believe {issuer}, which issued it",
        "DECRYPT_ERROR": f"it does not believe {issuer}, which issued it",
        "PROTOCOL_VERSION": "it speaks no TLS 1.3",
    }
    dated = _by_its_dates(found, now)
    why = (dated and f"it {dated}") or said.get(alert) or alert.lower().replace("_", " ")
    return f"the broker refuses {cert} {files.cert}: {why}"


def _hosts(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return "no host"
    return ", ".join(str(each.value) for each in names)


def _look(host: str, port: int) -> x509.Certificate | None:
    """Return the broker's certificate, believed or not; None: it has none that can be read."""
    shown = _shown(host, port)
    try:
        return None if shown is None else _decoded(x509.load_der_x509_certificate(shown))
    except UNREADABLE:
        return None


def _shown(host: str, port: int) -> bytes | None:
    """Return the bytes that a server shows as its certificate; None: it speaks no TLS there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), LOOK_TIMEOUT_S) as plain,
            context.wrap_socket(plain) as secured,
        ):
            return secured.getpeercert(binary_form=True)
    except OSError:
        return None
