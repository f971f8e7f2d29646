# SPDX-License-Identifier: GPL-2.0-only
"""What a diagnosis tells of the machine: its system, disks, memory, ports, clock and service.

What this machine does not tell is left out. Each program that is asked has seconds to answer.

In: paths. Out: plain values for JSON; lines of the journal. Never: a change; a secret's file.
"""

import contextlib
import grp
import os
import platform
import stat
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from edge_agent.gateway_clock import Stand, is_synchronised, kernel_synchronised, steady_s
from edge_agent.operate.machine import resident_bytes

UNIT: Final = "edge-agent.service"
_PACKAGES: Final = (
    *("iot-utility", "gurux-dlms", "pyserial", "paho-mqtt", "pydantic", "cryptography"),
)
_PROGRAM_S: Final = 10.0
_MEMORY: Final = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
_UNIT_FACTS: Final = (
    *("ActiveState", "SubState", "Result", "NRestarts", "ExecMainStatus", "ExecMainCode"),
    *("ExecMainStartTimestamp", "MemoryCurrent", "WatchdogUSec", "UnitFileState"),
)


def versions() -> dict[str, str]:
    """Return what is installed here: the packages, Python, the system, the model of the machine."""
    found = {"python": sys.version.split()[0], "kernel": platform.release()}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    with contextlib.suppress(OSError):
        found["system"] = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    with contextlib.suppress(OSError):
        model = Path("/proc/device-tree/model").read_bytes()
        found["machine"] = model.rstrip(b"\0").decode("utf-8", errors="replace")
    return found | {"architecture": platform.machine()}


def disks(spool: Path) -> list[dict[str, Any]]:
    """Return the room where the spool, the system and its logs lie."""
    found: dict[int, dict[str, Any]] = {}
    for path in (spool.parent, Path("/"), Path("/var/log"), Path("/boot/firmware")):
        with contextlib.suppress(OSError):
            disk, device = os.statvfs(path), path.stat().st_dev
            facts = {
                "path": str(path),
                "free_bytes": disk.f_bavail * disk.f_frsize,
                "total_bytes": disk.f_blocks * disk.f_frsize,
                "free_files": disk.f_favail,
                "read_only": bool(disk.f_flag & os.ST_RDONLY),
            }
            found.setdefault(device, facts)
    return list(found.values())


def memory() -> dict[str, Any]:
    """Return the machine's memory and load, and what this process holds."""
    found: dict[str, Any] = {"process_bytes": resident_bytes()}
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            if name in _MEMORY:
                found[name] = rest.strip()
    with contextlib.suppress(OSError):
        found["load"] = list(os.getloadavg())
    with contextlib.suppress(OSError, ValueError):
        text = Path("/sys/class/thermal/thermal_zone0/temp").read_text(encoding="ascii")
        found["temperature_c"] = int(text) / 1000
    return found


def ports() -> list[dict[str, str]]:
    """Return the serial ports of this machine, and who may open them."""
    found = []
    dev = Path("/dev")
    for path in sorted((*dev.glob("serial/by-id/*"), *dev.glob("ttyUSB*"), *dev.glob("ttyACM*"))):
        with contextlib.suppress(OSError, KeyError):
            at = path.stat()
            who = grp.getgrgid(at.st_gid).gr_name
            target = str(path.resolve())
            found.append(
                {"path": str(path), "is": target, "group": who, "mode": stat.filemode(at.st_mode)}
            )
    return found


def clock() -> dict[str, Any]:
    """Return what is known of this machine's clock."""
    stand = Stand.of_now()
    found: dict[str, Any] = {
        "set_since_start": is_synchronised(),
        "kept_now": kernel_synchronised(),
        "boot": stand.boot,
        "machine_up_s": int(steady_s()),
    }
    told = _asked("timedatectl", "show")
    return found | {"timedatectl": told} if told else found


def service(unit: str = UNIT) -> dict[str, str]:
    """Return what systemd says of the agent; nothing where there is no systemd."""
    lines = _asked("systemctl", "show", unit, f"--property={','.join(_UNIT_FACTS)}")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def journal(lines: int, unit: str = UNIT) -> list[str]:
    """Return the newest lines of the agent's journal; none where it cannot be read."""
    return _asked("journalctl", "-u", unit, "-n", str(lines), "-o", "short-iso", "--no-pager", "-q")


def last_lines(file: Path, lines: int, most_bytes: int) -> list[str]:
    """Return the newest lines of a log file.

    Raises:
        OSError: it cannot be read.
    """
    with file.open("rb") as opened:
        start = max(0, os.fstat(opened.fileno()).st_size - most_bytes)
        opened.seek(start)
        whole = slice(1 if start else 0, None)  # half a line may hold half a secret
        found = opened.read(most_bytes).decode("utf-8", errors="replace").splitlines()[whole]
        return found[-lines:] if lines else []


def _asked(*words: str) -> list[str]:
    """Return the lines that a program of the system prints; none where it cannot."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"}
    try:
        done = subprocess.run(
            words, capture_output=True, timeout=_PROGRAM_S, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    if done.returncode:
        return []
    return done.stdout.decode("utf-8", errors="replace").splitlines()
