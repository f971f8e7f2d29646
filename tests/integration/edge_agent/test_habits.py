# SPDX-License-Identifier: GPL-2.0-only
"""Meters that nobody here wrote: a pairwise product of habits, from the scan to the readings.

The first product is of habits that are read where the installer's model names what it must. The
second is of habits that are refused, or that the model does not name, each among the others.
A meter ends *right*: all is read and true. Or it is not green, and a sentence names the habit.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from shared_schema.message import MeterId
from tests.support.line_time import LineTime
from tests.support.odd_meters import AK, EK, MAKER, START, WHO, Outcome, Place, write_models
from tests.support.pairwise import Row, all_pairs, pairs_of, pairwise_product

OFF_ON: Final = (False, True)
KEYS: Final = {"encryption_key": EK, "authentication_key": AK}
SECURITY: Final[dict[object, dict[str, Any] | None]] = {
    "plain": None,
    "glo": KEYS,
    "general": {**KEYS, "general": True},
}
SERIALS: Final[dict[object, tuple[dict[str, str], str, MeterId]]] = {
    # What the meter does, the model's keys, and as whom it is known.
    "text": ({}, "", WHO),
    "octets": (
        {"serial_form": "octets"},
        'decoding = "hex"',
        MeterId(manufacturer=MAKER, serial="BC614E"),
    ),
    "bcd": ({"serial_form": "bcd"}, 'decoding = "bcd"', WHO),
    "ff": ({"serial_form": "ff_padded"}, 'trim = ["ff"]', WHO),
    "spaces": ({"serial_form": "space_padded"}, "", WHO),
    "unsigned": ({"serial_form": "unsigned"}, "", WHO),
    "maker_place": ({"serial_place": "0.0.96.1.1.255"}, 'code = "0.0.96.1.1.255"', WHO),
    "device_name": (
        {"serial_place": "0.0.42.0.0.255"},
        'code = "0.0.42.0.0.255"',
        MeterId(manufacturer=MAKER, serial=f"{MAKER}12345678"),
    ),
}
READ: Final[dict[str, tuple[object, ...]]] = {
    "model": ("single_phase", "three_phase", "water"),
    "serial": tuple(SERIALS),
    "security": tuple(SECURITY),
    "deviation": ("standard", "reversed", "unspecified", "zero", "ffff", "utc"),
    "range_deviation": ("any", "required", "refused"),
    "max_pdu": (1024, 64, 128, 65535),
    "max_info": (2030, 32, 128, 1024),
    "slow_s": (0.0, 0.8),
    "ranges": (True, False),
    "null_timestamps": OFF_ON,
    "null_rows": OFF_ON,
    "bcd": OFF_ON,
    "compact_rows": OFF_ON,
    "clock_last": OFF_ON,
    "short_buffer": OFF_ON,
    "kilo": OFF_ON,
    "lists": ("granted", "not_offered", "refused"),
    "aare": ("standard", "no_limit", "more_fields", "no_terms"),
    "ua": ("standard", "unknown", "empty", "wrong_group"),
    "not_ready": OFF_ON,
    "not_final": OFF_ON,
    "dribbles": OFF_ON,
}
REFUSED: Final[dict[object, tuple[Row, str]]] = {
    # What the meter does as well, and a pattern of the words that name it.
    "float32": ({"floats": "float32"}, "holds the float"),
    "float64": ({"floats": "float64"}, "holds the float"),
    "trailing": ({"trailing": True}, "bytes are left after the value"),
    "short_rows": ({"short_rows": True}, "says more rows than it has bytes|ends within a row"),
    "dedicated": (
        {"dedicated": True, "security": "glo"},
        "general-ded-ciphering, under a dedicated key",
    ),
    "octets, no model": ({"serial": "octets"}, 'decoding = "hex" reads it'),
    "bcd, no model": ({"serial": "bcd"}, 'decoding = "bcd" reads it'),
    "ff, no model": ({"serial": "ff"}, r'"ff"\] reads it'),
    "place, no model": ({"serial": "device_name"}, "does not tell its serial number"),
    "entry, no model": ({"ranges": False}, 'access = "entry"'),
    "deviation, no model": ({"range_deviation": "required"}, "range_deviation = true"),
}
_HABITS = (
    *("null_rows", "bcd", "compact_rows", "clock_last", "short_buffer", "kilo", "lists", "aare"),
    *("ua", "not_ready", "not_final", "dribbles", "floats", "trailing", "short_rows", "dedicated"),
)
_KEYS = (
    *("model", "deviation", "range_deviation", "max_pdu", "max_info", "slow_s", "ranges"),
    "null_timestamps",
)


def _fits(row: Row) -> bool:
    """Tell whether a meter can have these habits at once."""
    ciphered = row.get("security", "plain") != "plain"
    demands = row.get("range_deviation") == "required"
    states_nothing = row.get("ua") in ("empty", "wrong_group")
    return not (
        (row.get("kilo") and row.get("model") == "water")
        or (ciphered and row.get("max_pdu") == 64)
        or (ciphered and row.get("aare") == "no_terms")
        # Without a length in the UA, frames of 128 octets are agreed.
        or (states_nothing and row.get("max_info") == 32)
        or (demands and row.get("deviation") == "unspecified")
    )


def _fits_refused(row: Row) -> bool:
    """Tell the same of a meter with a habit that is refused."""
    refused = row.get("refused")
    forced = REFUSED[refused][0] if refused is not None else {}
    if any(row.get(name, value) != value for name, value in forced.items()):
        return False
    return _fits({**row, **forced})


READ_METERS: Final = [
    row for seed in range(1, 6) for row in pairwise_product(READ, seed=seed, fits=_fits)
]
REFUSED_METERS: Final = pairwise_product(
    {"refused": tuple(REFUSED), **READ}, seed=5, fits=_fits_refused
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    time = LineTime(START)
    with pytest.MonkeyPatch.context() as patch:
        time.rule(patch)
        yield Place(tmp_path_factory.mktemp("visits"), time, patch)


def _meter(row: Row) -> dict[str, Any]:
    habits = {name: row[name] for name in _HABITS if name in row}
    keys = {name: row[name] for name in _KEYS if name in row}
    serial, _, _ = SERIALS[row["serial"]]
    return {**keys, "security": SECURITY[row["security"]], "habits": {**habits, **serial}}


def _visit(place: Place, row: Row, refused: object = None) -> Outcome:
    """Visit a meter with the model that its habits want, but for one that is refused."""
    _, identity, who = SERIALS[row["serial"]]
    unnamed = REFUSED[refused][0] if "no model" in str(refused) else {}
    models = write_models(
        place.folder / f"models{place.visits}",
        identity=f"[identity]\n{identity}" if identity and "serial" not in unnamed else "",
        maker=MAKER if row["serial"] == "maker_place" else "",
        by_entry=not row["ranges"] and "ranges" not in unnamed,
        deviation=row["range_deviation"] == "required" and "range_deviation" not in unnamed,
    )
    return place.visit(_meter(row), models, who)


def test_the_products_have_three_hundred_meters() -> None:
    assert len(READ_METERS) + len(REFUSED_METERS) >= 300


def test_any_two_habits_meet() -> None:
    met = set().union(*map(pairs_of, READ_METERS))
    assert all_pairs(READ, _fits) <= met
    met = set().union(*map(pairs_of, REFUSED_METERS))
    assert all_pairs({"refused": tuple(REFUSED), **READ}, _fits_refused) <= met


@pytest.mark.parametrize("number", range(len(READ_METERS)))
def test_a_meter_of_odd_habits_is_read_right(place: Place, number: int) -> None:
    row = READ_METERS[number]
    found = _visit(place, row)
    assert found.is_right, (row, found)
    assert found.level == "green", (row, found)


@pytest.mark.parametrize("number", range(len(REFUSED_METERS)))
def test_what_is_not_read_is_named_and_nothing_is_wrong(place: Place, number: int) -> None:
    row = dict(REFUSED_METERS[number])
    refused = row.pop("refused")
    forced, named = REFUSED[refused]
    found = _visit(place, {**row, **forced}, refused)
    assert not found.wrong, (refused, row, found)
    if not found.is_right:
        assert found.level != "green", (refused, row, found)
        assert re.search(named, "\n".join(found.said)), (refused, row, found)


@pytest.mark.parametrize("deviation", ["standard", "reversed", "utc"])
def test_the_hour_that_comes_twice_is_read_right(place: Place, deviation: str) -> None:
    models = write_models(place.folder / f"models{place.visits}")
    after = datetime(2026, 10, 25, 3, 37, 20, tzinfo=UTC)
    found = place.visit({"deviation": deviation}, models, zone="Europe/Berlin", start=after)
    assert found.is_right, found
    assert found.level == "green", found


@pytest.mark.parametrize("deviation", ["zero", "ffff", "unspecified"])
def test_the_hour_that_comes_twice_unsaid_is_not_green(place: Place, deviation: str) -> None:
    models = write_models(place.folder / f"models{place.visits}")
    after = datetime(2026, 10, 25, 3, 37, 20, tzinfo=UTC)
    found = place.visit({"deviation": deviation}, models, zone="Europe/Berlin", start=after)
    assert not found.wrong, found
    assert found.level != "green", found
