# SPDX-License-Identifier: GPL-2.0-only
"""The clocks of a bus over days: what is told, what is planned, what is never tried again."""

import logging
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge_agent.clock.keeper import FAILED_REST_S, SILENT_REST_S, ClockKeeper
from edge_agent.clock.samples import EVERY_S, KEPT, ClockSamples, samples_of
from edge_agent.clock.set import Became, ClockOutcome
from edge_agent.clock_policy import Sample
from edge_agent.errors import BusLost, BusTimeout, PasswordRefused, SpoolFull
from edge_agent.health import Health
from edge_agent.settings.bus import BusConfig
from edge_agent.settings.gateway import ClocksConfig
from edge_agent.spool.gateway_events import MOST_A_DAY, Observer
from edge_agent.spool.spool import Spool
from shared_schema.catalogue import GatewayEvent
from shared_schema.message import MeterId
from shared_schema.readings import Observation
from shared_schema.signing import generate_key
from tests.support.observed import observations

KEY = generate_key()
START = 1_773_124_200.0
DAY = 86400.0
E1 = MeterId(manufacturer="GSE", serial="E1")
Answer = ClockOutcome | Exception


class Play:
    """A keeper whose meter answers as a test says."""

    def __init__(self, spool: Spool, folder: Path, patch: pytest.MonkeyPatch, **more: Any) -> None:
        self.spool = spool
        for name in ("ek", "ak"):
            path = folder / name
            if not path.exists():
                path.write_text("00" * 16)
                path.chmod(0o600)
        meter = {
            "label": "A-1",
            "address": 17,
            "set_clock": True,
            "setter": {
                "encryption_key_file": folder / "ek",
                "authentication_key_file": folder / "ak",
            },
            **more,
        }
        self.bus = BusConfig.model_validate({"name": "a", "port": "/dev/null", "meter": [meter]})
        self.is_kept = True
        self.tries: list[float] = []
        self.answer: Answer = ClockOutcome(Became.SET, "", E1, 90.0, 0.0)
        patch.setattr("edge_agent.clock.keeper.set_clock", self._set_clock)
        self.restart()

    def restart(self) -> None:
        self.health = Health(["A-1"])
        self.keeper = ClockKeeper(
            self.spool,
            self.bus,
            ClocksConfig(),
            self.health,
            Observer(self.spool),
            is_kept=lambda: self.is_kept,
        )

    @property
    def seen(self) -> list[Observation]:
        return observations(self.spool, KEY)

    @property
    def codes(self) -> list[GatewayEvent]:
        return [GatewayEvent(each.code) for each in self.seen]

    def _set_clock(self, _factory: object, _meter: object, now: Any, **_more: object) -> Any:
        self.tries.append(now.timestamp())
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def polls(self, at: float, offset_s: float) -> None:
        (meter,) = self.bus.meters
        self.keeper.note_comparison(meter, E1, at, offset_s)

    def sets(self, now: float) -> ClockOutcome | None:
        meter = self.keeper.due(now)
        if meter is None:
            return None
        return self.keeper.set(meter, None, now, E1)  # type: ignore[arg-type]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool.open(tmp_path / "spool.db") as found:
        yield found


