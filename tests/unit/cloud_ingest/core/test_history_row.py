# SPDX-License-Identifier: MIT
"""Lines of an earlier system: what each of them means, and why one is refused."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.history_row import RowParser
from cloud_ingest.core.known import KnownMeter
from shared_schema.catalogue import Unit
from shared_schema.obis import Obis

KOLKATA = ZoneInfo("Asia/Kolkata")
FROM = datetime(2025, 1, 1, tzinfo=UTC)
TO = datetime(2026, 1, 1, tzinfo=UTC)
KEPT_FROM = datetime(2025, 2, 1, tzinfo=UTC)
LATEST = datetime(2025, 12, 1, tzinfo=UTC)
IMPORT = "1.0.1.8.0.255"
VOLUME = "8.0.1.0.0.255"
LINE = {
    "manufacturer": "LNT",
    "serial": "1",
    "obis": IMPORT,
    "unit": "kWh",
    "scaler": "",
    "ts": "2025-07-01T00:15",
    "value": "4711.3",
}


def parser(zone: ZoneInfo = KOLKATA) -> RowParser:
    meters = {("LNT", "1"): KnownMeter(7, ((FROM, TO),))}
    return RowParser(meters, zone, int(LATEST.timestamp()), kept_from=KEPT_FROM)


def line(**words: str) -> dict[str, str]:
    if "raw" in words:
        return {name: word for name, word in {**LINE, **words}.items() if name != "value"}
    return {**LINE, **words}


@pytest.mark.parametrize(
    ("words", "unit", "scaler", "raw"),
    [
        ({}, Unit.WATT_HOUR, 0, 4_711_300),
        ({"scaler": "-1"}, Unit.WATT_HOUR, 2, 47_113),
        ({"unit": "Wh", "value": "12"}, Unit.WATT_HOUR, 0, 12),
        ({"unit": "Wh", "raw": "12", "scaler": "1"}, Unit.WATT_HOUR, 1, 12),
        ({"raw": "47113", "scaler": "-1"}, Unit.WATT_HOUR, 2, 47_113),
        ({"obis": VOLUME, "unit": "m3", "value": "1.25"}, Unit.CUBIC_METRE, -3, 1250),
        ({"obis": VOLUME, "unit": "kL", "value": "1.25"}, Unit.CUBIC_METRE, -3, 1250),
        ({"obis": VOLUME, "unit": "L", "value": "1250"}, Unit.LITRE, 0, 1250),
        ({"obis": "1.0.9.8.0.255", "unit": "kVAh", "value": "1"}, Unit.VOLT_AMPERE_HOUR, 0, 1000),
    ],
)
def test_a_line_says_which_channel_and_what(
    words: dict[str, str], unit: Unit, scaler: int, raw: int
) -> None:
    target, ts, found = parser().parse(line(**words))
    assert target.channel == (7, Obis.parse(words.get("obis", IMPORT)), unit, scaler, 1)
    assert (ts, found) == (int(datetime(2025, 6, 30, 18, 45, tzinfo=UTC).timestamp()), raw)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"serial": "2"}, "no meter 'LNT 2' is known"),
        ({"obis": "1.8.0"}, "not an OBIS code"),
        ({"unit": "BTU"}, "unit 'BTU' is not known"),
        ({"unit": "m3"}, "is not counted in m3"),
        ({"raw": "1"}, "scaler is missing"),
        ({"raw": "1.5", "scaler": "0"}, "raw '1.5' is no integer"),
        ({"raw": "1_000", "scaler": "0"}, "is no integer"),
        ({"raw": str(2**63), "scaler": "0"}, "beyond a 64-bit register"),
        ({"value": "9" * 30}, "beyond a 64-bit register"),
        ({"value": "9" * 50}, "is no number"),
        ({"scaler": "13"}, "scaler '13' is no integer from -12 to 12"),
        ({"value": "0.0001"}, "finer than 0.001 kWh"),
        ({"value": "NaN"}, "is no number"),
        ({"value": "1,5"}, "is no number"),
        ({"value": ""}, "is no number"),
        ({"ts": "yesterday"}, "is no time"),
        ({"ts": "2025-07-01T00:15:00.5"}, "finer than a second"),
        ({"ts": "1999-07-01"}, "not within 2000 to 2099"),
        ({"ts": "0001-01-01T00:00:00+14:00"}, "not within 2000 to 2099"),
        ({"ts": "2024-12-31T23:59:59Z"}, "was not installed"),
        ({"ts": "2025-02-01T00:00:00Z"}, "the store keeps (after 2025-02-01 05:30)"),
        ({"ts": "2025-12-01T00:00:01Z"}, "in the future"),
    ],
)
def test_a_line_that_cannot_be_stored_says_why(words: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        parser().parse(line(**words))


def test_an_ambiguous_hour_needs_its_offset() -> None:
    london = parser(ZoneInfo("Europe/London"))
    for ts in ("2025-03-30T01:30", "2025-10-26T01:30"):
        with pytest.raises(ValueError, match="give its offset"):
            london.parse(line(ts=ts))
    for ts, hour in (("2025-10-26T01:30+01:00", 0), ("2025-10-26T01:30+00:00", 1)):
        assert london.parse(line(ts=ts))[1] % 86400 == hour * 3600 + 1800


@given(
    raw=st.integers(-(2**63), 2**63 - 1),
    scaler=st.integers(-12, 12),
    seconds=st.integers(1, int((LATEST - KEPT_FROM).total_seconds())),
    offset=st.integers(-14 * 4, 14 * 4),
)
def test_a_value_equals_its_raw(raw: int, scaler: int, seconds: int, offset: int) -> None:
    at = KEPT_FROM + timedelta(seconds=seconds)
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 4:02}:{abs(offset) % 4 * 15:02}"
    shown = (at + timedelta(minutes=15 * offset)).replace(tzinfo=None).isoformat() + zone
    value = f"{Decimal(raw).scaleb(scaler):f}"
    words = {"ts": shown, "scaler": str(scaler)}
    row = parser().parse(line(**words, raw=str(raw)))
    assert row[1:] == (int(at.timestamp()), raw)
    assert parser().parse(line(**words, value=value)) == row
