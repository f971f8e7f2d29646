# SPDX-License-Identifier: GPL-2.0-only
"""``trace --save`` and ``simulate --replay`` as typed, over pseudo terminals."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.cli import app
from edge_agent.recording.file import Recording, load_recording
from edge_agent.virtual.bus import BusThread, PtyBus
from edge_agent.virtual.estate import parse_estate, serve
from edge_agent.virtual.line import Line
from edge_agent.virtual.recorded_time import shifted
from edge_agent.virtual.replay import station
from shared_schema.signing import generate_key, private_key_to_pem, public_key_to_pem

METER = {
    "label": "A",
    "serial": "87654321",
    "address": 17,
    "manufacturer": "LNT",
    "model": "single_phase",
    "password": "pass-W0rd",
    "load": {"kind": "flat"},
    "habits": {"null_rows": True, "bcd": True, "ua": "unknown"},
}


def aged(recording: Recording, by: timedelta) -> Recording:
    """Return what a recording would be that was made so long before."""
    seconds = -by.total_seconds()

    def moved(octets: str | None) -> str | None:
        return octets and shifted(bytes.fromhex(octets), seconds).hex()

    def bound(stamp: str | None) -> str | None:
        return stamp and shifted(b"\x0c" + bytes.fromhex(stamp), seconds)[1:].hex()

    answers = tuple(
        each.model_copy(
            update={
                "data": moved(each.data),
                "rows_from": bound(each.rows_from),
                "rows_to": bound(each.rows_to),
            }
        )
        for each in recording.answers
    )
    head = recording.head.model_copy(update={"at": recording.head.at - by})
    return recording.model_copy(update={"head": head, "answers": answers})


class Desk:
    """A folder, and commands typed in it."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.folder, self._capsys, self._patch = folder, capsys, patch
        self.file = folder / "odd.jsonl"
        (folder / "meter.pw").write_text("pass-W0rd")
        (folder / "meter.pw").chmod(0o600)

    def run(self, *arguments: object, code: int = 0) -> tuple[str, str]:
        """Type a command that ends with a code: stdout, stderr."""
        self._patch.setattr(sys, "argv", ["edge-agent", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            app.main()
        printed = self._capsys.readouterr()
        assert (ended.value.code or 0) == code, printed.err
        return printed.out, printed.err

    def json(self, *arguments: object, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code)[0])

    def trace(self, port: Path, *more: object, code: int = 0) -> tuple[str, str]:
        return self.run(
            *("trace", "--port", port, "--address", 17, "--model", "is16444"),
            *("--password-file", "meter.pw", "--save", self.file, *more),
            code=code,
        )

    @contextmanager
    def replayed(self, *, days: int = 0, made_before: timedelta = timedelta()) -> Iterator[str]:
        """Serve the recording as it is some days later, as if it were made so long before."""
        shift = timedelta(days=days)
        begun = datetime.now(UTC) + shift
        line = Line(
            [station(aged(load_recording(self.file), made_before), begun, lambda _text: None)]
        )
        with BusThread([bus := PtyBus(line)], lambda: datetime.now(UTC) + shift):
            yield bus.path


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("edge_agent.gateway_clock.is_synchronised", lambda: True)
    return Desk(tmp_path, capsys, monkeypatch)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Path]:
    estate = parse_estate({"bus": [{"name": "a", "link": "a.tty", "meter": [METER]}]})
    with serve(estate, tmp_path, baud=None, now=lambda: datetime.now(UTC)) as ports:
        yield ports["a"]


@pytest.fixture
def recorded(desk: Desk, port: Path) -> Desk:
    desk.trace(port)
    return desk


def test_a_trace_is_saved_for_its_owner_alone(desk: Desk, port: Path) -> None:
    out, err = desk.trace(port)
    assert "AARQ" in out
    assert "without secrets" in err
    assert f"edge-agent simulate --replay {desk.file}" in err
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o600
    text = desk.file.read_text()
    assert "pass-W0rd" not in text
    assert b"pass-W0rd".hex() not in text
    assert b"87654321".hex() not in text


def test_a_file_that_is_there_ends_it_before_the_meter(recorded: Desk) -> None:
    before = recorded.file.read_bytes()
    _, err = recorded.trace(Path("no-port"), code=2)
    assert "is there already and is not overwritten; try: take another name, or replace" in err
    assert recorded.file.read_bytes() == before


def test_force_replaces_and_the_serial_number_is_kept(recorded: Desk, port: Path) -> None:
    recorded.trace(port, "--force", "--keep-serial")
    assert b"87654321".hex() in recorded.file.read_text()
    assert load_recording(recorded.file).head.serial == "kept"


