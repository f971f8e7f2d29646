# SPDX-License-Identifier: GPL-2.0-only
"""The variables of a gateway: what they say is what is read, over the file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import ConfigurationError
from edge_agent.settings.file import PREFIX, load_settings, read_settings
from tests.support.settings_text import toml_of, variables_of

TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
METERS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["water", "is16444"]),
        "address_bytes": st.sampled_from([0, 1, 4]),
        "security": st.sampled_from(["lls", "none"]),
        "password_file": TEXTS,
        "set_clock": st.just(value=False),
        "setter": st.sampled_from([{}, {"client": 32, "password_file": "setter"}]),
    },
)
BUSES = st.fixed_dictionaries(
    {"meter": st.lists(METERS, min_size=1, max_size=3)},
    optional={
        "baudrate": st.sampled_from([300, 9600]),
        "parity": st.sampled_from(["even", "none"]),
        "turnaround_s": st.sampled_from([0.5, 2, 9.25]),
    },
)
OPTIONAL = st.fixed_dictionaries(
    {"broker": st.fixed_dictionaries({"host": TEXTS}, optional={"port": st.integers(1, 65535)})},
    optional={
        "poll_period_s": st.integers(60, 900),
        "models_dir": TEXTS,
        "assume_synchronised_clock": st.booleans(),
        "commands": st.sampled_from([{"allow": []}, {"allow": ["set_clock", "read_now"]}]),
        "clocks": st.fixed_dictionaries({}, optional={"max_drift_s_per_day": st.just(1.5)}),
        "bus": st.lists(BUSES, min_size=1, max_size=2),
    },
)
NEEDED = {"gateway": "gw-1", "spool": "s.db", "key_file": "g.key", "cloud_key_file": "/c.pem"}


def named(said: dict[str, object]) -> dict[str, object]:
    """Give each bus and each meter what tells it from the others."""
    buses = said.get("bus", [])
    assert isinstance(buses, list)
    for number, bus in enumerate(buses):
        bus |= {"name": f"riser-{number}", "port": f"/dev/{number}"}
        for place, meter in enumerate(bus["meter"]):
            meter |= {"label": f"T{number}/{place} 水", "address": place + 1}
    return NEEDED | said


@given(OPTIONAL.map(named))
def test_file_and_environment_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    file, empty = folder / "agent.toml", folder / "empty.toml"
    file.write_text(toml_of(document), encoding="utf-8")
    empty.write_text("")
    expected = read_settings(file, {}).settings
    single = dict(variables_of(document, PREFIX))
    assert read_settings(empty, single).settings == expected
    assert read_settings(file, single).settings == expected
    whole = dict(variables_of(document, PREFIX, whole=True))
    assert read_settings(empty, whole).settings == expected


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "agent.toml"
    bus = {"name": "riser-1", "port": "/dev/1", "meter": [{"label": "A-1", "address": 1}]}
    file.write_text(toml_of({**NEEDED, "broker": {"host": "file"}, "bus": [bus]}))
    monkeypatch.setenv("EDGE_AGENT_BROKER__HOST", "environment")
    monkeypatch.setenv("EDGE_AGENT_BUS__0__METER__0__PASSWORD_FILE", "a-1.password")
    monkeypatch.setenv("EDGE_AGENT_ZONE", "")
    found = load_settings(file)
    assert found.broker.host == "environment"
    assert found.buses[0].meters[0].password_file == tmp_path / "a-1.password"
    assert found.zone == "Asia/Kolkata"


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(toml_of({**NEEDED, "broker": {"host": "b"}}))
    wrong = {
        "EDGE_AGENT_POLL_PERIOD_S": "5",
        "EDGE_AGENT_BUS": '[{"name": "riser-1"}]',
        "EDGE_AGENT_COMMANDS__ALLOW": "read_now",
        "EDGE_AGENT_BROKER_HOST": "b",
    }
    with pytest.raises(ConfigurationError) as caught:
        read_settings(file, wrong)
    assert sorted(caught.value.details) == [
        "EDGE_AGENT_BUS: [[bus]] riser-1, port: is missing; allowed: a path in quotes",
        "EDGE_AGENT_COMMANDS__ALLOW: is no such JSON; allowed: a list of: 'read_now' or 'backfill' "
        "or 'read_events' or 'set_clock' or 'diagnose'",
        "EDGE_AGENT_POLL_PERIOD_S: Input should be greater than or equal to 60, not 5; allowed: "
        "a whole number at least 60 and at most 86400",
        "the variable EDGE_AGENT_BROKER_HOST is no setting; did you mean EDGE_AGENT_BROKER__HOST?",
    ]
    del wrong["EDGE_AGENT_BUS"], wrong["EDGE_AGENT_COMMANDS__ALLOW"]
    with pytest.raises(ConfigurationError, match=r"^EDGE_AGENT_POLL_PERIOD_S: Input should be"):
        read_settings(file, wrong)


NAMES = st.sampled_from(
    [
        "EDGE_AGENT_BROKER",
        "EDGE_AGENT_BROKER__HOST",
        "EDGE_AGENT_BROKER__TLS__CA",
        "EDGE_AGENT_BUS",
        "EDGE_AGENT_BUS__0",
        "EDGE_AGENT_BUS__0__METER",
        "EDGE_AGENT_BUS__0__METER__0__LABEL",
        "EDGE_AGENT_COMMANDS__ALLOW",
        "EDGE_AGENT_GATHER_S",
        "EDGE_AGENT_ZONE",
    ]
)
VALUES = st.text(max_size=20) | st.sampled_from(["{}", "[]", "[{}]", "1", "null", '"x"'])


@given(st.dictionaries(NAMES, VALUES))
def test_any_variables_are_settings_or_explained(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(toml_of({**NEEDED, "broker": {"host": "b"}}))
    said: tuple[str, ...] = ("settings",)
    try:
        read_settings(file, environment)
    except ConfigurationError as error:
        said = (*error.details, str(error))
    assert all(said)
