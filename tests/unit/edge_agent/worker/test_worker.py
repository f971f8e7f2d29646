# SPDX-License-Identifier: GPL-2.0-only
"""A bus at work: adapters that vanish or hang, meters that die or refuse, a clock that jumps."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from edge_agent.clock.set import Became, ClockOutcome
from edge_agent.commands.desk import CommandDesk
from edge_agent.commands.log import CommandLog
from edge_agent.errors import BusLost, BusTimeout, PasswordRefused, SpoolError, SpoolFull
from edge_agent.health import Health
from edge_agent.operate.status import gateway_status
from edge_agent.poll.poll import PollResult
from edge_agent.settings import AgentSettings, MeterConfig
from edge_agent.spool.sealer import Sealer
from edge_agent.spool.spool import Spool
from edge_agent.worker import worker as module
from edge_agent.worker.adapter import REOPEN_S, StoppableBus
from edge_agent.worker.schedule import CYCLE_S, DELAY_S
from edge_agent.worker.shared import Shared
from edge_agent.worker.worker import BusWorker
from shared_schema.catalogue import EVENT_PROFILES, GatewayEvent
from shared_schema.gateway import Command, CommandArguments, CommandKind, Result
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.signing import generate_key, key_id, sign_message
from tests.support.observed import observations

CLOUD_KEY, GATEWAY_KEY = generate_key(), generate_key()
START = 1_773_124_200.0 // CYCLE_S * CYCLE_S + DELAY_S


class Line(StoppableBus):
    """A bus without a port."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


