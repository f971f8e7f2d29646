# SPDX-License-Identifier: GPL-2.0-only
"""A bus at work for the cloud: what a command does at its meters, and what it answers."""

from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.clock.set import Became, ClockOutcome
from edge_agent.commands.log import CommandLog
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import EVENT_PROFILES
from shared_schema.gateway import CommandKind
from tests.unit.edge_agent.worker.bus_play import Maker


def test_what_is_asked_now_is_read_once_and_answered(play: Maker) -> None:
    it = play(3)
    it.runs(300)
    del it.did[:]
    payload = it.asks(CommandKind.READ_NOW, "m1")
    it.desk.take(payload)
    it.runs(60)
    assert [(what, who) for _, what, who in it.did] == [("poll", "m1")]
    (answer,) = it.answers()
    assert (answer.outcome, [each.label for each in answer.meters]) == ("done", ["m1"])


def test_what_was_asked_for_is_sealed_before_the_answer(play: Maker) -> None:
    it = play(2)
    it.runs(60)
    it.offset_s = 5000.0
    it.asks(CommandKind.READ_NOW)
    it.worker.step()
    assert it.answers() == []
    assert it.spool.gathered_bytes() > 0, "what is seen of the first may wait for the second"
    it.worker.step()
    assert len(it.answers()) == 1
    assert it.spool.gathered_bytes() == 0
    assert len(it.spool.due(9)) == 1


def test_a_command_reads_logs_out_of_turn(play: Maker) -> None:
    it = play(1)
    it.runs(300)
    del it.forced[:]
    it.asks(CommandKind.READ_EVENTS)
    it.runs(60)
    assert it.forced == [EVENT_PROFILES]
    (answer,) = it.answers()
    assert (answer.outcome, answer.meters[0].done) == ("done", True)


def test_event_logs_that_could_not_be_read_are_not_done(play: Maker) -> None:
    it = play(1)
    it.runs(300)
    it.unread = frozenset(EVENT_PROFILES[:1])
    it.asks(CommandKind.READ_NOW)
    it.asks(CommandKind.READ_EVENTS)
    it.runs(60)
    assert {each.outcome for each in it.answers()} == {"done", "failed"}


def test_a_command_to_a_dead_meter_fails_with_its_reason(play: Maker) -> None:
    it = play(2)
    it.runs(60)
    it.silent = {"m0"}
    it.asks(CommandKind.READ_NOW)
    it.runs(60)
    (answer,) = it.answers()
    assert answer.outcome == "failed"
    assert {each.label: each.done for each in answer.meters} == {"m0": False, "m1": True}
    assert "m0" in answer.reason


def test_a_meter_that_was_silent_and_answers_a_command_is_done(play: Maker) -> None:
    it = play(1)
    it.silent = {"m0"}
    it.runs(60)
    it.silent = set()
    it.asks(CommandKind.READ_NOW)
    it.runs(10)
    (answer,) = it.answers()
    assert answer.outcome == "done"


def test_a_command_does_not_try_a_refused_password(play: Maker) -> None:
    it = play(1)
    it.refusing = {"m0"}
    it.runs(60)
    tried = len(it.did)
    it.asks(CommandKind.READ_NOW)
    it.runs(60)
    assert len(it.did) == tried
    (answer,) = it.answers()
    assert (answer.outcome, answer.meters[0].done) == ("failed", False)
    assert "password" in answer.reason


def test_a_command_cut_off_never_runs_again(play: Maker) -> None:
    it = play(1)
    it.runs(60)
    payload = it.asks(CommandKind.READ_NOW)
    it.restart()
    it.desk.recover()
    it.runs(60)
    del it.did[:]
    it.desk.take(payload)
    it.runs(60)
    assert it.times("poll") == []
    (answer,) = it.answers()
    assert answer.outcome == "failed"
    assert "restarted" in answer.reason


def test_an_answered_command_is_forgotten_after_expiry(play: Maker) -> None:
    it = play(1)
    it.runs(60)
    payload = it.asks(CommandKind.READ_NOW)
    it.runs(60)
    log = CommandLog(it.spool)
    ((command, _),) = log.unsent()
    end = datetime.fromtimestamp(it.now, UTC) + timedelta(hours=2)
    log.prune(end)
    assert [each for each, _ in log.unsent()] == [command], "its answer is still to be sent"
    log.sent(command)
    log.prune(datetime.fromtimestamp(it.now, UTC))
    it.desk.take(payload)
    assert [each for each, _ in log.unsent()] == [command], "it came again: it is answered again"
    log.sent(command)
    log.prune(end)
    assert log.begin(command, end), "nothing of it is left"


