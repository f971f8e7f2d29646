# SPDX-License-Identifier: GPL-2.0-only
"""The session with one meter during a poll, and a second one with the same meter if it fails.

Two meters may have been given one address, and either of them may answer any exchange. So the
serial number is read again in a second session, and `confirm` reads it after whatever came without
it. A session is looked at closely (`look_closely`) in the first poll of an address, if another
meter answers than before, if a row is no longer what it was, and for a day after two meters were
heard there.

In: how to open a session; then what to ask. Out: what the meter answers.
Owns: the current session, and the serial number that answers.
Never: what the bytes mean; a third session, or one with another meter.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Self, TypeVar

from edge_agent.dlms.exchange import Traffic
from edge_agent.dlms.hex_text import as_hex
from edge_agent.errors import (
    AccessDenied,
    AddressShared,
    AgentError,
    BusTimeout,
    ProtocolViolation,
    SerialUnreadable,
    SessionLost,
)
from edge_agent.meters.model import Model
from edge_agent.poll.sessions import Answer, Reader, SessionFactory, Wanted
from edge_agent.settings.bus import MeterConfig
from shared_schema.obis import Obis

_CLOSE_LOOKS: Final = 12
_T = TypeVar("_T")


def attribute_of(obis: Obis, class_id: int, attribute: int) -> Callable[[Reader], bytes]:
    """Return a function that reads one attribute in a session."""
    return lambda reader: reader.get(obis, class_id, attribute)


class MeterSession:
    """A session that is replaced once, by a new one with the same meter, when it fails."""

    def __init__(
        self,
        factory: SessionFactory,
        meter: MeterConfig,
        model: Model,
        traffic: Traffic,
    ) -> None:
        """Open the first session.

        Raises:
            BusError, MeterError, ConfigurationError: there is no association.
        """
        self.label = meter.label
        self.model = model
        self.serial: bytes | None = None
        """The serial number that answers, as sent; None before it was read."""
        self.unsure = False
        """Something was read since the serial number was last seen."""
        self.replaced = False
        self._open: Callable[[], AbstractContextManager[Reader]] = lambda: factory(
            meter, model, traffic
        )
        self._manager: AbstractContextManager[Reader] | None = None
        self._failed: AgentError | None = None
        self._reader = self._enter()

    def __repr__(self) -> str:
        state = "over" if self._failed else "second session" if self.replaced else "first session"
        who = "unread" if self.serial is None else self._name(self.serial)
        return f"<{type(self).__name__} {self.label}: {state}, serial {who}, unsure {self.unsure}>"

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
                self._see(self._reader.get(*self.model.identity.wanted))
        except ProtocolViolation as failure:  # of the association, not of what is asked next
            self._failed = SessionLost(str(failure))
            raise self._failed from None
        except AgentError as failure:
            self._failed = failure
            raise

    def _see(self, answer: Answer) -> None:
        """Take the serial number, or compare it with the one that this link began with.

        Raises:
            SerialUnreadable: the meter does not tell it.
            AddressShared: it is another meter's.
        """
        if isinstance(answer, AccessDenied):
            raise SerialUnreadable(f"{self.label} does not tell its serial number: {answer}")
        if self.serial is not None and answer != self.serial:
            raise AddressShared(
                f"{self.label}: {self._name(answer)} answers where {self._name(self.serial)} was: "
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
        self._see(self.read_one(self.model.identity.wanted))

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
            return self.read(attribute_of(*wanted))
        except AccessDenied as error:
            return error

    def _name(self, serial: bytes) -> str:
        """Return a serial number as a person writes it."""
        try:
            return self.model.identity.serial(serial)
        except SerialUnreadable:
            return as_hex(serial)
