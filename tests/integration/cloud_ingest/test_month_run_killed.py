# SPDX-License-Identifier: MIT
"""A worker that is killed in the middle of a turn of the run, and the one that follows it."""

from datetime import datetime, time, timedelta

from cloud_ingest.store.connection import connect
from cloud_ingest.store.rows import scalar
from tests.support.gateway import block_line
from tests.support.received import read_received
from tests.support.service_site import GATEWAYS, NOW, Site, mosquitto, rolled_up, site, wait_until
from tests.support.store import ZONE, every

__all__ = ["mosquitto", "site"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BORDER = datetime.combine(NOW.astimezone(ZONE).date().replace(day=1), time(), ZONE)
ROWS = every(BORDER - 10 * DAY, BORDER, 100_000, 40, HOUR)
WAITS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def take_rows(site: Site) -> None:
    """Let a worker that closes nothing take what the meter counted."""
    sealer, gateway = site.gateway(GATEWAYS[0])
    with site.ingest(IOT_UTILITY_MONTH_RUN="false"):
        gateway.publish(sealer.topic, sealer.seal(block_line("1", ROWS, period_s=3600)))
        gateway.wait_receipt(sealer, site.key, 1)
        wait_until(lambda: rolled_up(site.conn) == (len(ROWS), len(ROWS)))


def test_a_turn_that_is_killed_is_taken_by_the_next(site: Site) -> None:
    site.meter("1", since=BORDER - 10 * DAY)
    take_rows(site)
    with connect(site.dsn) as holder:
        holder.execute("BEGIN; LOCK TABLE month_number IN EXCLUSIVE MODE")
        with site.ingest(IOT_UTILITY_RUN_FROM="00:00") as worker:
            wait_until(lambda: scalar(site.conn, WAITS))
            worker.kill()
            worker.wait(20)
        holder.execute("ROLLBACK")
    wait_until(lambda: not scalar(site.conn, WAITS))
    assert (site.count("month_number"), site.count("month_run")) == (0, 0)
    with site.ingest(IOT_UTILITY_RUN_FROM="00:00"):
        wait_until(lambda: site.count("month_run"))
    received = read_received(site.conn)
    assert [(each.version, str(each.month)) for each in received.numbers.values()] == [
        (1, f"{BORDER - DAY:%Y-%m}")
    ]
    assert list(received.faults()) == []
