# SPDX-License-Identifier: MIT
"""Fixtures of the benches that need a store: of each edition that is there."""

from tests.support.store import empty_dsn, store_server

__all__ = ["empty_dsn", "store_server"]
