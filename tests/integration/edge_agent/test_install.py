# SPDX-License-Identifier: GPL-2.0-only
"""The installer's commands against virtual meters on a pty bus, as typed."""

import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.cli import app
from edge_agent.meters.credentials import keys_of
from edge_agent.settings.file import load_settings
from edge_agent.virtual.cosem import AccessResult
from edge_agent.virtual.estate import Estate, parse_estate, serve
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    SERIAL_NUMBER,
)
from shared_schema.signing import (
    fingerprint,
    generate_key,
    private_key_to_pem,
    public_key_to_pem,
    verify_document,
)

FLAT = {"model": "single_phase", "manufacturer": "LNT", "load": {"kind": "flat"}}
RISER = [
    {**FLAT, "label": "A", "serial": "E1", "address": 17, "password": "12345678"},
    {**FLAT, "label": "B", "serial": "E2", "address": 18, "password": "87654321"},
    {
        "label": "W",
        "serial": "W1",
        "address": 19,
        "model": "water",
        "manufacturer": "ITRON",
        "load": {"kind": "water"},
    },
    {
        "label": "L",
        "serial": "E3",
        "address": 200,
        "model": "three_phase",
        "manufacturer": "Secure & Co <b>",
        "clock_offset_s": 120,
        "load": {"kind": "lift"},
    },
]
DESK = [{**FLAT, "label": "D", "serial": "D1", "address": 99}]


FILES = ("--key-file", "gateway.key", "--cloud-key-file", "cloud.pem", "--spool", "spool.db")


