-- SPDX-License-Identifier: MIT
-- Make the schema and the list of applied migrations where they are not there.
CREATE SCHEMA IF NOT EXISTS metering;
CREATE TABLE IF NOT EXISTS metering.migration (
  name text PRIMARY KEY,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)
