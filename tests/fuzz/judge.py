# SPDX-License-Identifier: GPL-2.0-only
"""The law of the fuzz, held against what one session made of a spoiled answer.

1. A session ends with a value or with an `AgentError`.
2. Each APDU that counts was said in sound frames of the asked meter to this client.
3. A value is the one that these APDUs hold for this request: by its invoke id, by consecutive
   blocks, and, where the lane is ciphered, inside of a tag that is right.
4. The decoders make whole numbers, texts and times of it, or raise an `AgentError`.

In: a session's value and APDUs, and what the line said. Out: `Broken` where the law is.
Shares no line with the code that it judges, but for A-XDR's own decoders.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final

from edge_agent.decode.buffer import rows_of
from edge_agent.decode.layout import (
    CaptureObject,
    capture_objects,
    column,
    layout_of,
    scaler_profile,
)
from edge_agent.decode.values import register_number, register_value
from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Scale, Zone
from edge_agent.errors import AccessDenied, AgentError
from edge_agent.meters.identity import Identity
from edge_agent.poll import clock_reading
from edge_agent.virtual.hdlc import fcs16
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE, CLOCK
from shared_schema.obis import Obis
from shared_schema.readings import EARLIEST_TS, LATEST_TS
from tests.fuzz.corpus import NOW_S, ZONE, Recorded
from tests.fuzz.speaker import GATEWAY, LLC, METER

_FLAG: Final = 0x7E
_ANY_LAYOUT: Final = layout_of(
    BLOCK_LOAD_PROFILE,
    900,
    (CaptureObject(8, CLOCK, 2, 0), CaptureObject(3, ACTIVE_IMPORT, 2, 0)),
    {ACTIVE_IMPORT: Scale(0, 30)},
)
_RAW: Final = 1 << 63
_VOLTAGE: Final = Obis(1, 0, 12, 7, 0, 255)
"""A momentary value, which may be a float."""
_IDENTITIES: Final = [
    Identity.model_validate({"decoding": decoding, "trim": trim})
    for decoding in ("text", "hex", "bcd", "number")
    for trim in (None, ("ff",))
]


Answer = tuple[bytes, int]
"""A plain APDU, and the invoke id of the request that it answers."""


class Broken(AssertionError):
    """The law is broken."""


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


# ---------------------------------------------------------------------- what was said


def sound_frames(line: bytes) -> Iterator[bytes]:
    """Yield the information of each sound frame of the meter to the gateway, wherever it begins."""
    head = 3 + len(GATEWAY) + len(METER)
    at = line.find(_FLAG)
    while at >= 0:
        size = int.from_bytes(line[at + 1 : at + 3], "big")
        body = line[at + 1 : at + 1 + (size & 0x07FF)]
        is_frame = size >> 12 == 0xA and line[at + 1 + len(body) : at + 2 + len(body)] == b"\x7e"
        whole = is_frame and len(body) == size & 0x07FF > head + 2
        is_ours = whole and body[2 : head - 1] == GATEWAY + METER
        if is_ours and fcs16(body[:head]) + fcs16(body[:-2]) == body[head : head + 2] + body[-2:]:
            yield body[head + 2 : -2]
        at = line.find(_FLAG, at + 1)


def was_said(apdu: bytes, line: Sequence[bytes]) -> bool:
    """Tell whether an APDU is some of the frames that were sent, one after the other."""
    parts = [part for part in sound_frames(b"".join(line)) if part]
    return _begins_with_some(LLC + apdu, parts)


def _begins_with_some(wanted: bytes, parts: Sequence[bytes]) -> bool:
    ends = {0}
    for part in parts:
        ends |= {end + len(part) for end in ends if wanted.startswith(part, end)}
    return len(wanted) in ends


# ---------------------------------------------------------------------- what it holds


def plain_of(apdu: bytes, inside: dict[bytes, bytes], *, ciphered: bool) -> bytes:
    """Return what is inside an APDU, by what was sealed."""
    if not ciphered or apdu[:1] in (b"\xd8", b"\x0e"):
        return apdu
    found = [plain for sealed, plain in inside.items() if apdu.endswith(sealed)]
    must(len(found) == 1, f"an answer counted that was not sealed: {apdu[:40].hex()}")
    return found[0]


def must_hold(kind: str, value: Any, answers: Sequence[Answer]) -> None:
    """See that a value is what the answers to its request hold.

    Args:
        kind: what was asked for.
        value: what the session made of it.
        answers: the APDUs behind the association, each with the invoke id of its request.
    """
    if isinstance(value, list):
        _must_hold_items(value, answers)
        return
    last = _answers_to(answers[-1][1], answers)
    if kind == "change":
        must(last[-1][3] == 0, "a change that was refused counts as done")
    else:
        must(_body(last) == b"\x00" + value, "a value is not the one that was said")


def _must_hold_items(value: Sequence[object], answers: Sequence[Answer]) -> None:
    """See the same of a list; an item that could not be given just then was asked for alone."""
    body, at = _body(_answers_to(answers[0][1], answers)), 0
    alone = [apdu[3:] for apdu, invoke_id in answers if invoke_id != answers[0][1]]
    for item in (b"\x00" + each for each in value if isinstance(each, bytes)):
        found = body.find(item, at)
        at = found + 1 if found >= 0 else at
        must(found >= 0 or item in alone, "an item of a list was not said, or not in this order")


def _answers_to(invoke_id: int, answers: Sequence[Answer]) -> list[bytes]:
    found = [apdu for apdu, asked in answers if asked == invoke_id]
    for apdu in found:
        must(apdu[2] & 0x0F == invoke_id, f"{apdu[:3].hex()} counts for request {invoke_id:x}")
    return found


def _body(answers: Sequence[bytes]) -> bytes:
    """Return choice and data of a GET response, whole or in consecutive blocks."""
    if answers[0][1] != 2:
        return answers[0][3:]
    first = int.from_bytes(answers[0][4:8], "big")
    blocks: list[bytes] = []
    for number, each in enumerate(answers, first):
        must(each[1] == 2 and int.from_bytes(each[4:8], "big") == number, "a block is missing")
        size = each[9] & 0x7F if each[9] & 0x80 else 0
        blocks.append(each[10 + size :])
    return b"\x00" + b"".join(blocks)


# ---------------------------------------------------------------------- what it means


def _clock(value: bytes, _recorded: Recorded) -> None:
    stamp = clock_reading.stamp_of(value)
    for zone in (ZONE, Zone(60, -1), Zone(0, 0)):
        ts = axdr.epoch_s(stamp, zone)
        must(ts is None or EARLIEST_TS <= ts < LATEST_TS, f"the time {ts}")
        clock_reading.offset_min(stamp, zone)
        clock_reading.zone_of(stamp, zone, NOW_S)
        clock_reading.deviations(stamp, zone)
    clock_reading.fitting_sign(stamp, ZONE, NOW_S, 300)


def _serial(value: bytes, _recorded: Recorded) -> None:
    serial = _IDENTITIES[sum(value[:40]) % len(_IDENTITIES)].serial(value)
    must(serial.isprintable() and 0 < len(serial) <= 64, f"the serial {serial!r}")


def _text(value: bytes, _recorded: Recorded) -> None:
    found = axdr.text(value)
    must(found.isprintable() or not found, f"the text {found!r}")


def _register(value: bytes, _recorded: Recorded) -> None:
    for obis in (_VOLTAGE, ACTIVE_IMPORT):
        found = register_number(obis, value)
        if found is not None:
            _, raw = register_value(column(obis, Scale(0, 30)), found)
            must(_is_raw(raw), f"the register {obis} is {raw!r}")


def _scaler(value: bytes, _recorded: Recorded) -> None:
    found = axdr.scaler_unit(axdr.value(value))
    column(ACTIVE_IMPORT, found)


def _objects(value: bytes, _recorded: Recorded) -> None:
    found = capture_objects(value)
    scalers = {each.obis: Scale(-3, 30) for each in found}
    layout_of(BLOCK_LOAD_PROFILE, 900, found, scalers)


def _scalers(value: bytes, recorded: Recorded) -> None:
    found = scaler_profile(value, recorded.width)
    for obis, scale in found.items():
        column(obis, scale)


def _plate(value: bytes, _recorded: Recorded) -> None:
    match axdr.value(value):
        case [[*entries]]:
            for each in entries:
                must(isinstance(axdr.printable(each), str), "an entry is no text")


def _rows(value: bytes, recorded: Recorded) -> None:
    layout = recorded.layout or _ANY_LAYOUT
    for plan in (layout, layout.with_floats(layout.places[:1])):
        found = rows_of(value, plan, ZONE)
        times = [row[0] for row in found.rows]
        must(times == sorted(times, key=lambda ts: ts or 0), "rows are not ascending")
        for row in found.rows:
            must(len(row) == 2 + len(plan.columns), f"a row of another width: {row}")
            must(row[0] is not None and EARLIEST_TS <= row[0] < LATEST_TS, f"the time {row[0]}")
            must(all(each is None or _is_raw(each) for each in row), f"the row {row}")
        if not found.floats:
            return


def _list(value: list[bytes | AccessDenied], recorded: Recorded) -> None:
    for each in value:
        if isinstance(each, bytes):
            _register(each, recorded)


def _is_raw(found: object) -> bool:
    return type(found) is int and -_RAW <= found < _RAW


_READ: Final[dict[str, Callable[[Any, Recorded], None]]] = {
    "clock": _clock,
    "serial": _serial,
    "text": _text,
    "register": _register,
    "scaler": _scaler,
    "objects": _objects,
    "scalers": _scalers,
    "plate": _plate,
    "rows": _rows,
    "list": _list,
}
_OF_BYTES: Final = tuple(name for name in _READ if name != "list")


def read(recorded: Recorded, value: Any, rng: Random) -> str:
    """Read a value as what was asked for, and bytes as something else too; return how it ended."""
    if recorded.kind == "change":
        return "done"
    ended = "value"
    try:
        _READ[recorded.kind](value, recorded)
    except AgentError as error:
        ended = f"value, {type(error).__name__}"
    if isinstance(value, bytes):
        with contextlib.suppress(AgentError):
            _READ[rng.choice(_OF_BYTES)](value, recorded)
    return ended
