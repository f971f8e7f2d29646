# SPDX-License-Identifier: MIT
"""``cloud-ingest`` of a version that is to come: this one, with two migrations more.

The first adds columns to the tables that every batch touches, the second takes one of them away.
Run it as a program: ``python -m tests.support.next_version migrate --dsn …``.
"""

from collections.abc import Callable

from cloud_ingest.cli.command_line import app
from cloud_ingest.store import migrate, migration
from cloud_ingest.store.migration import Migration, migrations, newest

THIS = newest()
TABLES = ("batch", "channel", "dirty", "gateway", "meter", "reading", "store", "stream_range")
BESIDE = Migration(
    f"{THIS + 1:04}_columns",
    f"-- beside: {THIS:04}\n"
    + "\n".join(f"ALTER TABLE {table} ADD COLUMN next int DEFAULT 0;" for table in TABLES),
)
AFTER = Migration(
    f"{THIS + 2:04}_without_a_column",
    f"-- after: {THIS + 1:04}\nALTER TABLE gateway DROP COLUMN next;",
)


def next_migrations() -> tuple[Migration, ...]:
    """Return all migrations of the next version."""
    return (*migrations(), BESIDE, AFTER)


def become(version: Callable[[], tuple[Migration, ...]]) -> None:
    """Let this process be of a version."""
    migration.migrations = migrate.migrations = version  # type: ignore[assignment, attr-defined]


if __name__ == "__main__":
    everything = next_migrations()
    become(lambda: everything)
    app()
