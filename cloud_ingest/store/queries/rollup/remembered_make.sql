-- SPDX-License-Identifier: MIT
-- What rollups said before they are made anew, and after; it lives as long as the session.
CREATE TEMPORARY TABLE IF NOT EXISTS remembered_rollup (
  after boolean NOT NULL,
  channel_id int NOT NULL,
  bucket date NOT NULL,
  first_raw bigint,
  last_raw bigint,
  min_ts timestamptz,
  max_ts timestamptz,
  count bigint,
  sum_raw numeric,
  min_raw bigint,
  max_raw bigint
)
