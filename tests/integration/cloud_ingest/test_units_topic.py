# SPDX-License-Identifier: MIT
"""The list of units on its topic of a real mosquitto: retained, redelivered, for two workers."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared_schema.access import Consumer, Login, consumer_rights
from shared_schema.topics import units_result_topic, units_topic
from shared_schema.units import ListedMeter, MeterServes, UnitList
from tests.support.gateway import TestGateway
from tests.support.servers import MosquittoWith, MqttServer
from tests.support.service_site import CLOUD, NOW, SOCIETY, Site, site, wait_until
from tests.support.workers import Workers

__all__ = ["site"]

TOPIC, ANSWERS = units_topic(SOCIETY), units_result_topic(SOCIETY)


def of_units(name: str, society: str) -> Login:
    return Login(name, consumer_rights(Consumer.UNIT_MANAGEMENT, [society]), uuid4().hex)


OWN, OTHERS = of_units("units", SOCIETY), of_units("units-of-hill-view", "Hill View")


@pytest.fixture(scope="module")
def mosquitto(mosquitto_with: MosquittoWith) -> Iterator[MqttServer]:
    with mosquitto_with([CLOUD, OWN, OTHERS]) as server:
        yield server


def listed(*serials: str, minutes: int = 0, parent: str | None = None) -> bytes:
    meters = tuple(
        ListedMeter(
            subject_type=MeterServes.UNIT,
            subject=f"A-{serial}",
            service="electricity",
            manufacturer="LNT",
            serial=serial,
            valid_from="2026-01-01",
            parent=parent,
        )
        for serial in serials
    )
    at = NOW - timedelta(hours=1) + timedelta(minutes=minutes)
    return UnitList(society=SOCIETY, at=at, meters=meters).to_line()


def answers(client: TestGateway) -> list[dict[str, Any]]:
    """Return what became of each list; an answer that is sent once more is one."""
    told = dict.fromkeys(payload for topic, payload, _ in client.messages if topic == ANSWERS)
    return [json.loads(payload) for payload in told]


def test_a_retained_list_is_judged_once_by_two_workers(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One was there before them. Then come a stranger's, a newer one, an older, none, an empty."""
    monkeypatch.setenv("IOT_UTILITY_RULES_EVERY_S", "0.2")
    units, stranger, workers = (
        site.client(OWN, ANSWERS),
        site.client(OTHERS, ANSWERS),
        Workers(site),
    )
    units.publish(TOPIC, listed("1", parent="Main"), retain=True)
    with workers.worker("one"), workers.worker("two"):
        wait_until(lambda: site.count("unit_proposal") == 1)
        stranger.publish(TOPIC, listed("9", minutes=9), retain=True)
        newer = listed("1", "2", minutes=2)
        units.publish(TOPIC, newer, newer, listed("8"), b"\xff no list", b"", newer, retain=True)
        wait_until(lambda: [each for each in answers(units) if each["state"] == "waits"], 40)
    assert answers(units)[-1]["added"] == 2
    assert (site.count("unit_proposal"), site.count("assignment")) == (2, 0)
    assert site.count("quarantine") == 1, "what is no list, once"
    assert stranger.messages == []
    late = site.client(OWN, ANSWERS)
    assert [kept for _, _, kept in late.wait(1)] == [True]