@dataclass
class Site:
    """A folder with keys and two served lines."""

    folder: Path
    estate: Estate
    riser: Path
    desk: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def run(self, *arguments: object) -> tuple[int, str, str]:
        """Type a command: exit code, stdout, stderr."""
        self.monkeypatch.setattr(sys, "argv", ["edge-agent", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            app.main()
        printed = self.capsys.readouterr()
        code = ended.value.code
        return code if isinstance(code, int) else 0, printed.out, printed.err

    def json(self, *arguments: object, code: int = 0) -> Any:
        found, out, err = self.run(*arguments, "--json")
        assert found == code, err
        return json.loads(out)

    def commission(self, *more: object, code: int = 0) -> Any:
        return self.json(
            *("commission", "--port", self.riser, "--gateway", "gw-1", "--broker", "mq:1883"),
            *(*FILES, "--frames", 30, "--password-file", "meter.pw", *more),
            code=code,
        )


@pytest.fixture
def site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Site]:
    key = generate_key()
    (tmp_path / "gateway.key").write_bytes(private_key_to_pem(key))
    (tmp_path / "gateway.key").chmod(0o600)
    (tmp_path / "gateway.key.pub").write_bytes(public_key_to_pem(key.public_key()))
    (tmp_path / "cloud.pem").write_bytes(public_key_to_pem(generate_key().public_key()))
    (tmp_path / "meter.pw").write_text("12345678")
    (tmp_path / "meter.pw").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("edge_agent.gateway_clock.is_synchronised", lambda: True)
    estate = parse_estate(
        {
            "bus": [
                {"name": "riser", "link": "riser.tty", "meter": RISER, "echo": True},
                {"name": "desk", "link": "desk.tty", "meter": DESK},
            ]
        }
    )
    with serve(estate, tmp_path, baud=None, now=lambda: datetime.now(UTC)) as ports:
        yield Site(tmp_path, estate, ports["riser"], ports["desk"], capsys, monkeypatch)


def test_a_trial_needs_port_and_password_alone(site: Site) -> None:
    code, out, err = site.run("trial", "--port", site.desk, "--password-file", "meter.pw")
    assert code == 0, err
    assert "9600 baud, address 1 (1 byte)" in out
    assert "is16444 fits: its category is D1" in out
    for words in ("active energy import", "Wh", "block load profile", "daily load profile"):
        assert words in out
    assert "newest rows" in err


def test_a_trial_tells_the_truth_as_json(site: Site) -> None:
    found = site.json(
        *("trial", "--port", site.riser, "--baud", 9600, "--address", 17),
        *("--password-file", "meter.pw"),
    )["meter"]
    assert (found["manufacturer"], found["serial"], found["model"]) == ("LNT", "E1", "is16444")
    assert abs(found["clock_offset_s"]) <= 2
    meter = site.estate.meter("E1")
    at = datetime.fromisoformat(found["at"])
    (energy,) = [each for each in found["registers"] if each["obis"] == str(ACTIVE_IMPORT)]
    assert abs(int(energy["value"]) - meter.register_at(ACTIVE_IMPORT, at)) <= 5
    assert energy["unit"] == "Wh"
    block = found["profiles"][0]
    assert block["period_s"] == 900
    truth = {row.ts: row.values for row in meter.buffered(BLOCK_LOAD_PROFILE, at)}
    names = [str(obis) for _, obis, _ in meter.columns(BLOCK_LOAD_PROFILE)][1:]
    for row in block["rows"]:
        held = dict(zip(names, truth[datetime.fromisoformat(row["at"])], strict=True))
        shown = {each["obis"]: each["value"] for each in row["values"]}
        assert int(shown["1.0.1.29.0.255"]) == held["1.0.1.29.0.255"]
    newest = datetime.fromisoformat(block["rows"][-1]["at"])
    assert 0 <= (at - newest).total_seconds() < 1800
    assert found["line"]["errors"] == 0


def test_a_trial_without_a_password_reads_the_public_part(
    site: Site,
) -> None:
    code, out, err = site.run("trial", "--port", site.desk)
    assert code == 2
    assert "serial number" in out
    assert "--password-file" in out
    assert err.splitlines()[-1].startswith("edge-agent: ")


def test_a_trial_sends_a_wrong_password_once(site: Site) -> None:
    (site.folder / "meter.pw").write_text("xyz-secret")
    code, out, err = site.run(
        *("trial", "--port", site.desk, "--baud", 9600, "--address", 99),
        *("--password-file", "meter.pw", "--trace"),
    )
    assert code == 2
    assert "refuses the password" in out
    assert "many meters lock after three" in out
    assert err.count("LLS password (hidden)") == 1
    assert "xyz-secret" not in out + err
    assert b"xyz-secret".hex(" ").upper() not in err


TRACED = "LLS password (hidden)"


def test_no_command_sends_a_refused_password_again(site: Site) -> None:
    (site.folder / "meter.pw").write_text("wrong-one")
    trial = ("trial", "--port", site.desk, "--baud", 9600, "--password-file", "meter.pw")
    by_hand = ("--port", site.desk, "--address", 99, "--password-file", "meter.pw")
    commission = (
        *("commission", "--port", site.desk, "--gateway", "g", "--broker", "b", "--force"),
        *(*FILES, "--meter", "99=D", "--baud", 9600, "--frames", 1),
        *("--password-file", "meter.pw", "--trace"),
    )
    _, out, err = site.run(*trial, "--trace")
    assert err.count(TRACED) == 1
    assert "refuses the password" in out
    for command in ((*trial, "--address", 99, "--trace"), commission, commission):
        code, out, err = site.run(*command)
        assert (code, TRACED in err) == (2 if command[0] == "trial" else 1, False)
        assert "nothing was sent" in out
        assert "--again" in out
    for word in ("read", "trace"):
        # By its place on the line, which the desk's short address hid from the trial.
        code, out, err = site.run(word, *by_hand)
        assert (code, TRACED in out, "nothing was sent" in err) == (2, False, True)

    (site.folder / "meter.pw").write_text("12345678")
    code, out, _ = site.run(*commission)
    assert (code, "in service" in out or "green" in out) == (0, True), out


def test_a_meter_with_a_new_password_is_asked_again(site: Site) -> None:
    (site.folder / "meter.pw").write_text("wrong-one")
    command = ("read", "--port", site.desk, "--address", 99, "--password-file", "meter.pw")
    assert "refuses the password" in site.run(*command)[2]
    assert "nothing was sent" in site.run(*command)[2]
    assert "refuses the password" in site.run(*command, "--again")[2]


def test_a_trial_where_nobody_is(site: Site) -> None:
    site.monkeypatch.setattr("edge_agent.install.options.TURNAROUND_S", 0.2)
    code, out, _ = site.run("trial", "--port", site.desk, "--baud", 9600, "--address", 5)
    assert code == 2
    assert "swap A and B" in out


def test_a_scan_lists_every_meter(site: Site) -> None:
    found = site.json(*("scan", "--port", site.riser, "--addresses", "17-20,200", "--wait-ms", 60))
    assert [(each["address"], each["serial"], each["model"]) for each in found["meters"]] == [
        (17, "E1", "is16444"),
        (18, "E2", "is16444"),
        (19, "W1", "water"),
        (200, "E3", "is13779"),
    ]
    assert (found["conflicts"], found["echo"]) == ([], True)
    code, out, err = site.run("scan", "--port", site.riser, "--addresses", "19", "--wait-ms", 60)
    assert code == 0
    assert "ITRON  W1" in out
    assert "2 of 2 addresses, 1 meter found" in err


def test_a_silent_scan_says_what_to_try(site: Site) -> None:
    code, _, err = site.run(
        *("scan", "--port", site.riser, "--addresses", "90", "--baud", 9600, "--wait-ms", 60)
    )
    assert code == 2
    assert "no meter answers" in err.splitlines()[-1]
    assert "swap A and B" in err.splitlines()[-1]


def test_commissioning_writes_settings_and_a_sheet(site: Site) -> None:
    (site.folder / "list.csv").write_text(
        "label,address,model,dial\n"
        'A-101,17,,\nA-102,18,is16444,\n"Water, A-101",19,,123.456\nLift <T1>,200,,\nA-103,55,,\n'
        "A-104,,,\n"
    )
    told = site.commission("--meters", "list.csv", "--by", "R <i>Rao", code=1)
    verdicts = {each["label"]: each["verdict"] for each in told["meters"]}
    assert verdicts == {
        "A-101": "green",
        "A-102": "red",
        "Water, A-101": "green",
        "Lift <T1>": "amber",
        "A-103": "red",
        "A-104": "self-read",
    }
    reasons = {each["label"]: " ".join(each["reasons"]) for each in told["meters"]}
    assert "refuses the password" in reasons["A-102"]
    assert "did not answer" in reasons["A-103"]
    assert "+120 s off" in reasons["Lift <T1>"] or "+119 s off" in reasons["Lift <T1>"]
    assert told["meters"][0]["examination"]["line"]["frames"] >= 30
    dial = told["meters"][2]["dial"]
    volume = told["meters"][2]["examination"]["registers"][0]["value"]
    assert (dial["dial_m3"], dial["register_m3"]) == ("123.456", volume)
    assert [each["dial"] for each in told["meters"] if each["label"] != "Water, A-101"] == [
        None
    ] * 5

    settings = load_settings(site.folder / "agent.toml")
    (bus,) = settings.buses
    assert [(each.label, each.address, each.model) for each in bus.meters] == [
        ("A-101", 17, "is16444"),
        ("Water, A-101", 19, "water"),
        ("Lift <T1>", 200, "is13779"),
    ]
    assert bus.port == site.riser
    assert settings.broker.address == ("mq", 1883)

    page = (site.folder / "commissioning-gw-1-riser-1.html").read_text()
    key = fingerprint(settings.signing_key().public_key())
    assert key in page
    assert key == told["key_fingerprint"]
    assert "Lift &lt;T1&gt;" in page
    assert "123.456 m³" in page
    assert "Secure &amp; Co &lt;b&gt; E3" in page
    assert "R &lt;i&gt;Rao" in page
    for sign in ("<i>", "<T1>", "<script", "http", "12345678"):
        assert sign not in page
    document = json.loads((site.folder / "commissioning-gw-1-riser-1.json").read_text())
    assert document["meters"] == told["meters"]
    assert "12345678" not in json.dumps(document)
    text = (site.folder / "commissioning-gw-1-riser-1.json").read_text()
    verify_document(text, settings.signing_key().public_key())


def test_a_second_line_is_added_to_the_settings(site: Site) -> None:
    site.commission("--meter", "17=A-101", "--baud", 9600)
    before = (site.folder / "agent.toml").read_text()
    code, _, err = site.run(
        *("commission", "--port", site.desk, "--gateway", "gw-1", "--broker", "x"),
        *(*FILES, "--meter", "99=D"),
    )
    assert code == 2
    assert "is there already; try: add this line to it with --add" in err
    assert (site.folder / "agent.toml").read_text() == before
    added = site.json(
        *("commission", "--port", site.desk, "--add", "--bus", "desk", "--meter", "99=Desk"),
        *("--password-file", "meter.pw", "--frames", 1),
    )
    assert added["green"]
    settings = load_settings(site.folder / "agent.toml")
    assert [bus.name for bus in settings.buses] == ["riser-1", "desk"]
    assert (site.folder / "agent.toml").read_text().startswith(before.rstrip())
    code, _, err = site.run(
        *("commission", "--port", site.desk, "--add", "--bus", "desk", "--meter", "99=E"),
    )
    assert (code, "has a bus desk already" in err) == (2, True)


def test_errors_of_a_noisy_line_are_counted(site: Site) -> None:
    line_ = {"name": "n", "link": "noisy.tty", "meter": DESK, "faults": {"damage": 0.06}}
    with serve(
        parse_estate({"bus": [line_]}), site.folder, baud=None, now=lambda: datetime.now(UTC)
    ) as ports:
        site.monkeypatch.setattr("edge_agent.install.options.TURNAROUND_S", 0.4)
        found = site.json(
            *("commission", "--port", ports["n"], "--gateway", "g", "--broker", "b"),
            *(*FILES, "--meter", "99=Desk", "--baud", 115200),
            *("--frames", 60, "--password-file", "meter.pw"),
            code=3,
        )
    (desk,) = found["meters"]
    line = desk["examination"]["line"]
    assert desk["verdict"] == "amber"
    assert "errors in 1000 frames: check cable" in " ".join(desk["reasons"])
    assert line["frames"] >= 60
    assert 0 < line["errors"] < line["frames"] / 3
    assert line["damaged"]


def test_a_meter_of_the_other_sign_is_commissioned(site: Site) -> None:
    line_ = {"name": "z", "link": "zone.tty", "meter": [{**DESK[0], "deviation": "reversed"}]}
    with serve(
        parse_estate({"bus": [line_]}), site.folder, baud=None, now=lambda: datetime.now(UTC)
    ) as ports:
        told = site.json(
            *("commission", "--port", ports["z"], "--gateway", "g", "--broker", "b"),
            *(*FILES, "--meter", "99=Desk", "--baud", 9600),
            *("--frames", 1, "--password-file", "meter.pw"),
        )
    (desk,) = told["meters"]
    assert desk["verdict"] == "green"
    assert any("deviation_sign = -1" in each for each in desk["examination"]["remarks"])
    (bus,) = load_settings(site.folder / "agent.toml").buses
    assert [each.deviation_sign for each in bus.meters] == [-1]


@pytest.mark.parametrize("same", [True, False], ids=["same model", "other models"])
def test_two_meters_at_one_address_are_a_conflict(site: Site, same: bool) -> None:
    other = {**FLAT, "label": "T", "serial": "T9", "address": 99, "manufacturer": "GSE"}
    if not same:
        other["max_info"] = 128
    line_ = {
        "name": "t",
        "link": "twins.tty",
        "meter": [*DESK, other, {**FLAT, "label": "U", "serial": "U1", "address": 7}],
        "faults": {"shared_addresses": True},
    }
    with serve(
        parse_estate({"bus": [line_]}), site.folder, baud=None, now=lambda: datetime.now(UTC)
    ) as ports:
        site.monkeypatch.setattr("edge_agent.install.options.TURNAROUND_S", 0.2)
        found = site.json(
            *("scan", "--port", ports["t"], "--baud", 9600, "--addresses", "7,99"),
            *("--wait-ms", 60),
        )
        assert [each["serial"] for each in found["meters"]] == ["U1"]
        assert [each["address"] for each in found["conflicts"]] == [99]
        told = site.json(
            *("commission", "--port", ports["t"], "--gateway", "g", "--broker", "b"),
            *(*FILES, "--meter", "99=D", "--meter", "7=U", "--baud", 9600),
            *("--frames", 1, "--password-file", "meter.pw"),
            code=1,
        )
    assert [each["verdict"] for each in told["meters"]] == ["red", "green"]
    assert told["meters"][0]["reasons"] == ["several meters answer at this address"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--gateway", "g/w", "--broker", "b", "--meter", "17=A"), "gateway: String should match"),
        (("--gateway", "g/w", "--broker", "b", "--meter", "17=A"), "try: correct the option"),
        (("--gateway", "g", "--broker", "b", "--bus", "../x", "--meter", "17=A"), "name: String"),
        (("--gateway", "g", "--broker", "b:x", "--meter", "17=A"), "write host or host:port"),
        (("--gateway", "g", "--broker", "b", "--config", "no/agent.toml"), "cannot write no/"),
        (("--gateway", "g", "--broker", "b", "--sheet-dir", "none"), "cannot write none/"),
        (
            ("--gateway", "g", "--broker", "b", "--key-file", "x", "--meter", "1=A"),
            "edge-agent keygen makes a key",
        ),
        (
            ("--gateway", "g", "--broker", "b", "--meter", "17=A", "--password-file", "x"),
            "cannot read --password-file: No such file",
        ),
    ],
)
def test_mistakes_are_said_before_a_meter_is_read(
    site: Site, options: tuple[str, ...], said: str
) -> None:
    code, _, err = site.run(
        *("commission", "--port", site.riser, *FILES, *options),
    )
    assert code == 2
    assert err.count("\n") == 1
    assert said in err
    assert not (site.folder / "agent.toml").exists()
    assert not list(site.folder.glob("commissioning-*"))


