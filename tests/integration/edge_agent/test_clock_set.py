# SPDX-License-Identifier: GPL-2.0-only
"""Clocks over a pty bus: set with GMAC, refused, waited for; and what polls make of it."""

import itertools
import json
import logging
import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli.command_line import app
from edge_agent.clock.set import Became, ClockOutcome
from edge_agent.dlms import axdr
from edge_agent.errors import ConfigurationError, MeterError, PasswordRefused, WrongIdentity
from edge_agent.meters.model import Model, load
from edge_agent.poll.poll import PollResult
from edge_agent.settings.bus import BusConfig
from edge_agent.spool.spool import Spool
from edge_agent.virtual.cosem import AccessResult
from edge_agent.virtual.meter import VirtualMeter
from edge_agent.worker.adapter import StoppableBus
from shared_schema.catalogue import (
    BLOCK_LOAD_PROFILE,
    CLOCK,
    DAILY_LOAD_PROFILE,
    PROFILE_STATUS,
    GatewayEvent,
)
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.signing import generate_key, private_key_to_pem
from tests.support.bus_world import gateway
from tests.support.clock_world import NOW, QUARTER, World, world
from tests.support.observed import observations

E1 = MeterId(manufacturer="GSE", serial="E1")


@pytest.mark.parametrize("offset_s", [-200, -31, 31, 400])
@pytest.mark.parametrize("deviation", ["standard", "unspecified"])
def test_a_clock_is_set_and_looked_at_again(tmp_path: Path, offset_s: int, deviation: str) -> None:
    with world(tmp_path, clock_offset_s=offset_s, deviation=deviation) as here:
        found = here.set(known=E1)
        assert found == ClockOutcome(Became.SET, "", E1, float(offset_s), 0.0)
        assert found.worked
        assert str(found) == f"was {offset_s:+} s off, is +0 s off"
        assert here.offset_s == 0
        assert here.set().became is Became.LEFT


@pytest.mark.parametrize(
    ("offset_s", "became"),
    [(0, Became.LEFT), (30, Became.LEFT), (-900, Became.REFUSED), (39600, Became.REFUSED)],
)
def test_what_is_near_is_left_and_what_is_far_is_told(
    tmp_path: Path, offset_s: int, became: Became
) -> None:
    with world(tmp_path, clock_offset_s=offset_s) as here:
        found = here.set()
        assert (found.became, found.before_s) == (became, offset_s)
        assert here.offset_s == offset_s


def test_by_force_a_person_sets_a_clock_that_is_far_off(tmp_path: Path) -> None:
    with world(tmp_path, clock_offset_s=39600) as here:
        found = here.set(here.config(set_clock=False), by_hand=True, force=True)
        assert (found.became, found.before_s, found.after_s) == (Became.SET, 39600, 0)


def test_a_clock_that_shows_no_time_is_set_by_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []

    def unset_at_first(*given: Any) -> int | None:
        shown.append(given)
        return None if len(shown) == 1 else axdr.epoch_s(*given)

    unset = SimpleNamespace(**{**vars(axdr), "epoch_s": unset_at_first})
    monkeypatch.setattr("edge_agent.clock.set.axdr", unset)
    with world(tmp_path, clock_offset_s=3000) as here:
        found = here.set(known=E1)
        assert found.became is Became.REFUSED
        assert found.reason.startswith("its clock shows no valid time (07 ")
        assert found.reason.endswith("): see why first")
        assert here.offset_s == 3000
        shown.clear()
        done = here.set(known=E1, by_hand=True, force=True)
        assert done == ClockOutcome(Became.SET, "", E1, None, 0.0)
        assert str(done) == "showed no time, is +0 s off"
        assert here.offset_s == 0


