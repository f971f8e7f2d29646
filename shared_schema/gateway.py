# SPDX-License-Identifier: MIT
"""What gateway and cloud say to each other besides readings.

Status comes from the gateway (retained birth; last will). Receipts and commands come from
the cloud as signed messages (`shared_schema.signing.sign_message`). Results answer commands.
"""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field, JsonValue, model_validator

from shared_schema.message import GatewayName, KeyId, Message, Remark, UtcDatetime

Seq = Annotated[int, Field(ge=1, le=2**63 - 1)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Status(Message):
    """Birth, life and death of a gateway's session.

    The last will carries the session's id, so that a late will cannot end a newer session.
    """

    SCHEMA: ClassVar[str] = "metering.status/1"

    gateway: GatewayName
    session: UUID
    state: Literal["online", "offline"]
    at: UtcDatetime
    version: Annotated[Remark, Field(max_length=64)] = ""
    clock_synchronised: bool | None = None
    meters: Count | None = None
    meters_answering: Count | None = None
    meters_behind: Count | None = None
    """Meters whose history is still being read back."""
    spooled: Count | None = None
    """Batches in the spool that no receipt covers yet."""


class Receipt(Message):
    """The store's word that it has committed these ranges of a stream.

    The edge may forget what a receipt covers, and only that. A new ``store`` id means that
    an older store is gone: what the edge still has is sent again.
    """

    SCHEMA: ClassVar[str] = "metering.receipt/1"

    gateway: GatewayName
    key: KeyId
    store: UUID
    stream: UUID
    ranges: tuple[tuple[Seq, Seq], ...]
    """Inclusive, ascending, with a gap between any two."""
    at: UtcDatetime

    @model_validator(mode="after")
    def _ranges_ascend(self) -> Self:
        end = -1
        for first, last in self.ranges:
            if first > last or first <= end + 1:
                raise ValueError("ranges must ascend and not touch")
            end = last
        return self

    def covers(self, seq: int) -> bool:
        """Say whether ``seq`` is stored."""
        return any(first <= seq <= last for first, last in self.ranges)


CommandKind = Literal["read_now", "backfill", "read_events", "set_clock"]


class Command(Message):
    """An order to one gateway. It expires, and is never run twice."""

    SCHEMA: ClassVar[str] = "metering.command/1"

    gateway: GatewayName
    key: KeyId
    id: UUID
    kind: CommandKind
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    issued_at: UtcDatetime
    expires_at: UtcDatetime

    def expired(self, now: datetime) -> bool:
        """Say whether the command may no longer be run at ``now``."""
        return now >= self.expires_at


class Result(Message):
    """What became of a command."""

    SCHEMA: ClassVar[str] = "metering.result/1"

    gateway: GatewayName
    command: UUID
    outcome: Literal["done", "failed", "refused", "expired"]
    reason: Remark = ""
    at: UtcDatetime
    detail: dict[str, JsonValue] = Field(default_factory=dict)
