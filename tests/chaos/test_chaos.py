# SPDX-License-Identifier: MIT
"""A short chaos run, and whether what it is made of does what it says."""

import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.chaos.faults import Clock, Control, Disk, compiled, compiler
from tests.chaos.plan import WEIGHTS, strikes
from tests.chaos.run import Size, play, report

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C compiler (cc)")
BASE = datetime(2026, 10, 31, 16, 0, tzinfo=UTC)


@pytest.mark.slow
@needs_compiler
def test_what_meters_have_is_stored_through_all_faults(folder: Path) -> None:
    size = Size(
        seed=853,
        seconds=6,
        gateways=2,
        meters=5,
        days=3,
        speed=60,
        baud=None,
        gap_s=0.3,
        lasts=0.15,
    )
    result = play(size, folder, print)
    print(*report(result), sep="\n")
    assert result.verdict.wrong == []
    assert result.verdict.readings > 10_000
    assert sum(result.striker.done.values()) > 10


def test_a_seed_repeats_its_plan() -> None:
    plans = [strikes(seed, 600, gateways=4, workers=2) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]
    assert {(each.kind, each.fault) for each in plans[0]} == set(WEIGHTS)


def test_nobody_is_struck_twice_at_once() -> None:
    for seed in range(50):
        ends: dict[tuple[str, int], float] = {}
        for each in strikes(seed, 300, gateways=4, workers=2):
            assert ends.get((each.kind, each.number), 0.0) < each.at_s
            ends[each.kind, each.number] = each.until_s


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("faults"))


def python(library: Path, control: Control, script: str, disk: Disk | None = None) -> str:
    """Run a script with the faults preloaded."""
    preloaded = {"LD_PRELOAD": str(library), "CHAOS_CONTROL": str(control.path)}
    more = {} if disk is None else disk.environment()
    words = [sys.executable, "-c", script]
    environment = {**os.environ, **preloaded, **more}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout


CLOCKS = """
import time, edge_agent.gateway_clock as clock
print(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), clock.kernel_synchronised())
"""


@needs_compiler
def test_a_program_has_the_time_of_the_run(folder: Path, library: Path) -> None:
    clock = Clock(BASE, 1000, time.monotonic_ns() - 10**9)
    control = Control(folder / "control", clock)
    shown, steady, kept = python(library, control, CLOCKS).split()
    assert clock.at(time.monotonic_ns()).timestamp() > float(shown) > BASE.timestamp() + 1000
    assert abs(float(shown) - BASE.timestamp() - float(steady)) < 100
    assert kept == "True"


@needs_compiler
def test_a_clock_that_jumped_is_not_kept(folder: Path, library: Path) -> None:
    clock = Clock.begin(BASE, 1)
    control = Control(folder / "control", clock)
    control.jump(timedelta(days=-1))
    shown, steady, kept = python(library, control, CLOCKS).split()
    assert -86400 <= float(shown) - BASE.timestamp() < -86300
    assert float(steady) < 100
    assert kept == "False"


WRITES = """
import os
def write(name, data, sync):
    with open(name, "wb") as file:
        file.write(data)
        if sync:
            os.fsync(file)
def sync_folder():
    folder = os.open(".", os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
os.chdir(os.environ["CHAOS_DISK"])
"""


@needs_compiler
@pytest.mark.parametrize("seed", range(3))
def test_a_power_cut_takes_what_is_not_synced(folder: Path, library: Path, seed: int) -> None:
    disk = Disk(folder / "disk", folder / "image")
    disk.folder.mkdir()
    disk.folder.joinpath("old").write_bytes(b"old")
    disk.settle()
    script = (
        f"{WRITES}\nwrite('synced', b's' * 9000, True)\nsync_folder()\n"
        "write('nameless', b'n' * 9000, True)\nwrite('loose', b'l' * 9000, False)\n"
        "os.rename('old', 'new')"
    )
    python(library, Control(folder / "control", None), script, disk)
    disk.cut(random.Random(seed))
    left = {file.name: file.read_bytes() for file in disk.folder.iterdir()}
    assert left.pop("synced") == b"s" * 9000
    assert left.pop("nameless", b"n" * 9000) == b"n" * 9000
    assert set(left.pop("loose", b"")) <= set(b"l\0")
    assert left in ({"old": b"old"}, {"new": b"old"})


@needs_compiler
def test_a_full_disk_lets_no_file_grow(folder: Path, library: Path) -> None:
    disk = Disk(folder / "disk", folder / "image")
    disk.folder.mkdir()
    disk.folder.joinpath("there").write_bytes(b"there")
    disk.settle()
    control = Control(folder / "control", None)
    control.fill(full=True)
    script = (
        f"{WRITES}\nimport errno\n"
        "with open('there', 'r+b') as file:\n    file.write(b'THERE')\n"
        "try:\n    write('more', b'more', False)\n"
        "except OSError as error:\n    print(error.errno == errno.ENOSPC)"
    )
    assert python(library, control, script, disk).split() == ["True"]
    assert disk.folder.joinpath("there").read_bytes() == b"THERE"
