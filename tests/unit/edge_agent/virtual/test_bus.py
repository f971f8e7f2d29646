# SPDX-License-Identifier: GPL-2.0-only
"""The pty bus, read by two peers: raw bytes, and the independent client of gurux-dlms."""

import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from gurux_dlms import GXByteBuffer, GXDateTime, GXDLMSClient, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.objects import (
    GXDLMSClock,
    GXDLMSProfileGeneric,
    GXDLMSRegister,
)

from edge_agent.virtual.bus import BusThread, PtyBus
from edge_agent.virtual.estate import Estate, parse_estate, serve
from edge_agent.virtual.line import Line
from edge_agent.virtual.meter import VirtualMeter
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BLOCK_LOAD_PROFILE,
    DAILY_LOAD_PROFILE,
    WATER_LOAD_PROFILE,
    WATER_VOLUME,
)
from shared_schema.obis import Obis
from tests.unit.edge_agent.virtual.steady import IST, NOW, steady_meter
from tests.vectors import hdlc_cosem as vectors


def _read(device: int, size: int, timeout_s: float = 5.0) -> bytes:
    found = b""
    end = time.monotonic() + timeout_s
    while len(found) < size and (left := end - time.monotonic()) > 0:
        if select.select([device], [], [], left)[0]:
            found += os.read(device, 4096)
    return found


@contextmanager
def _opened(path: Path | str) -> Iterator[int]:
    device = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        yield device
    finally:
        os.close(device)


def _ask(device: int, request: bytes, response: bytes) -> None:
    os.write(device, request)
    assert _read(device, len(response)) == response


@contextmanager
def _bus(link: Path, **line: Any) -> Iterator[tuple[PtyBus, BusThread]]:
    bus = PtyBus(Line([steady_meter().station()], **line), link)
    with BusThread([bus], lambda: NOW) as thread:
        yield bus, thread


def test_a_session_through_the_terminal(tmp_path: Path) -> None:
    link = tmp_path / "new" / "bus.tty"
    with _bus(link) as (bus, _), _opened(link) as device:
        assert bus.path == str(link)
        for request, response in vectors.SESSION:
            _ask(device, request, response)
    assert not link.is_symlink()


def test_close_open_and_replug(tmp_path: Path) -> None:
    link = tmp_path / "bus.tty"
    link.symlink_to("/nowhere")
    with _bus(link) as (bus, thread):
        for _ in range(3):
            with _opened(link) as device:
                _ask(device, vectors.SNRM, vectors.UA_128)
        with _opened(link) as device:
            thread.replug(bus)
            with pytest.raises(OSError, match=r"Errno 5"):  # hung up
                os.write(device, vectors.SNRM)
        assert str(link.readlink()) == bus.device
        with _opened(link) as device:
            _ask(device, vectors.SNRM, vectors.UA_128)


def test_pace_and_echo(tmp_path: Path) -> None:
    link = tmp_path / "bus.tty"
    with _bus(link, baud=2400, turnaround_s=0.02, echo=True) as (_, __), _opened(link) as device:
        start = time.monotonic()
        os.write(device, vectors.SNRM)
        expected = vectors.SNRM + vectors.UA_128
        assert _read(device, len(expected)) == expected
        assert time.monotonic() - start > len(expected) * 10 / 2400 + 0.02


def test_a_clock_that_fails_is_reported() -> None:
    def clock() -> datetime:
        raise RuntimeError("no clock")

    bus = PtyBus(Line([steady_meter().station()]))
    thread = BusThread([bus], clock)
    thread.start()
    with _opened(bus.path) as device:
        os.write(device, vectors.SNRM)
        deadline = time.monotonic() + 5
        while threading.active_count() > 1 and time.monotonic() < deadline:
            time.sleep(0.01)
            if not any(each.name == "virtual-buses" for each in threading.enumerate()):
                break
    with pytest.raises(RuntimeError, match="no clock"):
        thread.stop()


class Peer:
    """The client of gurux-dlms on a terminal."""

    def __init__(self, device: int, meter: VirtualMeter, max_info: int | None = None) -> None:
        self.device = device
        self.client = GXDLMSClient(
            True,
            32,
            GXDLMSClient.getServerAddress(1, meter.spec.address),
            Authentication.LOW,
            meter.spec.password.decode(),
            InterfaceType.HDLC,
        )
        if max_info is not None:
            self.client.hdlcSettings.maxInfoTX = max_info
            self.client.hdlcSettings.maxInfoRX = max_info
        reply = self.read(self.client.snrmRequest())
        self.client.parseUAResponse(reply.data)
        reply = self.read(self.client.aarqRequest())
        self.client.parseAareResponse(reply.data)

    def exchange(self, message: bytes, reply: Any) -> None:
        os.write(self.device, bytes(message))
        heard = GXByteBuffer()
        while True:
            assert select.select([self.device], [], [], 5.0)[0], "the meter is silent"
            heard.set(os.read(self.device, 4096))
            if self.client.getData(heard, reply, GXReplyData()):
                return

    def read(self, messages: Any) -> Any:
        reply = GXReplyData()
        for message in messages if isinstance(messages, list) else [messages]:
            reply.clear()
            self.exchange(message, reply)
            while reply.isMoreData():
                self.exchange(self.client.receiverReady(reply), reply)
        return reply

    def get(self, target: Any, attribute: int) -> Any:
        reply = self.read(self.client.read(target, attribute))
        return self.client.updateValue(target, attribute, reply.value)


