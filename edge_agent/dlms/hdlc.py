# SPDX-License-Identifier: GPL-2.0-only
"""The frame guard: whole, undamaged frames of the one meter that was asked pass, nothing else.

A frame (ISO/IEC 13239 type 3, IEC 62056-46), between two flags 7E that may be shared::

    A0..AF ll | destination | source | control | HCS | information | FCS
    └ 1010 segmented length(11 bits)            └ both absent without information

The length counts everything between the flags. Both check sequences are CRC-16/X-25, the
low byte first; an address ends with the byte whose lowest bit is 1.

Why by hand: gurux-dlms accepts a reply from *any* meter (`and` where `&` is meant), counts a frame
with a wrong check sequence before it checks it, and spends nearly 1 ms on a frame of 1 KiB on a
PC, most of it on check sequences; `binascii` takes them in C.

In: bytes as the line gives them, in pieces of any size. Out: `Frame`, or nothing.
Owns: the bytes of a frame that is not complete yet, and the counts of what was dropped.
Never: an exception, whatever the bytes are; a clock, a port, a driver.
"""

from binascii import crc_hqx
from collections import Counter
from enum import StrEnum
from typing import NamedTuple

FLAG = 0x7E

_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_GOOD = 0x1D0F
"""The remainder of any bytes followed by their own check sequence."""


class Drop(StrEnum):
    """Why bytes were not let through."""

    NOISE = "noise"
    """Bytes that begin no frame."""
    TRUNCATED = "truncated"
    """A header whose frame does not end where it says."""
    BAD_HCS = "bad_hcs"
    BAD_FCS = "bad_fcs"
    ECHO = "echo"
    """Our own request, which a half-duplex adapter hears as well."""
    OTHER_ADDRESS = "other_address"
    """A sound frame from another meter or to another client, such as a late answer."""


DAMAGE = (Drop.BAD_FCS, Drop.BAD_HCS, Drop.TRUNCATED)
"""What a bad line makes of a frame, or two meters that speak at once."""


class Frame(NamedTuple):
    """One frame of the meter that was asked."""

    control: int
    """The control field: what kind, N(S), N(R), final bit."""
    information: bytes
    segmented: bool
    """True: the meter has more of this message, and sends it after receive-ready."""


def is_intact(data: bytes) -> bool:
    """Tell whether bytes end with their own check sequence, low byte first.

    The standard's CRC shifts to the right; `binascii.crc_hqx` has the same polynomial and
    shifts to the left. Mirroring every byte makes one of the other.
    """
    return crc_hqx(data.translate(_MIRRORED), 0xFFFF) == _GOOD


def check_sequence(data: bytes) -> bytes:
    """Return the two bytes of CRC-16/X-25 over the data, as they are sent."""
    remainder = crc_hqx(data.translate(_MIRRORED), 0xFFFF) ^ 0xFFFF
    return bytes((_MIRRORED[remainder >> 8], _MIRRORED[remainder & 0xFF]))


def bare_frame(addresses: bytes, control: int) -> bytes:
    """Write a frame without information, flags included.

    Args:
        addresses: destination and source.
        control: the control field.
    """
    body = bytes((0xA0, 5 + len(addresses))) + addresses + bytes((control,))
    return b"\x7e" + body + check_sequence(body) + b"\x7e"


def client_address(client: int) -> bytes:
    """Write a client's address (1 to 127) in its one byte."""
    return bytes((client << 1 | 1,))


def server_address(logical: int, physical: int, *, size: int = 0) -> bytes:
    """Write a meter's address in 2 bytes, or in 4 where a part is above 127.

    Args:
        logical: the upper address: the logical device, 1 for the meter itself.
        physical: the lower address: the meter on the bus.
        size: 4 for meters that want the long form always; 1 for those that have the upper
            address alone; 0 chooses.
    """
    if size == 1 and logical < 0x80:
        return bytes((logical << 1 | 1,))
    if size < 4 and logical < 0x80 and physical < 0x80:
        return bytes((logical << 1, physical << 1 | 1))
    return bytes(
        (
            logical >> 6 & 0xFE,
            logical << 1 & 0xFE,
            physical >> 6 & 0xFE,
            (physical << 1 & 0xFE) | 1,
        )
    )


def _address_end(data: bytes, at: int) -> int:
    """Return where the address that begins here ends: 0 not known yet, -1 no address."""
    for end in range(at + 1, min(at + 4, len(data)) + 1):
        if data[end - 1] & 1:
            return end if end - at != 3 else -1
    return 0 if len(data) - at < 4 else -1


