# SPDX-License-Identifier: MIT
"""What the doctor says of the role that it logs in as."""

import pytest

from cloud_ingest.operate.role_checks import check_role, check_service
from cloud_ingest.store.roles import Right, Service
from cloud_ingest.store.server_facts import Foreign, Role


@pytest.mark.parametrize(
    ("role", "level", "says"),
    [
        (Role("ingest", superuser=False, read_only=False, foreign=()), "ok", "owns the store"),
        (Role("postgres", superuser=True, read_only=False, foreign=()), "warn", "superuser"),
        (Role("ingest", superuser=False, read_only=True, foreign=()), "fail", "only read"),
    ],
)
def test_the_role(role: Role, level: str, says: str) -> None:
    found = check_role(role)
    assert (found.level, says in found.said, bool(found.advice) == (level != "ok")) == (
        level,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("of_superuser", "advice"),
    [(False, "as other: cloud-ingest migrate --role ingest"), (True, "own-database.md")],
)
def test_a_store_of_somebody_else(advice: str, *, of_superuser: bool) -> None:
    foreign = tuple(Foreign(name, "other", of_superuser) for name in ("a", "b"))
    found = check_role(Role("ingest", superuser=False, read_only=False, foreign=foreign))
    assert found.level == "fail"
    assert "a and 1 more in schema metering belong to other" in found.said
    assert advice in found.advice


RIGHT = Right("table", "claim", "INSERT")


@pytest.mark.parametrize(
    ("service", "level", "says", "advice"),
    [
        (Service("metering", False, [], []), "ok", "data alone; metering owns the store", ""),
        (
            Service("metering", False, [], [RIGHT] * 4),
            "fail",
            "lacks INSERT on table claim, INSERT on table claim, INSERT on table claim and 1 more",
            "as metering, who owns the store: cloud-ingest migrate --role ingest",
        ),
        (
            Service("metering", False, ["metering"], []),
            "warn",
            "may make tables in schema metering",
            "REVOKE CREATE ON SCHEMA metering FROM ingest",
        ),
        (Service("postgres", True, [], []), "warn", "is a superuser", "own-database.md"),
    ],
)
def test_the_role_of_the_service(service: Service, level: str, says: str, advice: str) -> None:
    role = Role("ingest", superuser=False, read_only=False, foreign=())
    found = check_service(role, service)
    assert (found.level, says in found.said, advice in found.advice) == (level, True, True)
