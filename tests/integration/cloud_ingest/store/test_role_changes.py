# SPDX-License-Identifier: MIT
"""Roles come, change and go; what the service lets go, the owner has let go."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg import errors as pg

from cloud_ingest.core.month import next_month
from cloud_ingest.operate.evidence import keep_evidence, tend_evidence
from cloud_ingest.operate.upkeep import keep_months, upkeep
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import edition
from cloud_ingest.store.evidence_months import begin_anew
from cloud_ingest.store.partitions import make_partitions, partitions
from cloud_ingest.store.rows import scalars
from tests.support.backup import programs_beside
from tests.support.evidence import line_at
from tests.support.roles import END, NOW, OTHER, START, Roles, refused, role_check
from tests.support.servers import SqlServer
from tests.support.store import SOCIETY, Site, database_at, every, role_at


def test_the_service_drops_what_retention_lets_go(roles: Roles) -> None:
    with roles.connect(roles.service) as conn:
        make_partitions(conn, StoreCache(), [int(START.timestamp())])
        conn.execute("INSERT INTO reading VALUES (1, %s, 1, NULL, 1)", (START,))
        if edition(conn) == "plain":
            with pytest.raises(pg.RaiseException, match="the readings of 2026-06 are kept"):
                conn.execute("SELECT drop_reading_partition('2026-06-01')")
        keep_months(conn, 13)
        assert upkeep(conn, NOW + timedelta(days=500)).dropped == 1
        assert scalars(conn, "SELECT raw FROM reading") == []


def test_the_service_shortens_what_the_owner_lets_go(roles: Roles, tmp_path: Path) -> None:
    with roles.connect(roles.service) as conn:
        site = Site(conn, tmp_path, OTHER, "gw-c")
        site.deliver("S-3", every(START, END, 1000, 10, timedelta(hours=1)))
        month = partitions(conn, "evidence")[0]
        assert refused(conn, "UPDATE store SET keep_evidence = 13")
        with roles.connect(roles.owner) as own:
            keep_evidence(own, 13)
        begin_anew(conn, month)
        with pytest.raises(pg.RaiseException, match="stays whole"):
            conn.execute("SELECT shorten_evidence_partition(%s)", (month,))
        assert refused(conn, f"SELECT swap_evidence_partition('{month}')")
        with roles.connect(roles.owner) as own:
            line_at(own, next_month(month))
        assert [tend_evidence(conn, NOW) > 0 for _ in range(3)] == [True, True, False]
        (shortened,) = scalars(conn, "SELECT month FROM evidence_month")
        assert shortened == month
        assert refused(conn, f"DROP TABLE evidence_{month:%Y_%m}")


def test_a_reader_is_given_other_societies(roles: Roles) -> None:
    with roles.connect(roles.reader) as conn:
        ask = "SELECT society FROM metering_report.society ORDER BY 1"
        assert scalars(conn, ask) == [SOCIETY]
        words = ("--reader", roles.reader, "--society", SOCIETY, "--society", OTHER)
        assert roles.migrate(*words)[0] == 0
        assert scalars(conn, ask) == [OTHER, SOCIETY]
        code, said = roles.migrate("--reader", roles.reader)
        assert (code, "sees the reports of nobody" in said) == (0, True)
        assert refused(conn, ask)


def test_a_restored_store_keeps_its_roles(
    server: str,
    roles: Roles,
    postgres_server: SqlServer,
    tmp_path: Path,
) -> None:
    with roles.connect() as admin:
        timescale = edition(admin) != "plain"
    programs = programs_beside(None if timescale else postgres_server, roles.dsn)
    file = tmp_path / "metering.dump"
    assert roles.migrate("--reader", roles.reader, "--society", SOCIETY)[0] == 0
    programs.dump(roles.dsn_of(roles.owner), file)
    with database_at(server, roles.owner) as empty:
        programs.restore(file, empty, roles.owner, timescale=timescale)
        back = replace(roles, dsn=empty)
        assert back.migrate("--restored")[0] == 0
        assert role_check(back, back.service)[0] == "ok"
        with back.connect(back.service) as conn:
            conn.execute("INSERT INTO dirty (day, channels) VALUES ('2027-12-20', '{1}')")
            assert refresh(conn, NOW + timedelta(days=500)).days == 1
        with back.connect(back.reader) as conn:
            assert scalars(conn, "SELECT society FROM metering_report.society") == [SOCIETY]


def test_a_role_of_another_server_is_left_out(roles: Roles) -> None:
    with roles.connect(roles.owner) as owner:
        owner.execute("UPDATE store SET service_role = 'of another server'")
        assert roles.migrate()[0] == 0
        owner.execute("UPDATE store SET service_role = %s", (roles.service,))


def test_another_role_takes_over_the_service(server: str, roles: Roles) -> None:
    with role_at(server) as other:
        roles.allow_transfer(other)
        code, said = roles.migrate("--role", other)
        assert (code, "name it in the dsn of the service" in said) == (0, True)
        roles.end_transfer(other)
        assert role_check(roles, other)[0] == "ok"
        with roles.connect(roles.service) as conn:
            assert refused(conn, "SELECT FROM metering.store")
        roles.allow_transfer(roles.service)
        assert roles.migrate("--role", roles.service)[0] == 0
        with roles.connect() as admin:
            admin.execute(f"DROP OWNED BY {other}".encode())
