# SPDX-License-Identifier: MIT
"""Whatever is killed in the middle of the back-fill and started again: the same table."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from deploy.demo.__main__ import run
from deploy.demo.progress import Progress
from deploy.demo.society import make_society, month_before
from deploy.demo.world import World, open_world
from tests.support.month import billed_quantities, days_and_months, true_quantities

pytestmark = pytest.mark.slow


def kill_the_ingest(world: World) -> None:
    world.programs["ingest"].kill()
    world.programs["ingest"].start()


def kill_an_agent(world: World) -> None:
    agent = world.programs[world.society.gateways[0].name]
    agent.kill()
    agent.start()


def kill_and_wipe_the_broker(world: World) -> None:
    world.broker.kill()
    world.broker.wipe()
    world.broker.start()


@pytest.mark.parametrize("strike", [kill_the_ingest, kill_an_agent, kill_and_wipe_the_broker])
def test_the_month_is_the_same(strike: Callable[[World], None], tmp_path: Path) -> None:
    now = datetime.now(UTC)
    society = make_society("Sunrise Heights", month_before(now), small=True)
    strikes: list[Progress] = []

    with open_world(society, tmp_path, None) as world:

        def strike_once(progress: Progress) -> None:
            if not strikes and progress.readings > 10_000:
                assert not progress.settled
                strikes.append(progress)
                strike(world)

        inbox = run(world, Console(quiet=True), now, strike_once)
        assert strikes
        assert billed_quantities(inbox) == true_quantities(world)
        assert all(days == month for _, days, month in days_and_months(world))
