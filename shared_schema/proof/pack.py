# SPDX-License-Identifier: MIT
"""The form of a proof: the number as it was sent, the signed lines it rests on, and who said what.

A number is the difference of two readings of one register. A reading that a gateway signed names
its batch, block, row and column, so that nothing of it has to be believed. Of everybody else a
proof has hashes alone: a header names the blocks of its batch by their hash, and a block's salt
keeps its content from being guessed.

A proof is strict where messages are lenient: a field that is not known is refused, a number is
written in one way only. Two programs in two languages can then read it alike.

In: bytes. Out: a `Proof`, or `NotAProof`. Pure.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared_schema.errors import ContractError
from shared_schema.message import GatewayName, KeyId, Sha256
from shared_schema.text import MOST_SEALS

MAX_PROOF_BYTES = 4 * 1024 * 1024
MOST_LINE = 64 * 1024

Text = Annotated[str, StringConstraints(max_length=600)]
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""One line: whoever checks a proof prints it beside what was found."""
Amount = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,60}(\.[0-9]{1,60})?$")]
"""An exact number, such as ``12345.000``."""
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){5}$")]
Moment = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
        r"T([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{6})?Z$"
    ),
]
"""A time in UTC; without its ``Z`` it sorts as text."""
MonthText = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=MOST_LINE)]
"""A line as it was sent: its UTF-8 bytes are what was signed or hashed."""
Place = Annotated[int, Field(ge=0, le=65535)]
OriginName = Literal["edit", "meter", "self_read", "imported", "estimate"]
EntryName = Literal[
    "set_aside",
    "restore",
    "enter",
    "self_read",
    "epoch",
    "dial",
    "assignment",
    "assignment_taken_back",
    "accept",
    "keep",
]


class NotAProof(ContractError):
    """The bytes are no proof of this form."""


class Piece(BaseModel):
    """A strict piece of a proof."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Meter(Piece):
    """A meter by its maker and serial number."""

    manufacturer: Name
    serial: Name

    def __str__(self) -> str:
        return f"{self.manufacturer} {self.serial}"


class Whose(Piece):
    """Whose number it is."""

    type: Literal["unit", "common"]
    id: Name


class Number(Piece):
    """What was sent to billing: the line itself, and its hash as the month's manifest names it."""

    message: Line
    sha256: Sha256


class Key(Piece):
    """A public key that a gateway was enrolled with."""

    gateway: GatewayName
    key: KeyId
    public_key: Sha256
    """Its 32 bytes in hex."""
    enrolled_at: Moment
    revoked_at: Annotated[Moment | None, Field(exclude_if=lambda at: at is None)] = None
    """When it was taken back: what came before counts."""


class SignedBatch(Piece):
    """A header with its signature, and of its blocks the subject's own, or one that names a key."""

    header: Line
    signature: Line
    blocks: Annotated[tuple[Line, ...], Field(min_length=1, max_length=64)]
    received_at: Moment


class Signed(Piece):
    """Where a reading stands in what was signed."""

    batch: Place
    block: Place
    """In `SignedBatch.blocks`."""
    row: Place
    column: Place


Unsigned = Literal["never", "not_kept", "others"]
"""Why nothing signed is shown: a gateway never signs such a reading; the store has no batch with
it; its block also holds readings of somebody else whom the meter served."""


class Reading(Piece):
    """What a register said at a moment."""

    meter: Meter
    obis: Code
    at: Moment
    register_value: Annotated[Amount, Field(alias="register")]
    origin: OriginName
    channel: Place
    """Readings that are counted by the same unit, scaler and weight of one meter have the same."""
    adds: Amount
    """What the epochs of its channel add to it."""
    signed: Signed | None
    unsigned: Unsigned | None
    """None: it is signed."""


class Border(Reading):
    """A reading that opens or closes what a meter counted."""

    before: Reading | None
    """Of a placed border: the last reading before it."""
    after: Reading | None


class Held(Piece):
    """A change of the number that is known, and waits for a person."""

    quantity: Amount | None
    """What it would become; None: it would be taken back."""


class Part(Piece):
    """What one meter counted, in the order of the number's own parts."""

    opening: Border
    closing: Border


class Epoch(Piece):
    """What a person says is added to a register from a moment on: it rolled over, or was reset."""

    channel: Place
    starts_at: Moment
    adds: Amount
    by: Text
    why: Text
    recorded_at: Moment


class Entry(Piece):
    """What a person entered of a meter, or said of the number."""

    kind: EntryName
    meter: Text | None
    """None: it is of the number."""
    at: Moment | None
    """The moment of which it is."""
    value: Amount | None
    by: Text
    why: Text
    recorded_at: Moment


class Served(Piece):
    """That a meter served the subject for a time, and who said so."""

    meter: Meter
    source: Text
    tower: Text | None
    since: Moment
    until: Moment | None
    legacy: bool
    """It has no data port: nobody signs for it."""
    by: Text
    why: Text
    recorded_at: Moment


class Sealed(Piece):
    """Which seals somebody saw on a meter."""

    meter: Meter
    seen_at: Moment
    seals: Annotated[tuple[Name, ...], Field(max_length=MOST_SEALS)]
    """Their numbers; none: it had none."""
    by: Text
    why: Text
    recorded_at: Moment


class Proof(Piece):
    """Everything on which one subject's month of one service rests."""

    schema_name: Literal["metering.proof/1"] = Field(alias="schema")
    society: Name
    zone: Name
    month: MonthText
    subject: Whose
    service: Literal["electricity", "water"]
    unit: Literal["kWh", "kL"]
    made_at: Moment
    state: Literal["published", "withheld", "withdrawn"]
    reasons: Annotated[tuple[Text, ...], Field(max_length=64)]
    number: Number | None
    """None: no number stands."""
    held: Held | None
    parts: Annotated[tuple[Part, ...], Field(max_length=64)]
    others: Annotated[tuple[Reading, ...], Field(max_length=256)]
    """Readings near a border that do not stand for it."""
    epochs: Annotated[tuple[Epoch, ...], Field(max_length=256)]
    keys: Annotated[tuple[Key, ...], Field(max_length=256)]
    batches: Annotated[tuple[SignedBatch, ...], Field(max_length=256)]
    entries: Annotated[tuple[Entry, ...], Field(max_length=1024)]
    meters: Annotated[tuple[Served, ...], Field(max_length=256)]
    seals: Annotated[tuple[Sealed, ...], Field(max_length=256)]


def read_proof(data: bytes) -> Proof:
    """Read a proof.

    Raises:
        NotAProof: the bytes are none.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise NotAProof(
            f"it has {len(data)} bytes, and a proof has {MAX_PROOF_BYTES} at most: give the file "
            "that cloud-ingest prove wrote"
        )
    try:
        return Proof.model_validate_json(data, by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise NotAProof(f"{where}: {first['msg']}") from None


def write_proof(proof: Proof) -> bytes:
    """Write a proof as a file, indented for a person."""
    return proof.model_dump_json(by_alias=True, indent=1).encode() + b"\n"
