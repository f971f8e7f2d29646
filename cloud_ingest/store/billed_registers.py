# SPDX-License-Identifier: MIT
"""The billed register of a meter: the channels that show it, and all that was said of it.

In: meters, a register and a stretch of time. Out: registers, claims with the words of persons.
Never: a write.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from cloud_ingest.core.judgement import Claims, DialChannel, Moment, Ruling, StoredClaim
from cloud_ingest.core.meter_status import NO_BITS, StatusBits
from cloud_ingest.core.rating import Rating, most_per_hour
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.rows import all_rows
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.quality import Origin

SERVICE_OF = {str(code): service for service, code in BILLED_REGISTER.items()}
_SELF_READ = tuple(Origin).index(Origin.SELF_READ)


@dataclass(frozen=True, slots=True)
class Dial:
    """A meter's billed register, and the channels that show it."""

    meter_id: int
    obis: str
    service: Service
    most_per_hour: Decimal
    """kWh or kL that it cannot count."""
    channels: tuple[DialChannel, ...]
    status_bits: StatusBits = NO_BITS

    @property
    def finest(self) -> int:
        """The exponent of the finest step among its channels."""
        return min(channel.exponent for channel in self.channels)

    @property
    def channel_ids(self) -> list[int]:
        """The ids of its channels."""
        return [channel.channel_id for channel in self.channels]


@translating
def dials_of(conn: Connection, meters: Collection[int]) -> dict[tuple[int, str], Dial]:
    """Return the billed registers of meters, by meter id and code."""
    arguments = {"meters": sorted(meters), "codes": sorted(SERVICE_OF)}
    rows = conn.execute(query("validation/registers"), arguments).fetchall()
    epochs = epochs_of(conn, [row[0] for row in rows])
    found: dict[tuple[int, str], Dial] = {}
    for channel_id, meter_id, obis, unit, scaler, weight, only_units, *known in rows:
        *rating, invalid, clock = known
        service = SERVICE_OF[obis]
        exponent = billing_exponent(service, unit, scaler)
        if exponent is None:
            continue
        own = DialChannel(channel_id, exponent, weight, tuple(epochs.get(channel_id, ())))
        former = found.get((meter_id, obis))
        channels = (own,) if former is None else (*former.channels, own)
        most = most_per_hour(service, only_units=only_units, rating=Rating(*rating))
        bits = StatusBits(invalid, clock)
        found[meter_id, obis] = Dial(meter_id, obis, service, most, channels, bits)
    return found


@translating
def claims_of(conn: Connection, dial: Dial, start: datetime, end: datetime) -> Claims:
    """Return all that was said of a register after a time, up to another."""
    arguments = {
        "channels": dial.channel_ids,
        "start": start,
        "end": end,
        "self_read": _SELF_READ,
    }
    elected: dict[Moment, StoredClaim] = {}
    beside: list[tuple[datetime, StoredClaim]] = []
    for channel_id, ts, raw, status, origin, received_at in conn.execute(
        query("validation/claims"), arguments, binary=True
    ):
        claim = StoredClaim(channel_id, ts, raw, origin, status)
        if received_at is None:
            elected[channel_id, ts] = claim
        else:
            beside.append((received_at, claim))
    beside.sort(reverse=True)
    rulings = all_rows(conn, Ruling, query("validation/rulings"), arguments)
    # A moment of which nothing is elected, and nobody set anything aside, was dropped.
    known = elected.keys() | {(ruling.channel_id, ruling.ts) for ruling in rulings}
    known |= set(
        conn.execute(
            """
            SELECT channel_id, extract(epoch FROM ts)::bigint FROM verdict
            WHERE channel_id = ANY(%(channels)s::int[]) AND ts > %(start)s AND ts <= %(end)s
            """,
            arguments,
            binary=True,
        )
    )
    return Claims(elected, [claim for _, claim in beside if claim.moment in known], rulings)
