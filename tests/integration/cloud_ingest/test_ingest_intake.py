# SPDX-License-Identifier: MIT
"""The intake on a real database: no message, however it is shaped, stops the others."""

import json
import secrets
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_ingest.core.accept import QuarantineReason
from cloud_ingest.ingest.intake import Intake
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.store import quarantine
from shared_schema.gateway import Status
from shared_schema.topics import GatewayTopic, billing_ack_topic, gateway_topic
from tests.support.gateway import block_line
from tests.support.store import Site, local, unit_line

NOW = local("2026-07-02 00:00")
STATUS = json.loads(Status(gateway="gw-a", session=UUID(int=1), state="online", at=NOW).to_line())
values = st.one_of(
    st.none(),
    st.integers(),
    st.text(),
    st.text("\0\x1f\u2028\uffff", max_size=8),
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
)


def say(site: Site, topic: str, payload: bytes) -> dict[str, int]:
    """Store one message beside a good batch of readings; return what was kept apart."""
    site.conn.execute("DELETE FROM quarantine")
    good = site.gateway.seal(block_line("1", [(NOW, 1)]))
    messages = [Received(topic, payload, retained=False)]
    messages.append(Received(site.gateway.topic, good, retained=False))
    outcome = Intake().store(site.conn, messages, NOW)
    assert outcome.batches == 1
    return dict(outcome.rejected)


@pytest.fixture
def flat(site: Site) -> Site:
    site.units(unit_line("A-1204", "1"))
    return site


@pytest.mark.parametrize(
    "change",
    [
        {"version": "\0"},
        {"at": "0001-01-01T00:00:00+05:30"},
        {"at": "9999-12-31T23:59:59-05:30"},
        {"meters": 10**40},
    ],
)
def test_a_status_that_no_database_takes_is_kept_apart(
    flat: Site, change: dict[str, object]
) -> None:
    topic = gateway_topic("gw-a", GatewayTopic.STATUS)
    assert say(flat, topic, json.dumps(STATUS | change).encode()) == {"malformed": 1}


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_a_status_of_any_time_is_stored(flat: Site, at: str) -> None:
    topic = gateway_topic("gw-a", GatewayTopic.STATUS)
    assert say(flat, topic, json.dumps(STATUS | {"at": at}).encode()) == {}
    assert flat.one("SELECT count(*) FROM gateway_status WHERE at = %s", at) == 1


@pytest.mark.parametrize(
    "level",
    [
        secrets.token_hex(10_000),
        quote(secrets.token_bytes(10_000)),
        "".join(map(chr, range(0x4E00, 0x4E00 + 15_000))),
    ],
    ids=["plain", "encoded", "wide"],
)
def test_a_topic_of_any_length_is_kept_apart(flat: Site, level: str) -> None:
    for topic in (
        f"metering/v1/society/{level}/billing-acks",
        f"metering/v1/gw/{level}/readings",
        f"metering/v1/gw/{level}/status",
    ):
        for _ in range(2):
            assert say(flat, topic, b"{}") in ({"unknown_schema": 1}, {"malformed": 1})
        (entry,) = quarantine.list_entries(flat.conn)
        assert entry.topic is not None
        assert topic.startswith(entry.topic)
        assert len(entry.topic.encode()) <= 1024


def test_the_same_bytes_on_two_topics_are_two_entries(flat: Site) -> None:
    messages = [
        Received(f"metering/v1/gw/{name}/results", b"?", retained=False) for name in ("a", "b", "a")
    ]
    Intake().store(flat.conn, messages, NOW)
    assert sorted(entry.gateway or "" for entry in quarantine.list_entries(flat.conn)) == ["a", "b"]


def test_no_message_stops_the_others(flat: Site) -> None:
    topics = st.sampled_from(
        [
            gateway_topic("gw-a", GatewayTopic.STATUS),
            gateway_topic("gw-a", GatewayTopic.RESULTS),
            gateway_topic("gw-a", GatewayTopic.READINGS),
            billing_ack_topic("S"),
        ]
    )
    changes = st.dictionaries(st.sampled_from(sorted(STATUS)), values, max_size=3)
    payloads = changes.map(lambda change: json.dumps(STATUS | change).encode()) | st.binary()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(topics, payloads)
    def stored_or_kept_apart(topic: str, payload: bytes) -> None:
        assert QuarantineReason.UNSTORABLE not in say(flat, topic, payload)

    stored_or_kept_apart()
