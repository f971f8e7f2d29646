# SPDX-License-Identifier: MIT
"""A society with every kind of fault: what billing holds at the end is the truth, or says so.

Two months of a small one run here; `make year` plays twelve months of a thousand units.
"""

from tests.support.store import Site
from tests.support.town import Town
from tests.support.year import Year


def test_two_months_of_a_society_are_billed_truly(site: Site) -> None:
    year = Year(site, Town(units=96, dense=6, months=2, seed=1))
    year.play()
    faults = [*year.faults(), *year.missing()]
    assert not faults, "\n".join([*faults, year.summary()])
