# SPDX-License-Identifier: MIT
"""The record of unit management in one message, and what the metering layer answers to it.

Unit management retains its whole list on ``metering/v1/society/{society}/units``, and sends it
anew after each change. The same list again changes nothing. What a list leaves out stays as it was
said before. The answer is retained beside it: the list was taken, it waits for a person, or it is
refused with every row that is wrong.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints

from shared_schema.catalogue import Service
from shared_schema.message import (
    DecimalText,
    GatewayName,
    Label,
    Message,
    Month,
    Part,
    Remark,
    Sha256,
    UtcDatetime,
)

MOST_METERS = 20_000
"""Of one list; a message is at most 1 MiB, so that a larger list goes by the API or as CSV."""
MOST_CHANGES_TOLD = 200

ListedTime = Annotated[str, StringConstraints(min_length=10, max_length=35)]
"""A day of the society such as 2026-07-15, or a time of its zone: 2026-07-15T14:30."""
Ratio = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(/[0-9]+(\.[0-9]+)?)?$")]
Bit = Annotated[int, Field(ge=0, le=55)]


class MeterServes(StrEnum):
    """Whom a meter serves."""

    UNIT = "unit"
    """A flat, a shop, an office."""
    COMMON = "common"
    """An area of all, such as a lift."""
    BULK = "bulk"
    """A tower's own meter, or the society's; with a parent it is a sub-bulk."""


class Side(StrEnum):
    """Of the transformers before a meter."""

    PRIMARY = "primary"
    """The register counts what really flows."""
    SECONDARY = "secondary"
    """It counts less, by the factor of its transformers."""


class _Listed(Part):
    model_config = ConfigDict(extra="forbid")


class ListedPlace(_Listed):
    """A unit or a common area, whether it has a meter or not."""

    tower: Label | None = None
    """Its tower; null: it is in none."""
    label: Label
    """What unit management calls it."""


class ListedMeter(_Listed):
    """Which meter serves whom, from when to when; the columns of the CSV file.

    What is left out or null stays as it is known.
    """

    tower: Label | None = None
    """The tower in which it hangs; null: none. A bulk meter in none is the society's own."""
    subject_type: MeterServes
    """Whom it serves."""
    subject: Label
    """The label of whom it serves."""
    service: Service
    """What it counts."""
    source: Label | None = None
    """Which supply (docs/howto/units.md has the closed list); null: the grid, or the main."""
    manufacturer: Label | None = None
    """Its maker, as read from it; null only where it is legacy."""
    serial: Label | None = None
    """Its serial number, as read from it; null only where it is legacy."""
    legacy: bool = False
    """It has no data port: its resident reads it."""
    valid_from: ListedTime
    """From when on it serves."""
    valid_to: ListedTime | None = None
    """Until when; null: until now."""
    parent: Label | None = None
    """The bulk or sub-bulk meter above it, by its label; ``none``: the tower's own."""
    gateway: GatewayName | None = None
    """Which gateway reads it."""
    meter_from: ListedTime | None = None
    """From when on what follows holds; null: it corrects what was said last."""
    phases: Literal[1, 3] | None = None
    """Of an electricity meter."""
    max_current_a: DecimalText | None = None
    """The largest current of each phase that it counts, in A."""
    q3_m3_h: DecimalText | None = None
    """The flow that a water meter bears for good, in m³/h."""
    q4_m3_h: DecimalText | None = None
    """Its overload flow, in m³/h."""
    resolution: DecimalText | None = None
    """The smallest step of its register, in kWh or kL."""
    register_digits: Annotated[int, Field(ge=3, le=12)] | None = None
    """Before the point of kWh or kL: behind its last number it begins at 0 again."""
    ct_ratio: Ratio | None = None
    """Of the current transformers before it, such as 200/5."""
    pt_ratio: Ratio | None = None
    """Of the voltage transformers before it, such as 11000/110."""
    counts: Side | None = None
    """Which side of its transformers its register counts; wanted where there are any."""
    seal: Label | None = None
    """The number of its seal."""
    calibrated_on: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    """The day of its newest calibration."""
    accuracy_class: Literal["0.2S", "0.2", "0.5S", "0.5", "1", "2"] | None = None
    """By so many percent of what it counts it may err."""
    invalid_bits: tuple[Bit, ...] | None = None
    """Bits of its status with which a reading is not valid; none of them: an empty list."""
    clock_bits: tuple[Bit, ...] | None = None
    """Bits with which a reading's time is not valid."""


class UnitList(Message):
    """The record of unit management: a society, its towers, units, common areas and meters."""

    SCHEMA: ClassVar[str] = "metering.units/1"
    model_config = ConfigDict(extra="forbid")

    society: Label
    """The society's name."""
    at: UtcDatetime
    """When unit management made the list."""
    by: Label = "unit management"
    """Who says so; kept for ever."""
    reason: Remark = ""
    """Why it was changed; kept for ever."""
    towers: tuple[Label, ...] | None = None
    """All towers: a meter in another is refused. Null: they are not said."""
    units: tuple[ListedPlace, ...] | None = None
    """All units: a meter of another is refused. Null: they are not said."""
    commons: tuple[ListedPlace, ...] | None = None
    """All common areas: a meter of another is refused. Null: they are not said."""
    meters: Annotated[tuple[ListedMeter, ...], Field(max_length=MOST_METERS)]
    """A line for each meter and time; lines are counted from 1 on."""


class ListState(StrEnum):
    """What became of a list."""

    TAKEN = "taken"
    """It is applied, or it changes nothing."""
    WAITS = "waits"
    """A person looks at the difference and applies it, or does not."""
    REFUSED = "refused"
    """Nothing of it was taken; ``lines`` says why."""
    DROPPED = "dropped"
    """A person looked at it and did not take it."""


class ListedChange(Part):
    """One change of what is known."""

    kind: Literal["added", "ended", "changed", "meter"]
    """A new line; one that ends or says something else; or something about a meter itself."""
    subject_type: MeterServes | None = None
    """Whom the meter serves; null: the change is about the meter itself."""
    subject: str | None = None
    """The name that it has in numbers: the label, or tower and label."""
    service: Service | None = None
    """What is counted."""
    source: str | None = None
    """Which supply."""
    manufacturer: str
    """The meter's maker."""
    serial: str
    """The meter's serial number."""
    meter_from: str | None = None
    """From when on the meter is so; null: from when it was there."""
    before: dict[str, str | bool | None]
    """What differs, as it was known; empty: nothing was."""
    after: dict[str, str | bool | None]
    """The same fields as the list has them."""


class UnitListResult(Message):
    """What became of the newest list of a society."""

    SCHEMA: ClassVar[str] = "metering.units-result/1"

    society: Label
    """The society's name."""
    list_sha256: Sha256
    """Of the bytes of the list that this answers."""
    at: UtcDatetime
    """When it was decided."""
    state: ListState
    """What became of it."""
    proposal: int | None = None
    """Its number, for ``cloud-ingest units apply``."""
    added: int = 0
    """How many lines are new."""
    changed: int = 0
    """How many lines say something else than before, or end."""
    unchanged: int = 0
    """How many lines were known."""
    changes: tuple[ListedChange, ...] = ()
    """The difference, as far as a message has room for it."""
    changes_left_out: int = 0
    """How many more changes there are."""
    close_again: tuple[Month, ...] = ()
    """The closed months that it touches."""
    lines: tuple[str, ...] = ()
    """Why it is refused: one text for each bad line, with its number."""
    remarks: tuple[str, ...] = ()
    """On lines that are taken, though something about them is odd."""
