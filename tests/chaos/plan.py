# SPDX-License-Identifier: MIT
"""The plan of a chaos run: when which fault strikes whom, from a seed. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

GAP_S = 3.0
"""Between two strikes, on average."""
FIRST_S = 3.0


class Fault(StrEnum):
    """What happens."""

    KILL = "killed"
    STOP = "frozen"
    CUT = "links cut"
    DELAY = "links delayed"
    FULL = "disk full"
    POWER = "power cut"
    JUMP = "clock jumped"
    WIPE = "killed, store deleted"
    SPOIL = "message spoiled"
    LOCK = "table locked"


AGENT, WORKER, LEADER, BROKER, DATABASE = "gateway", "worker", "leader", "broker", "database"

WEIGHTS: dict[tuple[str, Fault], int] = {
    (AGENT, Fault.KILL): 6,
    (AGENT, Fault.STOP): 5,
    (AGENT, Fault.CUT): 5,
    (AGENT, Fault.DELAY): 4,
    (AGENT, Fault.FULL): 4,
    (AGENT, Fault.POWER): 8,
    (AGENT, Fault.JUMP): 4,
    (AGENT, Fault.SPOIL): 4,
    (WORKER, Fault.KILL): 3,
    (WORKER, Fault.STOP): 2,
    (WORKER, Fault.CUT): 4,
    (WORKER, Fault.DELAY): 3,
    (LEADER, Fault.KILL): 3,
    (LEADER, Fault.STOP): 3,
    (BROKER, Fault.KILL): 2,
    (BROKER, Fault.WIPE): 4,
    (BROKER, Fault.STOP): 2,
    (BROKER, Fault.FULL): 2,
    (DATABASE, Fault.KILL): 4,
    (DATABASE, Fault.STOP): 2,
    (DATABASE, Fault.CUT): 4,
    (DATABASE, Fault.FULL): 3,
    (DATABASE, Fault.LOCK): 3,
}
"""How often each strikes, beside the others."""

LASTS_S: dict[Fault, tuple[float, float]] = {
    Fault.KILL: (0.2, 4.0),
    Fault.STOP: (1.0, 16.0),
    Fault.CUT: (0.0, 4.0),
    Fault.DELAY: (4.0, 10.0),
    Fault.FULL: (4.0, 12.0),
    Fault.POWER: (0.2, 4.0),
    Fault.JUMP: (3.0, 8.0),
    Fault.WIPE: (0.2, 3.0),
    Fault.SPOIL: (0.0, 0.0),
    Fault.LOCK: (1.0, 6.0),
}
"""The shortest and the longest time of each, in seconds."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault."""

    at_s: float
    kind: str
    number: int
    """Which of the gateways or workers."""
    fault: Fault
    for_s: float
    chance: int
    """Seeds what is random within it."""

    @property
    def until_s(self) -> float:
        """When it is over."""
        return self.at_s + self.for_s

    def __str__(self) -> str:
        lasts = f" for {self.for_s:.1f} s" if self.for_s else ""
        return f"{self.at_s:6.1f} s  {self.kind} {self.number}: {self.fault}{lasts}"


def strikes(
    seed: int,
    seconds: float,
    *,
    gateways: int,
    workers: int,
    only: Sequence[tuple[str, Fault]] = tuple(WEIGHTS),
    gap_s: float = GAP_S,
    lasts: float = 1.0,
) -> list[Strike]:
    """Return the strikes of a run in the order of time; none begins while its target is struck.

    Args:
        seed: The same one gives the same strikes.
        seconds: How long the run is.
        gateways: How many there are.
        workers: How many there are.
        only: The strikes to choose from.
        gap_s: Between two strikes, on average.
        lasts: By this the time of each is longer or shorter.
    """
    chance = random.Random(seed)
    count = {AGENT: gateways, WORKER: workers}
    free_at: dict[tuple[str, int], float] = {}
    made: list[Strike] = []
    at_s = FIRST_S * lasts
    while at_s < seconds:
        kind, fault = chance.choices(only, [WEIGHTS[each] for each in only])[0]
        number = chance.randrange(count.get(kind, 1))
        least, most = LASTS_S[fault]
        for_s = round(chance.uniform(least, most) * lasts, 2)
        # Whoever leads is one of the workers: only one of them is struck at a time.
        target = (WORKER, 0) if kind in (WORKER, LEADER) else (kind, number)
        if free_at.get(target, 0.0) <= at_s:
            made.append(Strike(round(at_s, 2), kind, number, fault, for_s, chance.randrange(2**31)))
            free_at[target] = at_s + for_s + lasts
            at_s += chance.expovariate(1 / gap_s)
        elif all(free_at.get(each, 0.0) > at_s for each in _targets(only, gateways)):
            at_s += 0.1
    return made


def _targets(only: Sequence[tuple[str, Fault]], gateways: int) -> set[tuple[str, int]]:
    kinds = {WORKER if kind == LEADER else kind for kind, _ in only}
    several = {(AGENT, number) for number in range(gateways)} if AGENT in kinds else set()
    return several | {(kind, 0) for kind in kinds - {AGENT}}
