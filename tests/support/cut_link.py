# SPDX-License-Identifier: MIT
"""A proxy before a server, whose links a test may cut at any moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class CutLink:
    """The links through a proxy: each is two streams that end together."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def cut(self) -> None:
        """Reset all links: neither side is told before."""
        for writer in self._open:
            writer.transport.abort()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one link to the server and back."""
        server_reader, server_writer = await asyncio.open_connection(*self._to)
        self._open |= {writer, server_writer}
        ways = [
            asyncio.create_task(_carry(reader, server_writer)),
            asyncio.create_task(_carry(server_reader, writer)),
        ]
        self._tasks |= set(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, server_writer):
            end.transport.abort()
            self._open.discard(end)
        await asyncio.wait(ways)
        self._tasks -= set(ways)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@contextlib.asynccontextmanager
async def cut_link(host: str, port: int) -> AsyncIterator[CutLink]:
    """Listen on a port of its own on the loopback, for a server."""
    links = CutLink(host, port)
    async with await asyncio.start_server(links.take, "127.0.0.1", 0) as server:
        links.port = server.sockets[0].getsockname()[1]
        yield links
        links.cut()
