# SPDX-License-Identifier: MIT
"""Proxies between the programs: links that are cut, refused, delayed, or spoil a byte.

All of them run in one thread of the run. A delay holds each piece back, in order.
"""

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.chaos.acknowledged import Acknowledged

_A_VALUE = re.compile(rb'"rows":\[\[\d+,(?:null|\d+),\d*(\d)')
_PIECE = 65536
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(eq=False)
class Proxy:
    """One listener, and the server behind it: a port of the loopback, or a socket's path."""

    to: int | str
    port: int = 0
    delay_s: float = 0.0
    refuses: bool = False
    spoils: bool = False
    """The next message of readings on its way to the server says another value."""
    spoilt: int = 0
    acknowledged: Acknowledged | None = None
    """Hears what is acknowledged."""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one link to the server and back."""
        if self.refuses:
            writer.transport.abort()
            return
        try:
            behind = await self._reach()
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, behind[1])
        self._open |= set(ends)
        ear = None if self.acknowledged is None else self.acknowledged.listen()
        up, down = (_pass, _pass) if ear is None else (ear.to_broker, ear.to_worker)
        ways = [
            asyncio.create_task(self._carry(reader, behind[1], self._spoil, up)),
            asyncio.create_task(self._carry(behind[0], writer, bytes, down)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.transport.abort()
            self._open.discard(end)
        await asyncio.wait(ways)

    def cut(self) -> None:
        """Reset all links: neither side is told before."""
        for writer in self._open:
            writer.transport.abort()

    async def _reach(self) -> Ends:
        if isinstance(self.to, int):
            return await asyncio.open_connection("127.0.0.1", self.to)
        return await asyncio.open_unix_connection(self.to)

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        change: Callable[[bytes], bytes],
        hear: Callable[[bytes], None],
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_PIECE):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                hear(data)
                writer.write(change(data))
                await writer.drain()

    def _spoil(self, data: bytes) -> bytes:
        found = _A_VALUE.search(data) if self.spoils else None
        if found is None:
            return data
        self.spoils, self.spoilt = False, self.spoilt + 1
        at = found.start(1)
        return data[:at] + b"%d" % ((int(data[at : at + 1]) + 1) % 10) + data[at + 1 :]


def _pass(_data: bytes) -> None:
    """Nobody hears it."""


class Proxies:
    """The thread of all proxies."""

    def __init__(self) -> None:
        self._proxies: list[Proxy] = []
        self._servers: list[asyncio.Server] = []
        self._runs = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="proxies")
        self._thread.start()
        self._runs.wait()

    def listen(self, to: int | str) -> Proxy:
        """Make a proxy before a server."""
        proxy = Proxy(to)
        asyncio.run_coroutine_threadsafe(self._listen(proxy), self._loop).result(10)
        return proxy

    def tell(self, act: Callable[[], None]) -> None:
        """Do something in the thread of the proxies, and wait until it is done."""

        async def do() -> None:
            act()

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(10)

    def close(self) -> None:
        """End all links and the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._runs.set()
        await self._stop.wait()
        for server in self._servers:
            server.close()
        for proxy in self._proxies:
            proxy.refuses = True
            proxy.cut()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    async def _listen(self, proxy: Proxy) -> None:
        server = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        self._servers.append(server)
        self._proxies.append(proxy)


@contextmanager
def proxies() -> Iterator[Proxies]:
    """Run proxies for the time of the block."""
    made = Proxies()
    try:
        yield made
    finally:
        made.close()
