# SPDX-License-Identifier: MIT
"""Serving an application beside the work of a process, on a thread and a loop of its own.

What is slow there keeps nothing of the work waiting. Of several processes that name one address the
first serves, and another follows when that one ends.

In: an application with its resources, an address. Out: the application, until the block ends.
Never: an end of the work because of what is served beside it.

Raises: ConfigurationError.
"""

import contextlib
import logging
import socket
from collections.abc import Iterator
from threading import Event, Thread
from typing import Final

import uvicorn

from cloud_ingest.http.listen import AddressTaken, Application, at_address, configured
from cloud_ingest.http.resources import Resources

AGAIN_S: Final = 2.0
"""After which an address that somebody else has is tried again."""

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def served_beside(app: Application, resources: Resources, address: str) -> Iterator[None]:
    """Serve an application for the time of the block.

    Raises:
        ConfigurationError: nobody can listen at the address.
    """
    server = _Beside(app, address)
    try:
        with server.serving():
            yield
    finally:
        resources.pool.close()


class _Beside:
    """The thread that serves, or waits for the address."""

    def __init__(self, app: Application, address: str) -> None:
        self._config = configured(app)
        self._address = address
        self._stopping = Event()
        self._server: uvicorn.Server | None = None

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serve for the time of the block."""
        first = self._listen()
        if first is None:
            logger.info(
                "Another process serves at %s: this one follows when that one ends",
                self._address,
                extra={"action": "beside_waits"},
            )
        thread = Thread(target=self._run, args=(first,), name="beside")
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            if self._server is not None:
                self._server.should_exit = True
            thread.join()

    def _listen(self) -> socket.socket | None:
        try:
            return at_address(self._address, public=False)
        except AddressTaken:
            return None

    def _run(self, listener: socket.socket | None) -> None:
        while not self._stopping.is_set():
            try:
                if listener is not None:
                    self._serve(listener)
                elif not self._stopping.wait(AGAIN_S):
                    listener = self._listen()
                    continue
            except Exception:
                logger.exception(
                    "What is served at %s met a fault; it begins again: please report it",
                    self._address,
                    extra={"action": "beside_fault"},
                )
                self._stopping.wait(AGAIN_S)
            listener = None
        if listener is not None:
            listener.close()

    def _serve(self, listener: socket.socket) -> None:
        with listener:
            self._server = uvicorn.Server(self._config)
            if not self._stopping.is_set():
                logger.info("Serves at %s", self._address, extra={"action": "beside_serves"})
                self._server.run(sockets=[listener])
