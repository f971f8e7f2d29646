# SPDX-License-Identifier: GPL-2.0-only
"""How each listed meter is read, and the labels that a person gives."""

import tomllib
from datetime import datetime
from pathlib import Path

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.install.addresses import HdlcAddress
from edge_agent.install.agent_toml import bus_toml
from edge_agent.install.lockout import Lockout
from edge_agent.install.meter_list import ListedMeter, parse_list
from edge_agent.install.scan_result import FoundMeter, Scan
from edge_agent.install.sheet import Entry
from edge_agent.install.visit import Visit, meter_config
from edge_agent.install.walkthrough import list_found
from edge_agent.settings.bus import MeterConfig
from edge_agent.virtual.server import Server
from tests.unit.edge_agent.install.samples import examined, sheet
from tests.unit.edge_agent.wire import Wire, meter, password_file


def test_a_list_names_every_secret_and_the_suite() -> None:
    text = (
        "label,address,client,security,security_suite,encryption_key_file,"
        "authentication_key_file,signing_key_file,meter_public_key_file\n"
        "A-1,17,48,hls-ecdsa,1,ek,ak,sign.pem,its.pem\n"
    )
    (listed,) = parse_list(text, "list.csv")
    config = meter_config(listed, None, None, None)
    written = sheet(Entry(listed, examined(config=config)))
    bus = tomllib.loads(bus_toml(written.serial, written.in_service()))["bus"][0]
    assert MeterConfig.model_validate(bus["meter"][0]) == config
    assert config.security_suite == 1
    assert config.signing_key_file == Path("sign.pem").absolute()
    assert config.meter_public_key_file == Path("its.pem").absolute()
    (wrong,) = parse_list("label,address,security_suite\nA-1,17,3\n", "list.csv")
    with pytest.raises(
        ConfigurationError, match="A-1: security_suite: cannot be 3; allowed: 0 or 1"
    ):
        meter_config(wrong, None, None, None)


class Reserved(Wire):
    """A line whose meters are silent to the public client."""

    def send(self, data: bytes) -> None:
        if b"\x21" not in data[3:8]:
            super().send(data)


def test_a_meter_that_knows_another_client_is_examined(tmp_path: Path) -> None:
    line = Reserved(meters=[meter(1, 17)])
    listed = ListedMeter("A-1", 17, model="is16444")
    hdlc = listed.hdlc
    assert hdlc is not None
    visit = Visit(
        Scan(meters=(FoundMeter(hdlc, 9600, None, client=32),)),
        Lockout(tmp_path / "refused.jsonl", Path("none")),
        lambda: line.now,
        lambda _text: None,
        frames=0,
        password_file=password_file(tmp_path),
        models_dir=None,
        clock_synchronised=True,
    )
    (entry,) = visit.examine_all(line, [listed])
    assert entry.verdict.level == "green"


def visited(tmp_path: Path, line: Wire) -> Entry:
    """Visit a meter whose name plate the scan could not read."""
    listed = ListedMeter("A-1", 17, model="is16444", client=32)
    assert listed.hdlc is not None
    visit = Visit(
        Scan(meters=(FoundMeter(listed.hdlc, 9600, None),)),
        Lockout(tmp_path / "refused.jsonl", Path("none")),
        lambda: line.now,
        lambda _text: None,
        frames=0,
        password_file=password_file(tmp_path),
        models_dir=None,
        clock_synchronised=True,
    )
    (entry,) = visit.examine_all(line, [listed])
    return entry


def refuse(monkeypatch: pytest.MonkeyPatch, *clients: int) -> None:
    """Have meters answer the association of these clients with an exception."""
    request, connect = Server.request, Server.connect
    asking: list[int] = [0]

    def connected(server: Server, client: int) -> None:
        asking[0] = client
        connect(server, client)

    def answered(server: Server, apdu: bytes, now: datetime) -> bytes:
        refused = apdu[:1] == b"\x60" and asking[0] in clients
        return b"\xd8\x01\x02" if refused else request(server, apdu, now)

    monkeypatch.setattr(Server, "connect", connected)
    monkeypatch.setattr(Server, "request", answered)


def test_a_meter_with_an_exception_for_the_public_client_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, 16)
    assert visited(tmp_path, Wire(meters=[meter(1, 17)])).verdict.level == "green"


def test_an_exception_for_each_client_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, 16, 32)
    verdict = visited(tmp_path, Wire(meters=[meter(1, 17)])).verdict
    assert verdict.level == "red"
    assert "exception" in verdict.reasons[0]


def test_a_faulty_label_is_told_and_asked_again() -> None:
    found = [FoundMeter(HdlcAddress(1, number, 2), 9600, None) for number in (17, 18, 19)]
    answers = iter(["A-1", "A-1", "x" * 65, "A\u200b2", "A-2", ""])
    told: list[str] = []
    listed = list_found(found, lambda _meter: next(answers), {"A-9"}, told.append)
    assert [(each.label, each.address) for each in listed] == [("A-1", 17), ("A-2", 18)]
    assert told == [
        "label: another meter has it",
        "label: it has 65 characters: give 64 at most",
        "label: it has a character that nobody sees, U+200B (zero width space), at place 2: "
        "leave it out",
    ]
