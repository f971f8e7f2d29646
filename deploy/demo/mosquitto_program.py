# SPDX-License-Identifier: MIT
"""The program of mosquitto: the system's, or Debian's package unpacked where it is not installed.

By hand, because no wheel on the package index carries mosquitto, and a container needs Docker:
the demo runs on a machine that has neither.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.demo.debian import PackageUnavailable, unpack
from deploy.demo.rootless import Account, LocalServerError, private_copy
from deploy.demo.server_process import clean_environment

PLUGIN = "mosquitto_dynamic_security.so"


@dataclass(frozen=True, slots=True)
class Mosquitto:
    """The broker's program, its plugin of logins, and the folders of its libraries."""

    program: Path
    plugin: Path
    libraries: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What the program is started with."""
        return {"LD_LIBRARY_PATH": self.libraries} if self.libraries else {}


def find_mosquitto(account: Account, place: Path) -> Mosquitto:
    """Return the program that the account can run.

    Args:
        account: whom it runs as.
        place: where a copy may be made that the account reaches.

    Raises:
        LocalServerError: it is not installed and cannot be fetched.
    """
    installed = shutil.which(
        "mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    )
    if installed is not None and account.reaches(Path(installed)):
        root = Path(installed).parents[1]
        plugin = _plugin([root / "lib", Path("/usr/lib")])
        if plugin is not None:
            return Mosquitto(Path(installed), plugin)
    folder = _unpacked(_cache())
    if account.switched:
        folder = private_copy([folder], place / "programs") / folder.name
    plugin = _plugin([folder / "usr/lib"])
    if plugin is None:
        raise LocalServerError(f"Debian's package of mosquitto has no {PLUGIN}: install mosquitto")
    return Mosquitto(folder / "usr/sbin/mosquitto", plugin, _libraries(folder))


def _plugin(folders: list[Path]) -> Path | None:
    return next((file for folder in folders for file in _candidates(folder)), None)


def _candidates(folder: Path) -> list[Path]:
    return sorted((*folder.glob(PLUGIN), *folder.glob(f"*/{PLUGIN}")))


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(given) if given else Path.home() / ".cache") / "iot-utility"
    except RuntimeError:
        raise LocalServerError("set HOME or XDG_CACHE_HOME: mosquitto is unpacked there") from None


def _unpacked(cache: Path) -> Path:
    """Debian's package in our cache, fetched at the first time; two runs may fetch it at once."""
    cache.mkdir(parents=True, exist_ok=True)
    known = [folder for folder in cache.glob("mosquitto-*") if folder.stat().st_uid == os.geteuid()]
    if known:
        return max(known, key=lambda folder: folder.stat().st_ctime)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=cache) as name:
        fresh = Path(name) / "tree"
        fresh.mkdir()
        try:
            version = unpack("mosquitto", fresh)
        except PackageUnavailable as error:
            raise LocalServerError(
                "mosquitto is not installed and Debian's package cannot be fetched: install "
                f"mosquitto, or give the address of a broker ({error})"
            ) from error
        _require_libraries(fresh)
        target = cache / f"mosquitto-{version}"
        # Fails where another run was faster; its tree is as good.
        with suppress(OSError):
            fresh.rename(target)
    return target


def _require_libraries(folder: Path) -> None:
    listing = subprocess.run(
        ["ldd", str(folder / "usr/sbin/mosquitto")],
        env=clean_environment({"LD_LIBRARY_PATH": _libraries(folder)}),
        capture_output=True,
        text=True,
        check=False,
    )
    lacking = re.findall(r"(\S+) => not found", listing.stdout)
    if listing.returncode != 0 or lacking:
        raise LocalServerError(
            "mosquitto is not installed and Debian's package lacks libraries here: "
            f"{', '.join(lacking) or listing.stderr.strip()}"
        )


def _libraries(folder: Path) -> str:
    return ":".join(sorted({str(file.parent) for file in folder.rglob("lib*.so.*")}))
