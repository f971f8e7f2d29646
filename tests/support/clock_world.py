# SPDX-License-Identifier: GPL-2.0-only
"""One served meter whose clock may be wrong: read as client 32, set as client 48."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge_agent.bus import Bus
from edge_agent.clock.set import ClockOutcome, set_clock
from edge_agent.clock_policy import Limits
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.virtual.estate import Estate, parse_estate, serve
from edge_agent.virtual.meter import VirtualMeter
from shared_schema.obis import Obis

QUARTER = datetime(2026, 3, 10, 6, 30, tzinfo=UTC)
NOW = QUARTER + timedelta(seconds=400)
EK, AK = "000102030405060708090A0B0C0D0E0F", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
PASSWORD = "P4ssw0rd"  # noqa: S105


class World:
    """One served meter that is read as client 32 and set as client 48."""

    def __init__(self, estate: Estate, bus: Bus, folder: Path) -> None:
        self.estate = estate
        self.bus = bus
        self.folder = folder
        self.now = NOW
        self.is_kept = True
        self.memory = Memory()
        self.marks: dict[Obis, int] = {}
        for name, text in (("pw", PASSWORD), ("ek", EK), ("ak", AK)):
            self.keep(name, text)

    def keep(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text + "\n")
        path.chmod(0o600)

    @property
    def meter(self) -> VirtualMeter:
        return self.estate.meter("E1")

    @property
    def offset_s(self) -> float:
        return (self.meter.clock_at(self.now) - self.now).total_seconds()

    def turn(self, by_s: float) -> None:
        """Turn the meter's clock, as a person at the meter does."""
        self.meter._counter.set_clock(self.now, self.now.timestamp() + by_s)

    def config(self, **changes: Any) -> MeterConfig:
        keys = {
            "encryption_key_file": self.folder / "ek",
            "authentication_key_file": self.folder / "ak",
        }
        fields = {
            "label": "meter E1",
            "address": 17,
            "model": "is16444",
            "password_file": self.folder / "pw",
            "set_clock": True,
            "setter": keys,
            **changes,
        }
        return MeterConfig.model_validate(fields)

    def set(self, config: MeterConfig | None = None, **more: Any) -> ClockOutcome:
        return set_clock(
            sessions(self.bus, sleep=lambda _s: None),
            config or self.config(),
            self.now,
            limits=more.pop("limits", Limits()),
            is_kept=lambda: self.is_kept,
            monotonic=lambda: 0.0,
            **more,
        )

    def poll(self) -> PollResult:
        found = poll(
            sessions(self.bus),
            self.config(),
            lambda _meter: dict(self.marks),
            self.now,
            memory=self.memory,
            windows=60,
            monotonic=lambda: 0.0,
        )
        for profile, ts in found.watermarks.items():
            if profile in found.rewound or ts > self.marks.get(profile, 0):
                self.marks[profile] = ts
        return found


@contextmanager
def world(folder: Path, **meter: Any) -> Iterator[World]:
    keys = {"encryption_key": EK, "authentication_key": AK, "reader": "lls"}
    config = {
        "label": "meter E1",
        "serial": "E1",
        "manufacturer": "GSE",
        "model": "single_phase",
        "address": 17,
        "load": {"kind": "flat"},
        "password": PASSWORD,
        "security": keys,
        **meter,
    }
    estate = parse_estate({"bus": [{"name": "a", "link": "a", "meter": [config]}]})
    here: list[World] = []

    def now() -> datetime:
        return here[0].now if here else NOW

    with serve(estate, folder / "buses", baud=None, now=now) as ports:
        line = BusConfig(name="a", port=ports["a"], baudrate=115200, turnaround_s=0.5)
        with Bus(line) as bus:
            here.append(World(estate, bus, folder))
            yield here[0]
