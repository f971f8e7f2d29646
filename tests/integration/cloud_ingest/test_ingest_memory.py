# SPDX-License-Identifier: MIT
"""The memory of the running ingest: bounded, whatever comes and whatever is away."""

import os
from pathlib import Path

from shared_schema.topics import GatewayTopic, gateway_topic
from tests.support.gateway import block_line
from tests.support.service_site import GATEWAYS, Site, mosquitto, quarters, site, wait_until

__all__ = ["mosquitto", "site"]

MOST_MIB = 160
MESSAGE = 250_000
AT_ONCE, TIMES = 100, 6
"""150 MB: with what the program takes itself they would not fit."""


def resident_mib(process: int) -> float:
    (line,) = (
        line
        for line in Path(f"/proc/{process}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )
    return int(line.split()[1]) / 1024


def test_memory_is_bounded_while_the_database_is_away(site: Site) -> None:
    """No commit ends; how long that lasts adds nothing, as the socket is not read meanwhile."""
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[0])
    other = site.client(GATEWAYS[1])
    topic = gateway_topic(other.name, GatewayTopic.READINGS)
    with site.ingest() as ingest:
        with site.conn.transaction():
            site.conn.execute("LOCK TABLE quarantine IN ACCESS EXCLUSIVE MODE")
            for _ in range(TIMES):
                other.publish(topic, *(os.urandom(MESSAGE) for _ in range(AT_ONCE)), qos=0)
            gateway.publish(sealer.topic, sealer.seal(block_line("1", quarters(4))))
            assert resident_mib(ingest.pid) <= MOST_MIB
        gateway.wait_receipt(sealer, site.key, 1, 60)
        assert resident_mib(ingest.pid) <= MOST_MIB


def test_workers_that_take_each_others_place_say_so(site: Site) -> None:
    with site.ingest(session="twin"), site.ingest(session="twin"):
        wait_until(lambda: b"does another worker log in" in site.log.read_bytes())
