# SPDX-License-Identifier: GPL-2.0-only
"""Mistakes in a model's file: all at once, each with its line, its key and what is allowed."""

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.meters import model
from edge_agent.meters.model_check import mistakes
from shared_schema.settings.mistakes import Mistake

BAD = """\
title = "Maker X"
client = 133
deviaton_sign = 1
max_info_length = 10
lists = "maybe"
registers = ["1.0.1.8.0.255", "1.8.0"]

[[profiles]]
obis = "1.0.99.1.0.255"

[[profiles]]
obis = "1.0.99.2.0"
every = "fortnight"
window_h = 0
"""


@pytest.mark.parametrize("name", model.names())
def test_the_packaged_models_have_no_mistake(name: str) -> None:
    assert mistakes((files("edge_agent") / "models" / f"{name}.toml").read_text()) == []


def test_every_mistake_is_told_with_its_line() -> None:
    found = {each.key: each for each in mistakes(BAD)}
    assert {key: each.line for key, each in found.items()} == {
        "client": 2,
        "deviaton_sign": 3,
        "max_info_length": 4,
        "lists": 5,
        "registers 2": 6,
        "[[profiles]] 2, obis": 12,
        "[[profiles]] 2, every": 13,
        "[[profiles]] 2, window_h": 14,
    }
    assert found["client"].allowed.endswith("at most 127")
    assert found["deviaton_sign"].near == "deviation_sign"
    assert "no such key; did you mean deviation_sign? allowed: " in str(found["deviaton_sign"])
    assert "zone_offset_min" in found["deviaton_sign"].allowed
    assert found["max_info_length"].allowed == "a whole number at least 32 and at most 2030"
    assert "true or false" in found["lists"].allowed
    assert "OBIS code" in found["registers 2"].allowed
    assert "'day' or 'month'" in found["[[profiles]] 2, every"].allowed
    assert "cannot be 'fortnight'" in found["[[profiles]] 2, every"].said
    assert str(found["client"]).startswith("line 2: client: ")


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ('lists = "yes"', "true or false"),
        ("release = 1", "true or false"),
        ('max_info_length = "1024"', "a whole number"),
        ("zone_offset_min = true", "a whole number"),
        ('inter_frame_s = "0.5"', "a number"),
        ("public_pause_s = true", "a number"),
        ('[[profiles]]\nobis = "1.0.99.1.0.255"\nwindow_h = "24"', "a whole number"),
        ('[[profiles]]\nobis = "1.0.99.1.0.255"\nperiod_s = "900"', "a whole number"),
        ('[[profiles]]\nobis = "1.0.99.1.0.255"\nwhole = "yes"', "true or false"),
        ('[[status_bits]]\nbit = "3"\nmeans = "cable_cut"', "a whole number"),
        ('[[scaling]]\nobis = "8.0.1.0.0.255"\nunit = "19"\nscaler = 1', "a whole number"),
    ],
)
def test_a_value_of_another_kind_is_a_mistake(line: str, allowed: str) -> None:
    (found,) = mistakes(f'title = "x"\nclient = 16\n{line}\n')
    assert allowed in found.allowed
    assert found.line is not None


def test_numbers_with_a_point_are_taken() -> None:
    text = 'title = "x"\nclient = 16\ninter_frame_s = 0.02\npublic_pause_s = 2\n'
    assert mistakes(text) == []


def test_a_missing_key_and_what_is_no_toml() -> None:
    (missing,) = mistakes("client = 16\n")
    assert missing == Mistake(None, "title", "is missing", "a text in quotes")
    (broken,) = mistakes('title = "x"\nclient = \n')
    assert (broken.line, broken.said) == (2, "not TOML: Invalid value")


def test_a_key_of_another_table_is_not_taken_for_it() -> None:
    text = 'title = "x"\nclient = 16\n[[profiles]]\nobis = "1.0.99.1.0.255"\ntitle = 1\n'
    (extra,) = mistakes(text)
    assert (extra.line, extra.key) == (5, "[[profiles]] 1, title")


def test_the_file_is_good_exactly_when_the_model_loads() -> None:
    assert mistakes('title = "x"\nclient = 16\n') == []


@given(st.text(max_size=200))
def test_any_text_is_explained(text: str) -> None:
    for each in mistakes(text):
        assert str(each)
