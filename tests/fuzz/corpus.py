# SPDX-License-Identifier: GPL-2.0-only
"""The answers of virtual meters, one scene a meter, recorded once and said again by `speaker`.

Each scene is recorded in the clear; `speaker` ciphers what it says anew, so that a tag is right
whatever became of the bytes inside.

In: nothing. Out: `Scene`s, the same ones in each run.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from pydantic import SecretStr

from edge_agent.decode.layout import (
    CaptureObject,
    Layout,
    capture_objects,
    layout_of,
    value_objects,
)
from edge_agent.dlms import exchange, request_writer
from edge_agent.dlms.axdr import Scale, Zone, clock_time, date_time, range_selector
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.session import Session
from edge_agent.errors import AgentError, ProtocolViolation
from edge_agent.virtual.estate import parse_estate
from edge_agent.virtual.station import Station
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    CLOCK,
    DAILY_LOAD_PROFILE,
    EVENT_PROFILES,
    INSTANTANEOUS_PROFILE,
    MANUFACTURER,
    NAME_PLATE,
    SCALER_PROFILES,
    SERIAL_NUMBER,
    WATER_LOAD_PROFILE,
    WATER_VOLUME,
)
from shared_schema.obis import Obis

NOW: Final = datetime(2026, 3, 10, 6, 37, 20, tzinfo=UTC)
NOW_S: Final = int(NOW.timestamp())
ZONE: Final = Zone()
PASSWORD: Final = SecretStr("12345678")
ADDRESS, CLIENT, OTHER_ADDRESS = 17, 32, 18

Ask = Callable[[Session], Any]


@dataclass(frozen=True)
class Recorded:
    """What was asked, what the answer holds, and the APDUs that it came in."""

    kind: str
    """Which decoders read the value: see `judge`."""
    ask: Ask
    answers: tuple[bytes, ...]
    layout: Layout | None = None
    width: tuple[CaptureObject, ...] = ()


@dataclass(frozen=True)
class Scene:
    """One meter: how it opens a link, and what it answers."""

    name: str
    ua: bytes
    max_info: int
    initiate: bytes
    aare: bytes
    asked: tuple[Recorded, ...] = field(repr=False)


METERS: Final[dict[str, dict[str, Any]]] = {
    "by the book": {},
    "three phases": {"model": "three_phase"},
    "water": {"model": "water", "load": {"kind": "water"}, "pulse_litres": "2.5"},
    "nulls": {"null_timestamps": True, "habits": {"null_rows": True}},
    "bcd": {"habits": {"bcd": True, "serial_form": "bcd"}},
    "compact": {"habits": {"compact_rows": True, "serial_form": "octets"}},
    "floats": {"habits": {"floats": "float32", "kilo": True, "serial_form": "unsigned"}},
    "doubles": {"habits": {"floats": "float64", "serial_form": "ff_padded"}},
    "short": {"habits": {"short_rows": True, "short_buffer": True, "clock_last": True}},
    "trailing": {"habits": {"trailing": True, "lists": "refused"}, "deviation": "zero"},
    "blocks": {"max_pdu": 64, "max_info": 32, "habits": {"ua": "unknown", "aare": "no_limit"}},
    "turns": {"max_info": 128, "habits": {"not_final": True, "ua": "empty", "aare": "no_terms"}},
    "not ready": {"habits": {"not_ready": True, "ua": "wrong_group", "aare": "more_fields"}},
    "by entry": {"ranges": False, "deviation": "ffff", "range_deviation": "refused"},
}
_MOST_BLOCKS: Final = 12
_REGISTERS: Final = tuple(Obis.parse(f"1.0.{code}.8.0.255") for code in (1, 2, 9, 10))


class StandingClock:
    """The time of an exchange, which goes on only while nothing is heard."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)


class _Wire:
    """One station in no time, which notes each APDU that it says."""

    turnaround_s = 0.03

    def __init__(self, station: Station, clock: StandingClock) -> None:
        self.station = station
        self._clock = clock
        self.apdus: list[bytes] = []
        self._waiting = b""
        application: Any = station._application
        heard = application.request

        def request(apdu: bytes, now: datetime) -> bytes:
            self.apdus.append(heard(apdu, now))
            return self.apdus[-1]

        application.request = request

    def line_time_s(self, size: int) -> float:
        return size * 1e-6

    def send(self, data: bytes) -> None:
        self._waiting += self.station.receive(data, NOW, 0.0)

    def receive(self, timeout_s: float) -> bytes:
        data, self._waiting = self._waiting, b""
        self._clock.sleep(0.0 if data else timeout_s)
        return data

    def discard(self, quiet_s: float = 0.0) -> int:
        return int(quiet_s)


@contextmanager
def repeatable(clock: StandingClock) -> Iterator[None]:
    """Let sessions wait in no time, and challenge with the same bytes."""
    challenges = SimpleNamespace(token_bytes=lambda size: bytes(range(1, size + 1)))
    with (
        patch.object(exchange, "time", clock),
        patch.object(request_writer, "secrets", challenges),
    ):
        yield


def number_requests_anew() -> None:
    """Begin the invoke ids at 1, as a program does that starts."""
    request_writer._invoke_ids = itertools.count(1)


def peer(scene_info: int) -> Peer:
    return Peer("A", ADDRESS, client=CLIENT, password=PASSWORD, max_info=scene_info, release=False)


def _span(hours: int) -> tuple[bytes, bytes]:
    first, last = (
        date_time(ts, ZONE, with_deviation=False) for ts in (NOW_S - hours * 3600, NOW_S)
    )
    return first, last


