# SPDX-License-Identifier: MIT
"""What gateways said of meters to which they are not bound.

The rows themselves are in quarantine, and their batches among the evidence. Here stands one line
for each gateway and meter, however often it speaks.

In: rejections of a commit; a person's decision. Out: the claims that nobody has decided. Owns the
table ``foreign_claim``.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.accept import Accepted, QuarantineReason
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalar


@dataclass(frozen=True, slots=True)
class ForeignClaim:
    """A gateway that speaks for a meter to which it is not bound."""

    society_id: int
    society: str
    gateway: str
    manufacturer: str
    serial: str
    since: datetime
    """When the first of the gateway's entries in quarantine was received."""
    last_at: datetime
    batches: int
    quarantine_id: int
    """The first of the gateway's entries that are open."""
    bound_to: list[str]
    """Who may speak for the meter now."""


@translating
def note_foreign_claims(conn: Connection, deliveries: Iterable[Accepted]) -> None:
    """Note which gateways spoke for meters that are not theirs, in the caller's transaction."""
    found: dict[tuple[int, int], list[datetime]] = {}
    for delivery in deliveries:
        meters = {each.meter_id for each in delivery.rejections if each.meter_id is not None}
        for meter_id in meters:
            key = (delivery.gateway.gateway_id, meter_id)
            found.setdefault(key, []).append(delivery.received_at)
    if not found:
        return
    conn.execute(
        query("binding/foreign_claims_put"),
        {
            "gateways": [gateway_id for gateway_id, _ in found],
            "meters": [meter_id for _, meter_id in found],
            "firsts": [min(times) for times in found.values()],
            "lasts": [max(times) for times in found.values()],
            "batches": [len(times) for times in found.values()],
        },
    )


@translating
def foreign_claims(conn: Connection, society_id: int | None = None) -> list[ForeignClaim]:
    """Return the claims that nobody has decided; None: of all societies."""
    arguments = {"society_id": society_id, "reason": QuarantineReason.NOT_BOUND.value}
    return all_rows(conn, ForeignClaim, query("binding/foreign_claims"), arguments)


@translating
def kept_apart(conn: Connection, gateway_id: int) -> int:
    """Count what a gateway said of meters not bound to it that is in quarantine."""
    return int(
        scalar(
            conn,
            """
            SELECT count(*) FROM quarantine JOIN gateway ON gateway.name = quarantine.gateway
            WHERE gateway.gateway_id = %s AND reason = %s AND state = 'open'
            """,
            (gateway_id, QuarantineReason.NOT_BOUND.value),
        )
    )


@translating
def settle_foreign_claims(conn: Connection, meters: Collection[int], now: datetime) -> None:
    """Note that a person said who may speak for meters; what is claimed later is new."""
    conn.execute(
        """
        UPDATE foreign_claim SET settled_at = %s
        WHERE meter_id = ANY(%s::int[]) AND settled_at IS NULL
        """,
        (now, sorted(meters)),
    )
