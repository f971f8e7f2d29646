# SPDX-License-Identifier: MIT
"""Fixtures of the tests that need a store."""

from tests.support.store import conn, site, store_dsn, store_server

__all__ = ["conn", "site", "store_dsn", "store_server"]
