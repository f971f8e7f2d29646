# SPDX-License-Identifier: MIT
"""A receiver of webhooks on loopback that answers as a test says, over HTTP or HTTPS."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared_schema.events import Event
from shared_schema.webhook import SIGNATURE_HEADER, verify_webhook

SECRET = b"a secret of two sides"


@dataclass
class Request:
    """What came: its headers and body."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Event:
        return Event.from_line(self.body)

    @property
    def is_signed(self) -> bool:
        return verify_webhook(SECRET, self.headers[SIGNATURE_HEADER], self.body, time.time())


Answer = Callable[[BaseHTTPRequestHandler, Request], None]


def status(code: int, **headers: str) -> Answer:
    """Answer with a status and nothing else."""

    def answer(handler: BaseHTTPRequestHandler, _: Request) -> None:
        handler.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return answer


def huge(handler: BaseHTTPRequestHandler, _: Request) -> None:
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        while True:
            handler.wfile.write(b"x" * 65536)


def drip(handler: BaseHTTPRequestHandler, _: Request) -> None:
    """Answer a byte at a time, for ever."""
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.02)


def reset(handler: BaseHTTPRequestHandler, _: Request) -> None:
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def garbage(handler: BaseHTTPRequestHandler, _: Request) -> None:
    handler.wfile.write(b"\x00\xff no HTTP at all\r\n\r\n")


@dataclass
class Receiver:
    """A running receiver, what came to it, and how it answers."""

    url: str = ""
    answer: Answer = field(default_factory=lambda: status(204))
    requests: list[Request] = field(default_factory=list)

    @property
    def versions(self) -> dict[str, list[int]]:
        """The versions of each flag's messages that came, by unit, in order."""
        found: dict[str, list[int]] = {}
        for request in self.requests:
            event = request.event
            found.setdefault(event.subject.id, []).append(event.version)
        return found


@contextmanager
def receiving(certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """Run a receiver; with a certificate and its key it speaks HTTPS."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = Request(dict(self.headers.items()), body)
            receiver.requests.append(request)
            receiver.answer(self, request)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            scheme = "https"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        receiver.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/flags"
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def a_certificate(folder: Path, address: str = "127.0.0.1") -> tuple[Path, Path]:
    """Make a certificate that signs itself; return it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / f"{address}.pem", folder / f"{address}.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private
