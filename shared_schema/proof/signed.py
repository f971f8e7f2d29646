# SPDX-License-Identifier: MIT
"""What a proof needs of the lines that it carries: a header, a block, a number.

The models of `shared_schema.readings` and `shared_schema.billing` take what they can; these take
one spelling only and leave the rest of a line alone, so that the page in a browser reads the same.

In: a line whose hash or signature was checked. Out: a frozen value, or `ContractError`. Pure.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared_schema.errors import MalformedMessage
from shared_schema.message import GatewayName, KeyId, Sha256
from shared_schema.proof.pack import Amount, Code, Moment, MonthText, Name, OriginName


class Lines(BaseModel):
    """A piece of a line; fields that it does not name are nothing to it."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, populate_by_name=True)

    @classmethod
    def read(cls, line: str) -> Self:
        """Read one line of JSON.

        Raises:
            MalformedMessage: it has not this shape.
        """
        try:
            return cls.model_validate_json(line, by_alias=True, by_name=False)
        except (ValidationError, UnicodeEncodeError):
            raise MalformedMessage(f"a line is no {cls.__name__}") from None


class SignedHeader(Lines):
    """Of the header of a batch: who speaks, with which key, and the hashes of its blocks."""

    schema_name: Literal["metering.readings/1"] = Field(alias="schema")
    gateway: GatewayName
    key: KeyId
    stream: str
    seq: Annotated[int, Field(ge=1, le=2**63 - 1)]
    blocks: tuple[Sha256, ...]


class SignatureOf(Lines):
    """The signature of a header."""

    signature: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{85}[AQgw]==$")]
    """Base64 of 64 bytes; the bits of the last digit that say nothing are 0."""


class SignedMeter(Lines):
    """Whose readings a block has."""

    manufacturer: Name
    serial: Name


class SignedColumn(Lines):
    """What a column of a block counts."""

    obis: Code
    attribute: int = 2
    scaler: Annotated[int, Field(ge=-128, le=127)]
    unit: Annotated[int, Field(ge=0, le=255)]
    weight: int = 1


class SignedBlock(Lines):
    """The readings of one meter."""

    kind: Literal["readings"]
    meter: SignedMeter
    columns: tuple[SignedColumn, ...]
    rows: tuple[tuple[int | None, ...], ...]


class SignedKeyChange(Lines):
    """The next key of the gateway that signed the block."""

    kind: Literal["key"]
    successor: Sha256
    """The raw public key in hex."""


class SentSubject(Lines):
    """Whose number it is."""

    type: str
    id: str


class SentBorder(Lines):
    """One end of what a meter counted."""

    at: Moment
    register_value: Annotated[Amount, Field(alias="register")]
    origin: OriginName


class SentBounds(Lines):
    """Between what the truth lies."""

    lower: Amount
    upper: Amount


class SentPart(Lines):
    """What one meter counted."""

    meter: SignedMeter
    obis: Code
    opening: SentBorder
    closing: SentBorder
    quantity: Amount


class SentNumber(Lines):
    """The number as it was sent to billing."""

    schema_name: Literal["metering.monthly-consumption/1"] = Field(alias="schema")
    society: str
    month: MonthText
    subject: SentSubject
    service: str
    version: Annotated[int, Field(ge=1)]
    quantity: Amount
    unit: str
    quality: str
    reasons: tuple[str, ...] = ()
    parts: tuple[SentPart, ...]
    bounds: SentBounds | None = None
    since: MonthText | None = None
