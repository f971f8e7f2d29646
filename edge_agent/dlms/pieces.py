# SPDX-License-Identifier: GPL-2.0-only
"""The pieces of one answer, joined: the segments of an APDU, or the blocks of a value.

In: bytes as they come. Out: all of them, or `ProtocolViolation` for an answer without end.
Never: what they mean.
"""

from typing import Final

from edge_agent.errors import Breach, ProtocolViolation

MAX_BYTES: Final = (1 << 20) + 4096
"""A buffer as long as any that is decoded, with what stands around it."""


class Pieces:
    """The pieces of one answer."""

    def __init__(self, label: str) -> None:
        """Begin with none; the label of the meter is for an error."""
        self._label = label
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Add the next piece.

        Raises:
            ProtocolViolation: together they are longer than any answer that is decoded.
        """
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > MAX_BYTES:
            raise ProtocolViolation(
                f"{self._label} answers with more than {MAX_BYTES} bytes, and has not ended",
                of=Breach.SIZE,
            )

    def joined(self) -> bytes:
        """Return all pieces."""
        return b"".join(self._pieces)
