# SPDX-License-Identifier: MIT
"""The load of benches: its batches are accepted, and both ways make the same readings."""

from datetime import timedelta

import pytest

from cloud_ingest.core.accept import Accepted, accept
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.registry import load_registry
from tests.support import load
from tests.support.store import local

START = local("2026-07-01 00:00")
STORED = """
    SELECT serial, obis, ts, raw FROM reading
    JOIN channel USING (channel_id) JOIN meter USING (meter_id)
    JOIN society USING (society_id) WHERE society.name = %s ORDER BY 1, 2, 3
"""


def test_the_same_arguments_make_the_same_bytes() -> None:
    def made(seed: int) -> list[tuple[str, bytes]]:
        return list(load.signed_batches(gateways=2, meters=5, start=START, hours=2, seed=seed))

    assert made(1) == made(1)
    assert made(1) != made(2)


@pytest.mark.parametrize("channels", [1, 3, 20])
def test_batches_and_copy_say_the_same(conn: Connection, channels: int) -> None:
    load.register(conn, gateways=2, meters=5, since=START)
    payloads = list(
        load.signed_batches(gateways=2, meters=5, channels=channels, start=START, hours=2, blocks=2)
    )
    assert len(payloads) == 2 * (2 + 1)
    registry = load_registry(conn)
    verdicts = [
        accept(topic, payload, registry, START + timedelta(hours=3)) for topic, payload in payloads
    ]
    assert all(isinstance(each, Accepted) and not each.rejections for each in verdicts)
    assert commit(conn, verdicts).new == 5 * channels * 8
    filled = load.fill_store(
        conn,
        channels=5 * channels,
        start=START,
        hours=2,
        channels_per_meter=channels,
        society="Copied",
    )
    assert (filled.meters, filled.readings) == (5, 5 * channels * 8)
    copied = conn.execute(STORED, ("Copied",)).fetchall()
    assert copied == conn.execute(STORED, (load.SOCIETY,)).fetchall()
    assert len(copied) == filled.readings
    (raw,) = [row[3] for row in copied if row[0] == load.serial_of(4)][7:8]
    assert raw == load.raw_at(4, 0, 7)
