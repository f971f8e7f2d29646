# SPDX-License-Identifier: MIT
"""The reconciliation of a closed month: each tower's bulk meter against its units.

Of a unit whose change is held it takes what was published. A tower that has nothing to balance any
more is told once with nothing known, and then its topic is emptied.

In: a closing, what each meter counted, and what stands although it counted something else. Out: a
reconciliation of each tower and service; what is new stands in the store and in the outbox, in the
caller's transaction. `core.balance` counts.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from cloud_ingest.core.balance import Balance, Drawn, MeterDraw, balance, taken_by_tower
from cloud_ingest.month.closing import Closing, SubjectKey, is_said
from cloud_ingest.month.count import Counted
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.months import KeptReconciliation
from cloud_ingest.store.outbox import enqueue
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption, Reconciliation
from shared_schema.catalogue import Service
from shared_schema.quality import Origin, Reason
from shared_schema.topics import reconciliation_topic

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
    for result in reconciliations_of(closing, subjects, standing):
        tower, service = result.tower, result.service
        former = before.pop((tower, service), None)
        if former is not None and former.stands and is_said(former.message, result, floor):
            found.append(former.message)
            continue
        said = _following(former, result, floor)
        line = months.put_reconciliation(conn, closing.society_id, said)
        topic = reconciliation_topic(closing.society, closing.month, tower, service)
        enqueue(conn, topic, line, retain=True)
        found.append(said)
    for former in before.values():
        if former.stands or former.message.version < floor:
            _take_back(conn, closing, former, floor)
    return found


def _following(
    former: KeptReconciliation | None, result: Reconciliation, floor: int
) -> Reconciliation:
    last = 0 if former is None else former.message.version
    return result.model_copy(update={"version": max(last + 1, floor)})


def _take_back(conn: Connection, closing: Closing, former: KeptReconciliation, floor: int) -> None:
    """Tell that a tower has nothing to balance any more, and empty its topic."""
    tower, service = former.message.tower, former.message.service
    topic = reconciliation_topic(closing.society, closing.month, tower, service)
    nothing = _following(former, _message(closing, tower, service, balance([])), floor)
    line = months.put_reconciliation(conn, closing.society_id, nothing, stands=False)
    enqueue(conn, topic, line)
    enqueue(conn, topic, b"", retain=True)


def reconciliations_of(
    closing: Closing,
    subjects: Mapping[SubjectKey, Sequence[Counted]],
    standing: Standing = MappingProxyType({}),
) -> list[Reconciliation]:
    """Return the reconciliation of each tower and service; pure.

    Args:
        closing: The closing.
        subjects: What each meter counted.
        standing: What is taken instead for a subject.
    """
    drawn = [
        _drawn(key, parts, is_known=key not in standing)
        for key, parts in subjects.items()
        if standing.get(key) is None
    ]
    drawn += [_published(key, each) for key, each in standing.items() if each is not None]
    return [
        _message(closing, tower, service, balance(taken))
        for (tower, service), taken in sorted(taken_by_tower(drawn).items())
    ]


def _drawn(key: SubjectKey, parts: Sequence[Counted], *, is_known: bool) -> Drawn:
    return Drawn(
        kind=key.kind,
        service=key.service,
        parts=tuple(
            MeterDraw(
                part.assignment.tower,
                part.assignment.source,
                _of_month(part) if is_known else None,
                Reason.SELF_READ in part.measured.reasons,
            )
            for part in parts
        ),
    )


def _of_month(part: Counted) -> Decimal | None:
    """Return what a part counted in the month; of a catch-up that is not known."""
    return None if part.measured.covers_from is not None else part.measured.quantity


def _published(key: SubjectKey, number: MonthlyConsumption) -> Drawn:
    return Drawn(
        kind=key.kind,
        service=key.service,
        parts=tuple(
            MeterDraw(
                part.tower or number.tower,
                part.source,
                part.quantity if number.since is None else None,
                Origin.SELF_READ in {part.opening.origin, part.closing.origin},
            )
            for part in number.parts
        ),
    )


def _message(closing: Closing, tower: str, service: Service, result: Balance) -> Reconciliation:
    return Reconciliation(
        society=closing.society,
        month=closing.month,
        zone=closing.zone.key,
        tower=tower,
        service=service,
        unit=BILLING_UNITS[service],
        bulk=result.bulk,
        units=result.units,
        common=result.common,
        loss=result.loss,
        loss_percent=result.loss_percent,
        units_known=result.units_known,
        units_total=result.units_total,
        quality=result.quality,
        reasons=result.reasons,
        closed_at=closing.now,
    )
