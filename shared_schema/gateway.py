# SPDX-License-Identifier: MIT
"""Messages between gateway and cloud besides readings: status, receipts, commands, results.

Status comes from the gateway (retained birth; last will). Receipts and commands come from
the cloud as signed messages (`shared_schema.signing.sign_message`). Results answer commands.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared_schema.diagnosis import MOST_PACKED
from shared_schema.message import (
    GatewayName,
    KeyId,
    Message,
    MeterId,
    Part,
    Remark,
    Sha256,
    UtcDatetime,
)

MOST_FAILING = 256
"""So many of the meters that are not read have their names in a status."""
Seq = Annotated[int, Field(ge=1, le=2**63 - 1)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Bytes = Annotated[int, Field(ge=0, le=2**63 - 1)]


class PollFailure(StrEnum):
    """Why a gateway does not read a meter."""

    NO_ANSWER = "no_answer"
    PASSWORD_REFUSED = "password_refused"  # noqa: S105 - a cause, no password
    """It refused its password or keys: it is not asked again before they change."""
    ADAPTER_AWAY = "adapter_away"
    """The adapter of its bus cannot be used; this says nothing of the meter."""
    UNREADABLE = "unreadable"
    """It answers, and nothing that it says can be kept."""


class FailingMeter(Part):
    """A meter that the gateway does not read."""

    bus: Annotated[str, Field(max_length=32)]
    label: Annotated[str, Field(max_length=64)]
    """What the gateway's settings call it."""
    meter: MeterId | None = None
    """None: nobody has answered at its address yet."""
    why: PollFailure


class BusStatus(Part):
    """One bus of a gateway: how many meters it has, and how many are not read, by the reason."""

    name: Annotated[str, Field(max_length=32)]
    meters: Count
    failures: dict[PollFailure, Count] = Field(default_factory=dict)

    @property
    def is_dead(self) -> bool:
        """Whether nobody answers on it.

        A meter that refused its password is not asked, and one meter alone is not a bus.
        """
        away = self.failures.get(PollFailure.ADAPTER_AWAY, 0)
        silent = away + self.failures.get(PollFailure.NO_ANSWER, 0)
        asked = self.meters - self.failures.get(PollFailure.PASSWORD_REFUSED, 0)
        return silent == asked and (away > 0 or silent > 1)


class Machine(Part):
    """The computer of a gateway, and what the agent takes of it. None: it cannot be told there."""

    disk_free_bytes: Bytes | None = None
    """Of the disk that holds the spool."""
    disk_total_bytes: Bytes | None = None
    memory_bytes: Bytes | None = None
    """Resident memory of the agent."""
    agent_up_s: Count | None = None
    """Since the agent started, by a clock that nobody sets."""
    machine_up_s: Count | None = None
    """Since the machine started; after a power cut it is short, too."""


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
    """Of the agent's software."""
    clock_synchronised: bool | None = None
    meters: Count | None = None
    meters_answering: Count | None = None
    meters_behind: Count | None = None
    """Meters whose history is still being read back."""
    spooled: Count | None = None
    """Batches in the spool that no receipt covers yet; lines that are not sealed yet count as one,
    live and back-fill apart."""
    poll_period_s: Count | None = None
    """How often each meter is read."""
    buses: tuple[BusStatus, ...] | None = Field(default=None, max_length=256)
    """None: a gateway of an earlier version, which does not tell why a meter is not read."""
    failing: tuple[FailingMeter, ...] = Field(default=(), max_length=MOST_FAILING)
    """Meters that were tried and not read, the first `MOST_FAILING`; ``buses`` counts all."""
    oldest_waiting_at: UtcDatetime | None = None
    """When the oldest of ``spooled`` was read; None: nothing waits, or an earlier version."""
    spool_bytes: Bytes | None = None
    """The size of the spool's file with its journal; it is no larger than ``spool_max_bytes``."""
    spool_max_bytes: Bytes | None = None
    certificate_ends_at: UtcDatetime | None = None
    """Of the gateway's certificate for the broker; None: it has none, or an earlier version."""
    clock_jump_s: float | None = Field(default=None, allow_inf_nan=False)
    """How far its clock is from where it was believed last; no meter is read. None: nothing is
    wrong."""
    machine: Machine | None = None
    """None: a gateway of an earlier version."""


