# SPDX-License-Identifier: MIT
"""The verified monthly number, and the reconciliation of a tower.

Billing turns the number into a bill; nothing here knows a tariff. Quantities are Decimal,
written as strings: kWh for electricity, kL (cubic metres) for water.
"""

from typing import ClassVar

from pydantic import Field

from shared_schema.catalogue import Service
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
)
from shared_schema.obis import Obis
from shared_schema.quality import Origin, Quality, Reason

BILLING_UNITS: dict[Service, str] = {Service.ELECTRICITY: "kWh", Service.WATER: "kL"}


class BoundaryReading(Part):
    """The register at one end of a month, at the time at which it was really read."""

    at: UtcDatetime
    register_value: DecimalText = Field(alias="register")
    origin: Origin


class MeterMonth(Part):
    """What one meter contributes to a subject's month."""

    meter: MeterId
    source: Label
    """Where it comes from: ``grid``, ``generator``, ``inlet-1``: billing may price them apart."""
    obis: Obis
    opening: BoundaryReading
    closing: BoundaryReading
    quantity: DecimalText


class MonthlyConsumption(Message):
    """One subject's consumption in one month of one service."""

    SCHEMA: ClassVar[str] = "metering.monthly-consumption/1"

    society: Label
    month: Month
    subject: Subject
    tower: Label | None = None
    service: Service
    version: int = Field(ge=1)
    """Rises with each correction, by one or more; the consumer keeps the highest."""
    quantity: DecimalText
    unit: str
    quality: Quality
    reasons: tuple[Reason, ...] = ()
    parts: tuple[MeterMonth, ...] = Field(min_length=1)
    closed_at: UtcDatetime


class ManifestEntry(Part):
    """One published number and the SHA-256 of the message that carries it."""

    subject: Subject
    service: Service
    version: int = Field(ge=1)
    sha256: Sha256


class Withheld(Part):
    """A number that cannot be proved, and why: it is not estimated silently."""

    subject: Subject
    service: Service
    reasons: tuple[Reason, ...] = Field(min_length=1)


class BillingManifest(Message):
    """Everything that a month holds, so that the consumer knows when it has it all."""

    SCHEMA: ClassVar[str] = "metering.billing-manifest/1"

    society: Label
    month: Month
    entries: tuple[ManifestEntry, ...]
    withheld: tuple[Withheld, ...]
    closed_at: UtcDatetime


class BillingAck(Message):
    """The consumer's word that it has a number; without it the number is sent again."""

    SCHEMA: ClassVar[str] = "metering.billing-ack/1"

    society: Label
    month: Month
    subject: Subject
    service: Service
    version: int = Field(ge=1)


class Reconciliation(Message):
    """A tower's bulk meter against its units and common areas, in one month of one service.

    It is retained, so that accounting finds the newest whenever it comes.
    """

    SCHEMA: ClassVar[str] = "metering.reconciliation/1"

    society: Label
    month: Month
    tower: Label
    service: Service
    unit: str
    bulk: DecimalText | None
    units: DecimalText
    common: DecimalText
    loss: DecimalText | None
    """bulk - units - common; null while any of them is not known."""
    loss_percent: DecimalText | None
    units_known: int = Field(ge=0)
    units_total: int = Field(ge=0)
    quality: Quality
    reasons: tuple[Reason, ...] = ()
    closed_at: UtcDatetime