@pytest.fixture
def play(spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    return Play(spool, tmp_path, monkeypatch)


def actions(log: pytest.LogCaptureFixture) -> list[str]:
    return [str(getattr(record, "action", "")) for record in log.records]


def test_drift_is_told_once_and_known_after_a_restart(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for quarter in range(3 * 96):
        play.polls(START + 900 * quarter, float(round(-5 * quarter / 96)))
    health = play.health["A-1"]
    assert health.clock_drift_s_per_day == pytest.approx(-5, abs=0.6)
    assert health.clock_remark.startswith("loses ")
    assert play.health.summary().clocks == (f"A-1 {health.clock_remark}",)
    assert actions(caplog) == ["clock_wrong"]
    (drifts,) = play.seen
    assert (drifts.code, drifts.offset_before_s) == (GatewayEvent.CLOCK_DRIFTS, None)
    assert drifts.drift_s_per_day == pytest.approx(-5, abs=2)
    play.restart()
    play.polls(START + 3 * DAY, -15.0)
    assert play.seen == [drifts], "a restart tells it to the log again, not to the stream"
    assert play.health["A-1"].clock_drift_s_per_day == pytest.approx(-5, abs=0.6)


def test_a_jump_begins_a_new_history(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", logger="edge_agent.clock.keeper")
    for quarter in range(2 * 96):
        play.polls(START + 900 * quarter, 1.0)
    year = 365 * DAY
    play.polls(START + 2 * DAY, year)
    play.polls(START + 2 * DAY + 900, 1.0)
    jumps = [record for record in caplog.records if record.__dict__["action"].endswith("jumped")]
    assert [(each.__dict__["before_s"], each.__dict__["after_s"]) for each in jumps] == [
        (1.0, year),
        (year, 1.0),
    ]
    assert play.health["A-1"].clock_drift_s_per_day is None
    assert play.health["A-1"].clock_remark == ""
    there, back = START + 2 * DAY, START + 2 * DAY + 900
    assert [(each.ts, each.code, each.offset_before_s, each.offset_s) for each in play.seen] == [
        (there, GatewayEvent.CLOCK_JUMPED, 1.0, year),
        (there, GatewayEvent.CLOCK_FAR_OFF, None, year),
        (back, GatewayEvent.CLOCK_JUMPED, year, 1.0),
        (back, GatewayEvent.CLOCK_FAR_OFF_OVER, None, 1.0),
    ]
    assert "clock_right" not in actions(caplog), "an information, below the level of this log"
    with play.spool.reading() as database:
        assert samples_of(database, E1) == [Sample(START + 2 * DAY + 900, 1.0)]


def test_the_book_keeps_a_week(spool: Spool) -> None:
    book = ClockSamples(spool)
    for number in range(3 * KEPT * 24):
        book.note(E1, Sample(START + EVERY_S / 24 * number, 2.0))
    with spool.reading() as database:
        kept = samples_of(database, E1)
    assert len(kept) == KEPT
    assert kept[-1].at - kept[0].at == (KEPT - 1) * EVERY_S


def test_a_clock_is_set_when_it_is_off_and_not_again(play: Play) -> None:
    play.polls(START, 12.0)
    assert play.sets(START) is None
    play.polls(START + 900, 31.0)
    found = play.sets(START + 901)
    assert found is not None
    assert found.became is Became.SET
    assert play.sets(START + 902) is None
    play.polls(START + 1800, 0.0)
    assert play.sets(START + 1801) is None
    assert play.tries == [START + 901]


def test_it_waits_as_long_as_it_is_told(play: Play) -> None:
    play.answer = ClockOutcome(Became.WAITS, "a capture period ends", E1, 90.0, until=START + 100)
    play.polls(START, 90.0)
    play.sets(START)
    assert play.sets(START + 99) is None
    play.polls(START + 99.5, 90.0)
    assert play.sets(START + 99.5) is None, "a poll does not shorten it"
    play.answer = ClockOutcome(Became.SET, "", E1, 90.0, 0.0)
    assert play.sets(START + 100) is not None


@pytest.mark.parametrize("offset_s", [601.0, -39600.0, 365 * DAY])
def test_a_clock_that_is_far_off_is_told_and_not_touched(
    play: Play, offset_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5):
        play.polls(START + 900 * number, offset_s)
        assert play.sets(START + 900 * number + 1) is None
    assert actions(caplog) == ["clock_wrong"]
    assert "600 s" in play.health["A-1"].clock_remark


@pytest.mark.parametrize(
    ("answer", "rest_s"),
    [
        (BusTimeout("A-1 does not answer"), SILENT_REST_S),
        (ClockOutcome(Became.FAILED, "read-write-denied", E1, 90.0), FAILED_REST_S),
        (ClockOutcome(Became.REFUSED, "does not fit", E1, 90.0), FAILED_REST_S),
    ],
)
def test_what_failed_is_tried_again_after_a_rest(play: Play, answer: Answer, rest_s: float) -> None:
    play.answer = answer
    at = START
    while at < START + 3 * DAY:
        play.polls(at, 90.0)
        play.sets(at + 1)
        at += 900
    gaps = {later - one for one, later in zip(play.tries, play.tries[1:], strict=False)}
    assert len(play.tries) > 2
    assert min(gaps) >= rest_s


def test_keys_that_were_refused_are_not_tried_again_before_they_change(
    play: Play, tmp_path: Path
) -> None:
    play.answer = PasswordRefused("A-1 cannot decipher")
    play.polls(START, 90.0)
    found = play.sets(START)
    assert found is not None
    assert found.became is Became.FAILED
    play.restart()
    for number in range(1, 300):
        play.polls(START + 900 * number, 90.0)
        assert play.sets(START + 900 * number) is None
    assert len(play.tries) == 1
    (meter,) = play.bus.meters
    asked = play.keeper.set(meter, None, START, E1)  # type: ignore[arg-type]
    assert asked.became is Became.REFUSED
    assert len(play.tries) == 1
    play.answer = ClockOutcome(Became.SET, "", E1, 90.0, 0.0)
    (tmp_path / "ek").write_text("11" * 16)
    assert play.sets(START + 900 * 300) is not None


def test_without_a_kept_time_or_without_leave_nothing_is_due(
    play: Play, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play.is_kept = False
    play.polls(START, 90.0)
    assert play.sets(START) is None
    play.is_kept = True
    assert play.sets(START + 1) is not None
    other = Play(spool, tmp_path, monkeypatch, set_clock=False)
    other.polls(START, 90.0)
    assert other.sets(START) is None


def test_a_lost_adapter_leaves_the_clock_due(play: Play) -> None:
    play.answer = BusLost("bus a: no such device")
    play.polls(START, 90.0)
    with pytest.raises(BusLost):
        play.sets(START)
    play.answer = ClockOutcome(Became.SET, "", E1, 90.0, 0.0)
    assert play.sets(START + 30) is not None


def test_a_clock_that_was_set_is_noted_each_time(play: Play) -> None:
    for number in range(2 * MOST_A_DAY):
        play.polls(START + 900 * number, 90.0)
        assert play.sets(START + 900 * number + 1) is not None
    was_set = [each for each in play.seen if each.code == GatewayEvent.CLOCK_SET]
    assert len(was_set) == 2 * MOST_A_DAY
    assert {(each.offset_before_s, each.offset_s) for each in was_set} == {(90.0, 0.0)}
    assert was_set[0].ts == START + 1


@pytest.mark.parametrize("became", [Became.FAILED, Became.REFUSED, Became.LEFT])
def test_a_clock_that_was_not_set_is_no_event(play: Play, became: Became) -> None:
    play.answer = ClockOutcome(became, "why", E1, 90.0)
    play.polls(START, 90.0)
    play.sets(START)
    assert play.seen == []


def test_a_restless_clock_does_not_fill_the_stream(play: Play) -> None:
    polls = 3 * 96
    for number in range(polls):
        play.polls(START + 900 * number, 0.0 if number % 2 else 3600.0)
        if number % 7 == 0:
            play.restart()
    jumps = [each for each in play.seen if each.code == GatewayEvent.CLOCK_JUMPED]
    assert 2 * MOST_A_DAY <= len(jumps) <= 4 * MOST_A_DAY
    play.polls(START + 5 * DAY, 30 * DAY)
    last = [each for each in play.seen if each.code == GatewayEvent.CLOCK_JUMPED][-1]
    assert len(jumps) + sum(each.left_out for each in [*jumps, last]) == polls - 1
    states = [each for each in play.codes if each >= GatewayEvent.CLOCK_FAR_OFF]
    assert len(states) <= 4 * MOST_A_DAY
    assert states[-1] is GatewayEvent.CLOCK_FAR_OFF, "how it stands is told in the end"
    assert all(a is not b for a, b in pairwise(states))


def test_a_drift_is_not_over_because_the_clock_was_set(play: Play) -> None:
    set_at = 0
    for quarter in range(2 * 96):
        play.polls(START + 900 * quarter, float(round(20 * (quarter - set_at) / 96)))
        if play.sets(START + 900 * quarter + 1):
            set_at = quarter
    assert play.codes == [GatewayEvent.CLOCK_DRIFTS, GatewayEvent.CLOCK_SET]
    for quarter in range(3 * 96):
        play.polls(START + 2 * DAY + 900 * quarter, 9.0)
    assert play.codes[2:] == [GatewayEvent.CLOCK_DRIFTS_OVER]


def test_a_jump_that_is_not_on_disk_is_seen_again(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    play.polls(START, 0.0)
    with monkeypatch.context() as patch:

        def crash(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("edge_agent.clock.samples._put", crash)
        with pytest.raises(KeyboardInterrupt):
            play.polls(START + 900, 100.0)
    assert play.seen == []
    play.restart()
    play.polls(START + 1800, 100.0)
    play.restart()
    play.polls(START + 2700, 100.0)
    assert [(each.ts, each.code) for each in play.seen] == [
        (START + 1800, GatewayEvent.CLOCK_JUMPED)
    ]


def test_a_full_disk_notes_later(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    play.polls(START, 90.0)
    with monkeypatch.context() as patch:

        def full(*_: object, **_more: object) -> None:
            raise SpoolFull("full")

        patch.setattr(play.spool, "append", full)
        play.sets(START + 1)
        play.polls(START + 900, 0.0)
    play.polls(START + 1800, 0.0)
    play.polls(START + 2700, 0.0)
    assert [(each.ts, each.code) for each in play.seen] == [
        (START + 1, GatewayEvent.CLOCK_SET),
        (START + 1800, GatewayEvent.CLOCK_JUMPED),
    ]