def test_the_cloud_sets_a_clock_within_a_period(
    play: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = play(2, commands={"allow": ["set_clock"]})
    it.runs(60)
    tries: list[float] = []

    def set_clock(_factory: object, meter: MeterConfig, *_: object, **more: object) -> ClockOutcome:
        assert (meter.label, str(more["known"])) == ("m1", "LNT m1")
        tries.append(it.now)
        if len(tries) == 1:
            return ClockOutcome(Became.WAITS, "a capture period ends", until=it.now + 100)
        return ClockOutcome(Became.SET, "", None, 45.0, 0.0)

    monkeypatch.setattr("edge_agent.clock.keeper.set_clock", set_clock)
    it.asks(CommandKind.SET_CLOCK, "m1")
    it.runs(90)
    assert it.answers() == []
    it.runs(60)
    (answer,) = it.answers()
    assert (answer.outcome, answer.meters[0].detail) == ("done", "was +45 s off, is +0 s off")
    assert len(tries) == 2
    assert 100 <= tries[1] - tries[0] < 103


def test_a_refused_clock_is_answered_with_the_reason(play: Maker) -> None:
    it = play(1, commands={"allow": ["set_clock"]})
    it.runs(60)
    it.asks(CommandKind.SET_CLOCK)
    it.runs(10)
    (answer,) = it.answers()
    assert answer.outcome == "failed"
    assert "set_clock = true" in answer.reason


@pytest.mark.parametrize(
    "kind", [CommandKind.SET_CLOCK, CommandKind.READ_NOW, CommandKind.BACKFILL]
)
def test_a_command_that_expired_before_it_was_begun_is_not_run(
    play: Maker, kind: CommandKind
) -> None:
    it = play(2, commands={"allow": list(CommandKind)})
    it.runs(60)
    it.asks(kind)
    it.synchronised = False
    it.runs(2 * 3600)
    it.synchronised = True
    ran = len(it.stamped)
    it.worker.step()
    assert len(it.stamped) - ran <= 1, "the cycle's own poll alone"
    (answer,) = it.answers()
    assert answer.outcome == "expired"
    assert "it expired at" in answer.reason


def test_a_waiting_clock_command_expires(play: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    it = play(1, commands={"allow": ["set_clock"]})
    it.runs(60)
    tries: list[float] = []

    def set_clock(*_: object, **__: object) -> ClockOutcome:
        tries.append(it.now)
        return ClockOutcome(Became.WAITS, "a capture period ends", until=it.now + 4000)

    monkeypatch.setattr("edge_agent.clock.keeper.set_clock", set_clock)
    it.asks(CommandKind.SET_CLOCK)
    it.runs(5000)
    assert len(tries) == 1
    assert [each.outcome for each in it.answers()] == ["expired"]


def test_a_partly_expired_command_names_the_meters(play: Maker) -> None:
    it = play(2)
    it.runs(60)
    it.asks(CommandKind.READ_NOW)
    it.worker.step()
    it.passes(2 * 3600)
    it.runs(60)
    (answer,) = it.answers()
    assert answer.outcome == "failed"
    assert {each.label: each.done for each in answer.meters} == {"m0": True, "m1": False}
    assert "m1: it expired at" in answer.reason


def test_what_the_cloud_did_not_sign_is_not_even_answered(play: Maker) -> None:
    it = play(1)
    it.runs(60)
    del it.did[:]
    forged = it.asks(CommandKind.SET_CLOCK).replace(b"set_clock", b"read_now")
    it.desk.take(forged)
    it.desk.take(b"{}\n{}")
    it.desk.take(b"")
    it.runs(60)
    assert it.times("poll") == []
    (answer,) = it.answers()
    assert (answer.outcome, answer.reason) == (
        "refused",
        "the gateway's configuration does not allow set_clock",
    )


def test_a_gateway_without_a_time_runs_nothing(play: Maker) -> None:
    it = play(1)
    it.synchronised = False
    it.asks(CommandKind.READ_NOW)
    (answer,) = it.answers()
    assert answer.outcome == "refused"
    assert "not synchronised" in answer.reason