def test_at_the_end_of_a_period_it_waits(tmp_path: Path) -> None:
    with world(tmp_path, clock_offset_s=100, capture_period_s=1800) as here:
        here.now = QUARTER + timedelta(seconds=840)  # 12:14 there, within its half hour
        assert here.set().became is Became.SET
    with world(tmp_path / "2", clock_offset_s=100) as here:
        here.now = QUARTER + timedelta(seconds=840)
        found = here.set()
        assert found.became is Became.WAITS
        assert found.until is not None
        assert here.offset_s == 100
        here.now = datetime.fromtimestamp(found.until, UTC)
        assert here.set().became is Became.SET


def test_an_unsynchronised_gateway_does_not_even_ask(tmp_path: Path) -> None:
    with world(tmp_path, clock_offset_s=100) as here:
        here.is_kept = False
        found = here.set(by_hand=True, force=True)
        assert found.became is Became.REFUSED
        assert found.before_s is None
        assert here.offset_s == 100


def test_what_the_settings_do_not_allow_is_not_done(tmp_path: Path) -> None:
    with world(tmp_path, clock_offset_s=100) as here:
        assert here.set(here.config(set_clock=False)).became is Became.REFUSED
        with pytest.raises(ConfigurationError, match=r"\[bus.meter.setter\]"):
            here.set(here.config(set_clock=False, setter=None), by_hand=True)
        reader = {"client": 32, "password_file": tmp_path / "pw"}
        found = here.set(here.config(setter=reader))
        assert found.became is Became.FAILED
        assert "read-write-denied" in found.reason
        assert here.offset_s == 100


def test_wrong_keys_are_refused_once(tmp_path: Path) -> None:
    with world(tmp_path, clock_offset_s=100) as here:
        here.keep("ek", "E" * 32)
        with pytest.raises(PasswordRefused, match="meter E1"):
            here.set()
        assert here.offset_s == 100


def test_another_meter_is_not_set(tmp_path: Path) -> None:
    with world(tmp_path, clock_offset_s=100) as here:
        with pytest.raises(WrongIdentity, match="GSE E1 answers where GSE E2 was"):
            here.set(known=MeterId(manufacturer="GSE", serial="E2"))
        assert here.offset_s == 100


def test_a_model_whose_clock_is_shifted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shifting(*names: Any) -> Model:
        return load(*names).model_copy(update={"set_clock": "shift"})

    monkeypatch.setattr("edge_agent.clock.set.load", shifting)
    with world(tmp_path, clock_offset_s=-250) as here:
        found = here.set()
        assert (found.became, found.before_s, found.after_s) == (Became.SET, -250, 0)


def test_a_meter_that_refuses(tmp_path: Path) -> None:
    with world(tmp_path, clock_offset_s=-250) as here:
        write = here.meter._device.write

        def refuse(*given: Any) -> None:
            here.meter.faults[CLOCK] = AccessResult.TEMPORARY_FAILURE
            try:
                write(*given)
            finally:
                here.meter.faults.clear()

        here.meter._device.write = refuse  # type: ignore[method-assign, assignment]
        found = here.set()
        assert found.became is Became.FAILED
        assert "temporary-failure" in found.reason


@pytest.mark.parametrize("heard", [True, False])
def test_without_an_answer_the_clock_is_looked_at_in_a_new_session(
    tmp_path: Path, heard: bool
) -> None:
    with world(tmp_path, clock_offset_s=-250) as here:
        send, receive = here.bus.send, here.bus.receive
        sets: list[bytes] = []

        def lossy(data: bytes) -> None:
            if data[9:13] == b"\xe6\xe6\x00\xc9":  # glo-set-request
                sets.append(data)
                if not heard:
                    return
            send(data)

        def deaf(timeout_s: float) -> bytes:
            data = receive(timeout_s)
            return b"" if b"\xe6\xe7\x00\xcd" in data else data

        here.bus.send = lossy  # type: ignore[method-assign]
        here.bus.receive = deaf  # type: ignore[method-assign]
        found = here.set()
    assert len(sets) == 1, "it is sent once"
    if heard:
        assert (found.became, found.after_s) == (Became.SET, 0)
    else:
        assert (found.became, found.after_s) == (Became.FAILED, -250)
        assert found.reason == "it is still -250 s off"


LOAD_PROFILES = (BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE)


