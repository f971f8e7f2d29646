# SPDX-License-Identifier: GPL-2.0-only
"""The link to one meter during a poll: its session, and lists where the meter answers them.

The link reads the serial number before anything else and puts it into every list. A list of one
frame that holds the serial number comes from one meter. After a list of several frames the link is
`unsure` until it has seen the serial number again.

In: what to read. Out: attributes, each as bytes or as the meter's refusal; buffers of profiles.
Owns: the session (`meter_session`), and which kinds of list the meter does not answer.
Never: what the bytes mean.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from edge_agent.dlms import axdr
from edge_agent.dlms.exchange import Traffic
from edge_agent.errors import (
    AccessDenied,
    BusTimeout,
    ProtocolViolation,
    SessionLost,
)
from edge_agent.meters.model import Model
from edge_agent.poll.memory import ListKind, Memory
from edge_agent.poll.meter_session import MeterSession, attribute_of
from edge_agent.poll.sessions import Answer, SessionFactory, Wanted
from edge_agent.settings.bus import MeterConfig
from shared_schema.obis import Obis

_LIST_LENGTH: Final = 10
_FAILED_LISTS: Final = 2
"""Lists without a sound answer in a row, after which the meter is taken not to answer them."""


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


@dataclass(frozen=True, slots=True)
class Answers:
    """What `MeterLink.read_many` read."""

    each: tuple[Timed, ...]
    """One for each attribute, in their order."""
    rows: bytes | None = None
    """The buffer of the range that came with them; None if it is still to be read."""


class MeterLink(MeterSession):
    """A session with one meter that also asks by lists."""

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
        super().__init__(factory, meter, model, traffic)
        self._memory = memory
        self._traffic = traffic
        self._tries_lists = model.lists

    def read_many(
        self, wanted: Sequence[Wanted], now: Callable[[], float], ahead: Range | None = None
    ) -> Answers:
        """Read attributes: by lists where the meter takes them, else one by one.

        The serial number is in each list; one by one, it is read first.

        Args:
            wanted: what to read.
            now: the gateway's time, seconds since 1970.
            ahead: rows that a list may bring as well.

        Raises:
            WrongIdentity: the meter does not tell its serial number, or another one answers.
            BusError, MeterError: there is no answer.
        """
        found = self._read_by_lists(wanted, now, ahead)
        if found is not None:
            return found
        self.confirm()
        alone = (Timed(begun=now(), answer=self.read_one(one), ended=now()) for one in wanted)
        return Answers(tuple(alone))

    def _read_by_lists(
        self, wanted: Sequence[Wanted], now: Callable[[], float], ahead: Range | None
    ) -> Answers | None:
        """Read attributes by lists; None where lists are of no use.

        Raises:
            WrongIdentity, BusError, MeterError: as `read_many`.
        """
        timed: list[Timed] = []
        rows: bytes | None = None
        step = _LIST_LENGTH - 1
        for first in range(0, len(wanted), step):
            part = wanted[first : first + step]
            begun = now()
            found = None
            if ahead is not None and len(part) < step:
                found, rows = self._list_with(part, ahead)
            if found is None:
                found = self._list(part, ListKind.PLAIN)
            if found is None:
                return None
            ended = now()
            timed.extend(Timed(answer, begun, ended) for answer in found)
        return Answers(tuple(timed), rows)

    def _list_with(
        self, wanted: Sequence[Wanted], ahead: Range
    ) -> tuple[list[Answer] | None, bytes | None]:
        """Read a list whose last answer is the rows of a range; return both apart.

        Raises:
            WrongIdentity, BusError, MeterError: as `_list`.
        """
        if not self._memory.takes(self.label, ListKind.RANGE, ListKind.AHEAD):
            return None, None
        selector = axdr.range_selector(ahead.start, ahead.end)
        found = self._list([*wanted, (ahead.profile, 7, 2)], ListKind.RANGE, selector)
        if found is None:
            return None, None
        last = found.pop()
        rows = last if isinstance(last, bytes) else None
        if self.unsure or rows is None:
            self._memory.no_lists.add((self.label, ListKind.AHEAD))
        return found, rows

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
        found = None
        if self._memory.takes(self.label, ListKind.RANGE):
            selector = axdr.range_selector(start, end)
            found = self._list([(profile, 7, 2)], ListKind.RANGE, selector)
            if found is not None and isinstance(found[0], bytes):
                return found[0]
        data = self.read(lambda reader: reader.get_range(profile, start, end))
        if found is not None:  # the list was refused what a plain request is given
            self._memory.no_lists.add((self.label, ListKind.RANGE))
        return data

    def read_whole(self, profile: Obis) -> bytes:
        """Read all rows of a profile, with the serial number in the same answer where possible.

        Raises:
            AccessDenied: the meter refuses it.
            BusError, MeterError: there is no answer.
        """
        if self._memory.takes(self.label, ListKind.RANGE):
            wanted = [(profile, 7, 2)]
            found = self._list(wanted, ListKind.RANGE, counted_as=ListKind.PLAIN)
            if found is not None and isinstance(found[0], bytes):
                return found[0]
        return self.read(attribute_of(profile, 7, 2))

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
        if not self._memory.takes(self.label, ListKind.LOGS, ListKind.RANGE):
            return {}
        found = self._list(wanted, ListKind.LOGS, axdr.range_selector(start, end))
        answers = zip(profiles, found or (), strict=False)
        return {profile: answer for profile, answer in answers if isinstance(answer, bytes)}

    def _list(
        self,
        wanted: Sequence[Wanted],
        kind: ListKind,
        selector: bytes = b"",
        *,
        counted_as: ListKind | None = None,
    ) -> list[Answer] | None:
        """Read a list that begins with the serial number; None where lists are of no use.

        Args:
            wanted: what to read after the serial number.
            kind: what the meter is noted not to answer, if it does not.
            selector: for the last of them.
            counted_as: among which lists a failure counts, where it is not ``kind``.

        Raises:
            WrongIdentity: the meter does not tell its serial number, or another one answers.
            BusError, MeterError: there is no session any more.
        """
        usable = self._tries_lists and self._memory.takes(self.label, ListKind.PLAIN)
        if self._failed is not None or not usable or not self._reader.takes_lists:
            return None
        before = self._traffic.exchanges
        failures = (self.label, counted_as or kind)
        try:
            serial, *answers = self._reader.get_list(
                [self.model.identity.wanted, *wanted], selector
            )
        except AccessDenied:
            self._memory.no_lists.add((self.label, kind))
            return None
        except (BusTimeout, SessionLost, ProtocolViolation) as error:
            self._tries_lists = False  # for the rest of this poll
            self._memory.failed_lists[failures] = self._memory.failed_lists.get(failures, 0) + 1
            if self._memory.failed_lists[failures] >= _FAILED_LISTS:
                self._memory.no_lists.add((self.label, kind))
            if not isinstance(error, ProtocolViolation):
                self._replace(error)
            return None
        self._memory.failed_lists.pop(failures, None)
        self._see(serial)
        self.unsure = self._traffic.exchanges - before > 1
        return answers
