# SPDX-License-Identifier: GPL-2.0-only
"""The fuzz of payloads and of files: `python -m tests.fuzz.lane payloads --count 1000000`."""

import argparse
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tests.fuzz import files, payloads
from tests.fuzz.payloads import Judged

MOST_GROWTH_MIB = 32
"""From an early part to a later one, of one process."""
_PART = 2500
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Lane:
    """What is spoiled, how one input is judged, and how long that may take."""

    judge: Callable[[int, int], Judged]
    most_cpu_s: float


LANES: Final = {
    "payloads": Lane(payloads.judge, payloads.MOST_CPU_S),
    "files": Lane(files.judge, files.MOST_CPU_S),
}


@dataclass(slots=True)
class Tally:
    """How many inputs ended how."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    broken: list[tuple[int, str]] = field(default_factory=list)
    resident_mib: list[float] = field(default_factory=list)
    """The most that a process had so far, after each part."""

    def add(self, other: "Tally") -> None:
        self.outcomes += other.outcomes
        self.slowest = max(self.slowest, other.slowest)
        self.broken += other.broken
        self.resident_mib += other.resident_mib


def fuzz(name: str, seed: int, numbers: range) -> Tally:
    """Judge some inputs."""
    tally, lane = Tally(), LANES[name]
    for number in numbers:
        try:
            found = lane.judge(seed, number)
        except Exception:
            tally.broken.append((number, traceback.format_exc(limit=-4)))
            tally.outcomes["BROKEN"] += 1
            continue
        tally.outcomes[found.outcome] += 1
        tally.slowest = max(tally.slowest, (found.cpu_s, number))
    tally.resident_mib.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return tally


def main() -> int:
    """Run the command."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz.lane", description=__doc__)
    options.add_argument("lane", choices=LANES)
    options.add_argument("--count", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--only", type=int, help="judge this input alone")
    asked = options.parse_args()
    begun = time.monotonic()
    first, end = (0, asked.count) if asked.only is None else (asked.only, asked.only + 1)
    parts = [range(at, min(at + _PART, end)) for at in range(first, end, _PART)]
    tally = Tally()
    with ProcessPoolExecutor(asked.processes) as pool:
        for part in pool.map(partial(fuzz, asked.lane, asked.seed), parts):
            tally.add(part)
            for number, text in part.broken:
                print(f"broken: input {number}\n{text}", flush=True)
    return report(tally, asked.lane, asked.seed, time.monotonic() - begun)


def report(tally: Tally, name: str, seed: int, took_s: float) -> int:
    """Print what came of it; return the exit code."""
    count, again = tally.outcomes.total(), f"python -m tests.fuzz.lane {name} --seed {seed} --only"
    print(f"fuzz: {count:,} {name} of seed {seed} in {took_s:.0f} s, {count / took_s:,.0f} /s")
    for outcome, times in tally.outcomes.most_common():
        print(f"  {times:9,} {outcome}")
    cpu_s, number = tally.slowest
    print(f"  slowest: {cpu_s * 1000:.1f} ms of CPU: {again} {number}")
    early = max(tally.resident_mib[: max(1, len(tally.resident_mib) // 4)])
    late = max(tally.resident_mib)
    print(f"  memory: {early:.0f} MiB after a quarter, {late:.0f} at the end")
    for number, _ in tally.broken[:_SHOWN]:
        print(f"  broken: {again} {number}")
    slow, grows = cpu_s > LANES[name].most_cpu_s, late - early > MOST_GROWTH_MIB
    return 1 if tally.broken or slow or grows else 0


if __name__ == "__main__":
    sys.exit(main())
