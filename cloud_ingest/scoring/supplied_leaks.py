# SPDX-License-Identifier: MIT
"""Leaks of flats that have water a few hours a day, before their tank and behind it.

In: readings of a flat with constant supply, in millilitres; a seed. Out: what the meter before
its tank would have shown, with a leak and without. Pure.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from cloud_ingest.scoring.known import Reading
from cloud_ingest.scoring.supply import LEAKS_L_PER_H, Inlet, SuppliedLeak, supplied

SUPPLY_HOURS: Final = frozenset({6, 7, 8})
SUPPLIED_LEAKS: Final = {
    f"{rate} L/h {place}": (rate, behind)
    for place, behind in {"before the tank": False, "behind the tank": True}.items()
    for rate in LEAKS_L_PER_H
}
"""Litres an hour and whether behind the tank, by the name under which the score is shown."""


class IntermittentSupply:
    """A flat behind an inlet; its pressure from day to day is the same with each leak."""

    kinds = tuple(SUPPLIED_LEAKS)

    def __init__(self, readings: Sequence[Reading], inlet: Inlet, seed: str) -> None:
        self._used, self._inlet, self._seed = readings, inlet, seed
        self.readings: Sequence[Reading] = self._shown(len(readings), None)

    def leak(
        self,
        kind: str,
        start_s: int,
        length_s: int,
        rng: Random,
    ) -> Callable[[int, int], list[Reading]]:
        """Lay a leak over the flat; it lasts, and is drawn by its start alone."""
        del length_s, rng
        rate, behind = SUPPLIED_LEAKS[kind]
        leak = SuppliedLeak(start_s, rate, behind)
        return lambda first, last: self._shown(last, leak)[first:]

    def _shown(self, last: int, leak: SuppliedLeak | None) -> list[Reading]:
        rng = Random(self._seed)  # noqa: S311  a draw, not a secret
        return supplied(self._used[:last], self._inlet, rng, leak)
