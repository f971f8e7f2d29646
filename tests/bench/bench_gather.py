# SPDX-License-Identifier: MIT
"""What gathering saves: messages, evidence in the store, and what a gateway writes to its card.

200 meters are polled four times, one a second, through the spool and what seals it.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud_ingest.store.evidence import pack
from edge_agent.decode.rows import MeterRows
from edge_agent.spool.sealer import Sealer
from edge_agent.spool.spool import Spool
from shared_schema.catalogue import BLOCK_LOAD_PROFILE
from shared_schema.message import MeterId
from shared_schema.readings import open_batch
from shared_schema.signing import generate_key
from tests.support.gateway import MAKER
from tests.support.load import COLUMNS, raw_at, serial_of

METERS, CYCLES = 200, 4
CYCLE_S = 900
START = datetime(2026, 7, 1, tzinfo=UTC)
KEY = generate_key()


def batches_of(path: Path, channels: int, gather_s: int) -> tuple[int, float, float]:
    """Return how many batches, evidence (bytes a reading), and what was written (KiB a poll)."""
    with Spool.open(path) as spool:
        sealer = Sealer(spool, gateway="gw-load-0001", key=KEY, gather_s=gather_s)
        with spool.reading() as database:
            database.execute("PRAGMA wal_autocheckpoint = 0")  # the journal is all that is written
        for cycle in range(CYCLES):
            boundary = START + timedelta(seconds=CYCLE_S * cycle)
            for meter in range(METERS):
                ts = int(boundary.timestamp())
                raws = (raw_at(meter, column, cycle) for column in range(channels))
                columns, row = COLUMNS[:channels], (ts, None, *raws)
                spool.append(
                    MeterId(manufacturer=MAKER, serial=serial_of(meter)),
                    [MeterRows(BLOCK_LOAD_PROFILE, CYCLE_S, columns, (row,))],
                    watermarks={BLOCK_LOAD_PROFILE: ts},
                    at=boundary + timedelta(seconds=meter),
                    historical=False,
                )
                for turn in range(5):
                    sealer.seal_due(CYCLE_S * cycle + meter + turn / 5)
        sealer.seal()
        written = path.with_name(path.name + "-wal").stat().st_size
        payloads = [spooled.payload for spooled in spool.due(METERS * CYCLES)]
    polls = METERS * CYCLES
    evidence = sum(len(pack(open_batch(each, lambda *_: KEY.public_key()))) for each in payloads)
    return len(payloads), evidence / polls / channels, written / polls / 1024


@pytest.mark.parametrize("channels", [3, 8])
def test_what_gathering_saves(tmp_path: Path, channels: int) -> None:
    found = {
        gather_s: batches_of(tmp_path / f"{gather_s}.db", channels, gather_s)
        for gather_s in (0, 5, 10, 30)
    }
    print(f"\ngathered: {METERS * CYCLES} polls, one a second, {channels} registers each")
    for gather_s, (batches, evidence, written) in found.items():
        print(
            f"  {gather_s:2} s   {batches:4} batches   evidence {evidence:6.1f} bytes a reading"
            f"   {written:5.1f} KiB written a poll"
        )
    assert found[0][0] == METERS * CYCLES
    assert found[10][0] <= METERS * CYCLES / 10
    assert found[10][1] < found[0][1] / 4
    assert found[10][2] < found[0][2]
