# SPDX-License-Identifier: GPL-2.0-only
"""A gateway for weeks: a full line of virtual meters in simulated time, and a store that answers.

The worker, the polls, the protocol, the spool, the sealing and the flow of batches are the
product's own; the line, the link and the clock are simulated, so that a day passes in seconds. The
link fails for hours, the disk is full for an hour, the agent restarts, the log is rotated.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest

from edge_agent.logs import JsonFormatter
from edge_agent.operate.machine import spool_bytes
from edge_agent.publish.batch_flow import BatchFlow
from edge_agent.publish.in_flight import Flight
from edge_agent.settings.bus import BusConfig
from edge_agent.spool import room
from edge_agent.spool.spool import Spool
from edge_agent.virtual import history, loads
from edge_agent.virtual.estate import parse_estate
from shared_schema.catalogue import BLOCK_LOAD_PROFILE
from shared_schema.gateway import Receipt
from shared_schema.readings import line_hash, open_batch
from shared_schema.signing import VerifyKey, generate_key, key_id
from tests.soak.measures import CountingLog, Meter
from tests.soak.verdict import Day
from tests.support.bus_world import Gateway, gateway
from tests.support.line_time import LineTime, Wire

START: Final = datetime(2026, 7, 1, tzinfo=UTC)
PERIOD_S: Final = 900
HOUR_S: Final = 3600.0
TURN_S: Final = 60.0
KEEP: Final = timedelta(days=7)
PASSWORD: Final = "12345678"  # noqa: S105 - of virtual meters
MAKER: Final = "LNT"


@dataclass
class Store:
    """A store behind a link: it keeps what a receipt needs, and of each load row that it came."""

    key: str
    signer: VerifyKey
    stream: UUID | None = None
    first: int = 0
    last: int = 0
    early: dict[int, str] = field(default_factory=dict)
    head: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    """Of each meter a bit for each period whose row came."""
    batches: int = 0
    store: UUID = field(default_factory=uuid4)

    def take(self, payload: bytes) -> None:
        batch = open_batch(payload, lambda *_: self.signer)
        header = batch.header
        if header.stream != self.stream:
            self.stream, self.last, self.head = header.stream, 0, ""
            self.early.clear()
        self.batches += 1
        self.early[header.seq] = line_hash(payload.partition(b"\n")[0])
        while self.last + 1 in self.early:
            self.last += 1
            self.head = self.early.pop(self.last)
        for line in batch.block_lines:  # pydantic would remember 16,384 of their salts
            block = json.loads(line)
            if block.get("profile") == str(BLOCK_LOAD_PROFILE):
                serial = block["meter"]["serial"]
                for ts, *_ in block["rows"]:
                    period = (ts - int(START.timestamp())) // PERIOD_S
                    self.rows[serial] = self.rows.get(serial, 0) | 1 << period

    def receipt(self, at: datetime) -> Receipt | None:
        if self.stream is None:
            return None
        ranges = [(1, self.last)] if self.last else []
        heads = [(self.last, self.head)] if self.last else []
        for seq in sorted(self.early):
            ranges.append((seq, seq))
            heads.append((seq, self.early[seq]))
        return Receipt(
            gateway="gw-1",
            key=self.key,
            store=self.store,
            stream=self.stream,
            ranges=tuple(_joined(ranges)),
            heads=tuple(heads),
            at=at,
        )

    def missing(self, until: datetime) -> int:
        """Count the load rows up to a time that did not come."""
        periods = int((until - START).total_seconds()) // PERIOD_S
        wanted = (1 << periods) - 1
        return sum((wanted & ~bits).bit_count() for bits in self.rows.values())


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for first, last in ranges:
        if found and found[-1][1] + 1 >= first:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


@dataclass
class Link:
    """The way of batches: what a publisher does, in simulated time."""

    spool: Spool
    store: Store
    flight: Flight = field(default_factory=Flight)

    def __post_init__(self) -> None:
        self.flow = BatchFlow(self.spool, self.flight)

    def turn(self, now: float) -> None:
        """Send what is due, and take the receipt."""
        while sent := list(self.flow.next(now, 20, is_any_out=False)):
            for each in sent:
                self.store.take(each.payload)
            receipt = self.store.receipt(datetime.fromtimestamp(now, UTC))
            if receipt is not None:
                self.spool.apply_receipt(receipt)
                self.flight.receipted(receipt.covers, now)


@dataclass(frozen=True)
class Plan:
    """What happens on which day: each begins at the hour that is named."""

    outage_h: float = 0.0
    full_disk: bool = False
    restart: bool = False

    @classmethod
    def of(cls, day: int) -> "Plan":
        """Every third day the link is away, every seventh the disk is full, every fifth a start."""
        return cls(
            outage_h=(day % 4 + 2.0) if day % 3 == 0 else 0.0,
            full_disk=day % 7 == 4,
            restart=day % 5 == 0,
        )

    def __str__(self) -> str:
        said = [f"away {self.outage_h:.0f} h"] if self.outage_h else []
        said += ["full disk 1 h"] if self.full_disk else []
        said += ["restart"] if self.restart else []
        return ", ".join(said)


class GatewaySoak:
    """The run; `days` yields the measures of each day."""

    def __init__(self, folder: Path, meters: int, *, day: timedelta = timedelta(days=1)) -> None:
        """Set the line up.

        Args:
            folder: where the spool and the log are.
            meters: how many are on the line.
            day: how long a day is: a short one for a test, with everything that happens in it.
        """
        self.folder = folder
        self.day_s = day.total_seconds()
        self.time = LineTime(START)
        self.key = generate_key()
        self.store = Store(key_id(self.key.public_key()), self.key.public_key())
        (folder / "meter.password").write_text(PASSWORD, encoding="ascii")
        (folder / "meter.password").chmod(0o600)
        meter_of = {"model": "single_phase", "manufacturer": MAKER, "load": {"kind": "flat"}}
        self.estate = parse_estate(
            {
                "bus": [
                    {
                        "name": "a",
                        "link": "a",
                        "turnaround_s": 0.02,
                        "meter": [
                            {
                                "label": f"m{number}",
                                "serial": f"{10_000_000 + number}",
                                "address": 1 + number,
                                "installed_at": START,
                                **meter_of,
                            }
                            for number in range(meters)
                        ],
                    }
                ]
            }
        )
        self.bus = BusConfig.model_validate(
            {
                "name": "a",
                "port": folder / "none",
                "baudrate": 9600,
                "meter": [
                    {
                        "label": f"meter {1 + number}",
                        "address": 1 + number,
                        "model": "is16444",
                        "password_file": folder / "meter.password",
                    }
                    for number in range(meters)
                ],
            }
        )

    @contextmanager
    def agent(self) -> Iterator[tuple[Gateway, Link]]:
        """Run an agent from its start to its stop, on the same line and spool."""
        wire = Wire(self.bus, self.estate.lines(baud=9600)["a"], self.time)
        with gateway(self.folder, self.bus, wire, self.time, self.time, key=self.key) as here:
            yield here, Link(here.spool, self.store)

    def days(self, days: int, plan: Callable[[int], Plan] = Plan.of) -> Iterator[Day]:
        """Play so many days and measure each at its end."""
        log = CountingLog(self.folder / "agent.log")
        log.setFormatter(JsonFormatter())
        logger = logging.getLogger("edge_agent")
        meter = Meter(log)
        with ExitStack() as whole, pytest.MonkeyPatch.context() as patch:
            self.time.rule(patch)
            for simulated in (loads, history):  # would remember each day of each meter
                patch.setattr(simulated, "_CACHED_DAYS", 2)
            patch.setattr(logger, "level", logging.INFO)
            logger.addHandler(log)
            whole.callback(log.close)
            whole.callback(logger.removeHandler, log)
            running = whole.enter_context(ExitStack())
            here, link = running.enter_context(self.agent())
            for number in range(1, days + 1):
                today = plan(number)
                if today.restart:
                    running.close()
                    here, link = running.enter_context(self.agent())
                meter.begin()
                polls = here.polls
                self._day(here, link, today, number)
                here.cycles.clear()
                yield meter.end(
                    number,
                    kept=spool_bytes(self.folder / "spool.db"),
                    work=here.polls - polls,
                    waiting=here.spool.pending().total,
                    remark=str(today),
                )

    def _day(self, here: Gateway, link: Link, today: Plan, number: int) -> None:
        begun, hour_s = START.timestamp() + (number - 1) * self.day_s, self.day_s / 24
        away = (begun + 6 * hour_s, begun + (6 + today.outage_h) * hour_s)
        full = (begun + 14 * hour_s, begun + 15 * hour_s)
        turn_at, prune_at = self.time.seconds, begun + HOUR_S
        with pytest.MonkeyPatch.context() as patch:
            has_room = room.has_room
            if today.full_disk:
                patch.setattr(
                    room,
                    "has_room",
                    lambda *args: not full[0] <= self.time.seconds < full[1] and has_room(*args),
                )
            while self.time.seconds < begun + self.day_s:
                self.time.sleep(here.step())
                now = self.time.seconds
                if now >= turn_at and not away[0] <= now < away[1]:
                    turn_at = now + TURN_S
                    link.turn(now)
                if now >= prune_at:
                    prune_at = now + HOUR_S
                    here.spool.prune(datetime.fromtimestamp(now, UTC), KEEP)
