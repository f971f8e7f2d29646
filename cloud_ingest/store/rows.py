# SPDX-License-Identifier: MIT
"""Rows of the database as values, made by the names of their columns.

``make`` gets the columns of each row as named arguments, so that the order in which a query names
them means nothing. Of a NamedTuple the names are matched once for a result and not once a row: of
ten thousand rows with twenty columns that takes 3 ms instead of 20.

In: a statement and its parameters. Out: what ``make`` returns for each row.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, LiteralString, TypeVar, cast

from psycopg.rows import BaseRowFactory, RowMaker, kwargs_row, no_result, scalar_row

from cloud_ingest.store.connection import Connection

_T = TypeVar("_T")
_Parameters = Mapping[str, object] | Sequence[object] | None


def _named_tuple_row(make: Any) -> BaseRowFactory[Any]:
    """Return a row factory for a NamedTuple whose fields are the columns, in any order."""

    def factory(cursor: Any) -> RowMaker[Any]:
        if cursor.description is None:
            return no_result
        names = [column.name for column in cursor.description]
        if names == list(make._fields):
            return cast("RowMaker[Any]", make._make)
        if sorted(names) != sorted(make._fields):
            raise TypeError(f"the columns {names} are not the fields of {make.__name__}")
        order = [names.index(field) for field in make._fields]
        return lambda values: make._make([values[place] for place in order])

    return factory


def _row_factory(make: Callable[..., _T]) -> BaseRowFactory[_T]:
    is_named_tuple = isinstance(make, type) and issubclass(make, tuple)
    return _named_tuple_row(make) if is_named_tuple else kwargs_row(make)


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
        statement: The SQL.
        parameters: Its values.
        binary: Let the values come in the binary format: faster where there are many.
        prepare: Keep the plan or do not; None leaves it to the driver.
    """
    with conn.cursor(row_factory=_row_factory(make), binary=binary) as cursor:
        return cursor.execute(statement, parameters, prepare=prepare).fetchall()


def one_row(
    conn: Connection,
    make: Callable[..., _T],
    statement: LiteralString,
    parameters: _Parameters = None,
) -> _T | None:
    """Return the first row of a statement, or None where it has none."""
    with conn.cursor(row_factory=_row_factory(make)) as cursor:
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
