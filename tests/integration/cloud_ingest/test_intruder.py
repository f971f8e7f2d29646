# SPDX-License-Identifier: MIT
"""A gateway with a login of its own that says what is not its to say."""

from datetime import timedelta

from tests.support.gateway import Sealer, block_line
from tests.support.service_site import GATEWAYS, NOW, Site, mosquitto, site, wait_until

__all__ = ["mosquitto", "site"]

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
