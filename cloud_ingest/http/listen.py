# SPDX-License-Identifier: MIT
"""Serving an application: a socket, and a server that is patient with nobody for long.

uvicorn bounds neither the time in which the head of a request comes nor that in which an answer is
taken; `_Patient` does. TLS is the reverse proxy's.

In: an application with its resources, an address or the path of a socket. Out: the service until
SIGTERM.

Raises: ConfigurationError.
"""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.http.body import MOST_HEAD_BYTES
from cloud_ingest.http.resources import Resources
from cloud_ingest.settings_receivers import is_here
from cloud_ingest.store.migrate import open_store

Application: TypeAlias = ASGIApp
"""What is served: an application by ASGI."""
MOST_CONNECTIONS: Final = 200
HEAD_S: Final = 10.0
"""Within which a new connection brings its first request."""
ANSWER_S: Final = 30.0
"""Within which a part of an answer is taken."""


class AddressTaken(ConfigurationError):
    """Somebody else listens at the address."""


class _Patient(H11Protocol):
    """A connection that is ended where its other side keeps it waiting."""

    _ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._end_in(HEAD_S)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.scope is not None:
            self._go_on()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._end_in(ANSWER_S)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._go_on()
        super().connection_lost(exc)

    def _end_in(self, seconds: float) -> None:
        self._go_on()
        self._ends = self.loop.call_later(seconds, self.transport.abort)

    def _go_on(self) -> None:
        if self._ends is not None:
            self._ends.cancel()
            self._ends = None


def serve_app(app: Application, resources: Resources, listener: socket.socket) -> None:
    """Serve an application until SIGTERM, after the store has answered once.

    Raises:
        IngestError: the store cannot be reached, or is of another version.
    """
    with resources.pool.lend(read_only=True) as conn:
        open_store(conn, zone=resources.settings.zone)
    signal.signal(signal.SIGTERM, _end)  # uvicorn raises it again when it has ended
    try:
        uvicorn.Server(configured(app)).run(sockets=[listener])
    finally:
        resources.pool.close()


def _end(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


def configured(app: Application) -> uvicorn.Config:
    """Return how the server is bounded."""
    return uvicorn.Config(
        app,
        http=_Patient,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=20,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
    )


@contextlib.contextmanager
def listening(address: str, path: Path | None, *, public: bool) -> Iterator[socket.socket]:
    """Listen at an address, or at a socket of the file system, for the time of the block.

    Args:
        address: HOST:PORT.
        path: Of a socket; then the address is nothing.
        public: Others than this machine may reach the address.
    """
    with at_address(address, public=public) if path is None else _at_path(path) as listener:
        yield listener


def at_address(address: str, *, public: bool) -> socket.socket:
    """Listen at an address.

    Raises:
        AddressTaken: somebody else does.
        ConfigurationError: nobody can, or others than this machine would reach it.
    """
    host, port = _host_and_port(address)
    if not public and not is_here(host):
        raise ConfigurationError(
            f"others reach {address}, and there is no TLS: give 127.0.0.1 behind a reverse proxy, "
            "or say --public on a network of its own"
        )
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except (OSError, UnicodeError) as error:
        is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = getattr(error, "strerror", None) or str(error)
        refused = AddressTaken if is_taken else ConfigurationError
        raise refused(f"cannot listen at {address}: {why}: give another") from None


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port[:6]) > 65535:
        raise ConfigurationError(f"an address is HOST:PORT, as 127.0.0.1:8080, not {address!r}")
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def _at_path(path: Path) -> Iterator[socket.socket]:
    """Listen at a socket that the owner and its group may open; a dead one of before goes."""
    try:
        if stat.S_ISSOCK(path.lstat().st_mode) and not _answers(path):
            path.unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise ConfigurationError(f"cannot listen at {path}: {error.strerror}") from None
    listener, mask = socket.socket(socket.AF_UNIX), os.umask(0o117)
    try:
        listener.bind(str(path))
        listener.listen(128)
    except OSError as error:
        listener.close()
        why = error.strerror or str(error)
        raise ConfigurationError(f"cannot listen at {path}: {why}: name another") from None
    finally:
        os.umask(mask)
    with listener:
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        try:
            caller.connect(str(path))
        except OSError:
            return False
    return True
