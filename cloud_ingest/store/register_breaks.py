# SPDX-License-Identifier: MIT
"""Where billed registers of meters break, for months and views.

In: meters. Out: their breaks. Never: a write; `cloud_ingest.store.judgements` keeps the table.
"""

from collections.abc import Collection
from decimal import Decimal

from cloud_ingest.core.quality import RegisterBreak
from cloud_ingest.store.billed_registers import SERVICE_OF
from cloud_ingest.store.connection import Connection, translating
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import Service
from shared_schema.quality import Reason

_REASON_OF_RULE = {"fall": Reason.REGISTER_DROP, "ceiling": Reason.IMPLAUSIBLE}


@translating
def breaks_of(
    conn: Connection, meters: Collection[int], *, vouched: bool = False
) -> dict[int, list[RegisterBreak]]:
    """Return the breaks of meters, by meter id, ascending.

    Args:
        conn: The store.
        meters: By their ids.
        vouched: Those that a person vouched for, which disprove nothing; else all others.
    """
    found: dict[int, list[RegisterBreak]] = {}
    for meter_id, obis, before, after, rule, former, later, *scales in conn.execute(
        """
        SELECT register_break.meter_id, register_break.obis,
               (neighbours -> 'before' ->> 'ts')::timestamptz, ts, rule,
               (neighbours -> 'before' ->> 'raw')::bigint,
               (neighbours -> 'after' ->> 'raw')::bigint,
               former.unit, former.scaler, later.unit, later.scaler
        FROM register_break
        LEFT JOIN channel former
          ON former.channel_id = (neighbours -> 'before' ->> 'channel_id')::int
        LEFT JOIN channel later
          ON later.channel_id = (neighbours -> 'after' ->> 'channel_id')::int
        WHERE register_break.meter_id = ANY(%s::int[]) AND vouched = %s
        ORDER BY register_break.meter_id, ts
        """,
        (sorted(meters), vouched),
    ):
        exponents = _exponents(SERVICE_OF[obis], *scales)
        values = None
        if exponents is not None:
            values = Decimal(former).scaleb(exponents[0]), Decimal(later).scaleb(exponents[1])
        each = RegisterBreak(before, after, _REASON_OF_RULE[rule], exponents, values)
        found.setdefault(meter_id, []).append(each)
    return found


def _exponents(
    service: Service,
    former_unit: int | None,
    former_scaler: int | None,
    unit: int | None,
    scaler: int | None,
) -> tuple[int, int] | None:
    """Return by what the readings on both sides of a break count."""
    if former_unit is None or former_scaler is None or unit is None or scaler is None:
        return None
    former = billing_exponent(service, former_unit, former_scaler)
    now = billing_exponent(service, unit, scaler)
    return None if former is None or now is None else (former, now)
