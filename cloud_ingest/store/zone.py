# SPDX-License-Identifier: MIT
"""The time zone that a store is made with: its days and months are of it for ever.

In: a name. Out: the same, where a store can have it. Never: a change of a store's zone.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from cloud_ingest.errors import MigrationRefused
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.identity import server_knows_zone

DEFAULT_ZONE = "Asia/Kolkata"


def known_zone(conn: Connection, zone: str) -> str:
    """Return the name of a zone that a store can have.

    Raises:
        MigrationRefused: the database or this program does not know it, or its 00:00 comes twice.
    """
    if not server_knows_zone(conn, zone) or zone not in available_timezones():
        raise MigrationRefused(
            f"{zone!r} is not a time zone that the database and this program both know: "
            f"give a name such as {DEFAULT_ZONE}"
        )
    if repeats_midnight(ZoneInfo(zone)):
        raise MigrationRefused(
            f"the clocks of {zone} go back over 00:00, so that a day would begin twice: "
            "give a zone whose 00:00 comes once a day"
        )
    return zone


def repeats_midnight(zone: ZoneInfo) -> bool:
    """Say whether a local 00:00 comes twice on some day of 2024 to 2037; pure.

    The database takes the second one for the border of the day, but counts what lies between
    them to the day that has begun: no bucket would hold it rightly.
    """
    first = datetime(2024, 1, 1, tzinfo=zone)
    midnights = (first + timedelta(days=number) for number in range(14 * 365))
    return any(at.astimezone(UTC) < at.replace(fold=1).astimezone(UTC) for at in midnights)


def other_zone(given: str, stored: str) -> str:
    """Say that a store is of another zone; pure."""
    return (
        f"the store's days and months are of {stored}, not of {given}: "
        f"give {stored}, or use another database"
    )
