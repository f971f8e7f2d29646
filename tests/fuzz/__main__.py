# SPDX-License-Identifier: GPL-2.0-only
"""The fuzz of a meter's answers: `make fuzz COUNT=1000000 SEED=1`."""

import argparse
import signal
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.fuzz.corpus import StandingClock, repeatable
from tests.fuzz.play import Input, Played, play

MOST_CPU_S = 0.050
_HANGS_AFTER_S = 5.0
_SHOWN = 5
_PART = 2500


class Hang(BaseException):
    """An input takes too long."""


@dataclass
class Tally:
    """How many inputs ended how."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int, str] = (0.0, -1, "")
    """CPU seconds, the input, what it is about."""
    broken: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.outcomes += other.outcomes
        self.slowest = max(self.slowest, other.slowest)
        self.broken += other.broken


def fuzz(seed: int, numbers: range) -> Tally:
    """Play some inputs."""
    tally, clock = Tally(), StandingClock()
    signal.signal(signal.SIGVTALRM, _give_up)
    with repeatable(clock):
        for number in numbers:
            signal.setitimer(signal.ITIMER_VIRTUAL, _HANGS_AFTER_S)
            try:
                found = _fairly(seed, number, clock)
            except (Exception, Hang):
                tally.broken.append((number, traceback.format_exc(limit=-4)))
                tally.outcomes["BROKEN"] += 1
                continue
            tally.outcomes[found.outcome] += 1
            tally.slowest = max(tally.slowest, (found.cpu_s, number, found.about))
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return tally


def _fairly(seed: int, number: int, clock: StandingClock) -> Played:
    """Play an input; a slow one again, as a collection of garbage may have fallen into it."""
    found = play(seed, number, clock)
    for _ in range(2):
        if found.cpu_s > MOST_CPU_S / 2:
            found = min(found, play(seed, number, clock), key=lambda each: each.cpu_s)
    return found


def _give_up(_signal: int, _frame: object) -> None:
    raise Hang


def show(seed: int, number: int) -> None:
    """Print what an input says."""
    with repeatable(StandingClock()):
        given = Input(seed, number)
    print(f"input {number} of seed {seed}: {given.about}")
    print(f"  UA      {given.ua.hex(' ')}")
    for message in given.messages:
        more = "" if len(message) <= 400 else f" … ({len(message)} bytes)"
        print(f"  message {message[:400].hex(' ')}{more}")


def main() -> int:
    """Run the command."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--count", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--only", type=int, help="play this input alone, and show its bytes")
    asked = options.parse_args()
    begun = time.monotonic()
    tally = Tally()
    if asked.only is not None:
        show(asked.seed, asked.only)
        tally = fuzz(asked.seed, range(asked.only, asked.only + 1))
    else:
        parts = [
            range(first, min(first + _PART, asked.count)) for first in range(0, asked.count, _PART)
        ]
        with ProcessPoolExecutor(asked.processes) as pool:
            for part in pool.map(fuzz, [asked.seed] * len(parts), parts):
                tally.add(part)
                for number, text in part.broken:
                    print(f"broken: input {number}\n{text}", flush=True)
    return report(tally, asked.seed, time.monotonic() - begun)


def report(tally: Tally, seed: int, took_s: float) -> int:
    """Print what came of it; return the exit code."""
    count = tally.outcomes.total()
    print(f"fuzz: {count:,} inputs of seed {seed} in {took_s:.0f} s, {count / took_s:,.0f} /s")
    for outcome, times in tally.outcomes.most_common():
        print(f"  {times:9,} {outcome}")
    cpu_s, number, about = tally.slowest
    print(f"  slowest input: {cpu_s * 1000:.1f} ms of CPU, at most {MOST_CPU_S * 1000:.0f}")
    print(f"    {about}: python -m tests.fuzz --seed {seed} --only {number}")
    for number, _ in tally.broken:
        print(f"  broken: python -m tests.fuzz --seed {seed} --only {number}")
    for number, _ in tally.broken[:_SHOWN]:
        show(seed, number)
    return 1 if tally.broken or cpu_s > MOST_CPU_S else 0


if __name__ == "__main__":
    sys.exit(main())
