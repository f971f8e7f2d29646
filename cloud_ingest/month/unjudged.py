# SPDX-License-Identifier: MIT
"""What nobody has judged yet of the readings that a closing is about to read.

Readings are judged when their days are rolled up. Those that a commit brings between the refresh
and the snapshot of a closing are not: a false one among them would be billed. Each commit says what
it stored of which registers. Of these the closing asks, within its snapshot, whether their
judgement would change anything. Most are sound, and nothing waits for them.

A closing may begin months before the one that is asked for, and goes on after it: the meters of all
of them are looked at, as far back as a catch-up reaches.

In: the store, within the snapshot of a closing. Out: the registers that must be judged first.
Never: a look at channels that no month of the chain reads, or at days after those that it reads.
"""

from cloud_ingest.core.month import DAY, Month, midnight, month_of, months_back, next_month
from cloud_ingest.month.boundaries import MONTHS_LOOKED_BACK, last_day_read
from cloud_ingest.month.closing import Closing
from cloud_ingest.store.assignments import assignments_between
from cloud_ingest.store.channels import channels_of_meters
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import closed_months
from cloud_ingest.store.migrate import Store
from cloud_ingest.store.suspects import Suspect
from cloud_ingest.validation.judge import unjudged
from shared_schema.catalogue import BILLED_REGISTER


def unjudged_registers(conn: Connection, closing: Closing, store: Store) -> list[Suspect]:
    """Return the registers of a closing that must be judged before it may count them."""
    last = _last_closed(conn, closing)
    *_, first = months_back(closing.span, closing.zone, MONTHS_LOOKED_BACK)
    assigned = assignments_between(conn, closing.society_id, first.start, last.end, checks="with")
    meters = {assignment.meter_id for assignment in assigned}
    codes = {str(code) for code in BILLED_REGISTER.values()}
    channels = {each.channel_id for each in channels_of_meters(conn, meters, codes)}
    until = midnight(last_day_read(last, closing.self_read_window) + DAY, closing.zone)
    return unjudged(conn, channels, until, store, closing.now)


def _last_closed(conn: Connection, closing: Closing) -> Month:
    """Return the last month that closing this one may close again, or this one."""
    following: dict[str, Month] = {}
    first = next_month(closing.span.first)
    while first <= closing.now.astimezone(closing.zone).date():
        month = month_of(first.year, first.month, closing.zone)
        following[str(month)] = month
        first = next_month(first)
    closed = closed_months(conn, closing.society_id, following)
    return following[closed[-1]] if closed else closing.span
