# SPDX-License-Identifier: MIT
"""The batch: how readings travel from a gateway to the store.

A batch is lines of JSON: the header, one block per meter and profile, the signature.
A block of kind ``events`` is what a meter's own log noted, one of kind ``observations`` what
the gateway itself saw of the meter; one of kind ``loss`` says which batches it had to drop, one of
kind ``key`` names the gateway's next key.
The header names the SHA-256 of each block's bytes and of the header before it; the
gateway's signature covers the header's bytes. So one block can be shown with its header,
and proves itself without the neighbours' blocks. A block's random salt keeps its hash from
being guessed from a few likely registers.

Its lines and its envelope stand in one module, longer than others, because whoever writes a
verifier in another language reads it from top to bottom.

In: bytes. Out: a `Batch`, or one of the errors of the contract; and the way back.
Never: a line serialised twice, a clock, a file.
"""

import contextlib
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal, Protocol, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared_schema.catalogue import GATEWAY_LOG, Unit
from shared_schema.errors import MalformedMessage, SignatureInvalid
from shared_schema.message import GatewayName, KeyId, Message, MeterId, Part, Sha256, UtcDatetime
from shared_schema.obis import Obis
from shared_schema.signing import SigningKey, VerifyKey, key_id, sign_line, verify_line

MAX_BATCH_BYTES = 64 * 1024
EARLIEST_TS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
LATEST_TS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
MAX_EVENT_CODE = 65535

RawValue = Annotated[int, Field(strict=True, ge=-(2**63), le=2**63 - 1)]


MAX_WEIGHT = 10**9
VALUE, REACHED_AT = 2, 5
"""Attributes of an extended register: its value, and when that was reached."""


class Column(Part):
    """What a column of rows holds: the code, and how the meter scales it.

    value = raw * 10^scaler, in ``unit`` (the COSEM unit number).
    """

    obis: Obis
    attribute: Literal[2, 5] = Field(default=2, exclude_if=lambda number: number == VALUE)
    """2, which is not written: the value. 5: when the maximum demand of this code was reached;
    raw is seconds since 1970 in UTC, scaler 0, unit 7 (s)."""
    scaler: int = Field(ge=-128, le=127)
    unit: int = Field(ge=0, le=255)
    weight: int = Field(default=1, ge=1, le=MAX_WEIGHT, exclude_if=lambda number: number == 1)
    """1, which is not written: raw is what the meter says. Otherwise the meter counts pulses and
    raw is its count times this: 2.5 L a pulse is weight 25, scaler -1."""

    @model_validator(mode="after")
    def _a_time_is_in_seconds(self) -> Self:
        if self.attribute == REACHED_AT and (self.scaler, self.unit) != (0, Unit.SECOND):
            raise ValueError(f"the time of {self.obis} is not in seconds")
        return self


def reached_at(obis: Obis) -> Column:
    """Return the column that holds when a maximum demand was reached."""
    return Column(obis=obis, attribute=REACHED_AT, scaler=0, unit=Unit.SECOND)


