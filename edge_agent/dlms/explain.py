# SPDX-License-Identifier: GPL-2.0-only
"""What passes on a bus, frame by frame, in words: HDLC here, the APDUs in `explain_apdu`.

Source: IEC 62056-46 (frames and control fields).

In: the bytes that were sent and heard, in pieces of any size. Out: a `FrameNote` for each frame.
Owns: bytes that are no whole frame yet, and the pieces of a message in several frames.
Never: a secret among the shown bytes. The explainer counts bytes that are no sound frame and
does not show them: a damaged echo of a password would be among them.
"""

from dataclasses import dataclass
from typing import Final, Literal

from edge_agent.dlms.explain_apdu import HIDDEN, explain, kind
from edge_agent.dlms.hdlc import FLAG, Parts, parts

Way = Literal["sent", "heard"]
_LLC_BYTES: Final = 3
_UNNUMBERED: Final = {
    0x83: "SNRM: asks for a connection",
    0x63: "UA: done",
    0x43: "DISC: asks to disconnect",
    0x0F: "DM: is not connected",
    0x87: "FRMR: rejects the frame",
    0x03: "UI",
}
_FINAL: Final = 0x10
_INFO_PARAMETERS: Final = {5: "sends", 6: "takes"}


@dataclass(frozen=True, slots=True)
class FrameNote:
    """One frame, or bytes that are none."""

    way: Way
    size: int
    """Bytes on the line, the flags among them."""
    meaning: str
    shown: str
    """The bytes as hexadecimal digits; a secret is replaced by a word."""
    sound: bool = True
    """False: damaged or no frame at all."""


@dataclass(slots=True)
class _Side:
    pending: bytes = b""
    parts: bytes = b""


class Explainer:
    """Reads along on one bus."""

    def __init__(self) -> None:
        self._sides: dict[Way, _Side] = {"sent": _Side(), "heard": _Side()}
        self._last_sent = b""
        self._secret_answer = False

    def feed(self, way: Way, data: bytes) -> list[FrameNote]:
        """Take the next bytes of one direction and tell what they complete."""
        notes: list[FrameNote] = []
        if way == "sent":
            notes += self.flush()
        side = self._sides[way]
        data, side.pending = side.pending + data, b""
        at = 0
        while at < len(data):
            start = data.find(FLAG, at)
            if start != at:
                notes += _noise(way, data[at : start if start >= 0 else len(data)])
            if start < 0:
                break
            end = _frame_end(data, start)
            if end == 0:
                side.pending = data[start:]
                break
            if end < 0:
                at = start + 1
                continue
            notes.append(self._frame(way, data[start : end + 1]))
            at = end if data[end + 1 : end + 2] != b"\x7e" else end + 1
        return notes

    def flush(self) -> list[FrameNote]:
        """Tell of what was begun and never became whole: the line is silent now."""
        side = self._sides["heard"]
        left, side.pending = side.pending, b""
        if len(left) <= 1:
            return []
        return [
            FrameNote("heard", len(left), f"half a frame, {len(left)} bytes", HIDDEN, sound=False)
        ]

    def _frame(self, way: Way, frame: bytes) -> FrameNote:
        found = parts(frame)
        if found is None:
            return FrameNote(way, len(frame), "a damaged frame", HIDDEN, sound=False)
        if way == "heard" and frame == self._last_sent:
            return FrameNote(way, len(frame), "echo of our own frame", HIDDEN)
        again = "again: " if way == "sent" and frame == self._last_sent else ""
        if way == "sent":
            self._last_sent = frame
        head = frame[: 1 + len(found.head)].hex(" ").upper()
        meaning, shown = self._meaning(way, found)
        route = f"{_address(found.source)} to {_address(found.destination)}"
        return FrameNote(way, len(frame), f"{route}: {again}{meaning}", f"{head} {shown}".rstrip())

    def _meaning(self, way: Way, frame: Parts) -> tuple[str, str]:
        """Return what a frame says and what may be shown of its information."""
        side, control, information = self._sides[way], frame.control, frame.information
        if control & 0x01 == 0:
            numbers = f"I {control >> 1 & 7}/{control >> 5}"
            first = not side.parts
            side.parts += information
            if frame.segmented:
                beginning = kind(side.parts[_LLC_BYTES:]) + ", " if first else ""
                return (
                    f"{numbers} {beginning}part of {len(information)} bytes, more follows",
                    HIDDEN,
                )
            message, side.parts = side.parts, b""
            found = explain(message[_LLC_BYTES:], secret_answer=self._secret_answer)
            if found.secret_answer is not None:
                self._secret_answer = found.secret_answer
            llc = message[:_LLC_BYTES].hex(" ").upper()
            return f"{numbers} {found.meaning}", f"{llc} {found.shown}" if first else HIDDEN
        if control & 0x03 == 0x01:
            name = {0x00: "RR: go on", 0x04: "RNR: wait"}.get(control & 0x0C, "supervisory")
            return f"{name} {control >> 5}", ""
        side.parts = b""
        name = _UNNUMBERED.get(control & ~_FINAL, f"control {control:02X}")
        limits = _limits(information)
        shown = information.hex(" ").upper() if limits else HIDDEN if information else ""
        return name + limits, shown


def _frame_end(data: bytes, start: int) -> int:
    """Return where the closing flag of the frame that begins here is: 0 later, -1 none."""
    if len(data) < start + 3:
        return 0 if data[start + 1 : start + 2] != b"\x7e" else -1
    if data[start + 1] & 0xF0 != 0xA0:
        return -1
    end = start + 1 + ((data[start + 1] & 0x07) << 8 | data[start + 2])
    if len(data) <= end:
        return 0
    return end if data[end] == FLAG else -1


def _address(field: bytes) -> str:
    numbers = [byte >> 1 for byte in field]
    if len(numbers) == 1:
        return f"{numbers[0]}"
    if len(numbers) == 2:
        return f"{numbers[0]}/{numbers[1]}"
    return f"{numbers[0] << 7 | numbers[1]}/{numbers[2] << 7 | numbers[3]}"


def _limits(information: bytes) -> str:
    """Return the longest information fields that SNRM or UA names."""
    if information[:2] != b"\x81\x80":
        return ""
    at = 3
    words: list[str] = []
    while at + 2 <= len(information):
        name, size = information[at], information[at + 1]
        if name in _INFO_PARAMETERS:
            value = int.from_bytes(information[at + 2 : at + 2 + size], "big")
            words.append(f"{_INFO_PARAMETERS[name]} up to {value} bytes")
        at += 2 + size
    return f", {', '.join(words)}" if words else ""


def _noise(way: Way, data: bytes) -> list[FrameNote]:
    return [FrameNote(way, len(data), f"{len(data)} bytes that are no frame", HIDDEN, sound=False)]
