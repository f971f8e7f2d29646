# SPDX-License-Identifier: MIT
"""The reconciliation of a closed month: each tower's bulk meter against its units.

In: a closing, and what each meter counted. Out: a reconciliation of each tower and service; what
is new stands in the store and in the outbox, in the caller's transaction. `core.balance` counts.
"""

from collections.abc import Mapping, Sequence

from cloud_ingest.core.balance import Balance, Drawn, MeterDraw, balance, taken_by_tower
from cloud_ingest.month.closing import Closing, SubjectKey, says_the_same
from cloud_ingest.month.count import Counted
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.outbox import enqueue
from shared_schema.billing import BILLING_UNITS, Reconciliation
from shared_schema.catalogue import Service
from shared_schema.quality import Reason
from shared_schema.topics import reconciliation_topic


def reconcile(
    conn: Connection, closing: Closing, subjects: Mapping[SubjectKey, Sequence[Counted]]
) -> list[Reconciliation]:
    """Publish the reconciliations that are new or differ from their former one."""
    former_results = months.reconciliations(conn, closing.society_id, closing.month)
    before = {(former.tower, former.service): former for former in former_results}
    found: list[Reconciliation] = []
    for result in reconciliations_of(closing, subjects):
        tower, service = result.tower, result.service
        former = before.get((tower, service))
        if former is not None and says_the_same(former, result):
            found.append(former)
            continue
        line = months.put_reconciliation(conn, closing.society_id, result)
        topic = reconciliation_topic(closing.society, closing.month, tower, service)
        enqueue(conn, topic, line, retain=True)
        found.append(result)
    return found


def reconciliations_of(
    closing: Closing, subjects: Mapping[SubjectKey, Sequence[Counted]]
) -> list[Reconciliation]:
    """Return the reconciliation of each tower and service; pure."""
    drawn = (_drawn(key, parts) for key, parts in subjects.items())
    return [
        _message(closing, tower, service, balance(taken))
        for (tower, service), taken in sorted(taken_by_tower(drawn).items())
    ]


def _drawn(key: SubjectKey, parts: Sequence[Counted]) -> Drawn:
    return Drawn(
        kind=key.kind,
        service=key.service,
        parts=tuple(
            MeterDraw(
                part.assignment.tower,
                part.assignment.source,
                part.measured.quantity,
                Reason.SELF_READ in part.measured.reasons,
            )
            for part in parts
        ),
    )


def _message(closing: Closing, tower: str, service: Service, result: Balance) -> Reconciliation:
    return Reconciliation(
        society=closing.society,
        month=closing.month,
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