class Block(Part):
    """The readings of one meter from one source: a profile, or registers read now.

    A row is ``[ts, status, raw, raw, …]``: seconds since 1970 in UTC, the meter's status
    word or null, then one raw integer or null for each column. For a profile, ``ts`` ends
    the capture period, as the meter stamped it.
    """

    kind: Literal["readings"] = "readings"
    salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    meter: MeterId
    profile: Obis | None = None
    period_s: int = Field(ge=0, le=366 * 86400, default=0)
    """The profile's capture period in seconds; 0 for registers that were read when asked."""
    columns: tuple[Column, ...] = Field(min_length=1, max_length=64)
    rows: tuple[tuple[RawValue | None, ...], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rows_fit_the_columns(self) -> Self:
        _check_rows(self.columns, self.rows)
        return self


class MeterEvents(Part):
    """What a meter noted in one of its event logs.

    A row is ``[ts, code, raw, raw, …]``: when it happened, by the meter's clock, in seconds
    since 1970 in UTC; the event's code as the meter gives it (`catalogue.METER_EVENTS` names
    those of IS 15959); then what the log captured with it, one raw integer or null for each
    column. Two events may have the same time.
    """

    kind: Literal["events"] = "events"
    salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    meter: MeterId
    log: Obis
    """0.0.99.98.0.255 voltage to 0.0.99.98.6.255 control; 0.0.96.10.1.255 for a bit of the
    profile status that was set, with a code of `catalogue.STATUS_EVENTS`."""
    columns: tuple[Column, ...] = Field(max_length=64)
    rows: tuple[tuple[RawValue | None, ...], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_row_has_its_code(self) -> Self:
        if self.log == GATEWAY_LOG:
            raise ValueError(f"{GATEWAY_LOG} is no log of a meter")
        _check_rows(self.columns, self.rows)
        for row in self.rows:
            if row[1] is None or not 0 <= row[1] <= MAX_EVENT_CODE:
                raise ValueError(f"an event's code is not within 0 to {MAX_EVENT_CODE}: {row[1]}")
        return self


def _check_rows(columns: Sequence[Column], rows: Sequence[Sequence[int | None]]) -> None:
    width = 2 + len(columns)
    for row in rows:
        if len(row) != width:
            raise ValueError(f"a row has {len(row)} fields, the columns need {width}")
        if row[0] is None or not EARLIEST_TS <= row[0] < LATEST_TS:
            raise ValueError(f"a row's time is not within 2000 to 2099: {row[0]}")
    if len({(column.obis, column.attribute) for column in columns}) != len(columns):
        raise ValueError("a code stands in two columns")
    for place, column in enumerate(columns, 2):
        if column.weight > 1 and any((row[place] or 0) % column.weight for row in rows):
            raise ValueError(f"a value of {column.obis} is no multiple of its pulse weight")


def _is_none(value: object) -> bool:
    return value is None


def _is_empty(value: Sequence[object]) -> bool:
    return not value


Seconds = Annotated[
    float | None, Field(default=None, ge=-1e10, le=1e10, allow_inf_nan=False, exclude_if=_is_none)
]
Codes = Annotated[tuple[Obis, ...], Field(default=(), max_length=64, exclude_if=_is_empty)]


class CaptureChange(Part):
    """A profile that captures other objects, or in another period, than before."""

    profile: Obis
    before: str = Field(pattern=r"^[0-9a-f]{16}$")
    """The first 16 hex digits of a SHA-256 over the capture period and the capture objects, as
    the meter sent them."""
    after: str = Field(pattern=r"^[0-9a-f]{16}$")
    lost: Codes = ()
    """Columns of rows that are no longer there."""
    gained: Codes = ()


class Observation(Part):
    """One thing that a gateway saw of a meter, or did to it."""

    ts: int = Field(strict=True, ge=EARLIEST_TS, lt=LATEST_TS)
    """Seconds since 1970 in UTC, by the gateway's clock while it is synchronised: without a
    synchronised clock nothing is observed."""
    code: int = Field(strict=True, ge=0, le=MAX_EVENT_CODE)
    """Of `catalogue.GatewayEvent`."""
    offset_before_s: Seconds = None
    """How far the meter's clock was ahead of the gateway's before it jumped or was set."""
    offset_s: Seconds = None
    """How far it is ahead now."""
    drift_s_per_day: Seconds = None
    """How much it gains in a day, negative for a clock that is slow."""
    captures: tuple[CaptureChange, ...] = Field(default=(), max_length=64, exclude_if=_is_empty)
    left_out: int = Field(strict=True, ge=0, default=0, exclude_if=lambda number: number == 0)
    """How often the same was seen since the one before, and not noted: there were too many."""


class Observations(Part):
    """What the gateway itself saw of a meter, or did to it: not the meter's own word.

    The store keeps them beside the events of meters, under the log `catalogue.GATEWAY_LOG`.
    """

    kind: Literal["observations"] = "observations"
    salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    meter: MeterId
    seen: tuple[Observation, ...] = Field(min_length=1)

    @property
    def rows(self) -> tuple[tuple[int, int], ...]:
        """Each as the first fields of a row of `MeterEvents`: when, and its code."""
        return tuple((each.ts, each.code) for each in self.seen)


class Loss(Part):
    """Batches that the gateway had to drop before the store had them: it says so, signed.

    They are known by their numbers alone. The meters still have the rows for weeks.
    """

    kind: Literal["loss"] = "loss"
    stream: UUID
    first: int = Field(ge=1, le=2**63 - 1, strict=True)
    last: int = Field(ge=1, le=2**63 - 1, strict=True)
    """The numbers of the first and the last batch that were dropped, both included."""
    reason: Literal["spool_full"]

    @model_validator(mode="after")
    def _first_comes_first(self) -> Self:
        if self.last < self.first:
            raise ValueError(f"a loss from {self.first} to {self.last}")
        return self


class KeyChange(Part):
    """The gateway's next key, named under the signature of the one that signs until then.

    The next key signs from a later batch on, and the former one nothing after that: its batches
    before count for ever.
    """

    kind: Literal["key"] = "key"
    successor: Sha256
    """The raw public key (Ed25519), 32 bytes in hex."""


AnyBlock = Block | MeterEvents | Observations | Loss | KeyChange


class Header(Message):
    """The first line of a batch: what is signed."""

    SCHEMA: ClassVar[str] = "metering.readings/1"

    gateway: GatewayName
    key: KeyId
    stream: UUID
    seq: int = Field(ge=1, le=2**63 - 1, strict=True)
    previous: Sha256 | None
    """SHA-256 of the header line of ``seq - 1``; null for the first of a stream."""
    blocks: tuple[Sha256, ...] = Field(min_length=1, max_length=1024)
    created_at: UtcDatetime
    historical: bool = False
    """True for a back-fill: the newest row was old when it entered the spool."""

    @model_validator(mode="after")
    def _only_the_first_has_no_predecessor(self) -> Self:
        if (self.previous is None) != (self.seq == 1):
            raise ValueError("only the first header of a stream has no predecessor")
        return self


def line_hash(line: bytes) -> str:
    """Return the SHA-256 of a line's bytes, in hex, without its newline."""
    return hashlib.sha256(line).hexdigest()


def new_salt() -> str:
    """Return 16 random bytes in hex."""
    return secrets.token_hex(16)


def seal_batch(
    *,
    gateway: str,
    stream: UUID,
    seq: int,
    previous: str | None,
    block_lines: Sequence[bytes],
    created_at: datetime,
    historical: bool,
    key: SigningKey,
) -> bytes:
    """Return the bytes of a signed batch.

    Raises:
        MalformedMessage: it would be larger than `MAX_BATCH_BYTES`.
    """
    header = Header(
        gateway=gateway,
        key=key_id(key.public_key()),
        stream=stream,
        seq=seq,
        previous=previous,
        blocks=tuple(map(line_hash, block_lines)),
        created_at=created_at,
        historical=historical,
    )
    header_line = header.to_line()
    payload = b"\n".join([header_line, *block_lines, sign_line(header_line, key)])
    if len(payload) > MAX_BATCH_BYTES:
        raise MalformedMessage(f"a batch of {len(payload)} bytes is over {MAX_BATCH_BYTES}")
    return payload


class KeyRing(Protocol):
    """Finds the public key that a gateway enrolled under a key id."""

    def __call__(self, gateway: str, key: str) -> VerifyKey | None:
        """Return the key, or None when this gateway has enrolled no such key."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch whose signature and hashes were verified; its blocks are parsed one by one."""

    header: Header
    header_line: bytes
    block_lines: tuple[bytes, ...]
    signature_line: bytes

    @property
    def header_hash(self) -> str:
        """SHA-256 of the header line: what the next header names as its predecessor."""
        return line_hash(self.header_line)

    def blocks(self) -> list[AnyBlock | MalformedMessage]:
        """Parse every block; one that is malformed leaves the others as they are."""
        parsed: list[AnyBlock | MalformedMessage] = []
        for line in self.block_lines:
            try:
                parsed.append(read_block(line))
            except MalformedMessage as error:
                parsed.append(error)
        return parsed


def read_block(line: bytes) -> AnyBlock:
    """Read a block of any kind.

    Raises:
        MalformedMessage: it is none.
    """
    try:
        return Block.from_line(line)
    except MalformedMessage as error:
        for other in (MeterEvents, Observations, Loss, KeyChange):
            with contextlib.suppress(MalformedMessage):
                return other.from_line(line)
        raise error from None


def read_header(payload: bytes) -> Header:
    """Return the header without verifying anything: only good for saying who claims to speak.

    Raises:
        MalformedMessage: the first line is no header.
        UnknownSchema: it is of another schema or version.
    """
    return Header.from_line(payload.partition(b"\n")[0])


def open_batch(payload: bytes, keys: KeyRing) -> Batch:
    """Verify a batch: its form, the signature over the header, the hash of each block.

    Raises:
        MalformedMessage: too large, too few lines, no header, or not the blocks it names.
        UnknownSchema: a schema or version that is not spoken here.
        SignatureInvalid: unknown key, or not its signature.
    """
    if len(payload) > MAX_BATCH_BYTES:
        raise MalformedMessage(f"a batch of {len(payload)} bytes is over {MAX_BATCH_BYTES}")
    header_line, *block_lines = payload.split(b"\n")
    header = Header.from_line(header_line)
    if not block_lines:
        raise MalformedMessage("a batch ends with its signature")
    signature_line = block_lines.pop()
    key = keys(header.gateway, header.key)
    if key is None:
        raise SignatureInvalid(f"gateway {header.gateway} has enrolled no key {header.key}")
    verify_line(header_line, signature_line, key)
    if tuple(map(line_hash, block_lines)) != header.blocks:
        raise MalformedMessage("the blocks are not those that the header names")
    return Batch(header, header_line, tuple(block_lines), signature_line)
