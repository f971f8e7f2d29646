# SPDX-License-Identifier: MIT
"""One society, one server and one Chromium for all tests of this lane."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from cloud_ingest.store.connection import connect
from tests.support.chromium import FLAGS, chromium_or_skip
from tests.support.servers import SqlServer
from tests.support.store import Templates, templates
from tests.support.web import Web
from tests.web.place import Place, served
from tests.web.society import build

__all__ = ["templates"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    chromium = chromium_or_skip()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in chromium.environment.items():
            patch.setenv(name, value)
        with sync_playwright() as playwright:
            found = playwright.chromium.launch(executable_path=chromium.program, args=list(FLAGS))
            yield found
            found.close()


@pytest.fixture(scope="session")
def place(
    browser: Browser,
    postgres_server: SqlServer,
    templates: Templates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """The society's pages, served."""
    folder: Path = tmp_path_factory.mktemp("society")
    with (
        templates.copy(postgres_server.dsn_of("postgres")) as dsn,
        connect(dsn) as conn,
    ):
        own = build(conn, folder)
        web = Web(conn, dsn)
        with served(web.app) as address:
            yield Place(browser, web, own, address)
        web.close()
