# SPDX-License-Identifier: MIT
"""Hold a month that was closed against the virtual meters' own registers."""

from collections import defaultdict
from decimal import Decimal

from deploy.demo.consumers import Inbox
from deploy.demo.society import month_start, next_month
from deploy.demo.story import OFFLINE, dial_times
from deploy.demo.world import World
from shared_schema.catalogue import BILLED_REGISTER, Service

SCALES = {"single_phase": -3, "three_phase": -2, "water": -3}
"""Power of ten from a model's raw register to kWh or kL."""

Quantities = dict[tuple[str, str], Decimal]


def true_quantities(world: World) -> Quantities:
    """Return each unit's and common area's month as its meters' registers tell it."""
    society = world.society
    boundaries = (month_start(society.month), month_start(next_month(society.month)))
    smart = [world.registers_at(at) for at in boundaries]
    dials = [world.registers_at(at) for at in dial_times(society, world.began)]
    found: Quantities = defaultdict(Decimal)
    for meter in society.meters:
        offline = meter.subject == OFFLINE and meter.service == "electricity"
        if meter.subject_type == "bulk" or offline:
            continue
        register = str(BILLED_REGISTER[Service(meter.service)])
        opening, closing = (at[meter.serial][register] for at in (dials if meter.legacy else smart))
        raw = Decimal(closing - opening).scaleb(SCALES[meter.model])
        found[meter.subject, meter.service] += raw
    return dict(found)


def billed_quantities(inbox: Inbox) -> Quantities:
    """Return what reached billing."""
    return {
        (subject, str(service)): number.quantity
        for (subject, service), number in inbox.numbers.items()
    }


DAYS_AGAINST_MONTHS = """
WITH step AS (
  SELECT channel_id, day,
    last_raw - lag(last_raw) OVER (PARTITION BY channel_id ORDER BY day) AS moved
  FROM reading_day
), month_sum AS (
  SELECT channel_id, sum(moved) AS days FROM step
  WHERE day >= %s AND day < %s AND moved IS NOT NULL
  GROUP BY channel_id
), boundary AS (
  SELECT channel_id,
    (SELECT raw FROM reading WHERE reading.channel_id = channel.channel_id AND ts <= %s
     ORDER BY ts DESC LIMIT 1) AS opening,
    (SELECT raw FROM reading WHERE reading.channel_id = channel.channel_id AND ts <= %s
     ORDER BY ts DESC LIMIT 1) AS closing
  FROM channel WHERE kind = 'register'
)
SELECT channel_id, days, closing - opening AS month
FROM boundary JOIN month_sum USING (channel_id)
WHERE opening IS NOT NULL
"""


def days_and_months(world: World) -> list[tuple[int, int, int]]:
    """Return (channel, sum of its days, its month) for every register, in raw units."""
    month, after = world.society.month, next_month(world.society.month)
    start, end = month_start(month), month_start(after)
    rows = world.query(DAYS_AGAINST_MONTHS, month, after, start, end)
    return [(row["channel_id"], int(row["days"]), int(row["month"])) for row in rows]
