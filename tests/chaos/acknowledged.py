# SPDX-License-Identifier: MIT
"""What workers acknowledged to the broker, and when: heard on the links between them.

A batch that is acknowledged has to be stored by then. If a worker is killed between the two, the
gateway sends the batch again, so that nothing is lost, and only the times tell.

In: the bytes of both directions. Out: when each batch was acknowledged first. Never: a change.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from shared_schema.readings import line_hash

_PUBLISH, _PUBACK = 3, 4
Batch = tuple[UUID, int]
"""A stream and a number."""


@dataclass(eq=False)
class Acknowledged:
    """What was acknowledged over all links of one worker."""

    first_ns: dict[Batch, int] = field(default_factory=dict)
    """When each batch was acknowledged first, by the steady clock."""

    def listen(self) -> "Ear":
        """Begin to hear a link."""
        return Ear(self)


class Ear:
    """Hears one link."""

    def __init__(self, of: Acknowledged) -> None:
        self._of = of
        self._delivered: dict[int, Batch] = {}
        self._to_worker = _Packets()
        self._to_broker = _Packets()

    def to_worker(self, data: bytes) -> None:
        """Hear what the broker says."""
        for kind, body in self._to_worker.take(data):
            if kind >> 4 == _PUBLISH and kind & 0x06:
                self._hear_batch(body)

    def to_broker(self, data: bytes) -> None:
        """Hear what the worker says."""
        for kind, body in self._to_broker.take(data):
            batch = self._delivered.pop(_number(body, 0), None) if kind >> 4 == _PUBACK else None
            if batch is not None:
                self._of.first_ns.setdefault(batch, time.monotonic_ns())

    def _hear_batch(self, body: bytes) -> None:
        topic_ends = 2 + _number(body, 0)
        if not body[2:topic_ends].endswith(b"/readings"):
            return
        values, begins = _variable(body, topic_ends + 2)
        line, *blocks, _ = body[begins + values :].split(b"\n")
        header = json.loads(line)
        if header["blocks"] == [*map(line_hash, blocks)]:  # else it was spoiled on its way
            self._delivered[_number(body, topic_ends)] = (UUID(header["stream"]), header["seq"])


class _Packets:
    """Cuts a stream of bytes into MQTT packets."""

    def __init__(self) -> None:
        self._left = b""

    def take(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the first byte and the body of each packet that is whole now."""
        self._left += data
        while len(self._left) >= 2:
            try:
                length, begins = _variable(self._left, 1)
            except IndexError:
                return
            if len(self._left) < begins + length:
                return
            kind, body = self._left[0], self._left[begins : begins + length]
            self._left = self._left[begins + length :]
            yield kind, body


def _number(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 2], "big")


def _variable(data: bytes, at: int) -> tuple[int, int]:
    """Return a variable byte integer, and where it ends."""
    value, shift = 0, 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at
