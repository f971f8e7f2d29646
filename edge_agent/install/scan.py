# SPDX-License-Identifier: GPL-2.0-only
"""The search for the meters of a line: a probe at each address, at one speed after the other.

A probe is SNRM, the request to connect. Every meter answers it with UA within its turnaround, so
a silent address costs one short wait. A line loses frames: at a speed at which meters answer, the
scan tries silent addresses again until a round finds nothing new. It disconnects each meter that
it connected.

In: how to open the line at a speed, and which addresses to try. Out: a `Scan`: the meters that
answer, with their name plates, and the addresses where several answer at once.
Never: a password; a setting changed in a meter.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from edge_agent.dlms.exchange import Traffic, Transport
from edge_agent.dlms.hdlc import (
    DAMAGE,
    Drop,
    Frame,
    FrameGuard,
    check_sequence,
    client_address,
    server_address,
)
from edge_agent.errors import AddressShared, BusTimeout, MeterError, SessionLost
from edge_agent.install.addresses import HdlcAddress
from edge_agent.poll.name_plate import Plate, read_plate
from edge_agent.poll.sessions import PUBLIC_CLIENT

BAUDRATES: Final = (9600, 19200, 4800, 2400, 38400, 115200)
"""The likeliest first."""
LISTEN_S: Final = 0.3
_SNRM, _DISC, _UA, _DM = 0x93, 0x53, 0x73, 0x1F
_ANSWER_BYTES: Final = 44
_FEW_BYTES: Final = 4
"""A line that turns round may give this many bytes; more are somebody's answer."""
_GARBLED_TRIES: Final = 3

LineOpener = Callable[[int], AbstractContextManager[Transport]]


class Answer(StrEnum):
    """The answer to a probe."""

    SILENT = "silent"
    METER = "meter"
    BUSY = "refuses"
    """A meter that does not connect now: DM."""
    SEVERAL = "several"
    """Two sound answers, or bytes of several meters at once."""


