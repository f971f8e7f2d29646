# SPDX-License-Identifier: MIT
"""The base of every message: a schema name with its version, UTC times, labels.

In: bytes of one JSON line. Out: a frozen model, or one of the errors of the contract.
A consumer ignores fields that it does not know; a changed meaning is a new version.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import from_json

from shared_schema.errors import MalformedMessage, UnknownSchema


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it is not within the years 1 to 9999") from None


def format_utc(value: datetime) -> str:
    """Write an aware time as ISO 8601 in UTC with a ``Z``."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


UtcDatetime = Annotated[
    AwareDatetime,
    AfterValidator(_utc),
    PlainSerializer(format_utc, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def _plain(value: Decimal) -> str:
    return format(value, "f")


DecimalText = Annotated[
    Decimal,
    PlainSerializer(_plain, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}),
]
"""An exact number, written as a string without an exponent."""
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""A name that people gave: of a unit, a tower, a society, a meter's maker."""
Remark = Annotated[str, StringConstraints(max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A line for a person; it may be empty."""
GatewayName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
"""The common name in a gateway's certificate: one topic level, unique over all societies."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Month = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
ZoneName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")]
"""A time zone of the IANA database, such as ``Asia/Kolkata``."""


class Part(BaseModel):
    """A frozen piece of a message."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)
    ADDED: ClassVar[frozenset[str]] = frozenset()
    """Fields that an earlier version of this program did not send: that what it sent lacks one of
    them is no reason to send it again."""

    def to_line(self) -> bytes:
        """Write the one line of JSON that is sent, without the newline."""
        return self.model_dump_json(by_alias=True).encode()

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Read one line of JSON.

        Raises:
            MalformedMessage: the bytes are not JSON of this shape.
        """
        try:
            return cls.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the message"
            raise MalformedMessage(f"{cls.__name__}: {where}: {first['msg']}") from None


class Message(Part):
    """A whole message: it names its schema and version in its first field."""

    SCHEMA: ClassVar[str]
    schema_name: str = Field(alias="schema", default="")

    def model_post_init(self, _context: object) -> None:
        """Fill in the schema of a message that is made here."""
        if not self.schema_name:
            object.__setattr__(self, "schema_name", self.SCHEMA)

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Read one line of JSON whose schema is this one.

        Raises:
            UnknownSchema: it names another schema, another version, or none.
            MalformedMessage: it is no JSON object, or has not this shape.
        """
        try:
            document = from_json(line)
        except ValueError as error:
            raise MalformedMessage(f"{cls.__name__}: not JSON: {error}") from None
        if not isinstance(document, dict):
            raise MalformedMessage(f"{cls.__name__}: not a JSON object")
        name = document.get("schema")
        if name != cls.SCHEMA:
            raise UnknownSchema(f"expected schema {cls.SCHEMA!r}, got {str(name)[:80]!r}")
        return super().from_line(line)


class MeterId(Part):
    """A meter is its maker and serial number, as read from it: never a label or an address."""

    manufacturer: Label
    serial: Label

    def __str__(self) -> str:
        return f"{self.manufacturer} {self.serial}"