def test_without_a_terminal_nobody_is_asked(site: Site) -> None:
    code, _, err = site.run(
        *("commission", "--port", site.desk, "--gateway", "g", "--broker", "b"),
        *(*FILES, "--addresses", "99", "--baud", 9600),
    )
    assert code == 2
    assert "nobody can be asked for its label" in err.splitlines()[-1]
    assert not (site.folder / "agent.toml").exists()


def test_a_scan_with_a_person_asks_for_labels(site: Site) -> None:
    site.monkeypatch.setattr(
        "edge_agent.cli.commission._ask_label", lambda meter: f"Desk {meter.plate.serial}"
    )
    told = site.json(
        *("commission", "--port", site.desk, "--gateway", "g", "--broker", "b"),
        *(*FILES, "--addresses", "99", "--baud", 9600),
        *("--frames", 1, "--password-file", "meter.pw"),
    )
    assert [each["label"] for each in told["meters"]] == ["Desk D1"]
    document = tomllib.loads((site.folder / "agent.toml").read_text())
    assert document["bus"][0]["meter"][0]["address"] == 99


def test_no_sheet_is_green_without_the_time(site: Site) -> None:
    site.monkeypatch.setattr("edge_agent.gateway_clock.is_synchronised", lambda: False)
    told = site.commission("--meter", "17=A-101", code=3)
    assert (told["green"], told["clock_synchronised"]) == (False, False)
    assert told["meters"][0]["verdict"] == "amber"
    code, out, _ = site.run(
        *("commission", "--port", site.riser, "--gateway", "g", "--broker", "b", "--force"),
        *(*FILES, "--meter", "17=A-101", "--baud", 9600),
        *("--frames", 1, "--password-file", "meter.pw"),
    )
    assert code == 3
    assert "timedatectl set-ntp true" in out
    page = (site.folder / "commissioning-g-riser-1.html").read_text()
    assert '<div class="sum amber">' in page
    assert "NOT synchronised" in page
    off = {**DESK[0], "clock_offset_s": 500}
    with serve(
        parse_estate({"bus": [{"name": "o", "link": "off.tty", "meter": [off]}]}),
        site.folder,
        baud=None,
        now=lambda: datetime.now(UTC),
    ) as ports:
        trial = ("trial", "--port", ports["o"], "--baud", 9600, "--password-file", "meter.pw")
        _, out, _ = site.run(*trial)
        assert "s off, more than 300 s" in out
        assert "timedatectl set-ntp true" in out
        assert "set-clock" not in out, "it is this machine that may be wrong"
        assert site.json(*trial, code=2)["clock_synchronised"] is False


