# SPDX-License-Identifier: GPL-2.0-only
"""One poll of one meter: who it is, what its registers say now, what its profiles added.

In: a way to open a session, the meter's address, watermarks, the gateway's time.
Out: a `PollResult`: rows as the meter said them, and the watermarks that go with them.
Never: a stored state; a refused password tried again; a value that was not read.

All of it is read in one association, so identity and values belong together. Registers carry
the gateway's time of reading; rows of a profile carry the meter's own stamps.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from edge_agent import clock, decode
from edge_agent.decode import MeterRows, Zone
from edge_agent.errors import (
    AccessDenied,
    ConfigurationError,
    MeterError,
    ProtocolViolation,
    WrongIdentity,
)
from edge_agent.link import Answer, Known, Link, Memory, Reader, SessionFactory, Wanted
from edge_agent.model import Model, load
from edge_agent.profiles import ProfileReader, report_denied
from edge_agent.session import Traffic
from edge_agent.settings import MeterConfig
from shared_schema.catalogue import CLOCK, MANUFACTURER, SERIAL_NUMBER
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import Column

DEFAULT_WINDOWS: Final = 8
HISTORICAL_S: Final = 2 * 3600
"""A poll whose newest row is older than this is a back-fill."""
_NEAR_S, _FAR_S = 900, 18000


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll read, and how far."""

    meter: MeterId
    rows: tuple[MeterRows, ...]
    watermarks: dict[Obis, int]
    """For each profile read: everything up to this time (s since 1970, UTC) was read."""
    caught_up: bool
    """False: more history waits; poll again in line time that is left."""
    historical: bool
    """True: even the newest row is old."""
    problems: tuple[str, ...]
    clock_offset_s: float | None
    """How far the meter's clock is ahead of the gateway's; None: one of them says nothing."""
    exchanges: int
    bytes_sent: int
    bytes_received: int


def poll(
    session_factory: SessionFactory,
    meter: MeterConfig,
    watermarks: Mapping[Obis, int],
    now: datetime,
    *,
    memory: Memory | None = None,
    known: MeterId | None = None,
    windows: int = DEFAULT_WINDOWS,
    registers: bool = True,
    synchronised: bool = True,
    monotonic: Callable[[], float] = time.monotonic,
) -> PollResult:
    """Read one meter in one association.

    Args:
        session_factory: opens a session; see `link.sessions`.
        meter: where it answers.
        watermarks: for each profile, up to when everything is stored already.
        now: the gateway's time when the poll begins, aware.
        memory: what earlier polls found out; the same object each time.
        known: the meter whose watermarks these are; when another one answers, it is read
            from its beginning.
        windows: how many windows of each profile may be read.
        registers: False leaves the registers out: a back-fill between live polls.
        synchronised: whether ``now`` may be believed. If not, registers are not stamped and
            watermarks stay where they are.
        monotonic: a clock for the time that the poll itself takes.

    Returns:
        What was read, even if a later part of it failed (then ``problems`` says so).

    Raises:
        BusError: the line failed before the meter had said who it is.
        MeterError: it refused the association, or does not say who it is.
        ConfigurationError: its model or password cannot be used.
    """
    if now.tzinfo is None:
        raise ConfigurationError("a poll needs an aware time")
    model = load(meter.model, meter.models_dir)
    memory = memory if memory is not None else Memory()
    traffic = Traffic()
    begun = monotonic()

    def now_s() -> float:
        return now.timestamp() + monotonic() - begun

    with Link(session_factory, meter, model, memory, traffic) as link:
        visit = _Visit(link, model, memory, now_s, synchronised)
        visit.read_now(model.registers if registers else ())
        if known is not None and known != visit.meter:
            visit.problem(f"{visit.meter} answers where {known} was")
            watermarks = {}
        profiles = ProfileReader(
            link=link,
            model=model,
            facts=visit.facts,
            now=now_s,
            limit=visit.time_limit(),
            synchronised=synchronised,
            problems=visit.problems,
        )
        if visit.clock_is_sound:
            profiles.read(watermarks, windows)
    rows = (*visit.blocks, *profiles.blocks)
    newest = max((block.rows[-1][0] or 0 for block in rows), default=None)
    return PollResult(
        meter=visit.meter,
        rows=rows,
        watermarks=profiles.watermarks,
        caught_up=profiles.caught_up,
        historical=newest is not None and newest < now.timestamp() - HISTORICAL_S,
        problems=tuple(visit.problems),
        clock_offset_s=visit.clock_offset_s,
        exchanges=traffic.exchanges,
        bytes_sent=traffic.bytes_sent,
        bytes_received=traffic.bytes_received,
    )


