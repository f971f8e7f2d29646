# SPDX-License-Identifier: MIT
"""A running worker seen from outside: every metric, and health that tells the truth."""

import json
import subprocess

from cloud_ingest.service.metrics_catalogue import CATALOGUE
from cloud_ingest.store.metric_facts import read_facts, read_yesterday
from cloud_ingest.store.migrate import open_store
from deploy.demo.mosquitto import free_port
from tests.support.frozen import frozen_sessions
from tests.support.gateway import block_line
from tests.support.monitored import Pages, gateway_status, utc_now, watched
from tests.support.servers import MqttServer
from tests.support.service_site import (
    CLOUD,
    GATEWAYS,
    SOCIETY,
    Site,
    each_site,
    mosquitto,
    quarters,
    site,
    wait_until,
)

__all__ = ["each_site", "mosquitto", "site"]


def test_a_worker_shows_every_metric_of_the_catalogue(site: Site) -> None:
    watched(site.conn, utc_now())
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[0])
    pages = Pages(f"127.0.0.1:{free_port()}")
    with site.ingest(IOT_UTILITY_METRICS_ADDRESS=pages.address):
        gateway.publish(sealer.topic, sealer.seal(block_line("1", quarters(4))), b"no batch")
        gateway.wait_receipt(sealer, site.key, 1)
        wait_until(lambda: pages.value("metering_messages_total", outcome="refused"))
        wait_until(lambda: "metering_store_bytes" in pages.families())
        families = pages.families()
        ours = {name for name in families if name.startswith("metering_")}
        assert ours == set(CATALOGUE)
        assert {name: families[name].type for name in ours} == {
            name: known.kind for name, known in CATALOGUE.items()
        }
        assert {name: families[name].documentation for name in ours} == {
            name: known.about for name, known in CATALOGUE.items()
        }
        assert pages.value("metering_messages_total", outcome="accepted") == 1
        assert pages.value("metering_readings_total", outcome="stored") == 4
        assert pages.value("metering_leader") == 1
        assert pages.value("metering_ready") == 1
        assert pages.value("metering_gateway_online", society=SOCIETY, gateway="gw-well") == 1
        assert pages.health("/healthz") == (200, {"alive": True, "faults": {}})
        assert pages.health("/readyz") == (200, {"ready": True, "faults": {}})


def test_facts_are_the_same_on_each_edition(each_site: Site) -> None:
    now = utc_now()
    watched(each_site.conn, now)
    gateway_status(each_site.conn, "gw-old", now, machine=None, spool_bytes=None, clock_jump_s=90.0)
    store = open_store(each_site.conn)
    facts = read_facts(each_site.conn, now)
    assert [(each.meters, each.silent_hour, each.newest) for each in facts.meters] == [(2, 0, now)]
    assert {each.gateway: each.clock_jump_s for each in facts.gateways} == {
        "gw-well": 0.0,
        "gw-old": 90.0,
    }
    assert [(each.kind, each.flags) for each in facts.flags] == [("held_change", 1)]
    assert (facts.queues.unacknowledged, facts.queues.unsent) == (1, 0)
    assert [each.served_until for each in facts.months] == [None]
    each_site.conn.execute("UPDATE assignment_version SET valid_to = %s", (now,))
    left = read_facts(each_site.conn, now)
    assert [each.served_until for each in left.months] == [now]
    each_site.conn.execute("UPDATE assignment_version SET valid_to = NULL")
    yesterday = read_yesterday(each_site.conn, store.zone, now)
    assert [(each.expected, each.present) for each in yesterday.societies] == [(192, 192)]


def test_a_taken_port_ends_the_start_with_its_setting(site: Site, mosquitto: MqttServer) -> None:
    words = site.command("serve", "--metrics", f"127.0.0.1:{mosquitto.port}", "--dsn", site.dsn)
    words += ["--key", str(site.folder / "cloud.pem")]
    ended = subprocess.run(words, check=False, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 2
    assert "setting metrics_address: cannot listen at" in ended.stderr


def test_a_hanging_database_hangs_no_answer(site: Site) -> None:
    pages = Pages(f"127.0.0.1:{free_port()}")
    with site.ingest(IOT_UTILITY_METRICS_ADDRESS=pages.address, IOT_UTILITY_LOG_FORMAT="json"):
        wait_until(lambda: pages.health("/readyz")[0] == 200)
        with frozen_sessions(site.conn):
            wait_until(lambda: pages.health("/readyz")[0] == 503)
            faults = pages.health("/readyz")[1]["faults"]
            assert faults["database"].startswith("it has not answered for ")
            assert pages.health("/healthz")[0] == 200
            assert pages.value("metering_database_up") == 0
        wait_until(lambda: pages.health("/readyz")[0] == 200)
    said = site.log.read_text()
    assert {json.loads(line)["action"] for line in said.splitlines()} >= {"start", "linked", "stop"}
    for secret in (site.conn.info.password, CLOUD.password):
        assert secret
        assert secret not in said
