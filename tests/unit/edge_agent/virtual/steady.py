# SPDX-License-Identifier: GPL-2.0-only
"""A load that never changes and the meter of the byte vectors; a client that speaks frames."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from edge_agent.virtual.counter import MeterSpec, Model
from edge_agent.virtual.hdlc import Deframer, Frame, build, server_address
from edge_agent.virtual.loads import quarters
from edge_agent.virtual.meter import VirtualMeter
from edge_agent.virtual.station import Station

IST = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 6, 10, 10, 7, 30, tzinfo=IST)
INSTALLED = datetime(2026, 1, 1, tzinfo=IST)
AARQ = bytes.fromhex(
    "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738"
    "BE10040E01000000065F1F0400007E1F04B0"
)
PUBLIC_AARQ = bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0")


@dataclass(frozen=True)
class SteadyLoad:
    """So much in every quarter hour since 1 January 2000."""

    per_quarter: int = 100
    zone: ZoneInfo = IST

    def day(self, day: date) -> Sequence[int]:
        start = (day - date(2000, 1, 1)).days * 96
        return [self.per_quarter * (start + slot) for slot in range(quarters(day, self.zone) + 1)]


SPEC = MeterSpec(
    manufacturer="GENUS",
    serial="GE000017",
    address=17,
    model=Model.SINGLE_PHASE,
    installed_at=INSTALLED,
    seed="steady",
    initial=1000,
)


def steady_meter(per_quarter: int = 100, **changes: Any) -> VirtualMeter:
    return VirtualMeter(replace(SPEC, **changes), SteadyLoad(per_quarter))


@dataclass
class Client:
    """The least client that can talk to a station: no retries, every frame answered."""

    station: Station
    physical: int = 17
    client: int = 32
    now: datetime = NOW
    tick: float = 1000.0
    sent: int = 0
    received: int = 0
    frames: list[Frame] = field(default_factory=list)

    def __post_init__(self) -> None:
        size = 2 if self.physical < 128 else 4
        self.server = server_address(1, self.physical, size)
        self.source = bytes((self.client << 1 | 1,))

    def exchange(self, frame: bytes) -> Frame | None:
        self.tick += 0.1
        answer = self.station.receive(frame, self.now, self.tick)
        frames = Deframer().feed(answer, 0.0)
        assert len(frames) <= 1
        self.frames += frames
        return frames[0] if frames else None

    def command(self, control: int, info: bytes = b"", *, segmented: bool = False) -> Frame | None:
        return self.exchange(build(self.server, self.source, control, info, segmented=segmented))

    def connect(self, max_info: int | None = None) -> None:
        info = b""
        if max_info is not None:
            size = max_info.to_bytes(2, "big")
            info = b"\x81\x80\x08\x05\x02" + size + b"\x06\x02" + size
        answer = self.command(0x93, info)
        assert answer is not None
        assert answer.control == 0x73
        self.sent = self.received = 0

    def request(self, apdu: bytes) -> bytes:
        """Send one APDU in one frame and return the whole answer, segments joined."""
        control = self.received << 5 | 0x10 | self.sent << 1
        answer = self.command(control, b"\xe6\xe6\x00" + apdu)
        self.sent = self.sent + 1 & 7
        whole = b""
        while True:
            assert answer is not None
            assert answer.control & 1 == 0
            assert answer.control >> 1 & 7 == self.received
            assert answer.control >> 5 == self.sent
            self.received = self.received + 1 & 7
            whole += answer.info
            if not answer.segmented:
                assert whole[:3] == b"\xe6\xe7\x00"
                return whole[3:]
            answer = self.command(self.received << 5 | 0x11)

    def associate(self, aarq: bytes = AARQ, max_info: int | None = None) -> bytes:
        self.connect(max_info)
        return self.request(aarq)

    def get(self, class_id: int, name: bytes, attribute: int, selection: bytes = b"\x00") -> bytes:
        """Return the answer to a GET, blocks joined: 00 and data, or 01 and a result."""
        descriptor = class_id.to_bytes(2, "big") + bytes(name) + bytes((attribute,))
        answer = self.request(b"\xc0\x01\xc1" + descriptor + selection)
        if answer[:3] == b"\xc4\x01\xc1":
            return answer[3:]
        whole = b""
        number = 1
        while True:
            assert answer[:3] == b"\xc4\x02\xc1"
            assert int.from_bytes(answer[4:8], "big") == number
            if answer[8]:
                return answer[8:]
            size = answer[9]
            at = 10
            if size & 0x80:
                at += size & 0x7F
                size = int.from_bytes(answer[10:at], "big")
            assert len(answer) == at + size
            whole += answer[at:]
            if answer[3]:
                return b"\x00" + whole
            answer = self.request(b"\xc0\x02\xc1" + number.to_bytes(4, "big"))
            number += 1


def client_of(meter: VirtualMeter, **fields: Any) -> Client:
    return Client(meter.station(), physical=meter.spec.address, **fields)


def utc(ts: datetime) -> datetime:
    return ts.astimezone(UTC)


def quarter(number: int, start: datetime = INSTALLED) -> datetime:
    return utc(start) + timedelta(minutes=15 * number)