@dataclass(frozen=True, slots=True)
class FoundMeter:
    """A meter that answers."""

    hdlc: HdlcAddress
    baudrate: int
    plate: Plate | None
    problem: str = ""
    """Why there is no name plate."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        plate = self.plate
        return {
            "baudrate": self.baudrate,
            "address": self.hdlc.physical or None,
            "logical_address": self.hdlc.logical,
            "address_bytes": self.hdlc.size,
            "manufacturer": plate.manufacturer if plate else None,
            "serial": plate.serial if plate else None,
            "model": plate.guess.model if plate else None,
            "model_because": plate.guess.because if plate else None,
            **({"problem": self.problem} if self.problem else {}),
        }


@dataclass(frozen=True, slots=True)
class Conflict:
    """An address where something answers that is not one meter."""

    hdlc: HdlcAddress
    baudrate: int
    heard: int
    """Bytes."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "baudrate": self.baudrate,
            "address": self.hdlc.physical or None,
            "logical_address": self.hdlc.logical,
            "address_bytes": self.hdlc.size,
            "bytes_heard": self.heard,
        }


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found."""

    meters: tuple[FoundMeter, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    probes: int = 0
    echo: bool = False
    """The adapter hears itself: nothing to worry about."""
    unasked: int = 0
    """Bytes that came before the first probe: another master, or A and B swapped."""
    baudrates: tuple[int, ...] = ()
    """The speeds that were tried."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "meters": [each.document() for each in self.meters],
            "conflicts": [each.document() for each in self.conflicts],
            "knocks": self.probes,
            "baudrates": self.baudrates,
            "echo": self.echo,
            "unasked_bytes": self.unasked,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a scan is."""

    baudrate: int
    done: int
    total: int
    found: int
    again: bool = False
    """It is a further round over silent addresses."""


def scan(
    open_line: LineOpener,
    wanted: Sequence[HdlcAddress],
    *,
    baudrates: Sequence[int] = BAUDRATES,
    wait_s: float = 0.25,
    clients: Sequence[int] = (PUBLIC_CLIENT,),
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
        every_speed: go on after a speed at which meters answer.
        enough: stop at this many meters; None looks everywhere.
        progress: called after each probe.
        monotonic: a clock, seconds.

    Raises:
        ConfigurationError: the line cannot be opened.
        BusError: the adapter vanished.
    """
    scanner = _Scanner(wait_s, clients, monotonic)
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
        silent = []
        for done, hdlc in enumerate(wanted, 1):
            if self.probe(hdlc) is Answer.SILENT:
                silent.append(hdlc)
            progress(Progress(self.baudrate, done, len(wanted), len(self.meters), again))
            if enough is not None and len(self.meters) >= enough:
                return ()
        return tuple(silent)

    def probe(self, hdlc: HdlcAddress) -> Answer:
        """Try one address and note what answers."""
        answer, heard = Answer.SILENT, 0
        for client in self.clients:
            for _ in range(_GARBLED_TRIES):  # noise is gone the next time
                answer, heard = self._probe(hdlc, client)
                if answer is not Answer.SEVERAL:
                    break
            if answer is not Answer.SILENT:
                break
        if answer is Answer.SEVERAL:
            self.conflicts.append(Conflict(hdlc, self.baudrate, heard))
        elif answer is not Answer.SILENT:
            self._note(hdlc, busy=answer is Answer.BUSY)
        return answer

    def _note(self, hdlc: HdlcAddress, *, busy: bool) -> None:
        """Keep a meter once: short and long form of an address reach the same one."""
        plate = None
        problem = "it refuses to be connected now: try again in two minutes" if busy else ""
        if not busy:
            traffic = Traffic()
            try:
                plate = read_plate(self.line, hdlc.config(f"meter at {hdlc}"), traffic)
            except (MeterError, BusTimeout, SessionLost) as error:
                # Meters of one make say the same to a probe, at once: it sounds like one. Their
                # name plates differ.
                damaged = sum(traffic.dropped[why] for why in DAMAGE)
                if damaged > 1 or isinstance(error, AddressShared):
                    self.conflicts.append(Conflict(hdlc, self.baudrate, traffic.bytes_received))
                    return
                problem = str(error)
        meter = FoundMeter(hdlc, self.baudrate, plate, problem)
        for place, other in enumerate(self.meters):
            if _is_same(other, meter):
                if other.hdlc.size == 1:
                    self.meters[place] = meter
                return
        self.meters.append(meter)

    def _probe(self, hdlc: HdlcAddress, as_whom: int) -> tuple[Answer, int]:
        """Send SNRM and listen until the wait is over: a second answer is a conflict."""
        self.probes += 1
        client, server = client_address(as_whom), _server(hdlc)
        guard = FrameGuard(client, server)
        request = _frame(server, client, _SNRM)
        self.line.discard()
        self.line.send(request)
        heard = 0
        answers: list[Frame] = []
        for data in self._heard(self.wait_s + self.line.line_time_s(len(request) + _ANSWER_BYTES)):
            heard += len(data)
            answers += guard.feed(data)
        guard.clear()
        if guard.dropped[Drop.ECHO]:
            self.echo = True
            heard -= len(request)
        answers = [frame for frame in answers if frame.control in {_UA, _DM}]
        if any(frame.control == _UA for frame in answers):
            self.line.send(_frame(server, client, _DISC))
            for _ in self._heard(self.wait_s):
                pass
        if len(answers) == 1:
            return (Answer.METER if answers[0].control == _UA else Answer.BUSY), heard
        if len(answers) > 1 or heard > _FEW_BYTES:
            return Answer.SEVERAL, heard
        return Answer.SILENT, heard

    def _heard(self, wait_s: float) -> Iterator[bytes]:
        deadline = self.monotonic() + wait_s
        while (left := deadline - self.monotonic()) > 0:
            data = self.line.receive(left)
            if data:
                yield data


def _is_same(one: FoundMeter, other: FoundMeter) -> bool:
    if one.plate is None or other.plate is None or one.plate.serial is None:
        return False
    return one.baudrate == other.baudrate and one.plate.entries == other.plate.entries


def _server(hdlc: HdlcAddress) -> bytes:
    return server_address(hdlc.logical, hdlc.physical, size=hdlc.size)


def _frame(server: bytes, client: bytes, control: int) -> bytes:
    """Write a frame without information."""
    body = bytes((0xA0, 5 + len(server) + len(client))) + server + client + bytes((control,))
    return b"\x7e" + body + check_sequence(body) + b"\x7e"
