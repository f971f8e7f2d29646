# SPDX-License-Identifier: MIT
"""The score of one meter of a file, as work that a process can be given.

In: rows of a file. Out: what the meter showed. Pure: the same seed gives the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from cloud_ingest.replay.rows import MeterRows
from cloud_ingest.replay.run import readings
from cloud_ingest.scoring.known import really_leaks
from cloud_ingest.scoring.leaks import ConstantSupply
from cloud_ingest.scoring.quarters import Quarters, split
from cloud_ingest.scoring.supplied_leaks import IntermittentSupply
from cloud_ingest.scoring.supply import Inlet
from cloud_ingest.scoring.trials import Flat, MeterScore, Setup, ascending, scored


@dataclass(frozen=True, slots=True)
class Job:
    """How each meter of a file is scored."""

    setup: Setup
    donors: Sequence[Quarters] = ()
    """How hours are split into quarters; none: they are not."""
    inlet: Inlet | None = None
    """How the flats are supplied by the hour; None: always."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of leaks."""
        return ConstantSupply.kinds if self.inlet is None else IntermittentSupply.kinds

    def __call__(self, rows: MeterRows) -> MeterScore:
        """Score one meter."""
        zone, seed = self.setup.meter.zone, f"{self.setup.seed} {rows.meter}"
        found = ascending(readings(rows, zone))
        leaks = really_leaks(found, zone)
        if self.donors:
            found = list(split(found, self.donors, Random(seed)))  # noqa: S311  a draw
        flat: Flat = ConstantSupply(found)
        if self.inlet is not None:
            flat = IntermittentSupply(found, self.inlet, seed)
        return scored(rows.meter, flat, self.setup, leaks=leaks)