def test_what_came_before_a_failure_is_saved(desk: Desk, port: Path) -> None:
    (desk.folder / "meter.pw").write_text("wrong-one")
    _, err = desk.trace(port, code=2)
    assert "refuses the password" in err
    assert "saved 0 answers" in err
    (refused,) = load_recording(desk.file).associations
    assert (refused.client, refused.mechanism) == (32, 1)


def test_a_silent_line_leaves_no_file(desk: Desk, port: Path) -> None:
    desk.run(
        *("trace", "--port", port, "--address", 18, "--password-file", "meter.pw"),
        *("--save", desk.file),
        code=2,
    )
    assert not desk.file.exists()


@pytest.mark.parametrize("days", [0, 12])
def test_a_replay_is_read_by_hand(recorded: Desk, days: int) -> None:
    with recorded.replayed(days=days) as port:
        found = recorded.json("read", "--port", port, "--address", 17, "--client", 16)
    assert (found["manufacturer"], found["serial"]) == ("LNT", "10293847")
    shown = datetime.fromisoformat(found["clock"])
    assert abs(datetime.now(UTC) + timedelta(days=days) - shown) < timedelta(seconds=5)


@pytest.mark.parametrize("hours", [0, 1, 9, 15, 23, 62])
def test_a_replay_is_scanned_and_tried_at_any_hour(recorded: Desk, hours: int) -> None:
    with recorded.replayed(made_before=timedelta(hours=hours)) as port:
        found = recorded.json("scan", "--port", port, "--addresses", 17, "--wait-ms", 50)
        tried = recorded.json("trial", "--port", port, "--baud", 9600, "--address", 17)
    (meter,) = found["meters"]
    assert meter["serial"] == "10293847"
    assert tried["model_because"] == "its category is D1"
    assert not tried["troubles"]
    assert len(tried["meter"]["profiles"]) > 3


def test_a_replay_is_commissioned_green(recorded: Desk) -> None:
    key = generate_key()
    (recorded.folder / "gateway.key").write_bytes(private_key_to_pem(key))
    (recorded.folder / "gateway.key").chmod(0o600)
    (recorded.folder / "gateway.key.pub").write_bytes(public_key_to_pem(key.public_key()))
    (recorded.folder / "cloud.pem").write_bytes(public_key_to_pem(generate_key().public_key()))
    (recorded.folder / "list.csv").write_text("label,address\nA-1204,17\n")
    with recorded.replayed() as port:
        sheet = recorded.json(
            *("commission", "--port", port, "--gateway", "gw-1", "--broker", "mq:1883"),
            *("--key-file", "gateway.key", "--frames", 30, "--password-file", "meter.pw"),
            *("--meters", "list.csv", "--cloud-key-file", "cloud.pem", "--spool", "spool.db"),
        )
    (meter,) = sheet["meters"]
    assert meter["verdict"] == "green"


def test_what_was_not_recorded_is_named_once_and_ends_clean(recorded: Desk) -> None:
    program = [sys.executable, "-m", "edge_agent.cli.app", "simulate", "--replay"]
    serving = subprocess.Popen(
        [*program, str(recorded.file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(app.__file__).parents[2],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    with serving:
        assert serving.stdout is not None
        name, _, port = serving.stdout.readline().strip().partition("\t")
        assert name == "odd"
        for _ in range(2):
            recorded.run(
                *("read", "--port", port, "--address", 17, "--client", 16, "1.0.15.8.0.255"),
                code=2,
            )
        serving.send_signal(signal.SIGINT)
        _, err = serving.communicate(timeout=30)
    assert serving.returncode == 0
    assert f"edge-agent trial --port {port} --baud 9600 --address 17 --model is16444" in err
    said = "1.0.15.8.0.255 (class 3) attribute 2 was not recorded: answered object-undefined"
    assert err.count(said) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--replay", "none.jsonl"), "cannot read the recording"),
        (("--replay", "meter.pw"), "meter.pw, line 1: no JSON"),
        ((), "name a file of virtual meters, or give --replay FILE or --example"),
        (("--example", "--registers-at", "2026-11-01"), "--registers-at needs a file of virtual"),
        (("--example", "--directory", "full"), "full/estate.toml is there: no example is written"),
        (("--example", "--directory", "full"), "full/estate.toml --directory"),
        (("estate.toml", "--replay", "odd.jsonl"), "name a file of virtual meters, or"),
    ],
)
def test_a_mistake_is_one_line(desk: Desk, words: tuple[str, ...], said: str) -> None:
    (desk.folder / "full").mkdir()
    (desk.folder / "full" / "estate.toml").touch()
    _, err = desk.run("simulate", *words, code=2)
    assert said in err
    assert len(err.splitlines()) == 1
