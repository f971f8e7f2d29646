# SPDX-License-Identifier: GPL-2.0-only
"""Finding the meters of a line: knock at addresses, at one speed after the other.

In: how to open the line at a speed, and which addresses to try. Out: a `Scan`: the meters that
answer, with their name plates, and the addresses where several answer at once.
Never: a password; a setting changed in a meter. A meter that was connected is disconnected.

A knock is SNRM, the request to connect, which every meter answers with UA within its
turnaround; so a silent address costs one short wait. A line loses frames: at a speed at which
meters answer, silent addresses are tried again until a round finds nothing new.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

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
from edge_agent.errors import AddressShared, BusTimeout, ConfigurationError, MeterError, SessionLost
from edge_agent.poll.name_plate import Plate, read_plate
from edge_agent.poll.sessions import PUBLIC_CLIENT
from edge_agent.settings import MeterConfig

BAUDRATES: Final = (9600, 19200, 4800, 2400, 38400, 115200)
"""The likeliest first."""
DEFAULT_ADDRESSES: Final = "1-127"
DEFAULT_LONG: Final = "16,32,256,1000"
"""Addresses that are tried in the four-byte form besides: factory settings of some makers."""
LISTEN_S: Final = 0.3
_SNRM, _DISC, _UA, _DM = 0x93, 0x53, 0x73, 0x1F
_ANSWER_BYTES: Final = 44
_FEW_BYTES: Final = 4
"""So many bytes may come from a line that turns round; more are somebody's answer."""
_GARBLED_TRIES: Final = 3
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)

LineOpener = Callable[[int], AbstractContextManager[Transport]]


@dataclass(frozen=True, slots=True)
class Door:
    """One HDLC address, in the form in which it is written on the line."""

    logical: int
    physical: int
    size: int
    """Bytes: 1 has no physical part, 2 holds parts up to 127, 4 up to 16381."""

    def __str__(self) -> str:
        place = f"{self.logical}" if self.size == 1 else f"{self.logical}/{self.physical}"
        return f"{place} ({self.size} byte{'s' if self.size > 1 else ''})"

    def config(self, label: str) -> MeterConfig:
        """Return how a session reaches it."""
        return MeterConfig(
            label=label,
            address=max(1, self.physical),
            logical_address=self.logical,
            address_bytes=self.form,
            client=PUBLIC_CLIENT,
        )

    @property
    def form(self) -> Literal[1, 4] | None:
        """What ``address_bytes`` must be set to; None: the address alone tells."""
        if self.size == 1:
            return 1
        return 4 if self.size == 4 and max(self.logical, self.physical) < 128 else None


class Knock(StrEnum):
    """What came of a knock."""

    SILENT = "silent"
    METER = "meter"
    BUSY = "refuses"
    """A meter that does not connect now: DM."""
    SEVERAL = "several"
    """Two sound answers, or bytes of several meters at once."""


@dataclass(frozen=True, slots=True)
class FoundMeter:
    """A meter that answers."""

    door: Door
    baudrate: int
    plate: Plate | None
    problem: str = ""
    """Why there is no name plate."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        plate = self.plate
        return {
            "baudrate": self.baudrate,
            "address": self.door.physical or None,
            "logical_address": self.door.logical,
            "address_bytes": self.door.size,
            "manufacturer": plate.manufacturer if plate else None,
            "serial": plate.serial if plate else None,
            "model": plate.guess.model if plate else None,
            "model_because": plate.guess.because if plate else None,
            **({"problem": self.problem} if self.problem else {}),
        }


@dataclass(frozen=True, slots=True)
class Conflict:
    """An address where something answers that is not one meter."""

    door: Door
    baudrate: int
    heard: int
    """Bytes."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "baudrate": self.baudrate,
            "address": self.door.physical or None,
            "logical_address": self.door.logical,
            "address_bytes": self.door.size,
            "bytes_heard": self.heard,
        }


@dataclass(slots=True)
class Scan:
    """What a scan found."""

    meters: list[FoundMeter] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    knocks: int = 0
    echo: bool = False
    """The adapter hears itself: nothing to worry about."""
    unasked: int = 0
    """Bytes that came before anybody was asked: another master, or A and B swapped."""
    baudrates: list[int] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "meters": [each.document() for each in self.meters],
            "conflicts": [each.document() for each in self.conflicts],
            "knocks": self.knocks,
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
    """Addresses that were silent are tried once more."""


def parse_addresses(text: str) -> tuple[int, ...]:
    """Read addresses such as ``1-127,200``.

    Raises:
        ConfigurationError: it is something else.
    """
    found: list[int] = []
    for part in filter(None, text.replace(" ", "").split(",")):
        match = _RANGE.fullmatch(part)
        first, last = (0, 0) if match is None else (int(match[1]), int(match[2] or match[1]))
        if not 1 <= first <= last <= 0x3FFD:
            raise ConfigurationError(
                f"{part!r} is no address: give numbers from 1 to 16381 and ranges, as in 1-127,200"
            )
        found += range(first, last + 1)
    return tuple(dict.fromkeys(found))


def doors(
    addresses: Iterable[int], *, logical: Sequence[int] = (1,), long: Iterable[int] = ()
) -> tuple[Door, ...]:
    """Return what to knock at: the short address first, it finds a meter that is alone.

    Args:
        addresses: physical addresses; above 127 they are written in four bytes.
        logical: upper addresses, 1 for the meter itself.
        long: addresses that are tried in four bytes, whatever their size.
    """
    found = [Door(upper, 0, 1) for upper in logical if upper < 128]
    for upper in logical:
        found += [Door(upper, lower, 2 if max(upper, lower) < 128 else 4) for lower in addresses]
        found += [Door(upper, lower, 4) for lower in long]
    return tuple(dict.fromkeys(found))


