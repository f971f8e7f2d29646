# SPDX-License-Identifier: MIT
"""The quickstart until its tower is commissioned; `make test-docs` goes on to the closed month."""

from tests.docs import pages
from tests.docs.newcomer import PAGE, PART, checkout
from tests.docs.play import follow


def test_a_newcomer_commissions_a_tower() -> None:
    commands = pages.commands(PAGE)
    reads = next(n for n, each in enumerate(commands) if "edge-agent run" in each.text)
    with checkout() as machine:
        faults = follow(machine, PAGE, PART, commands[:reads])
        machine.run("kill $(jobs -p); wait")
    assert not faults, "\n\n".join(faults)
