# SPDX-License-Identifier: MIT
"""What a flag of water says of an episode."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.core.rules.water.episode import Detail, Episode
from cloud_ingest.flags.water import water_finding
from cloud_ingest.flags.water_states import WaterRules
from cloud_ingest.store.rule_inputs import ServingRegister
from shared_schema.catalogue import Unit
from shared_schema.evidence import LeakEvidence

RULES = WaterRules(ZoneInfo("Asia/Kolkata"))
REGISTER = ServingRegister(
    channel_id=1,
    unit=Unit.LITRE,
    scaler=0,
    weight=1,
    society_id=1,
    society="Lake View",
    tower="A",
    subject_type="unit",
    subject="A-1204",
    source="inlet",
    valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    manufacturer="LNT",
    serial="1",
    q4_m3_h=None,
    last_reading=None,
)


@pytest.mark.parametrize(
    ("detail", "a_month"),
    [
        ({"part": "steady", "rate_l_per_h": 305.0, "least_l_per_h": 5.0}, Decimal(3600)),
        ({"part": "refill", "rate_l_per_h": 0.0, "least_l_per_h": 0.0}, None),
        ({"part": "supply", "supply": "06:00-09:00", "least_l_per_h": 5.0}, None),
    ],
)
def test_a_month_is_of_what_never_stops(detail: Detail, a_month: Decimal | None) -> None:
    episode = Episode("leak", "alarm", 1_800_000_000, 1_799_900_000, None, detail)
    evidence = water_finding(episode, REGISTER, RULES).evidence
    assert isinstance(evidence, LeakEvidence)
    assert evidence.litres_a_month == a_month


def test_nights_that_ran_through_are_evidence() -> None:
    detail: Detail = {"part": "steady", "least_l_per_h": 5.0, "nights": 3}
    episode = Episode("leak", "alarm", 1_800_000_000, 1_799_900_000, None, detail)
    evidence = water_finding(episode, REGISTER, RULES).evidence
    assert isinstance(evidence, LeakEvidence)
    assert evidence.nights == 3