def cells(found: PollResult) -> dict[tuple[Obis, Obis, int], int | None]:
    """Return what was read of profiles: (profile, code, time) -> raw."""
    return {
        (block.profile, column.obis, row[0] or 0): raw
        for block in found.rows
        if block.profile in LOAD_PROFILES
        for row in block.rows
        for column, raw in zip(block.columns, row[2:], strict=True)
    }


def truth(meter: VirtualMeter, now: datetime) -> dict[tuple[Obis, Obis, int], object]:
    """Return the same of the meter's own buffers."""
    return {
        (profile, name, int(row.ts.timestamp())): value
        for profile in LOAD_PROFILES
        for row in meter.buffered(profile, now)
        for (_, name, _), value in zip(meter.columns(profile)[1:], row.values, strict=True)
        if name != PROFILE_STATUS
    }


def test_no_row_is_lost_or_changed_by_a_clock_that_drifts_and_is_set(tmp_path: Path) -> None:
    with world(
        tmp_path,
        installed_at=NOW - timedelta(days=2),
        clock_offset_s=-20,
        clock_drift_s_per_day=-120.0,
    ) as here:
        here.now = NOW - timedelta(hours=24)
        read = cells(here.poll())
        sets = 0
        while here.now < NOW:
            here.now += timedelta(minutes=15)
            found = here.poll()
            assert found.findings == ()
            for key, raw in cells(found).items():
                assert read.setdefault(key, raw) == raw
            sets += here.set().became is Became.SET
            assert abs(here.offset_s) < 200
        assert sets >= 2
        assert read == truth(here.meter, here.now)


