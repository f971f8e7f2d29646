# SPDX-License-Identifier: MIT
"""A gateway with a login of its own that says what is not its to say."""

from datetime import timedelta

from cloud_ingest.store.events import list_events
from cloud_ingest.store.quarantine import list_entries
from shared_schema.events import EventKind
from tests.support.gateway import Sealer, block_line
from tests.support.service_site import GATEWAYS, NOW, SOCIETY, Site, mosquitto, site, wait_until

__all__ = ["mosquitto", "site"]


def told(site: Site, sealer: Sealer, reason: str) -> bool:
    """Whether the log, the quarantine and a flag tell of it; the flag names the login's gateway."""
    (entry,) = list_entries(site.conn)
    assert (entry.reason, entry.gateway, entry.society) == (reason, sealer.name, SOCIETY)
    (flag,) = list_events(site.conn, kinds=[EventKind.EVIDENCE])
    assert flag.event.subject.id == sealer.name
    assert f"by the login of gateway {sealer.name} is not signed by it" in flag.event.message
    return f"action=quarantine reason={reason}" in site.log.read_text()


ROW = [(NOW - timedelta(hours=5), 5)]


def test_anothers_batch_on_its_own_topic_is_not_stored(site: Site) -> None:
    site.meter("1")
    victim, victims_link = site.gateway(GATEWAYS[0])
    thief, link = site.gateway(GATEWAYS[1])
    batch = victim.seal(block_line("1", ROW))
    with site.ingest():
        link.publish(thief.topic, batch)
        wait_until(lambda: site.count("quarantine") == 1)
        assert site.count("reading") == site.count("batch") == 0
        wait_until(lambda: told(site, thief, "wrong_topic"))
        victims_link.publish(victim.topic, batch)
        victims_link.wait_receipt(victim, site.key, 1)
    assert site.count("reading") == site.count("batch") == 1


def test_a_batch_in_anothers_name_is_not_stored(site: Site) -> None:
    site.meter("1")
    victim, victims_link = site.gateway(GATEWAYS[0])
    thief, link = site.gateway(GATEWAYS[1])
    with site.ingest():
        link.publish(thief.topic, Sealer(victim.name, thief.key).seal(block_line("1", ROW)))
        link.publish(victim.topic, Sealer(victim.name, thief.key).seal(block_line("1", ROW)))
        wait_until(lambda: site.count("quarantine") == 1)
        victims_link.publish(victim.topic, victim.seal(block_line("1", ROW)))
        victims_link.wait_receipt(victim, site.key, 1)
    assert site.count("batch") == 1
    assert site.count("quarantine") == 1, "the broker refused the other one"


def test_a_batch_of_another_key_is_not_stored(site: Site) -> None:
    site.meter("1")
    sealer, link = site.gateway(GATEWAYS[0])
    with site.ingest():
        link.publish(sealer.topic, Sealer(sealer.name).seal(block_line("1", ROW)))
        wait_until(lambda: site.count("quarantine") == 1)
        wait_until(lambda: told(site, sealer, "bad_signature"))
        link.publish(sealer.topic, sealer.seal(block_line("1", ROW)))
        link.wait_receipt(sealer, site.key, 1)
    assert site.count("batch") == 1


def test_a_stranger_s_meter_is_flagged_and_logged(site: Site) -> None:
    site.meter("1")
    victim, victims_link = site.gateway(GATEWAYS[0])
    thief, link = site.gateway(GATEWAYS[1])
    with site.ingest(IOT_UTILITY_RULES_EVERY_S="0.3"):
        victims_link.publish(victim.topic, victim.seal(block_line("1", ROW)))
        victims_link.wait_receipt(victim, site.key, 1)
        link.publish(thief.topic, thief.seal(block_line("1", [(ROW[0][0], 4242)])))
        wait_until(lambda: list_events(site.conn, kinds=[EventKind.NOT_BOUND]))
        (flag,) = list_events(site.conn, kinds=[EventKind.NOT_BOUND])
        assert flag.event.subject.id == thief.name
        wait_until(lambda: "action=quarantine reason=not_bound" in site.log.read_text())
    assert site.count("reading", "raw = 4242") == 0


def test_a_replay_of_its_own_changes_nothing(site: Site) -> None:
    site.meter("1")
    sealer, link = site.gateway(GATEWAYS[0])
    batch = sealer.seal(block_line("1", ROW))
    with site.ingest():
        link.publish(sealer.topic, batch)
        link.wait_receipt(sealer, site.key, 1)
        before = len(link.messages)
        link.publish(sealer.topic, *[batch] * 20)
        link.wait(before + 1)
    assert (site.count("reading"), site.count("batch"), site.count("quarantine")) == (1, 1, 0)