def test_a_meter_without_a_serial_number_stays_out(site: Site) -> None:
    site.estate.meter("E1").faults[SERIAL_NUMBER] = AccessResult.OBJECT_UNDEFINED
    told = site.commission("--meter", "17=A-101", code=1)
    assert told["meters"][0]["verdict"] == "red"
    assert not (site.folder / "agent.toml").exists()


def test_reading_and_tracing_by_label(site: Site) -> None:
    site.commission("--meter", "17=A-101 electricity", "--meter", "19=A-101 water")
    found = site.json("read", "A-101 e", "--config", "agent.toml", ACTIVE_IMPORT)
    assert (found["serial"], found["values"][0]["unit"]) == ("E1", "Wh")
    code, _, err = site.run("read", "A-101", "--config", "agent.toml")
    assert (code, "two meters are called A-101: A-101 electricity" in err) == (2, True)
    code, out, _ = site.run(
        "trace", "A-101 electricity", "--config", "agent.toml", ACTIVE_IMPORT, "--json"
    )
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert any("GET 1.0.1.8.0.255 active energy import" in each["meaning"] for each in events)
    assert any(each["meaning"] == "echo of our own frame" for each in events)
    assert b"12345678".hex(" ") not in out.lower()
    code, out, _ = site.run("trace", "A-101 w", "--config", "agent.toml")
    assert "LLS password (hidden)" in out