@dataclass
class Play:
    """One bus whose meters do what a test says, in a time that a test moves."""

    spool: Spool
    settings: AgentSettings
    now: float = START
    synchronised: bool = True
    adapter: bool = True
    silent: set[str] = field(default_factory=set)
    refusing: set[str] = field(default_factory=set)
    unconfirmed: set[str] = field(default_factory=set)
    unread: frozenset[Obis] = frozenset()
    offset_s: float = 0.0
    behind: dict[str, int] = field(default_factory=dict)
    did: list[tuple[float, str, str]] = field(default_factory=list)
    """When, ``poll``, ``fill`` or ``probe``, which meter."""
    stamped: list[float] = field(default_factory=list)
    forced: list[tuple[Obis, ...]] = field(default_factory=list)
    """How far the time that a poll was given lay behind its beginning, seconds."""

    def __post_init__(self) -> None:
        self.steady = 0.0
        self.restart()

    def restart(self) -> None:
        (bus,) = self.settings.buses
        self.sealer = Sealer(self.spool, gateway="gw-1", key=GATEWAY_KEY, gather_s=10)
        self.health = Health(meter.label for meter in bus.meters)
        self.desk = CommandDesk(
            self.settings,
            CLOUD_KEY.public_key(),
            CommandLog(self.spool),
            known=lambda _bus, meter: MeterId(manufacturer="LNT", serial=meter.label),
            is_synchronised=lambda: self.synchronised,
            seal=self.sealer.seal,
            now=lambda: datetime.fromtimestamp(self.now, UTC),
        )
        shared = Shared(
            self.settings,
            self.spool,
            self.health,
            lambda: self.synchronised,
            self.desk,
        )
        self.line = Line(bus)
        self.worker = BusWorker(
            shared, bus, bus=self.line, wall=lambda: self.now, monotonic=lambda: self.steady
        )

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.steady += seconds

    def runs(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.passes(min(max(self.worker.step(), 0.01), until - self.now))

    def asks(self, kind: CommandKind, *labels: str) -> bytes:
        now = datetime.fromtimestamp(self.now, UTC)
        window = {"since": now - timedelta(days=9), "until": now}
        command = Command(
            gateway="gw-1",
            key=key_id(CLOUD_KEY.public_key()),
            id=uuid4(),
            kind=kind,
            arguments=CommandArguments.model_validate(
                {
                    "meters": [MeterId(manufacturer="LNT", serial=label) for label in labels],
                    **(window if kind is CommandKind.BACKFILL else {}),
                }
            ),
            issued_at=now,
            expires_at=now + timedelta(hours=1),
        )
        payload = sign_message(command.to_line(), CLOUD_KEY)
        self.desk.take(payload)
        return payload

    def answers(self) -> list[Result]:
        return [Result.from_line(payload) for _, payload in CommandLog(self.spool).unsent(99)]

    def times(self, *what: str, label: str = "") -> list[float]:
        return [at - START for at, kind, who in self.did if kind in what and label in ("", who)]

    def _try(self, what: str, label: str) -> None:
        self.did.append((self.now, what, label))
        if not self.adapter:
            raise BusLost("bus riser-1: lost /dev/ttyUSB0: no such device")
        if label in self.silent:
            self.passes(1.0 if what == "probe" else 6.0)
            raise BusTimeout(f"{label} does not answer")
        if label in self.refusing:
            raise PasswordRefused(f"{label} refuses the password")

    def probe(self, _bus: object, peer: object) -> bool:
        try:
            self._try("probe", str(getattr(peer, "label", "")))
        except BusTimeout:
            return False
        except PasswordRefused:
            return True
        self.passes(2.5)
        return True

    def poll(
        self,
        _sessions: object,
        meter: MeterConfig,
        _marks: object,
        now: datetime,
        *,
        windows: int,
        registers: bool,
        forced: Collection[Obis] = (),
        **_more: object,
    ) -> PollResult:
        self.forced.append(tuple(forced))
        self.stamped.append(self.now - now.timestamp())
        self._try("poll" if registers else "fill", meter.label)
        left = max(0, self.behind.get(meter.label, 0) - windows)
        self.behind[meter.label] = left
        self.passes(0.5 + 3.0 * windows)
        return PollResult(
            meter=MeterId(manufacturer="LNT", serial=meter.label),
            live=(),
            backlog=(),
            watermarks={},
            rewound=frozenset(),
            captures={},
            caught_up=not left,
            findings=(),
            unread=self.unread,
            clock_offset_s=self.offset_s,
            exchanges=1,
            bytes_sent=1,
            bytes_received=1,
            confirmed=meter.label not in self.unconfirmed,
        )


Maker = Callable[..., Play]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    spool = Spool.open(tmp_path / "spool.db")
    password = tmp_path / "pw"
    password.write_bytes(b"12345678")
    password.chmod(0o600)

    def make(meters: int = 3, **more: object) -> Play:
        settings = AgentSettings.model_validate(
            {
                "gateway": "gw-1",
                "spool": spool.path,
                "key_file": "k",
                "cloud_key_file": "k",
                "broker": {"host": "b"},
                "bus": [
                    {
                        "name": "riser-1",
                        "port": "/dev/ttyUSB0",
                        "meter": [
                            {
                                "label": f"m{number}",
                                "address": 17 + number,
                                "model": "is16444",
                                "password_file": password,
                            }
                            for number in range(meters)
                        ],
                    }
                ],
                **more,
            }
        )
        made = Play(spool, settings)
        monkeypatch.setattr(module, "poll", made.poll)
        monkeypatch.setattr(module, "probe", made.probe)
        return made

    yield make
    spool.close()


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
    assert it.health.summary().silent == ("m1",)
    assert "not tried again before the file holds another one" in caplog.text
    assert "12345678" not in str([vars(each) for each in caplog.records])

    it.refusing = set()
    (tmp_path / "pw").write_bytes(b"87654321")
    it.runs(60)
    assert len(it.times("poll", label="m1")) == 2
    assert it.health.summary().silent == ()


def test_nothing_is_read_while_the_clock_is_not_believed(play: Maker) -> None:
    it = play(1)
    it.synchronised = False
    it.runs(3600)
    assert it.did == []
    it.synchronised = True
    it.runs(60)
    assert len(it.did) == 1


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
