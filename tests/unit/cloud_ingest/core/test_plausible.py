# SPDX-License-Identifier: MIT
"""What a person enters, beside the readings around it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.plausible import (
    DialFault,
    Doubt,
    Fall,
    FallFault,
    beside_dial,
    doubt_of,
    in_steps,
    is_dial_value,
    usual_most_per_day,
)
from cloud_ingest.core.register import Epoch, Register
from shared_schema.catalogue import Service
from shared_schema.quality import Origin

CHANNEL = 7
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LIMIT = Decimal(500)


def reading(ts: datetime, wh: int, channel: int = CHANNEL) -> Register:
    return Register(channel, ts, wh, Origin.METER, -3)


BEFORE, AFTER = reading(NOON - DAY, 100_000), reading(NOON + DAY, 300_000)


@pytest.mark.parametrize(
    ("wh", "at", "doubt"),
    [
        (200_000, NOON, None),
        (100_000, NOON - DAY, None),
        (100_001, NOON - DAY, Doubt(DialFault.KNOWN_OTHERWISE, BEFORE)),
        (99_999, NOON, Doubt(DialFault.BELOW, BEFORE)),
        (300_001, NOON, Doubt(DialFault.ABOVE, AFTER)),
    ],
)
def test_a_dial_value_stands_between_its_neighbours(
    wh: int, at: datetime, doubt: Doubt | None
) -> None:
    assert doubt_of(reading(at, wh), (BEFORE, AFTER), {}, LIMIT) == doubt


def test_nobody_uses_more_than_a_day_allows() -> None:
    assert doubt_of(reading(NOON, 600_000), (BEFORE, None), {}, LIMIT) is None
    doubt = doubt_of(reading(NOON, 600_001), (BEFORE, None), {}, LIMIT)
    assert doubt == Doubt(DialFault.TOO_MUCH, BEFORE, Decimal("500.001"))


def test_what_is_left_until_later_is_no_more_than_can_be_used() -> None:
    after = reading(NOON + DAY, 600_000)
    assert doubt_of(reading(NOON, 100_000), (None, after), {}, LIMIT) is None
    doubt = doubt_of(reading(NOON, 99_999), (None, after), {}, LIMIT)
    assert doubt == Doubt(DialFault.TOO_LITTLE, after, Decimal("500.001"))


def test_an_epoch_joins_the_neighbours_of_a_dial() -> None:
    rolled = {CHANNEL: [Epoch(NOON - timedelta(hours=1), 1_000_000)]}
    low = reading(NOON, 10)
    assert doubt_of(low, (reading(NOON - DAY, 999_000), None), rolled, LIMIT) is None


def fall(before: int | None = 900, after: int | None = 100, *, reweighed: bool = False) -> Fall:
    return Fall(
        starts_at=NOON,
        before=None if before is None else reading(NOON - DAY, before),
        after=None if after is None else reading(NOON, after),
        epochs={},
        may_rise=reweighed,
    )


@pytest.mark.parametrize(
    ("of", "adds", "fault"),
    [
        (fall(), "1", None),
        (fall(), "-1", FallFault.NOT_A_LOSS),
        (fall(before=None), "1", FallFault.NO_READING_BEFORE),
        (fall(after=None), "1", FallFault.NO_READING_AFTER),
        (fall(), "0", FallFault.NOTHING_RECORDED),
        (fall(100, 900), "1", FallFault.DOES_NOT_FALL),
        (fall(), "0.5", FallFault.STILL_FALLS),
        (fall(), "501", FallFault.TOO_MUCH),
        (fall(100, 900, reweighed=True), "1", None),
        (fall(100, 900, reweighed=True), "-0.5", None),
        (fall(100, 900, reweighed=True), "-1", FallFault.STILL_FALLS),
    ],
)
def test_a_fall_must_show_and_be_explained(of: Fall, adds: str, fault: FallFault | None) -> None:
    lost = Decimal(adds)
    raw = in_steps(lost, -3)
    assert raw is not None
    assert of.fault(of.corrected({CHANNEL: raw}), lost, LIMIT) is fault


@pytest.mark.parametrize("adds", ["NaN", "sNaN", "Infinity"])
def test_a_fall_that_nobody_read_is_explained_by_no_number(adds: str) -> None:
    unread = fall(before=None, after=None)
    assert unread.fault({}, Decimal(adds), LIMIT) is FallFault.NO_READING_BEFORE


def test_what_was_recorded_can_be_taken_back() -> None:
    recorded = Fall(
        NOON, reading(NOON - DAY, 900), reading(NOON, 100), {CHANNEL: [Epoch(NOON, 1000)]}, False
    )
    epochs = recorded.corrected({CHANNEL: 0})
    assert recorded.fault(epochs, Decimal(0), LIMIT) is None
    assert epochs == {CHANNEL: [Epoch(NOON, 0)]}


def test_an_unread_side_of_a_fall_gives_nothing() -> None:
    with pytest.raises(ValueError, match="not read"):
        fall(before=None).used({})


@pytest.mark.parametrize(
    ("value", "dial"),
    [
        ("0", True),
        ("999999999.9", True),
        ("1E+9", False),
        ("-0.1", False),
        ("NaN", False),
        ("1E-400", False),
    ],
)
def test_a_dial_has_nine_digits(value: str, dial: bool) -> None:
    assert is_dial_value(Decimal(value)) is dial


def test_a_value_is_counted_in_whole_steps() -> None:
    assert in_steps(Decimal("1.25"), -2) == 125
    assert in_steps(Decimal("1.255"), -2) is None


def test_a_register_beside_its_dial_is_rounded_down() -> None:
    assert beside_dial(Decimal("123.4567"), Decimal("23.4"), -2) == Decimal("100.05")


def test_a_bulk_meter_may_count_for_a_tower() -> None:
    assert usual_most_per_day(Service.WATER, "unit") == 50
    assert usual_most_per_day(Service.WATER, "bulk") == 10_000


@pytest.mark.parametrize("zeros", [20, 40, 400])
def test_what_is_finer_than_a_step_is_never_rounded(zeros: int) -> None:
    assert in_steps(Decimal(f"1.{'0' * zeros}1"), -3) is None
    assert in_steps(Decimal(f"1.{'0' * zeros}"), -3) == 1000