class Parts(NamedTuple):
    """What a whole frame is made of, whoever sent it."""

    head: bytes
    """All before the information: format, addresses, control, HCS."""
    destination: bytes
    source: bytes
    control: int
    information: bytes
    segmented: bool


def parts(frame: bytes) -> Parts | None:
    """Take a frame with its flags apart; None where it is damaged."""
    body = frame[1:-1]
    middle = _address_end(body, 2)
    at = _address_end(body, middle) if middle > 0 else 0
    if at <= 0 or at + 3 > len(body) or not is_intact(body):
        return None
    return Parts(
        head=body[: at + 3],
        destination=body[2:middle],
        source=body[middle:at],
        control=body[at],
        information=body[at + 3 : -2],
        segmented=bool(body[0] & 0x08),
    )


class FrameGuard:
    """Splits what the line gives into the frames of one meter."""

    def __init__(
        self, client: bytes, server: bytes, dropped: "Counter[Drop] | None" = None
    ) -> None:
        """Expect frames from this server address to this client address, as bytes.

        Args:
            client: the address that frames go to.
            server: the address that they come from.
            dropped: counts on in this one, over the guards of several sessions.
        """
        self._expected = client + server
        self._echo = server + client
        self._pending = b""
        self.dropped: Counter[Drop] = Counter() if dropped is None else dropped

    @property
    def has_begun(self) -> bool:
        """Whether a frame of this meter has begun and not ended, as far as its bytes tell."""
        begun = self._pending[3 : 3 + len(self._expected)]
        is_frame = len(self._pending) > 1 and self._pending[1] & 0xF0 == 0xA0
        return is_frame and self._expected.startswith(begun)

    def clear(self) -> None:
        """Forget a frame that never became complete."""
        if len(self._pending) > 1:
            self.dropped[Drop.TRUNCATED] += 1
        self._pending = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes of the line and return the frames that they complete."""
        data = self._pending + data
        frames: list[Frame] = []
        at = 0
        unsure = -1  # where a frame began whose end is missing: a whole one may follow it
        while True:
            start = data.find(FLAG, at)
            if start != at and unsure < 0 and at < len(data):
                self.dropped[Drop.NOISE] += 1
            if start < 0:
                at = len(data)
                break
            if data[start + 1 : start + 2] == b"\x7e":  # two flags in a row: the last one opens
                at = start + 1
                continue
            found = self._frame(data, start + 1)
            if found is None:
                unsure = start if unsure < 0 else unsure
                at = start + 1
            elif isinstance(found, Drop):
                if unsure < 0:
                    self.dropped[found] += 1
                at = start + 1
            else:
                frame, at = found
                if unsure >= 0:
                    self.dropped[Drop.TRUNCATED] += 1
                    unsure = -1
                if isinstance(frame, Drop):
                    self.dropped[frame] += 1
                else:
                    frames.append(frame)
        self._pending = data[at if unsure < 0 else unsure :]
        return frames

    def _frame(  # noqa: PLR0911 - each return names one reason
        self, data: bytes, start: int
    ) -> tuple[Frame | Drop, int] | Drop | None:
        """Read the frame whose first byte after the flag is at ``start``.

        Returns:
            A whole frame, or why it is not for us, and where its closing flag is; why these
            bytes are no frame; or None: they may still become one.
        """
        size = len(data)
        if size > start and data[start] & 0xF0 != 0xA0:
            return Drop.NOISE
        if size < start + 2:
            return None
        end = start + ((data[start] & 0x07) << 8 | data[start + 1])
        middle = _address_end(data, start + 2)
        control = _address_end(data, middle) if middle > 0 else middle
        if control < 0 or (control and (end < control + 3 or end == control + 4)):
            return Drop.NOISE
        if control == 0 or size < control + 3:
            return None
        if not is_intact(data[start : control + 3]):
            return Drop.BAD_HCS if end > control + 3 else Drop.BAD_FCS
        if size <= end:
            return None
        if data[end] != FLAG:
            return Drop.TRUNCATED
        if not is_intact(data[start:end]):
            return Drop.BAD_FCS
        addresses = data[start + 2 : control]
        if addresses != self._expected:
            return Drop.ECHO if addresses == self._echo else Drop.OTHER_ADDRESS, end
        return Frame(data[control], data[control + 3 : end - 2], bool(data[start] & 0x08)), end
