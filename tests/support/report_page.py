# SPDX-License-Identifier: MIT
"""The page of the views of reports, written from a store's own catalogue and its comments.

Run as ``python -m tests.support.report_page docs/reference``: it starts a server and makes a store.
"""

import sys
from itertools import groupby
from pathlib import Path

from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from deploy.demo.postgres import local_postgres

NAME = "views.md"
_HEAD = """# Views of reports

Generated from the comments of the store by `make docs`. The schema `metering_report` is for people
and programs beside the service: spreadsheets, dashboards, a report of your own. A role that
`cloud-ingest migrate --reader ROLE` made sees its societies in it, and nothing of `metering`
([Roles: owner, service, readers](../howto/own-database.md#roles-owner-service-readers)). A reader's
own functions are asked only of rows that it may see (`security_barrier`).

The quantities that billing was told of July:
```sql
SELECT DISTINCT ON (subject, service) subject, service, quantity, quality
FROM metering_report.month_number
WHERE month = '2026-07'
ORDER BY subject, service, version DESC;
```
The highest voltages of a day; value = raw * 10^scaler:
```sql
SELECT serial, max_raw * 10::numeric ^ scaler AS highest
FROM metering_report.meter
JOIN metering_report.channel USING (society, meter_id)
JOIN metering_report.reading_day USING (society, channel_id)
WHERE obis = '1.0.12.7.0.255' AND day = '2026-07-31';
```
Ask readings, days and months by `channel_id` and time: these have an index."""
_COLUMNS = """
SELECT relname, obj_description(pg_class.oid), attname, format_type(atttypid, atttypmod),
       col_description(pg_class.oid, attnum)
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
WHERE relnamespace = 'metering_report'::regnamespace AND relkind = 'v'
ORDER BY pg_class.oid, attnum
"""


def report_page(conn: Connection) -> str:
    """Return the page of a store's views."""
    parts = [_HEAD]
    found = conn.execute(_COLUMNS.encode()).fetchall()
    for (view, about), columns in groupby(found, key=lambda row: (row[0], row[1])):
        rows = [f"| `{name}` | {kind} | {meaning} |" for _, _, name, kind, meaning in columns]
        table = "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])
        parts += [f"## {view}", f"{about[:1].upper()}{about[1:]}.", table]
    return "\n\n".join(parts) + "\n"


def main(folder: Path) -> None:
    """Write the page below a folder."""
    with local_postgres(durable=False) as server, connect(server.dsn_of("postgres")) as conn:
        migrate(conn)
        (folder / NAME).write_text(report_page(conn), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
