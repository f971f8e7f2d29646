-- SPDX-License-Identifier: MIT
-- The chunks of readings that ended before a time and are not compressed, or only in part (8).
SELECT format('%%I.%%I', c.chunk_schema, c.chunk_name)
FROM timescaledb_information.chunks AS c
JOIN _timescaledb_catalog.chunk AS k ON (k.schema_name, k.table_name) = (c.chunk_schema, c.chunk_name)
WHERE c.hypertable_schema = 'metering' AND c.hypertable_name = 'reading' AND c.range_end < %s
  AND (NOT c.is_compressed OR k.status & 8 <> 0)
ORDER BY c.range_end
