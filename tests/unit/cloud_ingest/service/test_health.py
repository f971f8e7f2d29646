# SPDX-License-Identifier: MIT
"""Whether a worker lives and is ready, judged from what it knows of itself."""

import asyncio
from dataclasses import replace

import pytest

from cloud_ingest.errors import StoreUnavailable
from cloud_ingest.service.health import (
    INTAKE,
    LATE_S,
    SILENT_S,
    STUCK_S,
    Probe,
    State,
    faults_of_life,
    faults_of_readiness,
)
from cloud_ingest.service.loops import Loops

WELL = State(
    started=True,
    stopping=False,
    database="",
    broker="",
    ended=frozenset(),
    failing={},
    in_work_s={},
)


def test_a_worker_that_is_well_is_alive_and_ready() -> None:
    busy = replace(WELL, in_work_s={"receive": 1e6, "ingest": 1.0, "rules": 1e6})
    assert faults_of_life(busy) == {}
    assert faults_of_readiness(busy) == {}


@pytest.mark.parametrize(
    ("state", "faults"),
    [
        (replace(WELL, started=False), {"service": "it is starting"}),
        (replace(WELL, stopping=True), {"service": "it is stopping"}),
        (replace(WELL, database="gone"), {"database": "gone"}),
        (replace(WELL, broker="no link"), {"broker": "no link"}),
        (replace(WELL, failing={"ingest": "no right"}), {"ingest": "no right"}),
        (replace(WELL, in_work_s={"judge": LATE_S + 1}), {"judge": "in work for 61 s"}),
        (replace(WELL, ended=frozenset({"loop"})), {"loop": "this loop has ended"}),
    ],
)
def test_a_worker_that_cannot_store_is_not_ready(state: State, faults: dict[str, str]) -> None:
    assert faults_of_readiness(state) == faults


def test_what_only_the_leader_does_makes_nobody_unready() -> None:
    failing = dict.fromkeys(("rules", "rollup", "outbox", "metrics"), "it fails")
    assert INTAKE.isdisjoint(failing)
    assert faults_of_readiness(replace(WELL, failing=failing)) == {}


@pytest.mark.parametrize(
    "state",
    [
        replace(WELL, database="gone", broker="gone", failing={"ingest": "gone"}),
        replace(WELL, database="gone", in_work_s={"ingest": STUCK_S + 1}),
        replace(WELL, in_work_s={"ingest": STUCK_S - 1}),
        replace(WELL, started=False),
    ],
)
def test_what_no_restart_mends_lets_a_worker_live(state: State) -> None:
    assert faults_of_life(state) == {}


@pytest.mark.parametrize(
    "state",
    [
        replace(WELL, ended=frozenset({"Service._run_intake"})),
        replace(WELL, in_work_s={"ingest": STUCK_S + 1}),
    ],
)
def test_a_dead_loop_is_told_whatever_the_servers_do(state: State) -> None:
    assert faults_of_life(state)


@pytest.mark.asyncio
async def test_a_loop_that_ends_before_the_service_is_remembered() -> None:
    loops = Loops()

    async def brief() -> None:
        await asyncio.sleep(0)

    await loops.keep(brief())
    assert len(loops.ended) == 1
    loops.stopping.set()
    loops.ended.clear()
    await loops.keep(brief())
    assert loops.ended == set()


@pytest.mark.asyncio
async def test_a_loop_tells_of_its_failure_until_it_works() -> None:
    loops, tries = Loops(), iter([StoreUnavailable("the database is away"), None])

    async def attempt() -> None:
        assert loops.in_work_s()["ingest"] >= 0
        if (error := next(tries)) is not None:
            seen.append(dict(loops.failing))
            raise error
        seen.append(dict(loops.failing))

    seen: list[dict[str, str]] = []
    await loops.retry("ingest", attempt)
    assert seen == [{}, {"ingest": "the database is away"}]
    assert loops.failing == {}
    assert loops.in_work_s() == {}
    assert loops.succeeded["ingest"] > 0


@pytest.mark.asyncio
async def test_a_loop_that_never_worked_is_old_since_its_first_try() -> None:
    loops = Loops()
    trying = asyncio.create_task(loops.retry("rollup", asyncio.Event().wait))
    await asyncio.sleep(0)
    assert loops.succeeded["rollup"] > 0
    trying.cancel()


def test_a_database_that_does_not_answer_is_away() -> None:
    now = [0.0]
    probe = Probe("", None, Loops(), lambda: now[0])
    assert probe.fault() == "it was not asked yet"
    probe._fault, probe._asked_at = "", 0.0
    now[0] = SILENT_S
    assert probe.fault() == ""
    now[0] = SILENT_S + 3
    assert probe.fault() == "it has not answered for 7 s"
