# SPDX-License-Identifier: GPL-2.0-only
"""The habits of a meter: what it does a little differently from the book, or by a rarer page of it.

Each habit is a switch of its own, `[bus.meter.habits]`. Some are of the meter's values, some of
its association, some of its link. A few older ones are keys of the meter itself: `deviation`,
`null_timestamps`, `ranges`, `max_info`, `max_pdu`, `slow_s`.

In: the table of a file. Out: one frozen value, and octets of a serial number.
Owns nothing. Never: a line of the reading code, so that one mistake cannot hide on both ends.
"""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

_PADDED = 16
_UNSIGNED_LIMIT = 1 << 32


class SerialForm(StrEnum):
    """How a meter writes its serial number."""

    TEXT = "text"
    OCTETS = "octets"
    """The number itself, most significant octet first."""
    BCD = "bcd"
    """Two digits in an octet."""
    FF_PADDED = "ff_padded"
    SPACE_PADDED = "space_padded"
    UNSIGNED = "unsigned"
    """A double-long-unsigned."""


class SerialPlace(StrEnum):
    """Which object has the serial number."""

    OWN = "0.0.96.1.0.255"
    MAKER = "0.0.96.1.1.255"
    """The second of the device numbers: no object names the maker then."""
    DEVICE_NAME = "0.0.42.0.0.255"
    """The logical device name alone."""


class OddUa(StrEnum):
    """What is odd in the UA that opens a link."""

    STANDARD = "standard"
    UNKNOWN = "unknown"
    """A parameter that no book has."""
    EMPTY = "empty"
    """No information field: the standard's defaults hold."""
    WRONG_GROUP = "wrong_group"
    """Another group identifier than 80."""


class OddAare(StrEnum):
    """What is odd in the AARE that accepts an association."""

    STANDARD = "standard"
    NO_LIMIT = "no_limit"
    """It states a PDU size of 0."""
    MORE_FIELDS = "more_fields"
    """It carries implementation-information as well."""
    NO_TERMS = "no_terms"
    """It carries no user information."""


class Lists(StrEnum):
    """What a meter does with a GET of several attributes."""

    GRANTED = "granted"
    NOT_OFFERED = "not_offered"
    REFUSED = "refused"
    """It agrees to lists and answers each with an exception."""


class Floats(StrEnum):
    """The type of the values of registers."""

    NONE = "none"
    FLOAT32 = "float32"
    FLOAT64 = "float64"


class Habits(BaseModel):
    """The switchboard; without a key a meter does as the book says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    null_rows: bool = False
    """A value of a profile that is as in the row before is sent as null-data."""
    bcd: bool = False
    """Whole numbers below 100 in rows are sent as BCD."""
    compact_rows: bool = False
    """Rows come as a compact array. It has one type for a column: no nulls and no BCD in it."""
    clock_last: bool = False
    """The clock is the last column of each profile; it stays the sort object."""
    short_buffer: bool = False
    """Profiles state twice the entries that their buffers hold."""
    short_rows: bool = False
    """An array of rows says one more than comes."""
    trailing: bool = False
    """Two octets are left after the clock's value."""
    floats: Floats = Floats.NONE
    kilo: bool = False
    """Electricity: registers count thousands, scaler +3."""
    serial_form: SerialForm = SerialForm.TEXT
    serial_place: SerialPlace = SerialPlace.OWN
    lists: Lists = Lists.GRANTED
    aare: OddAare = OddAare.STANDARD
    dedicated: bool = False
    """Ciphered answers come as general-ded-ciphering, though no dedicated key was agreed."""
    ua: OddUa = OddUa.STANDARD
    not_ready: bool = False
    """Each answer is put off once with RNR."""
    not_final: bool = False
    """Information frames lack the final bit."""
    dribbles: bool = False
    """Answers come 7 octets at a time."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.serial_place is SerialPlace.DEVICE_NAME and self.serial_form is not SerialForm.TEXT:
            raise ValueError("a logical device name is text: it has no serial_form")
        return self


def check_serial(form: SerialForm, serial: str) -> None:
    """Say whether a serial number can be written in a form.

    Raises:
        ValueError: the form is of digits, or of fewer, or the number is too long.
    """
    digits = form in (SerialForm.OCTETS, SerialForm.BCD, SerialForm.UNSIGNED)
    if digits and not (serial.isdecimal() and serial.isascii()):
        raise ValueError(f"serial_form {form.value!r} is of digits alone, not {serial!r}")
    if form is SerialForm.UNSIGNED and int(serial) >= _UNSIGNED_LIMIT:
        raise ValueError(f"serial_form 'unsigned' ends below {_UNSIGNED_LIMIT}, not {serial!r}")


def serial_octets(form: SerialForm, serial: str) -> bytes:
    """Return a serial number as the content of an octet string."""
    if form is SerialForm.OCTETS:
        number = int(serial)
        return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")
    if form is SerialForm.BCD:
        return bytes.fromhex(serial.zfill(len(serial) + len(serial) % 2))
    pad = {SerialForm.FF_PADDED: b"\xff", SerialForm.SPACE_PADDED: b" "}.get(form, b"")
    text = serial.encode("ascii")
    return text + pad * max(0, _PADDED - len(text))
