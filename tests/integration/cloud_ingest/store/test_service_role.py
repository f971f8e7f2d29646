# SPDX-License-Identifier: MIT
"""The service has rights on data alone."""

import pytest

from cloud_ingest.core.role import Role
from cloud_ingest.entries.people import add_person
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.month.close import Closed
from cloud_ingest.month.erasure import erase_person
from cloud_ingest.operate.upkeep import upkeep
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, edition, translating
from cloud_ingest.store.month_locks import LockWord, add_lock_word
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.roles import WHAT_WAS_SAID
from cloud_ingest.store.rows import scalars
from tests.support.roles import NOW, Roles, refused, role_check
from tests.support.store import SOCIETY, local


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
    for table in WHAT_WAS_SAID:
        for words in ("DELETE FROM {}", "TRUNCATE {}", "SELECT FROM {} FOR UPDATE"):
            assert refused(service, words.format(table)), table


@pytest.mark.parametrize("table", ["meter_seal", "meter_event", "stream_break"])
def test_a_right_that_a_former_version_gave_is_taken(roles: Roles, table: str) -> None:
    delete, lock = (
        words.format(table) for words in ("DELETE FROM {}", "SELECT FROM {} FOR UPDATE")
    )
    with roles.connect(roles.owner) as owner, roles.connect(roles.service) as conn:
        owner.execute(f"GRANT UPDATE, DELETE ON {table} TO {roles.service}".encode())
        assert not refused(conn, delete)
        assert roles.migrate()[0] == 0
        assert refused(conn, delete)
        assert refused(conn, lock)


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
            code, said = roles.migrate("--reader", "made-reader", "--society", SOCIETY)
            assert (code, "by \\password made-reader" in said) == (0, True)
            assert scalars(
                admin, "SELECT rolpassword FROM pg_authid WHERE rolname = 'made-reader'"
            ) == [None]
        finally:
            admin.execute('DROP OWNED BY "made-reader"; DROP ROLE "made-reader"')
            admin.execute(f"ALTER ROLE {roles.owner} NOCREATEROLE".encode())


def test_the_service_erases_a_name_by_the_owners_function_alone(service: Connection) -> None:
    with service.transaction(force_rollback=True):
        for login in ("asha", "ravi"):
            add_person(service, SOCIETY, login, login, Role.MANAGER, unit=None, by="me", now=NOW)
        word = LockWord("2026-07", "approve", "asha", NOW, "", 1, "")
        add_lock_word(service, find_society(service, SOCIETY), word)
        assert refused(service, "UPDATE month_lock SET author = 'ravi'")
        alias = erase_person(service, "asha", by="ravi", now=NOW)
        assert scalars(service, "SELECT author FROM month_lock") == [alias]
        assert scalars(service, "SELECT login FROM account ORDER BY login") == [
            alias.replace(" ", "-"),
            "ravi",
        ]
