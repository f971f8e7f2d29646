# SPDX-License-Identifier: GPL-2.0-only
"""What leaves the house with a recording: no secret, and no serial number unless it is asked for.

A recording has no field for a secret. But a meter may show one by itself, in any object. So the
bytes of the secrets that the session used are starred out wherever they stand. A serial number
is replaced in its own form and length: the digits of a text by other digits, octets by others.

In: the secrets, what the meter says of its name, the bytes of an answer. Out: bytes of one length.
Pure. Never: a length changed; the letters of a name, which say who made the meter.
"""

import itertools
import re
from collections.abc import Iterable
from typing import Final

from edge_agent.dlms import axdr
from edge_agent.dlms.axdr_types import STRINGS
from edge_agent.errors import ProtocolViolation
from shared_schema.catalogue import NAME_PLATE
from shared_schema.obis import Obis

_DIGITS: Final = b"1029384756"
_OCTETS: Final = bytes.fromhex("1029384756")
_PADDING: Final = b"\x00\xff \t\r\n"
_SHORTEST_SECRET: Final = 4
_SHORTEST_NAME: Final = 5
"""A shorter serial number is replaced where it stands with its type and length, nowhere else."""
_NUMBERS: Final = re.compile(rb"[0-9]{5,}")
_LOGICAL_DEVICE_NAME: Final = Obis(0, 0, 42, 0, 0, 255)
_DEVICE_IDS: Final = frozenset(Obis(0, 0, 96, 1, each, 255) for each in range(10))
_NAMES: Final = _DEVICE_IDS | {_LOGICAL_DEVICE_NAME, NAME_PLATE}


class Scrubber:
    """Replaces what a recording must not hold."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        """Take the secrets: passwords and keys, as bytes."""
        forms = {form for secret in secrets for form in _forms(secret)}
        self._secrets = sorted(forms, key=len, reverse=True)
        self._names: dict[bytes, bytes] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._secrets)} forms of secrets>"

    def hide_names(self, serials: Iterable[bytes], answers: Iterable[tuple[Obis, bytes]]) -> None:
        """Replace the serial number and the other numbers of the meter from now on.

        Args:
            serials: values, A-XDR, of the object that has the serial number.
            answers: of all objects, their code and value.
        """
        names: dict[bytes, bytes] = {}
        for value in serials:
            content = _content(value)
            if content:
                names[value] = value.replace(content, _other(content))
                names[content] = _other(content)
        for obis, value in answers:
            if obis in _NAMES:
                names |= {each: _other(each) for each in _NUMBERS.findall(value)}
        long = (each for each in names if len(each) >= _SHORTEST_NAME)
        self._names = {each: names[each] for each in sorted(long, key=len, reverse=True)}

    def clean(self, data: bytes) -> bytes:
        """Return an answer without what must not be in it."""
        for name, other in self._names.items():
            data = data.replace(name, other)
        for secret in self._secrets:
            data = data.replace(secret, b"*" * len(secret))
        return data


def _forms(secret: bytes) -> set[bytes]:
    """Return a secret as bytes and as hexadecimal digits."""
    if len(secret) < _SHORTEST_SECRET:
        return set()
    return {secret, secret.hex().encode(), secret.hex().upper().encode()}


def _content(value: bytes) -> bytes:
    """Return what stands for the serial number in a value, without padding."""
    try:
        found = axdr.value(value)
    except ProtocolViolation:
        return b""
    if isinstance(found, bytes):
        return found.strip(_PADDING) if value[:1] and value[0] in STRINGS else found
    return value[1:].lstrip(b"\x00") if isinstance(found, int) else b""


def _other(content: bytes) -> bytes:
    """Return other digits for a text that has some, else other octets; as many."""
    text = content.isascii() and content.decode("ascii").isprintable()
    if not text:
        return (_OCTETS * (len(content) // len(_OCTETS) + 1))[: len(content)]
    digits = itertools.cycle(_DIGITS)
    return re.sub(rb"[0-9]", lambda _: bytes((next(digits),)), content)
