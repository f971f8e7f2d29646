# SPDX-License-Identifier: GPL-2.0-only
"""Scanning: which meters are on a line, at which speed and address, and where two collide."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.dlms.exchange import Transport
from edge_agent.errors import ConfigurationError
from edge_agent.install.addresses import HdlcAddress, hdlc_addresses, parse_addresses
from edge_agent.install.scan import scan
from edge_agent.install.scan_result import Conflict, Progress, Scan
from edge_agent.poll.name_plate import VOLTAGE_L2, guess_model
from edge_agent.settings.bus import BusConfig
from edge_agent.virtual.line import Line
from shared_schema.catalogue import ACTIVE_IMPORT, WATER_VOLUME
from shared_schema.obis import Obis
from tests.support.line_time import LineTime
from tests.support.line_time import Wire as LineWire
from tests.support.odd_meters import ADDRESS, SERIAL, START, one_meter
from tests.unit.edge_agent.wire import Wire, meter

WATER = {"model": "water", "load": {"kind": "water"}}
THREE = {"model": "three_phase"}


class Deaf(Wire):
    """A line at a speed that nobody on it speaks."""

    def send(self, data: bytes) -> None:
        self.sent.append(data)


class Crowd(Wire):
    """Two meters at one address: what they say comes in another order, or together."""

    def __init__(self, mixed: Callable[[bytes, bytes], bytes]) -> None:
        super().__init__(meters=[meter(1, 17), meter(3, 18)])
        self._other = Wire(meters=[meter(2, 17), meter(5, 19)])
        self._mixed = mixed

    def send(self, data: bytes) -> None:
        super().send(data)
        self._other.send(data)
        self._waiting = self._mixed(self._waiting, self._other.receive(0))


def clock() -> Callable[[], float]:
    return itertools.count(0.0, 0.1).__next__


def look(lines: dict[int, Wire], wanted: tuple[HdlcAddress, ...], **more: object) -> Scan:
    @contextmanager
    def open_line(baudrate: int) -> Iterator[Transport]:
        yield lines.get(baudrate) or Deaf()

    return scan(open_line, wanted, monotonic=clock(), **more)  # type: ignore[arg-type]


def found(result: Scan) -> list[tuple[str, str | None, str]]:
    return [
        (str(each.hdlc), each.plate.serial, each.plate.guess.model)
        for each in result.meters
        if each.plate is not None
    ]


def test_the_meters_of_a_line_with_their_models() -> None:
    wire = Wire(meters=[meter(1, 17), meter(2, 100, **THREE), meter(3, 200), meter(4, 19, **WATER)])
    result = look({9600: wire}, hdlc_addresses([17, 18, 19, 100, 200], long=[17]))
    assert found(result) == [
        ("1/17 (2 bytes)", "E1", "is16444"),
        ("1/19 (2 bytes)", "E4", "water"),
        ("1/100 (2 bytes)", "E2", "is13779"),
        ("1/200 (4 bytes)", "E3", "is16444"),
    ]
    assert result.conflicts == ()
    assert result.baudrates == (9600,)
    assert result.probes == 7 + 2, "the silent ones once more"


def test_the_found_speed_is_the_last_tried() -> None:
    steps: list[Progress] = []
    wanted = hdlc_addresses([17])
    result = look({4800: Wire()}, wanted, progress=steps.append)
    assert result.baudrates == (9600, 19200, 4800)
    assert [each.baudrate for each in result.meters] == [4800]
    assert [step.done for step in steps] == [1, 2] * 3 + [1]
    assert steps[-2:] == [Progress(4800, 2, 2, 1), Progress(4800, 1, 1, 1, again=True)]


class Lossy(Wire):
    """A line that loses the first frames to some addresses."""

    def __init__(self, lost: dict[int, int]) -> None:
        super().__init__(meters=[meter(number, 16 + number) for number in range(1, 5)])
        self._lost = {bytes((0x02, address << 1 | 1)): count for address, count in lost.items()}

    def send(self, data: bytes) -> None:
        to = data[3:5]
        if self._lost.get(to, 0):
            self._lost[to] -= 1
            return
        super().send(data)


@pytest.mark.parametrize("lost", [{18: 1}, {18: 1, 19: 2, 20: 3}])
def test_a_meter_that_missed_the_probe_is_found(lost: dict[int, int]) -> None:
    steps: list[Progress] = []
    result = look({9600: Lossy(lost)}, hdlc_addresses(range(17, 27)), progress=steps.append)
    assert sorted(serial or "" for _, serial, _ in found(result)) == ["E1", "E2", "E3", "E4"]
    assert [step.again for step in steps[:12]] == [False] * 11 + [True]
    again = 11 - (4 - len(lost))
    assert [step.total for step in steps if step.again][:again] == [again] * again


@pytest.mark.parametrize("pause_s", [0.1, 0.3, 0.45])
def test_a_meter_that_pauses_within_a_frame_is_one_meter(
    monkeypatch: pytest.MonkeyPatch, pause_s: float
) -> None:
    answer = Line._answer

    def in_halves(line: Line, data: bytes, wait_s: float, at: float, *, dribbles: bool) -> None:
        half = len(data) // 2
        answer(line, data[:half], wait_s, at, dribbles=dribbles)
        answer(line, data[half:], pause_s, at, dribbles=dribbles)

    monkeypatch.setattr(Line, "_answer", in_halves)
    time = LineTime(START)
    time.rule(monkeypatch)
    bus = BusConfig(name="a", port=Path("none"), meters=())
    line = LineWire(bus, one_meter({}, "Asia/Kolkata").lines(baud=9600)["a"], time)
    result = scan(
        lambda _baudrate: contextlib.nullcontext(line),
        [HdlcAddress(1, ADDRESS, 2)],
        baudrates=(9600,),
        monotonic=time,
    )
    assert found(result) == [(f"1/{ADDRESS} (2 bytes)", SERIAL, "is16444")]
    assert result.conflicts == ()


def test_a_silent_line_is_scanned_once() -> None:
    assert look({}, hdlc_addresses([17]), baudrates=[9600]).probes == 2


def test_a_silent_address_of_twins_becomes_a_conflict() -> None:
    def both(one: bytes, other: bytes) -> bytes:
        return one + other

    crowd, probes = Crowd(both), itertools.count()
    send = crowd.send

    def lossy(data: bytes) -> None:
        if data[3:5] != b"\x02\x23" or next(probes):
            send(data)

    crowd.send = lossy  # type: ignore[method-assign]
    result = look({9600: crowd}, hdlc_addresses([17, 18]))
    assert [str(each.hdlc) for each in result.conflicts] == ["1/17 (2 bytes)"]


class Reserved(Wire):
    """A line whose meters are silent to the public client."""

    def send(self, data: bytes) -> None:
        if b"\x21" not in data[3:8]:
            super().send(data)


def test_a_meter_that_knows_another_client_is_found() -> None:
    line = Reserved(meters=[meter(1, 17)])
    assert look({9600: line}, hdlc_addresses([17]), baudrates=[9600]).meters == ()
    (one,) = look({9600: line}, hdlc_addresses([17]), clients=(16, 32)).meters
    assert (one.client, one.plate) == (32, None)
    assert one.problem == "it answers client 32 and not the public one"


def test_every_speed_when_asked() -> None:
    result = look({9600: Wire()}, hdlc_addresses([17]), every_speed=True, baudrates=[9600, 2400])
    assert result.baudrates == (9600, 2400)
    assert len(result.meters) == 1


def test_a_meter_alone_keeps_its_own_address() -> None:
    alone = Wire(meters=[meter(1, 90)])
    (short,) = look({9600: alone}, hdlc_addresses([5])).meters
    assert (short.hdlc, short.hdlc.form) == (HdlcAddress(1, 0, 1), 1)
    (own,) = look({9600: alone}, hdlc_addresses([5, 90])).meters
    assert (own.hdlc, own.hdlc.form) == (HdlcAddress(1, 90, 2), None)


def test_an_odd_serial_number_names_one_meter_too() -> None:
    odd = {"serial": "12345678", "habits": {"serial_form": "bcd"}}
    line = Wire(meters=[meter(1, 17, **odd), meter(2, 18, **odd | {"serial": "12345679"})])
    result = look({9600: line}, hdlc_addresses([17, 18], long=[17, 18]))
    assert [str(each.hdlc) for each in result.meters] == ["1/17 (2 bytes)", "1/18 (2 bytes)"]


def test_a_long_address_is_kept_in_its_form() -> None:
    wire = Wire()
    (meter_,) = look({9600: wire}, hdlc_addresses([], long=[17])).meters
    assert meter_.hdlc.form == 4
    assert meter_.hdlc.config("x").address_bytes == 4
    (large,) = look({9600: wire}, hdlc_addresses([200])).meters
    assert large.hdlc.form is None


@pytest.mark.parametrize(
    "mixed",
    [
        lambda one, other: one + other,
        lambda one, other: b"".join(
            bytes(pair) for pair in zip(one, reversed(other), strict=False)
        ),
    ],
    ids=["one after the other", "at once"],
)
def test_two_meters_at_one_address_are_a_conflict(mixed: Callable[[bytes, bytes], bytes]) -> None:
    def both(one: bytes, other: bytes) -> bytes:
        return mixed(one, other) if one and other else one + other

    result = look({9600: Crowd(both)}, hdlc_addresses([17, 18]))
    (conflict,) = result.conflicts
    assert isinstance(conflict, Conflict)
    assert conflict.hdlc == HdlcAddress(1, 17, 2)
    assert [serial for _, serial, _ in found(result)] == ["E3"]


class Slow(Wire):
    """A line whose meter at one address answers late, by the scan's clock."""

    def __init__(self, address: int, late_s: float, now: Callable[[], float]) -> None:
        super().__init__(meters=[meter(1, 17), meter(2, 18), meter(3, 19)])
        self._slow, self._late_s, self._now = bytes((0x02, address << 1 | 1)), late_s, now
        self._later: list[tuple[float, bytes]] = []

    def send(self, data: bytes) -> None:
        if data[3:5] != self._slow:
            super().send(data)
            return
        before, self._waiting = self._waiting, b""
        super().send(data)
        self._later.append((self._now() + self._late_s, self._waiting))
        self._waiting = before

    def receive(self, timeout_s: float) -> bytes:
        del timeout_s
        due = [each for each in self._later if each[0] <= self._now()]
        self._later = [each for each in self._later if each not in due]
        data = self._waiting + b"".join(answer for _, answer in due)
        self._waiting = b""
        return data

    def discard(self, quiet_s: float = 0.0) -> int:
        del quiet_s
        return len(self.receive(0))


