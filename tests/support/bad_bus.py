# SPDX-License-Identifier: GPL-2.0-only
"""The worst bus that the tests know: every fault at once, and meters whose clocks are wrong.

The code on it is the gateway's own, from the schedule to the frames. Everything that it books is
held against what the meters counted.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import pytest

from edge_agent.settings.bus import BusConfig
from edge_agent.virtual.estate import Estate, parse_estate, serve
from edge_agent.worker.adapter import StoppableBus
from shared_schema.catalogue import BLOCK_LOAD_PROFILE, WATER_LOAD_PROFILE
from tests.support.bus_world import Gateway, Truth, gateway, whole_cycles
from tests.support.line_time import LineTime, Wire

START = datetime(2026, 3, 10, 6, 37, 20, tzinfo=UTC)
PASSWORD = "12345678"  # noqa: S105  # of virtual meters
FAULTS = {
    "seed": 20260310,
    "noise": 0.02,
    "damage": 0.02,
    "truncate": 0.01,
    "duplicate": 0.01,
    "deaf": 0.01,
    "late": 0.005,
    "late_s": 3.5,
    "die": 0.0005,
    "dead_s": 40.0,
    "unplug_every_s": 3000.0,
    "unplug_s": 7.0,
    "shared_addresses": True,
}
EK, AK = "000102030405060708090A0B0C0D0E0F", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
KEYS = {"encryption_key": EK, "authentication_key": AK}
HEALTHY: dict[str, tuple[str, dict[str, Any]]] = {
    "E1": ("is16444", {"model": "single_phase", "address": 17, "load": {"kind": "flat"}}),
    "E2": (
        "is13779",
        {"model": "three_phase", "address": 200, "load": {"kind": "lift"}, "null_timestamps": True},
    ),
    "E3": (
        "is16444",
        {"model": "single_phase", "address": 18, "load": {"kind": "flat"}, "max_info": 128},
    ),
    "E4": (
        "generic",
        {"model": "single_phase", "address": 20, "load": {"kind": "flat"}, "slow_s": 1.2},
    ),
    "W1": ("water", {"model": "water", "address": 19, "load": {"kind": "water"}}),
    # Ciphered meters that have seen counters far beyond those of this gateway.
    "S1": (
        "is16444",
        {
            "model": "single_phase",
            "address": 21,
            "load": {"kind": "flat"},
            "security": {**KEYS, "reader_counter": 70_000},
        },
    ),
    "S2": (
        "is16444",
        {
            "model": "single_phase",
            "address": 22,
            "load": {"kind": "flat"},
            "security": {**KEYS, "reader": "lls", "utility_counter": 5_000},
        },
    ),
}
SECURITY: dict[str, dict[str, Any]] = {
    "S1": {"client": 32, "security": "lls-ae"},
    "S2": {"client": 48, "security": "hls-gmac"},
}
JUMPS = [
    {
        "since": START + timedelta(hours=hours),
        "until": START + timedelta(hours=hours + 3),
        "days": days,
    }
    for hours, days in ((5, 365), (30, 365), (55, -365), (80, 365), (130, 365))
]
SICK: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    # 11 hours ahead, 11 hours behind, a deviation of the other sign, jumps to next year.
    "C1": ("is16444", {"address": 31}, {"clock_offset_s": 39_600}),
    "C2": ("is16444", {"address": 32}, {"clock_offset_s": -39_600}),
    "C3": ("is16444", {"address": 33}, {"deviation": "reversed"}),
    "C4": ("is16444", {"address": 34}, {"clock_jumps": JUMPS}),
    # Two meters on one address: they answer at once, or one after the other.
    "T1": ("is16444", {"address": 40}, {}),
    "T2": ("is16444", {"address": 40}, {}),
    "U1": ("is16444", {"address": 41}, {}),
    "U2": ("is16444", {"address": 41, "slow_s": 0.4}, {}),
    "V1": ("generic", {"address": 42}, {}),
    "V2": ("generic", {"address": 42, "slow_s": 0.4}, {}),
}


def estate(*, sick: bool, faults: dict[str, Any] | None = None, haste: float = 1.0) -> Estate:
    """The meters, as they are or as they would be with right clocks; haste makes all quicker."""
    specs = [(serial, spec) for serial, (_, spec) in HEALTHY.items()]
    for serial, (_, spec, fault) in SICK.items():
        plain = {"model": "single_phase", "load": {"kind": "flat"}, **spec}
        specs.append((serial, {**plain, **(fault if sick else {})}))
    meters = [
        {
            "label": serial,
            "serial": serial,
            "manufacturer": "GSE",
            "profile_days": 3,
            "password": PASSWORD,
            **spec,
            "slow_s": spec.get("slow_s", 0.0) / haste,
        }
        for serial, spec in specs
    ]
    bus = {"name": "a", "link": "a", "meter": meters, "turnaround_s": 0.02, "echo": True}
    return parse_estate({"bus": [{**bus, "faults": faults or {"shared_addresses": True}}]})


def bus_config(port: Path, password: Path, **line: Any) -> BusConfig:
    """What the gateway was told: it knows one meter at each address, and one that is dead."""
    known = [(serial, model, spec["address"]) for serial, (model, spec) in HEALTHY.items()]
    known += [
        (serial, model, spec["address"])
        for serial, (model, spec, _) in SICK.items()
        if serial not in {"T2", "U2", "V2"}
    ]
    known.append(("nobody", "is16444", 99))
    files = {"password_file": password}
    ciphered = {
        f"{name}_key_file": password.with_name(name) for name in ("encryption", "authentication")
    }
    for name, key in zip(ciphered.values(), (EK, AK), strict=True):
        name.write_text(key)
        name.chmod(0o600)
    meters = [
        {"label": label, "address": address, "model": model, **files}
        | ({**SECURITY[label], **ciphered} if label in SECURITY else {})
        for label, model, address in known
    ]
    return BusConfig.model_validate({"name": "a", "port": port, "meter": meters, **line})


def password_in(folder: Path) -> Path:
    path = folder / "password"
    path.write_text(PASSWORD)
    path.chmod(0o600)
    return path


@pytest.fixture
def password(tmp_path: Path) -> Path:
    return password_in(tmp_path)


@pytest.fixture
def line_time() -> Iterator[LineTime]:
    found = LineTime(START)
    with pytest.MonkeyPatch.context() as patch:
        found.rule(patch)
        yield found


def tell(here: Gateway, truth: Truth, begun: float) -> None:
    """Print what happened, for whoever looks with -s."""
    print(
        f"\n{here.polls} polls in {(here.seconds() - begun) / 3600:.1f} h of the meters' time: "
        f"{truth.rows} rows and {truth.registers} sets of registers held against the truth, "
        f"{len(truth.wrong)} values wrong"
    )
    print("  wrong by meter:", dict(Counter(each.partition(":")[0] for each in truth.wrong)))
    for text in truth.wrong[:20]:
        print("  wrong:", text)
    for text, count in here.told.counts.most_common(60):
        print(f"  {count:6} {text}")


def hold_a_bad_bus(folder: Path, password: Path, line_time: LineTime, polls: int) -> None:
    """Poll under all the faults in the line's own time, and hold everything against the truth."""
    config = bus_config(folder / "none", password)
    wire = Wire(config, estate(sick=True, faults=FAULTS).lines(baud=9600)["a"], line_time)
    truth = Truth(estate(sick=False))
    begun = line_time()
    with gateway(folder, config, wire, line_time, line_time) as here:
        here.on_append = lambda meter, rows, at: truth.hold(meter, rows, at, line_time())
        while here.polls < polls:
            line_time.sleep(here.step())
        tell(here, truth, begun)

    assert truth.wrong == []
    every = whole_cycles(begun, line_time())
    for serial in HEALTHY:
        assert every <= here.cycles[serial], f"{serial} was not read in every cycle"
        profile = WATER_LOAD_PROFILE if serial == "W1" else BLOCK_LOAD_PROFILE
        assert truth.gaps(serial, profile) == [], f"{serial} has lost rows"


