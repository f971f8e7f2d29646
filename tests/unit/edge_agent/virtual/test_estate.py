# SPDX-License-Identifier: GPL-2.0-only
"""Estate files: what they build, and errors that name the place."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.virtual.counter import Model
from edge_agent.virtual.estate import EstateError, load_estate, parse_estate
from shared_schema.catalogue import ACTIVE_IMPORT, WATER_LOAD_PROFILE, WATER_VOLUME
from tests.unit.edge_agent.virtual.steady import IST

FILE = """
[[bus]]
name = "tower-a-1"
link = "tower-a-1.tty"

[[bus.meter]]
label = "A-101"
address = 17
model = "single_phase"
manufacturer = "GENUS"
serial = "GE101"
seed = 101
profile_days = 60
installed_at = 2026-01-01T00:00:00+05:30
initial = 5000
[bus.meter.load]
kind = "flat"
monthly = 312000

[[bus.meter]]
label = "A-101 water"
address = 18
model = "water"
manufacturer = "ITRON"
serial = "IT101"
scaler = -2
[bus.meter.load]
kind = "water"
leak_litres_per_hour = 30
leak_from = 2026-06-01T00:00:00+05:30

[[bus]]
name = "tower-a-bulk"
link = "bulk/tower-a.tty"

[[bus.meter]]
label = "A bulk"
address = 300
model = "three_phase"
manufacturer = "SECURE"
serial = "SE1"
metering_fails_at = 2026-06-20T09:00:00+05:30
[bus.meter.load]
kind = "sum"
members = ["GE101"]
loss_percent = 3
"""


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "estate.toml"
    path.write_text(FILE)
    estate = load_estate(path)
    assert [meter.spec.serial for meter in estate.meters()] == ["GE101", "IT101", "SE1"]
    flat, water, bulk = estate.meters()
    assert estate.meter("IT101") is water
    assert (flat.spec.seed, flat.spec.profile_days, flat.spec.initial) == ("101", 60, 5000)
    assert bulk.spec.model is Model.THREE_PHASE
    start, end = datetime(2026, 6, 2, tzinfo=IST), datetime(2026, 6, 16, tzinfo=IST)
    used = flat.register_at(ACTIVE_IMPORT, end) - flat.register_at(ACTIVE_IMPORT, start)
    whole = bulk.register_at(ACTIVE_IMPORT, end) - bulk.register_at(ACTIVE_IMPORT, start)
    assert abs(whole - used * 103 // 1000) <= 1
    after = datetime(2026, 7, 1, tzinfo=IST)
    assert bulk.register_at(ACTIVE_IMPORT, after) == bulk.register_at(
        ACTIVE_IMPORT, datetime(2026, 6, 20, 9, tzinfo=IST)
    )
    rows = water.rows(WATER_LOAD_PROFILE, start, start + timedelta(days=1))
    assert int(rows[-1].values[0]) - int(rows[0].values[0]) >= 72
    assert water.register_at(WATER_VOLUME, end) > 0
    assert set(estate.lines()) == {"tower-a-1", "tower-a-bulk"}


def _meter(**changes: Any) -> dict[str, Any]:
    return {
        "label": "A-1",
        "address": 1,
        "model": "single_phase",
        "manufacturer": "GENUS",
        "serial": "S1",
        "load": {"kind": "flat"},
    } | changes


def _file(*meters: dict[str, Any], **bus: Any) -> dict[str, Any]:
    return {"bus": [{"name": "b-1", "link": "b.tty", "meter": list(meters)} | bus]}


_KEYS = {"encryption_key": "00" * 16, "authentication_key": "11" * 16}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_file(_meter(adress=3)), ["bus 'b-1'", "meter 'A-1'", "adress"]),
        (_file(_meter(address=0)), ["bus 'b-1'", "meter 'A-1'", "address"]),
        (_file(_meter(), _meter(serial="S2")), ["bus 'b-1'", "address 1 is given twice"]),
        (_file(_meter(), _meter(address=2)), ["bus 'b-1'", "meter 'A-1'", "'S1' is given twice"]),
        (_file(_meter(load={"kind": "tariff"})), ["meter 'A-1'", "load, kind"]),
        (_file(_meter(load={"kind": "water"})), ["meter 'A-1'", "water meter"]),
        (_file(_meter(load={"kind": "sum"})), ["meter 'A-1'", "members"]),
        (_file(_meter(load={"kind": "sum", "members": ["X"]})), ["'A-1'", "no member 'X'"]),
        (_file(_meter(load={"kind": "sum", "members": ["S1"]})), ["'A-1'", "member of itself"]),
        (_file(_meter(load={"kind": "flat", "loss_percent": 3})), ["'A-1'", "loss_percent"]),
        (_file(_meter(load={"kind": "flat", "leak_litres_per_hour": 3})), ["'A-1'", "leak_from"]),
        (_file(_meter(scaler=-2)), ["'A-1'", "scaler"]),
        (_file(_meter(installed_at=datetime(2026, 1, 1))), ["'A-1'", "installed_at"]),  # noqa: DTZ001
        (_file(_meter(), link="../b.tty"), ["bus 'b-1'", "link"]),
        (_file(_meter(security={"encryption_key": "00"})), ["'A-1'", "security, encryption_key"]),
        (_file(_meter(security={**_KEYS, "suite": 2})), ["'A-1'", "have 64 hexadecimal digits"]),
        (_file(_meter(security=_KEYS, max_pdu=100)), ["'A-1'", "max_pdu 128 or more"]),
        (_file(_meter()) | {"zone": "Asia/Bombay-2"}, ["zone"]),
        ({"bus": []}, ["bus"]),
        ({"bus": [{"name": "b"}]}, ["bus 'b'", "link"]),
        (
            _file(
                _meter(model="water", load={"kind": "sum", "members": ["S2"]}),
                _meter(serial="S2", address=2),
            ),
            ["'A-1'", "another service"],
        ),
        ({"bus": [*_file(_meter())["bus"], *_file(_meter(serial="S2"))["bus"]]}, ["given twice"]),
    ],
)
def test_errors_name_the_place(content: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(EstateError) as caught:
        parse_estate(content)
    for word in words:
        assert word in str(caught.value)


def test_keys_of_a_virtual_meter() -> None:
    estate = parse_estate(
        _file(
            _meter(security=_KEYS),
            _meter(serial="S2", address=2, security={**_KEYS, "system_title": "4D4D4D0000BC614E"}),
            _meter(serial="S3", address=3),
        )
    )
    first, second, third = (meter.spec.security for meter in estate.meters())
    assert first is not None
    assert second is not None
    assert third is None
    assert (first.title[:3], len(first.title)) == (b"GEN", 8)
    assert second.title == b"MMM\x00\x00\xbcaN"
    assert first.keys.authentication == b"\x11" * 16
    assert first.reader_ciphered


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "estate.toml"
    path.write_text("[[bus")
    with pytest.raises(EstateError, match=r"estate\.toml"):
        load_estate(path)
    with pytest.raises(OSError, match=r"no\.toml"):
        load_estate(tmp_path / "no.toml")


def test_a_legacy_dial_counts_and_hangs_on_no_bus() -> None:
    dial = {key: value for key, value in _meter(serial="OLD1").items() if key != "address"}
    estate = parse_estate(
        {"bus": [{"name": "b", "link": "b.tty", "meter": [_meter()]}], "dial": [dial]}
    )
    start, end = datetime(2026, 6, 1, tzinfo=IST), datetime(2026, 7, 1, tzinfo=IST)
    meter = estate.meter("OLD1")
    assert meter.register_at(ACTIVE_IMPORT, end) > meter.register_at(ACTIVE_IMPORT, start)
    assert set(estate.lines()) == {"b"}
