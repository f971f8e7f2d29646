# SPDX-License-Identifier: MIT
"""Fixtures of the tests that need a store."""

from tests.support.store import (
    conn,
    empty_dsn,
    plain_store_dsn,
    site,
    store_dsn,
    store_server,
    templates,
)

__all__ = [
    "conn",
    "empty_dsn",
    "plain_store_dsn",
    "site",
    "store_dsn",
    "store_server",
    "templates",
]
