# SPDX-License-Identifier: GPL-2.0-only
"""The link to one meter during a poll: a session, and a second one when the first fails.

In: how to open a session; then what to read. Out: attributes, each as bytes or as the meter's
refusal. Owns: the session of the moment, the serial number that answers, and which meters do
not answer lists.
Never: what the bytes mean; a third session, or one to another meter.

Two meters may have been given one address, and which of them is heard may change with every
exchange. So the serial number is read before anything else, rides in every list, is read
again in a second session, and by `confirm` after whatever came without it. An answer of one
frame with the serial number in it is one meter's; one of several frames is `unsure` until the
serial number was seen again. An address is looked at closely at its first poll, when the meter
is another one than before, when a row is no longer what it was, and for a day after two meters
were heard there.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol, Self, TypeVar

from edge_agent.dlms import axdr
from edge_agent.dlms.association import CipheredSession
from edge_agent.dlms.axdr import Scale
from edge_agent.dlms.invocation_counter import Counters, by_hand
from edge_agent.dlms.security import LONGEST_PASSWORD, Ciphering, Mode, client_title
from edge_agent.dlms.session import Peer, Session, Traffic, Transport
from edge_agent.errors import (
    AccessDenied,
    AddressShared,
    AgentError,
    BusTimeout,
    ConfigurationError,
    ProtocolViolation,
    SessionLost,
    WrongIdentity,
)
from edge_agent.meters.credentials import hls_of, keys_of, mode_of
from edge_agent.meters.model import Model
from edge_agent.poll.memory import Memory
from edge_agent.settings import MeterConfig
from shared_schema.catalogue import SERIAL_NUMBER, Unit
from shared_schema.obis import Obis

Wanted = tuple[Obis, int, int]
"""A code, its class, the attribute."""
Answer = bytes | AccessDenied
PUBLIC_CLIENT: Final = 16
READER_CLIENT: Final = 32
SERIAL: Final[Wanted] = (SERIAL_NUMBER, 1, 2)
HAS_NONE: Final = frozenset((3, 4, 9, 11))
"""Data-access-results that mean that there is no such thing: denied, undefined, of another
class, unavailable. Any other, such as a temporary failure, says nothing of the meter."""
_LIST_LENGTH: Final = 10
_CLOSE_LOOKS: Final = 12
_FAILED_LISTS: Final = 2
"""Lists without a sound answer in a row, before lists are taken to be what a meter cannot."""
_T = TypeVar("_T")


class Reader(Protocol):
    """An open association; `session.Session` is one."""

    @property
    def takes_lists(self) -> bool:
        """Whether several attributes may be asked for at once."""
        ...

    def get(self, obis: Obis, class_id: int, attribute: int) -> bytes:
        """Return the A-XDR bytes of one attribute."""
        ...

    def get_list(self, wanted: list[Wanted], selector: bytes = b"") -> list[Answer]:
        """Return several attributes by one request; the selector is for the last of them."""
        ...

    def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
        """Return the rows of a range."""
        ...

    def get_entries(self, profile: Obis, first: int, last: int) -> bytes:
        """Return rows by their place."""
        ...


class Timed(NamedTuple):
    """An answer, and the gateway's time before and after it (seconds since 1970)."""

    answer: Answer
    begun: float
    ended: float


class Range(NamedTuple):
    """Rows of a profile by their time, both ends included: 12 bytes each."""

    profile: Obis
    start: bytes
    end: bytes


SessionFactory = Callable[[MeterConfig, Model, Traffic], AbstractContextManager[Reader]]


def peer(meter: MeterConfig, model: Model, title: bytes | None = None) -> Peer:
    """Join where a meter answers with how its model is spoken to.

    Args:
        meter: where it answers.
        model: its kind.
        title: the client's system title, where the settings name none.

    Raises:
        ConfigurationError: a password or key is missing, or its file cannot be used; or the
            model has no data port.
    """
    if not model.data_port:
        raise ConfigurationError(
            f"{meter.label}: a meter of model {meter.model} has no data port: it is a self-read "
            f"unit. Leave it out here, import it with legacy = yes (cloud-ingest units import), "
            f"and enter what its dial shows (cloud-ingest self-read)"
        )
    client = meter.client or model.client
    mode = mode_of(meter, client)
    hls = hls_of(meter, mode)
    password = meter.password() if mode.has_password and hls is None else None
    ciphering = None
    if mode.ciphered and (keys := keys_of(meter)) is not None:
        if password is not None and len(password) > LONGEST_PASSWORD:
            raise ConfigurationError(
                f"{meter.label}: with {mode} a password has at most {LONGEST_PASSWORD} characters"
            )
        named = None if meter.system_title is None else bytes.fromhex(meter.system_title)
        title = named or title or client_title(meter.label)
        ciphering = Ciphering(keys, title, gmac=mode is Mode.HLS_GMAC)
    return Peer(
        label=meter.label,
        physical=meter.address,
        logical=meter.logical_address,
        client=client,
        password=password,
        max_info=model.max_info_length,
        address_bytes=model.address_bytes if meter.address_bytes is None else meter.address_bytes,
        ciphering=ciphering,
        hls=hls,
        release=model.release,
        inter_frame_s=model.inter_frame_s,
    )


