# SPDX-License-Identifier: MIT
"""A border: what a meter's register said at a moment that cuts its month.

A month's 00:00 cuts a register, and so does each moment at which an assignment of its meter begins
or ends. Every cut has one border, which closes what lies before it and opens what lies behind it:
what was used on both sides adds up to what the register moved.

A border states the bounds of the true register at its moment, and each claim near it that was not
taken, with the reason. `cloud_ingest.core.border_choice` chooses.

In: a month, assignments, what is known of a register. Out: cuts, and what may be said of them.
Never: a choice. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from cloud_ingest.core.claim import JITTER_S, Rule
from cloud_ingest.core.placing import Interval
from cloud_ingest.core.register import CAPTURE_PERIOD, Epochs, Register
from shared_schema.billing import EstimateMethod
from shared_schema.quality import Origin, Reason

SELF_READ_WINDOW = timedelta(days=3)
PROMPT = timedelta(days=1)
"""How far from a cut a reading of the meter may stand on its other side, or for it."""
JITTER: Final = timedelta(seconds=JITTER_S)
"""By so much a poll may miss the moment that it is meant for."""
BY_HAND = frozenset({Origin.EDIT, Origin.SELF_READ})
"""Made by a person, hours or days from the moment that is meant."""


class Why(StrEnum):
    """Why a claim near a border does not meet it."""

    UNSOUND = "unsound"
    """A rule of validation forbids it."""
    SET_ASIDE = "set_aside"
    """A person set it aside."""
    WORSE_ORIGIN = "worse_origin"
    """A better origin says something else of the same moment."""
    RIVAL = "rival"
    """Another claim of the same moment is taken."""
    NOT_ELECTED = "not_elected"
    """Nothing is elected at its moment."""
    AFTER = "after"
    """It was read after the border."""
    FARTHER = "farther"
    """Another one is nearer, or of the moment itself."""
    OUT_OF_REACH = "out_of_reach"
    """It is too far from the border to meet it."""
    BESIDE = "beside"
    """The border is placed between it and another one."""
    CLOSED_ELSEWHERE = "closed_elsewhere"
    """The month before was closed with another one, and that is published."""


MERELY_FARTHER = frozenset({Why.AFTER, Why.FARTHER, Why.OUT_OF_REACH, Why.BESIDE})
"""Nothing is wrong with the claim: another one is nearer, or none is near enough."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a border may be met by."""

    tolerance: timedelta = CAPTURE_PERIOD
    self_read_window: timedelta = SELF_READ_WINDOW
    most_per_hour: Decimal | None = None
    """kWh or kL that the meter cannot count in an hour; None: nothing limits it."""
    period: timedelta = timedelta()
    """How often it is read; between two readings so close to each other none is missing."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A moment that cuts a meter's register."""

    at: datetime
    is_month: bool
    """It is the 00:00 with which a month begins or ends."""
    begins: bool = False
    """An assignment of the meter begins there."""
    ends: bool = False
    """An assignment of the meter ends there."""
    others: tuple[datetime, ...] = ()
    """Of a month's 00:00: where else assignments of its meter begin or end."""


@dataclass(frozen=True, slots=True)
class NotElected:
    """A claim that the store keeps and does not believe."""

    claim: Register
    rule: Rule | None = None
    """The rule of validation that forbids it."""
    is_set_aside: bool = False
    """A person set it aside."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one meter's billed register around its cuts."""

    sound: Sequence[Register]
    """What is elected, in any order."""
    epochs: Epochs = field(default_factory=dict)
    not_elected: Sequence[NotElected] = ()
    intervals: Sequence[Interval] = ()
    """Of its own profile."""
    rules: Rules = Rules()
    check: Sequence[Interval] = ()
    """What its check meter counted."""
    doubted: frozenset[Register] = frozenset()
    """Of the sound ones those that their meter calls not valid (`core.meter_status`)."""
    overruled: frozenset[Register] = frozenset()
    """Of the sound ones those that a person restored against a rule (`core.overruled`)."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A claim that does not meet a border, and why."""

    claim: Register
    why: Why
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Border:
    """What a meter's register said at a cut: one value for both of its sides."""

    at: datetime
    """The moment that is meant."""
    chosen: Register | None
    """A reading, at its own time, or a placed value, at the moment; None: it is not met."""
    low: Decimal | None = None
    """The true register at the moment lies from here, as N = raw + epochs, in kWh or kL."""
    high: Decimal | None = None
    reasons: frozenset[Reason] = frozenset()
    passed_over: tuple[PassedOver, ...] = ()
    before: Register | None = None
    """The last sound reading at or before the moment that is known."""
    after: Register | None = None
    """The first sound reading behind it that is known."""
    placed_by: EstimateMethod | None = None

    @property
    def is_placed(self) -> bool:
        """Say whether nobody read it: it lies between two readings."""
        return self.chosen is not None and self.chosen.origin is Origin.ESTIMATE


def cuts_of(
    start: datetime, end: datetime, spans: Iterable[tuple[datetime, datetime | None]]
) -> list[Cut]:
    """Return the cuts of a meter's month: its two borders, and the ends of assignments up to them.

    Args:
        start: Of the month.
        end: Of the month.
        spans: Of the meter's assignments: from when to when.
    """
    begins, ends = set[datetime](), set[datetime]()
    for valid_from, valid_to in spans:
        begins.add(valid_from)
        if valid_to is not None:
            ends.add(valid_to)
    every = begins | ends
    others = {at: tuple(sorted(every - {at})) for at in (start, end)}
    inside = {at for at in every if start <= at <= end}
    return [
        Cut(at, at in others, at in begins, at in ends, others.get(at, ()))
        for at in sorted(others.keys() | inside)
    ]