KEYS = {"encryption_key": "11" * 16, "authentication_key": "22" * 16, "reader_counter": 4000}


def test_ciphered_meters_are_tried_and_commissioned(site: Site) -> None:
    for name, key in (("ek", "encryption_key"), ("ak", "authentication_key")):
        (site.folder / name).write_text(str(KEYS[key]))
        (site.folder / name).chmod(0o600)
    estate = parse_estate(
        {"bus": [{"name": "s", "link": "s.tty", "meter": [{**DESK[0], "security": KEYS}]}]}
    )
    keys = ("--encryption-key-file", "ek", "--authentication-key-file", "ak")
    with serve(estate, site.folder, baud=None, now=lambda: datetime.now(UTC)) as ports:
        there = ("--port", ports["s"], "--baud", 9600, "--address", 99)
        reader = ("--security", "lls-ae", "--password-file", "meter.pw")
        swapped = ("--encryption-key-file", "ak", "--authentication-key-file", "ek")
        _, out, _ = site.run("trial", *there, *reader, *swapped)
        assert "they may be swapped" in out
        assert "meter reader's password" not in out
        _, out, err = site.run("trial", *there, *reader, *swapped, "--trace")
        assert "nothing was sent" in out
        assert "LLS password" not in err
        code, out, err = site.run(
            *("trial", "--port", ports["s"], "--baud", 9600, "--address", 99, "--trace"),
            *("--security", "lls-ae", "--password-file", "meter.pw", *keys),
        )
        assert code == 0, out + err
        assert "active energy import" in out
        assert "glo-get-request, ciphered" in err
        assert "11 11 11 11" not in err
        assert "22 22 22 22" not in err
        found = site.json(
            *("trial", "--port", ports["s"], "--baud", 9600, "--address", 99),
            *("--client", 48, *keys),
        )
        assert found["meter"]["good"]
        (site.folder / "list.csv").write_text(
            "label,address,security,encryption_key_file,authentication_key_file,password_file\n"
            "Desk,99,lls-ae,ek,ak,meter.pw\n"
        )
        told = site.json(
            *("commission", "--port", ports["s"], "--gateway", "g", "--broker", "b"),
            *(*FILES, "--meters", "list.csv", "--baud", 9600),
            *("--frames", 1),
        )
        assert told["green"]
    (bus,) = load_settings(site.folder / "agent.toml").buses
    assert keys_of(bus.meters[0]) is not None
    page = (site.folder / "commissioning-g-riser-1.html").read_text()
    assert "1111" not in page


