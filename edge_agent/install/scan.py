# SPDX-License-Identifier: GPL-2.0-only
"""The search for the meters of a line: a probe at each address, at one speed after the other.

A probe is SNRM, the request to connect. Every meter answers it with UA within its turnaround, so
a silent address costs one short wait. A line loses frames: at a speed at which meters answer, the
scan tries silent addresses again until a round finds nothing new. It disconnects each meter that
it connected.

A slow meter answers while another address is asked, or after the last one. Its frame names it, so
the scan asks it again with as much time as it took, and never counts its bytes at the other one.

In: how to open the line at a speed, and which addresses to try. Out: a `Scan`: the meters that
answer, with their name plates, and the addresses where several answer at once.
Never: a password; a setting changed in a meter.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from edge_agent.dlms.exchange import LONGEST_GAP_S, Traffic, Transport
from edge_agent.dlms.hdlc import (
    DAMAGE,
    FLAG,
    Drop,
    FrameGuard,
    bare_frame,
    client_address,
)
from edge_agent.dlms.security import PUBLIC_CLIENT
from edge_agent.errors import AddressShared, BusTimeout, MeterError, SessionLost
from edge_agent.install.addresses import HdlcAddress
from edge_agent.install.late_answers import (
    SLOWEST_S,
    Asked,
    LateAnswers,
    answers_snrm,
    is_ua,
)
from edge_agent.install.scan_result import Conflict, FoundMeter, Progress, Scan
from edge_agent.poll.name_plate import Plate, read_plate

BAUDRATES: Final = (9600, 19200, 4800, 2400, 38400, 115200)
"""The likeliest first."""
LISTEN_S: Final = 0.3
_SNRM, _DISC = 0x93, 0x53
_ANSWER_BYTES: Final = 44
_FEW_BYTES: Final = 4
"""A line that turns round may give this many bytes; more are somebody's answer."""
_GARBLED_TRIES: Final = 3
_LONGEST_WAIT_S: Final = 0.5

LineOpener = Callable[[int], AbstractContextManager[Transport]]


class Answer(StrEnum):
    """The answer to a probe."""

    SILENT = "silent"
    METER = "meter"
    BUSY = "refuses"
    """A meter that does not connect now: DM."""
    SEVERAL = "several"
    """Two sound answers, or bytes of several meters at once."""


class _Heard(NamedTuple):
    """What came after a probe."""

    answer: Answer
    size: int = 0
    """Bytes."""
    client: int = PUBLIC_CLIENT
    """As whom a meter was asked that answers."""


