# SPDX-License-Identifier: GPL-2.0-only
"""What a GET asks for, by its meaning: object, attribute, and which rows.

In: the bytes of a request. Out: `Asked`, one for each attribute; none for what is no GET.
Pure. Never: an exception, whatever the bytes are.
"""

from typing import Final, NamedTuple

from shared_schema.obis import Obis

_GET: Final = 0xC0
_HEAD_BYTES: Final = 10
_RANGE_BYTES: Final = 1 + 2 + 18 + 14 + 14 + 2
"""Selector, structure, the clock as restricting object, two date-times, no columns."""
_FIRST_TIME, _LAST_TIME = slice(23, 35), slice(37, 49)
_ENTRY_BYTES: Final = 1 + 2 + 5 + 5 + 3 + 3


class Asked(NamedTuple):
    """One attribute, and the rows of it that are wanted."""

    obis: Obis
    class_id: int
    attribute: int
    times: tuple[bytes, bytes] | None = None
    """The first and the last date-time of a range, 12 octets each."""
    places: tuple[int, int] | None = None

    def fields(self) -> dict[str, object]:
        """Return it as the fields of a recording's line."""
        found: dict[str, object] = {
            "obis": self.obis,
            "class_id": self.class_id,
            "attribute": self.attribute,
        }
        if self.times is not None:
            found |= {"rows_from": self.times[0].hex(), "rows_to": self.times[1].hex()}
        if self.places is not None:
            found |= {"first_row": self.places[0], "last_row": self.places[1]}
        return found


def asked(request: bytes) -> tuple[Asked, ...]:
    """Return what a GET of one attribute or of several asks for, as the gateway writes it."""
    if len(request) < 4 or request[0] != _GET or request[1] not in (1, 3):
        return ()
    count, at = (1, 3) if request[1] == 1 else (request[3], 4)
    found: list[Asked] = []
    for _ in range(count):
        head = request[at : at + _HEAD_BYTES]
        if len(head) < _HEAD_BYTES:
            return ()
        one, at = _one(head, request, at + _HEAD_BYTES)
        found.append(one)
    return tuple(found)


def _one(head: bytes, request: bytes, at: int) -> tuple[Asked, int]:
    attribute = int.from_bytes(head[8:9], "big", signed=True)
    one = Asked(Obis.from_bytes(head[2:8]), int.from_bytes(head[:2], "big"), attribute)
    if not head[9]:
        return one, at
    if request[at : at + 1] == b"\x01":
        part = request[at : at + _RANGE_BYTES]
        return one._replace(times=(part[_FIRST_TIME], part[_LAST_TIME])), at + _RANGE_BYTES
    part = request[at : at + _ENTRY_BYTES]
    first, last = int.from_bytes(part[4:8], "big"), int.from_bytes(part[9:13], "big")
    return one._replace(places=(first, last)), at + _ENTRY_BYTES
