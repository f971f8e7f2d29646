-- SPDX-License-Identifier: MIT
-- Make the schema and the list of applied migrations where they are not there. The list of
-- migrations that were begun and not ended is of a former version, and always empty.
-- `oldest` is added where it is not there: ALTER TABLE alone would wait for every worker.
CREATE SCHEMA IF NOT EXISTS metering;
CREATE TABLE IF NOT EXISTS metering.migration (
  name text PRIMARY KEY,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  oldest int
);
DO $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_attribute
    WHERE attrelid = 'metering.migration'::regclass AND attname = 'oldest'
  ) THEN
    ALTER TABLE metering.migration ADD COLUMN oldest int;
  END IF;
END $$;
COMMENT ON COLUMN metering.migration.oldest IS
  'programs that know the migrations up to this one can serve a store with it; NULL: those that know it';
DROP TABLE IF EXISTS metering.migration_step
