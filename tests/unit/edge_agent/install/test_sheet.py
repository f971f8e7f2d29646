# SPDX-License-Identifier: GPL-2.0-only
"""Commissioning: lists as installers write them, verdicts, settings that are read again."""

import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.cli.commission import _ask_dial
from edge_agent.dlms.exchange import Traffic
from edge_agent.dlms.hdlc import Drop
from edge_agent.errors import ConfigurationError
from edge_agent.install.examine import Examination, LineCount, Shown, Trouble, unbilled
from edge_agent.install.options import lasting_name
from edge_agent.install.scan import Door, FoundMeter
from edge_agent.install.sheet import (
    Gateway,
    Line,
    Listed,
    Sheet,
    agent_toml,
    bus_toml,
    in_service,
    judge,
    parse_labels,
    parse_list,
)
from edge_agent.install.sheet_page import html
from edge_agent.install.walkthrough import key_fingerprint, list_found, meter_config
from edge_agent.poll.finding import FindingKind, finding
from edge_agent.settings import AgentSettings, MeterConfig
from shared_schema.catalogue import ACTIVE_IMPORT, ACTIVE_IMPORT_INTERVAL, WATER_VOLUME
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.signing import (
    fingerprint,
    generate_key,
    private_key_to_pem,
    public_key_to_pem,
)

AT = datetime(2026, 3, 10, 6, 37, tzinfo=UTC)


def examined(label: str = "A-1", **changes: object) -> Examination:
    found = Examination(MeterConfig(label=label, address=17, model="is16444"), AT)
    found.meter = MeterId(manufacturer="LNT", serial="E1")
    found.registers = (Shown(ACTIVE_IMPORT, "active energy import", Decimal(5), "Wh"),)
    found.clock_offset_s = 2.0
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def sheet(*lines: Line) -> Sheet:
    return Sheet(
        gateway="gw-1",
        fingerprint="ab" * 32,
        bus="riser-1",
        port="/dev/ttyUSB0",
        baudrate=19200,
        parity="even",
        direction_control="rts",
        at=AT,
        by="",
        clock_synchronised=True,
        lines=list(lines),
    )


def test_a_list() -> None:
    text = (
        "\ufefflabel, address ,model,password_file,address_bytes\n"
        'A-1204,17,is16444,a.pw,\n"Lift, T1",200,,,4\nA-1,,,,\n'
    )
    first, lift, dial = parse_list(text, "list.csv")
    assert first == Listed("A-1204", 17, model="is16444", password_file="a.pw")  # noqa: S106
    assert (first.door, lift.door, dial.door) == (Door(1, 17, 2), Door(1, 200, 4), None)
    assert lift.label == "Lift, T1"


def test_a_list_names_every_secret_and_the_suite() -> None:
    text = (
        "label,address,client,security,security_suite,encryption_key_file,"
        "authentication_key_file,signing_key_file,meter_public_key_file\n"
        "A-1,17,48,hls-ecdsa,1,ek,ak,sign.pem,its.pem\n"
    )
    (listed,) = parse_list(text, "list.csv")
    config = meter_config(listed, None, None, None)
    found = examined()
    found.config = config
    written = sheet(Line(listed, found))
    bus = tomllib.loads(bus_toml(written, in_service(written)))["bus"][0]
    assert MeterConfig.model_validate(bus["meter"][0]) == config
    assert config.security_suite == 1
    assert config.signing_key_file == Path("sign.pem").absolute()
    assert config.meter_public_key_file == Path("its.pem").absolute()
    (wrong,) = parse_list("label,address,security_suite\nA-1,17,3\n", "list.csv")
    with pytest.raises(ConfigurationError, match="security-suite"):
        meter_config(wrong, None, None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the first line names the columns label,address"),
        ("label,adress\nA,1\n", "not adress"),
        ("label,address\n,1\n", "line 2: a label has 1 to 64"),
        ("label,address\nA,one\n", "line 2: address 'one' is no number"),
        ("label,address\nA,1\nB,1\n", "address 1 stands twice"),
        ("label,address\nA,1\nA,2\n", "label 'A' stands twice"),
    ],
)
def test_a_wrong_list(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"list.csv.*{said}"):
        parse_list(text, "list.csv")


def test_labels_as_options() -> None:
    assert parse_labels(["17=A-1204 a=b"]) == (Listed("A-1204 a=b", 17),)
    with pytest.raises(ConfigurationError, match="write address=label"):
        parse_labels(["A-1204"])


