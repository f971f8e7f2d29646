# SPDX-License-Identifier: MIT
"""The reconciliation of a closed month: each tower's bulk meter against its units.

Of a unit whose change is held it takes what was published. A tower that has nothing to balance any
more is told once with nothing known, and then its topic is emptied. An approved month keeps the
balances that were told.

In: a closing, what each meter counted, and what stands although it counted something else. Out: a
reconciliation of each tower and service; what is new stands in the store and in the outbox, in the
caller's transaction. `core.balance_tree` counts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from types import MappingProxyType

from cloud_ingest.core.balance import (
    NO_LIMITS,
    NOTHING,
    Balance,
    Drawn,
    Entered,
    LimitsByMeter,
    MeterDraw,
    MeterLimits,
    Scope,
)
from cloud_ingest.core.balance_tree import balances
from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.exact import exactly
from cloud_ingest.entries.by_hand import entered_in
from cloud_ingest.month.balance_message import message_of
from cloud_ingest.month.closing import Closing, SubjectKey, is_said
from cloud_ingest.month.count import Counted
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.months import KeptReconciliation
from cloud_ingest.store.outbox import enqueue
from cloud_ingest.store.ratings import limits_of
from cloud_ingest.usage.given_back import NOBODY, GivenBack, Stretch, given_back, stretch_of
from shared_schema.balance import Reconciliation
from shared_schema.billing import MeterMonth, MonthlyConsumption
from shared_schema.catalogue import Service
from shared_schema.message import MeterId
from shared_schema.quality import Origin, Quality, Reason
from shared_schema.topics import reconciliation_topic

NOTHING_LEFT = Balance(
    bulk=None,
    units=NOTHING,
    common=None,
    loss=None,
    loss_percent=None,
    units_known=0,
    units_total=0,
    quality=Quality.MISSING,
    reasons=(Reason.NO_METER,),
)


Standing = Mapping[SubjectKey, MonthlyConsumption | None]
"""What is published although a closing finds something else; None: nothing is."""


def reconcile(
    conn: Connection,
    closing: Closing,
    subjects: Mapping[SubjectKey, Sequence[Counted]],
    standing: Standing,
) -> list[Reconciliation]:
    """Publish the reconciliations that are new or differ from their former one."""
    kept = months.kept_reconciliations(conn, closing.society_id, closing.month)
    before = {(each.message.tower, each.message.service): each for each in kept}
    floor = months.version_floor(conn)
    found: list[Reconciliation] = []
    for result in reconciliations_of(
        closing,
        subjects,
        standing,
        _entered(conn, closing),
        limits_of(conn, closing.society_id),
        exports=exports_of(conn, subjects, standing),
    ):
        former = before.pop((result.tower, result.service), None)
        if former is not None and former.stands and _is_said(former.message, result, floor):
            found.append(former.message)
            continue
        said = _following(former, result, floor)
        _send(conn, closing.society_id, said)
        found.append(said)
    for former in before.values():
        if former.stands or former.message.version < floor:
            _take_back(conn, closing, former, floor)
    return found


def kept_balances(conn: Connection, closing: Closing) -> list[Reconciliation]:
    """Return the balances of an approved month as they were told, once more after a restore."""
    floor = months.version_floor(conn)
    found: list[Reconciliation] = []
    for kept in months.kept_reconciliations(conn, closing.society_id, closing.month):
        said = kept.message
        if kept.stands and said.version < floor:
            said = said.model_copy(update={"version": floor})
            _send(conn, closing.society_id, said)
        if kept.stands:
            found.append(said)
    return found


def _send(conn: Connection, society_id: int, said: Reconciliation) -> None:
    line = months.put_reconciliation(conn, society_id, said)
    topic = reconciliation_topic(said.society, said.month, said.tower, said.service)
    enqueue(conn, topic, line, retain=True)


def _entered(conn: Connection, closing: Closing) -> list[Entered]:
    found = entered_in(conn, closing.society_id, closing.span, closing.zone)
    return [each.entered for each in found]


def _is_said(former: Reconciliation, result: Reconciliation, floor: int) -> bool:
    """Say whether what was sent says it; without a common meter an earlier version said 0."""
    if "commons" not in former.model_fields_set and not former.common and result.common is None:
        result = result.model_copy(update={"common": former.common})
    return is_said(former, result, floor)


def _following(
    former: KeptReconciliation | None, result: Reconciliation, floor: int
) -> Reconciliation:
    last = 0 if former is None else former.message.version
    return result.model_copy(update={"version": max(last + 1, floor)})


def _take_back(conn: Connection, closing: Closing, former: KeptReconciliation, floor: int) -> None:
    """Tell that a tower has nothing to balance any more, and empty its topic."""
    tower, service = former.message.tower, former.message.service
    topic = reconciliation_topic(closing.society, closing.month, tower, service)
    nothing = _following(former, message_of(closing, tower, service, NOTHING_LEFT), floor)
    line = months.put_reconciliation(conn, closing.society_id, nothing, stands=False)
    enqueue(conn, topic, line)
    enqueue(conn, topic, b"", retain=True)


def reconciliations_of(
    closing: Closing,
    subjects: Mapping[SubjectKey, Sequence[Counted]],
    standing: Standing = MappingProxyType({}),
    entered: Iterable[Entered] = (),
    limits: LimitsByMeter = MappingProxyType({}),
    *,
    exports: GivenBack = NOBODY,
) -> list[Reconciliation]:
    """Return the reconciliation of each tower and service; pure.

    Args:
        closing: The closing.
        subjects: What each meter counted.
        standing: What is taken instead for a subject.
        entered: What persons entered by hand of what came in.
        limits: How fine meters count, and by how much they may err.
        exports: What meters gave back.
    """
    drawn = [
        _drawn(key, parts, limits, exports, is_known=key not in standing)
        for key, parts in subjects.items()
        if standing.get(key) is None
    ]
    drawn += [
        _published(key, each, subjects.get(key, ()), limits, exports)
        for key, each in standing.items()
        if each is not None
    ]
    return [
        message_of(closing, tower, service, found)
        for (tower, service), found in sorted(
            _of_towers(balances(drawn, entered)), key=itemgetter(0)
        )
    ]


def _of_towers(
    found: Mapping[tuple[Scope, Service], Balance],
) -> Iterator[tuple[tuple[str, Service], Balance]]:
    """Give what is told to accounting: it books by tower."""
    for (tower, service), each in found.items():
        if tower is not None:
            yield (tower, service), each


def exports_of(
    conn: Connection, subjects: Mapping[SubjectKey, Sequence[Counted]], standing: Standing
) -> GivenBack:
    """Read what grid meters gave back, between the readings that their numbers lie between."""
    counted = [part for parts in subjects.values() for part in parts]
    published = [part for each in standing.values() if each is not None for part in each.parts]
    meters = {_meter(each.assignment.meter): each.assignment.meter_id for each in counted}
    stretches = [*map(_stretch, counted), *map(_published_stretch, published)]
    return given_back(conn, meters, stretches)


def _stretch(part: Counted) -> Stretch | None:
    """Return from when to when a meter was counted; a catch-up is not of this month alone."""
    measured, served = part.measured, part.assignment
    if measured.opening is None or measured.closing is None or measured.covers_from is not None:
        return None
    ends = (measured.opening.ts, measured.closing.ts)
    return stretch_of(_meter(served.meter), served.source, *ends)


def _published_stretch(part: MeterMonth) -> Stretch | None:
    return stretch_of(_meter(part.meter), part.source, part.opening.at, part.closing.at)


def _meter(meter: MeterId) -> tuple[str, str]:
    return (meter.manufacturer, meter.serial)


def _drawn(
    key: SubjectKey,
    parts: Sequence[Counted],
    limits: LimitsByMeter,
    exports: GivenBack,
    *,
    is_known: bool,
) -> Drawn:
    return Drawn(
        kind=key.kind,
        service=key.service,
        name=key.label,
        parts=tuple(
            MeterDraw(
                part.assignment.tower,
                part.assignment.source,
                _of_month(part) if is_known else None,
                Reason.SELF_READ in part.measured.reasons,
                part.assignment.parent,
                exports.of(_stretch(part)),
                _spread(part.measured),
                *_limits(part.assignment.meter, limits),
            )
            for part in parts
        ),
    )


def _limits(meter: MeterId, limits: LimitsByMeter) -> MeterLimits:
    return limits.get(_meter(meter), NO_LIMITS)


def _of_month(part: Counted) -> Decimal | None:
    """Return what a part counted in the month; of a catch-up that is not known."""
    return None if part.measured.covers_from is not None else part.measured.quantity


def _spread(measured: Measured) -> Decimal | None:
    """Say how far the truth may be from a quantity; None: nothing bounds it."""
    lower, upper, quantity = measured.lower, measured.upper, measured.quantity
    if quantity is None or (lower == quantity and upper == quantity):
        return NOTHING
    return None if lower is None or upper is None else _farthest(quantity, lower, upper)


def _farthest(quantity: Decimal, lower: Decimal, upper: Decimal) -> Decimal:
    with exactly():
        return max(quantity - lower, upper - quantity, NOTHING)


def _published(
    key: SubjectKey,
    number: MonthlyConsumption,
    counted: Sequence[Counted],
    limits: LimitsByMeter,
    exports: GivenBack,
) -> Drawn:
    return Drawn(
        kind=key.kind,
        service=key.service,
        name=key.label,
        parts=tuple(
            MeterDraw(
                part.tower or number.tower,
                part.source,
                part.quantity if number.since is None else None,
                Origin.SELF_READ in {part.opening.origin, part.closing.origin},
                _parent(part, counted),
                exports.of(_published_stretch(part)),
                NOTHING
                if part.bounds is None
                else _farthest(part.quantity, part.bounds.lower, part.bounds.upper),
                *_limits(part.meter, limits),
            )
            for part in number.parts
        ),
    )


def _parent(part: MeterMonth, counted: Sequence[Counted]) -> str | None:
    """Return what stood above the meter of a published part where it ended."""
    own = [each.assignment for each in counted if each.assignment.meter == part.meter]
    until = [each for each in own if each.valid_from < part.closing.at]
    return max(until or own, key=lambda each: each.valid_from).parent if own else None
