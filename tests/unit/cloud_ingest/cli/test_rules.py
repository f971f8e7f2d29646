# SPDX-License-Identifier: MIT
"""``cloud-ingest rules``: what goes in, what comes out, and what is refused in one line."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from cloud_ingest.cli.command_line import app
from tests.support.flats import flat
from tests.support.registers import write_parquet

START = datetime(2016, 3, 1)  # noqa: DTZ001  a file's clock has no zone
LEAKS_FROM, LEAKS_UNTIL = 96, 216


@pytest.fixture
def registers(tmp_path: Path) -> Path:
    """A sound flat, and one in which water runs for five days."""
    meters, times, litres = [], [], []
    for meter in ("flat 1", "flat 2"):
        register = 1000
        for hour in range(24 * 20):
            leaks = meter == "flat 2" and LEAKS_FROM <= hour < LEAKS_UNTIL
            register += 40 * (hour % 24 in {7, 19}) + 9 * leaks
            meters.append(meter)
            times.append(START + timedelta(hours=hour))
            litres.append(register)
    return write_parquet(
        tmp_path / "r.parquet", {"meter": meters, "ts": times, "register_l": litres}
    )


@pytest.fixture
def flats(tmp_path: Path) -> Path:
    """Three flats over fifty days."""
    rows = [(f"flat {seed}", *reading) for seed in (1, 2, 3) for reading in flat(seed, 50)]
    meters, seconds, millilitres = zip(*rows, strict=True)
    times = pa.array(seconds, pa.timestamp("s"))
    columns = {"meter": meters, "ts": times, "register_l": [ml / 1000 for ml in millilitres]}
    return write_parquet(tmp_path / "flats.parquet", columns)


def rules(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["rules", *map(str, words), "--processes", "1"])


def lines(text: str) -> Sequence[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("to_file", [True, False])
def test_each_event_is_a_line(registers: Path, tmp_path: Path, *, to_file: bool) -> None:
    out = tmp_path / "events.jsonl"
    done = rules("replay", registers, "--resolution-l", "1", "--out", out if to_file else "-")
    assert (done.exit_code, done.stderr) == (0, "")
    (event,) = lines(out.read_text() if to_file else done.stdout)
    assert list(event) == [
        "meter",
        "kind",
        "severity",
        "raised_at",
        "since",
        "cleared_at",
        "detail",
    ]
    assert (event["meter"], event["severity"]) == ("flat 2", "alarm")
    since, raised, cleared = (
        datetime.fromisoformat(str(event[name])) for name in ("since", "raised_at", "cleared_at")
    )
    leak = START + timedelta(hours=LEAKS_FROM - 1)
    assert leak - timedelta(hours=1) <= since <= leak < raised < cleared
    assert isinstance(event["detail"], dict)


def test_no_event_is_an_empty_file(registers: Path, tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    done = rules("replay", registers, "--resolution-l", "10000", "--out", out)
    assert (done.exit_code, out.read_text()) == (0, "")


def test_processes_change_nothing(registers: Path) -> None:
    alone = rules("replay", registers, "--resolution-l", "1")
    words = ["rules", "replay", str(registers), "--resolution-l", "1", "--processes", "2"]
    assert CliRunner().invoke(app, words).stdout == alone.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--resolution-l", "0"), "--resolution-l 0.0: it is 0.001 to 10000"),
        (("--resolution-l", "nan"), "--resolution-l nan: it is 0.001 to 10000"),
        (("--resolution-l", "1.00005"), "in whole millilitres"),
        (("--resolution-l", "1", "--zone", "../etc"), "--zone '../etc' is no zone"),
        (("--resolution-l", "1", "--out", "/none/e.jsonl"), "cannot be written: No such file"),
        (("--resolution-l", "1", "--out", "/"), "--out / cannot be written: Is a directory"),
    ],
)
def test_a_mistake_is_one_line(registers: Path, words: Sequence[str], says: str) -> None:
    done = rules("replay", registers, *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_file_that_is_read_is_not_written(registers: Path) -> None:
    before = registers.read_bytes()
    done = rules("replay", registers, "--resolution-l", "1", "--out", registers)
    assert (done.exit_code, registers.read_bytes()) == (2, before)
    assert "is the file that is read" in done.stderr


@pytest.mark.parametrize("command", [("replay", "--resolution-l", "1"), ("score",)])
def test_a_file_that_is_none_is_one_line(tmp_path: Path, command: Sequence[str]) -> None:
    (tmp_path / "r.parquet").write_bytes(b"PAR1 of no use")
    done = rules(*command, tmp_path / "r.parquet")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "r.parquet cannot be read: " in done.stderr
    assert done.stderr.count("\n") == 1


def test_rows_left_out_are_counted(tmp_path: Path) -> None:
    columns = {"meter": ["A", "A"], "ts": [START, None], "register_l": [1, 2]}
    path = write_parquet(tmp_path / "r.parquet", columns)
    done = rules("replay", path, "--resolution-l", "1")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"{path}: 1 row with an empty cell left out\n"


def test_a_replay_says_that_seldom_readings_hide_leaks(tmp_path: Path) -> None:
    days = [START + timedelta(days=day) for day in range(40)]
    columns = {"meter": ["a"] * 40, "ts": days, "register_l": range(0, 4000, 100)}
    daily = write_parquet(tmp_path / "daily.parquet", columns)
    done = rules("replay", daily, "--resolution-l", "1")
    assert "read every 24 h: no hour of use is known" in " ".join(done.stderr.split())


def test_a_replay_says_what_a_coarse_register_hides(registers: Path) -> None:
    done = rules("replay", registers, "--resolution-l", "10")
    assert "a leak below 5 L/h passes for use" in " ".join(done.stderr.split())


def test_a_score_is_a_table(flats: Path) -> None:
    done = rules("score", flats, "--trials", "1", "--point", "careful", "--point", "early")
    assert done.exit_code == 0
    assert "1 L every 60 min, careful: 3 sound meters, 0 that leak\n" in done.stdout
    assert "1 L every 60 min, early: 3 sound meters, 0 that leak\n" in done.stdout
    assert "\nconstant 5 L/h " in done.stdout


def test_a_score_says_what_the_register_hides(flats: Path) -> None:
    done = rules("score", flats, "--trials", "1", "--resolution-l", "10")
    assert done.stderr == (
        "This register moves in steps of 10 L: a leak below 5 L/h passes for use, "
        "one of 5 L/h takes about two days to show and one of 10 L/h about a day.\n"
    )


def test_a_score_is_json_and_a_picture(flats: Path, tmp_path: Path) -> None:
    words = ("--trials", "1", "--resolution-l", "10", "--plot", tmp_path / "s.svg", "--json")
    done = rules("score", flats, *words)
    assert done.exit_code == 0
    (found,) = json.loads(done.stdout)
    assert found["of"] == "10 L every 60 min, careful"
    assert found["leaking"]["per_1000_days"]["measured"] is None
    assert {each["hours"] for each in found["detections"]} == {5, 12, 24, 48, 72, 168}
    assert (tmp_path / "s.svg").read_text().startswith("<svg ")


def test_a_donor_is_read_every_quarter_of_an_hour(flats: Path) -> None:
    done = rules("score", flats, "--donor", flats)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "flats.parquet has no hour of four quarters" in done.stderr


def test_an_inlet_gives_flats_water_by_the_hour(flats: Path) -> None:
    done = rules("score", flats, "--trials", "1", "--inlet", "200")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "1 L every 60 min, inlet 200 L/h, careful: 3 sound meters" in done.stdout
    assert "\n25 L/h before the tank " in done.stdout


def test_a_tank_that_fills_in_hours_with_water_is_no_burst(tmp_path: Path) -> None:
    register = 1000
    columns: dict[str, list[object]] = {"meter": [], "ts": [], "register_l": []}
    for hour in range(24 * 3):
        columns["meter"].append("flat 1")
        columns["ts"].append(START + timedelta(hours=hour))
        columns["register_l"].append(register)
        register += 95 * (hour % 24 in range(6, 11))
    file = write_parquet(tmp_path / "tank.parquet", columns)
    told = rules("replay", file, "--resolution-l", "1")
    assert [event["kind"] for event in lines(told.stdout)] == ["burst"]
    known = rules("replay", file, "--resolution-l", "1", "--supply", "06:00-11:00")
    assert (known.exit_code, known.stdout) == (0, "")


def test_hours_of_an_inlet_that_are_none_are_refused(flats: Path) -> None:
    done = rules("score", flats, "--inlet", "200", "--supply", "6-9")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--supply: '6-9' is no span of hours: write it as 06:00-09:00" in done.stderr