@pytest.mark.parametrize("suite", [1, 2])
def test_other_suites_are_reached_by_every_command(site: Site, suite: int) -> None:
    keys = {name: key * suite for name, key in (("ek", "11" * 16), ("ak", "22" * 16))}
    for name, key in keys.items():
        (site.folder / name).write_text(key)
        (site.folder / name).chmod(0o600)
    secure = {"encryption_key": keys["ek"], "authentication_key": keys["ak"], "suite": suite}
    meter = {**DESK[0], "security": secure}
    with serve(
        parse_estate({"bus": [{"name": "s", "link": "s.tty", "meter": [meter]}]}),
        site.folder,
        baud=None,
        now=lambda: datetime.now(UTC),
    ) as ports:
        by_hand = (
            *("--port", ports["s"], "--baud", 9600, "--address", 99, "--client", 48),
            *("--encryption-key-file", "ek", "--authentication-key-file", "ak"),
            *("--security-suite", suite),
        )
        assert site.json("trial", *by_hand)["meter"]["good"]
        found = site.json("read", *by_hand, "--model", "is16444", ACTIVE_IMPORT)
        assert found["values"][0]["unit"] == "Wh"
        assert site.run("trace", *by_hand, ACTIVE_IMPORT)[0] == 0
        (site.folder / "list.csv").write_text(
            "label,address,client,security_suite,encryption_key_file,authentication_key_file\n"
            f"Desk,99,48,{suite},ek,ak\n"
        )
        told = site.json(
            *("commission", "--port", ports["s"], "--gateway", "g", "--broker", "b"),
            *(*FILES, "--meters", "list.csv", "--baud", 9600),
            *("--frames", 1),
        )
        assert told["green"]
    (bus,) = load_settings(site.folder / "agent.toml").buses
    assert bus.meters[0].security_suite == suite