def _get(obis: Obis, class_id: int, attribute: int) -> Ask:
    return lambda session: session.get(obis, class_id, attribute)


def _range(profile: Obis, hours: int) -> Ask:
    return lambda session: session.get_range(profile, *_span(hours))


def _entries(profile: Obis) -> Ask:
    return lambda session: session.get_entries(profile, 1, 16)


_ALONE: Final[dict[str, tuple[str, Ask]]] = {
    "clock": ("clock", _get(CLOCK, 8, 2)),
    "serial": ("serial", _get(SERIAL_NUMBER, 1, 2)),
    "maker": ("text", _get(MANUFACTURER, 1, 2)),
    "register": ("register", _get(ACTIVE_IMPORT, 3, 2)),
    "scaler": ("scaler", _get(ACTIVE_IMPORT, 3, 3)),
    "volume": ("register", _get(WATER_VOLUME, 3, 2)),
    "period": ("register", _get(BLOCK_LOAD_PROFILE, 7, 4)),
    "used": ("register", _get(BLOCK_LOAD_PROFILE, 7, 7)),
    "plate": ("plate", _get(NAME_PLATE, 7, 2)),
    "registers": ("list", lambda s: s.get_list([(each, 3, 2) for each in _REGISTERS])),
    "list with rows": (
        "list",
        lambda s: s.get_list(
            [(SERIAL_NUMBER, 1, 2), (CLOCK, 8, 2), (BLOCK_LOAD_PROFILE, 7, 2)],
            range_selector(*_span(1)),
        ),
    ),
    "setting the clock": ("change", lambda s: s.put(CLOCK, 8, 2, clock_time(NOW_S, ZONE))),
    "shifting the clock": ("change", lambda s: s.act(CLOCK, 8, 6, b"\x10\x00\x05")),
}
_PROFILES: Final[dict[Obis, tuple[tuple[str, Ask], ...]]] = {
    profile: (
        ("hours", _range(profile, 2)),
        ("a day", _range(profile, 24)),
        ("entries", _entries(profile)),
    )
    for profile in (BLOCK_LOAD_PROFILE, WATER_LOAD_PROFILE)
} | {
    profile: (("whole", _get(profile, 7, 2)),)
    for profile in (
        DAILY_LOAD_PROFILE,
        BILLING_PROFILE,
        INSTANTANEOUS_PROFILE,
        EVENT_PROFILES[5],
        SCALER_PROFILES[BLOCK_LOAD_PROFILE],
    )
}


def _record(wire: _Wire, max_info: int, ask: Ask) -> tuple[Any, tuple[bytes, ...]]:
    """Return the value, if there is one, and the APDUs behind the AARE."""
    number_requests_anew()
    wire.apdus.clear()
    found = None
    with Session(wire, peer(max_info)) as session:
        try:
            found = ask(session)
        except AgentError:
            found = None
    return found, tuple(wire.apdus[1:])


def _scene(name: str, keys: dict[str, Any], clock: StandingClock) -> Scene:
    fields = {
        "label": "A",
        "serial": "12345678",
        "manufacturer": "GSE",
        "address": ADDRESS,
        "model": "single_phase",
        "load": {"kind": "flat"},
        "installed_at": NOW - timedelta(days=3),
        "cover_opened_at": None if "load" in keys else NOW - timedelta(days=1),
        **keys,
    }
    estate = parse_estate({"bus": [{"name": "a", "link": "a", "meter": [fields]}]})
    wire = _Wire(estate.meters()[0].station(), clock)
    max_info = int(keys.get("max_info", 2030))
    asked: list[Recorded] = []
    for kind, ask in _ALONE.values():
        _, answers = _record(wire, max_info, ask)
        asked.append(Recorded(kind, ask, answers))
    for profile, ways in _PROFILES.items():
        ask = _get(profile, 7, 3)
        objects, answers = _record(wire, max_info, ask)
        if objects is None:
            continue
        asked.append(Recorded("objects", ask, answers))
        captured = capture_objects(objects)
        layout = _layout(profile, captured)
        for _, each in ways:
            _, answers = _record(wire, max_info, each)
            asked.append(
                Recorded("scalers" if layout is None else "rows", each, answers, layout, captured)
            )
    return Scene(
        name,
        *_opening(wire, max_info),
        asked=tuple(each for each in asked if 0 < len(each.answers) <= _MOST_BLOCKS),
    )


def _layout(profile: Obis, captured: tuple[CaptureObject, ...]) -> Layout | None:
    scalers = {each.obis: Scale(0, 30) for each in value_objects(captured).values()}
    try:
        return layout_of(profile, 900, captured, scalers)
    except ProtocolViolation:
        return None


def _opening(wire: _Wire, max_info: int) -> tuple[bytes, int, bytes, bytes]:
    """Return the information of UA, the longest of a frame, the initiate response, the AARE."""
    said: list[bytes] = []
    receive = wire.station.receive

    def heard(data: bytes, now: datetime, tick: float) -> bytes:
        said.append(receive(data, now, tick))
        return said[-1]

    with patch.object(wire.station, "receive", heard):
        _record(wire, max_info, _get(CLOCK, 8, 2))
    ua = said[0][9:-3] if len(said[0]) > 12 else b""
    aare = wire.apdus[0]
    initiate = aare[aare.find(b"\x08\x00\x06\x5f") :] if b"\x08\x00\x06\x5f" in aare else b""
    return ua, max_info, initiate, aare


@lru_cache(maxsize=1)
def scenes() -> tuple[Scene, ...]:
    """Record all meters."""
    clock = StandingClock()
    with repeatable(clock):
        return tuple(_scene(name, keys, clock) for name, keys in METERS.items())
