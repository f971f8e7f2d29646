# SPDX-License-Identifier: GPL-2.0-only
"""Volatile readings: the registers that a full disk could not keep, for as long as nobody has them.

They wait in memory, the newest of each meter, until the broker can be told. They are outside the
stream: a full disk has no room for a number. The watermarks stay, so that profiles are read again.

In: registers just read. Out: signed messages. Owns what waits.
Never: a row of a profile; more than one row a meter; a file.
"""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from shared_schema.message import MeterId
from shared_schema.readings import MAX_BATCH_BYTES, Block, new_salt
from shared_schema.signing import SigningKey, key_id
from shared_schema.volatile import MOST_METERS, Volatile

if TYPE_CHECKING:
    from edge_agent.decode.rows import MeterRows

_AROUND_BYTES: Final = 1024
"""More than a message takes besides its blocks."""


class VolatileReadings:
    """What could not be kept; every method may be called from any thread."""

    def __init__(self, gateway: str, key: SigningKey) -> None:
        """Begin with nothing.

        Args:
            gateway: this gateway's id.
            key: what it signs with.
        """
        self._gateway = gateway
        self._key = key
        self._lock = threading.Lock()
        self._waiting: dict[MeterId, tuple[int, Block]] = {}

    def __repr__(self) -> str:
        return f"<VolatileReadings of {len(self._waiting)} meters>"

    def sign_with(self, key: SigningKey) -> None:
        """Sign what is sent from now on with another key."""
        self._key = key

    def put(self, meter: MeterId, live: "Sequence[MeterRows]", at: float) -> None:
        """Let the registers of a meter wait instead of its former ones.

        Args:
            meter: whose they are.
            live: what was read; rows of profiles are left out.
            at: the gateway's time, seconds since 1970.
        """
        for part in live:
            if part.profile is None and part.rows:
                block = Block(salt=new_salt(), meter=meter, columns=part.columns, rows=part.rows)
                with self._lock:
                    self._waiting[meter] = (int(at), block)

    def take(self) -> bytes | None:
        """Return a message of what waits, and forget that; None: nothing does."""
        blocks: list[Block] = []
        newest, room = 0, MAX_BATCH_BYTES - _AROUND_BYTES
        with self._lock:
            for meter, (at, block) in list(self._waiting.items()):
                room -= len(block.to_line()) + 1
                if blocks and (room < 0 or len(blocks) == MOST_METERS):
                    break
                blocks.append(block)
                newest = max(newest, at)
                del self._waiting[meter]
        if not blocks:
            return None
        key = self._key
        return Volatile(
            gateway=self._gateway,
            key=key_id(key.public_key()),
            at=datetime.fromtimestamp(newest, UTC),
            blocks=tuple(blocks),
        ).signed(key)