def test_a_line_in_use_is_said(site: Site) -> None:
    from edge_agent.bus import Bus
    from edge_agent.settings.bus import BusConfig

    with Bus(BusConfig(name="x", port=site.desk)):
        code, _, err = site.run("scan", "--port", site.desk, "--addresses", "99")
    assert code == 2
    assert "another program uses it (the agent?" in err


def test_a_maximum_demand_has_its_local_time(site: Site) -> None:
    given = (
        *("trial", "--port", site.riser, "--baud", 9600, "--address", 200),
        *("--password-file", "meter.pw"),
    )
    profiles = site.json(*given)["meter"]["profiles"]
    (billing,) = [each for each in profiles if each["obis"] == str(BILLING_PROFILE)]
    reached = [each for each in billing["rows"][-1]["values"] if each["name"].endswith(", reached")]
    assert reached
    for each in reached:
        at = datetime.fromisoformat(each["value"])
        assert at.utcoffset() == timedelta(minutes=330)
        assert at < datetime.fromisoformat(billing["rows"][-1]["at"])
        assert each["unit"] == ""
    _, out, _ = site.run(*given)
    assert f"{datetime.fromisoformat(reached[0]['value']):%Y-%m-%d %H:%M}" in out
    assert "since 1970" not in out


PULSES = """\
title = "a module of 10 L a pulse"
client = 32
registers = ["8.0.1.0.0.255"]

[[profiles]]
obis = "8.0.99.1.0.255"

[[scaling]]
obis = "8.0.1.0.0.255"
unit = 19
weight = 10

[[status_bits]]
bit = 3
means = "cable_cut"
"""