def _estate(**changes: Any) -> Estate:
    def meter(serial: str, address: int, model: str, load: dict[str, Any]) -> dict[str, Any]:
        return {
            "label": serial,
            "serial": serial,
            "address": address,
            "model": model,
            "manufacturer": "GENUS",
            "installed_at": datetime(2026, 1, 1, tzinfo=IST),
            "initial": 777,
            "load": load,
        } | changes

    meters = [
        meter("E1", 17, "single_phase", {"kind": "flat"}),
        meter("E2", 300, "three_phase", {"kind": "sum", "members": ["E1"], "loss_percent": 2}),
        meter("W1", 18, "water", {"kind": "water"}),
    ]
    return parse_estate({"bus": [{"name": "bus", "link": "bus.tty", "meter": meters}]})


def _when(value: Any) -> datetime:
    """Return the time of a clock column as aware UTC."""
    found = value.value if hasattr(value, "value") else value
    assert isinstance(found, datetime)
    assert found.tzinfo is not None
    return found.astimezone(UTC)


@pytest.mark.parametrize("serial", ["E1", "E2", "W1"])
@pytest.mark.parametrize(("max_info", "max_pdu"), [(None, 1024), (None, 64), (1024, 300)])
def test_an_independent_peer_reads_the_truth(
    tmp_path: Path, serial: str, max_info: int | None, max_pdu: int
) -> None:
    estate = _estate(max_pdu=max_pdu)
    meter = estate.meter(serial)
    water = serial == "W1"
    register: Obis = WATER_VOLUME if water else ACTIVE_IMPORT
    profile: Obis = WATER_LOAD_PROFILE if water else BLOCK_LOAD_PROFILE
    with (
        serve(estate, tmp_path, baud=None, now=lambda: NOW) as links,
        _opened(links["bus"]) as device,
    ):
        peer = Peer(device, meter, max_info)
        assert _when(peer.get(GXDLMSClock(), 2)) == NOW
        energy = GXDLMSRegister(str(register))
        scaler, unit = peer.get(energy, 3)
        exponent = {"E1": 0, "E2": 1, "W1": -3}[serial]
        assert (scaler, int(unit)) == (pytest.approx(10**exponent), 13 if water else 30)
        peer.get(energy, 2)
        assert round(energy.value / 10**exponent) == meter.register_at(register, NOW)

        buffer = GXDLMSProfileGeneric(str(profile))
        captured = peer.get(buffer, 3)
        names = [(int(each.objectType), each.logicalName, how.attributeIndex)
                 for each, how in captured]  # fmt: skip
        assert names == [(c, str(name), a) for c, name, a in meter.columns(profile)]
        assert peer.get(buffer, 4) == 900

        start = datetime(2026, 6, 8, tzinfo=IST)
        end = start + timedelta(days=1)
        asked = peer.client.readRowsByRange(buffer, GXDateTime(start), GXDateTime(end))
        rows = peer.client.updateValue(buffer, 2, peer.read(asked).value)
        truth = meter.rows(profile, start, end)
        assert len(truth) == 97
        assert [(_when(row[0]), tuple(row[1:])) for row in rows] == truth

        buffer.buffer.clear()
        asked = peer.client.readRowsByEntry(buffer, 3, 5)
        rows = peer.client.updateValue(buffer, 2, peer.read(asked).value)
        held = meter.buffered(profile, NOW)[2:7]
        assert [(_when(row[0]), tuple(row[1:])) for row in rows] == held

        objects = peer.client.parseObjects(peer.read(peer.client.getObjectsRequest()).data, True)
        assert str(register) in {each.logicalName for each in objects}
        if not water:
            daily = GXDLMSProfileGeneric(str(DAILY_LOAD_PROFILE))
            peer.get(daily, 3)
            rows = peer.get(daily, 2)
            assert [(_when(row[0]), tuple(row[1:])) for row in rows] == meter.buffered(
                DAILY_LOAD_PROFILE, NOW
            )
        peer.read(peer.client.disconnectRequest())


def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    estate = _estate()
    with (
        serve(estate, tmp_path, baud=None, now=lambda: NOW) as links,
        _opened(links["bus"]) as device,
        pytest.raises(Exception, match=r"(?i)authentication"),
    ):
        Peer(device, steady_meter(password=b"wrong"))
