# SPDX-License-Identifier: MIT
"""Who still has to be read by a person, so that a month can end: no reading is near its border.

A meter without a data port is read by its resident. One whose gateway is away, or that has not been
read for a day, may come by itself: a look at its dial is the safe way, as long as the month may end
with it. What the gateway kept counts before the dial, whenever it comes.

In: a society, a month, the time. Out: one value for each meter, those without a data port first.
Never: a write.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month
from cloud_ingest.core.register import tolerance_of
from cloud_ingest.core.rules.offline import SILENCE
from cloud_ingest.month.boundaries import month_channels
from cloud_ingest.store.assignments import Assignment, assignments_to_ask
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.gateways import standings
from cloud_ingest.store.read_failures import UnheardMeter, unheard_meters
from cloud_ingest.store.readings_read import HandWindow, Window, boundary_readings
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.message import MeterId

WhyToRead = Literal["no_data_port", "gateway_away", "not_read"]


@dataclass(frozen=True, slots=True)
class ToRead:
    """A meter whose dial a person should read for the end of a month."""

    subject_type: SubjectKind
    """A bulk meter's dial, too: its tower's balance needs it."""
    subject: str
    tower: str | None
    service: Service
    source: str
    meter: MeterId
    why: WhyToRead
    gateway: str | None
    """Who should read it by itself; None: nobody, or it is not known."""
    since: datetime | None
    """Its newest reading that it gave by itself; None: none."""
    border: datetime
    read_from: datetime
    """A dial that is read from here on may end the month."""
    until: datetime
    """Up to here."""


def still_to_read(
    conn: Connection, society_id: int, span: Month, now: datetime, window: timedelta
) -> tuple[ToRead, ...]:
    """Return the meters that a person should read for the end of a month.

    Args:
        conn: The store.
        society_id: Whose they are.
        span: The month.
        now: The time.
        window: How far from the border a dial may end the month.
    """
    border = span.end
    silent = _silent(conn, society_id, border, now)
    asked = assignments_to_ask(conn, society_id, border, silent)
    read = read_near(conn, asked, border, window)
    found = [
        _to_read(each, silent.get(each.meter_id), border, window)
        for each in asked
        if each.meter_id not in read
    ]
    order: Sequence[WhyToRead] = ("no_data_port", "gateway_away", "not_read")
    return tuple(sorted(found, key=lambda one: order.index(one.why)))


def read_near(
    conn: Connection, assigned: Iterable[Assignment], border: datetime, window: timedelta
) -> frozenset[int]:
    """Return which meters have a reading that a month may end with, by their numbers."""
    billed = month_channels(conn, list(assigned), BILLED_REGISTER)
    of_channel = {each.channel_id: each.meter_id for each in billed.channels}
    if not of_channel:
        return frozenset()
    shortly_before = [
        Window(each.channel_id, border - tolerance_of(each.period_s), border)
        for each in billed.channels
    ]
    by_hand = HandWindow(border - window, border + window, tuple(of_channel))
    found = boundary_readings(
        conn, last_in=shortly_before, by_hand_in=[by_hand], exponents=billed.exponents
    )
    return frozenset(of_channel[channel] for channel in found)


@dataclass(frozen=True, slots=True)
class _Silent:
    meter: UnheardMeter
    is_away: bool
    """Its gateway is."""


def _silent(
    conn: Connection, society_id: int, border: datetime, now: datetime
) -> dict[int, _Silent]:
    """Return the meters that should speak by themselves and do not, by their numbers."""
    a_day_ago = now - SILENCE
    before = max(border, a_day_ago) if now >= border else a_day_ago
    unheard = unheard_meters(conn, now, [society_id], before)
    online = {each.gateway for each in standings(conn, now) if each.state == "online"}
    found: dict[int, _Silent] = {}
    for each in unheard:
        is_away = each.gateway is not None and each.gateway not in online
        is_old = each.last_reading_at is None or each.last_reading_at < a_day_ago
        if is_away or is_old:
            found[each.meter_id] = _Silent(each, is_away)
    return found


def _to_read(
    served: Assignment, silent: _Silent | None, border: datetime, window: timedelta
) -> ToRead:
    why: WhyToRead = "no_data_port"
    if silent is not None and not served.legacy:
        why = "gateway_away" if silent.is_away else "not_read"
    return ToRead(
        subject_type=served.subject_type,
        subject=served.subject,
        tower=served.tower,
        service=served.service,
        source=served.source,
        meter=served.meter,
        why=why,
        gateway=None if silent is None else silent.meter.gateway,
        since=served.last_reading_at,
        border=border,
        read_from=border - window,
        until=border + window,
    )
