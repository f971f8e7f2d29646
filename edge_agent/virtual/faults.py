# SPDX-License-Identifier: GPL-2.0-only
"""What goes wrong on a bus, and a seeded source of it.

In: how often each fault happens; then, one after the other, what is said on the wire. Out:
what is heard of it. Owns the random numbers of one line: the same seed and the same traffic
give the same faults. Never looks into a frame, never reads a clock.

What is a fault of a single meter (a wrong clock, a slow answer) belongs to the meter.
"""

import random
from collections.abc import Sequence
from itertools import zip_longest
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_Chance = Annotated[float, Field(ge=0, le=1)]
_MAX_NOISE = 12
_BURST_BITS = 16
"""Bits that one disturbance turns at most: the check sequence finds every such burst."""
_FLAG_SHARE = 0.25
"""How many of the noise bytes look like the flag of a frame."""


class Faults(BaseModel):
    """How often what goes wrong: ``[bus.faults]``. A chance is for each transmission."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    noise: _Chance = 0.0
    """Stray bytes stand before it, behind it or in it."""
    damage: _Chance = 0.0
    """Up to 16 bits in a row are turned: a check sequence does not hold."""
    truncate: _Chance = 0.0
    """Its end is lost."""
    duplicate: _Chance = 0.0
    """It is heard twice."""
    deaf: _Chance = 0.0
    """A meter does not hear it, for each meter at the address."""
    late: _Chance = 0.0
    """An answer begins so late that the client has gone on."""
    late_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    die: _Chance = 0.0
    """A meter loses its power in the middle of an answer, and with it the session."""
    dead_s: Annotated[float, Field(gt=0, le=86400)] = 60.0
    unplug_every_s: Annotated[float, Field(gt=0)] | None = None
    """How often the adapter vanishes."""
    unplug_s: Annotated[float, Field(gt=0)] = 1.0
    """How long the adapter is gone."""
    shared_addresses: bool = False
    """Two meters may have one address: they answer at once."""

    @model_validator(mode="after")
    def _comes_back(self) -> Self:
        if self.unplug_every_s is not None and self.unplug_s >= self.unplug_every_s:
            raise ValueError("unplug_s is shorter than unplug_every_s")
        return self


class Trouble:
    """The faults of one line as they happen."""

    def __init__(self, faults: Faults) -> None:
        """Begin with the seed."""
        self.faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311  # faults, not secrets

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self._random.random() < chance

    def spoil(self, data: bytes) -> bytes:
        """Return what is heard of a transmission."""
        faults = self.faults
        if self._happens(faults.damage):
            data = self._turned(data)
        if self._happens(faults.truncate):
            data = data[: self._random.randrange(len(data))]
        if self._happens(faults.duplicate):
            data += data
        if self._happens(faults.noise):
            at = self._random.choice((0, len(data), self._random.randint(0, len(data))))
            data = data[:at] + self._noise() + data[at:]
        return data

    def is_heard(self) -> bool:
        """Tell whether one meter hears the client."""
        return not self._happens(self.faults.deaf)

    def delay_s(self) -> float:
        """Return how late an answer begins, seconds; mostly 0."""
        return self.faults.late_s if self._happens(self.faults.late) else 0.0

    def dies_at(self, size: int) -> int | None:
        """Return behind how many bytes of its answer a meter dies; mostly None."""
        return self._random.randrange(size) if self._happens(self.faults.die) else None

    def is_plugged(self, tick: float) -> bool:
        """Tell whether the adapter is there.

        Args:
            tick: Time of the line, seconds.
        """
        every_s = self.faults.unplug_every_s
        return every_s is None or tick % every_s < every_s - self.faults.unplug_s

    def plugs_at(self, tick: float) -> float | None:
        """Return when the adapter goes or comes next; None: it stays."""
        every_s = self.faults.unplug_every_s
        if every_s is None:
            return None
        begun = tick - tick % every_s
        return begun + (every_s - self.faults.unplug_s if self.is_plugged(tick) else every_s)

    def _turned(self, data: bytes) -> bytes:
        bits = len(data) * 8
        width = min(_BURST_BITS, bits)
        burst = self._random.getrandbits(width) | 1
        shift = self._random.randint(0, bits - width)
        return (int.from_bytes(data, "big") ^ burst << shift).to_bytes(len(data), "big")

    def _noise(self) -> bytes:
        count = self._random.randint(1, _MAX_NOISE)
        return bytes(
            0x7E if self._happens(_FLAG_SHARE) else self._random.getrandbits(8)
            for _ in range(count)
        )


def superpose(spoken: Sequence[tuple[float, bytes]], byte_s: float) -> list[tuple[float, bytes]]:
    """Return what a line carries of several answers: where two speak at once, a 0 bit wins.

    Args:
        spoken: When each answer begins, seconds, and its bytes.
        byte_s: How long a byte takes; 0 on a line without a pace.
    """
    heard: list[tuple[float, bytes]] = []
    for start, data in sorted(spoken, key=lambda each: each[0]):
        if heard and start - heard[-1][0] <= len(heard[-1][1]) * byte_s:
            begun, first = heard[-1]
            lead = int((start - begun) / byte_s) if byte_s else 0
            both = zip_longest(first[lead:], data, fillvalue=0xFF)
            heard[-1] = (begun, first[:lead] + bytes(one & other for one, other in both))
        else:
            heard.append((start, data))
    return heard
