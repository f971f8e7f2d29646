# SPDX-License-Identifier: MIT
"""What meters say of a leak themselves, beside what the water rules show."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.flag import Finding
from cloud_ingest.core.rules.meter_bits import Noted
from cloud_ingest.flags.own_word import EVIDENCE, Said, said_by_units, with_own_word
from cloud_ingest.store.meter_states import ServingMeter
from shared_schema.catalogue import PROFILE_STATUS, Service, StatusEvent
from shared_schema.events import EventKind, Severity, Subject, SubjectType
from shared_schema.evidence import WaterLossEvidence

LEAK, BURST = EventKind.LEAK, EventKind.BURST
ZONE = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
METER = ServingMeter(1, "Lake View", "A", "unit", "A-1", "water", "inlet", "LNT", "7")
BULK = ServingMeter(1, "Lake View", "A", "bulk", "A", "water", "inlet", "LNT", "8")


def said(kind: EventKind, ago: timedelta = HOUR) -> Said:
    return Said(METER, kind, NOW - ago)


def shown(kind: EventKind, rule: str = "steady") -> Finding:
    return Finding(
        kind=kind,
        society_id=1,
        society="Lake View",
        severity=Severity.ALARM,
        subject=Subject(type=SubjectType.UNIT, id="A-1"),
        unit=None,
        service=Service.WATER,
        since=NOW - 30 * HOUR,
        message="Water has not stopped.",
        evidence=EVIDENCE[kind](
            manufacturer="LNT", serial="7", rule=rule, litres_so_far=Decimal(340)
        ),
    )


def evidence(finding: Finding) -> WaterLossEvidence:
    assert isinstance(finding.evidence, WaterLossEvidence)
    return finding.evidence


def test_a_meter_s_word_stands_beside_the_rules_figures() -> None:
    [one] = with_own_word([shown(LEAK)], [said(LEAK)], ZONE)
    assert evidence(one).litres_so_far == 340
    assert evidence(one).meter_says_since == NOW - HOUR
    assert one.message == "Water has not stopped. The meter itself says so, too."
    assert one.since == NOW - 30 * HOUR


def test_a_word_alone_is_a_flag_of_the_unit() -> None:
    [one] = with_own_word([], [said(LEAK)], ZONE)
    assert (one.kind, one.subject.id, one.since) == (LEAK, "A-1", NOW - HOUR)
    assert evidence(one).rule == "the meter says so"
    assert evidence(one).litres_so_far is None
    assert one.message == (
        "The water meter of A-1 (LNT 7) says that water does not stop since Friday 20 Nov 2026 "
        "16:30 IST. To see whether it is in the flat: close the inner valve for half an hour and "
        "look again."
    )


def test_a_common_area_has_no_inner_valve() -> None:
    garden = replace(METER, subject_type="common", subject="garden")
    [one] = with_own_word([], [Said(garden, LEAK, NOW)], ZONE)
    assert "close one branch behind this meter" in one.message
    [one] = with_own_word([], [Said(garden, BURST, NOW)], ZONE)
    assert one.message.endswith("If nobody draws it, close the valve at once.")


@pytest.mark.parametrize(
    ("found", "words", "kinds"),
    [
        ([], [LEAK, BURST], [BURST]),
        ([BURST], [LEAK], [BURST]),
        ([LEAK], [BURST], [LEAK, BURST]),
        ([LEAK], [LEAK, BURST], [LEAK, BURST]),
        ([LEAK, BURST], [LEAK, BURST], [LEAK, BURST]),
    ],
)
def test_the_same_water_is_one_flag(
    found: list[EventKind], words: list[EventKind], kinds: list[EventKind]
) -> None:
    told = with_own_word(map(shown, found), [said(kind) for kind in words], ZONE)
    assert [each.kind for each in told] == kinds


def test_a_burst_bit_of_a_fixture_that_runs_on_is_that_leak() -> None:
    [one] = with_own_word([shown(LEAK, "run-on")], [said(BURST)], ZONE)
    assert one.kind is LEAK


kinds = st.sampled_from([LEAK, BURST])


@given(st.sets(kinds), st.lists(st.builds(said, kinds, st.timedeltas(HOUR, 99 * HOUR))))
def test_no_word_takes_a_finding_away(found: set[EventKind], words: list[Said]) -> None:
    told = with_own_word(map(shown, sorted(found)), words, ZONE)
    kinds_told = [each.kind for each in told]
    assert len(set(kinds_told)) == len(kinds_told)
    assert found <= set(kinds_told)
    assert bool(told) == bool(found or words)
    earliest = [since for each in told if (since := evidence(each).meter_says_since) is not None]
    assert min(earliest, default=None) == min((each.since for each in words), default=None)


def test_a_bulk_meter_s_word_is_passed_over() -> None:
    noted = Noted(PROFILE_STATUS, StatusEvent.LEAK, NOW - HOUR)
    key = (1, SubjectType.UNIT, "A-1", Service.WATER)
    assert said_by_units([(METER, noted), (BULK, noted)], NOW) == {key: [said(LEAK)]}
