# SPDX-License-Identifier: MIT
"""The reconciliation of a tower: what came in, where it went, and how sure that is."""

from typing import ClassVar

from pydantic import Field

from shared_schema.billing import BillingUnit
from shared_schema.catalogue import Service
from shared_schema.message import (
    DecimalText,
    Label,
    Message,
    Month,
    Part,
    Remark,
    UtcDatetime,
    ZoneName,
)
from shared_schema.quality import Quality, Reason


class CommonUse(Part):
    """What one common area used, or what passed to one meter below."""

    name: Label
    """The common area (lift, pump, lighting), the sub-bulk meter, or the other tower."""
    quantity: DecimalText | None
    """None: it has a meter, and what that counted is not known."""


class SupplyIn(Part):
    """One way in: by a bulk meter, from units, or as a person entered it by hand."""

    source: Label
    """``grid``, ``solar``, ``main``, ``inlet-1``, ``tanker``; ``export``: what units gave back."""
    quantity: DecimalText | None
    """None: not known."""
    meter: Label | None = None
    """The bulk meter; None: it came by none."""
    exported: DecimalText | None = None
    """What that meter counted back to the grid; None: nothing, or not known; ``unknown_exports``
    tells them apart."""
    by: tuple[Remark, ...] = ()
    """Who entered it by hand; empty: it was metered."""


class GeneratorRun(Part):
    """What a generator did."""

    given: DecimalText | None
    """What its own meter counted; None: it has none, or that is not known."""
    is_in_bulk: bool
    """No meter below tells its supply from the grid's: it is a part of ``bulk``."""
    units: DecimalText | None
    """What units' own meters of it counted; None: there are none, or one is not known."""
    common: DecimalText | None
    """What common areas' own meters of it counted, in the same way."""
    unaccounted: DecimalText | None
    """given - units - common, where it has meters of its own on both sides."""
    run_hours: DecimalText | None
    """How long it ran, as entered by hand; None: nobody did."""
    by: tuple[Remark, ...] = ()
    """Who entered the hours."""


class Doubt(Part):
    """By how much what is unaccounted may be wrong although nothing is lost."""

    borders: DecimalText | None
    """What estimated and placed borders leave open; None: nothing bounds one of them."""
    resolution: DecimalText
    """One step of each register."""
    meters: DecimalText | None
    """What meters may err by their accuracy class; None: no class is known."""
    meters_rated: int = Field(ge=0)
    """Of how many meters the class is known."""
    meters_total: int = Field(ge=0)
    """Of how many."""


class SubBalance(Part):
    """What one bulk meter gave to what hangs directly below it."""

    ADDED = frozenset({"unknown_exports"})

    meter: Label | None
    """The sub-bulk meter; None: the tower's own."""
    above: Label | None
    """The sub-bulk meter above it; None: the tower's own."""
    given: DecimalText | None
    """What it counted; None: not known."""
    units: DecimalText
    """What the units directly below it used, as far as it is known."""
    units_known: int = Field(ge=0)
    """Of how many of these it is known."""
    units_total: int = Field(ge=0)
    """How many they are."""
    commons: tuple[CommonUse, ...] = ()
    """The common areas directly below it."""
    passed: tuple[CommonUse, ...] = ()
    """What the bulk meters directly below it counted."""
    unaccounted: DecimalText | None
    """given - units - commons - passed; null while any of them is not known."""
    doubt: Doubt
    """By how much that may be wrong."""
    unknown: tuple[Label, ...] = ()
    """Whose meters are not known."""
    unknown_exports: tuple[Label, ...] = ()
    """Those of them of which only what they gave back to the grid is not known."""


class Reconciliation(Message):
    """What came into a tower against its units and common areas, in one month of one service.

    It is retained, so that accounting finds the newest whenever it comes.
    """

    SCHEMA: ClassVar[str] = "metering.reconciliation/1"
    ADDED = frozenset(
        {
            "zone",
            *("commons", "supplies", "passed_on", "below", "generator", "doubt", "unknown"),
            "unknown_exports",
        }
    )

    society: Label
    month: Month
    zone: ZoneName | None = None
    version: int = Field(ge=1, default=1)
    """Rises with each change of it, by one or more; the consumer keeps the highest."""
    tower: Label
    service: Service
    unit: BillingUnit
    """Of every quantity in it."""
    bulk: DecimalText | None
    """What the tower's bulk meter counted; with several ways in what all of them brought, less what
    it passed on to other towers. None: it is not known."""
    units: DecimalText
    """What its units used, as far as it is known."""
    common: DecimalText | None
    """What its common areas used, as far as it is known; None: it has no common meter."""
    loss: DecimalText | None
    """bulk - units - common; null while any of them is not known."""
    loss_percent: DecimalText | None
    """The loss as a share of what the bulk meter counted."""
    units_known: int = Field(ge=0)
    """Of how many units the month is known."""
    units_total: int = Field(ge=0)
    """How many units the tower has."""
    quality: Quality
    reasons: tuple[Reason, ...] = ()
    sentence: Remark = ""
    """What the rest of it says, for a person: not for a program."""
    commons: tuple[CommonUse, ...] = ()
    """Each common area that has a meter; together they are ``common``."""
    supplies: tuple[SupplyIn, ...] = ()
    """The ways in: together, each less what it exported, ``bulk`` and ``passed_on``."""
    passed_on: tuple[CommonUse, ...] = ()
    """What went through its meters to other towers."""
    below: tuple[SubBalance, ...] = ()
    """Where it has sub-bulk meters: its own meter first, each before what hangs below it. What they
    leave unaccounted adds up to ``loss``."""
    generator: GeneratorRun | None = None
    """What the tower's generator did; None: it has none, and nobody entered its hours."""
    doubt: Doubt | None = None
    """By how much ``loss`` may be wrong; None: it is not known."""
    unknown: tuple[Label, ...] = ()
    """Whose meters are not known."""
    unknown_exports: tuple[Label, ...] = ()
    """Those of them of which only what they gave back to the grid is not known."""
    closed_at: UtcDatetime
