# SPDX-License-Identifier: GPL-2.0-only
"""A meter by its name: what fits one alone is taken, what fits several is offered as a choice."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import ConfigurationError
from edge_agent.install import advice
from edge_agent.install.meter_names import find_meter
from edge_agent.settings.gateway import AgentSettings
from shared_schema.text import composed, label_fault

CONFIG = Path("/etc/agent.toml")
LABELS = ("A-12 electricity", "A-1204 electricity", "A-1204 water", "Lift", "Lift water", "12/A 1")


def gateway(*labels: str) -> AgentSettings:
    meters = [{"label": each, "address": number} for number, each in enumerate(labels, 17)]
    return AgentSettings.model_validate(
        {
            "gateway": "g",
            "spool": "s",
            "key_file": "k",
            "cloud_key_file": "c",
            "broker": {"host": "b"},
            "bus": [{"name": "riser-1", "port": "p", "meter": meters}],
        }
    )


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("A-1204 water", "A-1204 water"),
        ("A-1204/water", "A-1204 water"),
        ("a-1204/WATER", "A-1204 water"),
        ("A-1204/w", "A-1204 water"),
        ("A-12", "A-12 electricity"),
        ("Lift", "Lift"),
        ("Lift/", "Lift"),
        ("Lift w", "Lift water"),
        ("12/A", "12/A 1"),
    ],
)
def test_a_name_that_fits_one_label_is_taken(name: str, label: str) -> None:
    assert find_meter(gateway(*LABELS), name, CONFIG)[1].label == label


def test_a_name_of_two_meters_offers_the_choice() -> None:
    with pytest.raises(ConfigurationError) as caught:
        find_meter(gateway(*LABELS), "A-1204", CONFIG)
    assert str(caught.value) == (
        "two meters are called A-1204: A-1204 electricity (riser-1, address 18), "
        "A-1204 water (riser-1, address 19)"
    )
    next_step = "say which one, such as 'A-1204 water' or A-1204/water"
    assert advice.for_error(caught.value) == next_step


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("A-1240 water", "no meter 'A-1240 water'; did you mean A-1204 water?"),
        ("Pump", "no meter 'Pump': there are A-12 electricity, A-1204 electricity"),
        ("", "no meter '': there are"),
        ("/", "no meter '/': there are"),
    ],
)
def test_an_unknown_name_says_which_there_are(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match="has no meter") as caught:
        find_meter(gateway(*LABELS), name, CONFIG)
    assert said in str(caught.value)


def test_a_hundred_meters_are_not_all_offered() -> None:
    with pytest.raises(ConfigurationError, match=r"^100 meters are called A-1.* and 88 more$"):
        find_meter(gateway(*(f"A-1{number:02}" for number in range(100))), "A-1", CONFIG)


NAMES = st.text("Aa1 /-w", min_size=1, max_size=6)


LABELS_OF_ANY = NAMES.filter(lambda text: label_fault(text) is None).map(composed)


@given(st.lists(LABELS_OF_ANY, min_size=1, max_size=6, unique=True), NAMES)
def test_a_label_finds_its_own_meter_and_a_name_never_a_guess(labels: list[str], name: str) -> None:
    settings = gateway(*labels)
    for label in labels:
        assert find_meter(settings, label, CONFIG)[1].label == label
    with contextlib.suppress(ConfigurationError):
        found = find_meter(settings, name, CONFIG)[1].label
        beginning = "/".join(name.casefold().replace("/", " ").split())
        assert "/".join(found.casefold().replace("/", " ").split()).startswith(beginning)
