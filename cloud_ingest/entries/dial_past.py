# SPDX-License-Identifier: MIT
"""What is known of a dial before somebody reads it: what it showed, what its unit uses.

Registers are shown as the dial would have shown them: with what stands between dial and module, and
without what the register lost by rolling over until the reading in question.

In: a dial value as a claim. Out: a `DialPast`. Never: a write.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from cloud_ingest.core.dial_reasons import HOURS_A_DAY, DialPast, NearbyDial, Shown, hours_between
from cloud_ingest.core.exact import exactly, widely
from cloud_ingest.core.rating import UNRATED, most_per_day
from cloud_ingest.core.register import Register, normalised
from cloud_ingest.entries.dial_value import DialChannel, DialClaim
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.dials import dials
from cloud_ingest.store.ratings import ratings_of, register_digits
from cloud_ingest.store.readings_read import latest, neighbours
from shared_schema.billing import billing_exponent

LOOK_BACK: Final = timedelta(days=28)
"""What is usual is what was used in about so long before the last reading."""
FEWEST_DAYS: Final = 7
_FINEST: Final = Decimal("0.001")
"""kWh or kL a day, to which what is usual is rounded."""


def dial_past(
    conn: Connection, society_id: int, meter: Assignment, channel: DialChannel, claim: DialClaim
) -> DialPast:
    """Return what is known of a dial and of its unit, without the dials nearby."""
    at = claim.register.ts
    adds = dials(conn, society_id).adds(str(meter.meter), at) or Decimal(0)
    with exactly():
        lost = normalised(claim.register, claim.epochs) - claim.register.value

    def shown(reading: Register | None) -> Shown | None:
        if reading is None or reading.ts == at:
            return None
        with exactly():
            return Shown(reading.ts, normalised(reading, claim.epochs) - lost + adds)

    rating = ratings_of(conn, [meter.meter_id]).get(meter.meter_id, UNRATED)
    return DialPast(
        service=meter.service,
        most_per_day=most_per_day(meter.service, meter.subject_type, rating),
        before=shown(claim.before),
        after=shown(claim.after),
        usual_per_day=_usual(conn, channel, claim),
        is_unit=meter.subject_type == "unit",
        whole_digits=register_digits(conn, meter.meter_id, at),
    )


def with_nearby(
    conn: Connection, society_id: int, meter: Assignment, past: DialPast, now: datetime
) -> DialPast:
    """Return the same with what the dials of the other units in its tower showed last."""
    return replace(past, nearby=tuple(_nearby(conn, society_id, meter, now)))


def _usual(conn: Connection, channel: DialChannel, claim: DialClaim) -> Decimal | None:
    """Return what was used in a day before the last reading; None: it was not read long enough."""
    before = claim.before
    if before is None:
        return None
    earlier, later = neighbours(conn, channel.exponents, before.ts - LOOK_BACK)
    since = earlier or later
    if since is None or before.ts - since.ts < timedelta(days=FEWEST_DAYS):
        return None
    with exactly():
        used = normalised(before, claim.epochs) - normalised(since, claim.epochs)
    with widely():
        a_day = used * HOURS_A_DAY / hours_between(since.ts, before.ts)
        return max(a_day, Decimal(0)).quantize(_FINEST)


def _nearby(
    conn: Connection, society_id: int, meter: Assignment, now: datetime
) -> Iterable[NearbyDial]:
    for row in latest(conn, society_id, now):
        is_other = (row.subject_type, row.subject) != (meter.subject_type, meter.subject)
        is_like = (row.tower, row.service) == (meter.tower, meter.service)
        if not is_other or not is_like or row.subject_type != "unit":
            continue
        if row.at is None or row.raw is None or row.unit is None or row.scaler is None:
            continue
        exponent = billing_exponent(meter.service, row.unit, row.scaler)
        if exponent is not None:
            yield NearbyDial(row.subject, Shown(row.at, Decimal(row.raw).scaleb(exponent)))
