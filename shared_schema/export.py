# SPDX-License-Identifier: MIT
"""A closed month in one file, for a billing tool that takes readings, and for people.

Every number stands with the registers that open and close it, their times and who made them. What
is withheld is among them, with why. It is made from what was published, and from nothing else.
"""

from enum import StrEnum
from typing import ClassVar

from shared_schema.balance import Reconciliation
from shared_schema.billing import (
    Approval,
    BillingUnit,
    BoundaryReading,
    Bounds,
    Estimate,
    Unassigned,
)
from shared_schema.catalogue import Service
from shared_schema.events import Subject
from shared_schema.message import (
    DecimalText,
    Label,
    Message,
    MeterId,
    Month,
    Part,
    UtcDatetime,
    ZoneName,
)
from shared_schema.obis import Obis
from shared_schema.quality import Quality, Reason


class ExportedStatus(StrEnum):
    """How a number stands."""

    FINAL = "final"
    """It was sent, and holds."""
    PROVISIONAL = "provisional"
    """It was sent before all was known, and a final one follows."""
    WITHHELD = "withheld"
    """It cannot be proved, and was not sent."""
    WITHDRAWN = "withdrawn"
    """It was sent and taken back; nothing stands in its place."""


class ExportedMeter(Part):
    """What one meter counted for a number."""

    meter: MeterId
    """Which."""
    source: Label
    """Where it comes from: ``grid``, ``generator``, ``inlet-1``."""
    tower: Label | None = None
    """Where it hung."""
    obis: Obis
    opening: BoundaryReading
    closing: BoundaryReading
    quantity: DecimalText
    """Closing less opening, with what epochs add between them."""
    bounds: Bounds | None = None
    """None: both ends are exact."""
    opening_dial: DecimalText | None = None
    """What its dial showed beside the opening register; None: it was never compared with it."""
    closing_dial: DecimalText | None = None
    """The same beside the closing register."""


class ExportedHeld(Part):
    """A change that nobody asked for and that waits for a person; the number above stands."""

    quantity: DecimalText | None
    """What it would become; None: it would be withdrawn."""
    reasons: tuple[Reason, ...] = ()


class ExportedNumber(Part):
    """One subject's month of one service."""

    subject: Subject
    tower: Label | None = None
    service: Service
    unit: BillingUnit
    """Of every quantity in it."""
    status: ExportedStatus
    """How it stands."""
    quantity: DecimalText | None
    """None: withheld or withdrawn."""
    quality: Quality
    reasons: tuple[Reason, ...] = ()
    """Why it has its quality, or is not there."""
    version: int | None = None
    """None: nothing was sent."""
    bounds: Bounds | None = None
    """Between what the truth lies; None: the quantity is exact, or missing."""
    since: Month | None = None
    """The first month that it covers; None: this month alone."""
    estimate: Estimate | None = None
    """What it probably is, where it is withheld: to be looked at, not to be billed."""
    held: ExportedHeld | None = None
    """None: nothing of it waits for a person."""
    meters: tuple[ExportedMeter, ...] = ()
    """By meter: their quantities add up to the number."""


class MonthExport(Message):
    """A closed month of a society: every number, what is missing, and the towers."""

    SCHEMA: ClassVar[str] = "metering.month-export/1"

    society: Label
    month: Month
    zone: ZoneName
    """The society's zone: the month runs from one local 00:00 to another."""
    closed_at: UtcDatetime
    """When it was closed last."""
    approved: Approval | None = None
    """None: nobody approved the month, or it was opened again."""
    numbers: tuple[ExportedNumber, ...]
    """Units first, then common areas, each by its label."""
    reconciliations: tuple[Reconciliation, ...] = ()
    """Each tower's bulk meter against its units and common areas."""
    unassigned: tuple[Unassigned, ...] = ()
    """What meters counted and nobody is charged for."""
