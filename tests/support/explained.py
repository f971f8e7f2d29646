# SPDX-License-Identifier: MIT
"""Explanations of one unit's month, put together by hand for tests of their words."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from cloud_ingest.month.explanation import (
    ExplainedBorder,
    ExplainedMeter,
    Explanation,
    NotTaken,
    Now,
    Told,
    Word,
)
from cloud_ingest.month.published import ShownNumber
from shared_schema.catalogue import Service
from shared_schema.events import Subject, SubjectType
from shared_schema.message import MeterId
from shared_schema.quality import Origin, Quality
from tests.support.store import local

START, END = local("2026-01-01 00:00"), local("2026-02-01 00:00")
NOON = local("2026-02-02 12:00")
MANAGER = Word("manager", "photo of the dial", NOON)
METER = MeterId(manufacturer="LNT", serial="1")
UNIT = Subject(type=SubjectType.UNIT, id="A-1")


def read(value: str, at: datetime = END, origin: Origin = Origin.METER) -> Told:
    return Told(at, Decimal(value), origin)


def border(at: datetime, taken: Told | None, *not_taken: NotTaken) -> ExplainedBorder:
    return ExplainedBorder(at, taken, None, None, (), None, None, None, not_taken)


def meter(end: ExplainedBorder, quantity: str | None = "29.760") -> ExplainedMeter:
    return ExplainedMeter(
        meter=METER,
        source="grid",
        tower="Tower 1",
        valid_from=START,
        valid_to=None,
        begin=border(START, read("12345.000", START)),
        end=end,
        quantity=None if quantity is None else Decimal(quantity),
        doubted=None,
        lower=None,
        upper=None,
        reasons=(),
        against=None,
        breaks=(),
        entries=(),
    )


def explained(*meters: ExplainedMeter, number: ShownNumber | None = None) -> Explanation:
    return Explanation(
        society="Lake View",
        month="2026-01",
        subject_type="unit",
        subject="A-1",
        service=Service.ELECTRICITY,
        unit="kWh",
        closed_at=NOON if number is not None else None,
        number=number,
        versions=(),
        meters=meters,
        now=Now(Decimal("29.760"), None, None, None, (), True, ()),
        words=(),
    )


def shown(**changes: object) -> ShownNumber:
    published = ShownNumber(
        "unit", "A-1", Service.ELECTRICITY, "published", Decimal("29.760"), "kWh", version=1
    )
    return replace(published, quality=Quality.VALIDATED, **changes)  # type: ignore[arg-type]
