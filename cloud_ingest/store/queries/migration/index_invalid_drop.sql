-- SPDX-License-Identifier: MIT
-- Drop the indexes that an interrupted CREATE INDEX CONCURRENTLY left: IF NOT EXISTS would take
-- them for done. An index of a partitioned table is invalid on purpose until it is complete.
DO $$
DECLARE half regclass;
BEGIN
  FOR half IN
    SELECT i.indexrelid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relnamespace = 'metering'::regnamespace
  LOOP
    EXECUTE 'DROP INDEX ' || half;
  END LOOP;
END $$
