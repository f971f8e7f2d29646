# SPDX-License-Identifier: MIT
"""Fixtures of the benches that need a store: of each edition that is there."""

import pytest

from tests.support.store import empty_dsn, store_server

__all__ = ["edition", "empty_dsn", "store_server"]


@pytest.fixture
def edition(request: pytest.FixtureRequest) -> str:
    """That of the `store_server` of this bench."""
    return str(request.node.callspec.params["store_server"])
