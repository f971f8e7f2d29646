# SPDX-License-Identifier: MIT
"""The verified monthly number.

Billing turns the number into a bill; nothing here knows a tariff. Quantities are Decimal,
written as strings: kWh for electricity, kL (cubic metres) for water.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared_schema.catalogue import Service, Unit
from shared_schema.events import Subject
from shared_schema.message import (
    DecimalText,
    Label,
    Message,
    MeterId,
    Month,
    Part,
    Sha256,
    UtcDatetime,
    ZoneName,
)
from shared_schema.obis import Obis
from shared_schema.quality import Origin, Quality, Reason


class BillingUnit(StrEnum):
    """The units of quantities: there is no other."""

    KWH = "kWh"
    """A kilowatt-hour, of electricity."""
    KL = "kL"
    """A kilolitre, of water: 1,000 litres, which is one cubic metre."""


BILLING_UNITS: dict[Service, BillingUnit] = {
    Service.ELECTRICITY: BillingUnit.KWH,
    Service.WATER: BillingUnit.KL,
}
BILLING_EXPONENTS: dict[tuple[Service, int], int] = {
    (Service.ELECTRICITY, Unit.WATT_HOUR): -3,
    (Service.WATER, Unit.CUBIC_METRE): 0,
    (Service.WATER, Unit.LITRE): -3,
}
"""By service and COSEM unit: e of value = raw * 10^(e + scaler) in kWh or kL."""
MAX_SCALER = 9
"""Beyond ± this a scaler is a fault of the meter: 10^10 Wh is what a power station counts by."""


def billing_exponent(service: Service, unit: int, scaler: int) -> int | None:
    """Return e of value = raw * 10^e in kWh or kL.

    Returns:
        None for a unit that is not billed, and for a scaler that no meter has.
    """
    own = BILLING_EXPONENTS.get((service, unit))
    return None if own is None or abs(scaler) > MAX_SCALER else own + scaler


class EstimateMethod(StrEnum):
    """How a border that was not read is placed, best first."""

    INTERVALS = "intervals"
    """The meter's own interval data."""
    CHECK_METER = "check_meter"
    """What the check meter beside it counted."""
    GOOD_DAYS = "good_days"
    """The days of the same month that were read."""
    WEEKDAYS = "weekdays"
    """The same weekdays of the weeks before."""
    SOCIETY = "society"
    """What the society's other units used meanwhile."""
    LINEAR = "linear"
    """The share by time."""
    NEAREST = "nearest_reading"
    """The reading nearest to it stands for it, however far."""


class NumberStatus(StrEnum):
    """Whether a number waits for a reading."""

    FINAL = "final"
    """Its borders are known."""
    PROVISIONAL = "provisional"
    """A border is an estimate, as the society wants it: the final number is a later version."""


class Bounds(Part):
    """Between which quantities the truth lies."""

    lower: DecimalText
    upper: DecimalText


class Estimate(Part):
    """What a quantity probably is, between which bounds, and how it was found."""

    quantity: DecimalText
    """The likeliest quantity."""
    bounds: Bounds
    method: EstimateMethod


class MonthShare(Part):
    """The probable share of one month in a quantity that covers several."""

    month: Month
    share: Estimate


class BoundaryReading(Part):
    """The register at one end of a month, at the time at which it was really read.

    Of origin ``estimate`` it was not read: it is placed, at the time of the border itself.
    """

    at: UtcDatetime
    """When it was read: within one capture period of the border, or as far as a dial may be."""
    register_value: DecimalText = Field(alias="register")
    """What the register showed, in the unit of the number."""
    origin: Origin
    """Who made the reading."""


class MeterMonth(Part):
    """What one meter contributes to a subject's month."""

    ADDED = frozenset({"tower"})

    meter: MeterId
    source: Label
    """Where it comes from: ``grid``, ``generator``, ``inlet-1``: billing may price them apart."""
    obis: Obis
    opening: BoundaryReading
    closing: BoundaryReading
    quantity: DecimalText
    """Closing less opening, with what epochs add between them."""
    tower: Label | None = None
    """Where it hung."""
    bounds: Bounds | None = None
    """None: both ends are exact."""


