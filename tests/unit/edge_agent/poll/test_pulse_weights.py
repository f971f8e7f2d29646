# SPDX-License-Identifier: GPL-2.0-only
"""Pulse weights: any that is a finite decimal, exactly, and told apart from the meter's count."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_agent.decode import buffer
from edge_agent.dlms import axdr
from edge_agent.meters.model import Scaling, load
from edge_agent.meters.model_check import mistakes
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import poll
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import WATER_LOAD_PROFILE, WATER_VOLUME, Unit
from shared_schema.readings import MAX_WEIGHT
from tests.unit.edge_agent.wire import NOW, Wire, meter, password_file

LITRES = ("0.25", "0.5", "2.5", "5", "20", "25", "1", "10", "100")
HEAD = 'title = "Maker X"\nclient = 16\n'


def scaling(**given_: object) -> Scaling:
    return Scaling.model_validate({"obis": WATER_VOLUME, "unit": Unit.LITRE, **given_})


@given(
    st.decimals("0.001", "1000000", places=3),
    st.integers(min_value=0, max_value=2**32 - 1),
)
def test_a_count_of_pulses_is_worth_exactly_its_weight(weight: Decimal, count: int) -> None:
    scale = scaling(weight=weight).scale
    raw = buffer.raw_of_pulses(count, scale.weight)
    assert raw is not None
    assert Decimal(raw).scaleb(scale.scaler) == count * weight
    assert raw // scale.weight == count
    assert scale.weight % 10


@pytest.mark.parametrize(
    ("given_", "scale"),
    [
        ({"scaler": 1}, (1, 19, 1)),
        ({"weight": 10}, (1, 19, 1)),
        ({"weight": "2.5"}, (-1, 19, 25)),
        ({"weight": Decimal("0.25")}, (-2, 19, 25)),
        ({"weight": 20}, (1, 19, 2)),
        ({"impulses": 400, "unit": Unit.CUBIC_METRE}, (-4, 13, 25)),
        ({"impulses": 1, "unit": Unit.CUBIC_METRE}, (0, 13, 1)),
    ],
)
def test_one_weight_has_one_form(given_: dict[str, object], scale: tuple[int, int, int]) -> None:
    assert scaling(**given_).scale == axdr.Scale(*scale)


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        ({}, "give one of scaler, weight"),
        ({"scaler": 0, "weight": 1}, "give one of scaler, weight"),
        ({"impulses": 300}, "300 impulses a unit are worth no finite decimal"),
        ({"weight": "0"}, "greater than 0"),
        ({"weight": "-2.5"}, "greater than 0"),
        ({"weight": "NaN"}, "finite number"),
        ({"weight": "1.2345678901"}, "at most 9 digits"),
        ({"weight": 10, "unit": Unit.CUBIC_METRE}, "unit 19 is the litre"),
    ],
)
def test_a_weight_that_cannot_be_is_refused(given_: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        scaling(**given_)


def test_a_mistake_in_a_weight_is_explained_with_its_line() -> None:
    def table(*lines: str) -> str:
        return "\n".join(["[[scaling]]", f'obis = "{WATER_VOLUME}"', *lines, ""])

    found = mistakes(
        HEAD
        + table("unit = 19", "weight = 0")
        + table("unit = 13", "impulses = 3")
        + table("unit = 19", "wieght = 2.5")
    )
    assert [str(each).split(";")[0] for each in found] == [
        "line 6: [[scaling]] 1, weight: Input should be greater than 0, not 0",
        "line 7: [[scaling]] 2: 3 impulses a unit are worth no finite decimal: set unit and scaler "
        "in the module",
        "line 14: [[scaling]] 3, wieght: no such key",
    ]
    (twice,) = mistakes(HEAD + 2 * table("unit = 19", "weight = 2.5"))
    assert f"{WATER_VOLUME} is weighed twice" in str(twice)
    assert mistakes(HEAD + table("unit = 19", "weight = 2.5")) == []


@pytest.mark.parametrize("litres", LITRES)
def test_a_module_that_counts_pulses_is_read_in_litres(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, litres: str
) -> None:
    spec = meter(1, 19, model="water", load={"kind": "water"}, pulse_litres=litres)
    wire = Wire(meters=[spec])
    virtual = wire.estate.meter("E1")
    kind = load("water").model_copy(update={"scaling": (scaling(weight=litres),)})
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: kind)
    config = MeterConfig(
        label="A-1", address=19, model="water", password_file=password_file(tmp_path)
    )
    found = poll(
        sessions(wire),
        config,
        lambda _meter: {},
        NOW,
        memory=Memory(),
        windows=60,
        monotonic=lambda: 0.0,
    )
    assert found.findings == ()
    weight = Decimal(litres)
    for profile in (None, WATER_LOAD_PROFILE):
        blocks = [block for block in found.rows if block.profile == profile]
        (column,) = {column for block in blocks for column in block.columns}
        assert column.unit == Unit.LITRE
        values = [
            Decimal(row[2] or 0).scaleb(column.scaler) for block in blocks for row in block.rows
        ]
        counts = (
            [virtual.register_at(WATER_VOLUME, NOW)]
            if profile is None
            else [row.values[0] for row in virtual.buffered(WATER_LOAD_PROFILE, NOW)]
        )
        assert values == [Decimal(str(count)) * weight for count in counts]
        assert values[-1] > 0
    assert {column.weight for block in found.rows for column in block.columns} == {
        scaling(weight=litres).scale.weight
    }


def test_a_count_that_its_weight_makes_too_large_is_no_number() -> None:
    assert buffer.raw_of_pulses(2**62, MAX_WEIGHT) is None
    assert buffer.raw_of_pulses(2**32 - 1, MAX_WEIGHT) == (2**32 - 1) * MAX_WEIGHT
