# SPDX-License-Identifier: MIT
"""The newcomer's hour: all that docs/quickstart.md has typed, from nothing to a proved month.

Its servers are real, its meters virtual; the waiting ends as soon as the month is there. It takes a
minute, so `make test-docs` runs it, and not `make test`.
"""

import re
import time

from tests.docs import pages
from tests.docs.newcomer import PAGE, PART, checkout
from tests.docs.play import follow
from tests.docs.sandbox import Sandbox

WHOLE_S = 300.0
MONTH = 'month=$(TZ=Asia/Kolkata date -d "$(TZ=Asia/Kolkata date +%Y-%m-01) -1 day" +%Y-%m)'


def until_the_month_is_there(machine: Sandbox) -> None:
    """Wait as the reader does, until each channel has the whole month."""
    machine.must(MONTH)
    deadline = time.monotonic() + WHOLE_S
    while not is_whole(said := machine.must('cloud-ingest completeness --month "$month"')):
        assert time.monotonic() < deadline, said
        time.sleep(0.5)


def is_whole(said: str) -> bool:
    counts = re.search(r"([0-9]+) of ([0-9]+) channels are complete", said)
    return counts is not None and counts[1] == counts[2] != "0"


def test_a_newcomer_closes_a_month() -> None:
    commands = pages.commands(PAGE)
    waits = next(n for n, each in enumerate(commands) if each.text.startswith("sleep"))
    with checkout() as machine:
        faults = follow(machine, PAGE, PART, commands[:waits])
        until_the_month_is_there(machine)
        rest = [each for each in commands[waits:] if not each.text.startswith("sleep")]
        faults += follow(machine, PAGE, PART, rest)
        machine.run("kill $(jobs -p); wait")
    assert not faults, "\n\n".join(faults)