def test_a_clock_that_jumps_to_next_year_and_back(tmp_path: Path) -> None:
    since, until = NOW - timedelta(hours=7), NOW - timedelta(hours=4, minutes=5)
    jump = {"since": since, "until": until, "days": 365}
    with world(tmp_path, installed_at=NOW - timedelta(days=2), clock_jumps=[jump]) as here:
        here.now = NOW - timedelta(hours=10)
        read = cells(here.poll())
        refused = 0
        while here.now < NOW:
            here.now += timedelta(minutes=15)
            read |= cells(here.poll())
            if since <= here.now < until:
                found = here.set()
                assert found.became is Became.REFUSED, "a jump is never set on its own"
                assert found.before_s == 365 * 86400
                refused += 1
        assert refused == 12
        known = truth(here.meter, here.now)
        wrong = {key for key in known if key[2] > here.now.timestamp()}
        assert {ts for _, _, ts in wrong} == {
            ts + 365 * 86400
            for ts in range(int(since.timestamp()) // 900 * 900, int(until.timestamp()), 900)
            if ts >= since.timestamp()
        }
        assert read == {key: raw for key, raw in known.items() if key not in wrong}


def test_the_worker_sets_a_clock_by_itself_once_it_may(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with world(tmp_path, clock_offset_s=90, installed_at=NOW - timedelta(days=1)) as here:
        here.bus.close()
        line = BusConfig(
            name="a",
            port=here.bus.config.port,
            baudrate=115200,
            turnaround_s=0.5,
            meters=(here.config(model="is16444"),),
        )
        here.now = QUARTER + timedelta(seconds=31)
        seconds = itertools.count()

        def wall() -> float:
            return here.now.timestamp()

        with gateway(
            tmp_path, line, StoppableBus(line), wall, lambda: next(seconds) * 1e-3, kept=True
        ) as found:
            while here.now < QUARTER + timedelta(minutes=14):
                found.step()
                here.now += timedelta(seconds=10)
        assert here.offset_s == pytest.approx(0, abs=2)
        (told,) = (each for each in caplog.records if each.__dict__.get("action") == "clock_set")
        assert told.__dict__["before_s"] == pytest.approx(90, abs=2)
        assert told.__dict__["after_s"] == pytest.approx(0, abs=2)
        assert told.__dict__["identity"] == "GSE E1"


SETTINGS = """
gateway = "gw-1"
spool = "spool.db"
key_file = "k"
cloud_key_file = "c"
assume_synchronised_clock = true
broker = {{ host = "b" }}

[[bus]]
name = "a"
port = "{port}"
baudrate = 115200

[[bus.meter]]
label = "A-1204 electricity"
address = 17
model = "is16444"
password_file = "pw"

[bus.meter.setter]
encryption_key_file = "ek"
authentication_key_file = "ak"
"""


class Desk:
    """The installer's command in a time that a test moves."""

    def __init__(self, here: World, patch: pytest.MonkeyPatch) -> None:
        here.bus.close()
        self._path = here.folder / "agent.toml"
        self._path.write_text(SETTINGS.format(port=here.bus.config.port))
        self.slept: list[float] = []

        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return here.now.astimezone(tz)

        def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            here.now += timedelta(seconds=seconds)

        def seconds() -> float:
            return here.now.timestamp()

        steady = SimpleNamespace(time=seconds, sleep=sleep)
        patch.setattr("edge_agent.cli.clock.datetime", Clock)
        patch.setattr("edge_agent.cli.clock.time", steady)
        self.run = partial(CliRunner().invoke, app)

    def set(self, *words: str) -> Any:
        return self.run(["set-clock", "a-1204", "--config", str(self._path), *words])


def test_the_installers_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with world(tmp_path, clock_offset_s=39600) as here:
        desk = Desk(here, monkeypatch)
        refused = desk.set()
        assert re.fullmatch(
            "meter   GSE E1\nbefore  39(600|59.) s ahead of this machine\n", refused.stdout
        )
        assert isinstance(refused.exception, MeterError)
        assert re.fullmatch(
            r"A-1204 electricity: its clock was not set: \+39(600|59.) s is more than 600 s: "
            "see why first",
            str(refused.exception),
        )
        assert refused.exception.next_step == "find the cause; --force sets it all the same"
        assert here.offset_s == 39600
        done = desk.set("--force", "--json")
        assert json.loads(done.stdout)["became"] == "set"
        assert json.loads(done.stdout)["before_s"] == pytest.approx(39600, abs=10)
        assert here.offset_s == pytest.approx(0, abs=10)
        left = desk.set()
        assert "left alone" in left.stdout
        assert left.exit_code == 0


def test_the_installers_command_waits_for_the_end_of_a_period(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(tmp_path, clock_offset_s=-45) as here:
        desk = Desk(here, monkeypatch)
        here.now = QUARTER + timedelta(minutes=14, seconds=50)
        done = desk.set()
        assert (done.exception, done.exit_code) == (None, 0)
        assert "waiting until" in done.stderr
        before, after, last = done.stdout.splitlines()[1:]
        assert re.fullmatch("before  (4|5). s behind this machine", before)
        assert re.fullmatch("after   . s (ahead of|behind) this machine", after)
        assert last == "clock   set"
        assert desk.slept == [pytest.approx(10 + 60 + 45 + 1, abs=10)]


def test_a_clock_that_was_set_by_hand_is_told_to_the_cloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = generate_key()
    with world(tmp_path, clock_offset_s=39600) as here:
        desk = Desk(here, monkeypatch)
        assert desk.set("--force").stderr == ""
        assert not (tmp_path / "spool.db").exists(), "on a laptop there is none"
        here.turn(39600)
        path = tmp_path / "k"
        path.write_bytes(private_key_to_pem(key))
        path.chmod(0o600)
        with Spool.open(tmp_path / "spool.db") as spool:
            held = desk.set("--force")
            assert "set, and not noted for the cloud: another edge-agent" in held.stderr
            here.turn(39600)
        assert desk.set().exit_code == 1
        assert desk.set("--force").stderr == ""
        assert desk.set().exit_code == 0, "left alone"
    with Spool.open(tmp_path / "spool.db") as spool:
        (event,) = observations(spool, key)
    assert event.code == GatewayEvent.CLOCK_SET
    assert event.offset_before_s == pytest.approx(39600, abs=10)
    assert event.offset_s == pytest.approx(0, abs=10)
