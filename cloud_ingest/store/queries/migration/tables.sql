-- SPDX-License-Identifier: MIT
-- Make the schema and the list of applied migrations where they are not there. The list of
-- migrations that were begun and not ended is of a former version, and always empty.
CREATE SCHEMA IF NOT EXISTS metering;
CREATE TABLE IF NOT EXISTS metering.migration (
  name text PRIMARY KEY,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);
DROP TABLE IF EXISTS metering.migration_step
