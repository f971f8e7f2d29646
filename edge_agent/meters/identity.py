# SPDX-License-Identifier: GPL-2.0-only
"""The identity of a meter: which object holds its serial number, and how its bytes are written.

A serial number is a text on most meters. On others it is raw octets, BCD or a number, is padded,
or is in another object. A model says so under ``[identity]``. The same bytes always give the same
serial number. Two byte strings of one type give one serial number only where `trim` says that
they differ in padding alone.

In: the bytes of an attribute. Out: a serial number, or the keys of a model that would read them.
Pure. Never: a guess. Raises: `SerialUnreadable`, with the bytes that came.
"""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.dlms import axdr
from edge_agent.dlms.axdr_types import INTEGERS, STRINGS
from edge_agent.dlms.hex_text import as_hex
from edge_agent.errors import ProtocolViolation, SerialUnreadable
from shared_schema.catalogue import SERIAL_NUMBER
from shared_schema.obis import Obis

Padding = Literal["space", "nul", "ff"]
Decoding = Literal["text", "hex", "bcd", "number"]
_PADS: Final[dict[Padding, bytes]] = {"space": b" \t\r\n", "nul": b"\x00", "ff": b"\xff"}
_NOTHING: Final = frozenset(b"".join(_PADS.values()))
"""An entry of these bytes alone was never filled in."""
_LONGEST: Final = 64


class Identity(BaseModel):
    """Where a meter's serial number is, and how it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Obis = SERIAL_NUMBER
    class_id: int = Field(strict=True, ge=1, le=65535, default=1)
    attribute: int = Field(strict=True, ge=1, le=127, default=2)
    decoding: Decoding = "text"
    """``text``: ASCII, or a number in decimal; ``hex``: each octet as two digits; ``bcd``: octets
    of two decimal digits, the last may end with F; ``number``: a whole number in decimal."""
    trim: tuple[Padding, ...] | None = None
    """What is padding at both ends of octets; None: space and nul for a text, else nothing."""

    @property
    def wanted(self) -> tuple[Obis, int, int]:
        """The attribute to read."""
        return (self.code, self.class_id, self.attribute)

    def serial(self, answer: bytes) -> str:
        """Return the serial number that an attribute holds.

        Raises:
            SerialUnreadable: it holds none; the error shows the bytes and the keys of a model
                that would read them.
        """
        try:
            return self._read(answer)
        except ProtocolViolation as error:
            keys = keys_for(answer)
            hint = f"; a model with {keys}" if keys else ""
            raise SerialUnreadable(
                f"the serial number {self.code} cannot be read as {self.decoding}: {error}{hint}"
            ) from None

    def _read(self, answer: bytes) -> str:
        found = axdr.value(answer)
        octets = found if isinstance(found, bytes) else answer[1:]
        if isinstance(found, bytes):
            if answer[0] not in STRINGS:
                raise _refused("it is no string of octets", answer)
            pads = self.trim if self.trim is not None else _usual(self.decoding)
            octets = found.strip(b"".join(_PADS[each] for each in pads))
        elif not isinstance(found, int) or answer[0] not in INTEGERS:
            raise _refused("it is neither octets nor a whole number", answer)
        if _NOTHING.issuperset(octets):
            raise _refused("it is empty", answer)
        serial = self._decoded(octets, found if isinstance(found, int) else None)
        if serial is None:
            raise _refused("its bytes are of another kind", answer)
        if not serial.strip("0") or not serial.upper().strip("F"):
            raise _refused("it is empty", answer)
        if len(serial) > _LONGEST:
            raise _refused(f"it is longer than {_LONGEST} characters", answer)
        return serial

    def _decoded(self, octets: bytes, number: int | None) -> str | None:
        """Return octets as written by this decoding; None where they cannot be."""
        if self.decoding == "hex":
            return octets.hex().upper()
        if self.decoding == "bcd":
            digits = octets.hex()
            digits = digits.removesuffix("f")
            return digits if digits.isdigit() else None
        if number is not None:
            return str(number) if self.decoding == "text" or number > 0 else None
        if self.decoding == "number" or not octets.isascii():
            return None
        text = octets.decode("ascii")
        return text if text.isprintable() else None


def _usual(decoding: Decoding) -> tuple[Padding, ...]:
    return ("space", "nul") if decoding == "text" else ()


def _refused(why: str, answer: bytes) -> ProtocolViolation:
    return ProtocolViolation(f"{why}: {as_hex(answer)}")


_TRIED: Final = (
    Identity(trim=("space", "nul", "ff")),
    Identity(decoding="bcd"),
    Identity(decoding="bcd", trim=("ff",)),
    Identity(decoding="hex"),
)
"""Ways to read what is no text, the likeliest first."""


def keys_for(answer: bytes) -> str:
    """Return the keys of a model that read an entry, and as what; empty where none does."""
    for each in _TRIED:
        try:
            serial = each._read(answer)  # its own
        except ProtocolViolation:
            continue
        trim = ", ".join(f'"{pad}"' for pad in each.trim or ())
        keys = f'decoding = "{each.decoding}"' + (f", trim = [{trim}]" if trim else "")
        return f"[identity] {keys} reads it as {serial}"
    return ""