@dataclass
class _Visit:
    """What is read at once: identity, clock, registers."""

    link: Link
    model: Model
    memory: Memory
    now: Callable[[], float]
    synchronised: bool
    blocks: list[MeterRows] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    clock_offset_s: float | None = None
    clock_is_sound: bool = True
    meter_ts: int | None = None
    meter: MeterId = field(init=False)
    facts: Known = field(init=False)

    def problem(self, text: str) -> None:
        """Note what a person should know."""
        self.problems.append(f"{self.link.label}: {text}")

    def read_now(self, registers: Sequence[Obis]) -> None:
        """Read who the meter is, its clock and its registers, in as few requests as it takes.

        Raises:
            WrongIdentity: it does not say who it is.
            BusError, MeterError: it cannot be read.
        """
        plate = self._plate()
        answers = self.link.read_many(
            [*plate, (CLOCK, 8, 2), *((obis, 3, 2) for obis in registers)]
        )
        read_ts = self.now()
        self.meter = self._identity(answers[: len(plate)])
        self.facts = self.memory.meters.setdefault(self.meter, Known())
        self.link.check = self._check_identity
        self._see_clock(answers[len(plate)], read_ts)
        self._keep_registers(registers, answers[len(plate) + 1 :], read_ts)

    def time_limit(self) -> float:
        """Return the time that no watermark passes: the gateway's and the meter's clock."""
        if self.meter_ts is None:
            return self.now()
        return min(self.now(), self.meter_ts) if self.synchronised else self.meter_ts

    def _plate(self) -> list[Wanted]:
        """Return what the identity is made of."""
        maker: list[Wanted] = [] if self.model.manufacturer else [(MANUFACTURER, 1, 2)]
        return [(SERIAL_NUMBER, 1, 2), *maker]

    def _identity(self, plate: Sequence[Answer]) -> MeterId:
        names: list[str | None] = []
        for answer in plate:
            if isinstance(answer, AccessDenied):
                raise WrongIdentity(f"{self.link.label} does not say who it is: {answer}")
            try:
                names.append(decode.text(answer))
            except ProtocolViolation as error:
                raise WrongIdentity(f"{self.link.label}: {error}") from None
        serial, maker, *_ = (*names, self.model.manufacturer)
        try:
            return MeterId.model_validate({"manufacturer": maker, "serial": serial})
        except ValidationError:
            raise WrongIdentity(f"{self.link.label} has no usable name plate") from None

    def _check_identity(self, reader: Reader) -> None:
        """Make sure that a new session speaks with the same meter.

        Raises:
            WrongIdentity: another one answers now.
        """
        found = self._identity([reader.get(*wanted) for wanted in self._plate()])
        if found != self.meter:
            raise WrongIdentity(f"{self.link.label}: {found} answers where {self.meter} was")

    def _see_clock(self, answer: Answer, read_ts: float) -> None:
        """Compare the meter's clock with the gateway's."""
        if isinstance(answer, AccessDenied):
            self.problems.append(str(answer))
            return
        try:
            stamp = decode.value(answer)
        except ProtocolViolation:
            stamp = None
        zone = self.model.zone
        self.meter_ts = decode.epoch_s(stamp, zone) if isinstance(stamp, bytes) else None
        if not isinstance(stamp, bytes) or self.meter_ts is None:
            self.problem("its clock shows no valid time")
        elif self.synchronised:
            self.clock_offset_s = clock.offset_s(self.meter_ts, read_ts)
            turned = decode.epoch_s(stamp, Zone(zone.offset_min, -zone.deviation_sign))
            fits = turned is not None and abs(turned - read_ts) < _NEAR_S
            if fits and abs(self.clock_offset_s) > _FAR_S:
                self.clock_is_sound = False
                self.problem(
                    f"its clock is {self.clock_offset_s:.0f} s off because its model has the "
                    f"wrong deviation_sign: profiles are not read"
                )

    def _keep_registers(
        self, registers: Sequence[Obis], answers: Sequence[Answer], read_ts: float
    ) -> None:
        """Make one row of the registers. One that failed costs only itself."""
        columns: list[Column] = []
        raws: list[int | None] = []
        for obis, answer in zip(registers, answers, strict=True):
            if isinstance(answer, AccessDenied):
                report_denied(obis, answer, self.facts, self.now(), self.problems)
                continue
            try:
                raw = decode.integer(answer)
                column = self._column(obis)
            except MeterError as error:
                self.problem(f"{obis}: {error}")
                continue
            if column is None:
                self.problem(f"{obis} has no scaler")
            elif raw is not None:
                columns.append(column)
                raws.append(raw)
        if columns and not self.synchronised:
            self.problem("registers are not kept: the gateway has no time to stamp them")
        elif columns:
            row = (int(read_ts), None, *raws)
            self.blocks.append(MeterRows(None, 0, tuple(columns), (row,)))

    def _column(self, obis: Obis) -> Column | None:
        """Return how a register is scaled, or None when nobody says."""
        if obis not in self.facts.registers:
            found = self.link.scaler_of(obis, 3, {})
            if found is None:
                return None
            self.facts.registers[obis] = Column(obis=obis, scaler=found[0], unit=found[1])
        return self.facts.registers[obis]