def scan(
    open_line: LineOpener,
    wanted: Sequence[Door],
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
        wanted: where to knock; see `doors`.
        baudrates: in the order in which they are tried.
        wait_s: how long a meter may think before it answers.
        clients: as whom to knock, one after the other while it is silent: some meters do not
            know the public client.
        every_speed: go on after a speed at which meters answer.
        enough: stop when so many are found; None looks everywhere.
        progress: called after each knock.
        monotonic: a clock, seconds.

    Raises:
        ConfigurationError: the line cannot be opened.
        BusError: the adapter vanished.
    """
    found = Scan()
    for baudrate in baudrates:
        found.baudrates.append(baudrate)
        with open_line(baudrate) as line:
            scanner = _Scanner(line, baudrate, wait_s, clients, monotonic, found)
            scanner.listen()
            left = tuple(wanted)
            while left:
                before = scanner.heard_of
                left = scanner.round(left, progress, enough)
                if not found.meters or scanner.heard_of == before:
                    break
        if found.meters and not every_speed:
            break
    if any(meter.door.size > 1 for meter in found.meters):
        # The one-byte address names no meter: on a line with several, all of them answer.
        found.conflicts = [each for each in found.conflicts if each.door.size > 1]
    return found


@dataclass(slots=True)
class _Scanner:
    line: Transport
    baudrate: int
    wait_s: float
    clients: Sequence[int]
    monotonic: Callable[[], float]
    found: Scan
    again: bool = False

    def listen(self) -> None:
        """Count what comes before anybody is asked."""
        self.found.unasked += sum(len(data) for data in self._heard(LISTEN_S))

    @property
    def heard_of(self) -> int:
        """At how many addresses something answers."""
        return len(self.found.meters) + len(self.found.conflicts)

    def round(
        self, wanted: Sequence[Door], progress: Callable[[Progress], None], enough: int | None
    ) -> tuple[Door, ...]:
        """Try addresses one after the other; return those that are silent, to be tried again.

        Where so many meters as are enough were found, nothing is to be tried again.
        """
        silent = []
        for done, door in enumerate(wanted, 1):
            if self.knock(door) is Knock.SILENT:
                silent.append(door)
            progress(Progress(self.baudrate, done, len(wanted), len(self.found.meters), self.again))
            if enough is not None and len(self.found.meters) >= enough:
                return ()
        self.again = True
        return tuple(silent)

    def knock(self, door: Door) -> Knock:
        """Try one address and note what answers."""
        answer, heard = Knock.SILENT, 0
        for client in self.clients:
            for _ in range(_GARBLED_TRIES):  # noise is not there the next time
                answer, heard = self._knock(door, client)
                if answer is not Knock.SEVERAL:
                    break
            if answer is not Knock.SILENT:
                break
        if answer is Knock.SEVERAL:
            self.found.conflicts.append(Conflict(door, self.baudrate, heard))
        elif answer is not Knock.SILENT:
            self._note(door, busy=answer is Knock.BUSY)
        return answer

    def _note(self, door: Door, *, busy: bool) -> None:
        """Keep a meter once: short and long form of an address reach the same one."""
        plate = None
        problem = "it refuses to be connected now: try again in two minutes" if busy else ""
        if not busy:
            traffic = Traffic()
            try:
                plate = read_plate(self.line, door.config(f"meter at {door}"), traffic)
            except (MeterError, BusTimeout, SessionLost) as error:
                # Meters of one make say the same to a knock, at once: it sounds like one. Their
                # name plates differ.
                damaged = sum(traffic.dropped[why] for why in DAMAGE)
                if damaged > 1 or isinstance(error, AddressShared):
                    self.found.conflicts.append(
                        Conflict(door, self.baudrate, traffic.bytes_received)
                    )
                    return
                problem = str(error)
        meter = FoundMeter(door, self.baudrate, plate, problem)
        for place, other in enumerate(self.found.meters):
            if _is_same(other, meter):
                if other.door.size == 1:
                    self.found.meters[place] = meter
                return
        self.found.meters.append(meter)

    def _knock(self, door: Door, as_whom: int) -> tuple[Knock, int]:
        """Send SNRM and listen until the wait is over: a second answer is a conflict."""
        self.found.knocks += 1
        client, server = client_address(as_whom), _server(door)
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
            self.found.echo = True
            heard -= len(request)
        answers = [frame for frame in answers if frame.control in {_UA, _DM}]
        if any(frame.control == _UA for frame in answers):
            self.line.send(_frame(server, client, _DISC))
            for _ in self._heard(self.wait_s):
                pass
        if len(answers) == 1:
            return (Knock.METER if answers[0].control == _UA else Knock.BUSY), heard
        if len(answers) > 1 or heard > _FEW_BYTES:
            return Knock.SEVERAL, heard
        return Knock.SILENT, heard

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


def _server(door: Door) -> bytes:
    return server_address(door.logical, door.physical, size=door.size)


def _frame(server: bytes, client: bytes, control: int) -> bytes:
    """Write a frame without information."""
    body = bytes((0xA0, 5 + len(server) + len(client))) + server + client + bytes((control,))
    return b"\x7e" + body + check_sequence(body) + b"\x7e"
