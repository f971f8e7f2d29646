# SPDX-License-Identifier: MIT
"""The service has rights on data alone, and a reader sees the reports of its societies."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg import errors as pg
from psycopg import sql

from cloud_ingest.core.month import next_month
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.month.close import Closed
from cloud_ingest.operate.doctor import examine
from cloud_ingest.operate.evidence import keep_evidence, tend_evidence
from cloud_ingest.operate.upkeep import keep_months, upkeep
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, edition, translating
from cloud_ingest.store.evidence_months import begin_anew, evidence_months
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.rows import scalars
from tests.support.evidence import line_at
from tests.support.roles import END, NOW, OTHER, START, Roles, live_a_month, roles_apart
from tests.support.store import EDITIONS, SOCIETY, Site, every, local, role_at, server_of_edition

REPORTS = (
    "society", "gateway", "meter", "assignment", "channel", "reading", "reading_day",
    "reading_month", "month_number",
)  # fmt: skip
KEPT = ("batch", "binding_rule", "election", "event_change", "evidence", "evidence_anew",
        "history_import", "month_number", "month_withdrawal", "supply_entry")  # fmt: skip
RELATIONS = """
SELECT c.oid::regclass::text FROM pg_class AS c
WHERE relkind IN ('r', 'p', 'v')
  AND (relnamespace = 'metering'::regnamespace
       OR relname ~ '^(_hyper|_materialized|_partial|_direct|compress_hyper)')
