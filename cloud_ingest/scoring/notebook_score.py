# SPDX-License-Identifier: MIT
"""How often the right cause is named for a notebook's error, and how often a false one for none.

In: notebooks with seeded errors. Out: counts by kind. Never: a pass or a fail; who asks decides.
Pure.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cloud_ingest.core.notebook_cause import judge
from cloud_ingest.core.notebook_ways import Cause
from cloud_ingest.scoring.notebook_errors import Case


@dataclass(slots=True)
class Score:
    """What was named for how many pages."""

    errors: Counter[Cause] = field(default_factory=Counter)
    right: Counter[Cause] = field(default_factory=Counter)
    """The cause was named: alone, or as one of two."""
    alone: Counter[Cause] = field(default_factory=Counter)
    silent: Counter[Cause] = field(default_factory=Counter)
    """It was seen that the page differs, and no cause was named."""
    unseen: Counter[Cause] = field(default_factory=Counter)
    """The page was said to agree."""
    clean: int = 0
    false: int = 0
    """Pages without an error for which a cause was named."""

    @property
    def right_share(self) -> float:
        """How many of all errors got their cause."""
        return self.right.total() / max(1, self.errors.total())

    @property
    def clean_share(self) -> float:
        """How many of the pages without an error got none."""
        return 1 - self.false / max(1, self.clean)

    def take(self, cases: Sequence[Case]) -> None:
        """Count one notebook."""
        found = judge(
            {case.unit.label: case.page for case in cases},
            {case.unit.label: case.unit for case in cases},
        )
        for case in cases:
            verdict = found[case.unit.label]
            named = {each.cause for each in verdict.causes}
            if case.kind is None:
                self.clean += 1
                self.false += bool(named)
                continue
            self.errors[case.kind] += 1
            self.right[case.kind] += case.kind in named
            self.alone[case.kind] += named == {case.kind}
            self.unseen[case.kind] += verdict.agrees is True
            self.silent[case.kind] += verdict.agrees is False and not named


def score(notebooks: Iterable[Sequence[Case]], errors: int) -> Score:
    """Count notebooks until so many errors were met."""
    found = Score()
    for cases in notebooks:
        found.take(cases)
        if found.errors.total() >= errors:
            break
    return found
