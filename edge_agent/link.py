# SPDX-License-Identifier: GPL-2.0-only
"""The link to one meter during a poll: a session, and a second one when the first fails.

In: how to open a session; then what to read. Out: attributes, each as bytes or as the meter's
refusal. Owns: the session of the moment, and which meters do not answer lists.
Never: what the bytes mean; a third session, or one to another meter.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol, Self, TypeVar

from edge_agent import decode
from edge_agent.errors import (
    AccessDenied,
    AgentError,
    BusTimeout,
    ConfigurationError,
    ProtocolViolation,
    SessionLost,
)
from edge_agent.model import Model
from edge_agent.session import Peer, Session, Traffic, Transport
from edge_agent.settings import MeterConfig
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import Column

Wanted = tuple[Obis, int, int]
"""A code, its class, the attribute."""
Answer = bytes | AccessDenied
PUBLIC_CLIENT: Final = 16
READER_CLIENT: Final = 32
_LIST_LENGTH: Final = 10
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

    def get_list(self, wanted: list[Wanted]) -> list[Answer]:
        """Return several attributes by one request."""
        ...

    def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
        """Return the rows of a range."""
        ...

    def get_entries(self, profile: Obis, first: int, last: int) -> bytes:
        """Return rows by their place."""
        ...


SessionFactory = Callable[[MeterConfig, Model, Traffic], AbstractContextManager[Reader]]


@dataclass(slots=True)
class Known:
    """What stays true of one meter between polls."""

    layouts: dict[Obis, tuple[float, decode.Layout]] = field(default_factory=dict)
    """For each profile until when (seconds since 1970) its layout is taken as known."""
    registers: dict[Obis, Column] = field(default_factory=dict)
    absent: dict[Obis, float] = field(default_factory=dict)
    """For each object that is not there, until when it is not asked for again."""
    sent: dict[Obis, tuple[int, dict[int, decode.Row]]] = field(default_factory=dict)
    """For each profile the watermark that a poll returned, and its rows of the last hour."""


@dataclass(slots=True)
class Memory:
    """What polls remember of meters while the agent runs; losing it costs line time only."""

    meters: dict[MeterId, Known] = field(default_factory=dict)
    no_lists: set[str] = field(default_factory=set)
    """Labels of meters that offer to answer lists and do not."""


def peer(meter: MeterConfig, model: Model) -> Peer:
    """Join where a meter answers with how its model is spoken to.

    Raises:
        ConfigurationError: the meter reader needs a password, or its file cannot be used.
    """
    client = meter.client or model.client
    password = None if client == PUBLIC_CLIENT else meter.password()
    if client != PUBLIC_CLIENT and password is None:
        raise ConfigurationError(
            f"{meter.label}: client {client} associates with a password: set password_file"
        )
    return Peer(
        label=meter.label,
        physical=meter.address,
        logical=meter.logical_address,
        client=client,
        password=password,
        max_info=model.max_info_length,
        address_bytes=model.address_bytes if meter.address_bytes is None else meter.address_bytes,
    )


def sessions(transport: Transport) -> SessionFactory:
    """Return what opens sessions over one bus."""

    def open_session(meter: MeterConfig, model: Model, traffic: Traffic) -> Session:
        return Session(transport, peer(meter, model), traffic)

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
        self._open: Callable[[], AbstractContextManager[Reader]] = lambda: factory(
            meter, model, traffic
        )
        self._memory = memory
        self._tries_lists = model.lists
        self._manager: AbstractContextManager[Reader] | None = None
        self._replaced = False
        self._failed: AgentError | None = None
        self.check: Callable[[Reader], None] = lambda _reader: None
        """Called with each new session: is this still the same meter?"""
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
        if self._replaced:
            raise error
        self._replaced = True
        self._leave()
        try:
            self._reader = self._enter()
            self.check(self._reader)
        except AgentError as failure:
            self._failed = failure
            raise

    def read(self, ask: Callable[[Reader], _T]) -> _T:
        """Ask the meter; after a silence or nonsense once more, in a new session.

        Raises:
            BusError, MeterError: it did not help, or it is no such error.
        """
        if self._failed is not None:
            raise self._failed
        try:
            return ask(self._reader)
        except (BusTimeout, SessionLost, ProtocolViolation) as error:
            self._replace(error)
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

    def read_many(self, wanted: Sequence[Wanted]) -> list[Answer]:
        """Read attributes: by lists where the meter takes them, else one by one.

        Raises:
            BusError, MeterError: there is no answer.
        """
        if (
            self._tries_lists
            and self.label not in self._memory.no_lists
            and self._reader.takes_lists
        ):
            answers: list[Answer] = []
            try:
                for first in range(0, len(wanted), _LIST_LENGTH):
                    part = list(wanted[first : first + _LIST_LENGTH])
                    answers.extend(self._reader.get_list(part))
            except (AccessDenied, ProtocolViolation):
                self._memory.no_lists.add(self.label)
            except (BusTimeout, SessionLost) as error:
                self._replace(error)
                self._memory.no_lists.add(self.label)
            else:
                return answers
        return [self.read_one(one) for one in wanted]

    def scaler_of(
        self, obis: Obis, class_id: int, known: Mapping[Obis, tuple[int, int]]
    ) -> tuple[int, int] | None:
        """Return a register's scaler and unit: by its own word, else by a sibling's.

        Args:
            obis: the register.
            class_id: 3 register, 4 extended register, 5 demand register.
            known: scalers that are known already, by code.

        Returns:
            The power of ten and the COSEM unit; None when nobody says.

        Raises:
            BusError, MeterError: there is no answer.
        """
        for code in (obis, *siblings(obis)):
            if code in known:
                return known[code]
            wanted = (obis, class_id, 4 if class_id == 5 else 3) if code == obis else (code, 3, 3)
            answer = self.read_one(wanted)
            if isinstance(answer, bytes):
                try:
                    return decode.scaler_unit(decode.value(answer))
                except ProtocolViolation:
                    continue
        return None


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