def test_a_pulse_module_without_weight_is_amber(site: Site) -> None:
    (site.folder / "pulses.toml").write_text(PULSES)
    module = {**RISER[2], "pulse_litres": 10}
    cut = {**module, "address": 20, "serial": "W2", "cable_cut_at": "2026-01-01T00:00:00Z"}
    with serve(
        parse_estate({"bus": [{"name": "p", "link": "p.tty", "meter": [module, cut]}]}),
        site.folder,
        baud=None,
        now=lambda: datetime.now(UTC),
    ) as ports:
        by_hand = ("--port", ports["p"], "--baud", 9600, "--password-file", "meter.pw")
        code, out, _ = site.run("trial", *by_hand, "--address", 19)
        assert code == 2
        assert "8.0.1.0.0.255 says no unit: it counts pulses" in out
        assert "[[scaling]]" in out
        own = ("--model", "pulses", "--models-dir", site.folder)
        code, out, _ = site.run("trial", *by_hand, "--address", 20, *own)
        assert code == 2
        assert "cable cut: bit 3 of its status is set" in out
        assert "says no unit" not in out
        assert site.run("trial", *by_hand, "--address", 19, *own)[0] == 0

        (site.folder / "list.csv").write_text(
            "label,address,model,dial\nunweighed,19,water,1.5\ncut,20,pulses,\n"
        )
        told = site.json(
            *("commission", *by_hand, "--gateway", "g", "--broker", "b"),
            *(*FILES, "--meters", "list.csv", "--frames", 1),
            *("--models-dir", site.folder),
            code=3,
        )
    unweighed, cut_off = told["meters"]
    assert not told["green"]
    assert unweighed["verdict"] == "amber"
    assert "says no unit" in " ".join(unweighed["reasons"])
    assert unweighed["dial"] is None, "a count is no volume to hold a dial against"
    assert cut_off["verdict"] == "amber"
    assert "cable cut" in " ".join(cut_off["reasons"])


@pytest.mark.parametrize(
    ("serial", "outcome", "code"), [("E1", "right", 0), ("E3", "crossed", 1), ("W1", "still", 3)]
)
def test_a_tap_test_ends_with_its_verdict(site: Site, serial: str, outcome: str, code: int) -> None:
    site.commission("--meter", "17=A-101", "--meter", "19=Water", "--meter", "200=Lift", code=3)

    def wait(seconds: float) -> None:
        if seconds == 99:
            site.estate.meter(serial)._counter._base += 200

    site.monkeypatch.setattr("edge_agent.cli.tap_test.time.sleep", wait)
    tap_test = ("tap-test", "A-101", "--config", "agent.toml", "--wait", 99)
    found = site.json(*tap_test, code=code)
    assert (found["outcome"], found["service"]) == (outcome, "electricity")
    assert [each["label"] for each in found["meters"]] == ["A-101", "Lift"]
    assert found["not_read"] == {}
    shown_code, out, err = site.run(*tap_test)
    assert shown_code == code
    assert found["said"].partition(":")[0] in out
    assert "let it take at least 5 Wh" in err


def test_a_tap_test_needs_somebody_or_a_time(site: Site) -> None:
    site.commission("--meter", "17=A-101")
    code, _, err = site.run("tap-test", "A-101", "--config", "agent.toml")
    assert code == 2
    assert "give --wait SECONDS" in err
