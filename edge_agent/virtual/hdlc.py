# SPDX-License-Identifier: GPL-2.0-only
"""HDLC frames as a station on the bus sees them (IEC 62056-46, frame format type 3).

In: bytes from the line, in pieces of any size. Out: whole frames whose checks hold, and the
bytes of frames to send. Owns: the bytes of a frame that is not complete yet.
Never answers, never raises on what the line says, and knows no link state (`station` does).

A frame on the line, lengths in bytes::

    7E | A0..AF len | destination 1,2,4 | source 1,2,4 | control | HCS 2 | info | FCS 2 | 7E

`len` counts everything between the flags; bit 3 of the first byte says that more segments
follow. A frame without info has one check sequence, in the place of the HCS.
"""

import binascii
from typing import NamedTuple

FLAG = 0x7E
MAX_INFO = 2030
"""The longest info field that IEC 62056-46 lets two stations agree on."""
DEFAULT_INFO = 128
"""The longest info field where nothing was agreed on."""

_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def fcs16(data: bytes) -> bytes:
    """Return the two check bytes of ISO/IEC 13239 in the order in which they are sent.

    The polynomial is that of `crc_hqx`, which shifts the other way: turning the bits of
    every byte round before and after gives the same remainder at the speed of C.
    """
    crc = binascii.crc_hqx(data.translate(_REVERSED), 0xFFFF) ^ 0xFFFF
    return crc.to_bytes(2, "big").translate(_REVERSED)


class Frame(NamedTuple):
    """One frame that passed its checks."""

    destination: bytes
    """The address field as sent: 1, 2 or 4 bytes."""
    source: bytes
    control: int
    info: bytes
    segmented: bool
    """More segments of the same message follow."""
    raw: bytes
    """All bytes between the flags."""


def server_address(logical: int, physical: int | None, size: int) -> bytes:
    """Return the address field of a server: upper part logical, lower part physical device.

    Args:
        logical: Logical device, up to 127 (16383 with four bytes).
        physical: Physical device; None only with one byte.
        size: 1, 2 or 4 bytes.

    Raises:
        ValueError: the parts do not fit the size.
    """
    if size == 1 and physical is None and 0 <= logical < 128:
        return bytes((logical << 1 | 1,))
    if physical is not None and logical >= 0 and physical >= 0:
        if size == 2 and logical < 128 and physical < 128:
            return bytes((logical << 1, physical << 1 | 1))
        if size == 4 and logical < 16384 and physical < 16384:
            upper = (logical >> 7 << 1, (logical & 0x7F) << 1)
            lower = (physical >> 7 << 1, (physical & 0x7F) << 1 | 1)
            return bytes((*upper, *lower))
    raise ValueError(f"no {size}-byte HDLC address for logical {logical}, physical {physical}")


def build(
    destination: bytes, source: bytes, control: int, info: bytes = b"", *, segmented: bool = False
) -> bytes:
    """Return one frame with its flags and check sequences."""
    length = 2 + len(destination) + len(source) + 3 + (len(info) + 2 if info else 0)
    header = (
        (length | (0xA800 if segmented else 0xA000)).to_bytes(2, "big")
        + destination
        + source
        + bytes((control,))
    )
    body = header + fcs16(header)
    if info:
        body += info
        body += fcs16(body)
    return b"\x7e" + body + b"\x7e"


class Deframer:
    """Cuts the bytes of a line into frames.

    A header whose check fails is dropped at once, so that a broken length never swallows the
    frame behind it; after a silence of `gap_s` a frame that was begun is given up.
    """

    def __init__(self, wanted: frozenset[bytes] | None = None, gap_s: float = 0.5) -> None:
        """Start with an empty line.

        Args:
            wanted: The destinations to give back; None gives back every frame. What goes to
                others is skipped without checking its info.
            gap_s: Longest pause inside a frame, seconds.
        """
        self._wanted = wanted
        self._gap_s = gap_s
        self._held = b""
        self._heard_at = 0.0

    def feed(self, data: bytes, tick: float) -> list[Frame]:
        """Take what the line brought and return the frames that are complete now.

        Args:
            data: Any bytes.
            tick: Time of the line, seconds of any steady clock.
        """
        if self._held and tick - self._heard_at > self._gap_s:
            self._held = b""
        self._heard_at = tick
        held = self._held + data
        frames: list[Frame] = []
        at = 0
        while True:
            at = held.find(FLAG, at)
            if at < 0:
                self._held = b""
                return frames
            end = self._cut(held, at + 1, frames)
            if end < 0:
                self._held = held[at:]
                return frames
            at = end

    def _cut(  # noqa: PLR0911  # one return for each thing that a frame is not
        self, held: bytes, start: int, frames: list[Frame]
    ) -> int:
        """Try one frame that begins at `start`; return where to look for the next flag.

        -1 says that bytes are still missing.
        """
        size = len(held) - start
        if size < 1:
            return -1
        if held[start] & 0xF0 != 0xA0:
            return start
        if size < 2:
            return -1
        length = (held[start] & 0x07) << 8 | held[start + 1]
        source_at = _address_end(held, start + 2)
        control_at = _address_end(held, source_at) if source_at > 0 else source_at
        if control_at == 0:
            return start
        if control_at < 0 or len(held) < control_at + 3:
            return -1
        header_end = control_at + 1
        bare = header_end + 2 - start
        if length != bare and length < bare + 3:
            return start
        if held[header_end : header_end + 2] != fcs16(held[start:header_end]):
            return start
        end = start + length
        if len(held) <= end:
            return -1
        if held[end] != FLAG:
            return start
        destination = held[start + 2 : source_at]
        if self._wanted is not None and destination not in self._wanted:
            return end
        raw = held[start:end]
        if length != bare and raw[-2:] != fcs16(raw[:-2]):
            return start
        frames.append(
            Frame(
                destination=destination,
                source=held[source_at:control_at],
                control=held[control_at],
                info=raw[bare:-2] if length != bare else b"",
                segmented=bool(raw[0] & 0x08),
                raw=raw,
            )
        )
        return end


def _address_end(held: bytes, start: int) -> int:
    """Return where an address field ends, -1 where bytes are missing, 0 where it is none."""
    for size in (1, 2, 3, 4):
        if start + size > len(held):
            return -1
        if held[start + size - 1] & 1:
            return 0 if size == 3 else start + size
    return 0
