# SPDX-License-Identifier: MIT
"""The loop of the month: it takes the turns of the run, while this worker leads.

A turn closes one month of one society, on a connection of its own; after it the loop rests four
times as long. What the run does is in `cloud_ingest.month.run`.

In: that this worker leads. Out: turns. Never: a decision about a number.
"""

import asyncio
from datetime import UTC, datetime
from functools import partial

from cloud_ingest.month.run import RunSettings, Told, run_months
from cloud_ingest.service.election import Election
from cloud_ingest.service.loops import Loops

LOOK_EVERY_S = 30.0
REST = 4
"""The rest after a turn, in times of its duration."""
LEAST_REST_S = 1.0


class Months:
    """The run of the month, while this worker is the leader."""

    def __init__(self, settings: RunSettings, loops: Loops, election: Election) -> None:
        self._settings = settings
        self._loops = loops
        self._election = election
        self._told = Told()

    async def serve(self) -> None:
        """Run until the service stops."""
        clock = asyncio.get_running_loop().time
        async with self._election.database("month") as own:
            while await self._election.leads():
                began = clock()
                turned = await self._election.retry(
                    "month",
                    lambda: own.run(
                        partial(
                            run_months,
                            now=datetime.now(UTC),
                            settings=self._settings,
                            told=self._told,
                        )
                    ),
                )
                rest_s = max(LEAST_REST_S, REST * (clock() - began)) if turned else LOOK_EVERY_S
                if not await self._loops.pause(rest_s):
                    return