@pytest.mark.parametrize("address", [17, 18, 19])
@pytest.mark.parametrize("late_s", [0.4, 0.8, 1.6])
def test_a_slow_meter_is_found_beside_fast_ones(
    address: int, late_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count(0.0, 0.02)
    now = lambda: next(ticks)  # noqa: E731
    monkeypatch.setattr("edge_agent.dlms.exchange.time.monotonic", now)
    wire = Slow(address, late_s, now)
    wire.turnaround_s = 2.0
    opened = contextlib.nullcontext(wire)
    result = scan(
        lambda _baud: opened, hdlc_addresses([17, 18, 19]), baudrates=[9600], monotonic=now
    )
    assert sorted(serial or "" for _, serial, _ in found(result)) == ["E1", "E2", "E3"]
    assert result.conflicts == ()
    assert not any(each.problem for each in result.meters)


def test_neither_echo_nor_noise_is_an_answer() -> None:
    wire = Wire(echo=True)
    damage = iter([0x01])

    def noisy(data: bytes) -> bytes:
        flip = next(damage, 0) if len(data) > 30 else 0
        return data[:20] + bytes([data[20] ^ flip]) + data[21:] if flip else data

    wire.answers = noisy
    result = look({9600: wire}, hdlc_addresses([16, 17]))
    assert result.echo
    assert [serial for _, serial, _ in found(result)] == ["E1"]
    assert result.conflicts == ()


def test_a_line_that_speaks_unasked_is_said() -> None:
    wire = Wire()
    wire._waiting = b"\0" * 50
    assert look({9600: wire}, hdlc_addresses([17])).unasked == 50


def test_nobody() -> None:
    result = look({}, hdlc_addresses([1, 2]))
    assert (result.meters, result.conflicts, result.probes) == ((), (), 18)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1-3", (1, 2, 3)), ("17, 200,17", (17, 200)), ("", ()), ("16381", (16381,))],
)
def test_addresses(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_addresses(text) == numbers


@pytest.mark.parametrize("text", ["0", "5-1", "x", "1-", "16382", "-3", "1-2-3", "\u0663"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no address: give numbers"):
        parse_addresses(text)


@pytest.mark.parametrize(
    ("category", "there", "name"),
    [
        ("D1", {ACTIVE_IMPORT}, "is16444"),
        ("D2", {ACTIVE_IMPORT}, "is13779"),
        (None, {ACTIVE_IMPORT}, "is16444"),
        (None, {ACTIVE_IMPORT, VOLTAGE_L2}, "is13779"),
        ("D1", {WATER_VOLUME}, "water"),
        ("D1", {ACTIVE_IMPORT, WATER_VOLUME}, "generic"),
        ("X", set(), "generic"),
    ],
)
def test_models_are_guessed_with_a_reason(
    category: str | None, there: set[Obis], name: str
) -> None:
    guess = guess_model(category, there)
    assert guess.model == name
    assert guess.because
