# SPDX-License-Identifier: MIT
"""What flags of the way of a reading rest on: silence, and batches that contradict each other."""

from enum import StrEnum
from typing import ClassVar

from shared_schema.evidence.base import Evidence
from shared_schema.message import GatewayName, Label, UtcDatetime


class FailureCause(StrEnum):
    """Why a meter's readings do not come."""

    GATEWAY_SILENT = "gateway_silent"
    BUS_DEAD = "bus_dead"
    METER_SILENT = "meter_silent"
    PASSWORD_REFUSED = "password_refused"  # noqa: S105 - a cause, no password
    CLOCK = "clock"


class ReadFailureEvidence(Evidence):
    """Meters without readings, of one cause."""

    SCHEMA: ClassVar[str] = "metering.evidence.read_failure/1"
    AMOUNT: ClassVar[str | None] = "meters"
    NEWS: ClassVar[tuple[str, ...]] = ("cause",)

    cause: FailureCause | None = None
    """None: nobody knows it yet."""
    gateway: GatewayName | None = None
    meters: int | None = None
    """How many are without readings."""
    newest_reading_at: UtcDatetime | None = None
    subject_type: str | None = None
    subject: Label | None = None
    """What the meter serves; ``unit`` of the event has it, too."""
    tower: Label | None = None
    source: str | None = None
    manufacturer: Label | None = None
    serial: Label | None = None


class ContradictionEvidence(Evidence):
    """Signed batches of a gateway that contradict each other."""

    SCHEMA: ClassVar[str] = "metering.evidence.evidence/1"

    reason: str
    detail: str
    quarantine: int
    """The number of the first entry in quarantine."""
