# SPDX-License-Identifier: GPL-2.0-only
"""What a row of a load profile costs to decode, beside gurux-dlms on the same bytes."""

import statistics
import time
from collections.abc import Callable

from edge_agent.decode import buffer
from shared_schema.obis import Obis
from tests.support.buffers import (
    BLUE_BOOK,
    NULL,
    PERIOD_S,
    T0,
    array,
    octets,
    plan,
    stamp,
    structure,
    u16,
    u32,
)
from tests.support.gurux_profile import Gurux, as_ours

ROWS, ROUNDS = 35 * 96, 7
CODES = ("1.0.1.29.0", "1.0.2.29.0", "1.0.9.29.0", "1.0.10.29.0", "1.0.12.27.0", "1.0.11.27.0")
COLUMNS = tuple(Obis.parse(f"{code}.255") for code in CODES)


def profile(*, null_times: bool) -> bytes:
    """A block load of 35 days: a clock, four energies, a voltage and a current."""
    return array(
        [
            structure(
                NULL if null_times and n else octets(stamp(T0 + n * PERIOD_S, -330)),
                *[u32(n * c) for c in range(4)],
                u16(23000 + n % 500),
                u16(n % 3000),
            )
            for n in range(ROWS)
        ]
    )


def us_a_row(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median processor time of one row, microseconds."""
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return statistics.median(times) / ROWS * 1e6


def test_our_decode_beside_gurux() -> None:
    layout = plan(*COLUMNS)
    print(f"\ndecode: {ROWS} rows of {1 + len(COLUMNS)} columns     ours    gurux   ratio")
    for name, null_times in (("each row with its time", False), ("null times", True)):
        data = profile(null_times=null_times)
        assert buffer.rows_of(data, layout, BLUE_BOOK).rows == as_ours(Gurux(*COLUMNS).read(data))
        ours = us_a_row(lambda data=data: buffer.rows_of(data, layout, BLUE_BOOK))  # type: ignore[misc]
        theirs = us_a_row(lambda data=data: Gurux(*COLUMNS).read(data), 3)  # type: ignore[misc]
        print(f"  {name:<30} {ours:6.2f} us {theirs:6.1f} us {theirs / ours:6.0f}x")
        assert theirs / ours > 5
