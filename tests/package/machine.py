# SPDX-License-Identifier: MIT
"""Two machines on one: a clean Debian as the gateway, and a network for it and the cloud.

Every command of the gateway runs in its own mount namespace, whose mounts go with it.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

GATEWAY, CLOUD = "iotu-gateway", "iotu-cloud"
ADDRESSES = {GATEWAY: "10.77.0.2", CLOUD: "10.77.0.1"}
RELEASE = os.environ.get("RELEASE", "bookworm")
MIRROR = "http://deb.debian.org/debian"
NEEDED = ("debootstrap", "ip", "lintian", "mosquitto", "systemd-analyze", "unshare")
NO_SERVICE_STARTS = "#!/bin/sh\nexit 101\n"
QUIET = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}


def require_tools() -> None:
    """Skip, and say why, where the gateway cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("installing a package into a clean Debian needs root")
    if missing := [each for each in NEEDED if not shutil.which(each)]:
        pytest.skip(f"this machine lacks {', '.join(missing)}: sudo apt install them")


def clean_root(cache: Path) -> Path:
    """Return a Debian that nothing was installed in, made once by debootstrap."""
    root = cache / f"debian-{RELEASE}"
    if not root.is_dir():
        fresh = root.with_name(f".{root.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        words = ["debootstrap", "--variant=minbase", RELEASE, str(fresh), MIRROR]
        made = subprocess.run(words, capture_output=True, text=True, check=False)
        if made.returncode:
            shutil.rmtree(fresh)
            pytest.skip(f"Debian cannot be fetched here: {made.stdout.splitlines()[-1:]}")
        fresh.rename(root)
    return root


@contextmanager
def network() -> Iterator[None]:
    """Two network namespaces with a cable between them."""
    ends = {GATEWAY: "iotu0", CLOUD: "iotu1"}
    try:
        for name in ends:
            _ip("netns", "add", name)
        _ip("link", "add", ends[GATEWAY], "type", "veth", "peer", "name", ends[CLOUD])
        for name, end in ends.items():
            _ip("link", "set", end, "netns", name)
            _ip("-n", name, "address", "add", f"{ADDRESSES[name]}/24", "dev", end)
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", end, "up")
        yield
    finally:
        for name in ends:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def cable(*, plugged: bool) -> None:
    """Plug the cable in, or pull it out, at the cloud's end."""
    _ip("-n", CLOUD, "link", "set", "iotu1", "up" if plugged else "down")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, check=True)


@dataclass(frozen=True, slots=True)
class Debian:
    """The gateway's root, and how commands run in it."""

    root: Path

    def command(
        self, words: Sequence[str], *, user: str = "root", online: bool = True
    ) -> list[str]:
        """Return a command of the gateway as one of this machine.

        Args:
            words: what runs there.
            user: as whom.
            online: with this machine's network, for apt; else with the gateway's own.
        """
        drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        inside = [*drop, "env", "HOME=/var/lib/edge-agent", *words]
        at = shlex.quote(str(self.root))
        script = (
            f"mount --rbind /dev {at}/dev && mount -t proc proc {at}/proc && "
            f"exec chroot {at} {shlex.join(words if user == 'root' else inside)}"
        )
        outside = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        return outside if online else ["ip", "netns", "exec", GATEWAY, *outside]

    def run(
        self, *words: str, user: str = "root", code: int = 0, online: bool = True, say: str = ""
    ) -> str:
        """Run a command and return what it said; ``say`` goes to its input."""
        done = subprocess.run(
            self.command(words, user=user, online=online),
            env={**QUIET, "DEBIAN_FRONTEND": "noninteractive"},
            input=say,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def install(self, package: Path) -> str:
        """Install a package with apt, an older one too."""
        shutil.copy(package, self.root / "tmp" / package.name)
        words = ("install", "--yes", "--quiet", "--no-install-recommends", "--allow-downgrades")
        return self.run("apt-get", *words, f"/tmp/{package.name}")  # noqa: S108 - of that root

    def start(self, words: Sequence[str], log: Path, **environment: str) -> subprocess.Popen[bytes]:
        """Start a program as the agent's user, in the gateway's network."""
        with log.open("ab") as file:
            return subprocess.Popen(
                self.command(words, user="edge-agent", online=False),
                env={**QUIET, **environment},
                stdout=file,
                stderr=file,
            )