def scan(
    open_line: LineOpener,
    wanted: Sequence[HdlcAddress],
    *,
    baudrates: Sequence[int] = BAUDRATES,
    wait_s: float = 0.25,
    clients: Sequence[int] = (PUBLIC_CLIENT,),
    models_dir: Path | None = None,
    every_speed: bool = False,
    enough: int | None = None,
    progress: Callable[[Progress], None] = lambda _progress: None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Scan:
    """Look for meters. A line has one speed: the first at which one answers is the last tried.

    Args:
        open_line: opens the line at a speed.
        wanted: where to probe; see `hdlc_addresses`.
        baudrates: in the order in which they are tried.
        wait_s: how long a meter may think before it answers, seconds.
        clients: as whom to probe, one after the other while it is silent: some meters do not
            know the public client.
        models_dir: where models are that may know how a serial number is written.
        every_speed: go on after a speed at which meters answer.
        enough: stop at this many meters; None looks everywhere.
        progress: called after each probe.
        monotonic: a clock, seconds.

    Raises:
        ConfigurationError: the line cannot be opened.
        BusError: the adapter vanished.
    """
    scanner = _Scanner(wait_s, clients, models_dir, monotonic)
    for baudrate in baudrates:
        with open_line(baudrate) as line:
            scanner.try_speed(line, baudrate, wanted, progress, enough)
        if scanner.meters and not every_speed:
            break
    return scanner.result()


@dataclass(slots=True)
class _Scanner:
    """A scan under way, and what it found so far."""

    wait_s: float
    clients: Sequence[int]
    models_dir: Path | None
    monotonic: Callable[[], float]
    line: Transport = field(init=False)
    """The line at the speed of the moment."""
    baudrate: int = 0
    meters: list[FoundMeter] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    baudrates: list[int] = field(default_factory=list)
    probes: int = 0
    echo: bool = False
    unasked: int = 0
    late: LateAnswers = field(default_factory=LateAnswers)

    def result(self) -> Scan:
        """Return what was found.

        The one-byte address names no meter: on a line with several, all of them answer there.
        """
        several = any(meter.hdlc.size > 1 for meter in self.meters)
        return Scan(
            meters=tuple(self.meters),
            conflicts=tuple(each for each in self.conflicts if each.hdlc.size > 1 or not several),
            probes=self.probes,
            echo=self.echo,
            unasked=self.unasked,
            baudrates=tuple(self.baudrates),
        )

    def try_speed(
        self,
        line: Transport,
        baudrate: int,
        wanted: Sequence[HdlcAddress],
        progress: Callable[[Progress], None],
        enough: int | None,
    ) -> None:
        """Try addresses at one speed; where any answers, try the silent ones again."""
        self.line, self.baudrate = line, baudrate
        self.late.forget()
        self.baudrates.append(baudrate)
        self.unasked += sum(len(data) for data in self._heard(LISTEN_S))
        left, again = tuple(wanted), False
        while left:
            before = self._heard_of
            left = self._round(left, progress, enough, again=again)
            if not self.meters or self._heard_of == before:
                break
            again = True

    @property
    def _heard_of(self) -> int:
        """At how many addresses something answers."""
        return len(self.meters) + len(self.conflicts)

    def _round(
        self,
        wanted: Sequence[HdlcAddress],
        progress: Callable[[Progress], None],
        enough: int | None,
        *,
        again: bool,
    ) -> tuple[HdlcAddress, ...]:
        """Try addresses one after the other; return those that are silent, to be tried again.

        Once enough meters are found, it returns none.
        """
        silent: dict[HdlcAddress, None] = {}
        for done, hdlc in enumerate(wanted, 1):
            if self.probe(hdlc) is Answer.SILENT:
                silent[hdlc] = None
            if done == len(wanted):
                self._hear_out()
            for slow in self._ask_late():
                silent.pop(slow, None)
            progress(Progress(self.baudrate, done, len(wanted), len(self.meters), again))
            if enough is not None and len(self.meters) >= enough:
                return ()
        return tuple(silent)

    def _ask_late(self) -> list[HdlcAddress]:
        """Ask the meters that answered late again, each with the time it needs.

        Returns:
            Those that answer now.
        """
        found = []
        known = {one.hdlc for one in self.meters} | {one.hdlc for one in self.conflicts}
        for each in self.late.take():
            if each.hdlc in known:
                continue
            heard = self._ask(each.hdlc, (each.client,), each.took_s + self.wait_s)
            self._keep(each.hdlc, heard)
            if heard.answer is not Answer.SILENT:
                found.append(each.hdlc)
        return found

    def _hear_out(self) -> None:
        """Give the probes without an answer the time that a slow meter takes."""
        left = self.late.left_s(self.monotonic())
        self.late.sort_out(b"".join(self._heard(left)), self.monotonic())

    def probe(self, hdlc: HdlcAddress) -> Answer:
        """Try one address and note what answers."""
        heard = self._ask(hdlc, self.clients, self.wait_s)
        self._keep(hdlc, heard)
        return heard.answer

    def _ask(self, hdlc: HdlcAddress, clients: Sequence[int], wait_s: float) -> _Heard:
        """Probe one address as each client until one is answered."""
        heard = _Heard(Answer.SILENT)
        for client in clients:
            for _ in range(_GARBLED_TRIES):  # noise is gone the next time
                heard = self._probe(hdlc, client, wait_s)
                if heard.answer is not Answer.SEVERAL:
                    break
            if heard.answer is not Answer.SILENT:
                break
        return heard

    def _keep(self, hdlc: HdlcAddress, heard: _Heard) -> None:
        """Note the answer of an address."""
        if heard.answer is Answer.SEVERAL:
            self.conflicts.append(Conflict(hdlc, self.baudrate, heard.size))
        elif heard.answer is not Answer.SILENT:
            self._note(hdlc, heard.client, busy=heard.answer is Answer.BUSY)

    def _note(self, hdlc: HdlcAddress, client: int, *, busy: bool) -> None:
        """Keep a meter once: short and long form of an address reach the same one."""
        plate = None
        problem = "it refuses to be connected now: try again in two minutes" if busy else ""
        if client != PUBLIC_CLIENT:
            problem = problem or f"it answers client {client} and not the public one"
        elif not busy:
            plate, problem, conflict = self._plate(hdlc)
            if conflict is not None and self.late.waits:  # a slow meter may have spoken meanwhile
                self.line.discard(SLOWEST_S)
                self.late.forget()
                plate, problem, conflict = self._plate(hdlc)
            if conflict is not None:
                self.conflicts.append(conflict)
                return
        meter = FoundMeter(hdlc, self.baudrate, plate, problem, client)
        for place, other in enumerate(self.meters):
            if _is_same(other, meter):
                if other.hdlc.size == 1:
                    self.meters[place] = meter
                return
        self.meters.append(meter)

    def _plate(self, hdlc: HdlcAddress) -> tuple[Plate | None, str, Conflict | None]:
        """Read the name plate; else say why there is none, or that several meters answer."""
        traffic = Traffic()
        try:
            meter = hdlc.config(f"meter at {hdlc}", self.models_dir)
            return read_plate(self.line, meter, traffic), "", None
        except (MeterError, BusTimeout, SessionLost) as error:
            # Meters of one make say the same to a probe, at once: it sounds like one. Their
            # name plates differ.
            damaged = sum(traffic.dropped[why] for why in DAMAGE)
            if damaged > 1 or isinstance(error, AddressShared):
                return None, "", Conflict(hdlc, self.baudrate, traffic.bytes_received)
            return None, str(error), None

    def _probe(self, hdlc: HdlcAddress, as_whom: int, wait_s: float) -> _Heard:
        """Send SNRM and listen until the wait is over: a second answer is a conflict."""
        self.probes += 1
        client, server = client_address(as_whom), hdlc.server
        guard = FrameGuard(client, server)
        request = bare_frame(server + client, _SNRM)
        self.line.discard()
        self.late.drop(hdlc, as_whom)
        asked_at = self.monotonic()
        self.line.send(request)
        said = self._said(wait_s + self.line.line_time_s(len(request) + _ANSWER_BYTES))
        frames = guard.feed(said)
        if not frames and guard.has_begun:
            rest = b"".join(self._heard(LONGEST_GAP_S))
            said, frames = said + rest, guard.feed(rest)
        answers = [frame for frame in frames if answers_snrm(frame)]
        guard.clear()
        heard = len(said) - self.late.sort_out(said, self.monotonic())
        if guard.dropped[Drop.ECHO]:
            self.echo = True
            heard -= len(request)
        if any(is_ua(frame) for frame in answers):
            self.line.send(bare_frame(server + client, _DISC))
            self.late.sort_out(self._said(wait_s), self.monotonic())
        if len(answers) == 1:
            is_meter = is_ua(answers[0])
            return _Heard(Answer.METER if is_meter else Answer.BUSY, heard, as_whom)
        if len(answers) > 1 or heard > _FEW_BYTES:
            return _Heard(Answer.SEVERAL, heard)
        self.late.wait_for(Asked(hdlc, as_whom, asked_at))
        return _Heard(Answer.SILENT, heard)

    def _said(self, wait_s: float) -> bytes:
        """Return what the line says until the wait is over; a frame under way may end."""
        said = b"".join(self._heard(wait_s))
        if said and said[-1] != FLAG:
            said += b"".join(self._heard(self.line.line_time_s(_ANSWER_BYTES)))
        return said

    def _heard(self, wait_s: float) -> Iterator[bytes]:
        deadline = self.monotonic() + wait_s
        while (left := deadline - self.monotonic()) > 0:
            data = self.line.receive(min(left, _LONGEST_WAIT_S))
            if data:
                yield data


def _is_same(one: FoundMeter, other: FoundMeter) -> bool:
    if PUBLIC_CLIENT not in {one.client, other.client}:  # no name plate tells them apart
        return one.baudrate == other.baudrate and 1 in {one.hdlc.size, other.hdlc.size}
    if one.plate is None or not (one.plate.serial or one.plate.odd.came):
        return False
    return one.baudrate == other.baudrate and one.plate == other.plate
