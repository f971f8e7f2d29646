# SPDX-License-Identifier: GPL-2.0-only
"""The three files that cloud-init reads at the first boot of Raspberry Pi OS.

``user-data`` says who may log in, the names and the time, and starts the first boot of ours;
``network-config`` is netplan's; ``meta-data`` names this preparation: another one is another
instance.

In: the answers. Out: texts. Pure but for the Wi-Fi's password, which is handed in as its key.
"""

import hashlib
import ipaddress
from typing import Final

from edge_agent.install.image.answers import Answers, Ethernet, Wifi
from edge_agent.install.image.yaml_text import Value, yaml_text

CARD: Final = "/boot/firmware/edge-agent"
"""Our folder on the boot partition, as the gateway sees it."""
_GROUPS: Final = "users,adm,dialout,netdev,plugdev,sudo"
"""As Imager's first user, without sound, games and pictures."""


def user_data(answers: Answers) -> str:
    """Write ``user-data``."""
    document: dict[str, Value] = {
        "hostname": answers.hostname,
        "manage_etc_hosts": "localhost",
        "timezone": answers.time_zone,
        "locale": answers.locale,
        "disable_root": True,
        "ssh_pwauth": False,
        "users": [
            {
                "name": answers.user,
                "gecos": "Installer of this gateway",
                "groups": _GROUPS,
                "shell": "/bin/bash",
                "lock_passwd": True,
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "ssh_authorized_keys": answers.ssh_keys,
            }
        ],
        "growpart": {"mode": "off"},
        "ntp": {"enabled": True, "ntp_client": "systemd-timesyncd", **_servers(answers)},
        "runcmd": [["sh", f"{CARD}/first-boot.sh", "install"]],
    }
    return "#cloud-config\n" + yaml_text(document)


def _servers(answers: Answers) -> dict[str, Value]:
    return {"servers": answers.ntp} if answers.ntp else {}


def network_config(answers: Answers, wifi_key: str | None) -> str:
    """Write ``network-config``.

    Args:
        answers: what was said.
        wifi_key: the key of the Wi-Fi, where there is one.
    """
    network: dict[str, Value] = {"version": 2, "ethernets": {"eth0": _ethernet(answers.ethernet)}}
    if answers.wifi is not None and wifi_key is not None:
        network["wifis"] = {"wlan0": _wifi(answers.wifi, wifi_key)}
    return yaml_text({"network": network})


def _ethernet(fixed: Ethernet | None) -> dict[str, Value]:
    if fixed is None:
        return {"dhcp4": True, "dhcp6": True, "optional": True}
    is_v6 = ipaddress.ip_address(fixed.router).version == 6
    return {
        "dhcp4": False,
        "dhcp6": False,
        "optional": True,
        "addresses": [fixed.address],
        "routes": [{"to": "::/0" if is_v6 else "0.0.0.0/0", "via": fixed.router}],
        "nameservers": {"addresses": fixed.dns},
    }


def _wifi(wifi: Wifi, key: str) -> dict[str, Value]:
    hidden: dict[str, Value] = {"hidden": True} if wifi.hidden else {}
    return {
        "dhcp4": True,
        "optional": True,
        "regulatory-domain": wifi.country,
        "access-points": {wifi.ssid: {"password": key, **hidden}},
    }


def meta_data(*texts: str) -> str:
    """Write ``meta-data``: the same preparation is the same instance, for all time."""
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    return yaml_text({"instance-id": f"edge-{digest}", "dsmode": "local"})