"""


@pytest.fixture(scope="module", params=EDITIONS)
def server(request: pytest.FixtureRequest) -> str:
    return server_of_edition(request)


@pytest.fixture(scope="module")
def roles(server: str) -> Iterator[Roles]:
    with roles_apart(server) as found:
        yield found


@pytest.fixture(scope="module")
def month(roles: Roles, tmp_path_factory: pytest.TempPathFactory) -> list[Closed]:
    """July of both societies, as the service ingested and closed it."""
    with roles.connect(roles.service) as conn:
        return live_a_month(conn, tmp_path_factory.mktemp("units"))


@pytest.fixture
def service(roles: Roles, month: list[Closed]) -> Iterator[Connection]:
    assert month
    with roles.connect(roles.service) as conn:
        yield conn


@pytest.fixture
def reader(roles: Roles, month: list[Closed]) -> Iterator[Connection]:
    assert month
    with roles.connect(roles.reader) as conn:
        yield conn


@pytest.fixture(scope="module")
def changed(server: str) -> Iterator[Roles]:
    """Another store, whose roles and readings do not stay."""
    with roles_apart(server) as found:
        yield found


def refused(conn: Connection, statement: str) -> bool:
    """Whether a right is missing for a statement, or a view takes none; what it did is undone."""
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(statement.encode())
    except (pg.InsufficientPrivilege, pg.ObjectNotInPrerequisiteState):
        return True
    return False


def role_check(roles: Roles, role: str, name: str = "role") -> tuple[str, str, str]:
    settings = CloudSettings(broker_host="127.0.0.1", broker_port=1)
    found = examine(settings, roles.dsn_of(role), lambda: datetime.now(UTC))
    (check,) = [each for each in found if each.name == name]
    return check.level, check.said, check.advice


def test_the_service_closes_a_month(month: list[Closed]) -> None:
    assert [closed.published for closed in month] == [1, 1]
    assert {number.quantity for closed in month for number in closed.numbers} == {
        month[0].numbers[0].quantity
    }


def test_the_service_keeps_the_readings_in_shape(service: Connection) -> None:
    done = upkeep(service, NOW)
    assert bool(done.compressed) == (edition(service) == "timescale")
    later = StoreCache()
    at = int(local("2031-03-05 00:00").timestamp())
    make_partitions(service, later, [at])
    service.execute("INSERT INTO reading VALUES (1, to_timestamp(%s), 1, NULL, 1)", (at,))
    service.execute("DELETE FROM reading WHERE ts = to_timestamp(%s)", (at,))


def test_the_service_drops_what_retention_lets_go(changed: Roles) -> None:
    with changed.connect(changed.service) as conn:
        make_partitions(conn, StoreCache(), [int(START.timestamp())])
        conn.execute("INSERT INTO reading VALUES (1, %s, 1, NULL, 1)", (START,))
        if edition(conn) == "plain":
            with pytest.raises(pg.RaiseException, match="the readings of 2026-06 are kept"):
                conn.execute("SELECT drop_reading_partition('2026-06-01')")
        keep_months(conn, 13)
        assert upkeep(conn, NOW + timedelta(days=500)).dropped == 1
        assert scalars(conn, "SELECT raw FROM reading") == []


def test_the_service_shortens_what_the_owner_lets_go(changed: Roles, tmp_path: Path) -> None:
    with changed.connect(changed.service) as conn:
        site = Site(conn, tmp_path, OTHER, "gw-c")
        site.deliver("S-3", every(START, END, 1000, 10, timedelta(hours=1)))
        month = evidence_months(conn)[0]
        assert refused(conn, "UPDATE store SET keep_evidence = 13")
        with changed.connect(changed.owner) as own:
            keep_evidence(own, 13)
        begin_anew(conn, month)
        with pytest.raises(pg.RaiseException, match="stays whole"):
            conn.execute("SELECT shorten_evidence_partition(%s)", (month,))
        assert refused(conn, f"SELECT swap_evidence_partition('{month}')")
        with changed.connect(changed.owner) as own:
            line_at(own, next_month(month))
        assert [tend_evidence(conn, NOW) > 0 for _ in range(3)] == [True, True, False]
        (shortened,) = scalars(conn, "SELECT month FROM evidence_month")
        assert shortened == month
        assert refused(conn, f"DROP TABLE evidence_{month:%Y_%m}")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE metering.mine ()",
        "DROP TABLE metering.reading",
        "ALTER TABLE metering.claim ADD COLUMN mine int",
        "CREATE INDEX ON metering.claim (raw)",
        "ALTER TABLE metering.event DISABLE ROW LEVEL SECURITY",
        "DROP POLICY service ON metering.event",
        "CREATE FUNCTION metering.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION metering.days_between(date, date) SECURITY DEFINER",
        "UPDATE metering.store SET zone = 'UTC'",
        "UPDATE metering.store SET service_role = NULL",
        "DELETE FROM metering.migration",
        "INSERT INTO metering.reader_society VALUES ('me', 1)",
        "TRUNCATE metering.claim",
        "CREATE ROLE another",
    ],
)
def test_the_service_has_no_other_right(service: Connection, statement: str) -> None:
    assert refused(service, statement)


def test_what_was_said_cannot_be_taken_back(service: Connection) -> None:
    for table in KEPT:
        for words in ("DELETE FROM {}", "TRUNCATE {}", "SELECT FROM {} FOR UPDATE"):
            assert refused(service, words.format(table)), table


def test_the_service_is_not_asked_to_migrate(roles: Roles) -> None:
    code, said = roles.migrate(role=roles.service)
    assert (code, said.count("\n")) == (2, 1)
    assert f"the store belongs to {roles.owner}: run cloud-ingest migrate with a --dsn" in said


def test_the_doctor_is_content_with_the_service(roles: Roles) -> None:
    assert role_check(roles, roles.service) == (
        "ok",
        f"{roles.service} has rights on data alone; {roles.owner} owns the store",
        "",
    )


@pytest.mark.parametrize(
    ("taken", "says"),
    [
        ("REVOKE INSERT ON metering.claim FROM {}", "lacks INSERT on table claim"),
        ("REVOKE USAGE ON SCHEMA metering FROM {}", "lacks USAGE on schema metering"),
        ("REVOKE ALL ON metering.entry_order FROM {}", "lacks SELECT on sequence entry_order"),
        ("DROP POLICY service ON metering.event", "lacks ALL on policy event"),
    ],
)
def test_a_lost_right_is_named_and_given_again(roles: Roles, taken: str, says: str) -> None:
    with roles.connect(roles.owner) as owner:
        owner.execute(taken.format(roles.service).encode())
    level, said, advice = role_check(roles, roles.service)
    assert (level, says in said.replace("metering.", "")) == ("fail", True), said
    assert advice == (
        f"as {roles.owner}, who owns the store: cloud-ingest migrate --role {roles.service}"
    )
    assert roles.migrate()[0] == 0
    assert role_check(roles, roles.service)[0] == "ok"


def test_who_lost_a_right_is_told_in_a_sentence(roles: Roles) -> None:
    with roles.connect(roles.owner) as owner, roles.connect(roles.service) as conn:
        owner.execute(f"REVOKE INSERT ON metering.claim FROM {roles.service}".encode())
        insert = translating(lambda: conn.execute("INSERT INTO claim DEFAULT VALUES"))
        with pytest.raises(ConfigurationError, match="table claim: run it as the store's owner"):
            insert()
    assert roles.migrate()[0] == 0


def test_a_table_of_a_later_version_has_its_rights(roles: Roles) -> None:
    with roles.connect(roles.owner) as owner, roles.connect(roles.service) as conn:
        owner.execute("CREATE TABLE later (society_id int, said text)")
        assert refused(conn, "SELECT FROM later")
        assert roles.migrate()[0] == 0
        conn.execute("INSERT INTO later VALUES (1, 'ours'), (2, 'theirs'); TABLE later")
        assert scalars(conn, "SELECT relrowsecurity FROM pg_class WHERE relname = 'later'") == [
            True
        ]
        owner.execute("DROP TABLE later")


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
        owner.execute(f"GRANT SELECT ON metering.meter TO {other}".encode())
        level, said, advice = role_check(roles, roles.service, f"role {other}")
        assert (level, "shows it no society" in said) == ("warn", True)
        assert f"cloud-ingest migrate --reader {other} --society NAME" in advice
        owner.execute(f"REVOKE ALL ON SCHEMA metering FROM {other}".encode())
        owner.execute(f"REVOKE ALL ON metering.meter FROM {other}".encode())


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


def test_a_reader_is_given_other_societies(changed: Roles) -> None:
    with changed.connect(changed.reader) as conn:
        ask = "SELECT society FROM metering_report.society ORDER BY 1"
        assert scalars(conn, ask) == [SOCIETY]
        words = ("--reader", changed.reader, "--society", SOCIETY, "--society", OTHER)
        assert changed.migrate(*words)[0] == 0
        assert scalars(conn, ask) == [OTHER, SOCIETY]
        code, said = changed.migrate("--reader", changed.reader)
        assert (code, "sees the reports of nobody" in said) == (0, True)
        assert refused(conn, ask)


def test_another_role_takes_over_the_service(server: str, changed: Roles) -> None:
    with role_at(server) as other:
        changed.allow_transfer(other)
        code, said = changed.migrate("--role", other)
        assert (code, "name it in the dsn of the service" in said) == (0, True)
        changed.end_transfer(other)
        assert role_check(changed, other)[0] == "ok"
        with changed.connect(changed.service) as conn:
            assert refused(conn, "SELECT FROM metering.store")
        changed.allow_transfer(changed.service)
        assert changed.migrate("--role", changed.service)[0] == 0
        with changed.connect() as admin:
            admin.execute(f"DROP OWNED BY {other}".encode())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--role", "{owner}"), "may act as the store's owner"),
        (("--role", "{reader}"), "is a reader's role: name another"),
        (("--reader", "{service}"), "is the service's role: name another"),
        (("--role", "absent_role"), "createuser --pwprompt absent_role"),
        (("--reader", "{reader}", "--society", "Nowhere"), "no society is called 'Nowhere'"),
        (("--society", "Lake View"), "name it with --reader"),
        (("--plan", "--role", "x"), "leave --plan out"),
    ],
)
def test_a_role_that_does_not_fit_is_refused(
    roles: Roles, words: tuple[str, ...], says: str
) -> None:
    names = {"owner": roles.owner, "service": roles.service, "reader": roles.reader}
    code, said = roles.migrate(*(word.format(**names) for word in words))
    assert (code, says in said) == (2, True), said
    assert role_check(roles, roles.service)[0] == "ok"


def test_a_role_is_made_without_a_password(roles: Roles) -> None:
    with roles.connect() as admin:
        admin.execute(f"ALTER ROLE {roles.owner} CREATEROLE".encode())
        try:
            code, said = roles.migrate("--reader", "made_reader", "--society", SOCIETY)
            assert (code, "by \\password made_reader" in said) == (0, True)
            assert scalars(
                admin, "SELECT rolpassword FROM pg_authid WHERE rolname = 'made_reader'"
            ) == [None]
        finally:
            admin.execute("DROP OWNED BY made_reader; DROP ROLE made_reader")
            admin.execute(f"ALTER ROLE {roles.owner} NOCREATEROLE".encode())