class Receipt(Message):
    """The store's word that it has committed these ranges of a stream.

    The edge may forget what a receipt covers, and only that: where a head is not its own header,
    another gateway uses its key and stream, and what is stored is not what it sent. A new ``store``
    id means that an older store is gone: what the edge still has is sent again.
    """

    SCHEMA: ClassVar[str] = "metering.receipt/1"

    gateway: GatewayName
    key: KeyId
    store: UUID
    stream: UUID
    ranges: tuple[tuple[Seq, Seq], ...]
    """Inclusive, ascending, with a gap between any two."""
    heads: tuple[tuple[Seq, Sha256], ...] = ()
    """Of the last batch of each range, and of each that its stored successor does not follow, the
    number and the hash of its header, ascending. The hash covers the stored batches up to it, from
    the one after the head before, or from the beginning of the range. Empty: of an earlier cloud.
    """
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


LONGEST_LIFE = timedelta(days=7)
"""A command lives no longer: a gateway remembers its id for that long, to never run it twice."""


class CommandKind(StrEnum):
    """What a gateway can be asked to do beyond what it does by itself."""

    READ_NOW = "read_now"
    """Poll the meters at once: registers and the newest rows of their profiles."""
    BACKFILL = "backfill"
    """Read the profiles of a window again from the meters, which remember for weeks."""
    READ_EVENTS = "read_events"
    """Read the meters' event logs."""
    SET_CLOCK = "set_clock"
    """Set the meters' clocks, where an association that may do so is configured."""
    DIAGNOSE = "diagnose"
    """Tell of the machine, the agent, the spool and the log, without a secret or a reading."""


class CommandArguments(Part):
    """Which meters a command is for, and which window."""

    meters: tuple[MeterId, ...] = Field(default=(), max_length=256)
    """None named: all meters of the gateway."""
    since: UtcDatetime | None = None
    until: UtcDatetime | None = None


class Command(Message):
    """An order to one gateway. It expires, and is never run twice."""

    SCHEMA: ClassVar[str] = "metering.command/1"

    gateway: GatewayName
    key: KeyId
    id: UUID
    kind: CommandKind
    arguments: CommandArguments = CommandArguments()
    issued_at: UtcDatetime
    expires_at: UtcDatetime

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if self.expires_at <= self.issued_at:
            raise ValueError("it expires before it was issued")
        since, until = self.arguments.since, self.arguments.until
        if self.kind is CommandKind.BACKFILL:
            if since is None or until is None or since >= until:
                raise ValueError("a backfill needs since and until, in this order")
        elif since is not None or until is not None:
            raise ValueError(f"{self.kind} takes no window")
        if self.kind is CommandKind.DIAGNOSE and self.arguments.meters:
            raise ValueError("diagnose is of the gateway: it names no meter")
        return self

    def expired(self, now: datetime) -> bool:
        """Say whether the command may no longer be run at ``now``."""
        return now >= self.expires_at


class Outcome(StrEnum):
    """What became of a command."""

    DONE = "done"
    FAILED = "failed"
    """It was run, and not all of it worked."""
    REFUSED = "refused"
    """The gateway's configuration does not allow it, or it cannot be judged."""
    EXPIRED = "expired"


class MeterOutcome(Part):
    """What became of a command at one meter."""

    meter: MeterId | None = None
    label: str = Field(max_length=128)
    done: bool
    detail: Remark = ""


class Result(Message):
    """The gateway's answer to a command."""

    SCHEMA: ClassVar[str] = "metering.result/1"

    gateway: GatewayName
    command: UUID
    outcome: Outcome
    reason: Remark = ""
    at: UtcDatetime
    meters: tuple[MeterOutcome, ...] = Field(default=(), max_length=1024)
    diagnosis: str | None = Field(default=None, max_length=MOST_PACKED)
    """Of ``diagnose``: a JSON document, compressed by zlib, in base64."""