def sessions(
    transport: Transport,
    counters: Counters | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Callable[[MeterConfig, Model, Traffic], AbstractContextManager[Session]]:
    """Return what opens sessions over one bus.

    Args:
        transport: the bus.
        counters: the invocation counters of its meters; None: of one visit by hand.
        sleep: waits so many seconds, between a public and a ciphered association.
    """
    kept = counters or by_hand("hand")

    def open_session(
        meter: MeterConfig, model: Model, traffic: Traffic
    ) -> AbstractContextManager[Session]:
        client = meter.client or model.client
        if not mode_of(meter, client).ciphered:
            return Session(transport, peer(meter, model), traffic)
        counter = kept.of(meter.logical_address, meter.address, client)
        return CipheredSession(
            transport,
            peer(meter, model, counter.title),
            traffic,
            counter,
            pause_s=model.public_pause_s,
            sleep=sleep,
        )

    return open_session


def asking(obis: Obis, class_id: int, attribute: int) -> Callable[[Reader], bytes]:
    """Return what asks a session for one attribute."""
    return lambda reader: reader.get(obis, class_id, attribute)


class Link:
    """A session that is replaced once, by a new one with the same meter, when it fails."""

    def __init__(
        self,
        factory: SessionFactory,
        meter: MeterConfig,
        model: Model,
        memory: Memory,
        traffic: Traffic,
    ) -> None:
        """Open the first session.

        Raises:
            BusError, MeterError, ConfigurationError: there is no association.
        """
        self.label = meter.label
        self.serial: bytes | None = None
        """The serial number that answers, as sent; None before it was read."""
        self.unsure = False
        """Something was read since the serial number was last seen."""
        self.replaced = False
        self.ahead: bytes | None = None
        """The rows that came with what `read_many` read."""
        self._open: Callable[[], AbstractContextManager[Reader]] = lambda: factory(
            meter, model, traffic
        )
        self._memory = memory
        self._traffic = traffic
        self._tries_lists = model.lists
        self._stated = model.stated
        self._manager: AbstractContextManager[Reader] | None = None
        self._failed: AgentError | None = None
        self._reader = self._enter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._leave()

    def _enter(self) -> Reader:
        manager = self._open()
        reader = manager.__enter__()
        self._manager = manager
        return reader

    def _leave(self) -> None:
        manager, self._manager = self._manager, None
        if manager is not None:
            manager.__exit__(None, None, None)

    def _replace(self, error: AgentError) -> None:
        """Open the second session; without one, or with another meter, the link is over."""
        if self.replaced:
            raise error
        self.replaced = True
        try:
            self._leave()
            self._reader = self._enter()
            if self.serial is not None:
                self._see(self._reader.get(*SERIAL))
        except ProtocolViolation as failure:  # of the association, not of what is asked next
            self._failed = SessionLost(str(failure))
            raise self._failed from None
        except AgentError as failure:
            self._failed = failure
            raise

    def _see(self, answer: Answer) -> None:
        """Take the serial number, or compare it with the one that this link began with.

        Raises:
            WrongIdentity: the meter does not tell it.
            AddressShared: it is another meter's.
        """
        if isinstance(answer, AccessDenied):
            raise WrongIdentity(f"{self.label} does not say who it is: {answer}")
        if self.serial is not None and answer != self.serial:
            raise AddressShared(
                f"{self.label}: {_name(answer)} answers where {_name(self.serial)} was: "
                f"nothing of this poll is kept; see that each meter has an address of its own"
            )
        self.serial = answer
        self.unsure = False

    def confirm(self) -> None:
        """See that the meter is still the same, if anything was read without its serial number.

        Raises:
            AddressShared: another one answers.
            BusError, MeterError: there is no answer.
        """
        if self.unsure or self.serial is None:
            self.look()

    def look(self) -> None:
        """Read the serial number.

        Raises:
            AddressShared: another meter answers.
            BusError, MeterError: there is no answer, or it tells none.
        """
        self._see(self.read_one(SERIAL))

    def look_closely(self) -> None:
        """Read the serial number so often that two meters by turns cannot give one.

        Raises:
            AddressShared: another meter answers.
            BusError, MeterError: there is no answer, or it tells none.
        """
        for _ in range(_CLOSE_LOOKS):
            self.look()

    def read(self, ask: Callable[[Reader], _T]) -> _T:
        """Ask the meter; after a silence or nonsense once more, in a new session.

        Raises:
            AddressShared: the new session is with another meter.
            BusError, MeterError: it did not help, or it is no such error.
        """
        if self._failed is not None:
            raise self._failed
        self.unsure = True
        try:
            return ask(self._reader)
        except (BusTimeout, SessionLost, ProtocolViolation) as error:
            self._replace(error)
            self.unsure = True
            return ask(self._reader)

    def read_one(self, wanted: Wanted) -> Answer:
        """Read one attribute; a refusal is an answer.

        Raises:
            BusError, MeterError: there is no answer.
        """
        try:
            return self.read(asking(*wanted))
        except AccessDenied as error:
            return error

    def read_many(
        self, wanted: Sequence[Wanted], now: Callable[[], float], ahead: Range | None = None
    ) -> list[Timed]:
        """Read attributes: by lists where the meter takes them, else one by one.

        The serial number is in each list; one by one, it is read first.

        Args:
            wanted: what to read.
            now: the gateway's time, seconds since 1970.
            ahead: rows that a list may bring as well; see the attribute `ahead`.

        Raises:
            WrongIdentity: the meter does not tell its serial number, or another one answers.
            BusError, MeterError: there is no answer.
        """
        if self.label not in self._memory.no_lists:
            answers: list[Timed] = []
            step = _LIST_LENGTH - 1
            for first in range(0, len(wanted), step):
                begun = now()
                part = wanted[first : first + step]
                found = None
                if ahead is not None and len(part) < step:
                    found = self._list_with(part, ahead)
                if found is None:
                    found = self._list(part, self._memory.no_lists)
                if found is None:
                    break
                ended = now()
                answers.extend(Timed(answer, begun, ended) for answer in found)
            else:
                return answers
        self.confirm()
        return [Timed(begun=now(), answer=self.read_one(one), ended=now()) for one in wanted]

    def _list_with(self, wanted: Sequence[Wanted], ahead: Range) -> list[Answer] | None:
        """Read a list, and keep the rows that are its last answer.

        Raises:
            WrongIdentity, BusError, MeterError: as `_list`.
        """
        refusing = self._memory.no_range_lists
        if self.label in refusing | self._memory.no_ahead:
            return None
        selector = axdr.range_selector(ahead.start, ahead.end)
        found = self._list([*wanted, (ahead.profile, 7, 2)], refusing, selector)
        if found is None:
            return None
        rows = found.pop()
        self.ahead = rows if isinstance(rows, bytes) else None
        if self.unsure or self.ahead is None:
            self._memory.no_ahead.add(self.label)
        return found

    def read_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
        """Read the rows of a range, with the serial number in the same answer where possible.

        Args:
            profile: a profile generic (class 7).
            start: the 12 bytes of a date-time.
            end: the same; both ends are included.

        Raises:
            AccessDenied: the meter refuses it.
            BusError, MeterError: there is no answer.
        """
        refusing = self._memory.no_range_lists
        found = None
        if self.label not in refusing:
            found = self._list([(profile, 7, 2)], refusing, axdr.range_selector(start, end))
            if found is not None and isinstance(found[0], bytes):
                return found[0]
        data = self.read(lambda reader: reader.get_range(profile, start, end))
        if found is not None:  # the list was refused what a plain request is given
            refusing.add(self.label)
        return data

    def read_whole(self, profile: Obis) -> bytes:
        """Read all rows of a profile, with the serial number in the same answer where possible.

        Raises:
            AccessDenied: the meter refuses it.
            BusError, MeterError: there is no answer.
        """
        refusing = self._memory.no_range_lists
        found = None if self.label in refusing else self._list([(profile, 7, 2)], refusing)
        if found is not None and isinstance(found[0], bytes):
            return found[0]
        return self.read(asking(profile, 7, 2))

    def read_ranges(self, profiles: Sequence[Obis], start: bytes, end: bytes) -> dict[Obis, bytes]:
        """Read the rows of one range of several profiles at once, where the meter does that.

        Args:
            profiles: profile generics (class 7).
            start: the 12 bytes of a date-time.
            end: the same; both ends are included.

        Returns:
            The buffers that it gave; what is missing is read one by one.

        Raises:
            WrongIdentity: another meter answers.
            BusError, MeterError: there is no session any more.
        """
        wanted = [(profile, 7, 2) for profile in profiles[: _LIST_LENGTH - 1]]
        refusing = self._memory.no_log_lists
        if self.label in refusing | self._memory.no_range_lists:
            return {}
        found = self._list(wanted, refusing, axdr.range_selector(start, end), "ranges")
        answers = zip(profiles, found or (), strict=False)
        return {profile: answer for profile, answer in answers if isinstance(answer, bytes)}

    def _list(
        self, wanted: Sequence[Wanted], refusing: set[str], selector: bytes = b"", kind: str = ""
    ) -> list[Answer] | None:
        """Read a list that begins with the serial number; None where lists are of no use.

        Raises:
            WrongIdentity: the meter does not tell its serial number, or another one answers.
            BusError, MeterError: there is no session any more.
        """
        usable = self._tries_lists and self.label not in self._memory.no_lists
        if self._failed is not None or not usable or not self._reader.takes_lists:
            return None
        before = self._traffic.exchanges
        failures = (self.label, kind or ("range" if selector else "plain"))
        try:
            serial, *answers = self._reader.get_list([SERIAL, *wanted], selector)
        except AccessDenied:
            refusing.add(self.label)
            return None
        except (BusTimeout, SessionLost, ProtocolViolation) as error:
            self._tries_lists = False  # for the rest of this poll
            self._memory.failed_lists[failures] = self._memory.failed_lists.get(failures, 0) + 1
            if self._memory.failed_lists[failures] >= _FAILED_LISTS:
                refusing.add(self.label)
            if not isinstance(error, ProtocolViolation):
                self._replace(error)
            return None
        self._memory.failed_lists.pop(failures, None)
        self._see(serial)
        self.unsure = self._traffic.exchanges - before > 1
        return answers

    def scaler_of(self, obis: Obis, class_id: int, known: Mapping[Obis, Scale]) -> Scale | None:
        """Return a register's scaler and unit: by its own word, else by a sibling's.

        What the model states stands in for a meter that says neither, or counts without a unit.

        Args:
            obis: the register.
            class_id: 3 register, 4 extended register, 5 demand register.
            known: scalers that are known already, by code.

        Returns:
            The power of ten, the COSEM unit, the pulse weight; None when nobody says.

        Raises:
            AccessDenied: it is refused for another reason than that there is none.
            BusError, MeterError: there is no answer.
        """
        stated = self._stated(obis)
        said = self._said_scaler(obis, class_id, known)
        says_no_unit = said is None or said[1] == Unit.COUNT
        return stated if stated is not None and says_no_unit else said

    def _said_scaler(self, obis: Obis, class_id: int, known: Mapping[Obis, Scale]) -> Scale | None:
        for code in (obis, *siblings(obis)):
            if code in known:
                return known[code]
            wanted = (obis, class_id, 4 if class_id == 5 else 3) if code == obis else (code, 3, 3)
            answer = self.read_one(wanted)
            if isinstance(answer, AccessDenied):
                if answer.result not in HAS_NONE:
                    raise answer
                continue
            try:
                return axdr.scaler_unit(axdr.value(answer))
            except ProtocolViolation:
                continue
        return None


def _name(serial: bytes) -> str:
    """Return a serial number as a person writes it."""
    try:
        return axdr.text(serial)
    except ProtocolViolation:
        return serial.hex()


def siblings(obis: Obis) -> tuple[Obis, ...]:
    """Return the codes that are scaled alike, by the habit of Indian meters.

    The cumulative register of an interval energy, the total of a tariff zone, the momentary
    value of an average.
    """
    if obis.d == 29:
        return (obis._replace(d=8),)
    if obis.d == 27:
        return (obis._replace(d=7),)
    if obis.d in (6, 8) and obis.e != 0:
        return (obis._replace(e=0),)
    return ()
