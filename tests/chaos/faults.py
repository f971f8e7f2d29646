# SPDX-License-Identifier: MIT
"""The clock and the disk of a program in a chaos run: what is preloaded, and what steers it.

`faults.c` says what it does. It needs no root and no mount, and the programs know nothing of it;
it has to be compiled where the run is.
"""

import mmap
import os
import random
import shutil
import struct
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
PAGE = 4096
BEGIN, BASE, SPEED, JUMP, KEPT, FULL, FROZEN = range(7)


def compiler() -> str | None:
    """Return the C compiler of this machine, if it has one."""
    return shutil.which("cc")


def compiled(folder: Path) -> Path:
    """Compile what is preloaded."""
    made = folder / "faults.so"
    words = ["-std=gnu11", "-O2", "-shared", "-fPIC", "-o", str(made), str(SOURCE)]
    subprocess.run([compiler() or "cc", *words], check=True)
    made.chmod(0o755)
    return made


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of a run: it begins with ``base`` and passes ``speed`` times as fast."""

    base: datetime
    speed: int
    begun_ns: int

    @classmethod
    def begin(cls, base: datetime, speed: int) -> "Clock":
        """Let the time run from now on."""
        return cls(base, speed, time.monotonic_ns())

    def at(self, monotonic_ns: int) -> datetime:
        """Return the run's time at a moment of the steady clock."""
        passed_us = (monotonic_ns - self.begun_ns) * self.speed // 1000
        return self.base + timedelta(microseconds=passed_us)

    def real_s(self, at: datetime) -> float:
        """Return how many real seconds after the beginning a time of the run was."""
        return (at - self.base).total_seconds() / self.speed


class Control:
    """What steers one program's faults."""

    def __init__(self, path: Path, clock: Clock | None) -> None:
        """Make the file; without a clock the program has the real time."""
        path.write_bytes(bytes(PAGE))
        path.chmod(0o644)
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), PAGE)
        self.path = path
        if clock is not None:
            base_us = (clock.base - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
            self.set(BEGIN, clock.begun_ns)
            self.set(BASE, base_us * 1000)
            self.set(SPEED, clock.speed * 1000)
            self.set(KEPT, 1)

    def set(self, field: int, value: int) -> None:
        """Set one of the numbers."""
        struct.pack_into("q", self._page, field * 8, value)

    def jump(self, by: timedelta) -> None:
        """Let the wall clock be wrong, and nobody keep it; by nothing: right again, and kept."""
        self.set(KEPT, int(not by))
        self.set(JUMP, by // timedelta(microseconds=1) * 1000)

    def fill(self, *, full: bool) -> None:
        """Let no file of the disk grow, or let them again."""
        self.set(FULL, int(full))

    def freeze(self, monotonic_ns: int) -> None:
        """Let the run's time stop."""
        self.set(FROZEN, monotonic_ns)


@dataclass(frozen=True, slots=True)
class Disk:
    """A folder, and what a power cut would leave of it."""

    folder: Path
    image: Path

    def environment(self) -> Mapping[str, str]:
        """Return what the preloaded library is told of it."""
        return {"CHAOS_DISK": str(self.folder), "CHAOS_IMAGE": str(self.image)}

    def settle(self) -> None:
        """Let all that is there be durable: what a system writes that goes on to run."""
        shutil.rmtree(self.image, ignore_errors=True)
        self.image.mkdir()
        names = []
        for file in sorted(self.folder.iterdir()):
            number = file.stat().st_ino
            shutil.copyfile(file, self.image / str(number))
            names.append(f"{number} {file.name}\n")
        self.image.joinpath("names").write_text("".join(names))

    def cut(self, chance: random.Random) -> int:
        """Leave what was durable, and of each page besides it one or the other.

        The names are those that were durable, or those of now: a system writes them in order.

        Returns:
            How many pages and names were lost.
        """
        files = {file.name: file.stat().st_ino for file in self.folder.iterdir()}
        live = {number: (self.folder / name).read_bytes() for name, number in files.items()}
        lines = self.image.joinpath("names").read_text().splitlines()
        durable = {name: int(number) for number, _, name in (each.partition(" ") for each in lines)}
        names = files if chance.random() < 0.5 else durable
        lost = len(files.items() ^ names.items())
        for name in files:
            (self.folder / name).unlink()
        for name, number in sorted(names.items()):
            content, pages = self._torn(number, live.get(number), chance)
            handle = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(handle, "wb") as made:
                made.write(content)
            lost += pages
        return lost

    def _torn(self, number: int, live: bytes | None, chance: random.Random) -> tuple[bytes, int]:
        """Return the content of a file after the cut, and how many of its pages were lost."""
        image = self.image / str(number)
        durable = image.read_bytes() if image.exists() else b""
        if live is None or live == durable:
            return durable, 0
        kept, lost = bytearray(), 0
        for at in range(0, max(len(live), len(durable)), PAGE):
            before, after = durable[at : at + PAGE], live[at : at + PAGE]
            if before != after and chance.random() < 0.5:
                lost += 1
                kept += before.ljust(min(PAGE, max(0, len(live) - at)), b"\0")
            else:
                kept += after
        return bytes(kept), lost
