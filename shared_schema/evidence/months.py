# SPDX-License-Identifier: MIT
"""What flags of monthly numbers rest on."""

from typing import ClassVar

from shared_schema.evidence.base import Evidence
from shared_schema.message import Label, UtcDatetime


class HeldChangeEvidence(Evidence):
    """Published numbers that would change."""

    SCHEMA: ClassVar[str] = "metering.evidence.held_change/1"
    NEWS: ClassVar[tuple[str, ...]] = ("months", "changes")

    months: str
    changes: tuple[str, ...] = ()
    """What each month would become."""
    command: str


class ProlongedEstimateEvidence(Evidence):
    """Months in a row that could not be proved."""

    SCHEMA: ClassVar[str] = "metering.evidence.prolonged_estimate/1"
    NEWS: ClassVar[tuple[str, ...]] = ("months",)

    months: str


class SelfReadDueEvidence(Evidence):
    """A month that waits for somebody to read a dial."""

    SCHEMA: ClassVar[str] = "metering.evidence.self_read_due/1"
    NEWS: ClassVar[tuple[str, ...]] = ("month", "meters")

    month: str
    meters: tuple[str, ...]
    """Maker and serial number of each whose dial is to be read."""
    tower: Label | None = None
    why: str
    """Why nobody else reads it, in words."""
    until: UtcDatetime
    """A dial that is read later does not close this month any more."""
