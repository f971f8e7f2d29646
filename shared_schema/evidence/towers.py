# SPDX-License-Identifier: MIT
"""What flags of a tower rest on: its bulk meter against the meters below it."""

from typing import ClassVar

from shared_schema.evidence.base import Evidence, MeterEvidence
from shared_schema.message import DecimalText, Label, Part


class Suspect(Part):
    """A meter that may explain a loss."""

    unit: Label
    manufacturer: Label
    serial: Label


class TowerLossEvidence(Evidence):
    """What a bulk meter counted, and the meters below it did not."""

    SCHEMA: ClassVar[str] = "metering.evidence.tower_loss/1"
    AMOUNT: ClassVar[str | None] = "litres_so_far"
    NEWS: ClassVar[tuple[str, ...]] = ("suspects",)

    litres_so_far: DecimalText | None = None
    litres_a_day: DecimalText | None = None
    least_litres_a_day: DecimalText | None = None
    most_litres_a_day: DecimalText | None = None
    """The interval in which the loss lies."""
    kwh_a_day: DecimalText | None = None
    least_kwh_a_day: DecimalText | None = None
    most_kwh_a_day: DecimalText | None = None
    """The same of electricity."""
    suspects: tuple[Suspect, ...] = ()
    """Where to look first; none of them is accused."""


class UnaccountedMeterEvidence(MeterEvidence):
    """A meter that explains a tower's loss."""

    AMOUNT: ClassVar[str | None] = "litres_missed"

    litres_missed: DecimalText | None = None
    kwh_missed: DecimalText | None = None
    least_share: DecimalText | None = None
    most_share: DecimalText | None = None
    """The interval of what the meter counts of what it should; 1: all."""


class StoppedMeterEvidence(UnaccountedMeterEvidence):
    """A meter that stopped."""

    SCHEMA: ClassVar[str] = "metering.evidence.stopped_meter/1"


class BypassEvidence(UnaccountedMeterEvidence):
    """Water that goes around its meter."""

    SCHEMA: ClassVar[str] = "metering.evidence.bypass/1"


class CrossedMetersEvidence(Evidence):
    """Two units whose meters are exchanged."""

    SCHEMA: ClassVar[str] = "metering.evidence.crossed_meters/1"

    suspects: tuple[Suspect, ...] = ()
