# SPDX-License-Identifier: MIT
"""What flags of monthly numbers rest on."""

from typing import ClassVar

from shared_schema.evidence.base import Evidence


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