@pytest.mark.parametrize(
    ("found", "level", "reason"),
    [
        (examined(), "green", ""),
        (None, "red", "did not answer"),
        (examined(meter=None), "red", "no register"),
        (examined(registers=()), "red", "no register"),
        (examined(clock_offset_s=None), "amber", "no valid time"),
        (examined(clock_offset_s=-61.0), "amber", "-61 s off"),
        (examined(troubles=[Trouble("reading", "lost", "try")]), "amber", "lost"),
        (
            examined(line=LineCount([Traffic(exchanges=98, resends=2)])),
            "amber",
            "20.0 errors in 1000 frames",
        ),
        (examined(line=LineCount([Traffic(exchanges=995, resends=5)])), "green", ""),
    ],
)
def test_verdicts(found: Examination | None, level: str, reason: str) -> None:
    verdict = judge(Listed("A-1", 17), found)
    assert verdict.level == level
    assert reason in " ".join(verdict.reasons)
    assert bool(verdict.reasons) == (level != "green")


def test_a_clock_that_the_poll_told_of_is_told_once() -> None:
    clock_off = finding(FindingKind.CLOCK_OFF)
    trouble = Trouble("reading", "off", "try", finding=clock_off)
    found = examined(clock_offset_s=499.0, troubles=[trouble])
    assert judge(Listed("A-1", 17), found).reasons == ("off",)


def test_no_clock_is_right_by_a_machine_that_does_not_know_the_time() -> None:
    line = Line(Listed("A-1", 17), examined(), is_time_known=False)
    assert line.verdict.level == "amber"
    assert line.verdict.reasons == (
        "its clock cannot be judged: this machine's own is not synchronised",
    )
    far_off = Line(Listed("A-1", 17), examined(clock_offset_s=900.0), is_time_known=False)
    assert far_off.verdict.reasons == line.verdict.reasons
    written = sheet(Line(Listed("A-1", 17), examined()))
    assert written.is_green
    written.clock_synchronised = False
    assert not written.is_green
    assert not written.document()["green"]


def test_a_meter_without_a_data_port_is_a_self_read_unit() -> None:
    assert judge(Listed("A-1", None), None).level == "self-read"
    assert sheet(Line(Listed("A-1", None))).is_green


def test_errors_of_a_line_over_all_sessions() -> None:
    one, two = Traffic(exchanges=100, resends=1), Traffic(exchanges=99)
    one.dropped[Drop.BAD_FCS] += 2
    one.dropped[Drop.ECHO] += 100
    two.dropped[Drop.TRUNCATED] += 1
    two.dropped[Drop.NOISE] += 7
    line = LineCount([one, two])
    assert (line.frames, line.errors, line.errors_per_1000) == (200, 3, 15.0)
    assert line.document()["damaged"] == {"bad_fcs": 2, "truncated": 1}
    assert LineCount().errors_per_1000 is None


_TEXTS = st.text(min_size=1, max_size=60).filter(str.isprintable)


@given(_TEXTS, _TEXTS)
def test_settings_are_read_back_as_written(label: str, path: str) -> None:
    gateway = Gateway(
        "gw-1",
        spool=Path("/s", path),
        key_file=Path("/k"),
        cloud_key_file=Path("/c"),
        broker_host="broker.example",
        broker_port=8883,
        ca=Path("/ca"),
    )
    lines = (
        Line(Listed(label, 17), examined(label)),
        Line(Listed("out", 18), examined("out", meter=None)),
    )
    written = sheet(*lines)
    text = agent_toml(gateway, bus_toml(written, in_service(written)))
    settings = AgentSettings.model_validate(tomllib.loads(text))
    assert settings.spool == Path("/s", path)
    (bus,) = settings.buses
    assert (bus.baudrate, bus.parity, bus.direction_control) == (19200, "even", "rts")
    assert [(meter.label, meter.address) for meter in bus.meters] == [(label, 17)]
    assert settings.broker.address == ("broker.example", 8883)
    assert settings.broker.tls is not None


@given(_TEXTS)
def test_no_text_of_a_meter_is_markup(text: str) -> None:
    page = html(sheet(Line(Listed(text, 17), examined(text))))
    empty = html(sheet(Line(Listed("", 17), examined("x"))))
    assert page.count("<") == empty.count("<")


def test_a_person_is_asked_again_for_a_label_that_is_taken_or_too_long() -> None:
    found = [FoundMeter(Door(1, number, 2), 9600, None) for number in (17, 18, 19)]
    answers = iter(["A-1", "A-1", "x" * 65, "A-2", ""])
    told: list[str] = []
    listed = list_found(found, lambda _meter: next(answers), {"A-9"}, told.append)
    assert [(each.label, each.address) for each in listed] == [("A-1", 17), ("A-2", 18)]
    assert told == ["another meter has this label", "a label has 1 to 64 characters"]


