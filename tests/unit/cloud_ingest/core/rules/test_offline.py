# SPDX-License-Identifier: MIT
"""The offline rule: when a meter is overdue, and by which cause."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.offline import (
    HOLDS,
    QUIET_GATEWAY,
    RARE,
    SETTLING,
    Cause,
    GatewayWord,
    Known,
    Silence,
    judged_from,
    next_known,
    seen_cause,
    silence,
)
from shared_schema.evidence import FailureCause
from shared_schema.gateway import MOST_FAILING, BusStatus, FailingMeter, PollFailure, Status

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TURN = timedelta(seconds=15)
QUIET = Silence(NOW - 25 * HOUR, ever_read=True, overdue_at=NOW - HOUR)
OWN = Cause(FailureCause.METER_SILENT, "gw", "b1")
GONE = Cause(FailureCause.GATEWAY_SILENT, "gw", shared=True)
DEAD = Cause(FailureCause.BUS_DEAD, "gw", "b1", shared=True)


def judged(
    newest: datetime | None,
    assigned_at: datetime = LONG_AGO,
    *,
    period: timedelta | None = None,
) -> Silence | None:
    return silence(newest=newest, assigned_at=assigned_at, now=NOW, period=period)


@pytest.mark.parametrize("hours", [0, 1, 24])
def test_a_meter_heard_within_a_day_is_well(hours: int) -> None:
    assert judged(NOW - hours * HOUR) is None


def test_a_meter_silent_for_a_day_is_told() -> None:
    heard = NOW - timedelta(hours=24, seconds=1)
    assert judged(heard) == Silence(heard, ever_read=True, overdue_at=heard + DAY)


def test_a_new_meter_has_a_day_to_speak() -> None:
    assert judged(None, NOW - 23 * HOUR) is None
    found = judged(None, NOW - 25 * HOUR)
    assert found == Silence(NOW - 25 * HOUR, ever_read=False, overdue_at=NOW - HOUR)


def test_what_it_said_elsewhere_does_not_count() -> None:
    """A meter that moved from another unit is new in this one."""
    assert judged(NOW - 60 * HOUR, NOW - 2 * HOUR) is None
    found = judged(NOW - 60 * HOUR, NOW - 30 * HOUR)
    assert found is not None
    assert (found.since, found.ever_read) == (NOW - 30 * HOUR, False)


def test_a_clock_that_is_ahead_is_no_silence() -> None:
    assert judged(NOW + timedelta(minutes=9)) is None


def test_a_meter_read_daily_has_a_day_more() -> None:
    """Its row of 00:00 comes at 02:00, when it is 26 hours older than the one before."""
    assert judged(NOW - 26 * HOUR, period=DAY) is None
    assert judged(NOW - 48 * HOUR, period=DAY) is None
    assert judged(NOW - 49 * HOUR, period=DAY) is not None
    assert judged(NOW - 25 * HOUR, period=RARE) is not None


def test_after_total_silence_gateways_get_a_moment() -> None:
    assert judged_from(started_at=NOW, newest_of_all=NOW - timedelta(minutes=20)) == NOW
    later = NOW + timedelta(minutes=15)
    assert judged_from(started_at=NOW, newest_of_all=NOW - 2 * HOUR) == later
    assert judged_from(started_at=NOW, newest_of_all=None) == later


def test_a_thousand_outages_are_told_in_time() -> None:
    chance = Random(12)
    for _ in range(1000):
        newest = LONG_AGO + timedelta(seconds=chance.uniform(0, 86400 * 30))
        passed = newest + DAY
        turn = passed - timedelta(seconds=chance.uniform(0, 3600))
        while silence(newest=newest, assigned_at=LONG_AGO, now=turn) is None:
            turn += TURN
        assert passed < turn <= passed + TURN


def word(
    status: Status | None = None,
    *,
    lost_at: datetime = LONG_AGO,
    back_at: datetime | None = LONG_AGO,
    heard_at: datetime | None = NOW,
) -> GatewayWord:
    return GatewayWord("gw", lost_at, back_at, heard_at, status)


def status(
    buses: tuple[BusStatus, ...] | None = (BusStatus(name="b1", meters=3),),
    failing: tuple[FailingMeter, ...] = (),
    *,
    at: datetime = NOW,
    synchronised: bool = True,
    answering: int | None = 3,
) -> Status:
    return Status(
        gateway="gw",
        session=UUID(int=1),
        state="online",
        at=at,
        clock_synchronised=synchronised,
        meters=3,
        meters_answering=answering,
        buses=buses,
        failing=failing,
    )


def failing(why: PollFailure) -> FailingMeter:
    return FailingMeter(bus="b1", label="A-1", why=why)


def seen(
    own: GatewayWord | None, entry: FailingMeter | None = None, *, clock_off: bool = False
) -> Cause | None:
    return seen_cause(QUIET, own, entry, clock_off=clock_off, now=NOW)


def of_bus(why: PollFailure, count: int) -> Status:
    return status((BusStatus(name="b1", meters=3, failures={why: count}),), (failing(why),))


@pytest.mark.parametrize(
    ("why", "count", "cause"),
    [
        (PollFailure.NO_ANSWER, 1, FailureCause.METER_SILENT),
        (PollFailure.NO_ANSWER, 3, FailureCause.BUS_DEAD),
        (PollFailure.ADAPTER_AWAY, 3, FailureCause.BUS_DEAD),
        (PollFailure.PASSWORD_REFUSED, 1, FailureCause.PASSWORD_REFUSED),
        (PollFailure.PASSWORD_REFUSED, 3, FailureCause.PASSWORD_REFUSED),
        (PollFailure.UNREADABLE, 1, FailureCause.UNREADABLE),
    ],
)
def test_a_gateway_says_why_a_meter_is_not_read(
    why: PollFailure, count: int, cause: FailureCause
) -> None:
    found = seen(word(of_bus(why, count)), failing(why))
    assert found == Cause(cause, "gw", "b1", shared=cause is FailureCause.BUS_DEAD)


@pytest.mark.parametrize(
    "own",
    [
        word(status(), lost_at=NOW - 26 * HOUR, back_at=None),
        word(status(), lost_at=NOW - 26 * HOUR, back_at=NOW - SETTLING + TURN),
        word(status(), heard_at=NOW - 2 * HOUR, lost_at=NOW - 26 * HOUR, back_at=NOW - 2 * HOUR),
        word(None, lost_at=LONG_AGO, back_at=None, heard_at=None),
    ],
    ids=["lost", "just back", "back for a moment", "never heard"],
)
def test_a_gateway_that_is_away_is_the_cause(own: GatewayWord) -> None:
    assert seen(own) == GONE


def test_a_gateway_without_a_last_word_is_away() -> None:
    quiet = Silence(NOW - 25 * HOUR, ever_read=True, overdue_at=NOW)
    heard = NOW - QUIET_GATEWAY - TURN
    own = word(status(at=heard), heard_at=heard)
    assert seen_cause(quiet, own, None, clock_off=False, now=NOW) == GONE


def test_what_was_overdue_before_is_not_the_gateways() -> None:
    assert seen(word(status(), lost_at=NOW - HOUR / 2, back_at=None)) is None


@pytest.mark.parametrize(
    "told",
    [
        status(synchronised=False),
        status(at=NOW + timedelta(minutes=11)),
        status(at=NOW - timedelta(minutes=11)),
    ],
    ids=["not set", "ahead", "behind"],
)
def test_a_gateway_without_true_time_is_the_cause(told: Status) -> None:
    assert seen(word(told)) == Cause(FailureCause.CLOCK, "gw", shared=True)


def test_a_meter_that_is_read_and_not_stored_is_told() -> None:
    assert seen(word(status())) == Cause(FailureCause.NOT_STORED, "gw")
    assert seen(word(status()), clock_off=True) == Cause(FailureCause.CLOCK, "gw")
    many = status(failing=(failing(PollFailure.NO_ANSWER),) * MOST_FAILING)
    assert seen(word(many)) == Cause(FailureCause.METER_SILENT, "gw")


def test_an_earlier_gateway_tells_its_counts_alone() -> None:
    dead = Cause(FailureCause.BUS_DEAD, "gw", shared=True)
    assert seen(word(status(None, answering=0))) == dead
    assert seen(word(status(None, answering=2))) == Cause(FailureCause.METER_SILENT, "gw")


def test_without_a_gateway_the_meter_is_silent() -> None:
    assert seen(None) == Cause(FailureCause.METER_SILENT)


def test_another_cause_must_hold_for_a_while() -> None:
    known = next_known(Known(GONE), OWN, {GONE}, NOW)
    assert known == Known(GONE, OWN, NOW)
    assert next_known(known, OWN, {GONE}, NOW + HOLDS - TURN) == known
    assert next_known(known, OWN, {GONE}, NOW + HOLDS) == Known(OWN)
    assert next_known(known, GONE, {GONE}, NOW + HOLDS) == Known(GONE)
    assert next_known(known, None, {GONE}, NOW + HOLDS) == Known(GONE)


def test_what_is_overdue_joins_a_cause_that_stands() -> None:
    assert next_known(None, OWN, {DEAD}, NOW) == Known(DEAD, OWN, NOW)
    assert next_known(None, OWN, {GONE}, NOW) == Known(GONE, OWN, NOW)
    other_bus = Cause(FailureCause.METER_SILENT, "gw", "b2")
    assert next_known(None, other_bus, {DEAD}, NOW) == Known(other_bus)
    assert next_known(None, None, set(), NOW) == Known(Cause(FailureCause.METER_SILENT))


def test_a_silent_meter_keeps_its_own_cause() -> None:
    """A bus that dies now is not why it was silent before."""
    assert next_known(Known(OWN), DEAD, set(), NOW) == Known(OWN)
    assert next_known(Known(OWN), DEAD, {DEAD}, NOW) == Known(OWN, DEAD, NOW)


causes = st.sampled_from([OWN, GONE, DEAD, Cause(FailureCause.NOT_STORED, "gw"), None])


@given(st.lists(st.tuples(causes, st.integers(1, 1200)), min_size=1, max_size=40))
def test_a_cause_changes_once_in_a_while(looks: list[tuple[Cause | None, int]]) -> None:
    """Whatever shows, two changes lie at least so far apart as a cause must hold."""
    now, known = NOW, next_known(None, looks[0][0], {DEAD, GONE}, NOW)
    changed: list[datetime] = []
    for cause, seconds in looks:
        now += timedelta(seconds=seconds)
        after = next_known(known, cause, {DEAD, GONE}, now)
        if after.cause != known.cause:
            changed.append(now)
            assert after.cause == cause
        known = after
    assert all(later - earlier >= HOLDS for earlier, later in pairwise(changed))
