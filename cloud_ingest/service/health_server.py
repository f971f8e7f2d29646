# SPDX-License-Identifier: MIT
"""A few pages by HTTP for monitoring: metrics and health, on an address of the operator's choice.

It lives in the event loop of the service: that it answers at all says that the loop turns. Each
connection brings one request and gets one answer. There are `MOST_CONNECTIONS` at a time, of
`PATIENCE_S` each; one more ends the oldest. No thread, no file, no login.

By hand, because http.server takes a thread for each connection, and no other library of the
service speaks HTTP.

In: an address, a function for each path. Out: pages, until the block ends. Never: a request that
changes something, a wait for a server.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from cloud_ingest.errors import ConfigurationError

MOST_CONNECTIONS = 16
MOST_HEAD_BYTES = 8192
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered to a request."""

    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    status: HTTPStatus = HTTPStatus.OK


Pages = Mapping[str, Callable[[], Page]]


@contextlib.asynccontextmanager
async def serving(address: str | None, pages: Pages) -> AsyncIterator[None]:
    """Serve pages for the time of the block; None serves none.

    Raises:
        ConfigurationError: nothing can listen at the address.
    """
    if address is None:
        yield
        return
    host, _, port = address.rpartition(":")
    visits = _Visits(pages)
    try:
        server = await asyncio.start_server(
            visits.serve, host.strip("[]"), int(port), limit=MOST_HEAD_BYTES
        )
    except UnicodeError:
        raise ConfigurationError(
            f"setting metrics_address: {address}: that is no host name"
        ) from None
    except OSError as error:
        said = error.strerror or str(error)
        why = said.partition(": ")[2] or said  # asyncio names the address before it
        raise ConfigurationError(
            f"setting metrics_address: cannot listen at {address}: {why}: "
            "give another port, or one worker each its own (--metrics)"
        ) from None
    try:
        yield
    finally:
        server.close()
        await visits.end()


class _Visits:
    """The connections that are open."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._tasks: dict[asyncio.Task[None], None] = {}
        """In the order in which they came."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        try:
            self._make_room()
            self._tasks[task] = None
            async with asyncio.timeout(PATIENCE_S):
                await self._answer(reader, writer)
        except (OSError, EOFError, TimeoutError, asyncio.CancelledError):
            pass  # whoever asked went away, was too slow, or the service stops
        finally:
            self._tasks.pop(task, None)
            writer.transport.abort()

    def _make_room(self) -> None:
        """End the oldest connection where there are too many: who says nothing keeps nobody out."""
        if len(self._tasks) >= MOST_CONNECTIONS:
            oldest = next(iter(self._tasks))
            del self._tasks[oldest]
            oldest.cancel()

    async def end(self) -> None:
        """Close every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            head = b""
        method, page = answer(head, self._pages)
        writer.transport.set_write_buffer_limits(0)  # so that drain waits for the last byte
        writer.write(_response(page, with_body=method != "HEAD"))
        await writer.drain()
        writer.write_eof()
        await reader.read(MOST_HEAD_BYTES)  # until the other side has all and closes


def answer(head: bytes, pages: Pages) -> tuple[str, Page]:
    """Return the method of a request and what is answered to it; nothing of it is remembered."""
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return "", _plain(HTTPStatus.BAD_REQUEST)
    method, target, _version = words
    if method not in {"GET", "HEAD"}:
        return method, _plain(HTTPStatus.METHOD_NOT_ALLOWED)
    make = pages.get(target.partition("?")[0])
    return method, _plain(HTTPStatus.NOT_FOUND) if make is None else make()


def _plain(status: HTTPStatus) -> Page:
    return Page(f"{status.phrase}\n".encode(), status=status)


def _response(page: Page, *, with_body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {page.status.value} {page.status.phrase}",
        f"Content-Type: {page.content_type}",
        f"Content-Length: {len(page.body)}",
        "Cache-Control: no-store",
        "Connection: close",
    ]
    if page.status is HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET, HEAD")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head + page.body if with_body else head
