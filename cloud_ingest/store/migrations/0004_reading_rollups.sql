-- SPDX-License-Identifier: MIT
-- edition: portable
-- Rollups as plain tables, recomputed where readings have changed.

CREATE TABLE reading_day (
  channel_id int NOT NULL,
  day date NOT NULL,
  first_raw bigint NOT NULL,
  last_raw bigint NOT NULL,
  min_ts timestamptz NOT NULL,
  max_ts timestamptz NOT NULL,
  count bigint NOT NULL,
  sum_raw numeric NOT NULL,
  min_raw bigint NOT NULL,
  max_raw bigint NOT NULL,
  PRIMARY KEY (channel_id, day)
);

CREATE TABLE reading_month (
  channel_id int NOT NULL,
  month date NOT NULL,
  first_raw bigint NOT NULL,
  last_raw bigint NOT NULL,
  min_ts timestamptz NOT NULL,
  max_ts timestamptz NOT NULL,
  count bigint NOT NULL,
  sum_raw numeric NOT NULL,
  min_raw bigint NOT NULL,
  max_raw bigint NOT NULL,
  PRIMARY KEY (channel_id, month)
);
