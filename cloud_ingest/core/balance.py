# SPDX-License-Identifier: MIT
"""The balance of a tower: what came in against what its units and common areas used.

in = units + common areas + passed on to other towers + unaccounted. What came in is what the bulk
meters counted that stand above the others, less what they gave back to the grid, and what a person
entered by hand. Below a tower's own meter there may be sub-bulk meters: each balances what hangs
below it, and what all of them leave unaccounted adds up to what the tower does.

- What a unit's own panels gave it did not pass the bulk meter: it came in as well.
- A generator that has meters of its own below is left out, and balanced apart. Without them its
  supply comes through the same meters as the grid's, and is a part of what came in.
- While anything of a balance is not known, what is unaccounted is not known either.
- A subject that moved within the month has its part at each place, and counts as one of both.

In: what each meter counted for a subject, and what was entered. Out: a `Balance` of each tower, and
of the society (`None`) where something came in that belongs to no tower. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from shared_schema.catalogue import Service
from shared_schema.quality import Quality, Reason

GENERATOR = "generator"
SOLAR = "solar"
CHECK = "check"
"""The source of a check meter: it stands beside a meter, and what it counts is nobody's use."""
GIVEN_BACK = "export"
"""What units gave back to the grid: their neighbours used it, or it left by the bulk meter."""
NOTHING = Decimal(0)

SubjectKind = Literal["unit", "common", "bulk"]


class MeterDraw(NamedTuple):
    """What one meter counted for a subject while it hung in a tower."""

    tower: str | None
    source: str
    quantity: Decimal | None
    """None: not known."""
    self_read: bool = False
    parent: str | None = None
    """The subject of the bulk meter above it; None: the tower's own."""
    exported: Decimal | None = NOTHING
    """What it gave back; None: it did, and how much is not known."""
    spread: Decimal | None = NOTHING
    """How far the truth may be from the quantity by its borders; None: nothing bounds it."""
    step: Decimal | None = None
    """The least count of its register; None: the last digit of the quantity."""
    error: Decimal | None = None
    """The share by which a meter of its class may err; None: its class is not known."""


class MeterLimits(NamedTuple):
    """What is known of a meter's own error."""

    step: Decimal | None = None
    """The least count of its register; None: not known."""
    error: Decimal | None = None
    """The share by which a meter of its class may err; None: not known."""


NO_LIMITS = MeterLimits()
LimitsByMeter = Mapping[tuple[str, str], MeterLimits]
"""By manufacturer and serial number."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the meters of one subject counted of one service."""

    kind: SubjectKind
    service: Service
    parts: tuple[MeterDraw, ...]
    name: str = ""


class Entered(NamedTuple):
    """What a person entered by hand: water that came in, or the hours of a generator."""

    tower: str | None
    """None: the whole society's."""
    service: Service
    source: str
    amount: Decimal
    """kL; of a generator, hours."""
    by: str


class DatedEntry(NamedTuple):
    """What a person entered by hand, on the day in which it is counted."""

    day: date
    entered: Entered


@dataclass(frozen=True, slots=True)
class Share:
    """What one common area used, or what passed to one meter below."""

    name: str
    quantity: Decimal | None
    """None: not known."""


@dataclass(frozen=True, slots=True)
class Supply:
    """One way in: by a bulk meter, from units, or as entered by hand."""

    source: str
    quantity: Decimal | None
    """None: not known."""
    meter: str | None = None
    """The bulk meter; None: it came by none."""
    exported: Decimal | None = NOTHING
    """What the meter counted back to the grid; None: not known."""
    by: tuple[str, ...] = ()
    """Who entered it by hand."""


@dataclass(frozen=True, slots=True)
class Generator:
    """What a generator did: its hours, and its own balance where it has meters of its own below."""

    given: Decimal | None = None
    """What its own meter counted; None: it has none, or that is not known."""
    is_in_bulk: bool = False
    """It came through the same meters as the grid's supply, and is a part of it."""
    units: Decimal | None = None
    """What units' meters of it counted; None: there are none, or one is not known."""
    common: Decimal | None = None
    unaccounted: Decimal | None = None
    run_hours: Decimal | None = None
    """As entered by hand; None: nobody did."""
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """By how much what is unaccounted may be wrong although nothing is lost."""

    borders: Decimal | None
    """What estimated and placed borders leave open; None: nothing bounds one of them."""
    resolution: Decimal
    """One step of each register."""
    meters: Decimal | None = None
    """What meters of their class may err; None: no class is known."""
    meters_rated: int = 0
    """Of how many meters the class is known."""
    meters_total: int = 0

    @property
    def total(self) -> Decimal | None:
        """All of it; None: nothing bounds it."""
        return None if self.borders is None else self.borders + self.resolution + (self.meters or 0)


@dataclass(frozen=True, slots=True)
class Node:
    """What one bulk meter gave to what hangs directly below it."""

    name: str | None
    """The bulk meter; None: the tower's own."""
    above: str | None
    """The sub-bulk meter above it; None: the tower's own."""
    given: Decimal | None
    units: Decimal
    units_known: int
    units_total: int
    commons: tuple[Share, ...]
    passed: tuple[Share, ...]
    """To the sub-bulk meters below it, and to other towers."""
    unaccounted: Decimal | None
    uncertainty: Uncertainty
    unknown: tuple[str, ...] = ()
    unknown_exports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """What came into one tower, of one service, and where it went."""

    bulk: Decimal | None
    """What came in, less what was passed on to other towers; None: not known."""
    units: Decimal
    common: Decimal | None
    """None: it has no common meter."""
    loss: Decimal | None
    """bulk - units - common: what is unaccounted."""
    loss_percent: Decimal | None
    units_known: int
    units_total: int
    quality: Quality
    reasons: tuple[Reason, ...]
    commons: tuple[Share, ...] = ()
    supplies: tuple[Supply, ...] = ()
    passed_on: tuple[Share, ...] = ()
    """To other towers."""
    nodes: tuple[Node, ...] = ()
    """Where it has sub-bulk meters: its own meter first, then each before what hangs below it."""
    generator: Generator | None = None
    uncertainty: Uncertainty | None = None
    """None: what is unaccounted is not known."""
    unknown: tuple[str, ...] = ()
    """The subjects whose meters are not known."""
    unknown_exports: tuple[str, ...] = ()
    """Those of them of which only what they gave back is not known."""


Scope = str | None
"""A tower; None: the society."""
