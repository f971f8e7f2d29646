# SPDX-License-Identifier: MIT
"""Which rows are copied straight, and whose day they are."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from cloud_ingest.store.channels import StoreCache, local_day
from cloud_ingest.store.readings_write import ORIGIN_NUMBERS, Rows, _part
from shared_schema.quality import Origin

METER = ORIGIN_NUMBERS[Origin.METER]
PG_EPOCH_S = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
ZONES = (
    "Asia/Kolkata",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/New_York",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Beirut",
)
BIGINT = st.integers(-(2**63), 2**63 - 1)


def rows(times: st.SearchStrategy[int]) -> st.SearchStrategy[Rows]:
    row = st.tuples(times, st.sampled_from(range(len(Origin))), BIGINT, st.none() | BIGINT)
    return st.dictionaries(st.integers(1, 6), st.lists(row, min_size=1, max_size=12), max_size=5)


@given(rows(st.integers(0, 30)), st.dictionaries(st.integers(1, 6), st.integers(0, 30)))
def test_straight_rows_rise_beyond_the_newest_known(
    given_rows: Rows, newest: dict[int, int]
) -> None:
    before = {channel: list(own) for channel, own in given_rows.items()}
    ahead, rest = _part(given_rows, newest)
    assert given_rows == before
    for channel, own in ahead.items():
        times = [row[0] for row in own]
        assert times[0] > newest[channel]
        assert times == sorted(set(times))
        assert {row[1] for row in own} == {METER}
    for channel, own in given_rows.items():
        parted = [*ahead.get(channel, ()), *rest.get(channel, ())]
        assert sorted(parted, key=repr) == sorted(own, key=repr)
    assert {*ahead, *rest} == {*given_rows}
    assert list(ahead) == sorted(ahead)
    assert list(rest) == sorted(rest)
    assert all([*ahead.values(), *rest.values()])


@given(st.integers(2000, 2037), st.integers(0, 366), st.sampled_from(ZONES))
@example(2026, 87, "Europe/Berlin")
def test_midnight_closes_the_day_before(year: int, number: int, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    midnight = datetime(year, 1, 1, tzinfo=zone) + timedelta(days=number)
    known = StoreCache()
    for second in (-1, 0, 1, 3600):
        ts = int(midnight.timestamp()) + second
        a_tick_before = datetime.fromtimestamp(ts, UTC) - timedelta(microseconds=1)
        expected = a_tick_before.astimezone(zone).date()
        assert local_day(ts, zone) == expected
        assert known.day(ts, zone) == known.day(ts, zone) == expected


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31)),  # noqa: DTZ001
    st.sampled_from(ZONES),
)
def test_any_time_is_of_the_local_day_a_tick_before_it(at: datetime, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    ts = int(at.replace(tzinfo=UTC).timestamp())
    a_tick_before = datetime.fromtimestamp(ts, UTC) - timedelta(microseconds=1)
    assert local_day(ts, zone) == a_tick_before.astimezone(zone).date()
