-- SPDX-License-Identifier: MIT
-- The chunks or partitions of the readings; they with their indexes.
SELECT count(*) AS count,
       coalesce(sum(1 + (SELECT count(*) FROM pg_index WHERE indrelid = inhrelid)), 0)::bigint AS relations
FROM pg_inherits
WHERE inhparent = (
  SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = 'metering' AND c.relname = 'reading')
