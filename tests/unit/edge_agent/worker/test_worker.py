# SPDX-License-Identifier: GPL-2.0-only
"""A bus at work: adapters that vanish or hang, meters that die or refuse, a clock that jumps."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from edge_agent.errors import SpoolError, SpoolFull
from edge_agent.gateway_clock import Jump, Stand, Timekeeper
from edge_agent.operate.status import gateway_status
from edge_agent.poll.memory import Memory
from edge_agent.worker.adapter import REOPEN_S
from edge_agent.worker.schedule import CYCLE_S
from shared_schema.catalogue import GatewayEvent
from shared_schema.gateway import CommandKind, PollFailure
from tests.support.observed import observations
from tests.unit.edge_agent.worker.bus_play import GATEWAY_KEY, Maker, Play


def test_each_meter_is_polled_once_a_cycle(play: Maker) -> None:
    it = play(3)
    it.runs(3 * CYCLE_S)
    assert len(it.times("poll")) == 9


def test_an_adapter_that_is_away_rests_the_bus_and_no_meter(play: Maker) -> None:
    it = play(3)
    it.runs(60)
    it.adapter = False
    it.runs(2 * 3600)
    tries = it.times("poll", "probe")[3:]
    assert [round(b - a) for a, b in pairwise(tries[:7])] == [1, 2, 4, 8, 16, 30]
    assert it.health.summary().answering == 0
    assert it.health.summary().failed_polls == 0, "no meter did anything wrong"
    assert set(it.health.summary().failing.values()) == {PollFailure.ADAPTER_AWAY}
    it.adapter = True
    back = it.now
    it.runs(60)
    assert {who for at, what, who in it.did if at >= back and what == "poll"} == {"m0", "m1", "m2"}
    assert it.health.summary().answering == 3


def test_the_first_loss_says_nothing_of_the_meters(play: Maker) -> None:
    it = play(3)
    it.runs(60)
    it.adapter = False
    it.runs(CYCLE_S - 60 + 0.5)
    assert it.health.summary().answering == 3


def test_a_silent_bus_is_opened_anew_now_and_then(
    play: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    it = play(3)
    it.runs(60)
    it.silent = {"m0", "m1", "m2"}
    it.runs(4 * 3600)
    assert 4 * 3600 / REOPEN_S / 2 < it.line.closed <= 4 * 3600 / REOPEN_S
    told = [each for each in caplog.records if getattr(each, "action", "") == "bus_reopened"]
    assert [each.levelname for each in told].count("WARNING") == 1
    it.silent = set()
    it.runs(REOPEN_S + 60)
    assert it.health.summary().answering == 3
    closed = it.line.closed
    it.silent = {"m0"}
    it.runs(8 * 3600)
    assert it.line.closed == closed, "one dead meter is not a hung adapter"


def test_when_one_silent_meter_answers_the_others_are_tried_at_once(play: Maker) -> None:
    it = play(4)
    it.runs(60)
    it.silent = {"m0", "m1"}
    it.runs(8 * 3600)
    it.silent = {"m1"}
    until = it.now + 7 * 3600
    while it.health["m0"].failures and it.now < until:
        it.runs(1)
    back = it.now
    it.runs(10)
    assert any(who == "m1" and at >= back - 2 for at, _, who in it.did)


def reasons(it: Play) -> dict[str, str]:
    found = gateway_status(it.settings, datetime.fromtimestamp(it.now, UTC))
    return {each.label: each.reason for each in found.meters}


def test_status_tells_why_a_meter_is_silent_until_it_answers(play: Maker) -> None:
    it = play(3)
    it.silent, it.refusing = {"m1"}, {"m2"}
    it.runs(60)
    assert reasons(it) == {"m0": "", "m1": "m1 does not answer", "m2": "m2 refuses the password"}
    it.restart()
    it.silent = set()
    it.runs(2 * CYCLE_S)
    assert reasons(it)["m1"] == ""
    it.adapter = False
    it.runs(2 * CYCLE_S)
    assert reasons(it)["m0"] == "bus riser-1: lost /dev/ttyUSB0: no such device"


def test_a_reason_that_stays_is_written_once(play: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    it = play(1)
    it.silent = {"m0"}
    it.runs(60)

    def written() -> None:
        raise AssertionError("it is kept already")

    monkeypatch.setattr(it.spool, "transaction", written)
    it.runs(6 * 3600)
    assert reasons(it) == {"m0": "m0 does not answer"}


def test_a_dead_meter_is_probed_and_costs_little(play: Maker) -> None:
    it = play(3)
    it.silent = {"m1"}
    it.runs(86400)
    assert len(it.times("poll", label="m0")) == 96
    dead = it.times("poll", "probe", label="m1")
    assert len(dead) < 14
    assert len(it.times("probe", label="m1")) >= 3 * (len(it.times("poll", label="m1")) - 1)


def test_unconfirmed_registers_are_polled_again_in_the_cycle(play: Maker) -> None:
    it = play(2)
    it.unconfirmed = {"m1"}
    it.runs(60)
    it.unconfirmed = set()
    it.runs(CYCLE_S - 60)
    assert len(it.times("poll", label="m0")) == 1
    assert len(it.times("poll", label="m1")) == 2


def test_a_poll_that_follows_a_probe_is_given_its_own_time(play: Maker) -> None:
    it = play(2)
    it.silent = {"m1"}
    it.runs(CYCLE_S)
    it.silent = set()
    it.runs(CYCLE_S)
    assert it.times("probe", label="m1")
    assert it.times("poll", label="m1")
    assert max(map(abs, it.stamped)) < 0.1


def test_rests_are_in_seconds_with_another_period(play: Maker) -> None:
    it = play(2, poll_period_s=60)
    it.silent = {"m1"}
    it.runs(600)
    dead = it.times("poll", "probe", label="m1")
    assert [round(b - a, -1) for a, b in pairwise(dead)] == [130, 240]
    assert len(it.times("poll", label="m0")) >= 10


def test_a_refused_password_is_not_tried_again_after_a_restart(
    play: Maker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    it = play(2)
    it.refusing = {"m1"}
    it.runs(2 * CYCLE_S)
    it.restart()
    it.runs(2 * CYCLE_S)
    assert len(it.times("poll", "probe", label="m1")) == 1
    assert it.health.summary().failing == {"m1": PollFailure.PASSWORD_REFUSED}
    assert "not tried again before the file holds another one" in caplog.text
    assert "12345678" not in str([vars(each) for each in caplog.records])

    it.refusing = set()
    (tmp_path / "pw").write_bytes(b"87654321")
    it.runs(60)
    assert len(it.times("poll", label="m1")) == 2
    assert it.health.summary().failing == {}


def test_nothing_is_read_while_the_clock_is_not_believed(play: Maker) -> None:
    it = play(1)
    it.synchronised = False
    it.runs(3600)
    assert it.did == []
    it.synchronised = True
    it.runs(60)
    assert len(it.did) == 1


@pytest.mark.parametrize("jump_s", [-86400.0, -90.0, 90.0, 86400.0])
@pytest.mark.parametrize("within_poll", [False, True])
def test_no_poll_begins_by_a_clock_that_jumped(
    play: Maker, jump_s: float, within_poll: bool
) -> None:
    it = play(2)
    keeper = Timekeeper(
        assume_synchronised=True,
        wall=lambda: it.now,
        stand=lambda: Stand("boot", it.now - it.steady),
        ask=lambda: False,
        ask_kernel=lambda: False,
    )

    def is_synchronised() -> bool:
        found = keeper.is_synchronised()
        it.jump = keeper.jump
        return found

    it.worker._shared = replace(it.worker._shared, is_synchronised=is_synchronised)
    it.runs(CYCLE_S)
    passes = it.passes

    def jumps(seconds: float) -> None:
        it.passes = passes  # type: ignore[method-assign]
        passes(seconds)
        it.now += jump_s

    it.passes = jumps  # type: ignore[method-assign]
    if within_poll:
        it.asks(CommandKind.READ_NOW, "m0")
        it.worker.step()
    else:
        it.passes(1.0)
    begun = len(it.did)
    it.runs(3 * CYCLE_S)
    assert len(it.did) == begun, "nobody confirms the time"
    it.now -= jump_s
    it.runs(CYCLE_S)
    assert len(it.did) > begun
    told = [each.code for each in observations(it.spool, GATEWAY_KEY)]
    assert told == [GatewayEvent.GATEWAY_CLOCK_JUMPED] * 2


def test_each_meter_is_told_once_that_the_gateways_clock_jumped(play: Maker) -> None:
    it = play(2)
    it.runs(60)
    assert observations(it.spool, GATEWAY_KEY) == []
    it.jump = Jump(1, -86400.0)
    it.runs(3 * CYCLE_S)
    seen = observations(it.spool, GATEWAY_KEY)
    assert [(each.code, each.offset_s) for each in seen] == [
        (GatewayEvent.GATEWAY_CLOCK_JUMPED, -86400.0)
    ] * 2


def test_clocks_are_compared_anew_after_the_gateways_own_jumped(
    play: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = play(2)
    noted: list[int] = []
    monkeypatch.setattr(Memory, "note_jumps", lambda _memory, number: noted.append(number))
    it.runs(60)
    assert set(noted) == {0}
    it.jump = Jump(1, -86400.0)
    it.runs(60)
    assert noted == sorted(noted)
    assert noted[-1] == 1


def test_back_fill_leaves_each_cycle_to_the_live_polls(play: Maker) -> None:
    it = play(20)
    it.behind = {f"m{number}": 60 for number in range(20)}
    it.runs(12 * CYCLE_S)
    assert set(it.behind.values()) == {0}
    for number in range(20):
        live = it.times("poll", label=f"m{number}")
        assert [int(at // CYCLE_S) for at in live] == list(range(12))


def test_a_full_disk_stops_nothing(
    play: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    it = play(3)
    it.refusing = {"m2"}

    def full(*_: object, **__: object) -> None:
        raise SpoolFull("the disk of the spool is full")

    monkeypatch.setattr(it.spool, "transaction", full)
    monkeypatch.setattr(it.spool, "append", full)
    it.runs(2 * CYCLE_S)
    assert len(it.times("poll", label="m0")) == 2
    assert it.health.summary().answering == 2
    actions = [getattr(each, "action", "") for each in caplog.records]
    assert actions.count("not_kept") == 4
    assert actions.count("refusal_not_kept") == 1
    it.refusing = set()
    (tmp_path / "pw").write_bytes(b"87654321")
    it.runs(10)
    assert it.health.summary().answering == 3


def test_a_spool_that_fails_ends_the_worker(play: Maker) -> None:
    it = play(1)
    it.spool.close()
    with pytest.raises(SpoolError):
        it.worker.step()


def test_a_clock_of_a_meter_that_is_not_confirmed_tells_nothing(play: Maker) -> None:
    it = play(1)
    it.runs(60)
    it.offset_s, it.unconfirmed = 5000.0, {"m0"}
    it.runs(2 * CYCLE_S)
    assert observations(it.spool, GATEWAY_KEY) == []
    it.unconfirmed = set()
    it.runs(2 * CYCLE_S)
    assert [each.code for each in observations(it.spool, GATEWAY_KEY)] == [
        GatewayEvent.CLOCK_JUMPED,
        GatewayEvent.CLOCK_FAR_OFF,
    ]


def test_an_event_has_the_time_that_was_synchronised(play: Maker) -> None:
    it = play(1)
    it.runs(60)
    it.offset_s = 5000.0
    passes = it.passes

    def jumps(seconds: float) -> None:
        passes(seconds)
        it.now += 365 * 86400

    it.passes = jumps  # type: ignore[method-assign]
    it.asks(CommandKind.READ_NOW)
    asked = it.now
    it.worker.step()
    assert it.now > asked + 300 * 86400
    seen = observations(it.spool, GATEWAY_KEY)
    assert {each.ts for each in seen} == {int(asked)}
