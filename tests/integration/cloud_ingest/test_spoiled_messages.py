# SPDX-License-Identifier: MIT
"""Spoiled messages over a real broker into the running ingest: each is shown to have arrived.

`make fuzz` sends 100,000; the suite a thousand.
"""

import os
from collections import Counter
from pathlib import Path

from shared_schema.topics import GatewayTopic, gateway_topic
from tests.fuzz.payloads import SERIALS, Sender, spoiled
from tests.support.gateway import block_line
from tests.support.service_site import GATEWAYS, NOW, Site, mosquitto, quarters, site, wait_until

__all__ = ["mosquitto", "site"]

SEED = 1
MESSAGES = int(os.environ.get("FUZZ_MESSAGES", "1000"))
AT_ONCE = 500
MOST_MIB = 256
MOST_GROWTH_MIB = 32


def resident_mib(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def arrived(site: Site) -> Counter[str]:
    """Count what became of messages: each is a stored batch, or an entry, or was dropped."""
    row = site.conn.execute(
        """
        SELECT (SELECT count(*) FROM batch),
          (SELECT coalesce(sum(times), 0) FROM quarantine WHERE batch_id IS NULL),
          (SELECT coalesce(sum(times), 0) FROM quarantine_dropped)
        """
    ).fetchone()
    assert row is not None
    return Counter(stored=int(row[0]), quarantined=int(row[1]), dropped=int(row[2]))


def await_arrival(site: Site, count: int) -> None:
    wait_until(lambda: arrived(site).total() >= count, 120)


def test_each_spoiled_message_is_stored_quarantined_or_counted(site: Site) -> None:
    for serial in SERIALS:
        site.meter(serial)
    sealer, gateway = site.gateway(GATEWAYS[0])
    sender = Sender(sealer.name, sealer.key, sealer.stream, NOW)
    topic = gateway_topic(sealer.name, GatewayTopic.READINGS)
    honest, other = site.gateway(GATEWAYS[1])
    site.meter("honest")
    resident, seen = [], set[bytes]()
    with site.ingest() as ingest:
        for first in range(0, MESSAGES, AT_ONCE):
            some = (spoiled(SEED, number, sender) for number in range(first, first + AT_ONCE))
            new = {each.payload for each in some} - seen
            seen |= new
            gateway.publish(topic, *new)
            await_arrival(site, len(seen))
            resident.append(resident_mib(ingest.pid))
        found = arrived(site)
        other.publish(honest.topic, honest.seal(block_line("honest", quarters(4))))
        other.wait_receipt(honest, site.key, 1)
    assert found.total() == len(seen) > 0.99 * MESSAGES
    early = max(resident[: max(1, len(resident) // 4)])
    print(
        f"\nfuzz: {MESSAGES:,} spoiled messages over a broker: "
        f"{', '.join(f'{times:,} {what}' for what, times in found.items())}; "
        f"memory {early:.0f} MiB after a quarter, {max(resident):.0f} at most"
    )
    assert found["stored"] > MESSAGES // 4
    assert found["quarantined"] + found["dropped"] > MESSAGES // 4
    assert max(resident) <= MOST_MIB
    assert max(resident) - early <= MOST_GROWTH_MIB
