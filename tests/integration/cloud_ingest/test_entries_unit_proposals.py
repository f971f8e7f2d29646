# SPDX-License-Identifier: MIT
"""A list of units that comes by the broker: once, put before a person, answered."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg.errors import LockNotAvailable

from cloud_ingest.entries.unit_import import Rules
from cloud_ingest.entries.unit_proposals import (
    drop_proposal,
    judge_lists,
    proposed,
    take_proposal,
)
from cloud_ingest.errors import NotFound
from cloud_ingest.ingest.intake import Intake
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.month.close import close_month
from cloud_ingest.settings import UnitListsRule
from cloud_ingest.store.connection import connect
from cloud_ingest.store.unit_proposals import next_new
from shared_schema.topics import units_result_topic, units_topic
from shared_schema.units import ListedMeter, ListedPlace, UnitList
from tests.support.store import SOCIETY, Site, every, local, unit_line

NOW = local("2026-07-20 09:00")
HOUR = timedelta(hours=1)
TOPIC = units_topic(SOCIETY)


def meter(serial: str, subject: str = "A-1", **more: Any) -> ListedMeter:
    told = {
        "tower": "Tower 1",
        "subject_type": "unit",
        "subject": subject,
        "service": "electricity",
        "manufacturer": "LNT",
        "serial": serial,
        "valid_from": "2026-01-01",
    }
    return ListedMeter.model_validate(told | more)


def listed(*meters: ListedMeter, at: datetime = NOW, **more: Any) -> bytes:
    return UnitList(society=SOCIETY, at=at, meters=meters, **more).to_line()


def comes(site: Site, payload: bytes, topic: str = TOPIC) -> int:
    """Let a message come, and return how much of it is kept apart."""
    received = [Received(topic, payload, retained=True)]
    return Intake().store(site.conn, received, NOW).refused


def judged(site: Site, rule: UnitListsRule = "proposed", *, now: datetime = NOW) -> int:
    return judge_lists(site.conn, rule, Rules(), now)


def answers(site: Site) -> list[dict[str, Any]]:
    rows = site.all(
        "SELECT payload FROM outbox WHERE topic = %s AND retain ORDER BY outbox_id",
        units_result_topic(SOCIETY),
    )
    return [json.loads(bytes(payload)) for (payload,) in rows]


def test_a_list_waits_for_a_person_and_is_taken(site: Site) -> None:
    assert comes(site, listed(meter("1"), reason="meters of July")) == 0
    assert judged(site) == 1
    (answer,) = answers(site)
    assert (answer["schema"], answer["state"]) == ("metering.units-result/1", "waits")
    assert answer["changes"][0]["after"]["valid_from"] == "2025-12-31T18:30:00Z"
    assert site.all("SELECT subject FROM assignment") == []
    (waiting,) = proposed(site.conn, SOCIETY, Rules(), NOW)
    number = waiting.proposal.proposal_id
    assert answer["proposal"] == number
    take_proposal(
        site.conn, SOCIETY, number, seen=waiting.preview.token, by="Asha", rules=Rules(), now=NOW
    )
    assert site.one("SELECT author, reason FROM assignment") == (
        "unit management",
        "meters of July",
    )
    assert answers(site)[-1]["state"] == "taken"
    assert proposed(site.conn, SOCIETY, Rules(), NOW) == []


def test_the_same_message_again_changes_nothing(site: Site) -> None:
    payload = listed(meter("1"))
    for _ in range(3):
        comes(site, payload)
        judged(site, "applied")
    assert site.one("SELECT count(*) FROM unit_proposal") == 1
    assert [each["state"] for each in answers(site)] == ["taken"]
    assert site.one("SELECT count(*) FROM assignment_version") == 1


def test_an_older_list_does_not_come_after_a_newer(site: Site) -> None:
    older, newer = listed(meter("1"), at=NOW - HOUR), listed(meter("2"))
    for payload in (older, newer, older):
        comes(site, payload)
    assert judged(site, "applied") == 1
    assert site.all("SELECT state, payload IS NULL FROM unit_proposal ORDER BY 1") == [
        ("replaced", True),
        ("taken", False),
    ]
    assert site.one("SELECT serial FROM assignment JOIN meter USING (meter_id)") == "2"


def test_a_closed_month_is_touched_by_a_person_alone(site: Site) -> None:
    site.units(unit_line("A-1", "1"))
    site.deliver("1", every(local("2026-04-29 00:00"), local("2026-07-05 00:00"), 0, 10, HOUR))
    close_month(site.conn, SOCIETY, "2026-05", NOW)
    comes(site, listed(meter("1", valid_to="2026-05-15")))
    judged(site, "applied")
    (answer,) = answers(site)
    assert (answer["state"], answer["close_again"]) == ("waits", ["2026-05"])


def test_every_row_that_is_wrong_is_answered(site: Site) -> None:
    comes(
        site,
        listed(
            meter("1", tower="T9"),
            meter("2", "A-7"),
            towers=("Tower 1",),
            units=(ListedPlace(tower="Tower 1", label="A-1"),),
        ),
    )
    judged(site)
    (answer,) = answers(site)
    assert answer["state"] == "refused"
    assert answer["lines"][1:] == [
        "line 1: tower 'T9' is none of the 1 towers of the list",
        "line 1: A-1 in T9 is none of the list's units",
        "line 2: A-7 in Tower 1 is none of the list's units",
    ]


def test_a_dropped_list_is_answered_with_the_reason(site: Site) -> None:
    comes(site, listed(meter("1")))
    judged(site)
    (waiting,) = proposed(site.conn, SOCIETY, Rules(), NOW)
    number = waiting.proposal.proposal_id
    drop_proposal(site.conn, SOCIETY, number, by="Asha", reason="not yet", now=NOW)
    assert answers(site)[-1]["lines"] == ["Asha: not yet"]
    with pytest.raises(NotFound, match="it is dropped"):
        drop_proposal(site.conn, SOCIETY, number, by="Asha", reason="not yet", now=NOW)


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff\x00 no JSON",
        b'{"schema": "metering.units/2"}',
        listed(meter("1")).replace(SOCIETY.encode(), b"Hill View"),
        listed(meter("1")).replace(b'"phases"', b'"phasse"'),
    ],
)
def test_what_is_no_list_of_the_society_is_kept_apart(site: Site, payload: bytes) -> None:
    assert comes(site, payload) == 1
    assert judged(site) == 0


def test_a_society_that_nobody_knows_is_kept_apart(site: Site) -> None:
    payload = listed(meter("1")).replace(SOCIETY.encode(), b"Hill View")
    assert comes(site, payload, units_topic("Hill View")) == 1
    assert comes(site, b"") == 0


def test_a_clock_that_is_ahead_blocks_no_later_list(site: Site) -> None:
    ahead = listed(meter("1"), at=NOW + timedelta(days=9000))
    for payload in (ahead, listed(meter("2"), at=NOW + HOUR), ahead):
        comes(site, payload)
    judged(site, "applied")
    assert site.one("SELECT serial FROM assignment JOIN meter USING (meter_id)") == "2"


def test_a_list_that_is_judged_holds_its_society_first(site: Site, store_dsn: str) -> None:
    """As a list that comes does: where each held one of two, both would wait for the other."""
    comes(site, listed(meter("1")))
    with connect(store_dsn) as other, site.conn.transaction():
        assert next_new(site.conn) is not None
        other.execute("SET lock_timeout = '50ms'")
        with pytest.raises(LockNotAvailable):
            other.execute("SELECT FROM society FOR NO KEY UPDATE")


def test_a_ratio_without_a_last_digit_is_taken(site: Site) -> None:
    comes(site, listed(meter("1", ct_ratio="200/5", pt_ratio="415/110", counts="primary")))
    assert judged(site, "applied") == 1
    assert answers(site)[-1]["state"] == "taken"
