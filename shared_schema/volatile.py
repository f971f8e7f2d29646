# SPDX-License-Identifier: MIT
"""Volatile readings: registers that a gateway read while its disk was full, sent and not kept.

They say how a meter stands now. They are in no stream: nobody waits for them, no receipt covers
them, and nobody can ask for them again. So they are shown until a reading comes, and prove nothing.

In: registers just read. Out: a signed message on the topic of readings.
Never: a row that is elected, billed or held for evidence.
"""

from typing import ClassVar, Final

from pydantic import Field, model_validator

from shared_schema.errors import MalformedMessage
from shared_schema.message import GatewayName, KeyId, Message, UtcDatetime
from shared_schema.readings import MAX_BATCH_BYTES, Block
from shared_schema.signing import SigningKey, sign_message

MOST_METERS: Final = 64
_BEGINS: Final = b'{"schema":"metering.volatile/1"'


class Volatile(Message):
    """Registers of some meters, as a gateway read them and did not keep them."""

    SCHEMA: ClassVar[str] = "metering.volatile/1"

    gateway: GatewayName
    key: KeyId
    at: UtcDatetime
    """When the newest of them was read."""
    blocks: tuple[Block, ...] = Field(min_length=1, max_length=MOST_METERS)

    @model_validator(mode="after")
    def _only_registers(self) -> "Volatile":
        if any(block.profile is not None for block in self.blocks):
            raise ValueError("a profile is read again: its rows are not volatile")
        return self

    def signed(self, key: SigningKey) -> bytes:
        """Return the bytes that are sent."""
        return sign_message(self.to_line(), key)


def is_volatile(payload: bytes) -> bool:
    """Tell a message of volatile readings from a batch, by its first bytes."""
    return payload.startswith(_BEGINS)


def claimed(payload: bytes) -> Volatile:
    """Read a message without verifying anything: it says whose key to verify it with.

    Raises:
        MalformedMessage: it is too large, or none.
    """
    if len(payload) > MAX_BATCH_BYTES:
        raise MalformedMessage(f"a message of {len(payload)} bytes is over {MAX_BATCH_BYTES}")
    return Volatile.from_line(payload.partition(b"\n")[0])