def test_the_fingerprint_is_of_the_key_that_signs(tmp_path: Path) -> None:
    key, other = generate_key(), generate_key()
    path = tmp_path / "gateway.key"
    public = tmp_path / "gateway.key.pub"
    with pytest.raises(ConfigurationError, match="edge-agent keygen"):
        key_fingerprint(path)
    public.write_bytes(public_key_to_pem(key.public_key()))
    assert key_fingerprint(path) == fingerprint(key.public_key())
    path.write_bytes(private_key_to_pem(key))
    path.chmod(0o600)
    assert key_fingerprint(path) == fingerprint(key.public_key())
    path.write_bytes(private_key_to_pem(other))
    with pytest.raises(ConfigurationError, match="is of another key than"):
        key_fingerprint(path)
    public.write_text("no key")
    with pytest.raises(ConfigurationError, match=r"gateway.key.pub: "):
        key_fingerprint(path)


def test_an_adapter_goes_by_its_lasting_name(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-FTDI").symlink_to(port)
    assert lasting_name(port, by_id) == by_id / "usb-FTDI"
    assert lasting_name(tmp_path / "other", by_id) == tmp_path / "other"
    assert lasting_name(port, tmp_path / "none") == port


def module(value: str, unit: str) -> Examination:
    return examined(registers=(Shown(WATER_VOLUME, "water volume", Decimal(value), unit),))


@pytest.mark.parametrize(("value", "unit"), [("2500", "L"), ("2.500", "m³")])
def test_the_dial_stands_on_the_sheet_beside_its_module(value: str, unit: str) -> None:
    (listed,) = parse_list("label,address,dial\nA-1 water,19,123.4567\n", "list.csv")
    assert listed.dial == Decimal("123.4567")
    line = Line(listed, module(value, unit), dial=listed.dial)
    assert line.verdict.level == "green"
    written = sheet(line)
    assert "123.4567 m³" in html(written)
    assert line.dial_document() == {
        "at": AT.isoformat(),
        "dial_m3": "123.4567",
        "register_m3": "2.500",
    }
    assert Line(listed, module(value, unit)).dial_document() is None


@pytest.mark.parametrize("unit", ["", "Wh", "unit 99"])
def test_a_register_in_another_unit_is_no_volume(unit: str) -> None:
    assert Line(Listed("A-1", 19), module("2500", unit)).volume is None


@pytest.mark.parametrize(
    ("obis", "unit", "said"),
    [
        (WATER_VOLUME, "L", ""),
        (WATER_VOLUME, "m³", ""),
        (ACTIVE_IMPORT, "Wh", ""),
        (ACTIVE_IMPORT_INTERVAL, "", ""),
        (WATER_VOLUME, "", "says no unit: it counts pulses"),
        (WATER_VOLUME, "Wh", "is in Wh and not billed"),
        (ACTIVE_IMPORT, "", "says no unit"),
        (ACTIVE_IMPORT, "unit 99", "is in unit 99 and not billed"),
    ],
)
def test_a_billed_register_has_a_unit_that_is_billed(obis: Obis, unit: str, said: str) -> None:
    found = unbilled((Shown(obis, "x", Decimal(5), unit),))
    assert [said in each.said and bool(each.advice) for each in found] == [True] * bool(said)


def test_a_dial_without_a_module_is_said() -> None:
    listed = Listed("A-1", 17, dial=Decimal(7))
    verdict = judge(listed, examined())
    assert verdict.level == "amber"
    assert "no volume of water was read beside it" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("A-1,19,12x", "line 2: dial '12x' is not what a dial shows"),
        ("A-1,19,-1", "dial '-1' is not"),
        ("A-1,19,1e3", "dial '1e3' is not"),
        ("A-1,,12", "has no module: its dial is entered in the cloud"),
    ],
)
def test_what_is_no_dial_is_refused(row: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        parse_list(f"label,address,dial\n{row}\n", "list.csv")


def test_a_person_is_asked_for_the_dial_until_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["123,5", "123.5", ""])
    asked: list[str] = []

    def prompt(text: str, **_more: object) -> str:
        asked.append(text)
        return next(answers)

    line = Line(Listed("A-1 water", 19), module("2500", "L"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert _ask_dial(line) is None
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", prompt)
    assert _ask_dial(line) == Decimal("123.5")
    assert _ask_dial(line) is None
    assert set(asked) == {"Dial of A-1 water, m³, beside 2.500 m³ of its module (empty: not read)"}
