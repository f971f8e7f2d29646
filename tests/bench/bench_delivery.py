# SPDX-License-Identifier: GPL-2.0-only
"""How fast a gateway delivers what it could not, and what its spool writes to the card.

The spool, its publisher, mosquitto and the ingest are the real ones: a batch counts as delivered
when a receipt covers it. While a backlog drains, a live row of every meter comes each second; it
may not wait behind the backlog. The backlog grows by a row of each meter in a capture period.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

import pytest

from edge_agent.decode.rows import MeterRows
from edge_agent.publish.publisher import Publisher
from edge_agent.settings.gateway import BrokerConfig
from edge_agent.spool import batches
from edge_agent.spool.sealer import Sealer
from edge_agent.spool.spool import Spool
from shared_schema.catalogue import BLOCK_LOAD_PROFILE
from shared_schema.gateway import Receipt, Status
from shared_schema.message import MeterId
from shared_schema.signing import generate_key, key_id
from tests.support.gateway import MAKER
from tests.support.load import COLUMNS, raw_at
from tests.support.service_site import GATEWAYS, NOW, Site, mosquitto, site, wait_until
from tests.support.store import plain_store_dsn, templates

__all__ = ["mosquitto", "plain_store_dsn", "site", "templates"]

METERS, CHANNELS, PERIOD_S, DAY_S = 50, 8, 900, 86400
GATEWAY = GATEWAYS[0].name
BEGIN = int(NOW.timestamp()) // DAY_S * DAY_S
LEAST_RATIO = 10
LONGEST_LIVE_S = 10.0
POLL_S, GATHER_S = 2.5, 10
MIB = 1024 * 1024
MOST_MIB_A_DAY = 256


def meter_of(number: int) -> MeterId:
    return MeterId(manufacturer=MAKER, serial=str(number))


def rows_of(meter: int, first_ts: int, count: int) -> MeterRows:
    """Return rows of a load profile, a capture period apart."""
    rows = (
        (ts, None, *(raw_at(meter, column, ts // PERIOD_S) for column in range(CHANNELS)))
        for ts in range(first_ts, first_ts + count * PERIOD_S, PERIOD_S)
    )
    return MeterRows(BLOCK_LOAD_PROFILE, PERIOD_S, COLUMNS[:CHANNELS], tuple(rows))


def append(spool: Spool, meter: int, rows: MeterRows, *, historical: bool) -> None:
    last = rows.rows[-1][0] or 0
    spool.append(
        meter_of(meter),
        [rows],
        watermarks={BLOCK_LOAD_PROFILE: last},
        at=datetime.fromtimestamp(last, UTC),
        historical=historical,
    )


def a_status(session: UUID, state: Literal["online", "offline"]) -> Status:
    return Status(gateway=GATEWAY, session=session, state=state, at=datetime.now(UTC))


@contextmanager
def publishing(spool: Spool, site: Site) -> Iterator[None]:
    """Run a publisher for the time of the block."""
    password = site.folder / "gateway.password"
    password.write_text(GATEWAYS[0].password)
    password.chmod(0o600)
    broker = BrokerConfig(
        host=site.mosquitto.host,
        port=site.mosquitto.port,
        username=GATEWAY,
        password_file=password,
    )
    publisher = Publisher(spool, broker, gateway=GATEWAY, cloud_key=site.key, status=a_status)
    stop = threading.Event()
    thread = threading.Thread(target=publisher.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def drained(spool: Spool, sealer: Sealer, limit_s: float) -> tuple[float, list[float]]:
    """Let a backlog drain beside live rows; return how long it took, and what live ones waited."""
    begun = time.monotonic()
    waits: list[float] = []
    second = 0
    while spool.pending().backlog:
        assert time.monotonic() - begun < limit_s, f"{spool.pending()} after {limit_s} s"
        for meter in range(METERS):
            row = rows_of(meter, BEGIN + PERIOD_S * second, 1)
            append(spool, meter, row, historical=False)
        sealer.seal()
        second += 1
        sealed = time.monotonic()
        wait_until(lambda: not spool.pending().live, limit_s)
        waits.append(time.monotonic() - sealed)
        time.sleep(max(0.0, begun + second - time.monotonic()))
    return time.monotonic() - begun, waits


@pytest.mark.parametrize("days", [1, 30])
def test_a_backlog_drains_faster_than_it_grows(site: Site, days: int) -> None:
    for number in range(METERS):
        site.meter(str(number))
    sealed_by, gateway = site.gateway(GATEWAYS[0])
    gateway.close()
    with Spool.open(site.folder / "spool.db") as spool:
        sealer = Sealer(spool, gateway=GATEWAY, key=sealed_by.key, gather_s=GATHER_S)
        for day in range(days, 0, -1):
            for meter in range(METERS):
                rows = rows_of(meter, BEGIN - day * DAY_S, DAY_S // PERIOD_S)
                append(spool, meter, rows, historical=True)
            sealer.seal()
        backlog = spool.pending().backlog
        with site.ingest(), publishing(spool, site):
            took_s, waits = drained(spool, sealer, 900)
    count = days * METERS * DAY_S // PERIOD_S
    ratio = count / took_s / (METERS / PERIOD_S)
    print(
        f"\ndelivery: {days} days of {METERS} meters, {count} rows of {CHANNELS} registers in "
        f"{backlog} batches\n  receipted in {took_s:7.1f} s, {count / took_s:8,.0f} rows a second, "
        f"{ratio:,.0f} times as fast as it grows"
        f"\n  live meanwhile {len(waits)} times, receipted after {max(waits):.2f} s at most"
    )
    assert ratio >= LEAST_RATIO
    assert max(waits) <= LONGEST_LIVE_S


def written() -> tuple[int, int]:
    """Return the bytes of write calls and those dirtied for the device, of this process."""
    pairs = (line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    counts = {name: int(value) for name, value in pairs}
    return counts["wchar"], counts["write_bytes"]


def receive(spool: Spool, seq: int, store: UUID) -> None:
    """Let a receipt cover everything up to a batch."""
    with spool.reading() as database:
        head = batches.header_hash(database, seq)
    assert head is not None
    receipt = Receipt(
        gateway=GATEWAY,
        key=key_id(generate_key().public_key()),
        store=store,
        stream=spool.stream,
        ranges=((1, seq),),
        heads=((seq, head),),
        at=datetime.now(UTC),
    )
    assert spool.apply_receipt(receipt).covered


def test_what_a_day_writes_to_the_card(tmp_path: Path) -> None:
    key, store = generate_key(), uuid4()
    transactions = polls = payload = sealed_until = 0
    with Spool.open(tmp_path / "spool.db") as spool:
        before = written()
        for cycle in range(DAY_S // PERIOD_S):
            for meter in range(METERS):
                append(spool, meter, rows_of(meter, BEGIN + cycle * PERIOD_S, 1), historical=False)
                polls += 1
                transactions += 1
                if (meter + 1) % int(GATHER_S / POLL_S) and meter + 1 < METERS:
                    continue
                made = spool.seal(gateway=GATEWAY, key=key).seqs
                payload += sum(len(each.payload) for each in spool.due(len(made)))
                receive(spool, made[-1], store)
                transactions += 2
                sealed_until = made[-1]
        after = written()
    calls, device = after[0] - before[0], after[1] - before[1]
    print(
        f"\nwear: a day of {METERS} meters, {polls} polls, {sealed_until} batches of "
        f"{payload / MIB:.1f} MiB"
        f"\n  written {calls / MIB:6.1f} MiB by calls, {device / MIB:6.1f} MiB to the device, "
        f"{transactions} transactions of {calls / transactions / 1024:.1f} KiB"
        f"\n  a card of 16 GB is written once in {16e9 / max(calls, device):,.0f} days"
    )
    assert max(calls, device) / MIB <= MOST_MIB_A_DAY
