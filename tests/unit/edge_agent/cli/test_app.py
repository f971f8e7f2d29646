# SPDX-License-Identifier: MIT
"""The command line: help that teaches, one line for a mistake, nothing heavy before its time."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from pydantic import BaseModel

from edge_agent import errors
from edge_agent.cli import app, reference
from edge_agent.settings.gateway import AgentSettings, BrokerConfig
from shared_schema.settings.tables import fields_of
from shared_schema.signing import fingerprint, private_key_from_pem, public_key_from_pem

ESTATE = """
zone = "Asia/Kolkata"
[[bus]]
name = "riser-1"
link = "riser-1.tty"
[[bus.meter]]
label = "A-101"
serial = "10000001"
manufacturer = "LNT"
model = "single_phase"
address = 17
load = { kind = "flat" }
"""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run ``main`` as the installed command does and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["edge-agent", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        app.main()
    code = ended.value.code
    return code if isinstance(code, int) else 0


def keys(table: type[BaseModel]) -> str:
    return ", ".join(fields_of(table))


COMMANDS = (
    *("run", "read", "simulate", "keygen", "trial", "scan", "commission", "trace", "status"),
    *("doctor", "models list", "models show", "models check", "set-clock"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(monkeypatch, *command.split(), "--help") == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert f"\n  edge-agent {command} " in printed
    assert ("--json" in printed) == (command not in {"run", "simulate"})


def test_the_reference_is_the_program() -> None:
    written = Path(__file__).parents[4] / "docs" / "reference" / reference.NAME
    text = reference.reference()
    assert written.read_text(encoding="utf-8") == text, "run: make docs"
    for command in COMMANDS:
        assert f"\n## edge-agent {command}\n" in text


def test_keygen_makes_both_halves_of_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.key"
    assert run(monkeypatch, "keygen", path, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert path.stat().st_mode & 0o777 == 0o600
    private = private_key_from_pem(path.read_bytes())
    public = public_key_from_pem((tmp_path / "gateway.key.pub").read_bytes())
    assert told["fingerprint"] == fingerprint(public) == fingerprint(private.public_key())
    assert told["public_key_file"] == f"{path}.pub"

    before = path.read_bytes()
    assert run(monkeypatch, "keygen", path) == 2
    assert "is not overwritten" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--config", "none.toml"), "cannot read the settings: No such file"),
        (("run", "--config", "syntax.toml"), "syntax.toml: line 1, column 11: not TOML: Invalid"),
        (("run", "--config", "x.toml", "--log-format", "xml"), "--log-format is text or json"),
        (("read", "--port", "none", "--address", 5, "--client", 16), "no such device"),
        (("read", "--port", "none", "--address", 0), "--address: Input should be greater"),
        (
            ("read", "--port", "none", "--address", 5, "--client", 170),
            "--client: Input should be less",
        ),
        (("read", "--port", "none", "--address", 5, "1.8.0"), "an example: 1.0.1.8.0.255"),
        (("read", "--port", "none", "--address", 5, "--model", "x y"), "--model: String should"),
        (
            ("read", "--port", "none", "--address", 5, "--security", "lls_ae", "--client", 0),
            "--client: Input should be greater than or equal to 1, not 0; allowed: a whole number "
            "at least 1 and at most 127; --security: cannot be 'lls_ae'; did you mean lls-ae?",
        ),
        (("read", "--port", "none", "--address", 5, "--model", "is1644"), "did you mean is16444?"),
        (("read",), "name a meter of the settings by its label"),
        (("read", "A-1", "--config", "none.toml"), "cannot read the settings"),
        (("read", "--port", "none"), "edge-agent scan finds it"),
        (("trace", "--port", "none", "--address", 5, "--client", 16), "no such device"),
        (("trial", "--port", "none"), "no such device"),
        (
            ("trial", "--port", "none", "--baud", 7, "--address", 5),
            "--baud: cannot be 7",
        ),
        (("scan", "--port", "none"), "no such device"),
        (("scan", "--port", "none", "--addresses", "0"), "give numbers from 1 to 16381"),
        (("commission", "--port", "none"), "give --gateway, or run it at a terminal"),
        (("commission", "--port", "p", "--gateway", "g"), "give --broker"),
        (("commission", "--port", "p", "--add", "--force"), "choose one"),
        (("commission", "--port", "p", "--add"), "cannot read the settings"),
        (("commission", "--port", "p", "--add", "--meters", "x.csv"), "the list of meters: No"),
        (("status", "--config", "none.toml"), "name them with --config, or write them: edge-agent"),
        (("models", "check", "none.toml"), "cannot read the model: No such file"),
        (("models", "list", "--models-dir", "none"), "cannot read the models' folder"),
        (("simulate", "none.toml", "--directory", "d"), "cannot read the estate: No such file"),
        (
            ("simulate", "bad.toml", "--directory", "d"),
            "bad.toml: zone: Input should be a valid string; bus:",
        ),
        (("simulate", "estate.toml"), "--directory DIR"),
        (("simulate", "estate.toml", "--registers-at", "noon"), "is no ISO 8601 time"),
        (("simulate", "estate.toml", "--registers-at", "2026-11-01"), "with its zone"),
        (
            ("simulate", "estate.toml", "--registers-at", "9999-12-31T23:59:59-05:00"),
            "the year is from 2000 to 2099",
        ),
        (("simulate", "estate.toml", "--registers-at", "0001-01-01T00:00:00+05:30"), "the year"),
        (("simulate", "estate.toml", "--directory", "d", "--baud", 0), "--baud 0: no line is"),
        (("simulate", "estate.toml", "--directory", "d", "--baud", "-5"), "--baud -5: no line is"),
        (("keygen", "no/such/folder/key"), "cannot write no/such/folder/key: No such file"),
        (("keygen", ""), ". is a folder: name the file that the key goes to"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(
    arguments: tuple[object, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.toml").write_text("zone = 5\n")
    Path("syntax.toml").write_text("gateway = gw-1\n")
    Path("estate.toml").write_text(ESTATE)
    assert run(monkeypatch, *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("edge-agent: ")
    assert printed.err.count("\n") == 1
    assert said in printed.err
    assert "; try: " in printed.err


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("run", "--check"),
        ("status",),
        ("read", "A-1204"),
        ("trace", "A-1204"),
        ("set-clock", "A-1204"),
        ("commission", "--port", "p", "--add"),
    ],
)
def test_each_command_tells_every_mistake_of_the_settings(
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('gatway = "g"\nspool = "s"\nkey_file = "k"\n[broker]\nhots = "h"\n')
    assert run(monkeypatch, *command, "--config", file) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "cloud_key_file: is missing; allowed: a path in quotes",
        f"line 1: gatway: no such key; did you mean gateway? allowed: {keys(AgentSettings)}",
        f"line 5: [broker] hots: no such key; did you mean host? allowed: {keys(BrokerConfig)}",
        f"edge-agent: {file}: 3 mistakes; try: correct the file, and look at it again with "
        "edge-agent doctor",
    ]


@pytest.mark.parametrize("as_json", [(), ("--json",)])
@pytest.mark.parametrize("command", ["read", "trace", "set-clock"])
def test_each_command_offers_the_choice_of_two_meters(
    command: str,
    as_json: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(
        'gateway = "g"\nspool = "s"\nkey_file = "k"\ncloud_key_file = "c"\n'
        'broker = { host = "b" }\n'
        '[[bus]]\nname = "riser-1"\nport = "none"\n'
        '[[bus.meter]]\nlabel = "A-1204 electricity"\naddress = 17\n'
        '[[bus.meter]]\nlabel = "A-1204 water"\naddress = 19\n'
    )
    assert run(monkeypatch, command, "A-1204", "--config", file, *as_json) == 2
    assert capsys.readouterr().err == (
        "edge-agent: two meters are called A-1204: A-1204 electricity (riser-1, address 17), "
        "A-1204 water (riser-1, address 19); try: say which one, such as 'A-1204 water' or "
        "A-1204/water\n"
    )


def a(kind: type[errors.AgentError]) -> errors.AgentError:
    """Make an error of a kind, with the values that it needs."""
    if issubclass(kind, errors.AccessDenied):
        return kind("x", result=200)
    if issubclass(kind, errors.CounterRefused):
        return kind("x", expected=1)
    return kind("x")


KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.AgentError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_ends_with_its_next_step(
    kind: type[errors.AgentError],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_arguments: list[str]) -> None:
        raise a(kind)

    monkeypatch.setattr(app, "_dispatch", fail)
    assert run(monkeypatch, "read") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert ("; try: " in said) == (kind is not errors.Reported)


@pytest.mark.parametrize(
    "arguments",
    [
        ("read", "--port", "p", "--address", 5, "--client", 16),
        ("trace", "--port", "p", "--address", 5, "--client", 16),
        ("trial", "--port", "p"),
        ("scan", "--port", "p"),
    ],
)
def test_a_denied_port_names_the_group_dialout(
    arguments: tuple[object, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    Path("p").touch()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("edge_agent.bus.serial.Serial", refuse)
    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr().err
    assert "is this user in the group dialout?" in said
    assert "try: sudo usermod -aG dialout USER" in said


def test_keygen_keeps_a_public_key_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    public = tmp_path / "gateway.key.pub"
    public.write_text("of another key")
    assert run(monkeypatch, "keygen", tmp_path / "gateway.key") == 2
    assert "gateway.key.pub is there already" in capsys.readouterr().err
    assert public.read_text() == "of another key"
    assert list(tmp_path.iterdir()) == [public]


def test_a_full_disk_leaves_no_half_key(tmp_path: Path) -> None:
    command = (
        f"ulimit -f 0; exec {sys.executable} -m edge_agent.cli.app keygen {tmp_path}/gateway.key"
    )
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"edge-agent: cannot write {tmp_path}/gateway.key")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_simulate_tells_all_registers_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    estate = tmp_path / "estate.toml"
    estate.write_text(ESTATE)
    assert run(monkeypatch, "simulate", estate, "--registers-at", "2026-11-01T00:00:00+05:30") == 0
    registers = json.loads(capsys.readouterr().out)
    assert registers["10000001"]["1.0.1.8.0.255"] > 0


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, edge_agent.cli.command_line;"
        "print(*(m for m in ('gurux_dlms', 'serial', 'paho', 'sqlite3', 'pydantic', 'cryptography',"
        " 'rich.table') if m in sys.modules))"
    )
    assert python("-c", code).stdout.split() == []


@pytest.mark.parametrize("words", ["run --check --config", "doctor --config", "simulate"])
def test_a_machine_without_time_zones_is_told_so(tmp_path: Path, words: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        ESTATE
        if words == "simulate"
        else 'gateway = "g"\nspool = "s"\nkey_file = "k"\ncloud_key_file = "c"\n'
        '[broker]\nhost = "localhost"\n[[bus]]\nname = "riser-1"\nport = "p"\n'
    )
    code = (
        "import sys, zoneinfo; sys.modules['tzdata'] = None; zoneinfo.reset_tzpath(to=());"
        f"sys.argv[1:] = [*{words!r}.split(), {str(file)!r}];"
        "from edge_agent.cli.app import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "no time zone 'Asia/Kolkata' on this machine" in done.stdout + done.stderr
    assert done.stderr.count("\n") == 1


def test_group_help_is_not_cut_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for group in ((), ("models",)):
        assert run(monkeypatch, *group, "--help") == 0
        printed = capsys.readouterr().out
        assert ".." not in printed.replace("[ARGS]...", "")
        assert max(map(len, printed.splitlines())) <= 80


def test_version_is_the_package_s(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"edge-agent {version('iot-utility')}\n"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