class MonthlyConsumption(Message):
    """One subject's consumption in one month of one service.

    Another version corrects it if anything of it changes. One thing is no correction: other reasons
    than before, where there were some. The first reason is one, and so is that none is left.
    """

    SCHEMA: ClassVar[str] = "metering.monthly-consumption/1"
    ADDED = frozenset({"zone", "status"})

    society: Label
    month: Month
    zone: ZoneName | None = None
    subject: Subject
    tower: Label | None = None
    """The tower of the subject; of one that moved, its last."""
    service: Service
    version: int = Field(ge=1)
    """Rises with each correction, by one or more; the consumer keeps the highest."""
    quantity: DecimalText
    """What the subject used in the month: the number that is billed."""
    unit: BillingUnit
    """Of every quantity in it."""
    status: NumberStatus | None = None
    """None: an earlier version sent it."""
    quality: Quality
    reasons: tuple[Reason, ...] = ()
    parts: tuple[MeterMonth, ...] = Field(min_length=1)
    """By meter: their quantities add up to the number."""
    bounds: Bounds | None = None
    """Between what the truth lies; None: the quantity is exact."""
    since: Month | None = None
    """The first month that a catch-up covers; None: this month alone."""
    shares: tuple[MonthShare, ...] = ()
    """Of the months that a catch-up covers; they add up to the quantity."""
    closed_at: UtcDatetime


class MonthlyWithdrawal(Message):
    """A number that was published is taken back: nothing stands in its place.

    It is sent where the number was sent, and acknowledged as one is. A later version of the number
    may follow.
    """

    SCHEMA: ClassVar[str] = "metering.monthly-withdrawal/1"
    ADDED = frozenset({"zone", "unit"})

    society: Label
    month: Month
    zone: ZoneName | None = None
    subject: Subject
    service: Service
    unit: BillingUnit | None = None
    """Of the number that it takes back; None: an earlier version sent it."""
    version: int = Field(ge=1)
    """Above that of the number that it takes back."""
    reasons: tuple[Reason, ...] = ()
    """Why it can no longer be proved; empty: the subject has no meter any more."""
    closed_at: UtcDatetime


class ManifestEntry(Part):
    """One published message, by the SHA-256 of its bytes."""

    ADDED = frozenset({"status"})

    subject: Subject
    service: Service
    version: int = Field(ge=1)
    sha256: Sha256
    """Of the message's bytes, in hex."""
    status: NumberStatus | None = None
    """Of the number; None: of a withdrawal, or an earlier version sent it."""


class Approval(Part):
    """A person's word that a month stands as the manifest says: nothing of it changes any more."""

    by: Label
    """Who approved it."""
    at: UtcDatetime
    """When."""


class Withheld(Part):
    """A number that cannot be proved, and why: it is not estimated silently."""

    ADDED = frozenset({"unit"})

    subject: Subject
    service: Service
    unit: BillingUnit | None = None
    """Of its quantity; None: an earlier version sent it."""
    reasons: tuple[Reason, ...] = Field(min_length=1)
    """Why it cannot be proved."""
    estimate: Estimate | None = None
    """What it probably is: to be looked at, not to be billed."""


class Held(Part):
    """A change that nobody asked for and that waits for a person; the former version stands."""

    ADDED = frozenset({"unit"})

    subject: Subject
    service: Service
    unit: BillingUnit | None = None
    """Of its quantity; None: an earlier version sent it."""
    version: int = Field(ge=1)
    """That stands."""
    quantity: DecimalText | None
    """What it would become; None: it would be withdrawn."""
    reasons: tuple[Reason, ...] = ()
    """Why the number would have its new status."""


class Unassigned(Part):
    """What a meter counted while it served nobody."""

    ADDED = frozenset({"unit"})

    meter: MeterId
    tower: Label | None
    service: Service
    unit: BillingUnit | None = None
    """Of its quantity; None: an earlier version sent it."""
    opening: BoundaryReading
    closing: BoundaryReading
    quantity: DecimalText
    """Closing less opening."""


class BillingManifest(Message):
    """Everything that a month holds, so that the consumer knows when it has it all."""

    SCHEMA: ClassVar[str] = "metering.billing-manifest/1"
    ADDED = frozenset({"zone", "approved"})

    society: Label
    month: Month
    zone: ZoneName | None = None
    version: int = Field(ge=1, default=1)
    """Rises with each manifest of the month, by one or more; the consumer keeps the highest."""
    entries: tuple[ManifestEntry, ...]
    """Every number that holds, by the message that said it last."""
    withheld: tuple[Withheld, ...]
    """Subjects without a number for this month, and why."""
    withdrawn: tuple[ManifestEntry, ...] = ()
    """Numbers that were published and taken back, by the message that does it."""
    held: tuple[Held, ...] = ()
    """Changes that wait for a person."""
    unassigned: tuple[Unassigned, ...] = ()
    """What meters counted and nobody is charged for."""
    approved: Approval | None = None
    """None: nobody approved the month, or it was opened again."""
    closed_at: UtcDatetime
