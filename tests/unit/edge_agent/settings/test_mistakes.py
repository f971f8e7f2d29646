# SPDX-License-Identifier: GPL-2.0-only
"""Every mistake of an agent.toml at once, each with its place and what was probably meant."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import MOST_DETAILS, ConfigurationError
from edge_agent.install import advice
from edge_agent.settings.file import load_settings, parse_settings

GOOD = """\
gateway = "gw-1"
spool = "spool.db"
key_file = "gateway.key"
cloud_key_file = "cloud.pem"
poll_period_s = 900
zone = "Asia/Kolkata"
broker = { host = "b", username = "u", password_file = "b.pw" }
clocks = { set_above_s = 30, set_within_s = 600 }
commands = { allow = ["read_now", "backfill"] }
[[bus]]
name = "riser-1"
port = "/dev/1"
parity = "none"
[[bus.meter]]
label = "A-1203 electricity"
address = 17
[[bus.meter]]
label = "A-1204 electricity"
address = 18
encryption_key_file = "ek"
authentication_key_file = "ak"
[bus.meter.setter]
client = 48
[[bus]]
name = "riser-2"
port = "/dev/2"
baudrate = 9600
[[bus.meter]]
label = "A-1204 water"
address = 17
security = "lls"
"""
PLANTED = {
    'gateway = "gw-1"': ('gatway = "gw-1"', "line 1: gatway: no such key; did you mean gateway?"),
    'key_file = "gateway.key"': ("key_file = 12345678", "line 3: key_file: Input should be a"),
    "poll_period_s = 900": ("poll_period_s = 5", "line 5: poll_period_s: Input should be gr"),
    "Asia/Kolkata": ("Asia/Kolkatta", "line 6: zone: no time zone 'Asia/Kolkatta'"),
    'username = "u"': ('usernme = "u"', "line 7: [broker] usernme: no such key; did you mean user"),
    "set_above_s = 30": ("set_above_s = 600", "line 8: [clocks]: set_above_s must be less"),
    '"backfill"': ('"back-fil"', "line 9: [commands] allow 2: cannot be 'back-fil'; did you mean"),
    'parity = "none"': ('parity = "Even"', "line 13: [[bus]] riser-1, parity: cannot be 'Even'"),
    "address = 18": (
        "address = 17",
        "line 19: [[bus.meter]] A-1204 electricity, address: 17 stands twice",
    ),
    'encryption_key_file = "ek"': (
        "# no EK",
        "line 17: [[bus.meter]] A-1204 electricity: encryption_key_file and",
    ),
    "client = 48": ("client = 16", "line 23: [bus.meter.setter] A-1204 electricity, client: 16"),
    'name = "riser-2"': ('name = "riser-1"', "line 25: [[bus]] riser-1, name: riser-1 stands"),
    '"/dev/2"': ('"/dev/1"', "stands twice"),
    "baudrate = 9600": ("baudrate = 960", "cannot be 960; did you mean 9600?"),
    '"A-1204 water"': (
        '"A-1203 electricity"',
        "line 29: [[bus.meter]] A-1203 electricity, label: A-1203 electricity stands twice",
    ),
    'security = "lls"': ('security = "lls_ae"', "cannot be 'lls_ae'; did you mean lls-ae?"),
}


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        parse_settings(text, Path("/etc/agent.toml"))
    assert "/etc/agent.toml: " in str(caught.value)
    assert advice.for_error(caught.value)
    return caught.value.details or (str(caught.value).removeprefix("/etc/agent.toml: "),)


def test_the_good_file_is_good() -> None:
    assert parse_settings(GOOD, Path("/etc/agent.toml")).gateway == "gw-1"


@given(st.sets(st.sampled_from(sorted(PLANTED)), min_size=1))
def test_each_planted_mistake_is_told_and_no_other(planted: set[str]) -> None:
    text = GOOD
    for right in planted:
        assert text.count(right) == 1
        text = text.replace(right, PLANTED[right][0])
    found = refused(text)
    for right in planted:
        assert sum(PLANTED[right][1] in each for each in found) >= 1, (right, found)
    assert len(found) == len(planted), found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gateway = gw-1", "line 1, column 11: not TOML: Invalid value"),
        ("a = 1\na = 2\n", "line 2: not TOML: this key or table stands in line 1 already"),
        ("a = [1,", "not TOML: Invalid value at the end of the file"),
    ],
)
def test_what_is_no_toml_has_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_settings(text, Path("/etc/agent.toml"))
    assert str(caught.value) == f"/etc/agent.toml: {said}"
    assert "a text stands in quotes" in advice.for_error(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[bus]]\nname", "[bus]\nname", "is no such table: begin it with [[bus]]"),
        ("broker =", "[[broker]]\n#", "is no such table: begin it with [broker]"),
        ('parity = "none"', '"odd key" = 1', "odd key: no such key; allowed: name, port"),
    ],
)
def test_a_table_of_another_kind_is_explained(old: str, new: str, said: str) -> None:
    text = GOOD.partition("[[bus.meter]]")[0].replace(old, new)
    assert any(said in each for each in refused(text))


def test_no_more_than_twenty_mistakes_are_shown() -> None:
    meters = "".join(f'[[bus.meter]]\nlabel = "{n}"\naddress = 0\n' for n in range(50))
    found = refused(GOOD + meters)
    assert len(found) == MOST_DETAILS + 1
    assert found[-1] == "and 30 more"


def test_a_secret_in_the_place_of_its_file_is_not_shown() -> None:
    text = GOOD.replace('"gateway.key"', "123456789")
    assert "123456789" not in "".join(refused(text))


@given(st.text(max_size=300))
def test_any_text_is_settings_or_explained(text: str) -> None:
    assert all(refused(text))


@given(st.binary(max_size=200))
def test_any_bytes_are_settings_or_explained(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("site") / "agent.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError):
        load_settings(file)


VALUES = (
    *("5", "-1", "1.5", "nan", "true", '""', '"x"', '"\\u0000"', "2026-01-01", "01:02:03"),
    *(
        "[]",
        "[1]",
        "[[1]]",
        "[{}]",
        "{}",
        "{ a = 1 }",
        '["x"]',
        "[{ label = 5 }]",
        "[{ meter = 1 }]",
    ),
)
KEYS = [line for line in GOOD.splitlines() if "=" in line]


def outcome(text: str) -> str:
    try:
        parse_settings(text, Path("/etc/agent.toml"))
    except ConfigurationError as error:
        found = error.details or (str(error),)
        return "explained" if all(found) and advice.for_error(error) else "not explained"
    return "taken"


@given(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=4))
def test_any_value_at_any_key_is_taken_or_explained(changes: dict[str, str]) -> None:
    text = GOOD
    for line, value in changes.items():
        text = text.replace(line, f"{line.partition(' =')[0]} = {value}", 1)
    assert outcome(text) in {"taken", "explained"}


@given(st.sampled_from(("bus", "broker", "clocks", "commands")), st.sampled_from(VALUES))
def test_any_value_in_place_of_a_table_is_explained(name: str, value: str) -> None:
    assert outcome(f"{GOOD.partition('broker')[0]}{name} = {value}\n") == "explained"
