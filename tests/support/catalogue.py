# SPDX-License-Identifier: MIT
"""The whole catalogue of a store as text, so that two stores can be compared.

What a server numbers by itself (names of chunks, of materialised hypertables) is left out or
written in the same way everywhere.
"""

import re
from typing import Any

from cloud_ingest.store.connection import Connection

_PARTS = {
    "tables": """
        SELECT c.relname, c.relkind::text, c.relpersistence::text, c.reloptions,
               c.relrowsecurity, pg_get_partkeydef(c.oid)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace

        WHERE n.nspname = 'metering'
          AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition""",
    "columns": """
        SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
               a.attnotnull, a.attidentity::text, a.attgenerated::text, a.attstorage::text,
               a.attcompression::text, a.attstattarget, a.attisdropped,
               pg_get_expr(d.adbin, d.adrelid)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum

        WHERE n.nspname = 'metering'
          AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition""",
    "constraints": """
        SELECT c.relname, o.conname, pg_get_constraintdef(o.oid), o.convalidated
        FROM pg_constraint AS o JOIN pg_class AS c ON c.oid = o.conrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'metering' AND NOT c.relispartition""",
    "indexes": """
        SELECT c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready,
               i.indisclustered, i.indisreplident
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'metering' AND NOT c.relispartition""",
    "views": """
        SELECT c.relname, pg_get_viewdef(c.oid)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'metering' AND c.relkind IN ('v', 'm')""",
    "comments": """
        SELECT c.relname, d.objsubid, d.description
        FROM pg_description AS d JOIN pg_class AS c ON c.oid = d.objoid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE d.classoid = 'pg_class'::regclass AND n.nspname = 'metering'""",
    "sequences": """
        SELECT c.relname, s.seqtypid::regtype::text, s.seqstart, s.seqincrement, s.seqmin,
               s.seqmax, s.seqcache, s.seqcycle
        FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'metering'""",
    "partitions": """
        SELECT p.relname, pg_get_expr(c.relpartbound, c.oid)
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        JOIN pg_class AS p ON p.oid = i.inhparent
        JOIN pg_namespace AS n ON n.oid = p.relnamespace
        WHERE n.nspname = 'metering' AND c.relispartition""",
    "triggers": """
        SELECT c.relname, t.tgname, pg_get_triggerdef(t.oid)
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'metering' AND NOT t.tgisinternal AND NOT c.relispartition""",
    "functions": """
        SELECT p.proname, pg_get_functiondef(p.oid)
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = 'metering'""",
    "types": """
        SELECT t.typname, t.typtype::text, format_type(t.typbasetype, t.typtypmod)
        FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
        WHERE n.nspname = 'metering' AND t.typrelid = 0 AND t.typelem = 0""",
    "rights": """
        SELECT c.relname, c.relacl::text
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'metering' AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition""",
    "migrations": "SELECT name, checksum FROM migration",
}
_TIMESCALE_PARTS = {
    "hypertables": """
        SELECT h.hypertable_name, h.num_dimensions, h.compression_enabled, h.tablespaces,
               d.column_name, d.column_type::text, d.time_interval, d.integer_interval
        FROM timescaledb_information.hypertables AS h
        JOIN timescaledb_information.dimensions AS d USING (hypertable_schema, hypertable_name)""",
    "chunks": """
        SELECT hypertable_name, range_start, range_end, is_compressed
        FROM timescaledb_information.chunks""",
    "aggregates": """
        SELECT view_name, view_definition, materialized_only, compression_enabled
        FROM timescaledb_information.continuous_aggregates""",
    "compression": """
        SELECT hypertable::text, segmentby, orderby, compress_interval_length
        FROM timescaledb_information.hypertable_compression_settings""",
    "jobs": """
        SELECT proc_name, hypertable_name, schedule_interval, scheduled, config::text
        FROM timescaledb_information.jobs WHERE hypertable_name IS NOT NULL""",
    "indexes of aggregates": """
        SELECT tablename, regexp_replace(indexdef, ' ON .*? USING', ' USING')
        FROM pg_indexes WHERE schemaname = '_timescaledb_internal'
          AND tablename LIKE '\\_materialized\\_hypertable\\_%'""",
}


def catalogue(conn: Connection) -> dict[str, list[str]]:
    """Return the lines of each part of the catalogue, sorted."""
    row = conn.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    parts = _PARTS if row is None else {**_PARTS, **_TIMESCALE_PARTS}
    return {
        name: sorted(_line(found) for found in conn.execute(text.encode()))
        for name, text in parts.items()
    }


def differences(one: dict[str, list[str]], other: dict[str, list[str]]) -> list[str]:
    """Return what only one of two catalogues has."""
    return [
        f"{sign} {part}: {line}"
        for part in sorted({*one, *other})
        for sign, lines, others in (
            ("-", one.get(part, []), other.get(part, [])),
            ("+", other.get(part, []), one.get(part, [])),
        )
        for line in lines
        if line not in others
    ]


def _line(row: tuple[Any, ...]) -> str:
    return re.sub(r"_(materialized|compressed)_hypertable_\d+", r"_\1_hypertable", repr(row))
