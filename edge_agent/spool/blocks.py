# SPDX-License-Identifier: GPL-2.0-only
"""Block lines: the rows of one poll as they will be sent, and which lines make a batch.

In: a meter, what was read of it and what the gateway itself saw of it; later the lines of many
meters. Out: block lines; groups of them, each within the size of a batch. Pure but for the random
salt of each block: no file, no clock, no key.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from edge_agent.errors import ProtocolViolation
from shared_schema.catalogue import EVENT_PROFILES, PROFILE_STATUS
from shared_schema.message import MeterId
from shared_schema.readings import (
    MAX_BATCH_BYTES,
    Block,
    MeterEvents,
    Observation,
    Observations,
    new_salt,
)

if TYPE_CHECKING:
    from edge_agent.decode.rows import MeterRows

_HEADER_BYTES = 1024
"""More than a header without its block hashes, and the signature line, can take."""
_LOGS = frozenset((*EVENT_PROFILES, PROFILE_STATUS))
BLOCK_BYTES = 68
"""What a block takes besides its line: its newline, and its hash in the header with quotes and
comma."""
ROOM_BYTES = MAX_BATCH_BYTES - _HEADER_BYTES
"""What the blocks of a batch may take together."""


def lines_of(meter: MeterId, rows: "Sequence[MeterRows]") -> Iterator[bytes]:
    """Write one block for each profile, more where a block would not fit a batch.

    Raises:
        ProtocolViolation: the rows are none that the contract can carry.
    """
    for part in rows:
        if part.rows:
            yield from _split(meter, part, part.rows)


def observed_line(meter: MeterId, seen: Sequence[Observation]) -> bytes:
    """Return the block line of what the gateway saw of a meter."""
    return Observations(salt=new_salt(), meter=meter, seen=tuple(seen)).to_line()


def grouped(lines: Iterable[bytes]) -> list[list[bytes]]:
    """Return block lines in as few batches as hold them, in order."""
    groups: list[list[bytes]] = []
    room = 0
    for line in lines:
        needed = len(line) + BLOCK_BYTES
        if needed > room or not groups:
            groups.append([])
            room = ROOM_BYTES
        groups[-1].append(line)
        room -= needed
    return groups


def _split(
    meter: MeterId, part: "MeterRows", rows: "tuple[tuple[int | None, ...], ...]"
) -> Iterator[bytes]:
    try:
        line = _block(meter, part, rows).to_line()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ProtocolViolation(
            f"rows of meter {meter}, profile {part.profile}, cannot be sent: {first['msg']}"
        ) from None
    if len(line) + BLOCK_BYTES <= ROOM_BYTES:
        yield line
        return
    middle = len(rows) // 2
    yield from _split(meter, part, rows[:middle])
    yield from _split(meter, part, rows[middle:])


def _block(
    meter: MeterId, part: "MeterRows", rows: "tuple[tuple[int | None, ...], ...]"
) -> Block | MeterEvents:
    if part.profile is not None and part.profile in _LOGS:
        return MeterEvents(
            salt=new_salt(), meter=meter, log=part.profile, columns=part.columns, rows=rows
        )
    return Block(
        salt=new_salt(),
        meter=meter,
        profile=part.profile,
        period_s=part.period_s,
        columns=part.columns,
        rows=rows,
    )
