# SPDX-License-Identifier: MIT
"""Rows become values by the names of their columns, in whatever order a query has them."""

from dataclasses import dataclass
from typing import NamedTuple

import pytest

from cloud_ingest.store.connection import connect
from cloud_ingest.store.rows import all_rows, one_row, scalar, scalars


class Pair(NamedTuple):
    left: int
    right: int


@dataclass(frozen=True)
class Both:
    left: int
    right: int


STATEMENTS = (
    "SELECT n AS left, n * 10 AS right FROM generate_series(1, 2) AS n",
    "SELECT n * 10 AS right, n AS left FROM generate_series(1, 2) AS n",
)


@pytest.mark.parametrize("binary", [False, True])
def test_columns_are_matched_by_name(database: str, *, binary: bool) -> None:
    with connect(database) as conn:
        for statement in STATEMENTS:
            for make in (Pair, Both):
                found = all_rows(conn, make, statement, binary=binary)
                assert found == [make(1, 10), make(2, 20)]
                assert one_row(conn, make, statement) == make(1, 10)


@pytest.mark.parametrize("make", [Pair, Both])
@pytest.mark.parametrize("columns", ["1 AS left", "1 AS left, 2 AS right, 3 AS more"])
def test_other_columns_are_an_error(database: str, make: type, columns: str) -> None:
    with connect(database) as conn, pytest.raises(TypeError):
        all_rows(conn, make, "SELECT " + columns)


def test_a_statement_may_have_no_row(database: str) -> None:
    with connect(database) as conn:
        nothing = "SELECT 1 AS left, 2 AS right WHERE false"
        assert all_rows(conn, Pair, nothing) == []
        assert one_row(conn, Pair, nothing) is None
        assert scalar(conn, nothing) is None
        assert scalars(conn, "SELECT n FROM generate_series(1, 3) AS n") == [1, 2, 3]
