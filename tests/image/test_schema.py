# SPDX-License-Identifier: GPL-2.0-only
"""The files of cloud-init are taken by cloud-init and netplan themselves: ``make test-image``.

Both are unpacked from Debian into a private folder, without root; neither is installed.
"""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.debian import PackageUnavailable, unpack
from edge_agent.install.image.answers import Answers, Ethernet, Wifi
from edge_agent.install.image.cloud_init import network_config, user_data
from tests.unit.edge_agent.install.image.cards import SSH_KEY

CACHE = Path(__file__).parents[2] / ".cache" / "cloud-init"
FIXED = Ethernet(address="192.168.1.20/24", router="192.168.1.1", dns=("192.168.1.1",))
SIXTH = Ethernet(address="fd00::5/64", router="fd00::1", dns=("fd00::1", "fd00::2"))
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "all": {
        "hostname": "gw-1",
        "user": "rao",
        "ssh_keys": (SSH_KEY, SSH_KEY),
        "locale": "en_IN.UTF-8",
        "ntp": ("time.example", "192.168.1.1"),
        "ethernet": FIXED,
        "wifi": Wifi(ssid="Lake: #2", password_file=Path("w"), country="IN", hidden=True),
    },
    "sixth version": {"ethernet": SIXTH},
}

pytestmark = pytest.mark.skipif(
    os.environ.get("IOT_UTILITY_IMAGE") != "1", reason="cards are tried by: make test-image"
)


@pytest.fixture(scope="module")
def tools() -> Path:
    """A folder with Debian's cloud-init and netplan."""
    if not CACHE.is_dir():
        fresh = CACHE.with_name(f"{CACHE.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        try:
            for package in ("cloud-init", "netplan.io"):
                unpack(package, fresh)
        except PackageUnavailable as error:
            pytest.skip(f"Debian's cloud-init cannot be fetched here: {error}")
        fresh.rename(CACHE)
    return CACHE


def _answers(said: dict[str, Any]) -> Answers:
    defaults: dict[str, Any] = {
        "gateway": "gw-tower-1",
        "ssh_keys": (SSH_KEY,),
        "time_zone": "Asia/Kolkata",
        "package": Path("edge-agent.deb"),
    }
    return Answers(**defaults | said)


@pytest.fixture
def schema(tools: Path, tmp_path: Path) -> Callable[[str], str]:
    """Say what cloud-init's schema says of a user-data."""

    def check(text: str) -> str:
        path = tmp_path / "user-data"
        path.write_text(text, encoding="utf-8")
        code = "import sys; from cloudinit.config.schema import main; sys.exit(main())"
        done = subprocess.run(
            ["/usr/bin/python3", "-W", "ignore", "-c", code, "--config-file", str(path)],
            env={"PYTHONPATH": str(tools / "usr/lib/python3/dist-packages"), "PATH": "/usr/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    return check


@pytest.mark.parametrize("case", CASES)
def test_cloud_init_takes_the_user_data(case: str, schema: Callable[[str], str]) -> None:
    assert "Valid" in schema(user_data(_answers(CASES[case])))


def test_cloud_init_refuses_what_is_wrong(schema: Callable[[str], str]) -> None:
    said = schema(user_data(_answers({})).replace('mode: "off"', 'mode: "sideways"'))
    assert "Valid" not in said
    assert "growpart" in said


@pytest.mark.parametrize("case", CASES)
def test_netplan_takes_the_network(case: str, tools: Path, tmp_path: Path) -> None:
    answers = _answers(CASES[case])
    folder = tmp_path / "etc/netplan"
    folder.mkdir(parents=True)
    path = folder / "50-cloud-init.yaml"
    path.write_text(network_config(answers, "ab" * 32 if answers.wifi else None), encoding="utf-8")
    path.chmod(0o600)
    done = subprocess.run(
        [str(tools / "usr/libexec/netplan/generate"), "--root-dir", str(tmp_path)],
        env={"LD_LIBRARY_PATH": ":".join(map(str, (tools / "usr/lib").glob("*-linux-gnu")))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = (tmp_path / "run/systemd/network/10-netplan-eth0.network").read_text()
    if answers.ethernet is not None:
        assert f"Address={answers.ethernet.address}" in made
        assert re.search(rf"^Gateway={answers.ethernet.router}$", made, re.MULTILINE)
    else:
        assert "DHCP=yes" in made
    if answers.wifi is not None:
        wireless = (tmp_path / "run/netplan/wpa-wlan0.conf").read_text()
        assert "psk=" + "ab" * 32 in wireless
        assert f'ssid="{answers.wifi.ssid}"' in wireless
        assert "country=IN" in wireless
