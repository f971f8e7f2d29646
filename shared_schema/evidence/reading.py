# SPDX-License-Identifier: MIT
"""What flags of the way of a reading and of a number rest on: silence, contradictions."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared_schema.catalogue import Service
from shared_schema.evidence.base import Evidence
from shared_schema.message import GatewayName, Label, Part, UtcDatetime

MOST_METERS = 100


class FailureCause(StrEnum):
    """Why a meter's readings do not come."""

    GATEWAY_SILENT = "gateway_silent"
    BUS_DEAD = "bus_dead"
    """Nobody answers on a bus of a gateway that is there."""
    METER_SILENT = "meter_silent"
    PASSWORD_REFUSED = "password_refused"  # noqa: S105 - a cause, no password
    CLOCK = "clock"
    """The gateway has no true time, or the meter's clock is far off: its rows are not believed."""
    UNREADABLE = "unreadable"
    """The meter answers, and nothing that it says can be kept."""
    NOT_STORED = "not_stored"
    """The gateway reads the meter, and nothing of that is stored."""


class UnreadMeter(Part):
    """A meter without readings, and what it serves."""

    manufacturer: Label
    serial: Label
    service: Service
    subject_type: str
    subject: Label
    tower: Label | None = None
    newest_reading_at: UtcDatetime | None = None


class ReadFailureEvidence(Evidence):
    """Meters without readings, of one cause."""

    SCHEMA: ClassVar[str] = "metering.evidence.read_failure/1"
    AMOUNT: ClassVar[str | None] = "meters"
    NEWS: ClassVar[tuple[str, ...]] = ("cause", "buses")

    cause: FailureCause | None = None
    """None: nobody knows it yet."""
    gateway: GatewayName | None = None
    buses: tuple[str, ...] = ()
    """Of the gateway: on which nobody answers, or the one of the meter."""
    meters: int | None = None
    """How many are without readings."""
    unread: tuple[UnreadMeter, ...] = Field(default=(), max_length=MOST_METERS)
    """Behind a gateway: those meters, the first `MOST_METERS`."""
    newest_reading_at: UtcDatetime | None = None
    subject_type: str | None = None
    subject: Label | None = None
    """What the meter serves; ``unit`` of the event has it, too."""
    tower: Label | None = None
    source: str | None = None
    manufacturer: Label | None = None
    serial: Label | None = None


class ContradictionEvidence(Evidence):
    """Batches of a gateway that contradict each other, or that it has not signed."""

    SCHEMA: ClassVar[str] = "metering.evidence.evidence/1"

    reason: str
    detail: str
    quarantine: int
    """The number of the first entry in quarantine."""


class FalseAcknowledgementEvidence(Evidence):
    """An acknowledgement of a number that was never sent."""

    SCHEMA: ClassVar[str] = "metering.evidence.false_acknowledgement/1"

    detail: str
    quarantine: int
    """The number of the first entry in quarantine."""


class ForeignMeter(Part):
    """A meter that a gateway speaks for and is not bound to."""

    manufacturer: Label
    serial: Label
    bound_to: tuple[str, ...] = ()
    """The gateways that may speak for it; none: it waits for a person."""


class NotBoundEvidence(Evidence):
    """A gateway that sends readings of meters that are not bound to it."""

    SCHEMA: ClassVar[str] = "metering.evidence.not_bound/1"
    AMOUNT: ClassVar[str | None] = "count"

    count: int
    """How many meters."""
    meters: tuple[ForeignMeter, ...]
    """The first of them, twenty at most."""
    quarantine: int
    """The number of the first entry in quarantine."""


class ExceededQuota(Part):
    """What a gateway brought in one hour, and how much it may bring."""

    quota: str
    used: int
    limit: int


class QuotaEvidence(Evidence):
    """A gateway that brings more than its quotas."""

    SCHEMA: ClassVar[str] = "metering.evidence.quota/1"
    NEWS: ClassVar[tuple[str, ...]] = ("quotas",)

    quotas: tuple[str, ...]
    """Which: ``messages``, ``quarantine``, ``streams``, ``channels``."""
    exceeded: tuple[ExceededQuota, ...]


class MissingBatchesEvidence(Evidence):
    """Batches that are missing between stored ones."""

    SCHEMA: ClassVar[str] = "metering.evidence.missing_batches/1"
    AMOUNT: ClassVar[str | None] = "missing"

    missing: int
    """How many, in all gaps."""
    stream: str
    first: int
    """Of the first gap."""
    last: int


class ExpiringCertificateEvidence(Evidence):
    """A certificate that ends soon, or has ended."""

    SCHEMA: ClassVar[str] = "metering.evidence.expiring_certificate/1"

    expires_at: UtcDatetime


class GatewayDiskEvidence(Evidence):
    """A disk that is nearly full, as its gateway says."""

    SCHEMA: ClassVar[str] = "metering.evidence.gateway_disk/1"

    free_mb: int
    """Of the disk that holds the spool."""
    total_mb: int | None
    """None: the gateway does not say."""


class GatewayClockEvidence(Evidence):
    """A gateway's clock that is far from the store's, or that the gateway does not believe."""

    SCHEMA: ClassVar[str] = "metering.evidence.gateway_clock/1"
    NEWS: ClassVar[tuple[str, ...]] = ("reads",)

    reads: bool
    """Whether meters are read nevertheless."""
    offset_minutes: int | None
    """How far it is ahead of the store's clock; None: the gateway is not online."""
