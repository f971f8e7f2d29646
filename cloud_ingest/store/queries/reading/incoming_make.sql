-- SPDX-License-Identifier: MIT
-- Where the readings of a commit arrive; it lives as long as the session.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
  channel_id int NOT NULL,
  ts timestamptz NOT NULL,
  raw bigint NOT NULL,
  status bigint,
  origin smallint NOT NULL
) ON COMMIT DELETE ROWS
