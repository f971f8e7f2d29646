# SPDX-License-Identifier: MIT
"""The socket of a link: it is not read while as much as may wait here waits.

Receive Maximum should bound what a broker sends ahead. It does not bound QoS 0, and mosquitto
2.0.11 exceeds it after the first acknowledgement: thousands of messages, then gigabytes. So TCP
holds the broker back. While the socket is not read no answer of the broker is heard: that it is
silent says nothing then.

In: the client of a link, the loop. Out: the socket is read, or not; written when it takes
more. Never: a message that is dropped while its link stands.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

MOST_WAITING_BYTES = 16 * 1024 * 1024
"""Two batches of the largest messages; one more message may come."""
MESSAGE_BYTES = 2048
"""What a message takes beside its payload, about."""


class Flow:
    """What waits of one link, and whether its socket is read."""

    def __init__(self, client: Any, loop: asyncio.AbstractEventLoop, keepalive_s: float) -> None:
        self.held = False
        """The socket is not read: the broker cannot answer."""
        self.ends = False
        """What comes now is of no use, and does not wait."""
        self._client = client
        self.loop = loop
        self._deaf_s = keepalive_s / 4
        self.waiting_bytes = 0
        """What came and was not taken yet, with what each message takes beside its payload."""
        self._holds = 0
        self._was_held = asyncio.Event()
        self._sock: Any = None

    def __repr__(self) -> str:
        held = ", held" if self.held else ""
        return f"<Flow: {self.waiting_bytes} bytes wait{held}>"

    def opened(self, sock: Any) -> None:
        """Read a socket from now on; call it in the thread of the loop."""
        if sock.fileno() >= 0:  # closed, it has none
            self._sock = sock
            self.loop.add_reader(sock, self._read)

    def write_when_ready(self, sock: socket.socket) -> None:
        """Write once the socket takes more, unless it was closed meanwhile."""
        if sock.fileno() >= 0:
            self.loop.add_writer(sock, self._guarded, self._client._client.loop_write)

    def came(self, payload: bytes) -> None:
        """Count a message that waits now."""
        self.waiting_bytes += len(payload) + MESSAGE_BYTES

    def taken(self, payload: bytes) -> None:
        """Count a message that waits no more."""
        self.waiting_bytes -= len(payload) + MESSAGE_BYTES
        if self.held and self.waiting_bytes <= MOST_WAITING_BYTES // 2:
            self._release()

    async def is_held_before(self, answer: asyncio.Future[Any]) -> bool:
        """Wait for an answer; True when it stands behind more than may wait."""
        held = asyncio.ensure_future(self._was_held.wait())
        try:
            await asyncio.wait({answer, held}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            held.cancel()
        return not answer.done()

    async def is_answered(self, answer: asyncio.Future[Any], timeout_s: float) -> bool:
        """Wait for an answer; False when the broker was silent for so long while it was heard."""
        holds = self._holds
        while not (await asyncio.wait({answer}, timeout=timeout_s))[0]:
            if not self.held and holds == self._holds:
                return False
            holds = self._holds
        return True

    def end(self) -> None:
        """Read on: the answer to a farewell stands behind what nobody takes any more."""
        self.ends = True
        if self.held:
            self._release()

    def cut(self) -> None:
        """End the link at once: nothing that waits in it is sent any more."""
        with contextlib.suppress(OSError, AttributeError):
            self._client._client.socket().shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        self._guarded(self._read_on)

    def _read_on(self) -> None:
        more = True
        while more and not self.held:
            self._client._client.loop_read()
            if self.waiting_bytes >= MOST_WAITING_BYTES and not self.ends:
                self._hold()
            own = self._client._client.socket()
            more = hasattr(own, "pending") and own.pending() > 0  # what TLS has decoded already

    def _hold(self) -> None:
        if self._sock.fileno() >= 0:
            self.loop.remove_reader(self._sock)
            self.held = True
            self._holds += 1
            self._was_held.set()
            self._expect_no_answer()

    def _release(self) -> None:
        self.held = False
        if self._sock.fileno() >= 0:
            self.loop.add_reader(self._sock, self._read)
            self.loop.call_soon(self._read)

    def _expect_no_answer(self) -> None:
        """Keep paho from ending a link whose answers to its pings are not read."""
        if self.held and not self._client._disconnected.done():
            self._client._client._ping_t = 0
            self.loop.call_later(self._deaf_s, self._expect_no_answer)

    def _guarded(self, use: Callable[[], object]) -> None:
        try:
            use()
        except Exception as error:  # whatever it is, the link has ended
            if not self._client._disconnected.done():
                self._client._disconnected.set_exception(error)
