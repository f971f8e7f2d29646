# SPDX-License-Identifier: MIT
"""`make chaos-proof`: a run catches each promise that is broken on purpose, and nothing else.

Each run is of one gateway, with the strikes that tempt the promise. The same strikes on the
programs as they are leave everything whole.
"""

from pathlib import Path

import pytest

from tests.chaos.faults import compiler
from tests.chaos.launch import PROMISES
from tests.chaos.plan import AGENT, DATABASE, WORKER, Fault, Strike
from tests.chaos.run import Size, play, report

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler (cc)")

PLAN = (
    Strike(6.0, AGENT, 0, Fault.KILL, 0.2, 1),
    Strike(8.0, DATABASE, 0, Fault.LOCK, 3.0, 1),
    Strike(8.1, AGENT, 0, Fault.SPOIL, 0.0, 1),
    Strike(10.5, WORKER, 0, Fault.KILL, 0.2, 1),
    Strike(10.6, WORKER, 1, Fault.KILL, 0.2, 1),
    Strike(13.0, AGENT, 0, Fault.POWER, 0.2, 2),
    Strike(18.0, DATABASE, 0, Fault.LOCK, 3.0, 1),
    Strike(18.1, AGENT, 0, Fault.SPOIL, 0.0, 1),
    Strike(20.5, WORKER, 0, Fault.KILL, 0.2, 1),
    Strike(20.6, WORKER, 1, Fault.KILL, 0.2, 1),
    Strike(22.0, AGENT, 0, Fault.POWER, 0.2, 3),
    Strike(28.0, AGENT, 0, Fault.KILL, 0.2, 4),
    Strike(34.0, AGENT, 0, Fault.POWER, 0.2, 5),
)
CAUGHT = {
    "": (),
    "acknowledge-before-commit": ("acknowledged before they were stored",),
    "spool-unsynced": ("its spool was set aside", "batches stored and never made"),
    "no-receipts": ("wait for a receipt",),
    "unverified-receipts": ("spooled and not stored", "stored and not spooled"),
    "watermark-ahead": ("captured and lost",),
}
"""What of it is told where a promise is broken: one of these."""


@pytest.mark.parametrize("promise", ["", *PROMISES])
def test_a_broken_promise_is_caught(folder: Path, promise: str) -> None:
    size = Size(
        seed=1,
        seconds=36,
        gateways=1,
        meters=20,
        days=16,
        speed=60,
        baud=2400,
        sabotage=promise,
        plan=PLAN,
        settle_s=120,
    )
    result = play(size, folder, print)
    print(*report(result), sep="\n")
    wrong = "\n".join(result.verdict.wrong)
    assert bool(wrong) == bool(promise), wrong
    assert not promise or any(words in wrong for words in CAUGHT[promise]), wrong