@dataclass(frozen=True, slots=True)
class Passage:
    """What went through a terminal."""

    polls: int
    rows: int
    registers: int
    wrong: list[str]
    reopened: int
    """How often the device had vanished and came back."""
    missed: int
    cycles: int
    """Cycles of healthy meters: not read, and all. What is read depends on the machine's haste."""


def through_a_terminal(folder: Path, seed: int, polls: int, unplug_every_s: float) -> Passage:
    """Poll under all the faults through a real terminal; only what the schedule rests is left out.

    Silences are ten times shorter than those of a line at 9600 baud.
    """
    folder.mkdir()
    quick = {"late_s": 0.5, "dead_s": 1.0, "unplug_s": 0.3, "seed": seed}
    quick["unplug_every_s"] = unplug_every_s
    world = estate(sick=True, faults={**FAULTS, **quick}, haste=10.0)
    truth = Truth(estate(sick=False))
    offset = START.timestamp() - time.monotonic()

    def seconds() -> float:
        return time.monotonic() + offset

    def now() -> datetime:
        return datetime.fromtimestamp(seconds(), UTC)

    with serve(world, folder, baud=None, now=now) as ports:
        config = bus_config(ports["a"], password_in(folder), baudrate=115200, turnaround_s=0.3)
        bus = StoppableBus(config)
        with gateway(folder, config, bus, seconds, seconds) as here:
            here.on_append = lambda meter, rows, at: truth.hold(meter, rows, at, seconds())
            begun = seconds()
            while here.polls < polls:
                wait_s = here.step()
                time.sleep(min(wait_s, 0.02))
                offset += max(0.0, wait_s - 0.02)
            every = whole_cycles(begun, seconds())
        bus.close()
    return Passage(
        polls=here.polls,
        rows=truth.rows,
        registers=truth.registers,
        wrong=truth.wrong,
        reopened=bus.reopened,
        missed=sum(len(every - here.cycles.get(serial, set())) for serial in HEALTHY),
        cycles=len(every) * len(HEALTHY),
    )


def through_terminals(
    folder: Path, *, seed: int, terminals: int, polls: int, unplug_every_s: float
) -> list[Passage]:
    """Poll on several terminals side by side, each with faults of its own; a poll mostly waits.

    Processes with pipes, as a pool would need semaphores, and with them a writable /dev/shm.
    """
    spawn = get_context("spawn")
    running: list[tuple[SpawnProcess, Connection]] = []
    for number in range(terminals):
        heard, told = spawn.Pipe(duplex=False)
        given = (told, folder / f"{number}", seed + number, polls, unplug_every_s)
        process = spawn.Process(target=_tell_of_a_terminal, args=given, daemon=True)
        process.start()
        told.close()  # so that a process that dies ends the waiting for its word
        running.append((process, heard))
    found: list[Passage] = [heard.recv() for _, heard in running]
    for process, _ in running:
        process.join()
    return found


def _tell_of_a_terminal(
    told: Connection, folder: Path, seed: int, polls: int, unplug_every_s: float
) -> None:
    logging.getLogger().addHandler(logging.NullHandler())
    told.send(through_a_terminal(folder, seed, polls, unplug_every_s))
