# SPDX-License-Identifier: MIT
"""What units use, day by day: where a month's number comes from, and how registers stand now."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import TypeAdapter
from starlette.responses import Response

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.api.months import NamedMonth
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import day_of
from cloud_ingest.entries.curve_looks import look_by_program, require_kept
from cloud_ingest.http.resources import Now, Reading, Writing
from cloud_ingest.month.explain import Asked, explain
from cloud_ingest.month.explanation import Explanation
from cloud_ingest.month.to_show import month_to_show
from cloud_ingest.store.curve_looks import CurveLook
from cloud_ingest.views.latest import LatestLine, latest
from cloud_ingest.views.unit_curve import DayCurve, day_curve, who_looked
from cloud_ingest.views.unit_page import Asked as Whose
from cloud_ingest.views.unit_page import ServiceOfUnit, UnitPage, unit_page
from cloud_ingest.views.unit_usage import UnitUsage, unit_usage
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText

router = APIRouter(tags=["usage"])

MayRead = Annotated[Caller, needs(Scope.USAGE_READ)]
MayLook = Annotated[Caller, needs(Scope.CURVES_READ)]
_ORIGIN = TypeAdapter(Explanation)


@dataclass(frozen=True, slots=True)
class OtherMonth:
    """What the unit used in another month, as that month's own answer says it."""

    month: str
    quantity: DecimalText | None
    is_sent: bool
    """False: so far."""


@dataclass(frozen=True, slots=True)
class OtherUnits:
    """What other units of the tower used in the same month."""

    units: int
    middle: DecimalText
    """Half of them used less."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A unit's month of one service, beside others."""

    service: Service
    unit: str
    quantity: DecimalText | None
    months: tuple[OtherMonth, ...]
    """The month before, and the same month last year, where they are known."""
    others: OtherUnits | None
    """None: fewer than five others are known."""


@router.get("/registers")
def registers(caller: MayRead, store: Reading, now: Now) -> list[LatestLine]:
    """Return the newest register of each meter that serves somebody now.

    The same list as `cloud-ingest latest --json`.
    """
    return latest(store.conn, caller.society, now)


@router.get("/months/{month}/units/{unit:path}/days")
def days_of_unit(
    month: NamedMonth,
    unit: str,
    caller: MayRead,
    store: Reading,
    now: Now,
    *,
    subject_type: SubjectKind = "unit",
) -> UnitUsage:
    """Return what a unit used in a month and on each of its days: as published, or so far.

    As `cloud-ingest usage --days --json`. A day without data is not there.
    """
    span = month_to_show(store.conn, caller.society_id, month, store.zone, now)
    window = store.settings.self_read_window(caller.society)
    return unit_usage(
        store.conn,
        caller.society_id,
        span,
        store.zone,
        subject_type=subject_type,
        subject=unit,
        self_read_window=window,
    )


@router.get("/months/{month}/units/{unit:path}/comparisons")
def comparisons_of_unit(
    month: NamedMonth,
    unit: str,
    caller: MayRead,
    store: Reading,
    now: Now,
    *,
    subject_type: SubjectKind = "unit",
) -> list[Compared]:
    """Return a unit's month beside the one before, the same one last year, and other units.

    As the page of the unit shows them.
    """
    window = store.settings.self_read_window(caller.society)
    whose = Whose(caller.society, caller.society_id, subject_type, unit, window)
    found = unit_page(store.conn, whose, month, store.zone, now)
    return [_compared(found, each) for each in found.services]


def _compared(found: UnitPage, own: ServiceOfUnit) -> Compared:
    alike = found.similar_of(own.service)
    return Compared(
        own.service,
        own.unit,
        own.quantity,
        tuple(
            OtherMonth(beside.month, other.quantity, other.number is not None)
            for beside, other in found.beside(own.service)
        ),
        None if alike is None else OtherUnits(alike.units, alike.middle),
    )


@router.get("/months/{month}/units/{unit:path}/origin", response_model=Explanation)
def origin_of_number(
    month: NamedMonth,
    unit: str,
    caller: MayRead,
    store: Reading,
    now: Now,
    *,
    service: Service,
    subject_type: SubjectKind = "unit",
) -> Response:
    """Say where a unit's number comes from: each border, each reading not taken, each version.

    The same document as `cloud-ingest explain --json`. Of an open month it is what would be counted
    now.
    """
    asked = Asked(caller.society, month, unit, service, subject_type)
    window = store.settings.self_read_window(caller.society)
    estimates = store.settings.estimates_of(caller.society)
    found = explain(store.conn, asked, now, self_read_window=window, estimates=estimates)
    return Response(_ORIGIN.dump_json(found, by_alias=True), media_type="application/json")


@router.get("/units/{unit:path}/curve")
def curve_of_unit(
    unit: str,
    caller: MayLook,
    store: Writing,
    now: Now,
    *,
    service: Service,
    day: date,
    reason: Annotated[str, Query(max_length=500, description="The resident reads it.")],
) -> DayCurve:
    """Return the quarter hours of a unit's day; that it was looked at, and why, is kept first."""
    today = day_of(now, store.zone)
    require_kept(day, today, store.settings.curves_kept_months(caller.society))
    found = day_curve(store.conn, caller.society_id, unit, service, day=day, zone=store.zone)
    look_by_program(
        store.conn,
        caller.society_id,
        unit,
        (day, day),
        token=caller.name,
        reason=reason,
        now=now,
    )
    return found


@router.get("/units/{unit:path}/looks")
def looks_at_unit(unit: str, caller: MayLook, store: Reading) -> list[CurveLook]:
    """Return who looked at a unit's quarter hours, and why, the newest first."""
    return who_looked(store.conn, caller.society_id, unit)
