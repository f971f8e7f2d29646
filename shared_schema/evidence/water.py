# SPDX-License-Identifier: MIT
"""What flags of water meters rest on."""

from typing import ClassVar

from shared_schema.evidence.base import MeterEvidence
from shared_schema.message import DecimalText, UtcDatetime


class WaterLossEvidence(MeterEvidence):
    """Water that does not stop."""

    AMOUNT: ClassVar[str | None] = "litres_so_far"
    NEWS: ClassVar[tuple[str, ...]] = ("meter_says_since",)

    rule: str | None = None
    """Which part of the rules met it first; ``the meter says so``: none, its word stands alone."""
    rule_met_at: UtcDatetime | None = None
    start_known: bool = True
    """False: it began before ``since``, where the readings do not tell."""
    lowest_hour_litres: DecimalText | None = None
    known_hours: int | None = None
    nights: int | None = None
    """How many nights in a row had flow in each known hour from 02:00 to 05:00; null: a coarse
    register, or water that comes by the hour."""
    rate_l_per_h: DecimalText | None = None
    """Now."""
    meter_says_since: UtcDatetime | None = None
    """Since when a meter of the unit itself says so (its leak or burst bit); null: none does."""
    litres_so_far: DecimalText | None = None
    """All that has passed the meter since then, what people used included."""
    litres_a_month: DecimalText | None = None
    """In 30 days at the rate of its lowest hour; null where it pauses."""
    supply_hours: str | None = None
    """The hours with supply, which alone were judged; null: water comes at any hour."""
    supply_source: str | None = None
    """Who says these hours: ``entered``, the tower's ``bulk`` meter, or the ``meter`` itself."""


class LeakEvidence(WaterLossEvidence):
    """A leak."""

    SCHEMA: ClassVar[str] = "metering.evidence.leak/1"


class BurstEvidence(WaterLossEvidence):
    """A flow that is too strong for too long."""

    SCHEMA: ClassVar[str] = "metering.evidence.burst/1"


class ReverseFlowEvidence(MeterEvidence):
    """Water that ran back through its meter."""

    SCHEMA: ClassVar[str] = "metering.evidence.reverse_flow/1"
    AMOUNT: ClassVar[str | None] = "litres_so_far"

    litres_so_far: DecimalText | None = None


class StuckRegisterEvidence(MeterEvidence):
    """A register that stands still while somebody is at home."""

    SCHEMA: ClassVar[str] = "metering.evidence.stuck_register/1"

    last_moved_at: UtcDatetime | None = None
    kwh_meanwhile: DecimalText | None = None
    """What the electricity meter of the same unit counted."""


class TamperEvidence(MeterEvidence):
    """What a meter noted of a cover, a magnet, a cut cable."""

    SCHEMA: ClassVar[str] = "metering.evidence.tamper/1"
    NEWS: ClassVar[tuple[str, ...]] = ("noted",)

    noted: tuple[str, ...] = ()
    """In the words of the catalogue of events."""


class DryPipeEvidence(MeterEvidence):
    """A pipe without water, as its meter says."""

    SCHEMA: ClassVar[str] = "metering.evidence.dry_pipe/1"
