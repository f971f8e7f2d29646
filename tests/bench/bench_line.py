# SPDX-License-Identifier: GPL-2.0-only
"""How well the gateway uses a line of 9600 baud with 20 ms turnaround.

The limit is the line's own, computed from the bytes and exchanges that were counted in the same
run: ten bits for each byte, and the turnaround for each exchange.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.dlms.axdr import range_selector
from edge_agent.dlms.exchange import Traffic
from edge_agent.dlms.invocation_counter import by_hand
from edge_agent.dlms.session import Session
from edge_agent.meters.model import load
from edge_agent.poll.local_time import LocalTime
from edge_agent.poll.meter_link import Range
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import BusConfig
from edge_agent.virtual.estate import Estate, parse_estate, serve
from edge_agent.worker.adapter import StoppableBus
from shared_schema.catalogue import BLOCK_LOAD_PROFILE
from tests.support.bus_world import Gateway, Truth, gateway, whole_cycles
from tests.support.line_time import LineTime, Wire
from tests.support.plain_client import PlainClient

BAUD, TURNAROUND_S = 9600, 0.02
START = datetime(2026, 3, 10, 6, 37, 20, tzinfo=UTC)
CYCLE_S = 900.0
PASSWORD = "12345678"  # noqa: S105  # of virtual meters
REGISTERS = [(obis, 3, 2) for obis in load("is16444").registers]
SMALL_FRAMES = load("is16444").model_copy(update={"max_info_length": 128})
DEAD_FROM = 1000
"""Addresses from here on are of nobody."""
EK, AK = "000102030405060708090A0B0C0D0E0F", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
_KEYS = {"encryption_key": EK, "authentication_key": AK}
METERS: dict[str, dict[str, Any]] = {
    "LLS": {},
    "LLS-AE": {"security": _KEYS},
    "LLS-AE, general-glo": {"security": {**_KEYS, "general": True}},
    "GMAC": {"security": {**_KEYS, "reader": "lls"}},
}
"""The lanes, by what the meter has."""
EVERYDAY = {
    "LLS": (530, 4),
    "LLS-AE": (632, 4),
    "LLS-AE, general-glo": (642, 4),
    "GMAC": (800, 5),
}
"""What the gateway's poll needs at most for them, the meter's identity and its clock."""
LEAST = {"LLS": (415, 4), "GMAC": (700, 6)}
"""The registers and the newest row alone, by one list."""
SHARE = {
    "LLS": (910, 6.0),
    "LLS-AE": (1090, 6.0),
    "LLS-AE, general-glo": (1115, 6.0),
    "GMAC": (1255, 7.0),
}
"""The same with its share of what is read once an hour."""


def estate(meters: int, *, days: float, lane: str = "LLS") -> Estate:
    """Single-phase meters with so many days of history."""
    return parse_estate(
        {
            "bus": [
                {
                    "name": "a",
                    "link": "a",
                    "turnaround_s": TURNAROUND_S,
                    "meter": [
                        {
                            "label": f"m{number}",
                            "serial": f"{10_000_000 + number}",
                            "address": 1 + number,
                            "model": "single_phase",
                            "manufacturer": "LNT",
                            "load": {"kind": "flat"},
                            "installed_at": START - timedelta(days=days),
                            **METERS[lane],
                        }
                        for number in range(meters)
                    ],
                }
            ]
        }
    )


def config(
    folder: Path, port: Path, healthy: int, dead: int = 0, *, lane: str = "LLS"
) -> BusConfig:
    """What the gateway knows of the line: meters that are there, and dead ones."""
    files = {"password_file": PASSWORD, "encryption_key_file": EK, "authentication_key_file": AK}
    for name, secret in files.items():
        (folder / name).write_text(secret)
        (folder / name).chmod(0o600)
    kept = {name: folder / name for name in files}
    secrets: dict[str, Any] = {"security": "lls-ae", **kept}
    if lane == "LLS":
        secrets = {"password_file": kept["password_file"]}
    elif lane == "GMAC":
        secrets = {"client": 48, "security": "hls-gmac", **kept}
    addresses = [*range(1, healthy + 1), *range(DEAD_FROM, DEAD_FROM + dead)]
    return BusConfig.model_validate(
        {
            "name": "a",
            "port": port,
            "baudrate": BAUD,
            "meter": [
                {
                    "label": f"meter {address}",
                    "address": address,
                    "model": "is16444",
                    **secrets,
                }
                for address in addresses
            ],
        }
    )


@dataclass
class Skipping:
    """The time of this machine, without the rests of the schedule."""

    ahead_s: float = START.timestamp() - time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s

    def now(self) -> datetime:
        return datetime.fromtimestamp(self(), UTC)


def cycles(here: Gateway, clock: Skipping, polls: int) -> float:
    """Go on until so many polls are done; return how long they took, seconds."""
    until = here.polls + polls
    begun = time.monotonic()
    while here.polls < until:
        clock.ahead_s += here.step()
    return time.monotonic() - begun


@pytest.mark.parametrize(("kind", "least"), [("LLS", 0.90), ("LLS-AE", 0.85), ("GMAC", 0.85)])
def test_newest_row_polls_beside_the_lines_limit(tmp_path: Path, kind: str, least: float) -> None:
    meters, rounds = 5, 8
    clock = Skipping()
    world = estate(meters, days=1.1, lane=kind)
    with serve(world, tmp_path, baud=BAUD, now=clock.now) as ports:
        line = config(tmp_path, ports["a"], meters, lane=kind)
        bus = StoppableBus(line)
        with gateway(tmp_path, line, bus, clock, time.monotonic) as here:
            cycles(here, clock, 3 * meters)  # layouts, history, and a first newest row
            sent, asked = here.line_bytes, here.exchanges
            polls = meters * rounds
            took_s = cycles(here, clock, polls)
            size, exchanges = here.line_bytes - sent, here.exchanges - asked
        bus.close()
    limit_s = size * 10 / BAUD + exchanges * TURNAROUND_S
    print(
        f"\nline: {polls} newest-row polls of {kind} meters at {BAUD} baud, real time"
        f"\n  polls          {polls / took_s:6.3f} /s"
        f"\n  line's limit   {polls / limit_s:6.3f} /s"
        f"\n  share          {limit_s / took_s:6.1%}"
        f"\n  bytes/exchanges of a poll: {size / polls:.0f} / {exchanges / polls:.1f}"
    )
    assert limit_s / took_s >= least


@dataclass
class Poll:
    """What one poll cost."""

    size: int
    exchanges: int

    def __str__(self) -> str:
        line_s = self.size * 10 / BAUD + self.exchanges * TURNAROUND_S
        return f"{self.size:5} / {self.exchanges}   {line_s:.3f} s"


Simulated = Callable[[], LineTime]


@pytest.mark.parametrize("kind", METERS)
def test_bytes_of_a_poll(tmp_path: Path, simulated: Simulated, kind: str) -> None:
    line_time = simulated()
    world = estate(1, days=1.1, lane=kind)
    line = config(tmp_path, tmp_path / "none", 1, lane=kind)
    wire = Wire(line, world.lines(baud=BAUD)["a"], line_time)
    polls: list[Poll] = []
    with gateway(tmp_path, line, wire, line_time, line_time) as here:
        while len(polls) < 5 * 96:
            sent, asked, done = here.line_bytes, here.exchanges, here.polls
            line_time.sleep(here.step())
            if here.polls > done:
                polls.append(Poll(here.line_bytes - sent, here.exchanges - asked))
    day = polls[-4 * 96 :]  # layouts, history and first contact are over
    size = sum(each.size for each in day) / len(day)
    exchanges = sum(each.exchanges for each in day) / len(day)
    ((usual, _),) = Counter((each.size, each.exchanges) for each in day).most_common(1)
    print(f"\nbytes / exchanges of a poll, {kind}, and its time at {BAUD} baud")
    print(f"  everyday, identity proven {Poll(*usual)}")
    print(f"  with its hourly share     {size:5.0f} / {exchanges:.1f}")
    most, share = EVERYDAY[kind], SHARE[kind]
    assert usual[0] <= most[0]
    assert usual[1] <= most[1]
    assert size <= share[0]
    assert exchanges <= share[1]


@pytest.mark.parametrize("kind", ["LLS", "GMAC"])
def test_bytes_of_four_registers_and_the_newest_row(
    tmp_path: Path, simulated: Simulated, kind: str
) -> None:
    """The poll of the aims on the meter of this bench: no identity, no clock."""
    line_time = simulated()
    world = estate(1, days=1.1, lane=kind)
    line = config(tmp_path, tmp_path / "none", 1, lane=kind)
    wire = Wire(line, world.lines(baud=BAUD)["a"], line_time)
    open_session = sessions(wire, by_hand("bench"), sleep=line_time.sleep)
    ts = int(START.timestamp()) // 900 * 900
    rows = Range(
        BLOCK_LOAD_PROFILE,
        *LocalTime(SMALL_FRAMES.zone_offset_min).span(SMALL_FRAMES, ts, ts + 899),
    )

    def cost(ask: Callable[[Session], object]) -> Poll:
        traffic = Traffic()
        with open_session(line.meters[0], SMALL_FRAMES, traffic) as meter:
            ask(meter)
        return Poll(traffic.bytes_sent + traffic.bytes_received, traffic.exchanges)

    def one_by_one(meter: Session) -> None:
        for each in REGISTERS:
            meter.get(*each)
        meter.get_range(*rows)

    def two_requests(meter: Session) -> None:
        meter.get_list(REGISTERS)
        meter.get_range(*rows)

    def one_list(meter: Session) -> None:
        *_, newest = meter.get_list(
            [*REGISTERS, (BLOCK_LOAD_PROFILE, 7, 2)], range_selector(rows.start, rows.end)
        )
        assert isinstance(newest, bytes)

    def plain() -> Poll:
        wire.discard()
        client = PlainClient(wire, 1, PASSWORD, (EK, AK) if kind == "GMAC" else None)
        (row,) = client.poll([obis for obis, _, _ in REGISTERS], BLOCK_LOAD_PROFILE, ts, ts + 899)
        assert row
        return Poll(client.size, client.exchanges)

    cost(one_by_one)  # the first contact with a ciphered meter asks for its counter
    print(f"\nfour registers and the newest row alone, {kind}: bytes / exchanges, time")
    for ask in (one_by_one, two_requests, one_list):
        print(f"  {ask.__name__:12} {cost(ask)}")
    alone, found, theirs = cost(one_by_one), cost(one_list), plain()
    print(f"  gurux-dlms   {theirs}   one by one, as its manual does it")
    assert alone.size <= theirs.size
    assert alone.exchanges <= theirs.exchanges
    assert found.size <= LEAST[kind][0]
    assert found.exchanges <= LEAST[kind][1]


def back_fill(
    folder: Path, line_time: LineTime, meters: int, days: int, dead: int = 0
) -> tuple[float, int, set[int], Gateway]:
    """Read all history; return the seconds, the rows, the whole cycles, and the gateway."""
    folder.mkdir()
    world = estate(meters, days=days)
    line = config(folder, folder / "none", meters, dead)
    wire = Wire(line, world.lines(baud=BAUD)["a"], line_time)
    truth = Truth(world)
    begun = line_time()
    first = int((START - timedelta(days=days)).timestamp()) // 900 * 900 + 900
    with gateway(folder, line, wire, line_time, line_time) as here:
        here.on_append = lambda meter, rows, at: truth.hold(meter, rows, at, line_time())
        left = {f"{10_000_000 + number}" for number in range(meters)}

        def is_done(serial: str) -> bool:
            rows = truth.booked.get((serial, BLOCK_LOAD_PROFILE), set())
            return len(rows) >= days * 96 and min(rows) == first

        while left:
            line_time.sleep(here.step())
            left -= {serial for serial in left if is_done(serial)}
            assert line_time() - begun < 86400, f"{len(left)} meters are still behind"
    assert truth.wrong == []
    return line_time() - begun, truth.rows, whole_cycles(begun, line_time()), here


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Callable[[], LineTime]:
    def begin() -> LineTime:
        found = LineTime(START)
        found.rule(monkeypatch)
        return found

    return begin


def missed(here: Gateway, meters: int, every: set[int]) -> int:
    serials = [f"{10_000_000 + number}" for number in range(meters)]
    return sum(len(every - here.cycles.get(serial, set())) for serial in serials)


def test_a_month_of_history_of_a_hundred_meters_and_no_live_cycle_missed(
    tmp_path: Path, simulated: Callable[[], LineTime]
) -> None:
    meters, days = 100, 30
    took_s, rows, every, here = back_fill(tmp_path / "a", simulated(), meters, days)
    limit_s = here.line_bytes * 10 / BAUD + here.exchanges * TURNAROUND_S
    print(
        f"\nback-fill: {meters} meters x {days} days on one line, simulated line time"
        f"\n  rows           {rows:,} in {took_s / 3600:.2f} h, {rows / took_s:.0f} /s"
        f"\n  share of time  {limit_s / took_s:6.1%} of the line was in use"
        f"\n  live cycles    {len(every)} x {meters} meters, {missed(here, meters, every)} missed"
    )
    assert missed(here, meters, every) == 0


def test_dead_meters_cost_the_others_little(
    tmp_path: Path, simulated: Callable[[], LineTime]
) -> None:
    meters, days, dead = 38, 15, 2
    alone: Any = back_fill(tmp_path / "alone", simulated(), meters, days)
    beside: Any = back_fill(tmp_path / "beside", simulated(), meters, days, dead)
    share = (beside[1] / beside[0]) / (alone[1] / alone[0])
    print(
        f"\ndead meters: {dead} of {meters + dead}, a line that is never idle, simulated line time"
        f"\n  the others alone   {alone[1] / alone[0]:6.1f} rows/s"
        f"\n  beside dead ones   {beside[1] / beside[0]:6.1f} rows/s"
        f"\n  share              {share:6.1%}"
    )
    assert missed(beside[3], meters, beside[2]) == 0
    assert share >= 0.95
