# SPDX-License-Identifier: MIT
"""Rows of the database as values, made by the names of their columns.

In: a statement and its parameters. Out: what ``make`` returns for each row; it gets the columns as
named arguments, so that the order in which a query names them means nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, LiteralString, TypeVar

from psycopg.rows import kwargs_row, scalar_row

from cloud_ingest.store.connection import Connection

_T = TypeVar("_T")
_Parameters = Mapping[str, object] | Sequence[object] | None


def all_rows(
    conn: Connection,
    make: Callable[..., _T],
    statement: LiteralString,
    parameters: _Parameters = None,
    *,
    binary: bool = False,
    prepare: bool | None = None,
) -> list[_T]:
    """Return every row of a statement.

    Args:
        conn: The store.
        make: Called with the columns of each row by name: a dataclass, or a function.
        statement: What is asked.
        parameters: Its values.
        binary: Let the values come in the binary format: faster where there are many.
        prepare: Keep the plan or do not; None leaves it to the driver.
    """
    with conn.cursor(row_factory=kwargs_row(make), binary=binary) as cursor:
        return cursor.execute(statement, parameters, prepare=prepare).fetchall()


def one_row(
    conn: Connection,
    make: Callable[..., _T],
    statement: LiteralString,
    parameters: _Parameters = None,
) -> _T | None:
    """Return the first row of a statement, or None where it has none."""
    with conn.cursor(row_factory=kwargs_row(make)) as cursor:
        return cursor.execute(statement, parameters).fetchone()


def scalars(
    conn: Connection, statement: LiteralString, parameters: _Parameters = None
) -> list[Any]:
    """Return the first column of every row of a statement."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(statement, parameters).fetchall()


def scalar(conn: Connection, statement: LiteralString, parameters: _Parameters = None) -> Any:
    """Return the first column of the first row; None where there is no row, or it is null."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(statement, parameters).fetchone()
