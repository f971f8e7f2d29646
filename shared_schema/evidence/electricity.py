# SPDX-License-Identifier: MIT
"""What flags of electricity meters rest on."""

from typing import ClassVar

from shared_schema.evidence.base import MeterEvidence
from shared_schema.message import DecimalText, UtcDatetime


class NoLoadEvidence(MeterEvidence):
    """A unit that was lived in, and takes nothing any more."""

    SCHEMA: ClassVar[str] = "metering.evidence.no_load/1"

    last_load_at: UtcDatetime | None = None
    kwh_a_day_before: DecimalText | None = None


class LoadJumpEvidence(MeterEvidence):
    """A use that is far from the unit's own history."""

    SCHEMA: ClassVar[str] = "metering.evidence.load_jump/1"

    kwh_a_day_before: DecimalText | None = None
    kwh_a_day_now: DecimalText | None = None


class PhaseLossEvidence(MeterEvidence):
    """A phase without voltage beside others that have it."""

    SCHEMA: ClassVar[str] = "metering.evidence.phase_loss/1"
    NEWS: ClassVar[tuple[str, ...]] = ("phases",)

    phases: tuple[str, ...] = ()


class ReverseEnergyEvidence(MeterEvidence):
    """Energy that a unit gave to the mains."""

    SCHEMA: ClassVar[str] = "metering.evidence.reverse_energy/1"
    AMOUNT: ClassVar[str | None] = "kwh_so_far"

    kwh_so_far: DecimalText | None = None


class NeutralEvidence(MeterEvidence):
    """What a meter noted of its neutral: that it is missing, or disturbed."""

    SCHEMA: ClassVar[str] = "metering.evidence.neutral/1"
    NEWS: ClassVar[tuple[str, ...]] = ("noted",)

    noted: tuple[str, ...] = ()
    """In the words of the catalogue of events."""
