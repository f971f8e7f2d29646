# SPDX-License-Identifier: MIT
"""What a row costs between the socket and the store: verify, hash, parse, and decide.

The limit is the bare `json.loads` of the same bytes, measured in the same run.
"""

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cloud_ingest.core.accept import Accepted, accept
from cloud_ingest.core.known import KnownGateway, KnownMeter, Registry
from tests.support.gateway import MAKER, Sealer, block_line

METERS, ROWS, ROUNDS = 8, 96, 40
START = datetime(2026, 7, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def seconds(work: Callable[[], object]) -> float:
    """Return the median time of one call."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def test_a_batch_costs_little_more_than_its_json() -> None:
    gateway = Sealer("gw-bench")
    rows = [(START + QUARTER * n, 1_000_000 + 137 * n) for n in range(ROWS)]
    payload = gateway.seal(*(block_line(str(serial), rows) for serial in range(METERS)))
    public = gateway.key.public_key()
    key = json.loads(payload.split(b"\n")[0])["key"]
    registry = Registry(
        gateways={gateway.name: KnownGateway(1, gateway.name, 1, {key: public})},
        meters={
            (1, MAKER, str(serial)): KnownMeter(serial + 1, ((START - QUARTER, None),))
            for serial in range(METERS)
        },
    )
    received = START + timedelta(days=2)
    verdict = accept(gateway.topic, payload, registry, received)
    assert isinstance(verdict, Accepted)
    assert sum(len(block.rows) for block in verdict.blocks) == METERS * ROWS

    lines = payload.split(b"\n")
    limit = seconds(lambda: [json.loads(line) for line in lines])
    ours = seconds(lambda: accept(gateway.topic, payload, registry, received))
    count = METERS * ROWS
    print(
        f"\nenvelope: {len(payload)} bytes, {count} rows"
        f"\n  accept      {ours / count * 1e6:6.2f} us a row, {count / ours:9,.0f} rows/s"
        f"\n  json.loads  {limit / count * 1e6:6.2f} us a row (the limit)"
        f"\n  ratio       {ours / limit:6.2f}"
    )
    assert ours / limit < 12
