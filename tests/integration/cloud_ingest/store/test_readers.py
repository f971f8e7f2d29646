# SPDX-License-Identifier: MIT
"""A reader sees the reports of its societies, and nothing else."""

import pytest
from psycopg import sql

from cloud_ingest.store.connection import Connection
from cloud_ingest.store.locks import Lock
from cloud_ingest.store.rows import scalars
from tests.support.roles import Roles, refused, role_check
from tests.support.store import SOCIETY, role_at

REPORTS = (
    "society", "gateway", "meter", "assignment", "channel", "reading", "reading_day",
    "reading_month", "month_number",
)  # fmt: skip
RELATIONS = """
SELECT c.oid::regclass::text FROM pg_class AS c
WHERE relkind IN ('r', 'p', 'v')
  AND (relnamespace = 'metering'::regnamespace
       OR relname ~ '^(_hyper|_materialized|_partial|_direct|compress_hyper)')
"""


@pytest.mark.parametrize("view", REPORTS)
def test_a_reader_sees_its_society_alone(reader: Connection, view: str) -> None:
    report = sql.SQL("SELECT DISTINCT society FROM metering_report.{}").format(sql.Identifier(view))
    assert reader.execute(report).fetchall() == [(SOCIETY,)]


def test_every_report_is_of_a_society(reader: Connection) -> None:
    views = scalars(
        reader,
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'metering_report'::regnamespace",
    )
    assert set(REPORTS) | {"epoch", "flag"} == set(views)
    for view in views:
        report = sql.SQL("SELECT DISTINCT society FROM metering_report.{}")
        told = reader.execute(report.format(sql.Identifier(view))).fetchall()
        assert told in ([], [(SOCIETY,)])


def test_a_reader_sees_nothing_behind_the_reports(roles: Roles, reader: Connection) -> None:
    with roles.connect() as admin:
        admin.execute("SET search_path = pg_catalog")
        relations = scalars(admin, RELATIONS)
        functions = scalars(
            admin,
            "SELECT oid::regprocedure::text FROM pg_proc "
            "WHERE pronamespace = 'metering'::regnamespace",
        )
    assert len(relations) > 50
    assert [each for each in relations if not refused(reader, f"SELECT FROM {each}")] == []
    held = scalars(
        reader,
        "SELECT f FROM unnest(%s::text[]) AS f WHERE has_schema_privilege('metering', 'USAGE')",
        (functions,),
    )
    assert (len(functions) > 4, held) == (True, [])


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO metering_report.society (society) VALUES ('mine')",
        "UPDATE metering_report.flag SET message = ''",
        "DELETE FROM metering_report.month_number",
        "CREATE VIEW metering_report.mine AS SELECT 1",
        "CREATE OR REPLACE VIEW metering_report.society AS SELECT 1, 'Hill Top'",
        "SET ROLE {owner}",
        "SET ROLE {service}",
    ],
)
def test_a_reader_changes_nothing(roles: Roles, reader: Connection, statement: str) -> None:
    assert refused(reader, statement.format(owner=roles.owner, service=roles.service))


def test_a_leaky_function_learns_nothing_of_others(reader: Connection) -> None:
    """A function of the reader's own is asked only of rows that it may see."""
    reader.execute(
        """
        CREATE FUNCTION pg_temp.told(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
        BEGIN
          INSERT INTO heard VALUES ($1);
          RETURN true;
        END $$;
        CREATE TEMPORARY TABLE heard (word text)
        """
    )
    reader.execute("SELECT FROM metering_report.meter WHERE pg_temp.told(serial)")
    reader.execute("SELECT FROM metering_report.society WHERE pg_temp.told(society)")
    assert scalars(reader, "SELECT DISTINCT word FROM heard ORDER BY 1") == [SOCIETY, "S-1"]


def test_a_grant_too_many_stays_within_the_society(roles: Roles, reader: Connection) -> None:
    everything = (
        f"{{}} SELECT ON metering.meter, metering.event, metering.self_read {{}} {roles.reader}"
    )
    with roles.connect(roles.owner) as owner:
        owner.execute(f"GRANT USAGE ON SCHEMA metering TO {roles.reader}".encode())
        owner.execute(everything.format("GRANT", "TO").encode())
        try:
            assert scalars(reader, "SELECT serial FROM metering.meter") == ["S-1"]
        finally:
            owner.execute(everything.format("REVOKE", "FROM").encode())
            owner.execute(f"REVOKE USAGE ON SCHEMA metering FROM {roles.reader}".encode())


def test_a_role_that_was_granted_tables_is_told(server: str, roles: Roles) -> None:
    with role_at(server) as other, roles.connect(roles.owner) as owner:
        owner.execute(f"GRANT USAGE ON SCHEMA metering TO {other}".encode())
        owner.execute(f"GRANT SELECT ON metering.outbox TO {other}".encode())
        level, said, advice = role_check(roles, roles.service, f"role {other}")
        assert (level, "billing) show it all of them" in said) == ("warn", True)
        assert f"cloud-ingest migrate --reader {other} --society NAME" in advice
        code, told = roles.migrate("--reader", other, "--society", SOCIETY)
        assert (code, "may look into the schema metering" in told) == (2, True)
        owner.execute(f"REVOKE ALL ON SCHEMA metering FROM {other}".encode())
        owner.execute(f"REVOKE ALL ON metering.outbox FROM {other}".encode())


@pytest.mark.parametrize("group", ["{service}", "pg_read_all_data"])
def test_a_reader_in_a_role_that_sees_all_is_told(roles: Roles, group: str) -> None:
    group = group.format(service=roles.service)
    with roles.connect() as admin:
        admin.execute(f"GRANT {group} TO {roles.reader}".encode())
        try:
            code, said = roles.migrate("--reader", roles.reader, "--society", SOCIETY)
            assert (code, "may look into the schema metering" in said) == (2, True)
            assert role_check(roles, roles.service, f"role {roles.reader}")[0] == "warn"
        finally:
            admin.execute(f"REVOKE {group} FROM {roles.reader}".encode())
    assert roles.migrate("--reader", roles.reader, "--society", SOCIETY)[0] == 0


@pytest.mark.parametrize("lock", [f"{Lock.LEADER}", f"{Lock.CHAIN}, 7"])
def test_a_reader_that_holds_a_lock_of_the_store_is_told(
    roles: Roles, reader: Connection, lock: str
) -> None:
    reader.execute(f"SELECT pg_advisory_lock({lock})".encode())
    level, said, advice = role_check(roles, roles.service, f"locks of {roles.reader}")
    assert (level, "the service waits" in said) == ("fail", True)
    assert f"pg_terminate_backend({reader.info.backend_pid})" in advice


def test_every_table_of_societies_is_guarded(roles: Roles) -> None:
    with roles.connect() as admin:
        open_tables = scalars(
            admin,
            """
            SELECT relname::text FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
            WHERE relnamespace = 'metering'::regnamespace AND relkind IN ('r', 'p')
              AND attname = 'society_id' AND NOT relrowsecurity
            """,
        )
    assert open_tables == []
