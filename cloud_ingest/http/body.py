# SPDX-License-Identifier: MIT
"""The bounds of what a request brings: its head, and its body as it comes.

In: the messages of a connection. Out: the same, bounded in size and time.

Raises: Refused.
"""

import asyncio
import time
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from cloud_ingest.http.refused import Refused

MOST_HEAD_BYTES: Final = 16 * 1024
"""Of an address and its headers."""
MOST_BYTES: Final = 8 * 1024 * 1024
"""Of a body: a photo of a dial fits."""
PATIENCE_S: Final = 20.0
"""How long a body may take to come."""


class Body:
    """The body of a request, as it comes."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._left = MOST_BYTES
        self._ends_at = time.monotonic() + PATIENCE_S
        self._is_whole = False
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > MOST_BYTES:
            raise _too_large()

    async def receive(self) -> Message:
        """Return the next part."""
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, self._ends_at - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            raise Refused(
                408, "too slow", f"the body did not come within {PATIENCE_S:.0f} s: send it again"
            ) from None
        self._left -= len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._left < 0:
            raise _too_large()
        return message


def bound_head(scope: Scope) -> None:
    """Refuse a request whose address and headers are too large."""
    head = sum(len(name) + len(value) for name, value in scope["headers"])
    if head + len(scope["path"]) + len(scope["query_string"]) > MOST_HEAD_BYTES:
        raise Refused(431, "too large", f"the head is larger than {MOST_HEAD_BYTES} bytes")


def _too_large() -> Refused:
    return Refused(413, "too large", f"the body is larger than {MOST_BYTES} bytes: send less")
