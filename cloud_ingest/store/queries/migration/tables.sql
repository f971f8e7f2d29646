-- SPDX-License-Identifier: MIT
-- Make the schema and the lists of applied and of begun migrations where they are not there.
CREATE SCHEMA IF NOT EXISTS metering;
CREATE TABLE IF NOT EXISTS metering.migration (
  name text PRIMARY KEY,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS metering.migration_step (
  name text PRIMARY KEY,
  checksum text NOT NULL,
  done int NOT NULL
)
