# SPDX-License-Identifier: MIT
"""A society with every kind of fault: what billing holds at the end is the truth, or says so.

Four months of a small one run here; `make year` plays twelve months of a thousand units. What left
the store went over a link that loses, doubles and exchanges messages.
"""

from dataclasses import replace

from tests.support.store import Site
from tests.support.town import Town
from tests.support.year import Year
from tests.support.year_ledger import unbalanced, unlike_consumer


def test_months_of_a_society_are_billed_truly(site: Site) -> None:
    year = Year(site, Town(units=54, dense=3, months=4, seed=1))
    year.play()
    faults = [*year.faults(), *year.missing()]
    assert not faults, "\n".join([*faults, year.summary()])
    there = year.link.consumer
    assert year.acts["epoch"]
    assert year.acts["put right"]
    assert year.acts["turn"]
    assert year.acts["taken back"]
    assert not year.untrue_copies()
    assert year.acts["needless"]
    assert year.acts["forgotten"]
    assert there.balances
    line, (version, payload) = next(iter(there.numbers.items()))
    spoilt = replace(there, numbers={**there.numbers, line: (version, payload.replace(b"1", b"2"))})
    assert [*unlike_consumer(spoilt, there)] == [f"number {line}: otherwise"]
    del spoilt.numbers[line]
    assert [*unbalanced(spoilt, year.town)]
