# SPDX-License-Identifier: GPL-2.0-only
"""The files of cloud-init hold exactly what was said, whatever was said."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_agent.install.image import boot_files
from edge_agent.install.image.answers import Answers, Ethernet, Wifi
from edge_agent.install.image.cloud_init import meta_data, network_config, user_data
from edge_agent.install.image.yaml_text import yaml_text
from tests.unit.edge_agent.install.image.cards import CMDLINE, CONFIG, SSH_KEY

GOLDEN = Path(__file__).parent / "golden"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
DOCUMENTS = st.dictionaries(
    TEXTS,
    st.recursive(
        TEXTS | st.booleans() | st.integers(-(10**12), 10**12),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)
PRINTABLE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Co", "Cn", "Zs", "Zl", "Zp"])
    | st.just(" "),
    min_size=1,
    max_size=32,
)
SSIDS = PRINTABLE.filter(lambda name: len(name.encode()) <= 32)
HOSTILE = ('a"b', "x: y", "#no", "- list", "a\\nb", "'", "नेटवर्क", "📶", "null", "yes", "{", "!!int")


def answers(**said: Any) -> Answers:
    defaults: dict[str, Any] = {
        "gateway": "gw-tower-1",
        "ssh_keys": (SSH_KEY,),
        "time_zone": "Asia/Kolkata",
        "package": Path("edge-agent.deb"),
    }
    return Answers(**defaults | said)


def wifi(ssid: str) -> Wifi:
    return Wifi(ssid=ssid, password_file=Path("wifi.pw"), country="IN")


@given(DOCUMENTS)
def test_a_parser_reads_exactly_what_was_written(document: dict[str, Any]) -> None:
    assert yaml.safe_load(yaml_text(document)) == document


@given(SSIDS | st.sampled_from(HOSTILE))
def test_any_name_of_a_wifi_is_one_key(ssid: str) -> None:
    text = network_config(answers(wifi=wifi(ssid)), "0" * 64)
    points = yaml.safe_load(text)["network"]["wifis"]["wlan0"]["access-points"]
    assert points == {ssid: {"password": "0" * 64}}


@pytest.mark.parametrize(
    "ssid", ["", "a" * 33, "ए" * 11, "a\nb", "a\x00", "\u2028", "\x85", "\u202e"]
)
def test_what_no_wifi_is_called_is_refused(ssid: str) -> None:
    with pytest.raises(ValidationError):
        wifi(ssid)


@given(st.text(max_size=40))
def test_names_that_pass_are_safe_in_a_shell(name: str) -> None:
    try:
        made = answers(gateway=name)
    except ValidationError:
        return
    assert made.gateway.isascii()
    assert not set(made.gateway + made.hostname) & set(" \t\n'\"$`\\;|&<>()#*?!=")


@pytest.mark.parametrize(
    "said",
    [
        {"user": "root"},
        {"user": "edge-agent"},
        {"user": "Rao"},
        {"hostname": "-a"},
        {"hostname": "a.b"},
        {"ssh_keys": ()},
        {"ssh_keys": ("ssh-ed25519 AAAA rao",)},
        {"ssh_keys": (f"{SSH_KEY}\nssh-ed25519 AAAA",)},
        {"ssh_keys": (f'command="sh" {SSH_KEY}',)},
        {"time_zone": "../etc/passwd"},
        {"locale": "en_IN.UTF-8; reboot"},
        {"ntp": ("time.example; reboot",)},
        {"ntp": ("",)},
        {"root_gib": 2},
        {"what": "else"},
    ],
)
def test_what_cannot_be_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        answers(**said)


@pytest.mark.parametrize(
    ("address", "router"),
    [
        ("10.0.0.5", "10.0.0.1"),
        ("10.0.0.5/24", "10.0.1.1"),
        ("10.0.0.5/24", "router"),
        ("10.0.0.5/33", "10.0.0.1"),
    ],
)
def test_a_network_that_cannot_work_is_refused(address: str, router: str) -> None:
    with pytest.raises(ValidationError):
        Ethernet(address=address, router=router, dns=("10.0.0.1",))


def test_a_fixed_address_names_its_route_and_names() -> None:
    fixed = Ethernet(address="fd00::5/64", router="fd00::1", dns=("fd00::1",))
    found = yaml.safe_load(network_config(answers(ethernet=fixed), None))
    eth0 = found["network"]["ethernets"]["eth0"]
    assert eth0["dhcp4"] is False
    assert eth0["routes"] == [{"to": "::/0", "via": "fd00::1"}]


def test_the_hostname_comes_of_the_gateways_name() -> None:
    assert answers(gateway="GW_Tower.1").hostname == "gw-tower-1"


def test_the_files_are_these() -> None:
    fixed = Ethernet(address="192.168.1.20/24", router="192.168.1.1", dns=("192.168.1.1",))
    said = answers(
        ntp=("time.example", "192.168.1.1"), wifi=wifi('Lake "View" #2: गेट'), ethernet=fixed
    )
    assert user_data(said) == (GOLDEN / "user-data").read_text()
    assert network_config(said, "ab" * 32) == (GOLDEN / "network-config").read_text()


def test_another_preparation_is_another_instance() -> None:
    assert meta_data("a", "b") == meta_data("a", "b")
    assert meta_data("a", "b") != meta_data("a", "c")
    assert set(yaml.safe_load(meta_data("a"))) == {"instance-id", "dsmode"}


@given(st.text("abc =\t\n", max_size=60), st.sampled_from([None, "IN", "DE"]))
def test_the_command_line_is_the_same_the_second_time(text: str, country: str | None) -> None:
    once = boot_files.cmdline(text + " resize", country)
    assert boot_files.cmdline(once, country) == once
    assert once.count("\n") == 1
    assert "resize" not in once.split()


def test_the_country_of_the_radio_is_the_last_one_named() -> None:
    once = boot_files.cmdline(CMDLINE, "IN")
    assert boot_files.cmdline(once, "DE").split()[-1] == "cfg80211.ieee80211_regdom=DE"
    assert "regdom=IN" not in boot_files.cmdline(once, "DE")


@given(st.text("ab[]=#\n", max_size=60))
def test_the_watchdog_is_switched_on_once(text: str) -> None:
    once = boot_files.config(text)
    assert boot_files.config(once) == once
    assert once.startswith(text)
    assert boot_files.config(CONFIG).count("dtparam=watchdog=on") == 1
