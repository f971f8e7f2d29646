# SPDX-License-Identifier: GPL-2.0-only
"""Meters that a test writes itself: a table of attributes and the rows of one profile."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from edge_agent.decode import layout
from edge_agent.dlms import axdr
from edge_agent.dlms.exchange import Traffic
from edge_agent.errors import AccessDenied
from edge_agent.meters.model import Model, ProfileToRead
from edge_agent.poll import sessions
from edge_agent.poll.finding import FindingKind
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import Wanted
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    ACTIVE_IMPORT_INTERVAL,
    BLOCK_LOAD_PROFILE,
    CLOCK,
    MANUFACTURER,
    SERIAL_NUMBER,
)
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from tests.unit.edge_agent.wire import NOW, Wire

ACTIVE_EXPORT_INTERVAL = Obis.parse("1.0.2.29.0.255")
HOUR_S = 3600
NOW_S = int(NOW.timestamp())
QUARTER = NOW_S // 900 * 900


def frozen() -> float:
    """A steady clock that stands still: the poll takes no time."""
    return 0.0


def stamps(result: PollResult, profile: Obis) -> list[int]:
    return [
        row[0]
        for block in result.rows
        if block.profile == profile
        for row in block.rows
        if row[0] is not None
    ]


def kinds_of(result: PollResult) -> set[FindingKind]:
    return {each.kind for each in result.findings}


@dataclass
class Fake:
    """A reader over a table of attributes; ranges are cut from its rows."""

    attributes: dict[Wanted, bytes | AccessDenied]
    rows: dict[int, int] = field(default_factory=dict)
    asked: list[Wanted] = field(default_factory=list)
    takes_lists: bool = False

    def get(self, obis: Obis, class_id: int, attribute: int) -> bytes:
        self.asked.append((obis, class_id, attribute))
        missing = AccessDenied(f"{obis}: object-undefined", result=4)
        found = self.attributes.get((obis, class_id, attribute), missing)
        if isinstance(found, AccessDenied):
            raise found
        return found

    def get_list(self, wanted: list[Wanted], selector: bytes = b"") -> list[bytes | AccessDenied]:
        raise AssertionError(wanted, selector)

    def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
        assert profile == BLOCK_LOAD_PROFILE
        zone = axdr.Zone()
        first, last = axdr.epoch_s(start, zone), axdr.epoch_s(end, zone)
        assert first is not None
        assert last is not None
        assert last - first <= 24 * HOUR_S
        return self.buffer([ts for ts in sorted(self.rows) if first <= ts <= last])

    def get_entries(self, profile: Obis, first: int, last: int) -> bytes:
        assert profile == BLOCK_LOAD_PROFILE
        return self.buffer(sorted(self.rows)[first - 1 : last])

    def buffer(self, times: list[int]) -> bytes:
        rows = [
            b"\x02\x02\x09\x0c"
            + axdr.date_time(ts, axdr.Zone(), with_deviation=True)
            + b"\x06"
            + self.rows[ts].to_bytes(4, "big")
            for ts in times
        ]
        return b"\x01" + bytes([len(rows)]) + b"".join(rows)


def text(name: str) -> bytes:
    return b"\x09" + bytes([len(name)]) + name.encode()


def captured(obis: Obis, class_id: int) -> bytes:
    name = b"\x09\x06" + bytes(obis)
    return b"\x02\x04\x12\x00" + bytes([class_id]) + name + b"\x0f\x02\x12\x00\x00"


def fake(now: datetime = NOW, **names: str) -> Fake:
    clock = axdr.date_time(int(now.timestamp()), axdr.Zone(), with_deviation=True)
    objects = b"\x01\x02" + captured(CLOCK, 8) + captured(ACTIVE_IMPORT_INTERVAL, 3)
    return Fake(
        {
            (SERIAL_NUMBER, 1, 2): text(names.get("serial", "F1")),
            (MANUFACTURER, 1, 2): text(names.get("maker", "Fake")),
            (CLOCK, 8, 2): b"\x09\x0c" + clock,
            (BLOCK_LOAD_PROFILE, 7, 3): objects,
            (BLOCK_LOAD_PROFILE, 7, 4): b"\x06" + (900).to_bytes(4, "big"),
            (ACTIVE_IMPORT, 3, 3): bytes.fromhex("02020F01161E"),
        }
    )


SIMPLE = Model(
    title="a fake", client=16, lists=False, profiles=(ProfileToRead(obis=BLOCK_LOAD_PROFILE),)
)
BY_PLACE = SIMPLE.model_copy(
    update={"profiles": (ProfileToRead(obis=BLOCK_LOAD_PROFILE, access="entry", every="hour"),)}
)


def visit(
    reader: Fake,
    monkeypatch: pytest.MonkeyPatch,
    watermarks: dict[Obis, int] | None = None,
    *,
    memory: Memory | None = None,
    windows: int = 8,
    kind: Model = SIMPLE,
    captured_before: dict[Obis, layout.Captured] | None = None,
    now: datetime = NOW,
    known: MeterId | None = None,
) -> PollResult:
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: kind)

    def factory(
        _meter: MeterConfig, _model: Model, _traffic: Traffic
    ) -> AbstractContextManager[sessions.Reader]:
        return nullcontext(reader)

    return poll(
        factory,
        MeterConfig(label="A-1", address=1),
        lambda _meter: watermarks or {},
        now,
        captures_of=lambda _meter: captured_before or {},
        memory=memory,
        known=known,
        windows=windows,
        monotonic=frozen,
    )


@dataclass
class Wide(Fake):
    """A fake whose profile has two energies."""

    columns: tuple[Obis, Obis] = (ACTIVE_IMPORT_INTERVAL, ACTIVE_EXPORT_INTERVAL)
    pairs: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for obis in self.columns:
            self.attributes[obis, 3, 3] = bytes.fromhex("02020F00161E")
        self.set_up(*self.columns)

    def set_up(self, *columns: Obis) -> None:
        objects = captured(CLOCK, 8) + b"".join(captured(obis, 3) for obis in columns)
        self.attributes[BLOCK_LOAD_PROFILE, 7, 3] = b"\x01" + bytes([1 + len(columns)]) + objects

    def buffer(self, times: list[int]) -> bytes:
        self.rows = dict.fromkeys(self.pairs, 0)
        rows = [
            b"\x02\x03\x09\x0c"
            + axdr.date_time(ts, axdr.Zone(), with_deviation=True)
            + b"".join(b"\x06" + each.to_bytes(4, "big") for each in self.pairs[ts])
            for ts in times
        ]
        return b"\x01" + bytes([len(rows)]) + b"".join(rows)


def of_column(found: PollResult, obis: Obis) -> list[int | None]:
    return [
        row[[each.obis for each in block.columns].index(obis) + 2]
        for block in found.rows
        if obis in {each.obis for each in block.columns}
        for row in block.rows
    ]


def config(password: Path, address: int = 17, **more: object) -> MeterConfig:
    fields = {"label": "A-1", "address": address, "model": "is16444", "password_file": password}
    return MeterConfig.model_validate({**fields, **more})


def read(
    wire: Wire,
    meter_config: MeterConfig,
    watermarks: dict[Obis, int] | None = None,
    memory: Memory | None = None,
    *,
    now: datetime | None = None,
    windows: int = 100,
    **more: object,
) -> PollResult:
    return poll(
        sessions.sessions(wire),
        meter_config,
        lambda _meter: watermarks or {},
        now or wire.now,
        memory=memory,
        windows=windows,
        monotonic=frozen,
        **more,  # type: ignore[arg-type]
    )


def truth(wire: Wire, serial: str, profile: Obis) -> list[int]:
    buffered = wire.estate.meter(serial).buffered(profile, wire.now)
    return [int(row.ts.timestamp()) for row in buffered]


POLLED = PollResult(
    meter=MeterId(manufacturer="ACME", serial="E1"),
    live=(),
    backlog=(),
    watermarks={},
    rewound=frozenset(),
    captures={},
    caught_up=True,
    findings=(),
    clock_offset_s=0.0,
    exchanges=1,
    bytes_sent=1,
    bytes_received=1,
)
"""A poll that read nothing new."""
