# SPDX-License-Identifier: MIT
"""``cloud-ingest month run``: one turn of the run, by hand.

In: a month. Out: a line that counts. Never: a decision.
"""

from datetime import UTC, datetime

from cloud_ingest.cli.month import counted_line
from cloud_ingest.cli.month_lock import TheMonth
from cloud_ingest.cli.options import Config, Dsn, TheSociety, limits_of, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.core.month_name import named_month
from cloud_ingest.errors import CloseRefused
from cloud_ingest.month.run import RunSettings, closing_of, never_closed, run_turn
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import find_society, one_society


def run(
    month: TheMonth,
    *,
    society: TheSociety = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take one turn of the run: close the month as the leader does by itself.

    Example: cloud-ingest month run 2026-10 --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        conn, settings, now = opened.conn, opened.settings, datetime.now(UTC)
        span = named_month(month, opened.zone, now)
        name = one_society(conn, society)
        rules = RunSettings(settings.run_rules, settings.self_read_window, limits_of(settings))
        closing = closing_of((find_society(conn, name), name), opened.zone, now, rules, span)
        if closing is None:
            begins = settings.run_rules(name).run_from
            raise CloseRefused(f"the run of {span} begins at {begins:%H:%M} of the 1st after it")
        done = run_turn(conn, closing, open_store(conn))
        left = never_closed(conn, closing)
    for each in done.chain:
        say(counted_line(each))
    if left:
        say(f"never closed: {', '.join(left)}")
