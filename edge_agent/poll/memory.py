# SPDX-License-Identifier: GPL-2.0-only
"""What polls remember of meters while the agent runs, so that the next poll need not ask.

In: what a poll found out. Out: the same, to the next poll. A restart loses it, at the cost of line
time alone.
Never: a stored state; what was read of a meter whose identity is in doubt (`MeterFacts.forget`).
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from edge_agent.decode import layout, rows
from edge_agent.errors import AccessDenied
from edge_agent.poll.finding import NOT_THERE, Finding
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import Column

FACT_LIFE_S: Final = 86400
"""How long scalers, or that an object is absent, are taken as known."""
AGREES_S: Final = 60.0
"""A clock that is further off than this stamps none where the gateway's time is vouched for."""
SET_BACK_S: Final = 3600
"""More than the clock of a meter is set back while it is believed."""
_MAX_DOUBTED: Final = 256


@dataclass(slots=True)
class KnownLayout:
    """How a profile is read, as it was last found out. Times in seconds since 1970."""

    plan: layout.Layout
    digest: str
    """Of the capture objects and the capture period, as the meter sent them."""
    look_at: float
    """When the capture objects are read again."""
    renew_at: float
    """When the scalers are read again."""


@dataclass(slots=True)
class MeterFacts:
    """What stays true of one meter between polls."""

    layouts: dict[Obis, KnownLayout] = field(default_factory=dict)
    registers: dict[Obis, tuple[float, Column]] = field(default_factory=dict)
    """For each register until when (seconds since 1970) its scaler is taken as known."""
    classes: dict[Obis, int] = field(default_factory=dict)
    """For each register that is of another class than 3: which."""
    absent: dict[Obis, float] = field(default_factory=dict)
    """For each object that is not there, until when it is not asked for again."""
    sent: dict[Obis, tuple[int, frozenset[rows.Row]]] = field(default_factory=dict)
    """For each profile: the watermark that a poll returned, and its rows of the last hours."""
    settled: dict[Obis, int] = field(default_factory=dict)
    """For each profile: its rows up to here were read when they were an hour old or older."""
    tried: dict[Obis, float] = field(default_factory=dict)
    """For each profile: when a poll asked for it last, by the time that its rows may not pass."""
    by_clock: set[Obis] = field(default_factory=set)
    """The profiles whose newest row was seen to be stamped as the meter's clock shows the time."""
    deviations: set[int] = field(default_factory=set)
    """What its clock states as its deviation, and load profiles whose newest row is of now."""
    skipped: dict[Obis, Finding] = field(default_factory=dict)
    """For each profile with a row that cannot be read: what the last poll left out."""
    zone_offset_min: int | None = None
    """How far its local time was ahead of UTC last, by its own clock; None: it did not say."""
    clock_at: float | None = None
    """When the meter's clock was compared last, by the gateway's time."""
    wrong_by: float | None = None
    """How far it was ahead then, if that was too far."""
    agrees: bool = False
    """Its clock agreed with the gateway's when it was compared last."""
    agreed: bool = False
    """It did before the gateway's jumped, and has not since: the gateway's is in doubt."""
    stamped: int | None = None
    """The time of its registers that were read last."""
    doubted: list[tuple[float, float]] = field(default_factory=list)
    """The times that it passed while it was wrong: a row with such a stamp may be of another."""

    def note_clock(self, at: float, offset_s: float, *, is_sound: bool) -> None:
        """Keep which times the meter's clock passed, since it was last compared, while wrong.

        Args:
            at: the gateway's time, seconds since 1970.
            offset_s: how far the meter's clock is ahead.
            is_sound: whether that is near enough.
        """
        wrong_by = None if is_sound else offset_s
        since = at if self.clock_at is None else self.clock_at
        for by in {each for each in (self.wrong_by, wrong_by) if each is not None}:
            first, last = since + by, at + by
            if self.doubted and self.doubted[-1][0] <= first <= self.doubted[-1][1]:
                first, last = self.doubted[-1][0], max(last, self.doubted.pop()[1])
            self.doubted.append((first, last))
        del self.doubted[:-_MAX_DOUBTED]
        self.clock_at, self.wrong_by = at, wrong_by
        self.agrees = abs(offset_s) <= AGREES_S
        self.agreed = self.agreed and not self.agrees

    def after_jump(self) -> "MeterFacts":
        """Return what stays of it when the gateway's clock has jumped."""
        return MeterFacts(agreed=self.agreed or self.agrees, stamped=self.stamped)

    def is_doubted(self, ts: int) -> bool:
        """Tell whether a row of this time may be one of another time."""
        return any(first <= ts <= last for first, last in self.doubted)

    def is_earlier(self, stamp: int) -> bool:
        """Tell whether registers would stand before those read last: the clock was set back.

        They counted on meanwhile, and would seem to fall.
        """
        last = self.stamped
        self.stamped = stamp
        if last is None or not last - SET_BACK_S < stamp < last:
            return False
        self.stamped = last
        return True

    def is_news(self, obis: Obis, error: AccessDenied, now_s: float) -> bool:
        """Remember an object that is not there; tell whether to report it: once a day."""
        if error.result not in NOT_THERE:
            return True
        if self.absent.get(obis, 0) > now_s:
            return False
        self.absent[obis] = now_s + FACT_LIFE_S
        return True

    def forget(self) -> None:
        """Forget all of it: it may be another meter's."""
        for found in (self.layouts, self.registers, self.classes, self.absent, self.sent):
            found.clear()
        for kept in (self.tried, self.settled, self.skipped):
            kept.clear()
        self.by_clock.clear()
        self.deviations.clear()


class ListKind(Enum):
    """What is asked for by one request for a list."""

    PLAIN = "plain"
    """Attributes; a meter that does not answer these answers no list."""
    RANGE = "range"
    """A range of rows."""
    LOGS = "logs"
    """A range of several event logs."""
    AHEAD = "ahead"
    """A new row in one frame with the registers."""


@dataclass(slots=True)
class Memory:
    """What polls remember of meters and of their addresses."""

    meters: dict[MeterId, MeterFacts] = field(default_factory=dict)
    no_lists: set[tuple[str, ListKind]] = field(default_factory=set)
    """Labels of meters, each with a kind of list that it does not answer."""
    failed_lists: dict[tuple[str, ListKind], int] = field(default_factory=dict)
    """For each label and kind of list: how many in a row had no sound answer."""
    alone: dict[str, float] = field(default_factory=dict)
    """For each label from when on (seconds since 1970) one meter alone is taken to answer."""
    jumps: int = 0
    """How often the gateway's clock had jumped when this was found out."""

    def takes(self, label: str, *kinds: ListKind) -> bool:
        """Tell whether a meter is taken to answer all of these kinds of list."""
        return all((label, kind) not in self.no_lists for kind in kinds)

    def note_jumps(self, number: int) -> None:
        """Find out anew what was known by a clock of the gateway that has jumped since.

        Clocks were compared with it, and what is known was to be looked at again by it. What
        stays: that a meter's clock agreed, as it does again if the jump was none of a lying time
        service; and the time of the last registers, as none may stand before them.

        Args:
            number: how often it has jumped.
        """
        if number != self.jumps:
            self.jumps = number
            self.meters = {meter: facts.after_jump() for meter, facts in self.meters.items()}
