# SPDX-License-Identifier: GPL-2.0-only
"""A bus whose meters do what a test says, in a time that the test moves."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from edge_agent.commands.desk import CommandDesk
from edge_agent.commands.log import CommandLog
from edge_agent.errors import BusLost, BusTimeout, PasswordRefused
from edge_agent.gateway_clock import Jump
from edge_agent.health import Health
from edge_agent.poll.poll import PollResult
from edge_agent.settings.bus import MeterConfig
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.sealer import Sealer
from edge_agent.spool.spool import Spool
from edge_agent.worker.adapter import StoppableBus
from edge_agent.worker.schedule import CYCLE_S, DELAY_S
from edge_agent.worker.shared import Shared
from edge_agent.worker.worker import BusWorker
from shared_schema.gateway import Command, CommandArguments, CommandKind, Result
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.signing import generate_key, key_id, sign_message

CLOUD_KEY, GATEWAY_KEY = generate_key(), generate_key()
START = 1_773_124_200.0 // CYCLE_S * CYCLE_S + DELAY_S


class Line(StoppableBus):
    """A bus without a port."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


@dataclass
class Play:
    """One bus whose meters do what a test says, in a time that a test moves."""

    spool: Spool
    settings: AgentSettings
    now: float = START
    synchronised: bool = True
    jump: Jump = field(default_factory=Jump)
    adapter: bool = True
    silent: set[str] = field(default_factory=set)
    refusing: set[str] = field(default_factory=set)
    unconfirmed: set[str] = field(default_factory=set)
    unread: frozenset[Obis] = frozenset()
    offset_s: float = 0.0
    behind: dict[str, int] = field(default_factory=dict)
    did: list[tuple[float, str, str]] = field(default_factory=list)
    """When, ``poll``, ``fill`` or ``probe``, which meter."""
    stamped: list[float] = field(default_factory=list)
    forced: list[tuple[Obis, ...]] = field(default_factory=list)
    """How far the time that a poll was given lay behind its beginning, seconds."""

    def __post_init__(self) -> None:
        self.steady = 0.0
        self.restart()

    def restart(self) -> None:
        (bus,) = self.settings.buses
        self.sealer = Sealer(self.spool, gateway="gw-1", key=GATEWAY_KEY, gather_s=10)
        self.health = Health(meter.label for meter in bus.meters)
        self.desk = CommandDesk(
            self.settings,
            CLOUD_KEY.public_key(),
            CommandLog(self.spool),
            known=lambda _bus, meter: MeterId(manufacturer="LNT", serial=meter.label),
            is_synchronised=lambda: self.synchronised,
            seal=self.sealer.seal,
            now=lambda: datetime.fromtimestamp(self.now, UTC),
        )
        shared = Shared(
            self.settings,
            self.spool,
            self.health,
            lambda: self.synchronised,
            self.desk,
            jump=lambda: self.jump,
        )
        self.line = Line(bus)
        self.worker = BusWorker(
            shared, bus, bus=self.line, wall=lambda: self.now, monotonic=lambda: self.steady
        )

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.steady += seconds

    def runs(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.passes(min(max(self.worker.step(), 0.01), until - self.now))

    def asks(self, kind: CommandKind, *labels: str) -> bytes:
        now = datetime.fromtimestamp(self.now, UTC)
        window = {"since": now - timedelta(days=9), "until": now}
        command = Command(
            gateway="gw-1",
            key=key_id(CLOUD_KEY.public_key()),
            id=uuid4(),
            kind=kind,
            arguments=CommandArguments.model_validate(
                {
                    "meters": [MeterId(manufacturer="LNT", serial=label) for label in labels],
                    **(window if kind is CommandKind.BACKFILL else {}),
                }
            ),
            issued_at=now,
            expires_at=now + timedelta(hours=1),
        )
        payload = sign_message(command.to_line(), CLOUD_KEY)
        self.desk.take(payload)
        return payload

    def answers(self) -> list[Result]:
        return [Result.from_line(payload) for _, payload in CommandLog(self.spool).unsent(99)]

    def times(self, *what: str, label: str = "") -> list[float]:
        return [at - START for at, kind, who in self.did if kind in what and label in ("", who)]

    def _try(self, what: str, label: str) -> None:
        self.did.append((self.now, what, label))
        if not self.adapter:
            raise BusLost("bus riser-1: lost /dev/ttyUSB0: no such device")
        if label in self.silent:
            self.passes(1.0 if what == "probe" else 6.0)
            raise BusTimeout(f"{label} does not answer")
        if label in self.refusing:
            raise PasswordRefused(f"{label} refuses the password")

    def probe(self, _bus: object, peer: object) -> bool:
        try:
            self._try("probe", str(getattr(peer, "label", "")))
        except BusTimeout:
            return False
        except PasswordRefused:
            return True
        self.passes(2.5)
        return True

    def poll(
        self,
        _sessions: object,
        meter: MeterConfig,
        _marks: object,
        now: datetime,
        *,
        windows: int,
        registers: bool,
        forced: Collection[Obis] = (),
        **_more: object,
    ) -> PollResult:
        self.forced.append(tuple(forced))
        self.stamped.append(self.now - now.timestamp())
        self._try("poll" if registers else "fill", meter.label)
        left = max(0, self.behind.get(meter.label, 0) - windows)
        self.behind[meter.label] = left
        self.passes(0.5 + 3.0 * windows)
        return PollResult(
            meter=MeterId(manufacturer="LNT", serial=meter.label),
            live=(),
            backlog=(),
            watermarks={},
            rewound=frozenset(),
            captures={},
            caught_up=not left,
            findings=(),
            unread=self.unread,
            clock_offset_s=self.offset_s,
            exchanges=1,
            bytes_sent=1,
            bytes_received=1,
            confirmed=meter.label not in self.unconfirmed,
        )


Maker = Callable[..., Play]
