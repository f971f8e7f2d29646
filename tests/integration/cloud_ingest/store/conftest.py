# SPDX-License-Identifier: MIT
"""A store with roles apart for each module, on each edition."""

from collections.abc import Iterator

import pytest

from cloud_ingest.month.close import Closed
from cloud_ingest.store.connection import Connection
from tests.support.roles import Roles, live_a_month, roles_apart
from tests.support.store import EDITIONS, server_of_edition


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
