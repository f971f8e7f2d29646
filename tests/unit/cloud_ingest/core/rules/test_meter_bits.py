# SPDX-License-Identifier: MIT
"""What stands of the events that a meter noted of itself."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.meter_bits import (
    KINDS,
    LOG_KINDS,
    LONGEST_BIT,
    STATUS_KINDS,
    UNENDED,
    Noted,
    Standing,
    codes,
    standing,
)
from shared_schema.catalogue import (
    EVENT_PROFILES,
    GATEWAY_LOG,
    METER_EVENTS,
    PROFILE_STATUS,
    StatusEvent,
)
from shared_schema.events import EventKind
from shared_schema.evidence import EVIDENCE
from shared_schema.obis import Obis

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LOG = EVENT_PROFILES[4]
MAGNET, COVER = 201, 251


def noted(code: int, ago: timedelta, log: Obis = LOG) -> Noted:
    return Noted(log, code, NOW - ago)


def test_a_state_stands_until_its_end() -> None:
    begun = noted(MAGNET, 3 * HOUR)
    assert standing([begun], NOW) == {EventKind.TAMPER: Standing(begun.at, ("magnet",))}
    assert standing([begun, noted(MAGNET + 1, HOUR)], NOW) == {}
    again = [noted(MAGNET + 1, 2 * HOUR), noted(MAGNET, HOUR), begun]
    assert standing(again, NOW)[EventKind.TAMPER].since == NOW - HOUR


def test_a_state_without_an_end_is_over_some_day() -> None:
    assert standing([noted(COVER, UNENDED - HOUR)], NOW).keys() == {EventKind.TAMPER}
    assert standing([noted(COVER, UNENDED)], NOW) == {}


def test_a_bit_of_a_status_stands_until_it_is_clear() -> None:
    leak = noted(StatusEvent.LEAK, 90 * DAY, PROFILE_STATUS)
    assert standing([leak], NOW) == {EventKind.LEAK: Standing(leak.at, ("leak",))}
    over = noted(StatusEvent.LEAK + 1, DAY, PROFILE_STATUS)
    assert standing([leak, over], NOW) == {}
    assert standing([noted(StatusEvent.LEAK, LONGEST_BIT, PROFILE_STATUS)], NOW) == {}


def test_a_state_that_is_noted_again_goes_on() -> None:
    events = [noted(COVER, 9 * DAY), noted(COVER, 4 * DAY), noted(COVER, DAY)]
    assert standing(events, NOW)[EventKind.TAMPER].since == NOW - 9 * DAY


def test_several_states_of_a_kind_are_one_with_their_names() -> None:
    events = [noted(MAGNET, HOUR), noted(COVER, 2 * HOUR)]
    assert standing(events, NOW) == {
        EventKind.TAMPER: Standing(NOW - 2 * HOUR, ("magnet", "meter cover opened"))
    }


def test_the_same_code_of_another_log_means_another_thing() -> None:
    assert standing([noted(StatusEvent.LEAK, HOUR, PROFILE_STATUS)], NOW).keys() == {EventKind.LEAK}
    assert standing([noted(StatusEvent.LEAK, HOUR, LOG)], NOW) == {}
    assert standing([noted(MAGNET, HOUR, GATEWAY_LOG)], NOW) == {}


def test_what_is_noted_for_later_does_not_count_yet() -> None:
    assert standing([noted(MAGNET, -HOUR)], NOW) == {}


@pytest.mark.parametrize("code", LOG_KINDS)
def test_each_code_has_a_name(code: int) -> None:
    assert code in METER_EVENTS


def test_each_kind_has_its_evidence() -> None:
    assert set(KINDS) <= EVIDENCE.keys()
    assert set(StatusEvent) == STATUS_KINDS.keys()
    assert MAGNET + 1 in codes()[1]
    assert COVER + 1 not in codes()[1]


@given(st.lists(st.tuples(st.sampled_from([*LOG_KINDS, 202, 204, 208]), st.integers(0, 500))))
def test_the_order_of_arrival_does_not_matter(events: list[tuple[int, int]]) -> None:
    own = [noted(code, hours * HOUR) for code, hours in events]
    assert standing(own, NOW) == standing(reversed(own), NOW)
    for stands in standing(own, NOW).values():
        assert stands.since <= NOW
