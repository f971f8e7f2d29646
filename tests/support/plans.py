# SPDX-License-Identifier: MIT
"""Ask the planner how it would answer a query, and hold it to that."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cloud_ingest.store.connection import Connection, literal, query

Node = dict[str, Any]


def nodes(
    conn: Connection, name: str, parameters: Mapping[str, object] | Sequence[object]
) -> list[Node]:
    """Return every node of the plan of a query of the store."""
    row = conn.execute(literal("EXPLAIN (FORMAT JSON) " + query(name)), parameters).fetchone()
    assert row is not None
    return list(_walk(row[0][0]["Plan"]))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)


def parts_of(conn: Connection, table: str) -> set[str]:
    """Return a table's own name and those of its partitions or chunks."""
    rows = conn.execute(
        "WITH RECURSIVE part AS (SELECT %s::regclass::oid AS oid UNION "
        "SELECT inhrelid FROM pg_inherits JOIN part ON inhparent = part.oid) "
        "SELECT relname FROM part JOIN pg_class USING (oid)",
        (table,),
    )
    return {name for (name,) in rows}


def scans(plan: list[Node], tables: set[str]) -> list[Node]:
    """Return the nodes that read one of some tables."""
    return [node for node in plan if node.get("Relation Name") in tables]
