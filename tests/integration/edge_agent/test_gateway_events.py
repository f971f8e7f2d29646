# SPDX-License-Identifier: GPL-2.0-only
"""What a gateway sees of a meter on a pty bus, through the broker and the ingest into the store."""

import itertools
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.settings.bus import BusConfig
from edge_agent.spool.spool import Spool
from edge_agent.worker.adapter import StoppableBus
from shared_schema.catalogue import BLOCK_LOAD_PROFILE, GATEWAY_LOG, GatewayEvent
from shared_schema.readings import Observation
from shared_schema.signing import SigningKey, generate_key
from tests.support.bus_world import gateway
from tests.support.clock_world import NOW, QUARTER, World, world
from tests.support.observed import observations
from tests.support.service_site import GATEWAYS, SOCIETY, Site, mosquitto, site

__all__ = ["mosquitto", "site"]

DAY = timedelta(days=1)


def run(here: World, name: str, key: SigningKey, since: datetime, minutes: float) -> None:
    """Let a gateway work on the bus of a world for some minutes, from a new start."""
    here.bus.close()
    line = BusConfig(
        name="a",
        port=here.bus.config.port,
        baudrate=115200,
        turnaround_s=0.5,
        meters=(here.config(model="is16444"),),
    )
    here.now = since
    seconds = itertools.count()
    with gateway(
        here.folder,
        line,
        StoppableBus(line),
        lambda: here.now.timestamp(),  # noqa: PLW0108  # now moves
        lambda: next(seconds) * 1e-3,
        kept=True,
        name=name,
        key=key,
    ) as found:
        while here.now < since + timedelta(minutes=minutes):
            found.step()
            here.now += timedelta(seconds=10)


def seen(folder: Path, key: SigningKey) -> list[Observation]:
    with Spool.open(folder / "spool.db") as spool:
        return observations(spool, key)


def payloads(folder: Path) -> list[bytes]:
    with Spool.open(folder / "spool.db") as spool:
        return [each.payload for each in sorted(spool.due(10_000), key=lambda each: each.seq)]


def listed(site: Site) -> list[dict[str, Any]]:
    """Return what ``cloud-ingest events meter`` shows of gateways."""
    words = ("events", "meter", "E1", "--society", SOCIETY, "--days", "3660", "--json")
    out = subprocess.check_output(site.command(*words, "--dsn", site.dsn))
    return [each for each in json.loads(out) if each["log"] == str(GATEWAY_LOG)]


def test_a_gateway_tells_the_store_what_it_saw_and_did(site: Site, tmp_path: Path) -> None:
    sealer, client = site.gateway(GATEWAYS[0])
    name, key = sealer.name, sealer.key
    meter = site.meter("E1", since=NOW - 9 * DAY)
    site.conn.execute("UPDATE meter SET manufacturer = 'GSE' WHERE meter_id = %s", (meter,))
    edge = tmp_path / "edge"
    edge.mkdir()

    more = {"installed_at": NOW - DAY, "clock_offset_s": 90}
    with world(edge, **more) as here:  # it is 90 s off, and set
        run(here, name, key, QUARTER + timedelta(seconds=31), 14)
    jump = {"since": QUARTER, "until": QUARTER + DAY, "days": 365}
    with world(edge, installed_at=NOW - DAY, clock_jumps=[jump]) as here:  # its battery fails
        run(here, name, key, QUARTER + timedelta(minutes=15), 14)
    with world(edge, installed_at=NOW - DAY, capture_period_s=1800) as here:  # it is set up anew
        run(here, name, key, QUARTER + timedelta(hours=2), 20)
    known = seen(edge, key)
    year = 365 * 86400
    assert [each.code for each in known] == [
        GatewayEvent.CLOCK_SET,
        GatewayEvent.CLOCK_JUMPED,
        GatewayEvent.CLOCK_FAR_OFF,
        GatewayEvent.CLOCK_JUMPED,
        GatewayEvent.CLOCK_FAR_OFF_OVER,
        GatewayEvent.CAPTURES_CHANGED,
    ]
    assert known[0].offset_before_s == pytest.approx(90, abs=2)
    assert known[0].offset_s == pytest.approx(0, abs=2)
    assert known[1].offset_before_s == pytest.approx(0, abs=2)
    assert known[1].offset_s == pytest.approx(year, abs=2)
    changed = {str(each.profile) for each in known[5].captures}
    assert str(BLOCK_LOAD_PROFILE) in changed
    assert all(each.before != each.after for each in known[5].captures)

    sent = payloads(edge)
    with site.ingest():
        for _ in range(2):  # the edge sends again what has no receipt
            client.publish(sealer.topic, *sent)
        sealer.stream = _stream(edge)
        client.wait_receipt(sealer, site.key, len(sent))
    found = sorted(listed(site), key=lambda each: (each["at"], each["code"]))
    assert [(each["code"], each["at"]) for each in found] == [
        (each.code, datetime.fromtimestamp(each.ts, UTC).isoformat())
        for each in sorted(known, key=lambda each: (each.ts, each.code))
    ]
    assert {each["name"] for each in found} >= {"clock set by the gateway", "capture list changed"}
    assert found[0]["detail"] == json.loads(known[0].model_dump_json(exclude={"ts", "code"}))
    assert site.count("quarantine", "reason = 'malformed'") == 0


def _stream(folder: Path) -> Any:
    with Spool.open(folder / "spool.db") as spool:
        return spool.stream


def test_a_gateway_that_restarts_tells_nothing_twice(tmp_path: Path) -> None:
    key = generate_key()
    with world(tmp_path, installed_at=NOW - DAY, clock_offset_s=1000) as here:
        run(here, "gw-1", key, QUARTER + timedelta(seconds=31), 14)
    first = seen(tmp_path, key)
    assert [each.code for each in first] == [GatewayEvent.CLOCK_FAR_OFF]
    for number in (1, 2):
        with world(tmp_path, installed_at=NOW - DAY, clock_offset_s=1000) as here:
            run(here, "gw-1", key, QUARTER + timedelta(minutes=15 * number, seconds=31), 5)
    assert seen(tmp_path, key) == first
